"""Leaves and flowers: a fan that grows from the ground, paper cut-outs on coloured fields, and a vase on a table."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, fade, mix
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette


def paint_leaves(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """One of three ways to show plants."""
    layout = pick(rng, ("fan", "cutouts", "vase"))
    if layout == "fan":
        _fan(paper, palette, rng)
    elif layout == "cutouts":
        _cutouts(paper, palette, rng)
    else:
        _vase(paper, palette, rng)


def _blade(x: float, y: float, angle: float, length: float, width: float) -> list[Point]:
    """The outline of a pointed leaf from (x, y) along `angle` (radians)."""
    outline: list[Point] = []
    for step in range(33):
        share = step / 16 if step <= 16 else 2 - step / 16
        across = (1 if step <= 16 else -1) * width / 2 * math.sin(math.pi * share**0.75)
        along = share * length
        outline.append(_turned(x, y, angle, along, across))
    return outline


def _turned(x: float, y: float, angle: float, along: float, across: float) -> Point:
    return (
        x + along * math.cos(angle) - across * math.sin(angle),
        y + along * math.sin(angle) + across * math.cos(angle),
    )


def _leaf(
    paper: Paper,
    x: float,
    y: float,
    angle: float,
    length: float,
    width: float,
    ink: Colour,
    vein: Colour,
    rng: np.random.Generator,
) -> None:
    """A leaf with one shaded half and its veins."""
    blade = Stencil()
    blade.polygon(_blade(x, y, angle, length, width))
    paper.press(blade, ink)
    paper.grain(blade, fade(math.degrees(angle) + 90, 0.7, 0.35), mix(ink, vein, 0.75), rng)
    paper.line([(x, y), _turned(x, y, angle, length * 0.94, 0)], 0.0042, vein)
    for rib in range(1, 7):
        start = length * rib * 0.13
        for side in (-1, 1):
            reach = width * 0.4 * math.sin(math.pi * (rib * 0.13 + 0.05) ** 0.75)
            paper.line(
                [_turned(x, y, angle, start, 0), _turned(x, y, angle, start + reach * 0.8, side * reach)], 0.0026, vein
            )


def _fan(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    ground = palette.shade if palette.night else pick(rng, (palette.paper, palette.tint))
    paper.fill(ground)
    sun = Stencil()
    sun.circle(0.5 + between(rng, -0.14, 0.14), between(rng, 0.3, 0.42), between(rng, 0.2, 0.28))
    paper.press(sun, palette.accent)
    paper.grain(sun, fade(90, 0.8, 0.2), palette.second, rng)
    inks = [
        palette.tone,
        palette.tint if palette.night else palette.shade,
        mix(palette.tone, palette.tint, 0.5),
        palette.ink,
        palette.second,
    ]
    count = some(rng, 9, 13)
    order = sorted(range(count), key=lambda index: -abs(index - (count - 1) / 2))
    for place, index in enumerate(order):
        lean = (index - (count - 1) / 2) / ((count - 1) / 2)
        angle = math.radians(-90 + 74 * lean + between(rng, -7, 7))
        length = between(rng, 0.5, 0.78) * (1 - 0.25 * abs(lean))
        ink = inks[int(rng.choice(5, p=[0.3, 0.22, 0.22, 0.14, 0.12]))]
        x = 0.5 + lean * 0.34
        vein = palette.ink if ink != palette.ink else palette.tone
        _leaf(paper, x, 1.03, angle, length, between(rng, 0.12, 0.2), ink, vein, rng)
        if place % 4 == 3:
            head = _turned(x, 1.0, angle, length * between(rng, 0.85, 1.05), 0)
            paper.line([(x, 1.0), head], 0.008, palette.ink)
            _flower(paper, palette, *head, between(rng, 0.05, 0.085), rng)


def _flower(paper: Paper, palette: Palette, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    petals, turn = some(rng, 5, 9), between(rng, 0, 6)
    ink = pick(rng, (palette.accent, palette.second, palette.paper, palette.tint))
    kind = pick(rng, ("round", "pointed", "tulip"))
    for petal in range(petals):
        angle = turn + petal * 2 * math.pi / petals
        if kind == "round":
            paper.circle(x + size * 0.6 * math.cos(angle), y + size * 0.6 * math.sin(angle), size * 0.42, ink)
        elif kind == "pointed":
            paper.polygon(_blade(x, y, angle, size * 1.15, size * 0.55), ink)
    if kind == "tulip":
        for side in (-0.5, 0.5, 0.0):
            paper.polygon(
                _blade(x, y + size * 0.6, -math.pi / 2 + side, size * 1.6, size * 0.8),
                ink if side else mix(ink, palette.ink, 0.2),
            )
        return
    paper.circle(x, y, size * 0.34, palette.ink if rng.random() < 0.5 else palette.sun)
    paper.circle(x, y, size * 0.14, palette.paper)


def _cutouts(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Fields of colour, each with one weed cut out of paper."""
    columns, rows = pick(rng, ((2, 2), (2, 3), (3, 2), (3, 3)))
    inks = [palette.accent, palette.second, palette.tone, palette.tint, palette.shade, palette.paper]
    backs: dict[tuple[int, int], int] = {}
    for row in range(rows):
        for column in range(columns):
            left, top = column / columns, row / rows
            beside = {backs.get((row, column - 1)), backs.get((row - 1, column))}
            back = pick(rng, [index for index in range(len(inks)) if index not in beside])
            backs[row, column] = back
            cell = Stencil()
            cell.rectangle(left, top, left + 1 / columns + 0.001, top + 1 / rows + 0.001)
            paper.press(cell, inks[back])
            fronts = [ink for ink in (*inks, palette.ink) if abs(sum(ink) - sum(inks[back])) > 150] or [palette.ink]
            size = 0.36 / max(columns, rows)
            with paper.inside(cell):
                _weed(paper, left + 0.5 / columns, top + 0.5 / rows, size, pick(rng, fronts), rng)


