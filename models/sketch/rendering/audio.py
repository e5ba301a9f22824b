"""The shape of sound in here: stereo float32 arrays, and how pieces are laid into them."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000

# Stereo is [2, samples], mono [samples]; full scale is ±1.0.
Audio = NDArray[np.float32]

# Long signals are worked through in pieces of this many samples, so that what is between two steps stays in the cache.
BLOCK = 1 << 16


def silence(length: int) -> Audio:
    """Return `length` samples of stereo silence."""
    return np.zeros((2, length), np.float32)


def to_gain(decibels: float) -> float:
    """Return the factor that `decibels` stand for."""
    return float(10.0 ** (decibels / 20.0))


def lay(target: Audio, start: int, piece: Audio, gain: float | Audio = 1.0) -> None:
    """Add `piece` times `gain` to `target` from sample `start` on; what falls outside `target` is lost.

    `gain` is a number or, as `[2, 1]`, one for each channel. A mono piece lands on both channels.
    """
    skip = max(0, -start)
    first = start + skip
    end = min(target.shape[-1], start + piece.shape[-1])
    if end > first:
        target[..., first:end] += piece[..., skip : skip + end - first] * np.asarray(gain, np.float32)


def pan_gains(pan: float) -> Audio:
    """Return the `[2, 1]` gains of a position from -1 (left) to 1 (right): equal power, 1.0 for both in the centre.

    A channel is never raised by more than 2 dB, so that a stereo instrument keeps its balance when it moves aside.
    """
    angle = (pan + 1.0) * np.pi / 4.0
    gains = np.minimum(np.sqrt(2.0) * np.array([[np.cos(angle)], [np.sin(angle)]]), 1.25)
    return np.asarray(gains, np.float32)
