"""Drawings that are computed for every point of the sheet: layers of marbled contours, and rings that interfere."""

import math

import numpy as np
from scipy.ndimage import map_coordinates

from models.sketch.covers.canvas import SIZE, Colour, Field, Paper, Stencil, ball, mix
from models.sketch.covers.noise import above, between, enlarge, field, pick, some
from models.sketch.covers.palette import Palette
from models.sketch.covers.sky import paint_stars

COARSE = 512


def _lay(picture: Field, coverage: Field, ink: Colour) -> None:
    """Print `ink` on `picture` as much as `coverage` says; a channel at a time, which needs a third of the memory."""
    for channel, value in enumerate(ink):
        picture[..., channel] += (value - picture[..., channel]) * coverage


def _marbled(rng: np.random.Generator) -> Field:
    """`[SIZE, SIZE]` noise whose coordinates were bent by other noise, twice: cut paper, marble, smoke, nebulae."""
    rows, columns = np.mgrid[0:COARSE, 0:COARSE].astype(np.float32)
    down, across = field(COARSE, 1.4, rng, 2), field(COARSE, 1.4, rng, 2)
    reach = COARSE * between(rng, 0.3, 0.6)
    bent = map_coordinates(
        field(COARSE, 1.6, rng, 2, 0.35),
        [rows + (down - 0.5) * reach, columns + (across - 0.5) * reach],
        order=1,
        mode="reflect",
    )
    return enlarge(bent, SIZE)


def paint_contours(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Sheets of paper cut along contour lines and laid over one another, darkest at the bottom of the well."""
    heights = _marbled(rng)
    count = some(rng, 6, 9)
    levels = np.quantile(heights, np.linspace(0.1, 0.93, count))
    inward = rng.random() < 0.5
    picture = np.empty((SIZE, SIZE, 3), dtype=np.float32)
    shades = [palette.ramp(0.03 + 0.97 * step / count) for step in range(count + 1)]
    if palette.night != inward:
        shades.reverse()
    glint = some(rng, 1, count - 1)
    shades[glint] = palette.accent
    if count > 6:
        shades[(glint + count // 2) % (count + 1)] = palette.second
    picture[:] = shades[0]
    for level, ink in zip(levels, shades[1:], strict=True):
        # Each sheet throws a short shadow down to the right on the one below.
        shadow = np.roll(above(heights, float(level)), (11, 7), axis=(0, 1))
        shadow[:11], shadow[:, :7] = 0, 0
        _lay(picture, shadow * 0.26, palette.ink)
        _lay(picture, above(heights, float(level)), ink)
    paper.spread(picture)
    if palette.night and rng.random() < 0.5:
        paint_stars(paper, palette, 0.98, some(rng, 40, 90), rng)


def paint_rings(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Circles from two or three centres; where they cross, light and dark change places."""
    ys, xs = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j].astype(np.float32)
    bend = (field(SIZE, 1.0, rng, 1) - 0.5) * between(rng, 0.0, 0.06)
    pitch = between(rng, 62, 100)
    turn = between(rng, 0, 2 * math.pi)
    centres = some(rng, 2, 3)
    apart = between(rng, 0.1, 0.3)
    waves = np.ones((SIZE, SIZE), dtype=np.float32)
    for index in range(centres):
        angle = turn + index * 2 * math.pi / centres
        x, y = 0.5 + apart * math.cos(angle), 0.5 + apart * math.sin(angle)
        waves = waves * np.sin((np.hypot(xs - x, ys - y) + bend) * pitch)
    light, dark = (palette.tint, palette.ink) if palette.night else (palette.paper, palette.shade)
    from_middle = np.hypot(xs - 0.5, ys - 0.5)
    picture = np.empty((SIZE, SIZE, 3), dtype=np.float32)
    picture[:] = dark
    for radius, ink in ((1.0, palette.tone), (0.52, palette.accent), (0.36, palette.second), (0.2, light)):
        zone = np.clip((radius - from_middle) * SIZE + 0.5, 0, 1)
        _lay(picture, above(waves, 0.0) * zone, ink)
    paper.spread(picture)
    x, y = pick(rng, ((0.5, 0.5), (0.5 + apart * math.cos(turn), 0.5 + apart * math.sin(turn))))
    disc = Stencil()
    disc.circle(x, y, between(rng, 0.1, 0.2))
    paper.press(disc, palette.accent)
    paper.grain(disc, ball(between(rng, 200, 340), 0.8), mix(palette.accent, palette.ink, 0.6), rng)
