"""Woven and printed cloth: bands of plain motifs, with a medallion, a diamond or nothing in the middle."""

import math
from collections.abc import Callable

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Stencil, fade
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette

Motif = Callable[[Paper, float, float, float, float, Colour, Colour], None]


def _peaks(paper: Paper, x: float, y: float, wide: float, tall: float, front: Colour, detail: Colour) -> None:
    paper.polygon([(x, y + tall), (x + wide / 2, y), (x + wide, y + tall)], front)
    paper.polygon([(x + wide * 0.26, y + tall), (x + wide / 2, y + tall * 0.5), (x + wide * 0.74, y + tall)], detail)


def _diamonds(paper: Paper, x: float, y: float, wide: float, tall: float, front: Colour, detail: Colour) -> None:
    for size, ink in ((1.0, front), (0.5, detail)):
        half_w, half_h, middle_x, middle_y = wide / 2 * size, tall / 2 * size, x + wide / 2, y + tall / 2
        paper.polygon(
            [
                (middle_x, middle_y - half_h),
                (middle_x + half_w, middle_y),
                (middle_x, middle_y + half_h),
                (middle_x - half_w, middle_y),
            ],
            ink,
        )


def _zigzag(paper: Paper, x: float, y: float, wide: float, tall: float, front: Colour, detail: Colour) -> None:
    for shift, ink in ((0.0, front), (0.3, detail)):
        top, thick = y + tall * (0.08 + shift), tall * 0.2
        left, middle, right = x, x + wide / 2, x + wide
        low, high = top + tall * 0.36, top
        paper.polygon(
            [
                (left, low),
                (middle, high),
                (right, low),
                (right, low + thick),
                (middle, high + thick),
                (left, low + thick),
            ],
            ink,
        )


def _moons(paper: Paper, x: float, y: float, wide: float, tall: float, front: Colour, detail: Colour) -> None:
    radius = min(wide, tall) * 0.4
    paper.circle(x + wide / 2, y + tall / 2, radius, front)
    paper.sector(x + wide / 2, y + tall / 2, radius, 180, 360, detail)


def _checks(paper: Paper, x: float, y: float, wide: float, tall: float, front: Colour, detail: Colour) -> None:
    paper.rectangle(x, y, x + wide / 2, y + tall / 2, front)
    paper.rectangle(x + wide / 2, y + tall / 2, x + wide, y + tall, detail)


def _scallops(paper: Paper, x: float, y: float, wide: float, tall: float, front: Colour, detail: Colour) -> None:
    for size, ink in ((1.0, front), (0.62, detail), (0.3, front)):
        steps = [
            (x + wide / 2 + wide / 2 * size * math.cos(a), y + tall - tall * size * math.sin(a))
            for a in np.linspace(0, math.pi, 20)
        ]
        paper.polygon(steps, ink)


def _petals(paper: Paper, x: float, y: float, wide: float, tall: float, front: Colour, detail: Colour) -> None:
    reach = min(wide, tall) * 0.24
    for turn in range(4):
        angle = math.pi / 4 + turn * math.pi / 2
        paper.circle(
            x + wide / 2 + reach * math.cos(angle), y + tall / 2 + reach * math.sin(angle), reach * 0.86, front
        )
    paper.circle(x + wide / 2, y + tall / 2, reach * 0.55, detail)


_MOTIFS: tuple[Motif, ...] = (_peaks, _diamonds, _zigzag, _moons, _checks, _scallops, _petals)


def paint_textile(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Bands of motifs from edge to edge, mirrored around the middle as on a woven blanket."""
    inks = [palette.shade, palette.accent, palette.paper, palette.tone, palette.second, palette.ink, palette.tint]
    centre = pick(rng, ("medallion", "diamond", "none"))
    bands = _bands(0.5, rng)
    y, previous = 0.5, -1
    for tall in bands:
        order = [int(index) for index in rng.permutation(len(inks))]
        if order[0] == previous:
            order.append(order.pop(0))
        previous = order[0]
        back, front, detail = (inks[index] for index in order[:3])
        if abs(sum(back) - sum(front)) < 130:
            front = palette.paper if sum(back) < 380 else palette.ink
        motif, wide = pick(rng, _MOTIFS), tall * pick(rng, (0.8, 1.0, 1.0, 1.3))
        plain = tall < 0.032
        # The lower half mirrors the upper one; drawing both from the same draws keeps them alike.
        for top in (y, 1 - y - tall):
            paper.rectangle(0, top, 1, top + tall, back)
            if not plain:
                count = math.ceil(0.5 / wide)
                for step in range(-count - 1, count + 1):
                    motif(paper, 0.5 + step * wide, top + tall * 0.08, wide, tall * 0.84, front, detail)
        y += tall
    sheet = Stencil()
    sheet.rectangle(0, 0, 1, 1)
    if centre == "medallion":
        _medallion(paper, palette, between(rng, 0.2, 0.27), some(rng, 14, 28))
    elif centre == "diamond":
        for size, ink in (
            (0.36, palette.ink),
            (0.33, palette.paper),
            (0.26, palette.accent),
            (0.19, palette.ink),
            (0.12, palette.second),
            (0.05, palette.paper),
        ):
            paper.polygon([(0.5, 0.5 - size), (0.5 + size, 0.5), (0.5, 0.5 + size), (0.5 - size, 0.5)], ink)
    paper.grain(sheet, fade(between(rng, 0, 360), 0.28, 0.3), palette.ink, rng)


def _bands(room: float, rng: np.random.Generator) -> list[float]:
    """Heights of bands from the middle to the edge, narrow plain ones between the broad ones."""
    heights: list[float] = []
    while sum(heights) < room:
        heights.append(pick(rng, (0.075, 0.1, 0.13, 0.16)))
        heights.extend([pick(rng, (0.012, 0.02, 0.028))] * some(rng, 1, 2))
    return heights


def _medallion(paper: Paper, palette: Palette, radius: float, rays: int) -> None:
    paper.circle(0.5, 0.5, radius * 1.14, palette.ink)
    paper.circle(0.5, 0.5, radius * 1.08, palette.paper)
    paper.circle(0.5, 0.5, radius, palette.accent)
    for ray in range(rays):
        angle, half = ray / rays * 2 * math.pi, math.pi / rays * 0.8
        paper.polygon(
            [
                (0.5 + radius * 0.55 * math.cos(angle - half), 0.5 + radius * 0.55 * math.sin(angle - half)),
                (0.5 + radius * 0.94 * math.cos(angle), 0.5 + radius * 0.94 * math.sin(angle)),
                (0.5 + radius * 0.55 * math.cos(angle + half), 0.5 + radius * 0.55 * math.sin(angle + half)),
            ],
            palette.paper,
        )
    for size, ink in ((0.5, palette.ink), (0.4, palette.second), (0.2, palette.paper)):
        paper.circle(0.5, 0.5, radius * size, ink)
