"""Setting spoken syllables to notes: which syllable is sung on which note, and where every moment of the speech goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from models.sketch.score import Note
from models.sketch.voice.phones import SpokenSyllable

Span = tuple[float, float]
SHORTEST_NOTE_SECONDS = 0.03
# What it costs to sing the syllable of one word on a note of the next, two syllables on one note, one on two notes.
OTHER_WORD, SHARED_NOTE, HELD_SYLLABLE = 1.5, 0.6, 0.5
# A gap between notes from which on the singer stops: shorter ones are sung through.
REST_SECONDS = 0.25
# Most of the time between two vowels that their consonants may take; beyond it they are spoken faster.
CONSONANT_SHARE = 0.5
# A held vowel dwells between these shares of its spoken length: the glide of a diphthong comes at its end.
DWELL_FROM, DWELL_TO = 0.4, 0.6
TAIL_SECONDS = 0.12


@dataclass(frozen=True, slots=True)
class SungNote:
    """From `start` to `end`, in seconds of the song, on `pitch` (MIDI)."""

    start: float
    end: float
    pitch: float


def match_syllables(words: Sequence[int], note_words: Sequence[int]) -> list[tuple[int, int]]:
    """Return pairs (syllable, note) in the order of time that cover all of both: the cheapest path of dynamic time warping.

    `words` and `note_words` are the words' numbers, -1 where not known.
    """
    count, notes = len(words), len(note_words)
    cost = np.full((count, notes), np.inf)
    came_from = np.zeros((count, notes), dtype=np.int64)
    steps = ((1, 1, 0.0), (1, 0, SHARED_NOTE), (0, 1, HELD_SYLLABLE))
    for syllable in range(count):
        for note in range(notes):
            known = words[syllable] >= 0 and note_words[note] >= 0
            here = OTHER_WORD * min(3, abs(words[syllable] - note_words[note])) if known else 0.0
            # Of equal ways, take the one that spreads the syllables evenly.
            here += 0.1 * abs((syllable + 0.5) / count - (note + 0.5) / notes)
            ways = [
                cost[syllable - back, note - left] + price if syllable >= back and note >= left else np.inf
                for back, left, price in steps
            ]
            came_from[syllable, note] = int(np.argmin(ways))
            cost[syllable, note] = here + (min(ways) if syllable or note else 0.0)
    path = [(count - 1, notes - 1)]
    while path[-1] != (0, 0):
        syllable, note = path[-1]
        back, left, _ = steps[came_from[syllable, note]]
        path.append((syllable - back, note - left))
    return path[::-1]


def syllable_spans(words: Sequence[int], note_words: Sequence[int], notes: Sequence[SungNote]) -> list[Span]:
    """Return from when to when (seconds of the song) each syllable is sung; syllables that share a note divide it evenly."""
    path = match_syllables(words, note_words)
    sharers = [[syllable for syllable, at in path if at == note] for note in range(len(notes))]
    spans = []
    for syllable in range(len(words)):
        own = [note for at, note in path if at == syllable]
        first, last = notes[own[0]], notes[own[-1]]
        begins, ends = sharers[own[0]], sharers[own[-1]]
        start = first.start + (first.end - first.start) * begins.index(syllable) / len(begins)
        end = last.start + (last.end - last.start) * (ends.index(syllable) + 1) / len(ends)
        spans.append((start, end))
    return spans


@dataclass(slots=True)
class TimeMap:
    """Where the speech goes in the song: `song` and `speech` are the same moments in seconds, `phrases` is what is heard."""

    song: list[float] = field(default_factory=list)
    speech: list[float] = field(default_factory=list)
    phrases: list[Span] = field(default_factory=list)

    @property
    def start(self) -> float:
        """When the first consonant is heard."""
        return self.song[0]

    @property
    def end(self) -> float:
        """When the last sound has died away."""
        return self.song[-1] + TAIL_SECONDS

    def _add(self, song: float, speech: float) -> None:
        last = self.song[-1] + 1e-4 if self.song else song
        self.song.append(max(song, last))
        self.speech.append(speech)

    def add_onset(self, syllable: SpokenSyllable, vowel_start: float, pace: float) -> None:
        """Place the consonants before a vowel so that the vowel begins on its note; `pace` below 1 shortens them."""
        self._add(vowel_start - (syllable.start - syllable.onset) * pace, syllable.onset)

    def add_vowel(self, syllable: SpokenSyllable, start: float, end: float) -> None:
        """Stretch a vowel over `start` to `end`: its transitions keep their speed as far as there is time for them."""
        spoken = syllable.end - syllable.start
        head = min(spoken * DWELL_FROM, (end - start) * 0.35)
        tail = min(spoken * (1 - DWELL_TO), (end - start) * 0.35)
        self._add(start, syllable.start)
        self._add(start + head, syllable.start + spoken * DWELL_FROM)
        self._add(end - tail, syllable.start + spoken * DWELL_TO)
        self._add(end, syllable.end)

    def add_coda(self, syllable: SpokenSyllable, vowel_end: float, pace: float) -> None:
        """Place the consonants that follow a vowel."""
        self._add(vowel_end + (syllable.coda - syllable.end) * pace, syllable.coda)

    def positions(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the moments of the speech for moments of the song."""
        return np.interp(times, self.song, self.speech)

    def presence(
        self, times: NDArray[np.float64], fade_in: float = 0.02, fade_out: float = 0.07
    ) -> NDArray[np.float64]:
        """Return 0..1: 1 while a phrase is sung, 0 in the rests, with soft edges in seconds."""
        heard = np.zeros(len(times))
        for start, end in self.phrases:
            edges = np.minimum((times - start + fade_in) / fade_in, (end + fade_out - times) / fade_out)
            heard = np.maximum(heard, np.clip(edges, 0.0, 1.0))
        return heard


