"""Hilly places seen from afar: fields with trees and houses, and mountains over a still lake."""

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, fade, mix
from models.sketch.covers.noise import between, curve, pick, some
from models.sketch.covers.palette import Palette
from models.sketch.covers.sky import hang_light, paint_clouds, paint_sky

STEPS = 161
XS = np.linspace(-0.02, 1.02, STEPS)


def ground_below(heights: np.ndarray) -> list[Point]:
    """The outline of everything below a skyline, `heights` being its y along XS."""
    return [*zip(XS.tolist(), heights.tolist(), strict=True), (1.02, 1.02), (-0.02, 1.02)]


def _tree(paper: Paper, x: float, y: float, height: float, kind: str, leaf: Colour, trunk: Colour) -> None:
    if kind == "fir":
        for layer in range(3):
            wide, foot = height * (0.3 - 0.07 * layer), y - height * (0.1 + 0.24 * layer)
            paper.polygon([(x - wide, foot), (x + wide, foot), (x, foot - height * 0.42)], leaf)
        paper.rectangle(x - height * 0.03, y - height * 0.12, x + height * 0.03, y + 0.004, trunk)
    elif kind == "poplar":
        paper.ellipse(x, y - height * 0.55, height * 0.13, height * 0.5, leaf)
        paper.rectangle(x - height * 0.025, y - height * 0.15, x + height * 0.025, y + 0.004, trunk)
    else:
        paper.rectangle(x - height * 0.035, y - height * 0.5, x + height * 0.035, y + 0.004, trunk)
        paper.circle(x, y - height * 0.68, height * 0.31, leaf)


def _house(paper: Paper, palette: Palette, x: float, y: float, size: float) -> None:
    paper.rectangle(x - size * 0.5, y - size * 0.6, x + size * 0.5, y + size * 0.3, palette.paper)
    paper.polygon(
        [(x - size * 0.62, y - size * 0.58), (x, y - size * 1.1), (x + size * 0.62, y - size * 0.58)], palette.second
    )
    paper.rectangle(x - size * 0.14, y - size * 0.38, x + size * 0.14, y - size * 0.02, palette.ink)


