"""The sketch engine: composes, sings, renders and paints a whole song on the CPU, without weights."""
