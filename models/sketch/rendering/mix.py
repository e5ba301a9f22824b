"""The mix: stems added up, the spectrum led towards that of the genre, a touch of compression, fades."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from models.roles import OnProgress
from models.sketch.arrangement import Arrangement
from models.sketch.rendering.audio import SAMPLE_RATE, Audio
from models.sketch.rendering.dynamics import Curve, apply_curve, compress, drawn_curve, fade, soften_peaks
from models.sketch.rendering.levels import SILENT, level_to, loudness
from models.sketch.rendering.space import convolve_into

# Samples are added up as whole numbers of 2^-23: unlike those of floats, such sums do not depend on their order, and so
# not on which process happened to finish first. There is room up to 256 times full scale.
STEPS = np.float32(2**23)

THIRDS = 1000 * 2 ** (np.arange(-15, 13) / 3)  # the middles of the third octaves from 31 Hz to 16 kHz
CORRECTED, FURTHEST = 0.55, 5.0
TAPS = 1025
LOUDNESS = -15.0
LONGEST_RING = 4.0
# What a section lies further below the loudest one than this many LU is lifted by this share of it.
QUIETEST_BELOW, LIFTED = 8.0, 0.75


class Sum:
    """Stems added up, block by block, in whatever order they come."""

    def __init__(self, length: int) -> None:
        self._steps = np.zeros((2, length), np.int32)

    def add(self, start: int, block: Audio) -> None:
        """Add a block that begins at sample `start`."""
        self._steps[:, start : start + block.shape[1]] += np.rint(block * STEPS).astype(np.int32)

    def samples(self) -> Audio:
        """Return the sum."""
        return self._steps.astype(np.float32) / STEPS


def finish_mix(mix: Audio, song: Arrangement, on_progress: OnProgress) -> None:
    """Make the song from the sum of its stems, in place: near -15 LUFS, no sample beyond -0.2 dBFS."""
    taps = _towards(_target_spectrum(song.style.genre.sound.tilt), _spectrum(mix))
    on_progress(0.2)
    shaped = np.zeros((2, mix.shape[1] + TAPS - 1), np.float32)
    convolve_into(shaped, mix, taps, 1.0)
    mix[...] = shaped[:, TAPS // 2 : TAPS // 2 + mix.shape[1]]  # a linear-phase filter is late by half its length
    on_progress(0.5)
    apply_curve(mix, follow_sections(song, _lifts(mix, song), mix.shape[1]))
    fade(mix, 0.002, _ring_out(song))
    level_to(mix, LOUDNESS - 1)
    compress(mix, threshold=-15, ratio=1.7, attack=0.03, release=0.25)
    level_to(mix, LOUDNESS)
    on_progress(0.9)
    soften_peaks(mix)
    on_progress(1.0)


def follow_sections(song: Arrangement, decibels: Sequence[float], length: int) -> Curve:
    """Return the gain curve that has one level, in dB, for each section of the song."""
    times: list[float] = []
    for section in song.sections:
        times += [section.first_bar * song.style.bar_seconds + 0.02, section.end_bar * song.style.bar_seconds - 0.02]
    return drawn_curve(length, times, [level for level in decibels for _ in range(2)])


def _lifts(mix: Audio, song: Arrangement) -> list[float]:
    """Return by how many decibels each section is lifted, so that a breakdown is quiet and not lost."""
    bar = song.style.bar_seconds * SAMPLE_RATE
    heard = [loudness(mix[:, int(part.first_bar * bar) : int(part.end_bar * bar)]) for part in song.sections]
    lost = [max(heard) - level - QUIETEST_BELOW for level in heard]
    return [LIFTED * more if level > SILENT and more > 0 else 0.0 for level, more in zip(heard, lost, strict=True)]


def _ring_out(song: Arrangement) -> float:
    """Return how many seconds the end takes to die away: from the last chord on, which rings until the song is over."""
    last_chord = (song.last_beat - song.beats_per_bar) * song.style.beat_seconds
    return float(np.clip(song.duration - last_chord, 0.3, LONGEST_RING))


def _target_spectrum(tilt: dict[str, float]) -> NDArray[np.float64]:
    """Return the long-term level, in dB, that a genre has in every third octave: pink, falling away at both ends.

    `tilt` bends it below 180 Hz ("low"), around 800 Hz ("mid") and above 3 kHz ("high"), in dB per octave.
    """
    level = -2.94 * np.log2(THIRDS / 100)
    level -= np.where(THIRDS < 60, (60 / THIRDS - 1) * 6, 0)
    level -= np.where(THIRDS > 6000, 2.6 * np.log2(THIRDS / 6000), 0)
    level += tilt["low"] * np.clip(np.log2(180 / THIRDS), 0, 1.5)
    level += tilt["mid"] * np.exp(-((np.log2(THIRDS / 800) / 1.3) ** 2))
    level += tilt["high"] * np.clip(np.log2(THIRDS / 3000), 0, 1.5)
    return np.asarray(level + 10 * np.log10(THIRDS))


def _spectrum(mix: Audio) -> NDArray[np.float64]:
    """Return the level, in dB, of every third octave of `mix`: every third second of it is enough."""
    size = 8192
    seconds = range(0, max(1, mix.shape[1] - size), 3 * SAMPLE_RATE)
    pieces = [mix[:, start : start + SAMPLE_RATE].mean(axis=0) for start in seconds]
    heard = [signal.welch(piece, SAMPLE_RATE, nperseg=min(size, len(piece)), nfft=size)[1] for piece in pieces]
    power = np.mean(heard, axis=0)
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    half = 2 ** (1 / 6)
    bands = [power[(frequencies >= middle / half) & (frequencies < middle * half)].mean() for middle in THIRDS]
    return np.asarray(10 * np.log10(np.array(bands) + 1e-14) + 10 * np.log10(THIRDS))


def _towards(target: NDArray[np.float64], found: NDArray[np.float64]) -> Audio:
    """Return the `[1, taps]` filter that goes about half the way from the spectrum `found` to the `target`."""
    trusted = (THIRDS > 45) & (THIRDS < 13000)
    missing = target - found
    missing -= np.median(missing[trusted])
    gain = gaussian_filter1d(np.clip(missing * CORRECTED, -FURTHEST, FURTHEST), 1.6, mode="nearest")
    gain = np.clip(gain - gain[trusted].mean(), -FURTHEST, FURTHEST)
    gain[THIRDS < 40] = np.minimum(gain[THIRDS < 40], 0)
    gain[THIRDS > 14000] = np.minimum(gain[THIRDS > 14000], 2)
    edges = np.concatenate([[0], THIRDS, [SAMPLE_RATE / 2]]) / (SAMPLE_RATE / 2)
    gains = 10 ** (np.concatenate([gain[:1], gain, gain[-1:]]) / 20)
    return np.asarray(signal.firwin2(TAPS, edges, gains), np.float32)[None]
