"""What hangs above a horizon: the sky's own colour, sun or moon, stars, clouds and birds."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, ball, fade, mix
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette


def paint_sky(paper: Paper, palette: Palette, horizon: float, rng: np.random.Generator) -> Colour:
    """Fill the sheet as sky that warms towards `horizon`; gives back its colour."""
    if palette.night:
        sky, low = pick(rng, (palette.shade, palette.ink)), palette.tone
    else:
        sky, low = pick(rng, ((palette.tint, palette.paper), (palette.paper, palette.tint)))
    paper.fill(sky)
    above_horizon = Stencil()
    above_horizon.rectangle(0, 0, 1, min(1.0, horizon + 0.12))
    paper.grain(above_horizon, fade(90, 0.75, 0.25), low, rng)
    return sky


def paint_stars(paper: Paper, palette: Palette, lowest: float, count: int, rng: np.random.Generator) -> None:
    """Scatter `count` stars above `lowest`."""
    for _ in range(count):
        x, y = between(rng, 0.02, 0.98), between(rng, 0.02, lowest)
        paper.circle(x, y, pick(rng, (0.0018, 0.0022, 0.0032, 0.0045)), palette.paper)


def paint_moon(paper: Paper, palette: Palette, x: float, y: float, radius: float, rng: np.random.Generator) -> None:
    """A moon, full or waning, with craters of grain."""
    disc = Stencil()
    disc.circle(x, y, radius)
    if rng.random() < 0.55:
        bite = between(rng, 0.35, 0.6)
        disc.circle(x - radius * bite, y - radius * bite * 0.55, radius * 0.92, 0)
        paper.press(disc, palette.paper)
        return
    paper.press(disc, palette.paper)
    with paper.inside(disc):
        for _ in range(some(rng, 4, 7)):
            angle, far = between(rng, 0, 2 * math.pi), radius * between(rng, 0.1, 0.85)
            size = radius * between(rng, 0.06, 0.22)
            paper.circle(x + far * math.cos(angle), y + far * math.sin(angle), size, palette.tint)
    paper.grain(disc, ball(225, 0.55), palette.tone, rng)


def paint_sun(paper: Paper, palette: Palette, x: float, y: float, radius: float, rng: np.random.Generator) -> None:
    """A flat sun in the warm ink, with a shaded side or with a halo of rings."""
    if rng.random() < 0.4:
        for step in (2, 1):
            halo = Stencil()
            halo.circle(x, y, radius * (1 + 0.28 * step))
            halo.circle(x, y, radius * (1 + 0.28 * (step - 1)), 0)
            ground = palette.shade if palette.night else palette.tint
            paper.press(halo, mix(palette.sun, ground, 0.3 + 0.25 * step))
    disc = Stencil()
    disc.circle(x, y, radius)
    paper.press(disc, palette.sun)
    paper.grain(disc, fade(90, 0.8, 0.3), palette.sunset, rng)


def paint_clouds(paper: Paper, ink: Colour, lowest: float, count: int, rng: np.random.Generator) -> None:
    """Long clouds of stacked bars with round ends."""
    for _ in range(count):
        x, y = between(rng, -0.1, 0.9), between(rng, 0.08, lowest)
        length, thick = between(rng, 0.18, 0.36), 0.021
        for layer in range(some(rng, 2, 3)):
            shift = between(rng, -0.07, 0.07)
            shorter = length * (1 - 0.26 * layer)
            top = y - layer * thick * 0.99
            paper.rectangle(x + shift, top, x + shift + shorter, top + thick, ink, thick / 2)


def paint_birds(paper: Paper, ink: Colour, x: float, y: float, count: int, rng: np.random.Generator) -> None:
    """A loose flock around (x, y)."""
    for _ in range(count):
        left, top = x + between(rng, -0.13, 0.13), y + between(rng, -0.07, 0.07)
        span = between(rng, 0.014, 0.026)
        for side in (-1, 1):
            wing: list[Point] = [
                (left + side * span * step / 6, top - span * 0.55 * math.sin(step / 6 * math.pi * 0.8))
                for step in range(7)
            ]
            paper.line(wing, 0.0045, ink, round_ends=True)


def hang_light(paper: Paper, palette: Palette, x: float, y: float, radius: float, rng: np.random.Generator) -> None:
    """A moon and stars for most nights, a sun for the days and the other nights, at (x, y)."""
    if palette.night and rng.random() < 0.75:
        paint_stars(paper, palette, 0.55, some(rng, 30, 80), rng)
        paint_moon(paper, palette, x, y, radius * 0.85, rng)
    else:
        paint_sun(paper, palette, x, y, radius, rng)
