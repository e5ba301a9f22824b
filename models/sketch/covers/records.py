"""A record: on its turntable, half out of its sleeve, or so near that only its grooves are left."""

import numpy as np

from models.sketch.covers.canvas import Paper, Stencil, fade, mix
from models.sketch.covers.noise import between, pick, some
from models.sketch.covers.palette import Palette


def paint_record(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """A record, whole or half out of its sleeve, with the arm on it and light on its grooves."""
    ground = palette.accent if rng.random() < 0.4 else (palette.shade if palette.night else palette.tint)
    paper.fill(ground)
    layout = pick(rng, ("table", "sleeve", "corner"))
    stripes = [palette.second, palette.paper, palette.tone]
    if layout == "table":
        x, y, radius = 0.46, 0.52, between(rng, 0.35, 0.4)
        paper.rectangle(0, 0.5, 1, 1, mix(ground, palette.ink, 0.25))
        for index, ink in enumerate(stripes):
            paper.rectangle(0, 0.5 + index * 0.028 - 0.042, 1, 0.5 + (index + 1) * 0.028 - 0.042, ink)
    elif layout == "sleeve":
        x, y, radius = between(rng, 0.6, 0.68), 0.5, 0.33
    else:
        x, y, radius = pick(rng, (0.12, 0.88)), pick(rng, (0.2, 0.85)), between(rng, 0.6, 0.72)
        for index, ink in enumerate((*stripes, palette.ink)):
            paper.ring(x, y, radius + 0.05 * (4 - index), 0.05, ink)
    shadow = Stencil()
    shadow.circle(x + 0.014, y + 0.02, radius)
    paper.press(shadow, mix(ground, palette.ink, 0.6))
    disc = Stencil()
    disc.circle(x, y, radius)
    paper.press(disc, palette.ink)
    for wing in (between(rng, 200, 250), between(rng, 200, 250) + 180):
        shine = Stencil()
        shine.sector(x, y, radius * 0.985, wing - 13, wing + 13)
        paper.press(shine, mix(palette.ink, palette.tone, 0.4))
        shine = Stencil()
        shine.sector(x, y, radius * 0.985, wing - 5, wing + 5)
        paper.press(shine, mix(palette.ink, palette.tint, 0.55))
    groove = radius * 0.96
    while groove > radius * 0.42:
        paper.ring(x, y, groove, 0.0022, mix(palette.ink, palette.tone, 0.3))
        groove -= radius * pick(rng, (0.02, 0.02, 0.02, 0.045))
    label = radius * 0.36
    paper.circle(x, y, label, palette.second if ground == palette.accent else palette.accent)
    tilt = between(rng, 0, 360)
    paper.sector(x, y, label, tilt, tilt + 180, palette.paper)
    paper.ring(x, y, label * 0.8, 0.004, palette.ink)
    paper.circle(x, y, radius * 0.035, palette.ink)
    if layout == "sleeve":
        _jacket(paper, palette, rng)
    elif layout == "table":
        _arm(paper, palette, x, y, radius)


def _jacket(paper: Paper, palette: Palette, rng: np.random.Generator) -> None:
    """The cardboard that the record slides out of, with a small print of its own."""
    cover = Stencil()
    cover.rectangle(0.07, 0.16, 0.66, 0.84, radius=0.006)
    paper.press(cover, palette.paper)
    inks = [palette.accent, palette.second, palette.tone, palette.shade]
    with paper.inside(cover):
        kind = pick(rng, ("suns", "stripes", "hill"))
        for index in range(4):
            ink = inks[(index + some(rng, 0, 3)) % 4]
            if kind == "suns":
                paper.circle(0.365, 0.5, 0.27 - index * 0.065, inks[index])
            elif kind == "stripes":
                paper.polygon(
                    [
                        (0.07 + index * 0.17, 0.16),
                        (0.17 + index * 0.17, 0.16),
                        (-0.05 + index * 0.17, 0.84),
                        (-0.15 + index * 0.17, 0.84),
                    ],
                    inks[index],
                )
            else:
                paper.ellipse(0.15 + index * 0.14, 0.9, 0.3, 0.34 - index * 0.05, ink)
    paper.grain(cover, fade(0, 0.3, 0.7), palette.ink, rng)


def _arm(paper: Paper, palette: Palette, x: float, y: float, radius: float) -> None:
    base_x, base_y = 0.9, 0.16
    elbow, head = (0.88, 0.62), (x + radius * 0.58, y + radius * 0.62)
    paper.circle(base_x, base_y, 0.062, mix(palette.tint, palette.ink, 0.35))
    paper.circle(base_x, base_y, 0.04, palette.paper)
    paper.line([(base_x, base_y - 0.09), (base_x, base_y), elbow, head], 0.016, palette.paper)
    paper.circle(*elbow, 0.008, palette.paper)
    along, down = head[0] - elbow[0], head[1] - elbow[1]
    paper.line([head, (head[0] + along * 0.42, head[1] + down * 0.42)], 0.034, palette.second)
