"""What the ACE-Step engine is asked for: one take of a new song, or new music in, over or beside an existing one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Task

# The tracks that the base checkpoints know by name (upstream's list), for extract, lego and complete.
TRACKS = (
    "woodwinds", "brass", "fx", "synth", "strings", "percussion", "keyboard", "guitar", "bass", "drums", "backing_vocals",
    "vocals",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rework:
    """A task on existing sound: `source` is float32 `[2, samples]` at the model's rate (48 kHz).

    repaint makes the window `start` to `end` (seconds; None is the end of the song) anew; extend appends music until the
    job's duration; cover keeps the tune with `strength` 0 to 1 and takes style and words from the job; extract makes one
    of TRACKS alone, lego adds one, complete adds all of `tracks`. `reference`, shaped like `source`, lends its timbre.
    """

    task: Task
    source: NDArray[np.float32]
    start: float = 0.0
    end: float | None = None
    strength: float = 1.0
    tracks: tuple[str, ...] = ()
    reference: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One take: style tags, words with their sections in brackets, and the settings of the denoising.

    `duration` in seconds, `bpm` in beats a minute, `key` like "C major", `time_signature` its upper number ("3"),
    `language` as the model knows it ("en"). A `guidance_scale` above 1.0 costs a second row in every step.
    """

    prompt: str
    lyrics: str
    duration: float
    seed: int
    steps: int
    shift: float
    guidance_scale: float = 1.0
    language: str = "en"
    bpm: int | None = None
    key: str | None = None
    time_signature: str | None = None
    rework: Rework | None = None

    @property
    def task(self) -> Task:
        """The task of the rework, or making a song from nothing but text."""
        return self.rework.task if self.rework else "text2music"
