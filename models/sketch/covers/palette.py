"""The inks: two dozen limited palettes, each with the mood it suits, and the choice among them."""

from dataclasses import dataclass, replace

import numpy as np

from models.sketch.covers.canvas import Colour, mix


@dataclass(frozen=True, slots=True)
class Palette:
    """Seven inks: a ramp from `ink` (darkest) over `shade`, `tone` and `tint` to `paper` (lightest), and two strangers.

    `accent` is the one that catches the eye. `night` palettes want a dark ground. `valence` and `energy` say which mood
    they suit, from -1.0 (sad, still) to 1.0 (happy, wild).
    """

    name: str
    valence: float
    energy: float
    night: bool
    ink: Colour
    shade: Colour
    tone: Colour
    tint: Colour
    paper: Colour
    accent: Colour
    second: Colour

    @property
    def sun(self) -> Colour:
        """The warmer of the two strangers: what a sun or a lit window is printed in."""
        return max(self.accent, self.second, key=lambda colour: colour[0] - colour[2])

    @property
    def sunset(self) -> Colour:
        """What the sun turns into lower down: the other stranger if it is warm too, else a deeper sun."""
        other = self.second if self.sun == self.accent else self.accent
        return other if other[0] > other[2] + 40 else mix(self.sun, self.shade, 0.4)

    def ramp(self, share: float) -> Colour:
        """The colour at `share` of the way from paper (0.0) to ink (1.0)."""
        stops = (self.paper, self.tint, self.tone, self.shade, self.ink)
        position = min(max(share, 0.0), 1.0) * (len(stops) - 1)
        index = min(int(position), len(stops) - 2)
        return mix(stops[index], stops[index + 1], position - index)

    def colourway(self, rng: np.random.Generator) -> "Palette":
        """The same inks in another order: how the takes of one song differ and still belong together."""
        turned = replace(self, accent=self.second, second=self.accent) if rng.random() < 0.5 else self
        return replace(turned, night=not turned.night) if rng.random() < 0.35 else turned


# name, valence, energy, ground, then ink shade tone tint paper accent second
_TABLE = """
harbour    +0.3 -0.2 day   1c2c46 1f4d46 3e7f68 9cc5d3 f1e8d6 f2a93b c8513a
tram       +0.4 +0.3 day   2b1626 573144 c8513a edb9a6 f1e8d6 f2a93b 3e7f68
greenhouse +0.3 -0.4 night 0b2a24 143f35 3e7f68 a8d5be f1e8d6 f2a93b edb9a6
ember      -0.3 +0.7 night 1a0f16 4a1528 a3293a e8836b f6e3cf f2a93b 2f7f80
midnight   -0.2 -0.5 night 0f1a2e 1f3354 446792 9cc5d3 f0eee2 f2c14e d9694f
neon       +0.1 +0.6 night 160a33 3a1766 8d2f9e f29ac0 fdf0d9 ff4a86 34c3c0
acid       -0.2 +0.7 night 101213 262d30 66726d bcc7b6 f2f2e4 d3ee14 ff5a36
citrus     +0.8 +0.5 day   1d3040 17616b 2a9d8f f7d488 fff5de ff6b4a f2b01e
candy      +0.8 +0.7 day   2b1b4d 6a2c91 e8508f f9b9cc fff2e6 ffb31a 2e9bd6
terracotta +0.5 +0.3 day   2a1612 6e2a1f c4562e efb07a fbeacb 1f7a6d f2b632
indigo     -0.2 -0.2 night 10142b 26325c 4c62a0 a9b8d9 f1e9da e2703a f0b84a
moss       +0.3 -0.3 day   1e2417 3d4a2a 7a8450 cfc6a0 f5eeda c65a2e e3a93b
winter     -0.2 -0.6 day   14212e 2f4a5f 6f93a8 c6dbe0 f6f5ee d9593d f0c05a
iron       -0.8 +0.9 night 0d0c0d 2b2426 746d68 c6bbac efe6d6 c9242c e39b2d
bluenote   +0.2 +0.1 day   0f1a24 123c5a 2878a8 9fc9d8 f3ead7 e8452c f0b23e
rose       +0.1 -0.2 night 2a1220 5d2140 a8456a eaa6a6 fae6da f0a14a 4f8790
dusk       +0.0 -0.5 night 1d1633 433066 7f66a3 c7b5dc f4ecea f2a07b 5fb5a8
sand       +0.1 +0.0 day   2e1b1d 6a3a35 b9744f e6c08f faf0dc c8412f 2f6a6a
owl        +0.0 -0.3 night 0a1a1c 123634 2e6a5e 8fbfa4 eef0dc f2d15c e0693e
arcade     +0.6 +0.7 night 15122b 3a2a6b 3f6fd1 8fd6e8 fff5d6 ff5d5d ffc93c
letter     -0.1 -0.4 day   1a1919 46403c 94897e d6cbba f6f0e4 b3392f c79a3b
sunrise    +0.6 +0.0 day   2b2146 7a3b6b e0705c f7bd8a fff1d9 ffcf3f 3c8f8c
lagoon     -0.1 +0.2 day   14191f 20464c 3f8583 b5d3c2 f3e9d8 c63a2f e8a33d
storm      -0.5 +0.1 night 12161c 2c3645 5b6c7e a9b7be efe9dd e9b53a b3463c
"""


def _colour(digits: str) -> Colour:
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _read(row: str) -> Palette:
    name, valence, energy, ground, *inks = row.split()
    return Palette(name, float(valence), float(energy), ground == "night", *(_colour(ink) for ink in inks))


PALETTES: tuple[Palette, ...] = tuple(_read(row) for row in _TABLE.strip().splitlines())


def choose_palette(
    valence: float, energy: float, night: bool | None, favourites: tuple[str, ...], rng: np.random.Generator
) -> Palette:
    """The palette nearest to a mood (-1.0 to 1.0 each), with enough chance that two sad songs need not look alike.

    `night` None means that either ground will do. Palettes named in `favourites` are preferred.
    """

    def distance(palette: Palette) -> float:
        mood = abs(palette.valence - valence) + 0.8 * abs(palette.energy - energy)
        wrong_ground = 0.5 if night is not None and palette.night != night else 0.0
        favoured = 0.6 if palette.name in favourites else 0.0
        return mood + wrong_ground - favoured + 0.7 * float(rng.random())

    return min(PALETTES, key=distance)
