"""Evenings outdoors: a neon grid under a striped sun, and a city skyline with lit windows."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, fade, mix
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette
from models.sketch.covers.sky import paint_clouds, paint_moon, paint_sky, paint_stars, paint_sun


def paint_grid(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A striped sun over mountains and a floor of lines that runs to the horizon."""
    horizon = between(rng, 0.58, 0.68)
    paper.fill(palette.ink)
    for top, colour in ((0.0, palette.ink), (0.3, mix(palette.ink, palette.shade, 0.6)), (0.45, palette.shade)):
        band = Stencil()
        band.rectangle(0, top * horizon / 0.6, 1, horizon)
        paper.press(band, colour)
    dusk = Stencil()
    dusk.rectangle(0, horizon * 0.3, 1, horizon)
    paper.grain(dusk, fade(90, 0.8, 0.1), palette.tone, rng)
    paint_stars(paper, palette, horizon * 0.7, some(rng, 50, 110), rng)
    x, radius = between(rng, 0.36, 0.64), between(rng, 0.2, 0.27)
    y = horizon - radius * between(rng, 0.45, 0.95)
    disc = Stencil()
    disc.circle(x, y, radius)
    slit, gap = y - radius * 0.1, 0.007
    while slit < y + radius:
        disc.rectangle(0, slit, 1, slit + gap, 0)
        slit, gap = slit + 0.036 + gap * 0.4, gap * 1.28
    paper.press(disc, palette.sun)
    paper.grain(disc, fade(90, 0.95, 0.05), palette.accent if palette.accent != palette.sun else palette.sunset, rng)
    _ridge(paper, palette, horizon, rng)
    paper.rectangle(0, horizon, 1, 1, mix(palette.ink, palette.shade, 0.25))
    floor = Stencil()
    floor.rectangle(0, horizon, 1, 1)
    paper.grain(floor, fade(270, 0.7, 0.3), palette.shade, rng)
    lines = palette.accent if rng.random() < 0.6 else palette.tint
    columns = some(rng, 16, 26)
    for column in range(-3 * columns, 3 * columns + 1):
        near = column / columns * 1.7
        paper.line([(x + near * 0.22, horizon), (x + near * 1.9, 1.02)], 0.0032, lines)
    for row in range(1, 14):
        y = horizon + (1 - horizon) * (row / 13) ** 2.1
        paper.line([(0, y), (1, y)], 0.0018 + 0.0026 * row / 13, lines)
    paper.line([(0, horizon), (1, horizon)], 0.005, palette.tint)
    if rng.random() < 0.6:
        for side in (-1, 1):
            if rng.random() < 0.75:
                _palm(paper, palette.ink, 0.5 + side * between(rng, 0.34, 0.46), between(rng, 0.5, 0.66), -side, rng)


def _ridge(paper: Paper, palette: Palette, horizon: float, rng: np.random.Generator) -> None:
    """Two ranges of faceted mountains along the horizon, lower in the middle so that the sun stays free."""
    for colour, height in ((mix(palette.shade, palette.tone, 0.45), 0.15), (mix(palette.ink, palette.shade, 0.7), 0.1)):
        count = 15
        xs = np.linspace(-0.05, 1.05, count) + rng.uniform(-0.02, 0.02, count)
        tall = rng.uniform(0.35, 1, count) * (0.25 + 1.5 * np.abs(xs - 0.5)) * height * 1.35
        tall[::2] *= 0.35
        points = [(float(x), horizon - float(h)) for x, h in zip(xs, tall, strict=True)]
        paper.polygon([(-0.05, horizon), *points, (1.05, horizon)], colour)
        for (left, top), (right, foot) in zip(points[1::2], points[2::2], strict=False):
            paper.polygon(
                [(left, top), (right, foot), (right - 0.01, horizon), (left + 0.01, horizon)],
                mix(colour, palette.ink, 0.45),
            )


def _palm(paper: Paper, ink: Colour, x: float, height: float, lean: int, rng: np.random.Generator) -> None:
    top_x, top_y = x + lean * height * 0.14, 1.02 - height
    trunk: list[Point] = []
    for step in range(13):
        share = step / 12
        trunk.append((x + (top_x - x) * share**1.7, 1.02 + (top_y - 1.02) * share))
    paper.ribbon(trunk, 0.014, ink)
    for frond in range(9):
        angle = math.radians(-200 + frond * 27.5 + between(rng, -7, 7))
        length = height * between(rng, 0.24, 0.32)
        ribs: list[Point] = []
        for step in range(9):
            share = step / 8
            ribs.append(
                (
                    top_x + math.cos(angle) * length * share,
                    top_y + math.sin(angle) * length * share + length * 0.62 * share**2,
                )
            )
        for step, (rib_x, rib_y) in enumerate(ribs):
            wide = 0.03 * math.sin(min(1.0, step / 8 + 0.12) * math.pi) * height / 0.6
            paper.line([(rib_x, rib_y), (rib_x - wide * 0.5, rib_y + wide * 1.5)], 0.006, ink)
            paper.line([(rib_x, rib_y), (rib_x + wide * 0.5, rib_y + wide * 1.5)], 0.006, ink)
        paper.line(ribs, 0.008, ink)


