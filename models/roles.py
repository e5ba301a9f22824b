"""The three roles that make a song (songwriter, composer, illustrator) and the plain data that passes between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

Mode = Literal["description", "lyrics", "described_lyrics"]
Voice = Literal["robot", "choir", "none"]
SectionKind = Literal["intro", "verse", "lift", "chorus", "bridge", "solo", "break", "outro"]

# Called with the share done, 0.0 to 1.0, never falling. It may raise to stop the work: whatever it raises passes through
# unchanged, and the caller of the role gets it. That is how a cancel is honoured in the middle of a song.
OnProgress = Callable[[float], None]
# Called with the words as far as they are written, now and then while they are. It may raise to stop the writing.
OnWords = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Brief:
    """What somebody asked for. All takes of a request share it.

    `mode` says which of the texts leads: "description" (one free description), "lyrics" (style tags in `prompt`, and
    `lyrics` that are kept to the letter) or "described_lyrics" (style tags in `prompt`, and a description of what the words
    shall be about). What is empty or None is the songwriter's to choose. `duration` is in seconds, `seed` makes the words
    repeatable, `language` is a BCP 47 tag ("en", "de", "pt-BR"), `key` reads like "A minor" or "F# major".
    """

    mode: Mode
    description: str = ""
    prompt: str = ""
    lyrics: str = ""
    described_lyrics: str = ""
    title: str = ""
    instrumental: bool = False
    duration: float = 180.0
    seed: int = 0
    bpm: float | None = None
    key: str | None = None
    time_signature: str | None = None
    language: str | None = None
    voice: Voice = "robot"


@dataclass(frozen=True, slots=True)
class SongSheet:
    """Everything that is decided about a song before a note is played: the songwriter's work.

    `prompt` holds comma-separated style tags. `lyrics` has its sections in square brackets, one line a sung line, and is
    empty when the song is instrumental. `categories` come from the list the songwriter was given. `duration` in seconds.
    """

    title: str
    prompt: str
    lyrics: str
    bpm: float
    key: str
    time_signature: str
    language: str
    instrumental: bool
    duration: float
    categories: tuple[str, ...]
    cover_prompt: str
    voice: Voice = "robot"


@dataclass(frozen=True, slots=True)
class Take:
    """One rendering of a sheet. `guidance_scale` and `steps` matter only to composers that have them."""

    seed: int
    guidance_scale: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A named part of a song: `start` and `duration` in seconds, `energy` from 0.0 (hushed) to 1.0 (full band)."""

    name: str
    kind: SectionKind
    start: float
    duration: float
    energy: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A composed take before mastering: `samples` is float32 `[channels, samples]` within ±1.0 or so, at `sample_rate` Hz.

    `steps` and `guidance_scale` are those that were used, which may be others than the take asked for; None: there are none.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    bpm: float
    key: str
    sections: tuple[Section, ...]
    steps: int | None = None
    guidance_scale: float | None = None


class Songwriter(Protocol):
    """Writes the words and decides title, style, tempo, key and categories."""

    name: str

    def write(self, brief: Brief, categories: tuple[str, ...], on_words: OnWords | None = None) -> SongSheet:
        """Return the sheet for `brief`; its categories are a subset of `categories`. Same brief and seed, same sheet."""
        ...


class Composer(Protocol):
    """Plays a sheet."""

    name: str

    def compose(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> Recording:
        """Return `take` of `sheet`, `sheet.duration` seconds long. Same sheet and take, same samples."""
        ...


class Illustrator(Protocol):
    """Paints the cover."""

    name: str

    def paint(self, sheet: SongSheet, seed: int) -> Image:
        """Return a square RGB cover, 1024 × 1024 pixels. Same sheet and seed, same picture."""
        ...
