"""The printing table: flat inks, stencils and grain on a supersampled square, in coordinates from 0 to 1, y downwards."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[int, int, int, int]
Field = NDArray[np.floating[Any]]
# Takes x and y of every grain (0 to 1, from the stencil's own bounding box) and gives the share of grains printed.
Density = Callable[[Field, Field], Field]

SIZE = 1024
# Three subpixels a side give ten levels of edge, enough for nearly horizontal lines to look smooth.
SCALE = 3
INKED = 255


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` (0 to 1) of the way from `first` to `second`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


class _Surface:
    """Shapes on a Pillow image of either mode; `Paper` and `Stencil` say what the ink is."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._draw = ImageDraw.Draw(image)
        self._side = image.width
        # Where `image` begins on the whole sheet, in subpixels: other than (0, 0) while a part of it is worked on.
        self._origin = (0, 0)

    def _place(self, points: Sequence[Point]) -> list[Point]:
        left, top = self._origin
        return [(x * self._side - left, y * self._side - top) for x, y in points]

    def _box(self, x: float, y: float, across: float, down: float) -> list[float]:
        (left, top), (right, bottom) = self._place([(x - across, y - down), (x + across, y + down)])
        return [left, top, right, bottom]

    def polygon(self, points: Sequence[Point], ink: Colour | int = INKED) -> None:
        """Fill the outline through `points`."""
        self._draw.polygon(self._place(points), fill=ink)

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, ink: Colour | int = INKED, radius: float = 0.0
    ) -> None:
        """Fill a rectangle, its corners rounded by `radius`; one with no area prints nothing."""
        if right <= left or bottom <= top:
            return
        (first_x, first_y), (last_x, last_y) = self._place([(left, top), (right, bottom)])
        corners = [first_x, first_y, last_x - 1, last_y - 1]
        if corners[2] < corners[0] or corners[3] < corners[1]:
            return
        self._draw.rounded_rectangle(corners, radius * self._side, fill=ink)

    def circle(self, x: float, y: float, radius: float, ink: Colour | int = INKED) -> None:
        """Fill a circle around (x, y)."""
        self._draw.ellipse(self._box(x, y, radius, radius), fill=ink)

    def ellipse(self, x: float, y: float, across: float, down: float, ink: Colour | int = INKED) -> None:
        """Fill an upright ellipse with the half axes `across` and `down`."""
        self._draw.ellipse(self._box(x, y, across, down), fill=ink)

    def ring(self, x: float, y: float, radius: float, width: float, ink: Colour | int = INKED) -> None:
        """Draw a circle's line, `width` wide, inwards from `radius`."""
        self._draw.ellipse(self._box(x, y, radius, radius), outline=ink, width=max(1, round(width * self._side)))

    def sector(self, x: float, y: float, radius: float, start: float, end: float, ink: Colour | int = INKED) -> None:
        """Fill the slice of a circle from `start` to `end` degrees, clockwise from three o'clock."""
        self._draw.pieslice(self._box(x, y, radius, radius), start, end, fill=ink)

    def line(self, points: Sequence[Point], width: float, ink: Colour | int = INKED, round_ends: bool = False) -> None:
        """Draw an open line through `points`."""
        thick = max(1, round(width * self._side))
        self._draw.line(self._place(points), fill=ink, width=thick, joint="curve")
        if round_ends:
            for x, y in (points[0], points[-1]):
                self.circle(x, y, width / 2, ink)

    def ribbon(self, points: Sequence[Point], width: float, ink: Colour | int = INKED) -> None:
        """Draw a smooth curve as one outline: `line` leaves notches at the joints of wide bends."""
        path = np.array(points, dtype=np.float64)
        along = np.gradient(path, axis=0)
        along /= np.maximum(np.hypot(along[:, 0], along[:, 1])[:, None], 1e-9)
        aside = np.stack([-along[:, 1], along[:, 0]], axis=1) * (width / 2)
        outline = np.concatenate([path + aside, (path - aside)[::-1]])
        self.polygon([(float(x), float(y)) for x, y in outline], ink)


class Stencil(_Surface):
    """Where ink may pass: draw shapes to open it, then print through it."""

    def __init__(self) -> None:
        super().__init__(Image.new("L", (SIZE * SCALE, SIZE * SCALE), 0))

    def outside(self) -> "Stencil":
        """A stencil of everything that this one covers."""
        other = Stencil()
        other.image.paste(ImageChops.invert(self.image))
        return other


