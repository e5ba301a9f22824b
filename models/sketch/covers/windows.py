"""A wet window with somebody's things on the sill."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, fade, mix
from models.sketch.covers.noise import between, curve, pick, some
from models.sketch.covers.palette import Palette


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
    walls = (palette.shade, palette.tone, palette.second) if dark else (palette.accent, palette.second, palette.tone)
    wall = mix(pick(rng, walls), palette.ink if dark else palette.paper, 0.3 if dark else 0.12)
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
    fur = pick(rng, (palette.accent, palette.paper)) if palette.night else palette.ink
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
