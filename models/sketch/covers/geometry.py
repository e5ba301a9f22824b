"""Drawings of circles: arches within arches, and coloured discs that overlap, crowd or split."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Stencil, ball, fade, mix
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette


def paint_arches(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Rainbow arches: one great gate, a street of them, or scales all over the sheet."""
    ground = palette.shade if palette.night else palette.paper
    paper.fill(ground)
    bands = [
        palette.accent,
        palette.paper if palette.night else palette.shade,
        palette.second,
        palette.tint,
        palette.tone,
    ]
    layout = pick(rng, ("gate", "street", "scales"))
    if layout == "gate":
        x, radius = 0.5 + between(rng, -0.08, 0.08), between(rng, 0.43, 0.52)
        top = between(rng, 0.56, 0.66)
        rays = Stencil()
        for ray in range(24):
            rays.sector(x, top, 1.4, ray * 15, ray * 15 + 7.5)
        paper.press(rays, mix(ground, palette.tone, 0.28))
        _arch(paper, x, top, radius, 1.02, _shuffled(bands, rng), ground, rng)
        if rng.random() < 0.6:
            paper.circle(x, top - 0.02, radius * 0.16, palette.sun)
        _steps(paper, palette, x, radius, rng)
        return
    if layout == "street":
        count = some(rng, 2, 4)
        for row in range(count):
            for column in range(count):
                x, y, size = (column + 0.5) / count, row / count, 1 / count
                cell = Stencil()
                cell.rectangle(column / count, y, (column + 1) / count, y + size)
                back = pick(rng, (ground, palette.tint, palette.tone, palette.second, palette.ink))
                paper.press(cell, back)
                with paper.inside(cell):
                    inks = [ink for ink in _shuffled(bands, rng) if ink != back]
                    _arch(paper, x, y + size * 0.56, size * 0.42, y + size, inks, back, rng)
        return
    count = some(rng, 2, 5)
    radius = 0.5 / count
    bands = _shuffled(bands, rng)
    for row in range(-1, 2 * count + 3):
        for column in range(-1, count + 1):
            x = (column + 0.5 + 0.5 * (row % 2)) / count
            inks = _shuffled(bands, rng) if rng.random() < 0.3 else bands
            for ring in range(5):
                paper.circle(x, row * radius, radius * (1 - ring * 0.2), inks[ring])
            paper.ring(x, row * radius, radius, 0.004, palette.ink)
    shade = Stencil()
    shade.rectangle(0, 0, 1, 1)
    paper.grain(shade, fade(between(rng, 60, 120), 0.3, 0.45), palette.ink, rng)


def _arch(
    paper: Paper,
    x: float,
    y: float,
    radius: float,
    foot: float,
    inks: list[Colour],
    hollow: Colour,
    rng: np.random.Generator,
) -> None:
    for ring, ink in enumerate([*inks, hollow]):
        size = radius * (1 - ring / (len(inks) + 1.2))
        paper.circle(x, y, size, ink)
        paper.rectangle(x - size, y, x + size, foot, ink)
    whole = Stencil()
    whole.circle(x, y, radius)
    whole.rectangle(x - radius, y, x + radius, foot)
    paper.grain(whole, fade(20, 0.45, 0.4), mix(inks[0], (0, 0, 0), 0.6), rng)


def _steps(paper: Paper, palette: Palette, x: float, radius: float, rng: np.random.Generator) -> None:
    """Stairs that lead up into the gate."""
    count = some(rng, 3, 5)
    for step in range(count):
        top = 1.0 - (count - step) * 0.036
        half = radius * (0.28 + 0.17 * step)
        paper.rectangle(x - half, top, x + half, 1.01, mix(palette.ink, palette.tone, 0.85 - 0.7 * step / count))


def _shuffled(inks: list[Colour], rng: np.random.Generator) -> list[Colour]:
    return [inks[int(index)] for index in rng.permutation(len(inks))]


