"""Drawings made of lines: a pile of signals, and ribbons that follow a current."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, fade, mix
from models.sketch.covers.noise import between, curve, field, pick, some
from models.sketch.covers.palette import Palette

CELLS = 400


def paint_ridges(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Signals stacked into a mountain range, each hiding what lies behind it."""
    ground = palette.ink if palette.night else palette.paper
    paper.fill(ground)
    layout = pick(rng, ("block", "bleed", "disc"))
    if layout == "disc":
        disc = Stencil()
        disc.circle(0.5, 0.5, 0.43)
        paper.fill(palette.accent if palette.night else palette.tint)
        ground = palette.ink if palette.night else palette.paper
        paper.press(disc, ground)
        with paper.inside(disc):
            _signals(paper, palette, ground, (0.02, 0.98, 0.14, 1.06), rng)
    elif layout == "bleed":
        _signals(paper, palette, ground, (-0.02, 1.02, 0.16, 1.1), rng)
    else:
        _signals(paper, palette, ground, (0.15, 0.85, 0.24, 0.86), rng)


def _signals(
    paper: Paper, palette: Palette, ground: Colour, frame: tuple[float, float, float, float], rng: np.random.Generator
) -> None:
    left, right, top, bottom = frame
    count, samples = some(rng, 34, 52), 300
    xs = np.linspace(left, right, samples)
    across = np.linspace(-1, 1, samples)
    humps = [
        (between(rng, -0.45, 0.45), between(rng, 0.18, 0.4), between(rng, 0.5, 1.0), between(rng, -2, 2))
        for _ in range(some(rng, 1, 3))
    ]
    struck = {some(rng, 3, count - 4) for _ in range(some(rng, 1, 3))}
    height = (bottom - top) * between(rng, 0.2, 0.32)
    front, back = (palette.paper, palette.tone) if palette.night else (palette.ink, palette.tone)
    for index in range(count):
        share = index / (count - 1)
        envelope = sum(
            size * np.exp(-(((across - middle - 0.18 * math.sin(drift + 3 * share)) / wide) ** 2))
            for middle, wide, size, drift in humps
        )
        wiggle = curve(samples, 9, rng, 3, 0.6) ** 1.5
        # The first rows rise less, or they would poke out of the frame.
        lift = height * np.asarray(envelope) * wiggle * min(1.0, 0.35 + 3 * share) + 0.004 * curve(samples, 30, rng, 1)
        base = top + (bottom - top) * share
        points: list[Point] = list(zip(xs.tolist(), (base - lift).tolist(), strict=True))
        paper.polygon([*points, (right, base + 0.05), (left, base + 0.05)], ground)
        ink = palette.accent if index in struck else mix(back, front, share)
        paper.line(points, 0.0075 if index in struck else 0.0042, ink)


def paint_flow(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Ribbons of many widths that follow one current and never touch."""
    ground = palette.ink if palette.night else palette.paper
    paper.fill(ground)
    vignette = Stencil()
    vignette.rectangle(0, 0, 1, 1)
    paper.grain(vignette, fade(between(rng, 0, 360), 0.5, 0.3), palette.shade if palette.night else palette.tint, rng)
    angles = _current(rng)
    inks = [
        palette.accent,
        palette.second,
        palette.tone,
        palette.tint,
        palette.paper if palette.night else palette.ink,
        palette.shade,
    ]
    # One ink leads, as in a piece of music; the others answer it.
    chances = np.array([0.17, 0.14, 0.24, 0.2, 0.14, 0.11])
    regions = field(64, 1.5, rng, 1)
    taken = np.zeros((CELLS, CELLS), dtype=bool)
    for width, tries in ((0.05, 60), (0.032, 160), (0.018, 380), (0.008, 520)):
        for _ in range(tries):
            path = _follow(angles, taken, between(rng, 0, 1), between(rng, 0, 1), width, some(rng, 40, 150))
            if len(path) < 14:
                continue
            _claim(taken, path, width)
            x, y = path[len(path) // 2]
            leaning = regions[min(63, max(0, int(y * 64))), min(63, max(0, int(x * 64)))]
            shifted = np.roll(chances, int(leaning * 4)) if rng.random() < 0.55 else chances
            ink = inks[int(rng.choice(len(inks), p=shifted))]
            paper.ribbon(path, width, ink)
            if width > 0.03 and rng.random() < 0.35:
                paper.ribbon(path, width * 0.3, ground)


def _current(rng: np.random.Generator) -> np.ndarray:
    """`[CELLS, CELLS]` directions in radians: a steady drift bent by noise, or a whirl around a point."""
    bend = field(CELLS, between(rng, 0.6, 1.3), rng, 2, 0.3) - 0.5
    kind = pick(rng, ("drift", "drift", "whirl"))
    if kind == "drift":
        drift: np.ndarray = between(rng, 0, 2 * math.pi) + bend * between(rng, 3, 6)
        return drift
    ys, xs = np.mgrid[0 : 1 : CELLS * 1j, 0 : 1 : CELLS * 1j]
    around = np.arctan2(ys - between(rng, 0.25, 0.75), xs - between(rng, 0.25, 0.75))
    whirl: np.ndarray = around + math.pi / 2 + bend * between(rng, 0.8, 1.8) + between(rng, -0.25, 0.25)
    return whirl


def _follow(angles: np.ndarray, taken: np.ndarray, x: float, y: float, width: float, steps: int) -> list[Point]:
    """The way from (x, y) along the current, up to where it leaves the sheet or comes near another ribbon."""
    path: list[Point] = []
    stride = 0.006
    half = width / 2 + 0.0045
    for _ in range(steps):
        if not (-0.03 < x < 1.03 and -0.03 < y < 1.03):
            break
        column, row = min(CELLS - 1, max(0, int(x * CELLS))), min(CELLS - 1, max(0, int(y * CELLS)))
        angle = float(angles[row, column])
        ahead, aside = math.cos(angle), math.sin(angle)
        for offset in (-half, 0.0, half):
            probe_x, probe_y = int((x - aside * offset) * CELLS), int((y + ahead * offset) * CELLS)
            if 0 <= probe_x < CELLS and 0 <= probe_y < CELLS and taken[probe_y, probe_x]:
                return path
        path.append((x, y))
        x, y = x + ahead * stride, y + aside * stride
    return path


def _claim(taken: np.ndarray, path: list[Point], width: float) -> None:
    half = max(1, round(width / 2 * CELLS))
    for x, y in path:
        column, row = int(x * CELLS), int(y * CELLS)
        taken[max(0, row - half) : max(0, row + half + 1), max(0, column - half) : max(0, column + half + 1)] = True
