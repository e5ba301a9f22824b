"""Smooth random curves and fields, and the two draws that every drawing makes: a number between, and one of several."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import CubicSpline

from models.sketch.covers.canvas import Field

Thing = TypeVar("Thing")


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """An even draw from `low` to `high`."""
    return float(rng.uniform(low, high))


def pick(rng: np.random.Generator, things: Sequence[Thing]) -> Thing:
    """One of `things`."""
    return things[int(rng.integers(len(things)))]


def some(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def curve(
    count: int, waves: float, rng: np.random.Generator, octaves: int = 3, gain: float = 0.45
) -> NDArray[np.float64]:
    """`[count]` values from 0 to 1 that wander in about `waves` waves, rougher with every octave."""
    total = np.zeros(count)
    for octave in range(octaves):
        knots = int(waves * 2**octave) + 3
        spline = CubicSpline(np.linspace(0, 1, knots), rng.standard_normal(knots))
        total += gain**octave * spline(np.linspace(0, 1, count))
    total -= total.min()
    return total / max(float(total.max()), 1e-9)


def field(side: int, waves: float, rng: np.random.Generator, octaves: int = 3, gain: float = 0.5) -> Field:
    """`[side, side]` values from 0 to 1: smooth noise of about `waves` waves across, rougher with every octave."""
    total = np.zeros((side, side), dtype=np.float32)
    for octave in range(octaves):
        cells = int(waves * 2**octave) + 4
        coarse = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
        # The margin of two cells keeps the resampling filter away from the edge, where it would go flat.
        margin = 1.5
        box = (margin, margin, cells - margin, cells - margin)
        total += gain**octave * np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC, box=box))
    total -= total.min()
    result: Field = total / max(float(total.max()), 1e-9)
    return result


def above(values: Field, level: float) -> Field:
    """Coverage (0 to 1) of where `values` exceeds `level`, its edge one pixel soft whatever the slope."""
    down, across = np.gradient(values)
    slope = np.maximum(np.hypot(across, down), 1e-6)
    result: Field = np.clip((values - level) / slope + 0.5, 0, 1)
    return result


def enlarge(values: Field, side: int) -> Field:
    """A coarse square field, resampled smoothly to `[side, side]`."""
    image = Image.fromarray(np.asarray(values, dtype=np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
