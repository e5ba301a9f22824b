"""The pitch curve of a sung line: the notes, the slides between them, vibrato on long ones, and a human's unsteadiness."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from models.sketch.voice.speech import FRAME_SECONDS
from models.sketch.voice.timing import SungNote

# The pitch turns to the next note a little before its vowel begins, so that the vowel is in tune.
ANTICIPATION_SECONDS = 0.035
SCOOP_SEMITONES, SCOOP_SECONDS = 1.0, 0.06
VIBRATO_AFTER_SECONDS, VIBRATO_RISE_SECONDS, SHORTEST_WITH_VIBRATO_SECONDS = 0.22, 0.35, 0.42
RAP_FALL_SEMITONES, RAP_ACCENT_SEMITONES = 2.0, 1.5
# What WORLD and the ear can make sense of: 50 Hz to 1 kHz.
LOWEST_PITCH, HIGHEST_PITCH = 31.4, 83.2


@dataclass(frozen=True, slots=True)
class Intonation:
    """How somebody's pitch moves: `glide` in seconds, `vibrato` (semitones each way) at `vibrato_rate` Hz, `drift` and
    `scoop` (into the first note) as shares of the usual, `spoken` for rap."""

    glide: float = 0.022
    vibrato: float = 0.26
    vibrato_rate: float = 5.4
    drift: float = 1.0
    scoop: float = 1.0
    spoken: bool = False


def pitch_curve(
    times: NDArray[np.float64],
    notes: Sequence[SungNote],
    accents: Sequence[float],
    intonation: Intonation,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the MIDI pitch at each of `times`, one WORLD frame apart. `accents` are the notes' stresses, 0..1."""
    pitches = np.array([note.pitch for note in notes])
    starts = np.array([note.start for note in notes])
    current = np.clip(np.searchsorted(starts - ANTICIPATION_SECONDS, times, side="right") - 1, 0, None)
    curve = pitches[current]
    if intonation.spoken:
        ends = np.array([note.end for note in notes])
        place = np.clip((times - starts[current]) / (ends - starts)[current], 0, 1)
        curve = curve + RAP_ACCENT_SEMITONES * np.array(accents)[current] - RAP_FALL_SEMITONES * (place - 0.3)
    curve = gaussian_filter1d(curve, max(0.3, intonation.glide / FRAME_SECONDS))

    since = times - starts[0]
    scooping = (since > -0.05) * np.exp(-np.maximum(since, 0) / SCOOP_SECONDS)
    curve -= intonation.scoop * SCOOP_SEMITONES * scooping

    unsteady = gaussian_filter1d(rng.standard_normal(len(times)), 20) * 1.5
    swing = np.sin(2 * np.pi * np.cumsum(intonation.vibrato_rate + unsteady) * FRAME_SECONDS)
    for note in notes:
        if intonation.vibrato and note.end - note.start > SHORTEST_WITH_VIBRATO_SECONDS:
            within = (times >= note.start) & (times < note.end)
            depth = np.clip((times[within] - note.start - VIBRATO_AFTER_SECONDS) / VIBRATO_RISE_SECONDS, 0, 1)
            curve[within] += intonation.vibrato * depth * swing[within]
    curve += intonation.drift * 0.35 * gaussian_filter1d(rng.standard_normal(len(times)), 30)
    sung: NDArray[np.float64] = np.clip(curve, LOWEST_PITCH, HIGHEST_PITCH)
    return sung