def place_speech(syllables: Sequence[SpokenSyllable], spans: Sequence[Span]) -> TimeMap:
    """Return the map that brings every vowel onto the start of its span and lets it last to the span's end."""
    time_map = TimeMap()
    following_starts = [*(start for start, _ in spans[1:]), inf]
    pace = 1.0
    phrase_start: float | None = None
    for index, (syllable, (start, end)) in enumerate(zip(syllables, spans, strict=True)):
        time_map.add_onset(syllable, start, pace)
        phrase_start = time_map.song[-1] if phrase_start is None else phrase_start

        following = following_starts[index]
        rests = following - end >= REST_SECONDS
        coda = syllable.coda - syllable.end
        consonants = coda + (syllables[index + 1].start - syllables[index + 1].onset if following < inf else 0.0)
        if rests:
            vowel_end = max((start + end) / 2, end - coda)
        else:
            vowel_end = following - min(consonants, CONSONANT_SHARE * (following - start))
        pace = min(1.0, (following - vowel_end) / max(consonants, 1e-3))

        time_map.add_vowel(syllable, start, vowel_end)
        time_map.add_coda(syllable, vowel_end, pace)
        if rests:
            time_map.phrases.append((phrase_start, time_map.song[-1]))
            phrase_start = None
    return time_map


def read_notes(notes: Sequence[Note], pitches: Sequence[Note]) -> tuple[SungNote, ...]:
    """Return when and on which pitch to sing: the times of `notes`, small gaps closed, with the pitches of `pitches`."""
    sung = []
    for index, (note, pitch) in enumerate(zip(notes, pitches, strict=True)):
        following = notes[index + 1].start if index + 1 < len(notes) else inf
        end = note.start + max(note.duration, SHORTEST_NOTE_SECONDS)
        sung.append(SungNote(note.start, following if following - end < REST_SECONDS else end, pitch.pitch))
    return tuple(sung)
