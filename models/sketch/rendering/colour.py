"""Dirt that music wants: saturation, low resolution, a worn tape."""

import numpy as np
from scipy import signal

from models.sketch.rendering.audio import BLOCK, SAMPLE_RATE, Audio, lay, silence
from models.sketch.rendering.filters import apply_filters, bandpass
from models.sketch.rendering.space import read_at

_HALF_BAND = signal.firwin(41, 0.5, window=("kaiser", 5.0)).astype(np.float32)
_DELAY = len(_HALF_BAND) // 2  # of both passes together, in samples of the lower rate
_MARGIN = 64
CLICKS_PER_SECOND = 6


def saturate(samples: Audio, amount: float, mix: float) -> Audio:
    """Drive `samples` into a soft (tanh) ceiling, in place, and return them; `mix` is the driven share.

    At twice the sample rate, so that the new harmonics do not fold back. Blocks run from the end to the start, and each
    leaves its dry beginning to the one before it.
    """
    length = samples.shape[-1]
    share = np.float32(0.9 / np.tanh(amount) * mix)
    ahead = silence(_MARGIN)
    for start in reversed(range(0, length, BLOCK)):
        first, end = max(0, start - _MARGIN), min(length, start + BLOCK)
        dry = np.concatenate([samples[:, first:end], ahead], axis=1)
        ahead = samples[:, start : start + _MARGIN].copy()
        fine = signal.upfirdn(_HALF_BAND * np.float32(2), dry, 2, axis=-1)
        np.tanh(fine * np.float32(amount), out=fine)
        driven = signal.upfirdn(_HALF_BAND, fine, 1, 2, axis=-1)
        offset = start - first + _DELAY
        samples[:, start:end] *= np.float32(1 - mix)
        samples[:, start:end] += driven[:, offset : offset + end - start] * share
    return samples


def crush(samples: Audio, bits: int, hold: int) -> Audio:
    """Round `samples` to `bits` and keep each value for `hold` samples, in place; return them."""
    steps = np.float32(2 ** (bits - 1))
    np.round(samples * steps, out=samples)
    samples /= steps
    whole = samples.shape[-1] // hold * hold
    for place in range(1, hold):
        samples[:, place:whole:hold] = samples[:, 0:whole:hold]
    return samples


def wear_tape(samples: Audio, depth: float, seed: int) -> Audio:
    """Let the pitch of `samples` drift as on a worn tape, by `depth` milliseconds, in place; return them."""
    rng = np.random.default_rng(seed)
    length = samples.shape[-1]
    points = max(4, int(length / SAMPLE_RATE * 1.2))
    drift = rng.standard_normal(points)
    for channel in samples:
        dry = channel.copy()
        for start in range(0, length, BLOCK):
            time = np.arange(start, min(length, start + BLOCK))
            wow = np.interp(time, np.linspace(0, length, points), drift)
            flutter = 0.06 * np.sin(2 * np.pi * 6.1 * time / SAMPLE_RATE)
            channel[start : start + BLOCK] = read_at(dry, time + (wow * depth + flutter) * SAMPLE_RATE / 1000)
    return samples


def tape_noise(length: int, seed: int) -> Audio:
    """Return the hiss and crackle of an old record."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2, length), dtype=np.float32)
    apply_filters(noise, bandpass(400, 7000, 1))
    noise *= np.float32(0.004)
    clicks = [_click(rng) for _ in range(24)]
    for _ in range(max(1, int(length / SAMPLE_RATE * CLICKS_PER_SECOND))):
        place, click = int(rng.integers(0, length)), clicks[rng.integers(0, len(clicks))]
        lay(noise, place, click, 0.1 * rng.random() ** 3)
    return noise


def _click(rng: np.random.Generator) -> Audio:
    """Return a grain of dust under the needle."""
    click, size = silence(512), int(rng.integers(8, 60))
    click[:, :size] = rng.standard_normal((2, size)) * np.exp(-np.arange(size) / (size / 4))
    return apply_filters(click, bandpass(700, 9000, 1))
