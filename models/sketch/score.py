"""The written-out song: notes, drum hits, sung lines and transitions, before anything of it sounds."""

from dataclasses import dataclass, field
from typing import Literal

from models.roles import SectionKind

Bus = Literal["bass", "chords", "lead"]
Singer = Literal["female", "male", "choir", "robot", "none"]


@dataclass(frozen=True, slots=True)
class Note:
    """One note: `start` and `duration` in seconds of the song, `pitch` as MIDI number (fractions allowed), `velocity` 0..1.

    `syllable` is the piece of the line that is sung on this note, and empty for instruments.
    """

    start: float
    duration: float
    pitch: float
    velocity: float
    syllable: str = ""


@dataclass(frozen=True, slots=True)
class SungLine:
    """One line of the lyrics with the notes it is sung on, one note for each syllable, in the order of time.

    `syllables` names for every note the index of its word among `sung_words(text)` and the stress of the syllable, 0..1.
    `harmony` is empty or holds one note for each of `syllable_notes`: the second voice of a chorus.
    Two lines with the same `tune` are the same words on the same notes, only shifted in time, so that the second one can
    reuse the first one's sound. `register` says whose voice this is, `rap` that the line is spoken more than sung,
    `energy` is the section's, 0..1, and `breath` the seconds of silence that follow the line.
    """

    text: str
    syllable_notes: tuple[Note, ...]
    syllables: tuple[tuple[int, float], ...] = ()
    harmony: tuple[Note, ...] = ()
    section: str = ""
    kind: SectionKind = "verse"
    tune: str = ""
    register: Singer = "female"
    rap: bool = False
    genre: str = ""
    energy: float = 0.6
    breath: float = 0.4


@dataclass(frozen=True, slots=True)
class BeatNote:
    """A note as the composing modules write it: `beat` and `length` in beats, `pitch` as MIDI number, `velocity` 1..127."""

    beat: float
    length: float
    pitch: int
    velocity: float


@dataclass(frozen=True, slots=True)
class DrumHit:
    """A stroke at `beat` on the `piece` of the kit (one letter, or timpani or taiko), `velocity` 0..1."""

    beat: float
    piece: str
    velocity: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A riser, downlifter, impact or reversed cymbal that starts at `beat` and lasts `length` beats."""

    kind: Literal["riser", "down", "impact", "reverse"]
    beat: float
    length: float


@dataclass(slots=True)
class Track:
    """One instrument's part. `gain` in decibels relative to its bus, `pan` from -1 (left) to 1 (right).

    `echo` is the level of the tempo echo, `copy` counts doublings of the same part (the second guitar is late by a hair),
    and `staccato` says that its notes must not ring to the end of the song.
    """

    name: str
    instrument: str
    bus: Bus
    notes: list[BeatNote] = field(default_factory=list)
    pan: float = 0.0
    gain: float = 0.0
    echo: float = 0.0
    copy: int = 0
    staccato: bool = False
