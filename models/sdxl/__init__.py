"""SDXL, distilled to a few steps, as the illustrator."""