def paint_discs(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Coloured discs: transparent and overlapping, packed as spheres, or cut in halves and shifted."""
    layout = pick(rng, ("overlap", "spheres", "halves"))
    if layout == "overlap":
        _overlapping(paper, palette, rng)
    elif layout == "spheres":
        _spheres(paper, palette, rng)
    else:
        _halves(paper, palette, rng)


def _overlapping(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    # Transparent inks only mix on light paper, so the ground stays light even for the night.
    paper.fill(palette.paper)
    turn, count = between(rng, 0, 2 * math.pi), some(rng, 3, 5)
    inks = [
        palette.accent,
        palette.second,
        mix(palette.tone, palette.tint, 0.35),
        palette.tint,
        mix(palette.accent, palette.paper, 0.4),
    ]
    radius, apart = between(rng, 0.25, 0.31), between(rng, 0.15, 0.2)
    for index in range(count):
        angle = turn + index * 2 * math.pi / count
        disc = Stencil()
        size = radius * between(rng, 0.8, 1.15)
        disc.circle(0.5 + apart * math.cos(angle), 0.5 + apart * math.sin(angle), size)
        if rng.random() < 0.35:
            for stripe in range(60):
                disc.rectangle(0, stripe / 60, 1, stripe / 60 + 0.006, 0)
        paper.overprint(disc, inks[index])
        paper.grain(disc, fade(between(rng, 0, 360), 0.5, 0.2), mix(inks[index], palette.ink, 0.35), rng)
    for offset in range(some(rng, 0, 4)):
        y = 0.9 + offset * 0.02
        paper.rectangle(0.08, y, 0.92, y + 0.006, palette.ink)
    paper.circle(0.5, 0.5, between(rng, 0.03, 0.06), palette.ink)


def _spheres(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    ground = palette.shade if palette.night else palette.tint
    paper.fill(ground)
    sheet = Stencil()
    sheet.rectangle(0, 0, 1, 1)
    paper.grain(sheet, fade(between(rng, 45, 135), 0.7), palette.ink if palette.night else palette.tone, rng)
    inks = [
        palette.accent,
        palette.second,
        palette.tone,
        palette.paper,
        palette.tint if palette.night else palette.shade,
    ]
    light = between(rng, 210, 330)
    placed: list[tuple[float, float, float]] = []
    sizes = (
        [between(rng, 0.21, 0.28)]
        + [between(rng, 0.09, 0.16) for _ in range(5)]
        + [between(rng, 0.025, 0.07) for _ in range(16)]
    )
    for size in sizes:
        for _ in range(40):
            x, y = between(rng, 0.02, 0.98), between(rng, 0.02, 0.98)
            if size > 0.2:
                x, y = between(rng, 0.36, 0.64), between(rng, 0.36, 0.64)
            if all(math.hypot(x - other_x, y - other_y) > size + other + 0.012 for other_x, other_y, other in placed):
                placed.append((x, y, size))
                break
    for index, (x, y, size) in enumerate(placed):
        ink = palette.accent if index == 0 else pick(rng, inks)
        sphere = Stencil()
        sphere.circle(x, y, size)
        paper.press(sphere, ink)
        if rng.random() < 0.3 and size > 0.06:
            with paper.inside(sphere):
                for stripe in range(5):
                    paper.rectangle(
                        x - size,
                        y - size + stripe * size * 0.42,
                        x + size,
                        y - size + (stripe + 0.45) * size * 0.42,
                        mix(ink, palette.paper, 0.45),
                    )
        paper.grain(sphere, ball(light, 0.9), mix(ink, palette.ink, 0.65), rng)


def _halves(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    ground = palette.ink if palette.night else palette.paper
    paper.fill(ground)
    count = some(rng, 2, 4)
    size = 0.86 / count
    inks = [
        palette.accent,
        palette.second,
        palette.tone,
        palette.tint,
        palette.paper if palette.night else palette.shade,
    ]
    upright = rng.random() < 0.5
    for row in range(count):
        for column in range(count):
            x, y = 0.07 + (column + 0.5) * size, 0.07 + (row + 0.5) * size
            first, second = (inks[int(index)] for index in rng.choice(len(inks), size=2, replace=False))
            shift = pick(rng, (-0.5, -0.25, 0.0, 0.25, 0.5)) * size * 0.5
            for side, ink in ((0, first), (1, second)):
                half, move = Stencil(), shift if side else -shift
                start = (90 if upright else 0) + 180 * side
                at_x, at_y = (x, y + move / 2) if upright else (x + move / 2, y)
                half.sector(at_x, at_y, size * 0.43, start, start + 180)
                paper.press(half, ink)
                paper.grain(half, fade(start + 90, 0.55, 0.1), mix(ink, palette.ink, 0.55), rng)
