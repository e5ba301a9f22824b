"""The kinds of sleeve by name, each drawn by one function on a sheet of paper."""

from collections.abc import Callable

import numpy as np

from models.sketch.covers import horizons
from models.sketch.covers.canvas import Paper
from models.sketch.covers.palette import Palette

Drawing = Callable[[Paper, Palette, np.random.Generator], None]

DRAWINGS: dict[str, Drawing] = {
    "desert": horizons.paint_desert,
    "hills": horizons.paint_hills,
    "peaks": horizons.paint_peaks,
    "sea": horizons.paint_sea,
}


def choose_drawing(weights: dict[str, float], rng: np.random.Generator) -> str:
    """The name of a drawing, the likelier the more `weights` speaks for it; any of them when nothing does."""
    names = [name for name in DRAWINGS if weights.get(name, 0.0) > 0] or list(DRAWINGS)
    # Squared, so that what a sheet clearly asks for is nearly always what it gets.
    chances = np.array([weights.get(name, 1.0) ** 2 for name in names])
    return names[int(rng.choice(len(names), p=chances / chances.sum()))]
