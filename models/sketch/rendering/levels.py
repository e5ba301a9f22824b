"""Loudness: how loud a signal is to the ear, measured in blocks so that a long song needs no copy of itself."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from models.sketch.rendering.audio import BLOCK, SAMPLE_RATE, Audio, to_gain

# The K-weighting filters of ITU-R BS.1770-4 (tables 1 and 2), whose coefficients are given for 48 kHz.
K_WEIGHTING = np.array(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)
SILENT = -70.0
STEP = SAMPLE_RATE // 10
STEPS_PER_WINDOW = 4


def _powers(samples: Audio) -> NDArray[np.float64]:
    """Return the K-weighted power of every tenth of a second, both channels together."""
    steps = samples.shape[-1] // STEP
    powers = np.zeros(steps)
    state = np.zeros((2, 2, 2))
    stride = BLOCK // STEP * STEP
    for start in range(0, steps * STEP, stride):
        block = samples[:, start : min(start + stride, steps * STEP)]
        heard, state = signal.sosfilt(K_WEIGHTING, block + 1e-15, axis=-1, zi=state)
        of_steps = np.square(heard.reshape(2, -1, STEP)).mean(axis=2).sum(axis=0)
        powers[start // STEP : start // STEP + len(of_steps)] = of_steps
    return powers


def loudness(samples: Audio) -> float:
    """Return the gated loudness in LUFS after ITU-R BS.1770-4; silence, or less than 0.4 s, is -70.

    The gate leaves out what is far below the rest, so a part that plays now and then is as loud as while it plays.
    """
    powers = _powers(samples)
    if len(powers) < STEPS_PER_WINDOW:
        return SILENT
    windows = np.convolve(powers, np.ones(STEPS_PER_WINDOW) / STEPS_PER_WINDOW, "valid")
    heard = windows[windows > 10 ** ((SILENT + 0.691) / 10)]
    if not len(heard):
        return SILENT
    heard = heard[heard > heard.mean() / 10]
    return float(10 * np.log10(heard.mean()) - 0.691)


def level_to(samples: Audio, wanted: float) -> Audio:
    """Scale `samples` in place to `wanted` LUFS and return them; what is silent stays as it is."""
    found = loudness(samples)
    if found > SILENT:
        samples *= np.float32(to_gain(wanted - found))
    return samples