def _weed(paper: Paper, x: float, y: float, size: float, ink: Colour, rng: np.random.Generator) -> None:
    """Round lobes to both sides of a bent stem."""
    turn = between(rng, -0.5, 0.5) + pick(rng, (0.0, math.pi / 5, -math.pi / 5))
    bend = between(rng, -0.22, 0.22) * size
    lobes = some(rng, 4, 5)
    stem: list[Point] = []
    for step in range(21):
        share = step / 20 * 2 - 1
        stem.append(_turned(x, y, turn - math.pi / 2, share * size, bend * (1 - share**2)))
    paper.ribbon(stem, size * 0.2, ink)
    for lobe in range(lobes):
        share = (lobe + 0.4) / lobes * 2 - 1
        root_along, root_across = share * size, bend * (1 - share**2)
        long = size * (0.78 - 0.3 * abs(share)) * between(rng, 0.85, 1.1)
        for side in (-1, 1):
            angle = turn - math.pi / 2 + side * math.radians(between(rng, 44, 60))
            root = _turned(x, y, turn - math.pi / 2, root_along, root_across)
            tip = (root[0] + long * math.cos(angle), root[1] + long * math.sin(angle))
            paper.line([root, tip], size * 0.29, ink, round_ends=True)
    top = _turned(x, y, turn - math.pi / 2, size, 0)
    paper.circle(*top, size * 0.16, ink)


def _vase(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    wall, table = (
        (palette.shade, palette.ink)
        if palette.night
        else pick(rng, ((palette.tint, palette.tone), (palette.paper, palette.tint), (palette.second, palette.shade)))
    )
    paper.fill(wall)
    edge = between(rng, 0.7, 0.78)
    top = Stencil()
    top.rectangle(0, edge, 1, 1)
    paper.press(top, table)
    paper.grain(top, fade(90, 0.6, 0.2), palette.ink, rng)
    if rng.random() < 0.6:
        paper.circle(
            between(rng, 0.2, 0.8),
            between(rng, 0.2, 0.4),
            between(rng, 0.16, 0.26),
            mix(wall, palette.paper if not palette.night else palette.tone, 0.5),
        )
    x, foot, tall = between(rng, 0.42, 0.58), edge + 0.12, between(rng, 0.28, 0.36)
    neck_y = foot - tall
    stems = some(rng, 7, 11)
    for index in range(stems):
        lean = (index - (stems - 1) / 2) / stems * 2
        angle = math.radians(-90 + lean * 58 + between(rng, -6, 6))
        length = between(rng, 0.28, 0.46) * (1 - 0.2 * abs(lean))
        ink = palette.tone if wall not in (palette.tone,) else palette.shade
        stalk = [
            _turned(
                x, neck_y + 0.03, angle, length * step / 12, 0.03 * math.sin(step / 12 * 3) * (1 if lean > 0 else -1)
            )
            for step in range(13)
        ]
        green = mix(ink, palette.ink, 0.3 if not palette.night else 0.0)
        paper.ribbon(stalk, 0.007, green)
        for side in (-1, 1):
            along = some(rng, 4, 9)
            paper.polygon(
                _blade(*stalk[along], angle + side * 0.7, between(rng, 0.08, 0.14), 0.045),
                green if side > 0 else mix(green, palette.tint, 0.3),
            )
        if index % 2 == 0 or rng.random() < 0.4:
            _flower(paper, palette, *stalk[-1], between(rng, 0.045, 0.075), rng)
    _pot(paper, palette, x, foot, tall, rng)


def _pot(paper: Paper, palette: Palette, x: float, foot: float, tall: float, rng: np.random.Generator) -> None:
    belly, neck, waist = between(rng, 0.11, 0.16), between(rng, 0.045, 0.07), between(rng, 0.5, 0.7)
    right: list[Point] = []
    for step in range(25):
        share = step / 24
        bulge = math.exp(-(((share - waist) / 0.3) ** 2))
        right.append((x + neck * (1 - 0.3 * share * (1 - bulge)) + (belly - neck) * bulge, foot - tall * (1 - share)))
    outline = [*right, *((2 * x - px, py) for px, py in reversed(right))]
    pot = Stencil()
    pot.polygon(outline)
    paper.press(pot, palette.accent)
    with paper.inside(pot):
        band = foot - tall * (1 - waist)
        for index, ink in enumerate((palette.paper, palette.ink, palette.paper)):
            paper.rectangle(0, band - 0.03 + index * 0.02, 1, band - 0.02 + index * 0.02, ink)
    paper.grain(pot, fade(0, 0.75, 0.35), mix(palette.accent, palette.ink, 0.65), rng)
