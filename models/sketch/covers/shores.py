"""Wide flat places: the open sea with a boat, and a desert under a sun cut into stripes."""

import math
from itertools import pairwise

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Stencil, fade, mix
from models.sketch.covers.horizons import STEPS, XS, ground_below
from models.sketch.covers.noise import between, curve, pick, some
from models.sketch.covers.palette import Palette
from models.sketch.covers.sky import hang_light, paint_birds, paint_sky, paint_stars


def paint_sea(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Rows of waves, a low sun or moon, and a boat, a sail or a lighthouse."""
    horizon = between(rng, 0.48, 0.6)
    paint_sky(paper, palette, horizon, rng)
    light = between(rng, 0.25, 0.75)
    hang_light(paper, palette, light, horizon - between(rng, -0.02, 0.18), between(rng, 0.13, 0.22), rng)
    paint_birds(
        paper, palette.ink if not palette.night else palette.paper, between(rng, 0.2, 0.8), 0.2, some(rng, 3, 6), rng
    )
    rows = some(rng, 5, 8)
    boat_row, boat = some(rng, 0, 2), pick(rng, ("steamer", "sail", "sail", "none"))
    length, height = between(rng, 0.12, 0.3), between(rng, 0.012, 0.028)
    for row in range(rows):
        depth = row / (rows - 1)
        y = horizon + (1.04 - horizon) * depth**1.15
        if row == boat_row:
            x = light + pick(rng, (-1, 1)) * between(rng, 0.12, 0.26)
            _boat(paper, palette, min(max(x, 0.2), 0.8), y + 0.012, between(rng, 0.2, 0.27), boat)
        phase = between(rng, 0, length)
        crest = y + height * (0.55 + depth) * np.sin((XS + phase) / (length * (0.6 + depth)) * 2 * math.pi)
        colour = (
            palette.ramp(0.5 + 0.48 * depth) if row % 3 != 1 else mix(palette.tone, palette.tint, 0.35 - 0.3 * depth)
        )
        swell = Stencil()
        swell.polygon(ground_below(crest))
        paper.press(swell, colour)
        paper.grain(swell, fade(90, 0.5), mix(colour, palette.ink, 0.6), rng)


def _boat(paper: Paper, palette: Palette, x: float, y: float, size: float, kind: str) -> None:
    if kind == "none":
        return
    hull = palette.second
    paper.polygon(
        [
            (x - size * 0.5, y - size * 0.16),
            (x + size * 0.54, y - size * 0.16),
            (x + size * 0.38, y + size * 0.06),
            (x - size * 0.36, y + size * 0.06),
        ],
        hull,
    )
    if kind == "steamer":
        paper.rectangle(x - size * 0.26, y - size * 0.3, x + size * 0.24, y - size * 0.155, palette.paper, size * 0.02)
        for window in range(4):
            paper.circle(x - size * 0.17 + window * size * 0.11, y - size * 0.23, size * 0.026, palette.ink)
        paper.rectangle(x - size * 0.02, y - size * 0.5, x + size * 0.12, y - size * 0.295, palette.ink)
        paper.rectangle(x - size * 0.02, y - size * 0.45, x + size * 0.12, y - size * 0.39, palette.paper)
        return
    paper.rectangle(x - size * 0.012, y - size * 1.05, x + size * 0.012, y - size * 0.15, palette.ink)
    paper.polygon(
        [(x + size * 0.03, y - size), (x + size * 0.03, y - size * 0.22), (x + size * 0.46, y - size * 0.22)],
        palette.paper,
    )
    paper.polygon(
        [(x - size * 0.03, y - size * 0.86), (x - size * 0.03, y - size * 0.22), (x - size * 0.34, y - size * 0.22)],
        palette.tint,
    )


def paint_desert(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A great sun cut into stripes as it sinks behind dunes, with cacti or a mesa."""
    ground = pick(rng, (palette.shade, palette.ink) if palette.night else (palette.paper, palette.tint))
    paper.fill(ground)
    x, y, radius = between(rng, 0.28, 0.72), between(rng, 0.44, 0.54), between(rng, 0.29, 0.36)
    disc = Stencil()
    disc.circle(x, y, radius)
    paper.press(disc, palette.sun)
    paper.grain(disc, fade(90, 0.85, 0.15), palette.sunset, rng)
    top, gap = y - radius * between(rng, 0.05, 0.3), 0.006
    while top < y + radius:
        paper.rectangle(0, top, 1, top + gap, ground)
        top, gap = top + 0.05 + gap * 0.6, gap * 1.32
    if palette.night:
        paint_stars(paper, palette, 0.5, some(rng, 30, 60), rng)
    else:
        paint_birds(paper, palette.ink, 1 - x, 0.16, some(rng, 2, 5), rng)
    if rng.random() < 0.5:
        _mesa(paper, palette, between(rng, 0.1, 0.9), 0.78, rng)
    colours = (mix(palette.tone, palette.tint, 0.2), palette.tone, palette.shade if not palette.night else palette.ink)
    for colour, base in zip(colours, (0.76, 0.84, 0.93), strict=True):
        heights = base - curve(STEPS, between(rng, 0.9, 1.8), rng, 1) * between(rng, 0.07, 0.14) + 0.03
        dune = Stencil()
        dune.polygon(ground_below(heights))
        paper.press(dune, colour)
        paper.grain(dune, fade(between(rng, 40, 140), 0.6, 0.2), mix(colour, palette.ink, 0.6), rng)
        if colour != colours[-1] and rng.random() < 0.8:
            at = some(rng, 15, STEPS - 16)
            _cactus(
                paper,
                palette.ink,
                float(XS[at]),
                float(heights[at]) + 0.02,
                between(rng, 0.16, 0.3),
                pick(rng, (-1, 1)),
            )


def _cactus(paper: Paper, ink: Colour, x: float, y: float, height: float, side: int) -> None:
    thick = height * 0.15
    paper.line([(x, y), (x, y - height)], thick, ink, round_ends=True)
    for arm, low, high, reach in ((side, 0.42, 0.78, 0.24), (-side, 0.3, 0.58, 0.22)):
        elbow = x + arm * height * reach
        points = [(x, y - height * low), (elbow, y - height * low), (elbow, y - height * high)]
        for start, end in pairwise(points):
            paper.line([start, end], thick * 0.8, ink, round_ends=True)


def _mesa(paper: Paper, palette: Palette, x: float, foot: float, rng: np.random.Generator) -> None:
    height = between(rng, 0.14, 0.24)
    top = foot - height
    rock = Stencil()
    rock.polygon(
        [
            (x - 0.2, foot),
            (x - 0.13, top + 0.05),
            (x - 0.12, top),
            (x + 0.1, top),
            (x + 0.11, top + 0.06),
            (x + 0.2, foot),
        ]
    )
    paper.press(rock, palette.shade if not palette.night else palette.tone)
    paper.grain(rock, fade(0, 0.8, 0.2), palette.ink, rng)
