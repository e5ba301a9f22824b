"""Broken things: a sheet of shards lit from one point, and a figure cut into slices that have slipped."""

import math

import numpy as np
from scipy.spatial import Delaunay

from models.sketch.covers.canvas import Colour, Paper, Stencil, fade, mix
from models.sketch.covers.noise import between, field, pick, some
from models.sketch.covers.palette import Palette


def paint_shards(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """Triangles, finer towards the light, with a few that flash in the accent ink."""
    layout = pick(rng, ("crater", "crystal"))
    x, y = between(rng, 0.34, 0.66), between(rng, 0.34, 0.62)
    inks = [palette.ramp(share) for share in (0.04, 0.2, 0.36, 0.52, 0.68, 0.84, 1.0)]
    if not palette.night:
        inks.reverse()
    if layout == "crystal":
        _crystal(paper, palette, rng)
        return
    far = rng.uniform(-0.2, 1.2, (some(rng, 70, 140), 2))
    near = np.array([x, y]) + rng.normal(0, 0.13, (some(rng, 60, 110), 2))
    points = np.vstack([far, near])
    swell = field(64, 2, rng, 3)
    flash = between(rng, 0.03, 0.09)
    for corners in points[Delaunay(points).simplices]:
        middle_x, middle_y = corners.mean(axis=0)
        row, column = min(63, max(0, int(middle_y * 64))), min(63, max(0, int(middle_x * 64)))
        dark = (
            math.hypot(middle_x - x, middle_y - y) * 1.75
            + (float(swell[row, column]) - 0.5) * 0.75
            + float(rng.normal(0, 0.09))
        )
        ink = inks[min(len(inks) - 1, max(0, int(dark * len(inks))))]
        if dark < 0.62 and rng.random() < flash * 3:
            ink = palette.accent if rng.random() < 0.75 else palette.second
        paper.polygon([(float(corner_x), float(corner_y)) for corner_x, corner_y in corners], ink)
    sheet = Stencil()
    sheet.rectangle(0, 0, 1, 1)
    paper.grain(sheet, fade(between(rng, 0, 360), 0.25, 0.5), palette.ink, rng)


def _crystal(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A fan of long facets that grows from below against a disc of light."""
    ground = palette.ink if palette.night else palette.paper
    paper.fill(ground)
    disc = Stencil()
    disc.circle(0.5 + between(rng, -0.12, 0.12), between(rng, 0.36, 0.46), between(rng, 0.27, 0.35))
    paper.press(disc, palette.accent)
    paper.grain(disc, fade(90, 0.9, 0.2), palette.ink if palette.night else palette.second, rng)
    count = some(rng, 9, 14)
    order = sorted(range(count), key=lambda index: -abs(index - (count - 1) / 2) + between(rng, -1.5, 1.5))
    for index in order:
        lean = (index - (count - 1) / 2) / count * 2
        foot = 0.5 + lean * 0.42
        length = (1.0 - 0.5 * abs(lean)) * between(rng, 0.48, 0.86)
        angle = math.radians(-90 + lean * 48 + between(rng, -7, 7))
        half = between(rng, 0.035, 0.075)
        ahead, aside = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

        def place(
            along: float,
            across: float,
            foot: float = foot,
            ahead: tuple[float, float] = ahead,
            aside: tuple[float, float] = aside,
        ) -> tuple[float, float]:
            return foot + ahead[0] * along + aside[0] * across, 1.05 + ahead[1] * along + aside[1] * across

        shoulder, spine = length * between(rng, 0.74, 0.86), between(rng, -0.3, 0.35) * half
        shade = between(rng, 0.1, 0.6)
        left, right = palette.ramp(shade), palette.ramp(min(1.0, shade + 0.36))
        paper.polygon(
            [
                place(0, -half),
                place(shoulder, -half),
                place(length, spine),
                place(shoulder * 0.94, spine),
                place(0, spine),
            ],
            left,
        )
        facet = Stencil()
        facet.polygon([place(0, half), place(shoulder * 0.96, half), place(length, spine), place(0, spine)])
        paper.press(facet, right)
        paper.grain(facet, fade(90, 0.7, 0.2), palette.ink, rng)


def paint_slices(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A plain figure printed in misaligned inks, cut into strips, and the strips slipped."""
    ground = palette.ink if palette.night else palette.paper
    paper.fill(ground)
    figure = pick(rng, ("rings", "sun", "triangle", "face"))
    strong, weak = palette.accent, palette.second
    if figure == "rings":
        for index, ink in enumerate((palette.tone, strong, ground, weak, ground, palette.tint)):
            paper.circle(0.5, 0.5, 0.4 - index * 0.066, ink)
    elif figure == "sun":
        for shift, ink in ((-0.035, weak), (0.035, palette.tone), (0.0, strong)):
            disc = Stencil()
            disc.circle(0.5 + shift, 0.5, 0.34)
            paper.press(disc, ink)
        paper.grain(disc, fade(90, 0.9, 0.1), palette.ink, rng)
    elif figure == "triangle":
        for index, ink in enumerate((weak, palette.tone, strong, ground, palette.tint, ground)):
            size = 0.47 - index * 0.075
            corners = [
                (0.5 + size * math.cos(math.radians(a)), 0.54 + size * math.sin(math.radians(a)))
                for a in (-90, 30, 150)
            ]
            paper.polygon(corners, ink)
    else:
        _face(paper, palette, strong, weak)
    _slip(paper, palette, ground, rng)


def _face(paper: Paper, palette: Palette, strong: Colour, weak: Colour) -> None:
    """A head in profile: the one outline that stays readable however it is cut."""
    outline = [
        (0.3, 1.02), (0.36, 0.83), (0.27, 0.7), (0.225, 0.52), (0.24, 0.34), (0.32, 0.2), (0.46, 0.125), (0.6, 0.14), (0.7, 0.22),
        (0.735, 0.33), (0.73, 0.4), (0.79, 0.52), (0.745, 0.545), (0.75, 0.6), (0.735, 0.62), (0.745, 0.65), (0.725, 0.675),
        (0.72, 0.74), (0.685, 0.77), (0.58, 0.77), (0.575, 0.85), (0.64, 1.02),
    ]  # fmt: skip
    for shift, ink in ((-0.05, weak), (0.0, strong)):
        paper.polygon([(x + shift, y) for x, y in outline], ink)
    paper.circle(0.5, 0.42, 0.14, palette.paper if palette.night else palette.ink)
    paper.circle(0.5, 0.42, 0.085, weak)
    paper.circle(0.5, 0.42, 0.035, palette.paper if palette.night else palette.ink)


def _slip(paper: Paper, palette: Palette, ground: Colour, rng: np.random.Generator) -> None:
    """Cut the sheet into strips, along or across, and move each by its own share."""
    sideways = rng.random() < 0.75
    start = 0.0
    while start < 1.0:
        thick = pick(rng, (0.012, 0.02, 0.035, 0.05, 0.08))
        slip = 0.0 if rng.random() < 0.3 else float(rng.normal(0, 0.085))
        end = min(1.0, start + thick)
        paper.shift((0, start, 1, end) if sideways else (start, 0, end, 1), slip, sideways, ground)
        if rng.random() < 0.06:
            ink, bar = pick(rng, (palette.accent, palette.second, palette.tint)), start + thick / 3
            if sideways:
                paper.rectangle(0, start, 1, bar, ink)
            else:
                paper.rectangle(start, 0, bar, 1, ink)
        start += thick
    for _ in range(some(rng, 6, 14)):
        x, y, long = between(rng, 0, 0.9), between(rng, 0.05, 0.95), between(rng, 0.03, 0.14)
        ink = pick(rng, (palette.tone, palette.tint, palette.second))
        paper.rectangle(x, y, x + long, y + 0.008, mix(ink, ground, 0.2))
