"""The vocal melody: rhythm and pitches for every line of the lyrics, phrases that answer each other, a second voice."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.sketch.arrangement import Arrangement
from models.sketch.melody import find_melody
from models.sketch.prosody import place_syllables
from models.sketch.score import BeatNote, Note, SungLine
from models.sketch.sections import SECTION_KINDS, FormSection
from models.sketch.theory import nearest_pitch, rng_for, scale_pitches
from models.sketch.words import Syllable, line_syllables

# Lowest, highest and middle MIDI pitch of a singer.
RANGES = {"female": (58, 76, 66), "male": (46, 65, 56), "choir": (55, 72, 63), "robot": (48, 67, 58)}
# How far a kind of section sits above (or below) the singer's middle, in semitones.
LIFTS = {"verse": -1.0, "prechorus": 2.0, "chorus": 4.5, "bridge": 1.0, "outro": -1.0}
PENTATONIC_GENRES = frozenset(
    {"pop", "folk", "country", "rock", "punk", "soul", "edm pop", "afrobeat", "reggae"}
)  # fmt: skip
OPEN_ENDINGS, CLOSED_ENDINGS = (2, 7, 4, 3, 11), (0, 4, 3, 7)


@dataclass(slots=True)
class Phrase:
    """A line's notes counted from the start of the line, so that a repeated chorus is sung the same way."""

    notes: list[BeatNote]
    harmony: list[BeatNote]


@dataclass(slots=True)
class SectionMemory:
    """What the lines of one kind of section have in common: rhythms and tunes by the phrase's role (question, answer)."""

    rhythms: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    tunes: dict[int, tuple[NDArray[np.float64], list[int]]] = field(default_factory=dict)


