"""Music theory: keys, scales, chords from Roman numerals, voice leading, and random numbers that follow from a seed."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np

PITCH_CLASSES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
KEY_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
MINOR_MODES = frozenset({"minor", "dorian", "phrygian", "harmonic minor"})

# Semitones above the root.
CHORD_INTERVALS = {
    "maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8), "sus4": (0, 5, 7), "sus2": (0, 2, 7),
    "5": (0, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10), "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9), "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "9": (0, 4, 7, 10, 14), "maj9": (0, 4, 7, 11, 14),
    "m9": (0, 3, 7, 10, 14), "add9": (0, 4, 7, 14), "madd9": (0, 3, 7, 14), "69": (0, 4, 7, 9, 14),
    "13": (0, 4, 10, 14, 21), "7b9": (0, 4, 7, 10, 13), "7#9": (0, 4, 7, 10, 15), "7sus4": (0, 5, 7, 10),
    "m11": (0, 3, 7, 10, 17), "11": (0, 5, 7, 10, 14),
}  # fmt: skip
# What a suffix means after a lower-case numeral, where it differs from the upper-case reading.
MINOR_SUFFIXES = {"": "min", "7": "m7", "9": "m9", "6": "m6", "11": "m11", "add9": "madd9", "7b5": "m7b5"}
DEGREES = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
ROMAN = re.compile(r"^([b#]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(.*)$")
KEY = re.compile(
    r"(?<![a-z])([a-g])\s?(#|♯|sharp|b|♭|flat)?[\s-]*"
    r"(major|minor|maj|min|dorian|phrygian|lydian|mixolydian|harmonic minor)(?![a-z])"
)
BARE_KEY = re.compile(r"^\s*([a-g])(#|♯|b|♭)?(m?)\s*$")

Option = TypeVar("Option")


def rng_for(seed: int, *names: object) -> np.random.Generator:
    """Return the random generator that belongs to `names` under `seed`: every musical decision has a stream of its own.

    So a change in one place (a longer fill) does not shift the dice of every later decision.
    """
    text = "/".join([str(seed), *(str(name) for name in names)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def choose(options: Sequence[Option], seed: int, *names: object) -> Option:
    """Return the option that `seed` draws for the decision `names`.

    Seeds n and n+1 never draw the same one of two or more options: the takes of a request have neighbouring seeds, and
    somebody who asked for two takes wants to hear two.
    """

    def draw(even_seed: int) -> int:
        return int(rng_for(even_seed, *names).integers(len(options)))

    if len(options) == 2:
        return options[(seed + draw(0)) % 2]
    if seed % 2 == 0 or len(options) == 1:
        return options[draw(seed)]
    taken = (draw(seed - 1), draw(seed + 1))
    free = [option for index, option in enumerate(options) if index not in taken]
    return free[int(rng_for(seed, *names).integers(len(free)))]


def parse_key(text: str) -> tuple[int, str] | None:
    """Read "A minor", "F# major", "Ebm" or "d dorian" as (pitch class of the tonic, mode); None where there is none."""
    found = KEY.search(text.lower()) or BARE_KEY.match(text.lower())
    if found is None:
        return None
    letter, accidental, quality = found.groups()
    tonic = (PITCH_CLASSES[letter] + ACCIDENTALS[accidental or ""]) % 12
    mode = {"maj": "major", "min": "minor", "m": "minor", "": "major"}.get(quality, quality)
    return tonic, mode


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord with its place: `root` is a pitch class, `intervals` semitones above it, `start` and `length` in beats."""

    root: int
    intervals: tuple[int, ...]
    start: float = 0.0
    length: float = 4.0

    @property
    def pitch_classes(self) -> list[int]:
        """The chord's tones as pitch classes, root first."""
        return [(self.root + interval) % 12 for interval in self.intervals]

    @property
    def third(self) -> int:
        """Semitones from the root to the third: 3 or 4 (a chord without a third counts as major)."""
        return 3 if 3 in self.intervals else 4

    @property
    def fifth(self) -> int:
        """Semitones from the root to the fifth: 6, 7 or 8."""
        return 6 if 6 in self.intervals else 8 if 8 in self.intervals else 7

    def at(self, start: float, length: float) -> "Chord":
        """Return the same chord at another place."""
        return replace(self, start=start, length=length)


def roman_chord(symbol: str, tonic: int, mode: str) -> Chord:
    """Return the chord that a Roman numeral like "ii7", "bVII" or "V7b9" means in the key."""
    match = ROMAN.match(symbol)
    if match is None:
        raise ValueError(f"{symbol!r} is not a Roman numeral.")
    accidental, numeral, suffix = match.groups()
    # Flat degrees are read from the major scale: bVII in a major key.
    scale = SCALES["minor" if mode in MINOR_MODES and accidental != "b" else "major"]
    root = tonic + scale[DEGREES[numeral.lower()]] + ACCIDENTALS[accidental]
    if numeral.islower():
        if suffix.startswith("m") and not suffix.startswith("maj") and suffix != "m7b5":
            suffix = suffix[1:]
        quality = MINOR_SUFFIXES.get(suffix, suffix)
    else:
        quality = suffix or "maj"
    return Chord(root % 12, CHORD_INTERVALS[quality])


def _thinned(chord: Chord, count: int, drop_root: bool) -> list[int]:
    """Keep the `count` tones that say most: the fifth goes first, then the root (the bass has it)."""
    intervals = list(dict.fromkeys(interval % 12 for interval in chord.intervals))
    if len(intervals) <= count:
        return intervals
    kept = [interval for interval in intervals if interval != 7 or len(intervals) <= 3]
    if len(kept) > count or drop_root:
        kept = [interval for interval in kept if interval != 0] or kept
    return kept[:count]


def voice_chord(
    chord: Chord, previous: Sequence[int] | None, low: int, high: int, *, count: int = 4, drop_root: bool = False
) -> list[int]:
    """Return the close voicing of `chord` between the MIDI pitches `low` and `high` that moves least from `previous`."""
    classes = [(chord.root + interval) % 12 for interval in _thinned(chord, count, drop_root)]
    centre = (low + high) / 2
    best: list[int] = []
    best_cost = float("inf")
    for rotation in range(len(classes)):
        order = classes[rotation:] + classes[:rotation]
        lowest = low + (order[0] - low) % 12
        for first in (lowest, lowest + 12):
            voicing = [first]
            for pitch_class in order[1:]:
                voicing.append(voicing[-1] + ((pitch_class - voicing[-1]) % 12 or 12))
            if voicing[-1] > high + 2:
                continue
            cost = abs(sum(voicing) / len(voicing) - centre) * 0.35
            if previous:
                cost += sum(min(abs(pitch - old) for old in previous) for pitch in voicing)
                cost += abs(voicing[-1] - previous[-1]) * 0.5
            cost += 3 * sum(upper - lower == 1 for lower, upper in pairwise(voicing))
            if cost < best_cost:
                best, best_cost = voicing, cost
    return best or [int(centre) // 12 * 12 + pitch_class for pitch_class in classes]


def scale_pitches(tonic: int, mode: str, low: int, high: int) -> list[int]:
    """Return the MIDI pitches of the scale from `low` to `high`, both included."""
    members = {(tonic + interval) % 12 for interval in SCALES[mode]}
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in members]


def nearest_pitch(pitch: int, pitch_classes: set[int]) -> int:
    """Return the pitch closest to `pitch` whose pitch class is one of `pitch_classes`."""
    candidates = (other for other in range(pitch - 6, pitch + 7) if other % 12 in pitch_classes)
    return min(candidates, key=lambda other: abs(other - pitch))
