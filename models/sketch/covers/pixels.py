"""A game screen of 64 × 64 pixels: dithered sky, blocky land, and things to collect."""

import numpy as np
from PIL import Image

from models.sketch.covers.canvas import SIZE, Colour, Field, Paper, mix
from models.sketch.covers.noise import between, curve, pick, some
from models.sketch.covers.palette import Palette

GRID = 64

_SHIP = ("..#..", "..#..", ".###.", "#####", "#.#.#")
_HEART = (".#.#.", "#####", "#####", ".###.", "..#..")
_BLOB = (".####.", "######", "#.##.#", "######", "######", "#.##.#")
_BUG = ("#....#", ".####.", "##.##.", "######", "#.##.#", ".#..#.")
_COIN = (".##.", "####", "####", ".##.")
_TREE = ("..#..", ".###.", "#####", ".###.", "#####", "..#..", "..#..")


def paint_pixels(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A landscape with a low sun, or a shoot-out in space."""
    screen = np.empty((GRID, GRID, 3), dtype=np.float32)
    _dither(screen, palette, rng)
    if rng.random() < 0.65:
        _land(screen, palette, rng)
    else:
        _invasion(screen, palette, rng)
    scale = SIZE // GRID
    large = np.asarray(
        Image.fromarray(screen.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.NEAREST), dtype=np.float32
    )
    # A darker line between the pixels, as a tube shows them.
    lines: Field = np.ones((SIZE, SIZE, 1), dtype=np.float32)
    lines[::scale] = 0.88
    lines[:, ::scale] = 0.93
    paper.spread(large * lines)


def _dither(screen: Field, palette: Palette, rng: np.random.Generator) -> None:
    """Sky in five inks whose borders are broken up into a checkerboard."""
    rows, columns = np.mgrid[0:GRID, 0:GRID]
    inks = (
        [palette.ink, palette.shade, palette.tone, palette.accent, palette.sun]
        if palette.night
        else [
            palette.tone,
            mix(palette.tone, palette.tint, 0.5),
            palette.tint,
            mix(palette.tint, palette.paper, 0.6),
            palette.paper,
        ]
    )
    bands = rows / between(rng, 10.5, 13.5) + 0.5 * ((rows + columns) % 2) * (rows % 4 > 1)
    screen[:] = np.array(inks, dtype=np.float32)[np.clip(bands.astype(int), 0, 4)]
    if palette.night:
        for row, column in rng.integers(0, GRID, (40, 2)):
            if row < 34:
                screen[row, column] = palette.paper


def _stamp(screen: Field, shape: tuple[str, ...], left: int, top: int, ink: Colour) -> None:
    for down, line in enumerate(shape):
        for across, mark in enumerate(line):
            row, column = top + down, left + across
            if mark == "#" and 0 <= row < GRID and 0 <= column < GRID:
                screen[row, column] = ink


def _land(screen: Field, palette: Palette, rng: np.random.Generator) -> None:
    rows, columns = np.mgrid[0:GRID, 0:GRID]
    x, y, radius = some(rng, 16, 48), some(rng, 18, 27), some(rng, 8, 12)
    disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    screen[disc] = palette.paper if palette.night else palette.sun
    stripes = disc & ((rows - y) % 3 == 0) & (rows > y)
    screen[stripes] = palette.tone
    layers = (
        (mix(palette.tone, palette.shade, 0.5), 46, 18, 3.0),
        (palette.shade, 52, 12, 4.0),
        (palette.ink, 60, 8, 6.0),
    )
    for depth, (ink, base, tall, waves) in enumerate(layers):
        heights = np.round(base - curve(GRID, waves, rng, 2) * tall).astype(int)
        if depth == 2:
            heights = np.repeat(heights[::4], 4)
        for column in range(GRID):
            top = max(0, int(heights[column]))
            screen[top:, column] = ink
            if depth == 0 and top < base - tall * 0.6:
                screen[top : top + 2, column] = palette.paper
            if depth == 2:
                screen[top, column] = palette.second
        if depth == 1:
            for column in rng.integers(2, GRID - 6, some(rng, 4, 8)):
                _stamp(screen, _TREE, int(column), int(heights[column + 2]) - 6, mix(palette.ink, palette.tone, 0.25))
        if depth == 2:
            hero = some(rng, 8, GRID - 14)
            _stamp(screen, pick(rng, (_BLOB, _BUG)), hero, int(min(heights[hero : hero + 6])) - 6, palette.accent)
            arc = some(rng, 3, 5)
            for coin in range(arc):
                lift = round(6 - 1.6 * abs(coin - (arc - 1) / 2) ** 2)
                _stamp(screen, _COIN, (hero + 9 + coin * 6) % (GRID - 4), int(heights.min()) - 8 - lift, palette.sun)


def _invasion(screen: Field, palette: Palette, rng: np.random.Generator) -> None:
    screen[:] = palette.ink
    for row, column in rng.integers(0, GRID, (70, 2)):
        screen[row, column] = pick(rng, (palette.shade, palette.tone, palette.tint))
    inks = (palette.accent, palette.second, palette.tone, palette.tint)
    lines, first = some(rng, 3, 4), some(rng, 3, 8)
    for line in range(lines):
        shape = _BLOB if line % 2 else _BUG
        for column in range(6):
            if rng.random() < 0.88:
                _stamp(screen, shape, first + column * 9, 9 + line * 9, inks[line])
    ship = some(rng, 10, 50)
    _stamp(screen, _SHIP, ship, 56, palette.paper)
    for shot in range(some(rng, 2, 4)):
        screen[44 - shot * 4 : 46 - shot * 4 + 5, ship + 2] = palette.sun
    for life in range(3):
        _stamp(screen, _HEART, 2 + life * 7, 2, palette.accent)
    screen[62:, :] = palette.tone
