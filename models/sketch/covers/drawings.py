"""The kinds of sleeve by name, each drawn by one function on a sheet of paper."""

from collections.abc import Callable

import numpy as np

from models.sketch.covers import (
    fields,
    fragments,
    geometry,
    heavens,
    horizons,
    lines,
    nights,
    pixels,
    plants,
    records,
    shores,
    stage,
    textiles,
    tiles,
    windows,
)
from models.sketch.covers.canvas import Paper
from models.sketch.covers.palette import Palette

Drawing = Callable[[Paper, Palette, np.random.Generator], None]

DRAWINGS: dict[str, Drawing] = {
    "arches": geometry.paint_arches,
    "burst": stage.paint_burst,
    "contours": fields.paint_contours,
    "desert": shores.paint_desert,
    "discs": geometry.paint_discs,
    "flow": lines.paint_flow,
    "grid": nights.paint_grid,
    "hills": horizons.paint_hills,
    "leaves": plants.paint_leaves,
    "mirrorball": stage.paint_mirrorball,
    "orbits": heavens.paint_orbits,
    "peaks": horizons.paint_peaks,
    "pixels": pixels.paint_pixels,
    "rain": windows.paint_rain,
    "record": records.paint_record,
    "ridges": lines.paint_ridges,
    "rings": fields.paint_rings,
    "sea": shores.paint_sea,
    "shards": fragments.paint_shards,
    "skyline": nights.paint_skyline,
    "slices": fragments.paint_slices,
    "textile": textiles.paint_textile,
    "tiles": tiles.paint_tiles,
}


def choose_drawing(weights: dict[str, float], rng: np.random.Generator) -> str:
    """The name of a drawing, the likelier the more `weights` speaks for it; any of them when nothing does."""
    names = [name for name in DRAWINGS if weights.get(name, 0.0) > 0] or list(DRAWINGS)
    # Squared, so that what a sheet clearly asks for is nearly always what it gets.
    chances = np.array([weights.get(name, 1.0) ** 2 for name in names])
    return names[int(rng.choice(len(names), p=chances / chances.sum()))]
