"""The arrangement: a song's form, chords and parts together, and the clock that turns beats into seconds."""

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.roles import Section
from models.sketch.score import DrumHit, SungLine, Track, Transition
from models.sketch.sections import SECTION_KINDS, FormSection
from models.sketch.style import Style
from models.sketch.theory import Chord


@dataclass(slots=True)
class Arrangement:
    """Everything that will sound, filled in by the composing modules one after the other. `duration` in seconds."""

    style: Style
    sections: list[FormSection]
    duration: float
    chords: list[Chord] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    hits: list[DrumHit] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    lines: list[SungLine] = field(default_factory=list)
    sung_beats: list[tuple[float, float]] = field(default_factory=list)

    @property
    def beats_per_bar(self) -> int:
        """Quarter notes to the bar."""
        return self.style.meter.beats

    @property
    def last_beat(self) -> float:
        """The beat at which the last bar ends."""
        return float(self.sections[-1].end_bar * self.beats_per_bar)

    def ring(self, beat: float) -> float:
        """Return the length in beats of a note at `beat` that rings until the song ends."""
        return max(0.25, self.duration / self.style.beat_seconds - beat)

    def chord_at(self, beat: float) -> Chord:
        """Return the chord that sounds at `beat`; beyond the ends it is the first or the last one."""
        index = bisect_right(self.chords, beat + 1e-6, key=lambda chord: chord.start) - 1
        return self.chords[max(0, index)]

    def seconds(self, beats: ArrayLike) -> NDArray[np.float64]:
        """Return when beats sound, with the genre's swing: the second half of a pair of notes comes late."""
        beats = np.asarray(beats, dtype=np.float64)
        whole: NDArray[np.float64] = np.floor(beats)
        place = beats - whole
        genre = self.style.genre
        if genre.swing_eighths and self.style.meter.name != "6/8":  # three eighths to the beat need no swing
            middle = 0.5 + genre.swing_eighths / 2
            place = np.where(place < 0.5, place / 0.5 * middle, middle + (place - 0.5) / 0.5 * (1 - middle))
        elif genre.swing_sixteenths:
            half = np.floor(place * 2) / 2
            inner = place - half
            middle = 0.25 + genre.swing_sixteenths / 4
            late = middle + (inner - 0.25) / 0.25 * (0.5 - middle)
            place = half + np.where(inner < 0.25, inner / 0.25 * middle, late)
        seconds: NDArray[np.float64] = (whole + place) * self.style.beat_seconds
        return seconds

    def timeline(self) -> tuple[Section, ...]:
        """Return the sections in seconds; the last one lasts to the end of the song."""
        starts = [section.first_bar * self.style.bar_seconds for section in self.sections]
        ends = [*starts[1:], self.duration]
        return tuple(
            Section(section.title, SECTION_KINDS[section.kind], start, max(0.0, end - start), section.energy)
            for section, start, end in zip(self.sections, starts, ends, strict=True)
            if start < self.duration
        )
