"""Mastering: as loud as asked, with no peak above the ceiling, whatever comes in."""

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import lfilter, resample_poly

from worker.mastering import Samples, Unplayable, master

RATE = 48_000
SECONDS = 6


def quietly(_share: float) -> None:
    """Keep the progress to oneself."""


def _noise(seed: int = 0) -> Samples:
    """Stereo noise with the spectrum of music."""
    white = np.random.default_rng(seed).standard_normal((2, SECONDS * RATE))
    noise: Samples = (lfilter([0.05], [1, -0.95], white, axis=1) * 0.3).astype(np.float32)
    return noise


def _drums(loudness: float) -> Samples:
    """Short bursts over a faint ground: the highest peaks for their loudness."""
    samples = _noise(1) * 0.05
    burst = np.exp(-np.arange(RATE // 20) / 400) * np.random.default_rng(2).standard_normal(RATE // 20)
    for start in range(0, SECONDS * RATE - RATE // 20, RATE // 3):
        samples[:, start : start + RATE // 20] += burst.astype(np.float32)
    return samples * np.float32(loudness)


def _between_samples() -> Samples:
    """A sine of a quarter of the sample rate, 45 degrees off: its peaks lie 3 dB above every sample."""
    wave = np.sin(np.pi / 2 * np.arange(SECONDS * RATE) + np.pi / 4)
    swell = np.linspace(0.1, 1, SECONDS * RATE)
    return np.tile((wave * swell).astype(np.float32), (2, 1))


def _true_peak(samples: Samples) -> float:
    """Measured more finely than the limiter does, with scipy's own filter for eight times the rate."""
    return float(20 * np.log10(np.abs(resample_poly(samples.astype(np.float64), 8, 1, axis=1)).max()))


@pytest.mark.parametrize(
    "samples",
    [_noise(), _noise() * 0.01, _noise() * 8, _drums(1), _drums(0.1), _between_samples()],
    ids=["music", "faint", "far too loud", "drums", "faint drums", "peaks between samples"],
)
def test_a_master_has_the_loudness_of_streaming_services_and_no_peak_above_the_ceiling(samples: Samples) -> None:
    before = samples.copy()
    mastered = master(samples, RATE, quietly)
    measured = pyloudnorm.Meter(RATE).integrated_loudness(mastered.samples.T.astype(np.float64))
    assert abs(measured + 14) <= 1
    assert mastered.loudness == pytest.approx(measured, abs=0.05)
    assert _true_peak(mastered.samples) <= -1
    assert mastered.samples.dtype == np.float32
    assert mastered.samples.shape == samples.shape
    assert mastered.duration == SECONDS
    assert np.array_equal(samples, before)


def test_what_needs_no_limiting_is_only_made_louder() -> None:
    samples = _noise() * 0.05
    mastered = master(samples, RATE, quietly)
    ratio = mastered.samples / np.where(samples == 0, 1, samples)
    assert ratio.std() < 1e-3 * ratio.mean()


def test_the_same_samples_make_the_same_master() -> None:
    assert np.array_equal(master(_drums(1), RATE, quietly).samples, master(_drums(1), RATE, quietly).samples)


def test_silence_and_broken_samples_are_refused_with_a_sentence() -> None:
    with pytest.raises(Unplayable, match="silent"):
        master(np.zeros((2, RATE), np.float32), RATE, quietly)
    broken = _noise()
    broken[0, 1000] = np.nan
    with pytest.raises(Unplayable, match="broken"):
        master(broken, RATE, quietly)
