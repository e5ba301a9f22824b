"""What belongs to a stage: a mirror ball over the floor, and a burst of rays with a sign in the middle."""

import math

import numpy as np

from models.sketch.covers.canvas import Colour, Paper, Point, Stencil, ball, glow, mix
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette


def paint_mirrorball(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A ball of mirrors that throws beams and spots of light across the room."""
    rooms = [
        palette.shade,
        mix(palette.accent, palette.ink, 0.45),
        mix(palette.second, palette.ink, 0.45),
        palette.tone,
    ]
    room = pick(rng, [palette.ink, *rooms[:3]] if palette.night else rooms)
    paper.fill(room)
    middling, huge = (
        (between(rng, 0.34, 0.66), between(rng, 0.38, 0.52), between(rng, 0.22, 0.32)),
        (between(rng, 0.12, 0.3), between(rng, 0.62, 0.78), between(rng, 0.42, 0.52)),
    )
    x, y, radius = middling if rng.random() < 0.65 else huge
    beams = Stencil()
    turn, count = between(rng, 0, 30), pick(rng, (9, 12, 15))
    for beam in range(count):
        start = turn + beam * 360 / count
        beams.sector(x, y, 1.5, start, start + 360 / count * 0.5)
    paper.press(beams, mix(room, palette.tint if room == palette.tone else palette.tone, 0.4))
    paper.grain(beams, glow(x, y, 0.75, 0.8), palette.second if rng.random() < 0.5 else palette.tone, rng)
    for _ in range(some(rng, 60, 110)):
        angle, far = between(rng, 0, 2 * math.pi), between(rng, radius * 1.15, 0.85)
        spot_x, spot_y = x + far * math.cos(angle), y + far * math.sin(angle)
        long, wide = 0.006 + 0.028 * far, 0.006 + 0.01 * far
        corners: list[Point] = []
        for along, across in ((-1, -0.7), (1, -1), (1, 1), (-1, 0.7)):
            corners.append(
                (
                    spot_x + math.cos(angle) * along * long - math.sin(angle) * across * wide,
                    spot_y + math.sin(angle) * along * long + math.cos(angle) * across * wide,
                )
            )
        paper.polygon(corners, pick(rng, (palette.accent, palette.second, palette.tint, palette.paper)))
    paper.rectangle(x - 0.004, 0, x + 0.004, y, palette.paper)
    paper.rectangle(x - 0.025, y - radius - 0.024, x + 0.025, y - radius + 0.02, palette.tint, 0.005)
    disc = Stencil()
    disc.circle(x, y, radius)
    paper.press(disc, palette.ink)
    _mirrors(paper, palette, x, y, radius, rng)
    paper.grain(disc, ball(235, 0.6), palette.ink, rng)
    for _ in range(some(rng, 2, 4)):
        _sparkle(
            paper,
            palette.paper,
            x + between(rng, -0.8, 0.6) * radius * 0.8,
            y - between(rng, -0.2, 0.8) * radius * 0.8,
            between(rng, 0.04, 0.08),
        )


def _mirrors(paper: Paper, palette: Palette, x: float, y: float, radius: float, rng: np.random.Generator) -> None:
    rows, gap = 15, 0.06
    inks = (palette.shade, palette.tone, palette.tone, palette.second, palette.tint, palette.accent, palette.paper)
    turn = between(rng, 0, 1)
    for row in range(rows):
        north, south = ((row + gap) / rows - 0.5) * math.pi, ((row + 1 - gap) / rows - 0.5) * math.pi
        columns = max(6, round(34 * math.cos((north + south) / 2)))
        for column in range(columns):
            west = ((column + turn + gap) / columns * 2 - 1) * math.pi
            east = ((column + turn + 1 - gap) / columns * 2 - 1) * math.pi
            if math.cos((west + east) / 2) < 0.05:
                continue
            corners = [
                (x + radius * math.cos(lat) * math.sin(lon), y + radius * math.sin(lat))
                for lat, lon in ((north, west), (north, east), (south, east), (south, west))
            ]
            middle = (west + east) / 2
            lit = -0.45 * math.sin(middle) - 0.55 * math.sin(north) + 0.5 * math.cos(middle)
            level = 0.2 + 0.42 * lit + between(rng, -0.2, 0.42)
            paper.polygon(corners, inks[min(len(inks) - 1, max(0, int(level * len(inks))))])


def _sparkle(paper: Paper, ink: Colour, x: float, y: float, size: float) -> None:
    """A star of four thin points."""
    points: list[Point] = []
    for corner in range(8):
        reach = size if corner % 2 == 0 else size * 0.13
        angle = corner * math.pi / 4
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    paper.polygon(points, ink)


def paint_burst(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Rays from one point, halftone dots, and a sign in the middle: bolt, star, eye, heart or target."""
    grounds = (
        (palette.ink, palette.shade, palette.tone) if palette.night else (palette.paper, palette.tint, palette.sun)
    )
    ground = pick(rng, grounds)
    first = pick(rng, [ink for ink in (palette.accent, palette.second, palette.tone, palette.tint) if ink != ground])
    paper.fill(ground)
    x, y = between(rng, 0.4, 0.6), between(rng, 0.42, 0.58)
    rays, count = Stencil(), some(rng, 10, 20)
    turn = between(rng, 0, 360)
    for ray in range(count):
        start = turn + ray * 360 / count
        rays.sector(x, y, 1.6, start, start + 180 / count)
    paper.press(rays, first)
    _halftone(paper, palette.ink if not palette.night else palette.shade, x, y, rng)
    spikes = some(rng, 12, 22)
    for size, ink in (
        (between(rng, 0.3, 0.37), palette.ink),
        (0.28, palette.second if first == palette.accent else palette.accent),
    ):
        _star(paper, ink, x, y, size, spikes, between(rng, 0.62, 0.8), rng)
    sign = pick(rng, ("bolt", "star", "eye", "heart", "disc"))
    ink = palette.paper
    if sign == "bolt":
        shape = [
            (0.05, -0.26),
            (-0.13, 0.04),
            (-0.015, 0.03),
            (-0.07, 0.27),
            (0.14, -0.06),
            (0.02, -0.045),
            (0.12, -0.24),
        ]
        for shift, colour in ((0.012, palette.ink), (0.0, ink)):
            paper.polygon([(x + px * 0.85 + shift, y + py * 0.85 + shift) for px, py in shape], colour)
    elif sign == "star":
        _star(paper, ink, x, y, 0.19, 5, 0.42, None)
    elif sign == "eye":
        _eye(paper, palette, x, y)
    elif sign == "heart":
        heart = [
            (
                x + 0.0115 * 16 * math.sin(t) ** 3 * 0.9,
                y - 0.0105 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)),
            )
            for t in np.linspace(0, 2 * math.pi, 90)
        ]
        paper.polygon(heart, ink)
    else:
        for radius, colour in ((0.17, ink), (0.125, palette.ink), (0.08, palette.accent)):
            paper.circle(x, y, radius, colour)


