"""Mastering: brings a recording to the loudness that streaming services play at, without clipping between the samples."""

import warnings
from dataclasses import dataclass

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import resample_poly

from appliance.errors import StudioError
from models.roles import OnProgress

Samples = NDArray[np.float32]

LOUDNESS = -14.0  # LUFS, integrated over the song: what the large streaming services play at
TRUE_PEAK = -1.0  # dBTP, the ceiling that EBU R 128 and those services ask for
# A little below: a fourfold oversampled peak may read a few tenths low (the same annex), and a moving gain shifts it.
_CEILING = 10 ** ((TRUE_PEAK - 0.3) / 20)
_CLOSE = 0.2  # LU that the loudness may be off before the gain is corrected
_PASSES = 8  # one or two are enough for most songs

_OVERSAMPLING = 4  # ITU-R BS.1770-5, annex 2
_SLICE = 1 << 17  # samples measured at a time, which bounds the memory
_PAD = 64  # samples on either side of a slice that the interpolation filter looks at

_STEP = 32  # samples that share one gain of the limiter, before interpolation
_LOOKAHEAD = 0.004  # seconds in which the limiter comes down before a peak
_RELEASE = 0.08  # seconds in which it lets go of most of it


class Unplayable(StudioError):
    """A recording that no mastering can make a song of."""

    status = 500


@dataclass(frozen=True, slots=True)
class Master:
    """A mastered song: `samples` is float32 `[channels, samples]`; `loudness` in LUFS, `true_peak` in dBTP."""

    samples: Samples
    sample_rate: int
    loudness: float
    true_peak: float

    @property
    def duration(self) -> float:
        """The length in seconds."""
        return float(self.samples.shape[1] / self.sample_rate)


def master(samples: Samples, sample_rate: int, on_progress: OnProgress) -> Master:
    """Return float32 `[channels, samples]` at −14 LUFS integrated and at most −1 dBTP, deterministically.

    The gain that the loudness asks for goes through a look-ahead limiter; what the limiter takes away is made up for in the
    next pass. The passes are few, so sound that is all short peaks comes out quieter rather than squashed flat.
    Raises Unplayable for silence and for samples that are not numbers, and what `on_progress` raises.
    """
    if not np.isfinite(samples).all():
        raise Unplayable("The recording was broken. Try again with another seed.")
    loudness = measure_loudness(samples, sample_rate)
    if not np.isfinite(loudness):
        raise Unplayable("The recording came out silent. Try again with another description.")
    on_progress(0.1)
    peaks = measure_peaks(samples)
    decibels, gained = 0.0, 1.0
    for number in range(_PASSES):
        on_progress(0.4 + 0.4 * number / _PASSES)
        step = (LOUDNESS - loudness) / gained
        decibels += step
        gain = np.float32(10 ** (decibels / 20))
        mastered = samples * _limiter_gain(peaks * gain, sample_rate)
        mastered *= gain
        before, loudness = loudness, measure_loudness(mastered, sample_rate)
        if abs(loudness - LOUDNESS) <= _CLOSE:
            break
        # The more the limiter holds back, the less a decibel of gain adds to the loudness.
        gained = float(np.clip((loudness - before) / step, 0.25, 1)) if step else 1.0
    on_progress(0.8)
    true_peak = 20 * np.log10(max(float(measure_peaks(mastered).max()), 1e-9))
    return Master(mastered, sample_rate, loudness, float(true_peak))


def measure_loudness(samples: Samples, sample_rate: int) -> float:
    """Return the integrated loudness of `[channels, samples]` in LUFS (ITU-R BS.1770-4); silence is minus infinity."""
    with warnings.catch_warnings():
        # Of silence the meter takes the mean of nothing, which is what we want to hear as minus infinity.
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(pyloudnorm.Meter(sample_rate).integrated_loudness(samples.T))


def measure_peaks(samples: Samples) -> Samples:
    """Return the highest level of any channel at and just after each sample, `[samples]`.

    Levels between samples are found by fourfold oversampling, as ITU-R BS.1770-5 measures true peaks.
    """
    length = samples.shape[1]
    peaks: Samples = np.abs(samples).max(axis=0)
    for start in range(0, length, _SLICE):
        stop = min(start + _SLICE, length)
        left, right = max(0, start - _PAD), min(length, stop + _PAD)
        between = np.abs(resample_poly(samples[:, left:right], _OVERSAMPLING, 1, axis=1)).max(axis=0)
        between = between[(start - left) * _OVERSAMPLING : (stop - left) * _OVERSAMPLING]
        np.maximum(peaks[start:stop], between.reshape(-1, _OVERSAMPLING).max(axis=1), out=peaks[start:stop])
    return peaks


def _limiter_gain(peaks: Samples, sample_rate: int) -> Samples:
    """Return for each sample the gain, 1 or less, that keeps `peaks` under the ceiling.

    A gain is worked out for every block of 32 samples: it is held from a look-ahead before the peak, ramps down through
    that time, and comes back exponentially. Every average is taken over values that each suffice for the peak, so that
    the result does too.
    """
    blocks = -(-len(peaks) // _STEP)
    padded = np.zeros(blocks * _STEP, np.float32)
    padded[: len(peaks)] = peaks
    need = np.minimum(1.0, _CEILING / np.maximum(padded.reshape(blocks, _STEP).max(axis=1), 1e-9))
    ahead = max(1, round(_LOOKAHEAD * sample_rate / _STEP))
    # The filters are centred: with an odd width and this origin they cover [now, now + ahead] and [now - ahead, now].
    width, half = 2 * (ahead // 2) + 1, ahead // 2
    held = minimum_filter1d(need, width, origin=-half, mode="nearest")
    letting_go = float(np.exp(-_STEP / sample_rate / _RELEASE))
    released, level = np.empty(blocks), 1.0
    for index, wanted in enumerate(held.tolist()):
        level = min(wanted, 1 - (1 - level) * letting_go)
        released[index] = level
    ramped = uniform_filter1d(released, width, origin=half, mode="nearest")
    # Between the edges of a block the gain runs straight, and neither edge may be above what the block needs.
    edges = np.concatenate((ramped[:1], np.minimum(ramped[:-1], ramped[1:]), ramped[-1:]))
    gain: Samples = np.interp(np.arange(len(peaks)), np.arange(blocks + 1) * _STEP, edges).astype(np.float32)
    return gain