def contour_shape(index: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shape of a phrase over x in 0..1: an arch, a fall, a high arch, or a dip."""
    shapes = (
        np.sin(np.pi * x * 1.1),
        1 - 1.7 * x,
        np.sin(np.pi * x) * 1.3 - 0.1,
        np.cos(np.pi * x * 1.6) * 0.8,
    )
    return shapes[index]


@dataclass(slots=True)
class LineSetting:
    """One line about to be set: where it stands and how it shall be sung."""

    song: Arrangement
    section: FormSection
    index: int
    syllables: tuple[Syllable, ...]
    start: float
    memory: SectionMemory
    previous_pitch: int | None

    @property
    def rap(self) -> bool:
        """Whether the line is spoken more than sung."""
        return "rap" in self.song.style.genre.traits and self.section.kind == "verse"

    @property
    def role(self) -> int:
        """0 for a question, 1 for its answer."""
        return self.index % 2

    @property
    def length(self) -> float:
        """Beats until the next line, or until shortly before the song ends."""
        whole = float(self.section.bars_per_line * self.song.beats_per_bar)
        return min(whole, self.song.ring(self.start) - 0.5)

    def rhythm(self) -> tuple[list[float], list[float], list[float]]:
        """Return the beats, lengths and metric weights of the syllables."""
        style, meter = self.song.style, self.song.style.meter
        dense = len(self.syllables) > self.length * 2 * 0.74
        steps_per_beat = 4 if self.rap or dense else 2
        late = float(rng_for(style.seed, "late", self.section.kind, self.role).choice([0, 0, 0.5, 1.0]))
        rhythms = self.memory.rhythms
        steps = place_syllables(
            self.syllables,
            self.length,
            meter,
            steps_per_beat,
            rng_for(style.seed, "words", self.section.kind, self.index % 4),
            earlier=rhythms.get((self.role, steps_per_beat)) or rhythms.get((1 - self.role, steps_per_beat)),
            late_beats=0.0 if self.rap else late,
            syncopation=style.genre.syncopation,
        )
        rhythms.setdefault((self.role, steps_per_beat), steps)
        beats = [self.start + step / steps_per_beat for step in steps]
        longest_last = 0.6 if self.rap else 2.5
        ends = [*beats[1:], min(self.start + self.length - 0.35, beats[-1] + longest_last)]
        share = 0.9 if self.rap else 0.97
        lengths = [max(0.2, min(end - beat, 2.5)) * share for beat, end in zip(beats, ends, strict=True)]
        return beats, lengths, [meter.strength(step / steps_per_beat) for step in steps]

    def _register(self) -> tuple[int, int, int]:
        low, high, middle = RANGES[self.song.style.singer]
        # The singer's middle lies where the key's tonic lies well.
        tonic = int(np.clip(nearest_pitch(middle, {self.song.style.tonic}), middle - 5, middle))
        return (
            low + (3 if self.section.kind == "chorus" else 0),
            high - (3 if self.section.kind == "verse" else 0),
            tonic,
        )

    def _contour(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        seed, kind = self.song.style.seed, self.section.kind
        shape = int(rng_for(seed, "shape", kind, self.role).integers(4))
        if kind == "chorus" and self.role == 0:
            shape = int(rng_for(seed, "hook shape").integers(3))
        low, high, tonic = self._register()
        lift, spread = (-3.0, 1.5) if self.rap else (LIFTS.get(kind, 0.0), 3.2 if kind == "verse" else 4.2)
        fall = 1.2 if self.index % 4 == 3 else 0.0
        contour = tonic + lift + 2 + spread * contour_shape(shape, places) - fall
        return np.clip(contour, low + 1, high - 1)

    def _pitches(self, chord_classes: set[int]) -> list[int]:
        style = self.song.style
        low, high, _ = self._register()
        pitches = scale_pitches(style.tonic, style.mode, low, high)
        if self.rap or style.genre.name not in PENTATONIC_GENRES:
            return pitches
        pentatonic = scale_pitches(style.tonic, "minor pentatonic" if style.minor else "major pentatonic", low, high)
        return sorted({*pentatonic, *(pitch for pitch in pitches if pitch % 12 in chord_classes)})

    def _last_classes(self, chord_classes: set[int]) -> set[int]:
        """Return where the phrase may end: questions stay open, answers close, the last line comes home."""
        tonic = self.song.style.tonic
        last_line = self.index == len(self.section.lines) - 1
        if last_line and self.section.kind in ("chorus", "outro") and tonic in chord_classes:
            return {tonic}
        wanted = {(tonic + degree) % 12 for degree in (CLOSED_ENDINGS if self.role else OPEN_ENDINGS)}
        return chord_classes & wanted or chord_classes

    def phrase(self) -> Phrase:
        """Return the line's notes and, in a chorus, its second voice."""
        beats, lengths, weights = self.rhythm()
        places = (np.array(beats) - self.start) / self.length
        tunes = self.memory.tunes
        reference = None
        if self.role in tunes and not self.rap:  # stay close to the earlier phrase with the same role (A B A B')
            earlier_places, earlier_pitches = tunes[self.role]
            reference = [earlier_pitches[int(np.argmin(np.abs(earlier_places - place)))] for place in places]
        chord_classes = set(self.song.chord_at(beats[-1]).pitch_classes[:3])
        pitches = find_melody(
            list(zip(beats, lengths, strict=True)),
            self.song.chord_at,
            self._pitches(chord_classes),
            rng_for(self.song.style.seed, "tune", self.section.kind, self.index % 4),
            contour=self._contour(places),
            strong=weights,
            reference=reference,
            last_classes=self._last_classes(chord_classes),
            repeat_cost=0.45 if self.rap else 0.9,
            start=self.previous_pitch,
        )
        tunes.setdefault(self.role, (places, pitches))
        notes = [
            BeatNote(beat - self.start, length, pitch, 88.0)
            for beat, length, pitch in zip(beats, lengths, pitches, strict=True)
        ]
        return Phrase(notes, self._harmony(notes) if self.section.kind == "chorus" and not self.rap else [])

    def _harmony(self, notes: Sequence[BeatNote]) -> list[BeatNote]:
        """Return a voice a third to a sixth below, on chord tones where there are any."""
        style = self.song.style
        harmony = []
        for note in notes:
            chord_classes = set(self.song.chord_at(self.start + note.beat).pitch_classes[:3])
            below = scale_pitches(style.tonic, style.mode, note.pitch - 9, note.pitch - 3)
            pitch = max([tone for tone in below if tone % 12 in chord_classes] or below)
            harmony.append(BeatNote(note.beat, note.length, pitch, note.velocity))
        return harmony


def _sound(song: Arrangement, notes: Sequence[BeatNote], start: float, syllables: Sequence[str]) -> tuple[Note, ...]:
    """Return notes counted from beat `start` as notes in seconds that carry their syllables."""
    begins = song.seconds([start + note.beat for note in notes])
    ends = song.seconds([start + note.beat + note.length for note in notes])
    return tuple(
        Note(float(begin), float(end - begin), float(note.pitch), note.velocity / 127, syllable)
        for note, begin, end, syllable in zip(notes, begins, ends, syllables, strict=True)
    )


def _sung_line(song: Arrangement, setting: LineSetting, line: str, phrase: Phrase, tune: str) -> SungLine:
    written = [syllable.text for syllable in setting.syllables]
    notes = _sound(song, phrase.notes, setting.start, written)
    line_end = float(song.seconds(setting.start + setting.length))
    return SungLine(
        text=line,
        syllable_notes=notes,
        syllables=tuple((syllable.word, syllable.stress) for syllable in setting.syllables),
        harmony=_sound(song, phrase.harmony, setting.start, written) if phrase.harmony else (),
        section=setting.section.title,
        kind=SECTION_KINDS[setting.section.kind],
        tune=tune,
        register=song.style.singer,
        rap=setting.rap,
        genre=song.style.genre.name,
        energy=setting.section.energy,
        breath=max(0.0, line_end - notes[-1].start - notes[-1].duration),
    )


def add_vocal_lines(song: Arrangement) -> None:
    """Set every line of the lyrics that has a place in the form; lines that would begin after their section are left out."""
    if song.style.singer == "none":
        return
    memories: dict[str, SectionMemory] = {}
    phrases: dict[tuple[str, int, str, int], Phrase] = {}
    previous: int | None = None
    for section in song.sections:
        memory = memories.setdefault(section.kind, SectionMemory())
        for index, line in enumerate(section.lines):
            syllables = line_syllables(line, song.style.language)
            bar = section.first_bar + index * section.bars_per_line
            start = float(bar * song.beats_per_bar)
            if not syllables or bar >= section.end_bar or song.ring(start) < min(4, song.beats_per_bar):
                continue
            setting = LineSetting(song, section, index, syllables, start, memory, previous)
            key = (section.kind, index, line, section.bars_per_line)
            if key not in phrases:
                phrases[key] = setting.phrase()
            phrase = phrases[key]
            previous = phrase.notes[-1].pitch
            song.lines.append(_sung_line(song, setting, line, phrase, repr(key)))
            last = phrase.notes[-1]
            song.sung_beats.append((start + phrase.notes[0].beat, start + last.beat + last.length))
