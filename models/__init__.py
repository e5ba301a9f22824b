"""Models that write, play and paint: one folder each, with no idea of the product around them."""
