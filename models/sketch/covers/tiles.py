"""Cut-paper tiles: plain motifs with ruler and compass, laid on a grid."""

import math
from collections.abc import Callable

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, fade, mix
from models.sketch.covers.noise import pick, some
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
    swung: list[Point] = []
    for step in range(41):
        # Along one arc and back along the other.
        share = step / 20 if step <= 20 else 2 - step / 20
        across, down = math.sin(share * math.pi / 2), 1 - math.cos(share * math.pi / 2)
        swung.append((across, down) if step <= 20 else (down, across))
    paper.polygon([(x + size * (across if turn % 2 else 1 - across), y + size * down) for across, down in swung], front)


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
