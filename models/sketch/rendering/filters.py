"""Filters: Butterworth cuts, bells and shelves as second-order sections, run over long signals in place."""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from models.sketch.rendering.audio import BLOCK, SAMPLE_RATE, Audio

Sections = NDArray[np.float64]

# A whisper of noise at -260 dB. Without it a filter that fades out over silence works with denormal numbers, which
# processors take ten times as long to handle.
_WHISPER = np.random.default_rng(0).standard_normal((2, BLOCK)) * 1e-13


@lru_cache(maxsize=256)
def highpass(frequency: float, order: int = 2) -> Sections:
    """Return a Butterworth high-pass at `frequency` Hz."""
    return np.asarray(signal.butter(order, frequency, "highpass", fs=SAMPLE_RATE, output="sos"))


@lru_cache(maxsize=256)
def lowpass(frequency: float, order: int = 2) -> Sections:
    """Return a Butterworth low-pass at `frequency` Hz."""
    return np.asarray(signal.butter(order, frequency, "lowpass", fs=SAMPLE_RATE, output="sos"))


@lru_cache(maxsize=256)
def bandpass(low: float, high: float, order: int = 2) -> Sections:
    """Return a Butterworth band-pass from `low` to `high` Hz."""
    edges = (low, min(high, SAMPLE_RATE / 2 - 1000))
    return np.asarray(signal.butter(order, edges, "bandpass", fs=SAMPLE_RATE, output="sos"))


@lru_cache(maxsize=256)
def bell(frequency: float, decibels: float, q: float = 1.0) -> Sections:
    """Return a peaking filter (R. Bristow-Johnson, Audio EQ Cookbook)."""
    amplitude = 10 ** (decibels / 40)
    omega = 2 * np.pi * frequency / SAMPLE_RATE
    alpha = np.sin(omega) / 2 / q
    top = [1 + alpha * amplitude, -2 * np.cos(omega), 1 - alpha * amplitude]
    bottom = [1 + alpha / amplitude, -2 * np.cos(omega), 1 - alpha / amplitude]
    return np.asarray(np.array([[*top, *bottom]]) / bottom[0])


@lru_cache(maxsize=256)
def shelf(frequency: float, decibels: float, side: Literal["low", "high"] = "high", q: float = 0.7) -> Sections:
    """Return a shelf that lifts everything below or above `frequency` Hz (Audio EQ Cookbook)."""
    amplitude = 10 ** (decibels / 40)
    omega = 2 * np.pi * frequency / SAMPLE_RATE
    cosine, alpha = np.cos(omega), np.sin(omega) / 2 / q
    sign = 1 if side == "high" else -1
    more, less, slope = amplitude + 1, amplitude - 1, 2 * np.sqrt(amplitude) * alpha
    top = [
        amplitude * (more + sign * less * cosine + slope),
        -sign * 2 * amplitude * (less + sign * more * cosine),
        amplitude * (more + sign * less * cosine - slope),
    ]
    bottom = [
        more - sign * less * cosine + slope,
        sign * 2 * (less - sign * more * cosine),
        more - sign * less * cosine - slope,
    ]
    return np.asarray(np.array([[*top, *bottom]]) / bottom[0])


def apply_filters(samples: Audio, *filters: Sections) -> Audio:
    """Run `filters` one after the other over `samples`, mono or stereo, in place; return `samples`.

    Inside it is float64: a 30 Hz high-pass at 48 kHz is noisy in single precision.
    """
    if not filters:
        return samples
    sections = np.vstack(filters)
    state = np.zeros((len(sections), *samples.shape[:-1], 2))
    for start in range(0, samples.shape[-1], BLOCK):
        block = samples[..., start : start + BLOCK]
        whisper = _WHISPER[..., : block.shape[-1]] if samples.ndim == 2 else _WHISPER[0, : block.shape[-1]]
        block[...], state = signal.sosfilt(sections, block + whisper, axis=-1, zi=state)
    return samples
