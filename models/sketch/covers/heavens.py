"""Outer space: a banded planet with rings and moons, orbits as on a chart, and the curve of a world with a rocket above."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, ball, fade, mix
from models.sketch.covers.noise import between, curve, pick, some
from models.sketch.covers.palette import Palette
from models.sketch.covers.sky import paint_stars


def paint_orbits(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """One of three views of space."""
    ground = palette.ink if palette.night or rng.random() < 0.4 else palette.shade
    paper.fill(ground)
    dust = Stencil()
    dust.rectangle(0, 0, 1, 1)
    paper.grain(dust, fade(between(rng, 0, 360), 0.55, 0.35), palette.tone, rng)
    paint_stars(paper, palette, 0.98, some(rng, 80, 150), rng)
    layout = pick(rng, ("planet", "chart", "world"))
    if layout == "planet":
        _planet(
            paper, palette, between(rng, 0.42, 0.58), between(rng, 0.44, 0.56), between(rng, 0.22, 0.29), ground, rng
        )
        for _ in range(some(rng, 1, 3)):
            _ball(
                paper,
                palette,
                pick(rng, (between(rng, 0.08, 0.2), between(rng, 0.8, 0.92))),
                between(rng, 0.1, 0.9),
                between(rng, 0.025, 0.06),
                palette.tint,
                rng,
            )
    elif layout == "chart":
        _chart(paper, palette, rng)
    else:
        _world(paper, palette, rng)


def _ball(
    paper: Paper, palette: Palette, x: float, y: float, radius: float, ink: Colour, rng: np.random.Generator
) -> None:
    disc = Stencil()
    disc.circle(x, y, radius)
    paper.press(disc, ink)
    paper.grain(disc, ball(225, 0.9), mix(ink, palette.ink, 0.75), rng)


def _ellipse(x: float, y: float, across: float, down: float, tilt: float, start: float, end: float) -> list[Point]:
    """Points of a turned ellipse between two angles (radians)."""
    points: list[Point] = []
    for angle in np.linspace(start, end, 80):
        along, aside = across * math.cos(angle), down * math.sin(angle)
        points.append(
            (x + along * math.cos(tilt) - aside * math.sin(tilt), y + along * math.sin(tilt) + aside * math.cos(tilt))
        )
    return points


def _planet(
    paper: Paper, palette: Palette, x: float, y: float, radius: float, ground: Colour, rng: np.random.Generator
) -> None:
    tilt = between(rng, -0.5, 0.5)
    ringed = rng.random() < 0.8
    rings = [(1.95, 0.05, palette.second), (1.7, 0.055, palette.tint), (1.5, 0.02, palette.accent)]

    def draw_rings(start: float, end: float) -> None:
        for size, width, ink in rings:
            paper.ribbon(
                _ellipse(x, y, radius * size, radius * size * 0.3, tilt, start, end), width * radius * 2.2, ink
            )

    if ringed:
        draw_rings(math.pi, 2 * math.pi)
    disc = Stencil()
    disc.circle(x, y, radius)
    body = palette.accent if ringed else palette.tone
    paper.press(disc, body)
    inks = [
        palette.sun,
        mix(body, palette.paper, 0.4),
        mix(body, palette.second, 0.6),
        body,
        mix(body, palette.shade, 0.4),
    ]
    with paper.inside(disc):
        top = -1.0
        while top < 1.0:
            tall = between(rng, 0.12, 0.34)
            wave = curve(60, 2, rng, 1) * 0.09
            upper = [
                _spun(x, y, radius, tilt, share * 2.4 - 1.2, top + float(w))
                for share, w in zip(np.linspace(0, 1, 60), wave, strict=True)
            ]
            paper.polygon(
                [*upper, _spun(x, y, radius, tilt, 1.2, 1.4), _spun(x, y, radius, tilt, -1.2, 1.4)], pick(rng, inks)
            )
            top += tall
    paper.grain(disc, ball(225, 0.95), mix(palette.ink, ground, 0.5), rng)
    if ringed:
        draw_rings(0, math.pi)


def _spun(x: float, y: float, radius: float, tilt: float, across: float, down: float) -> Point:
    return (
        x + radius * (across * math.cos(tilt) - down * math.sin(tilt)),
        y + radius * (across * math.sin(tilt) + down * math.cos(tilt)),
    )


def _chart(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    x, y = between(rng, 0.3, 0.7), between(rng, 0.3, 0.7)
    flat, tilt = between(rng, 0.34, 1.0), between(rng, -0.6, 0.6)
    for halo in range(4):
        paper.circle(x, y, 0.165 - halo * 0.02, mix(palette.sun, palette.shade, 0.75 - halo * 0.18))
    _ball(paper, palette, x, y, 0.1, palette.sun, rng)
    inks = [palette.accent, palette.tint, palette.second, palette.paper, palette.tone]
    for orbit in range(some(rng, 4, 6)):
        across = 0.2 + orbit * between(rng, 0.09, 0.115)
        path = _ellipse(x, y, across, across * flat, tilt, 0, 2 * math.pi)
        paper.line(path, 0.0032, mix(palette.tone, palette.tint, 0.5))
        at = path[some(rng, 0, 78)]
        size = between(rng, 0.018, 0.05)
        _ball(paper, palette, *at, size, inks[orbit % 5], rng)
        if size > 0.04:
            paper.ribbon(_ellipse(*at, size * 1.7, size * 0.45, tilt, 0, math.pi), 0.008, palette.paper)


def _world(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    x, radius = between(rng, 0.3, 0.7), between(rng, 0.6, 0.8)
    y = between(rng, 0.62, 0.7) + radius
    for step in range(4):
        halo = Stencil()
        halo.circle(x, y, radius + 0.024 * (4 - step))
        paper.press(halo, mix(palette.shade, palette.accent, 0.22 + 0.22 * step))
    world = Stencil()
    world.circle(x, y, radius)
    paper.press(world, palette.tone)
    with paper.inside(world):
        for _ in range(some(rng, 12, 20)):
            crater_x, crater_y = between(rng, 0, 1), between(rng, y - radius, 1.05)
            size = between(rng, 0.015, 0.06)
            paper.ellipse(crater_x, crater_y, size, size * 0.5, mix(palette.tone, palette.shade, 0.6))
            paper.ellipse(
                crater_x, crater_y + size * 0.12, size * 0.86, size * 0.38, mix(palette.tone, palette.ink, 0.55)
            )
    paper.grain(world, fade(90, 0.9, 0.0), palette.shade, rng)
    moon_x, moon_y = pick(rng, (between(rng, 0.18, 0.34), between(rng, 0.66, 0.82))), between(rng, 0.2, 0.34)
    _ball(paper, palette, moon_x, moon_y, between(rng, 0.09, 0.15), palette.sun, rng)
    _rocket(
        paper, palette, 1 - moon_x, between(rng, 0.34, 0.46), between(rng, 0.16, 0.22), between(rng, -0.5, 0.5), rng
    )


def _rocket(
    paper: Paper, palette: Palette, x: float, y: float, size: float, tilt: float, rng: np.random.Generator
) -> None:
    def at(across: float, down: float) -> Point:
        return _spun(x, y, size, tilt, across, down)

    trail = [at(0, 0.5), at(0.09, 0.9), at(0, between(rng, 1.3, 1.8)), at(-0.09, 0.9)]
    paper.polygon([at(-0.14, 0.42), at(-0.16, 0.7), at(0, 1.05), at(0.16, 0.7), at(0.14, 0.42)], palette.second)
    paper.polygon(trail, palette.paper)
    for side in (-1, 1):
        paper.polygon([at(side * 0.16, 0.05), at(side * 0.36, 0.55), at(side * 0.12, 0.42)], palette.accent)
    hull = [
        at(0.2 * math.sin(math.pi * (0.12 + 0.8 * share)) * (1 if share < 1 else 0), -0.62 + 1.06 * share)
        for share in np.linspace(0, 1, 24)
    ]
    left = [
        at(-0.2 * math.sin(math.pi * (0.12 + 0.8 * share)), -0.62 + 1.06 * share) for share in np.linspace(1, 0, 24)
    ]
    paper.polygon([at(0, -0.72), *hull[:-1], *left], palette.paper)
    paper.circle(*at(0, -0.15), size * 0.085, palette.shade)
    paper.circle(*at(0, -0.15), size * 0.055, palette.tint)
