"""Evenings: a neon grid under a striped sun, a city skyline, and a wet window with somebody's things on the sill."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, fade, mix
from models.sketch.covers.noise import between, curve, pick, some
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


def paint_rain(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A window on a rainy evening: blurred lights outside, drops on the panes, a cat, a plant or a mug on the sill."""
    dark = palette.night
    outside = palette.shade if dark else palette.tint
    paper.fill(outside)
    left, right, top, sill = 0.1, 0.9, 0.08, between(rng, 0.78, 0.83)
    pane = Stencil()
    pane.rectangle(left, top, right, sill)
    with paper.inside(pane):
        _outside(paper, palette, outside, sill, rng)
    frame = mix(palette.ink, palette.shade, 0.12) if dark else palette.paper
    wall = mix(palette.ink, palette.shade, 0.55) if dark else mix(palette.second, palette.paper, 0.12)
    paper.press(pane.outside(), wall)
    bars = Stencil()
    bars.rectangle(left - 0.022, top - 0.022, right + 0.022, sill + 0.01)
    bars.rectangle(left + 0.012, top + 0.012, right - 0.012, sill - 0.012, 0)
    middle = 0.5 if rng.random() < 0.5 else between(rng, 0.36, 0.64)
    bars.rectangle(middle - 0.011, top, middle + 0.011, sill)
    if rng.random() < 0.7:
        cross = between(rng, 0.32, 0.5)
        bars.rectangle(left, cross - 0.011, right, cross + 0.011)
    paper.press(bars, frame)
    board = Stencil()
    board.rectangle(left - 0.06, sill, right + 0.06, sill + 0.05)
    paper.press(board, frame)
    paper.grain(board, fade(90, 0.7, 0.2), palette.ink if dark else palette.tone, rng)
    things = ["cat", "plant", "mug"]
    place = [between(rng, 0.2, 0.36), between(rng, 0.64, 0.8)]
    rng.shuffle(place)
    for thing, x in zip(rng.permutation(things)[: some(rng, 1, 2)], place, strict=False):
        {"cat": _cat, "plant": _plant, "mug": _mug}[str(thing)](paper, palette, x, sill + 0.012, rng)


def _outside(paper: Paper, palette: Palette, outside: Colour, sill: float, rng: np.random.Generator) -> None:
    sky = Stencil()
    sky.rectangle(0, 0, 1, sill)
    paper.grain(sky, fade(90, 0.75, 0.1), palette.tone, rng)
    xs = np.linspace(0, 1, 80)
    for base, colour in ((0.6, mix(outside, palette.tone, 0.5)), (0.7, mix(outside, palette.ink, 0.5))):
        roofs = base - np.repeat(curve(16, 4, rng), 5) * 0.16
        paper.polygon([(0, 1), *zip(xs.tolist(), roofs.tolist(), strict=True), (1, 1)], colour)
    for _ in range(some(rng, 16, 26)):
        light = Stencil()
        light.circle(between(rng, 0.1, 0.9), between(rng, 0.38, sill - 0.04), between(rng, 0.016, 0.06))
        ink = pick(rng, (palette.sun, palette.accent, palette.second, palette.tint))
        # Half the screen is closed for each light, so they shine through one another.
        light.image.paste(light.image.point(lambda open_: open_ * 5 // 9))
        paper.press(light, ink)
    drop_ink, streak = palette.paper, mix(palette.paper, outside, 0.45)
    slant = between(rng, -0.035, 0.035)
    for _ in range(some(rng, 45, 75)):
        x, y, length = between(rng, 0.06, 0.94), between(rng, 0, sill), between(rng, 0.035, 0.11)
        paper.line([(x, y), (x + slant * length * 8, y + length)], 0.0028, streak)
    for _ in range(some(rng, 60, 100)):
        x, y, size = between(rng, 0.1, 0.9), between(rng, 0.08, sill), between(rng, 0.0025, 0.0085)
        paper.ellipse(x, y, size * 0.85, size * 1.15, drop_ink)
        paper.ellipse(x + size * 0.15, y + size * 0.2, size * 0.55, size * 0.75, mix(drop_ink, palette.tone, 0.4))


def _cat(paper: Paper, palette: Palette, x: float, y: float, rng: np.random.Generator) -> None:
    fur = palette.ink
    side = pick(rng, (-1, 1))
    paper.ellipse(x, y - 0.085, 0.062, 0.09, fur)
    paper.ellipse(x, y - 0.035, 0.082, 0.045, fur)
    paper.rectangle(x - 0.082, y - 0.035, x + 0.082, y + 0.002, fur, 0.012)
    paper.circle(x, y - 0.185, 0.052, fur)
    for ear in (-1, 1):
        paper.polygon([(x + ear * 0.05, y - 0.185), (x + ear * 0.044, y - 0.262), (x + ear * 0.004, y - 0.225)], fur)
    tail = [(x + side * (0.07 + 0.055 * math.sin(step / 10 * 2.6)), y - 0.015 + step * 0.009) for step in range(11)]
    paper.line(tail, 0.02, fur, round_ends=True)


def _plant(paper: Paper, palette: Palette, x: float, y: float, rng: np.random.Generator) -> None:
    for leaf in range(7):
        angle = math.radians(-90 + (leaf - 3) * 21 + between(rng, -6, 6))
        length = between(rng, 0.13, 0.21)
        _leaf(paper, x, y - 0.09, angle, length, palette.tone if leaf % 2 else mix(palette.tone, palette.tint, 0.45))
    paper.polygon([(x - 0.058, y - 0.1), (x + 0.058, y - 0.1), (x + 0.042, y), (x - 0.042, y)], palette.second)
    paper.rectangle(x - 0.064, y - 0.108, x + 0.064, y - 0.082, palette.second, 0.004)
    paper.rectangle(x - 0.058, y - 0.082, x + 0.056, y - 0.076, mix(palette.second, palette.ink, 0.4))


def _leaf(paper: Paper, x: float, y: float, angle: float, length: float, ink: Colour) -> None:
    outline: list[Point] = []
    for step in range(21):
        share = step / 10 if step <= 10 else 2 - step / 10
        wide = (1 if step <= 10 else -1) * 0.16 * length * math.sin(math.pi * share**0.8)
        along, across = share * length, wide
        outline.append(
            (
                x + along * math.cos(angle) - across * math.sin(angle),
                y + along * math.sin(angle) + across * math.cos(angle),
            )
        )
    paper.polygon(outline, ink)


def _mug(paper: Paper, palette: Palette, x: float, y: float, rng: np.random.Generator) -> None:
    paper.ring(x + 0.06, y - 0.055, 0.036, 0.012, palette.accent)
    body = Stencil()
    body.rectangle(x - 0.058, y - 0.1, x + 0.058, y, radius=0.012)
    paper.press(body, palette.accent)
    paper.grain(body, fade(0, 0.7, 0.3), mix(palette.accent, palette.ink, 0.5), rng)
    paper.rectangle(x - 0.058, y - 0.06, x + 0.058, y - 0.048, palette.paper)
    for wisp in (-0.025, 0.02):
        steam = [(x + wisp + 0.012 * math.sin(step * 0.75 + wisp * 90), y - 0.125 - step * 0.011) for step in range(11)]
        paper.line(steam, 0.007, palette.paper, round_ends=True)