def _halftone(paper: Paper, ink: Colour, x: float, y: float, rng: np.random.Generator) -> None:
    """Dots on a turned grid, larger towards the edges of the sheet."""
    pitch, angle = between(rng, 0.022, 0.03), between(rng, 0.2, 0.6)
    cos, sin = math.cos(angle), math.sin(angle)
    reach = int(1.1 / pitch)
    for row in range(-reach, reach):
        for column in range(-reach, reach):
            dot_x = x + (column * cos - row * sin) * pitch
            dot_y = y + (column * sin + row * cos) * pitch
            if -0.03 < dot_x < 1.03 and -0.03 < dot_y < 1.03:
                radius = pitch * 0.78 * min(1.0, max(0.0, math.hypot(dot_x - x, dot_y - y) * 1.5 - 0.42))
                if radius > 0.0012:
                    paper.circle(dot_x, dot_y, radius, ink)


def _star(
    paper: Paper,
    ink: Colour,
    x: float,
    y: float,
    size: float,
    spikes: int,
    inner: float,
    rng: np.random.Generator | None,
) -> None:
    points: list[Point] = []
    for corner in range(2 * spikes):
        rough = 1.0 if rng is None else between(rng, 0.88, 1.12)
        reach = size * rough * (1 if corner % 2 == 0 else inner)
        angle = corner * math.pi / spikes - math.pi / 2
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    paper.polygon(points, ink)


def _eye(paper: Paper, palette: Palette, x: float, y: float) -> None:
    half, lid = 0.21, 0.115
    upper = [(x - half + 2 * half * step / 30, y - lid * math.sin(step / 30 * math.pi)) for step in range(31)]
    lower = [(x + half - 2 * half * step / 30, y + lid * math.sin(step / 30 * math.pi)) for step in range(31)]
    paper.polygon([*upper, *lower], palette.paper)
    for radius, ink in ((0.1, palette.tone), (0.06, palette.ink)):
        paper.circle(x, y, radius, ink)
    paper.circle(x - 0.028, y - 0.03, 0.018, palette.paper)
    for lash in range(7):
        angle = math.radians(-150 + lash * 20)
        paper.line(
            [
                (x + 0.15 * math.cos(angle), y + 0.13 * math.sin(angle)),
                (x + 0.21 * math.cos(angle), y + 0.19 * math.sin(angle)),
            ],
            0.009,
            palette.ink,
        )
