"""Gain over time: compressor, the pump of a side chain, and curves that follow the song."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.sketch.rendering.audio import SAMPLE_RATE, Audio, to_gain

# Gains are worked out once for this many samples and joined by straight lines.
CONTROL = 64
CONTROL_RATE = SAMPLE_RATE / CONTROL
_SLOPE = ((np.arange(CONTROL) + 0.5) / CONTROL).astype(np.float32)

Curve = NDArray[np.float32]


def control_times(length: int) -> NDArray[np.float64]:
    """Return the times in seconds of the points of a curve for `length` samples."""
    return np.arange(length // CONTROL + 2) / CONTROL_RATE


def apply_curve(samples: Audio, curve: Curve) -> Audio:
    """Multiply `samples` in place with a gain `curve` that has one point every 64 samples; return them."""
    stride = 1024
    for start in range(0, samples.shape[-1], stride * CONTROL):
        block = samples[..., start : start + stride * CONTROL]
        first = start // CONTROL
        points = curve[first : first + stride + 1]
        gains = (points[:-1, None] + np.diff(points)[:, None] * _SLOPE).reshape(-1)
        block *= gains[: block.shape[-1]]
    return samples


def envelope(samples: Audio) -> Curve:
    """Return the level of the louder channel around every point of a curve (root mean square)."""
    length = samples.shape[-1]
    points = np.zeros(length // CONTROL + 2, np.float32)
    whole = length // CONTROL
    blocks = samples[..., : whole * CONTROL].reshape(*samples.shape[:-1], whole, CONTROL)
    power = np.einsum("...pk,...pk->...p", blocks, blocks) / CONTROL
    points[:whole] = np.sqrt(power.max(axis=0) if power.ndim == 2 else power)
    return points


def compress(
    samples: Audio,
    threshold: float,
    ratio: float,
    attack: float = 0.01,
    release: float = 0.15,
    knee: float = 6.0,
    makeup: float = 0.0,
) -> Audio:
    """Compress `samples` in place and return them: `threshold`, `knee` and `makeup` in dB, `attack` and `release` in seconds.

    A feed-forward design with a soft knee (Giannoulis, Massberg and Reiss, JAES 60/6, 2012).
    """
    over = 20 * np.log10(envelope(samples) + 1e-9) - threshold
    soft = np.clip(over + knee / 2, 0, None) ** 2 / (2 * knee)
    wanted = -np.where(over > knee / 2, over, soft) * (1 - 1 / ratio)
    fall, rise = np.exp(-1 / CONTROL_RATE / attack), np.exp(-1 / CONTROL_RATE / release)
    smoothed = []
    state = 0.0
    for target in wanted.tolist():
        state = target + (state - target) * (fall if target < state else rise)
        smoothed.append(state)
    return apply_curve(samples, (10 ** ((np.array(smoothed) + makeup) / 20)).astype(np.float32))


def pump_curve(length: int, hits: Sequence[float], depth: float, seconds: float) -> Curve:
    """Return a gain that drops by `depth` (0..1) at every hit and has recovered `seconds` later."""
    curve = np.ones(length // CONTROL + 2, np.float32)
    steps = max(2, int(seconds * CONTROL_RATE))
    place = np.arange(steps) / steps
    dip = (1 - depth * (1 - place**1.6) ** 1.2).astype(np.float32)
    for hit in hits:
        first = int(hit * CONTROL_RATE)
        part = curve[first : first + steps]
        np.minimum(part, dip[: len(part)], out=part)
    return curve


def drawn_curve(length: int, times: Sequence[float], decibels: Sequence[float]) -> Curve:
    """Return the gain that goes in straight lines, in dB, through `decibels` at `times` seconds (ascending)."""
    points = np.interp(control_times(length), times, decibels)
    return (10 ** (points / 20)).astype(np.float32)


def fade(samples: Audio, fade_in: float, fade_out: float) -> Audio:
    """Fade `samples` in and out in place over so many seconds; return them."""
    opening, closing = int(fade_in * SAMPLE_RATE), int(fade_out * SAMPLE_RATE)
    samples[..., :opening] *= np.linspace(0, 1, opening, dtype=np.float32)
    if closing:
        samples[..., -closing:] *= (np.cos(np.linspace(0, np.pi / 2, closing)) ** 1.5).astype(np.float32)
    return samples


def soften_peaks(samples: Audio, knee: float = -3.5, ceiling: float = -0.2) -> Audio:
    """Bend what rises above `knee` dBFS towards `ceiling` dBFS, in place, and return it; what lies below is untouched."""
    low, high = to_gain(knee), to_gain(ceiling)
    room = high - low
    for channel in samples:
        loud = np.flatnonzero(np.abs(channel) > low)
        value = channel[loud]
        channel[loud] = np.sign(value) * (low + room * np.tanh((np.abs(value) - low) / room))
    return samples
