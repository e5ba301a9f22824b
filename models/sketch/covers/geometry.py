"""Ruler and compass: cut-paper tiles, arches within arches, and coloured discs that overlap."""

import math
from collections.abc import Callable

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Stencil, ball, fade, mix
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette

Tile = Callable[[Paper, float, float, float, Colour, Colour, int], None]


def _quarter(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """A quarter disc from one corner, with a smaller one within."""
    corner_x, corner_y = x + size * (turn in (1, 2)), y + size * (turn in (2, 3))
    for radius, ink in ((size, front), (size * 0.52, back)):
        paper.sector(corner_x, corner_y, radius, turn * 90, turn * 90 + 90, ink)


def _rainbow(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """Quarter rings around one corner."""
    corner_x, corner_y = x + size * (turn in (1, 2)), y + size * (turn in (2, 3))
    for ring in range(5):
        paper.sector(
            corner_x, corner_y, size * (1 - ring * 0.2), turn * 90, turn * 90 + 90, back if ring % 2 else front
        )


def _half(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """Two half discs, one above the other."""
    for half in range(2):
        if turn % 2:
            paper.sector(x + size / 2, y + size / 2 * (half + 1), size / 2, 180, 360, front)
        else:
            paper.sector(x + size / 2 * (half + 1), y + size / 2, size / 2, 90, 270, front)


def _leaf(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """What two quarter discs from opposite corners have in common."""
    first, second = Stencil(), Stencil()
    one, two = ((x, y), (x + size, y + size)) if turn % 2 else ((x + size, y), (x, y + size))
    first.circle(*one, size)
    second.rectangle(x, y, x + size, y + size)
    second.image.paste(0, mask=first.outside().image)
    other = Stencil()
    other.circle(*two, size)
    second.image.paste(0, mask=other.outside().image)
    paper.press(second, front)


def _disc(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """A disc with a bite or a heart of the other colour."""
    middle_x, middle_y = x + size / 2, y + size / 2
    paper.circle(middle_x, middle_y, size * 0.42, front)
    if turn % 2:
        paper.circle(middle_x, middle_y, size * 0.18, back)
    else:
        paper.sector(middle_x, middle_y, size * 0.43, turn * 90, turn * 90 + 180, back)


def _bars(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """Stripes, upright or lying."""
    for bar in range(4):
        start = bar * size / 4
        if turn % 2:
            paper.rectangle(x + start, y, x + start + size / 8, y + size, front)
        else:
            paper.rectangle(x, y + start, x + size, y + start + size / 8, front)


def _dots(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """A grid of dots."""
    count = 3 + turn % 2
    for column in range(count):
        for row in range(count):
            paper.circle(x + size * (column + 0.5) / count, y + size * (row + 0.5) / count, size * 0.3 / count, front)


def _wedge(paper: Paper, x: float, y: float, size: float, front: Colour, back: Colour, turn: int) -> None:
    """Half the square, cut along the diagonal."""
    corners = [(x, y), (x + size, y), (x + size, y + size), (x, y + size)]
    del corners[turn]
    paper.polygon(corners, front)


_TILES: tuple[Tile, ...] = (_quarter, _rainbow, _half, _leaf, _disc, _bars, _dots, _wedge, _quarter, _disc)


def paint_tiles(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Cut-paper tiles on a grid, some of them four times as large."""
    inks = [palette.ink, palette.shade, palette.tone, palette.tint, palette.paper, palette.accent, palette.second]
    paper.fill(palette.paper)
    count = some(rng, 3, 5)
    size = 1 / count
    # Few kinds a sheet, repeated, look composed; all kinds at once look like a catalogue.
    kinds = [_TILES[int(index)] for index in rng.choice(len(_TILES), size=4, replace=False)]
    chances = np.array([0.14, 0.12, 0.16, 0.17, 0.13, 0.16, 0.12])
    free = np.ones((count, count), dtype=bool)
    large = some(rng, 1, 2)
    for row in range(count):
        for column in range(count):
            if not free[row, column]:
                continue
            span = 1
            if large and row < count - 1 and column < count - 1 and free[row, column + 1] and rng.random() < 0.3:
                span, large = 2, large - 1
            free[row : row + span, column : column + span] = False
            back, front = (inks[int(index)] for index in rng.choice(len(inks), size=2, replace=False, p=chances))
            if abs(sum(back) - sum(front)) < 110:
                front = palette.paper if sum(back) < 380 else palette.ink
            x, y, side = column * size, row * size, size * span
            square = Stencil()
            square.rectangle(x, y, x + side, y + side)
            paper.press(square, back)
            with paper.inside(square):
                pick(rng, kinds)(paper, x, y, side, front, back, some(rng, 0, 3))
            if rng.random() < 0.3:
                paper.grain(square, fade(pick(rng, (45, 135, 225, 315)), 0.45, 0.3), mix(back, palette.ink, 0.6), rng)


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
    count = some(rng, 3, 5)
    radius = 0.5 / count
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
        arch = Stencil()
        arch.circle(x, y, size)
        arch.rectangle(x - size, y, x + size, foot)
        paper.press(arch, ink)
        paper.grain(arch, fade(20, 0.4, 0.45), mix(ink, (0, 0, 0), 0.4), rng)


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