class Paper(_Surface):
    """The sheet that is printed on."""

    def __init__(self, ground: Colour) -> None:
        super().__init__(Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), ground))

    def fill(self, ink: Colour) -> None:
        """Cover the whole sheet."""
        self.image.paste(ink, (0, 0, *self.image.size))

    def _here(self, box: Box) -> Box:
        left, top = self._origin
        return box[0] - left, box[1] - top, box[2] - left, box[3] - top

    def press(self, stencil: Stencil, ink: Colour) -> None:
        """Print `ink` wherever `stencil` is open."""
        box = stencil.image.getbbox()
        if box is not None:
            self.image.paste(ink, self._here(box), stencil.image.crop(box))

    def overprint(self, stencil: Stencil, ink: Colour) -> None:
        """Print a transparent ink: what lies beneath shows through and darkens it, as where two screens overlap."""
        box = stencil.image.getbbox()
        if box is None:
            return
        beneath = self.image.crop(self._here(box))
        both = ImageChops.multiply(beneath, Image.new("RGB", beneath.size, ink))
        self.image.paste(both, self._here(box), stencil.image.crop(box))

    def spread(self, picture: Field) -> None:
        """Cover the sheet with `picture`, `[side, side, 3]` from 0 to 255: for drawings that are computed, not drawn."""
        colours = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
        self.image.paste(Image.fromarray(colours).resize(self.image.size, Image.Resampling.BICUBIC))

    def grain(self, stencil: Stencil, density: Density, ink: Colour, rng: np.random.Generator) -> None:
        """Shade what `stencil` opens with scattered grains of `ink`, the way a dry brush or a toothbrush does."""
        box = stencil.image.getbbox()
        if box is None:
            return
        left, top, right, bottom = box
        across, down = max(1, (right - left) // SCALE), max(1, (bottom - top) // SCALE)
        xs = np.linspace(0, 1, across, dtype=np.float32)[None, :]
        ys = np.linspace(0, 1, down, dtype=np.float32)[:, None]
        printed = rng.random((down, across), dtype=np.float32) < density(xs, ys)
        grains = Image.fromarray(printed.astype(np.uint8) * INKED).resize(
            (right - left, bottom - top), Image.Resampling.NEAREST
        )
        self.image.paste(ink, self._here(box), ImageChops.darker(grains, stencil.image.crop(box)))

    def shift(self, part: tuple[float, float, float, float], by: float, sideways: bool, ground: Colour) -> None:
        """Move a `part` of the sheet (left, top, right, bottom) sideways or downwards; `ground` shows where it was."""
        left, top, right, bottom = (round(edge * self._side) for edge in part)
        strip = self.image.crop((left, top, right, bottom))
        self.image.paste(ground, (left, top, right, bottom))
        distance = round(by * self._side)
        self.image.paste(strip, (left + distance, top) if sideways else (left, top + distance))

    @contextmanager
    def inside(self, stencil: Stencil) -> Iterator[None]:
        """Everything drawn in this block stays within `stencil`."""
        box = stencil.image.getbbox()
        if box is None:
            yield
            return
        # Only the part that the stencil opens is worked on: copying the whole sheet for every tile would take seconds.
        whole, origin = self.image, self._origin
        here = self._here(box)
        part = whole.crop(here)
        self._work_on(part, (box[0], box[1]))
        yield
        self._work_on(whole, origin)
        whole.paste(part, here, stencil.image.crop(box))

    def _work_on(self, image: Image.Image, origin: tuple[int, int]) -> None:
        self.image, self._origin, self._draw = image, origin, ImageDraw.Draw(image)

    def finish(self) -> Image.Image:
        """The printed sheet at its final size."""
        return self.image.reduce(SCALE)


def fade(direction: float, strength: float = 0.6, start: float = 0.0) -> Density:
    """Grain that thickens along `direction` (degrees clockwise from three o'clock) up to `strength`, from `start` on."""
    angle = math.radians(direction)
    along, down = math.cos(angle), math.sin(angle)
    lowest, highest = min(along, 0) + min(down, 0), max(along, 0) + max(down, 0)

    def density(xs: Field, ys: Field) -> Field:
        position = (xs * along + ys * down - lowest) / (highest - lowest)
        result: Field = np.clip((position - start) / (1 - start), 0, 1) ** 1.6 * strength
        return result

    return density


def glow(x: float, y: float, reach: float, strength: float = 0.6) -> Density:
    """Grain that is thickest at (x, y) of the bounding box and gone at the distance `reach`."""

    def density(xs: Field, ys: Field) -> Field:
        distance = np.hypot(xs - x, ys - y)
        result: Field = np.clip(1 - distance / reach, 0, 1) ** 1.5 * strength
        return result

    return density


def ball(light: float = 230.0, strength: float = 0.75) -> Density:
    """Grain in the shadow of a ball that is lit from `light` (degrees clockwise from three o'clock)."""
    angle = math.radians(light)
    lit_x, lit_y = 0.5 + 0.28 * math.cos(angle), 0.5 + 0.28 * math.sin(angle)

    def density(xs: Field, ys: Field) -> Field:
        distance = np.hypot(xs - lit_x, ys - lit_y)
        result: Field = np.clip((distance - 0.28) / 0.5, 0, 1) ** 1.7 * strength
        return result

    return density