def paint_hills(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Layered hills with fields, trees and perhaps a house."""
    paint_sky(paper, palette, 0.55, rng)
    light = between(rng, 0.22, 0.78)
    hang_light(paper, palette, light, between(rng, 0.2, 0.42), between(rng, 0.1, 0.19), rng)
    if not palette.night:
        paint_clouds(paper, palette.paper, 0.3, some(rng, 1, 3), rng)
    count, kind = some(rng, 4, 6), pick(rng, ("fir", "poplar", "round"))
    nearest = 0.93
    for index in range(count):
        depth = index / (count - 1)
        base = 0.5 + 0.4 * depth
        tilt = between(rng, -0.09, 0.09) * (1 - 0.4 * depth)
        swell = curve(STEPS, 1.6, rng, 2, 0.3) * (0.17 - 0.06 * depth)
        heights = base - swell + tilt * (XS - 0.5)
        # The far hills lean to the sky's colours and the near ones to the ink, which is what gives the picture its depth.
        near = 0.42 + (nearest - 0.42) * depth if not palette.night else 0.5 + 0.47 * depth
        colour = palette.second if index == 1 and rng.random() < 0.4 else palette.ramp(near)
        hill = Stencil()
        hill.polygon(ground_below(heights))
        paper.press(hill, colour)
        paper.grain(hill, fade(90, 0.55, 0.1), mix(colour, palette.ink, 0.55), rng)
        if index in (1, 2) and rng.random() < 0.7:
            _plough(paper, hill, heights, mix(colour, palette.tint, 0.35), rng)
        if 0 < index < count - 1:
            for _ in range(some(rng, 3, 9)):
                at = some(rng, 6, STEPS - 7)
                height = between(rng, 0.06, 0.1) * (0.5 + 0.9 * depth)
                leaf = palette.ramp(min(1.0, near + 0.16))
                _tree(paper, float(XS[at]), float(heights[at]) + 0.004, height, kind, leaf, palette.ink)
        if index == count - 2 and rng.random() < 0.5:
            at = some(rng, 30, STEPS - 31)
            _house(paper, palette, float(XS[at]), float(heights[at]), 0.075)


def _plough(paper: Paper, hill: Stencil, heights: np.ndarray, ink: Colour, rng: np.random.Generator) -> None:
    """Furrows that run down a hill from one point on its back."""
    at = some(rng, 20, STEPS - 21)
    x, y = float(XS[at]), float(heights[at]) - 0.02
    with paper.inside(hill):
        for furrow in range(-11, 12):
            paper.line([(x + furrow * 0.012, y), (x + furrow * 0.085, y + 0.6)], 0.0035, ink)


def paint_peaks(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Sharp mountains with a light and a dark side, and what a still lake makes of them."""
    shore = between(rng, 0.62, 0.72)
    sky = paint_sky(paper, palette, shore, rng)
    light = between(rng, 0.2, 0.8)
    hang_light(paper, palette, light, between(rng, 0.17, 0.3), between(rng, 0.08, 0.13), rng)
    paint_clouds(paper, mix(sky, palette.paper, 0.25 if palette.night else 0.8), 0.34, some(rng, 0, 2), rng)
    far, near = (palette.tone, palette.shade) if not palette.night else (palette.tone, palette.ink)
    for colour, count, low, high in (
        (mix(far, palette.tint, 0.45), 5, 0.14, 0.26),
        (far, 4, 0.16, 0.34),
        (near, 3, 0.1, 0.3),
    ):
        for slot in rng.permutation(count):
            x = (slot + between(rng, 0.1, 0.9)) / count
            _mountain(paper, palette, x, shore, between(rng, low, high), colour, rng)
    water = palette.shade if not palette.night else mix(palette.ink, palette.shade, 0.5)
    lake = Stencil()
    lake.rectangle(0, shore, 1, 1)
    paper.press(lake, water)
    paper.grain(lake, fade(90, 0.7, 0.1), palette.ink, rng)
    for _ in range(some(rng, 34, 52)):
        y = shore + (1 - shore) * rng.random() ** 1.4 * 0.96 + 0.012
        spread = 0.05 + 0.5 * (y - shore)
        x = light + between(rng, -spread, spread)
        half = between(rng, 0.015, 0.07) * (0.5 + 2.2 * (y - shore))
        paper.rectangle(
            x - half, y, x + half, y + 0.0065, pick(rng, (palette.tint, palette.paper, palette.accent)), 0.003
        )
    if rng.random() < 0.75:
        for _ in range(some(rng, 9, 20)):
            x = between(rng, -0.02, 0.3) if rng.random() < 0.5 else between(rng, 0.72, 1.02)
            _tree(paper, x, 1.01, between(rng, 0.14, 0.34), "fir", palette.ink, palette.ink)


def _mountain(
    paper: Paper, palette: Palette, x: float, foot: float, height: float, colour: Colour, rng: np.random.Generator
) -> None:
    half, top = height * between(rng, 0.85, 1.15), foot - height
    paper.polygon([(x - half, foot), (x, top), (x + half * 1.05, foot)], colour)
    # The shadow's edge zigzags down from the top, as a ridge does.
    ridge = [
        (x, top),
        (x + half * 0.12, foot - height * 0.62),
        (x - half * 0.08, foot - height * 0.36),
        (x + half * 0.2, foot),
    ]
    paper.polygon([*ridge, (x + half * 1.05, foot)], mix(colour, palette.ink, 0.38))
    snow = 0.3
    left, right = x - half * snow, x + half * 1.05 * snow
    line = top + height * snow
    teeth = [(right - (right - left) * step / 6, line - (step % 2) * height * 0.09) for step in range(7)]
    paper.polygon([(x, top), *teeth], palette.paper if not palette.night else palette.tint)
