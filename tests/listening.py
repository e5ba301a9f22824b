"""Listening without ears: tempo, key, loudness, peaks, silence, brightness, density and width of a recording.

Samples are float `[channels, samples]`; nothing in here knows how they were made.
"""

from itertools import pairwise

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy import signal

Samples = NDArray[np.float32]

KEY_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# How well each degree of a scale fits a key, as listeners rated it (Krumhansl and Kessler, 1982).
KEY_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
ONSET_FRAME, ONSET_HOP = 1024, 256
SLOWEST, FASTEST, USUAL = 60.0, 220.0, 115.0


def _mono(samples: Samples, sample_rate: int, wanted: int) -> tuple[NDArray[np.float32], int]:
    """Return one channel at about `wanted` Hz, and its rate."""
    step = max(1, sample_rate // wanted)
    return signal.resample_poly(samples.mean(axis=0), 1, step), sample_rate // step


def onset_strength(samples: Samples, sample_rate: int) -> tuple[NDArray[np.float64], float]:
    """Return how much begins to sound at each moment (spectral flux over third octaves), and the moments per second."""
    mono, rate = _mono(samples, sample_rate, 24_000)
    _, _, frames = signal.stft(mono, rate, nperseg=ONSET_FRAME, noverlap=ONSET_FRAME - ONSET_HOP, boundary=None)
    frequencies = np.fft.rfftfreq(ONSET_FRAME, 1 / rate)
    edges = 60 * 2 ** (np.arange(25) / 3)
    rows = [
        (frequencies >= low) & (frequencies < high)
        for low, high in pairwise(edges)
        if ((frequencies >= low) & (frequencies < high)).any()
    ]
    power = np.array([np.square(np.abs(frames[row])).sum(axis=0) for row in rows])
    decibels = 10 * np.log10(np.maximum(power, power.max() * 1e-7 + 1e-12))
    flux = np.clip(np.diff(decibels, axis=1, prepend=decibels[:, :1]), 0, None).mean(axis=0)
    return flux, rate / ONSET_HOP


def tempo(samples: Samples, sample_rate: int) -> float:
    """Return the tempo in beats a minute, by the autocorrelation of the onsets; half or double is an honest answer too."""
    flux, per_second = onset_strength(samples, sample_rate)
    flux = flux - flux.mean()
    spectrum = np.fft.rfft(flux, 2 * len(flux))
    correlation = np.fft.irfft(np.square(np.abs(spectrum)))[: len(flux)]
    places = np.arange(len(correlation))

    def repeats(period: float) -> float:
        lags = 60 * period * per_second * np.arange(1, 33)
        lags = lags[lags < len(correlation) * 0.6]
        return float(np.interp(lags, places, correlation).mean()) if len(lags) else 0.0

    def support(bpm: float) -> float:
        return repeats(1 / bpm) + repeats(4 / bpm) / 2  # beats, and the bars of four that most songs are written in

    candidates = np.arange(SLOWEST, FASTEST, 0.25)
    # Of two tempi that fit alike, people tap the one nearer to a walk.
    likely = np.exp(-0.5 * np.square(np.log2(candidates / USUAL) / 1.6))
    best = candidates[int(np.argmax([support(bpm) for bpm in candidates] * likely))]
    fine = np.arange(best - 0.5, best + 0.5, 0.02)
    return float(fine[int(np.argmax([support(bpm) for bpm in fine]))])


def tempo_error(measured: float, asked: float) -> float:
    """Return by what share `measured` misses `asked`, where half and double count as the same."""
    return min(abs(measured * factor / asked - 1) for factor in (0.5, 1.0, 2.0))


def key(samples: Samples, sample_rate: int) -> str:
    """Return the key in words, as in "A minor", by the correlation of the pitch classes with the profiles of the keys."""
    mono, rate = _mono(samples, sample_rate, 12_000)
    frame = 8192
    _, _, frames = signal.stft(mono, rate, nperseg=frame, noverlap=frame // 2, boundary=None)
    level = np.sqrt(np.abs(frames)).mean(axis=1)
    frequencies = np.fft.rfftfreq(frame, 1 / rate)
    used = (frequencies > 80) & (frequencies < 2000)
    pitch = 69 + 12 * np.log2(frequencies[used] / 440)
    tonal = level[used] - signal.medfilt(level[used], 31)  # what stands out of the noise of the drums
    classes = np.zeros(12)
    np.add.at(classes, np.round(pitch).astype(int) % 12, np.clip(tonal, 0, None))
    fits = {
        f"{KEY_NAMES[tonic]} {mode}": np.corrcoef(np.roll(profile, tonic), classes)[0, 1]
        for tonic in range(12)
        for mode, profile in KEY_PROFILES.items()
    }
    return max(fits, key=lambda name: fits[name])


def loudness(samples: Samples, sample_rate: int) -> float:
    """Return the integrated loudness in LUFS (ITU-R BS.1770)."""
    return float(pyloudnorm.Meter(sample_rate).integrated_loudness(samples.T.astype(np.float64)))


def true_peak(samples: Samples) -> float:
    """Return the true peak in dBTP, from four times as many samples (ITU-R BS.1770, annex 2)."""
    highest = 0.0
    block, margin = 1 << 18, 64
    for start in range(0, samples.shape[1], block):
        piece = samples[:, max(0, start - margin) : start + block + margin]
        highest = max(highest, float(np.abs(signal.resample_poly(piece, 4, 1, axis=1)).max()))
    return float(20 * np.log10(highest + 1e-12))


def longest_silence(samples: Samples, sample_rate: int, below: float = -60.0) -> float:
    """Return the longest time in seconds that stays below `below` dBFS (root mean square of 50 ms)."""
    size = sample_rate // 20
    count = samples.shape[1] // size
    power = np.square(samples[:, : count * size]).mean(axis=0).reshape(count, size).mean(axis=1)
    longest = run = 0
    for quiet in 10 * np.log10(power + 1e-12) < below:
        run = run + 1 if quiet else 0
        longest = max(longest, run)
    return longest / 20


def spectrum(samples: Samples, sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies in Hz and the long-term power at each of them."""
    frequencies, power = signal.welch(samples.mean(axis=0), sample_rate, nperseg=8192)
    return frequencies, power


def centroid(samples: Samples, sample_rate: int) -> float:
    """Return the median over time of the spectral centroid in Hz: how bright it sounds."""
    mono, rate = _mono(samples, sample_rate, 24_000)
    frequencies, _, frames = signal.stft(mono, rate, nperseg=2048)
    magnitude = np.abs(frames)
    heard = magnitude.sum(axis=0) > magnitude.sum(axis=0).max() * 1e-3
    return float(np.median((frequencies @ magnitude[:, heard]) / magnitude[:, heard].sum(axis=0)))


def band_level(samples: Samples, sample_rate: int, low: float, high: float) -> float:
    """Return how many decibels the band from `low` to `high` Hz lies below the whole."""
    frequencies, power = spectrum(samples, sample_rate)
    inside = (frequencies >= low) & (frequencies < high)
    return float(10 * np.log10(power[inside].sum() / power.sum() + 1e-12))


def onsets_per_second(samples: Samples, sample_rate: int) -> float:
    """Return how many things begin to sound in a second: how dense it is."""
    flux, per_second = onset_strength(samples, sample_rate)
    peaks, _ = signal.find_peaks(flux, height=np.median(flux) + flux.std(), distance=max(1, int(per_second * 0.05)))
    return len(peaks) / (len(flux) / per_second)


def crest(samples: Samples) -> float:
    """Return the crest factor in decibels: how far the peaks stand above the root mean square."""
    return float(20 * np.log10(np.abs(samples).max() / np.sqrt(np.square(samples).mean())))


def width(samples: Samples, sample_rate: int, low: float = 20.0, high: float = 20_000.0) -> float:
    """Return the level of the side signal against the middle one in decibels, between `low` and `high` Hz."""
    band = signal.butter(4, (low, min(high, sample_rate * 0.49)), "bandpass", fs=sample_rate, output="sos")
    left, right = signal.sosfilt(band, samples, axis=1)
    return float(10 * np.log10(np.square(left - right).mean() / (np.square(left + right).mean() + 1e-20) + 1e-12))