def paint_skyline(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Rows of buildings with lit windows in front of a large moon or sun."""
    paint_sky(paper, palette, 0.8, rng)
    x, y, radius = between(rng, 0.25, 0.75), between(rng, 0.25, 0.42), between(rng, 0.15, 0.25)
    if palette.night:
        paint_stars(paper, palette, 0.5, some(rng, 25, 60), rng)
        paint_moon(paper, palette, x, y, radius, rng)
    else:
        paint_sun(paper, palette, x, y, radius, rng)
        paint_clouds(paper, palette.paper, 0.4, some(rng, 1, 3), rng)
    rows = (
        mix(palette.tone, palette.tint, 0.25),
        mix(palette.tone, palette.shade, 0.6),
        palette.ink if palette.night else palette.shade,
    )
    for depth, colour in enumerate(rows):
        left, street = -0.03, 1.0
        while left < 1.0:
            width = between(rng, 0.085, 0.17) * (0.85 + 0.2 * depth)
            # Higher towards the edges, so that the moon has a valley to hang in.
            away = abs(left + width / 2 - x)
            height = (0.62 - 0.16 * depth) * (0.5 + 0.55 * min(away * 1.5, 1.0)) * between(rng, 0.72, 1.12)
            _building(paper, palette, left, street - height, width, colour, depth, rng)
            left += width + pick(rng, (0.0, 0.0, 0.008))
    fog = Stencil()
    fog.rectangle(0, 0.72, 1, 1)
    paper.grain(fog, fade(90, 0.5, 0.2), palette.ink, rng)


def _building(
    paper: Paper,
    palette: Palette,
    left: float,
    top: float,
    width: float,
    colour: Colour,
    depth: int,
    rng: np.random.Generator,
) -> None:
    right = left + width
    roof = pick(rng, ("flat", "flat", "step", "gable", "tank", "mast", "dome"))
    if roof == "step":
        paper.rectangle(left + width * 0.22, top - 0.035, right - width * 0.22, top + 0.01, colour)
    elif roof == "gable":
        paper.polygon([(left, top + 0.001), (left + width / 2, top - 0.05), (right, top + 0.001)], colour)
    elif roof == "tank" and depth > 0:
        middle = left + width * between(rng, 0.35, 0.65)
        paper.rectangle(middle - 0.018, top - 0.05, middle + 0.018, top - 0.015, colour, 0.004)
        paper.polygon([(middle - 0.021, top - 0.049), (middle, top - 0.066), (middle + 0.021, top - 0.049)], colour)
        for leg in (-0.014, 0.011):
            paper.rectangle(middle + leg, top - 0.02, middle + leg + 0.004, top + 0.004, colour)
    elif roof == "mast":
        paper.rectangle(left + width * 0.5, top - 0.09, left + width * 0.5 + 0.005, top + 0.004, colour)
    elif roof == "dome":
        paper.sector(left + width / 2, top + 0.001, width * 0.4, 180, 360, colour)
    house = Stencil()
    house.rectangle(left, top, right, 1.0)
    paper.press(house, colour)
    paper.grain(house, fade(0, 0.5, 0.35), mix(colour, palette.ink, 0.6), rng)
    pitch = 0.026 + 0.005 * depth
    columns, floors = int((width - 0.02) / pitch), int((1 - top - 0.03) / (pitch * 1.3))
    margin = (width - columns * pitch) / 2
    dark = mix(colour, palette.ink, 0.45) if depth < 2 or not palette.night else mix(palette.ink, palette.shade, 0.55)
    for floor in range(floors):
        for column in range(columns):
            window = palette.sun if rng.random() < 0.3 else palette.paper if rng.random() < 0.08 else dark
            at_x, at_y = left + margin + (column + 0.22) * pitch, top + 0.022 + floor * pitch * 1.3
            paper.rectangle(at_x, at_y, at_x + pitch * 0.56, at_y + pitch * 0.78, window)
