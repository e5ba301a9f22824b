"""Singing without words: open vowels from a formant table, for lines that eSpeak NG cannot speak."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.sketch.score import Note
from models.sketch.voice.phones import SpokenSyllable
from models.sketch.voice.speech import FRAME_SECONDS, Speech

RATE, BINS = 22050, 513
# First to fifth formant in Hz: male voices of Peterson & Barney (1952) for the first three, rounded.
FORMANTS = {
    "a": (730, 1090, 2440, 3400, 4500),
    "e": (530, 1840, 2480, 3500, 4500),
    "i": (270, 2290, 3010, 3600, 4500),
    "o": (570, 840, 2410, 3300, 4500),
    "u": (300, 870, 2240, 3200, 4500),
}
BANDWIDTHS = (80, 100, 140, 200, 280)
# Other spellings of these five.
LIKE = {"y": "i", "ä": "e", "ö": "o", "æ": "e", "ø": "o", "α": "a", "ε": "e", "η": "i", "ι": "i", "ο": "o", "ω": "o",
        "υ": "u", "а": "a", "я": "a", "е": "e", "э": "e", "и": "i", "ы": "i", "о": "o", "ё": "o", "у": "u", "ю": "u"}  # fmt: skip
MURMUR_SECONDS, VOWEL_SECONDS = 0.07, 0.25


def formant_envelope(formants: Sequence[float], shift: float = 1.0) -> NDArray[np.float64]:
    """Return the log power, `[BINS]`, of a voice with these formants in Hz (times `shift`), at mean power 1.

    A cascade of two-pole resonators (Klatt 1980) behind a glottal source that falls by 12 dB an octave and lips that
    radiate with 6 dB.
    """
    frequencies = np.linspace(0, RATE / 2, BINS)
    envelope = -np.log1p((frequencies / 500) ** 2)
    for formant, bandwidth in zip(formants, BANDWIDTHS, strict=True):
        centre = formant * shift
        distance = (frequencies**2 - centre**2) ** 2 + (bandwidth * frequencies) ** 2
        envelope += np.log((centre**4 + 1) / (distance + 1))
    envelope -= np.log(np.exp(envelope).mean())
    return envelope


def vowel_of(syllable: str) -> str:
    """Return which of the five vowels a written syllable is sung on; "a" where it is not to be seen."""
    for sign in syllable.lower():
        plain = LIKE.get(sign) or LIKE.get(unicodedata.normalize("NFD", sign)[0], unicodedata.normalize("NFD", sign)[0])
        if plain in FORMANTS:
            return plain
    return "a"


def sing_vowels(notes: Sequence[Note], words: Sequence[int], shift: float = 1.0) -> Speech:
    """Return a speech with one syllable for each note: a soft murmur, like an "m", and the vowel of the note's syllable.

    `words` holds the number of each note's word, `shift` moves the formants (1.15 for a female voice).
    """
    murmur_frames, vowel_frames = round(MURMUR_SECONDS / FRAME_SECONDS), round(VOWEL_SECONDS / FRAME_SECONDS)
    murmur = formant_envelope((250, 1100, 2300, 3300, 4500), shift) - 1.6
    envelope, syllables = [], []
    for index, (note, word) in enumerate(zip(notes, words, strict=True)):
        vowel = formant_envelope(FORMANTS[vowel_of(note.syllable)], shift)
        opening = np.clip((np.arange(vowel_frames) + 1) / 8, 0, 1)[:, None]
        envelope += [np.tile(murmur, (murmur_frames, 1)), murmur + (vowel - murmur) * opening]
        onset = index * (murmur_frames + vowel_frames) * FRAME_SECONDS
        end = onset + MURMUR_SECONDS + VOWEL_SECONDS
        syllables.append(SpokenSyllable(onset, onset + MURMUR_SECONDS, end, end, word))
    frames = np.concatenate(envelope).astype(np.float32)
    noise = np.linspace(0.02, 0.5, BINS, dtype=np.float32)
    return Speech(
        rate=RATE,
        envelope=frames,
        aperiodicity=np.tile(noise, ((len(frames) + 1) // 2, 1)),
        voiced=np.ones(len(frames), dtype=np.bool_),
        syllables=tuple(syllables),
    )
