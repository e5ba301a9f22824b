"""The studio's end of the speaking process: starts it, asks for lines, and never leaves it behind."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.sketch.voice.phones import Phone
from models.sketch.voice.tongue import Utterance

WORKER = Path(__file__).with_name("espeak_worker.py")


class CannotSpeak(Exception):
    """eSpeak NG is not there, or it failed on a line; the message says how."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a line is spoken: eSpeak's voice variant, its pitch 0..100, and words a minute."""

    variant: str
    pitch: int
    words_per_minute: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A spoken line: `samples` in ±1.0 at `rate` Hz, and its sounds."""

    samples: NDArray[np.float64]
    rate: int
    phones: tuple[Phone, ...]


class Speaker:
    """A running speaking process, for use in `with`: it is gone when the block is left, whichever way."""

    def __enter__(self) -> Self:
        # -P keeps this folder's file names from standing in for modules of the standard library.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def process_id(self) -> int:
        """The speaking process's number."""
        return self._process.pid

    def speak(self, utterance: Utterance, manner: Manner) -> Recorded:
        """Return the spoken line; raises `CannotSpeak`."""
        request = {
            "text": utterance.text,
            "voices": [f"{language}+{manner.variant}" for language in utterance.languages],
            "rate": manner.words_per_minute,
            "pitch": manner.pitch,
        }
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(json.dumps(request).encode() + b"\n")
            requests.flush()
            header = answers.readline()
        except OSError as error:  # the pipe is broken: the process has ended
            raise CannotSpeak(self._ending()) from error
        if not header:
            raise CannotSpeak(self._ending())
        answer = json.loads(header)
        sound = answers.read(answer["bytes"])
        if answer["error"] or len(sound) < answer["bytes"]:
            raise CannotSpeak(f"eSpeak NG failed on a line ({answer['error'] or 'cut short'})")
        samples = np.frombuffer(sound, dtype=np.int16) / 32768.0
        return Recorded(samples, answer["rate"], _phones(answer["events"], utterance, len(samples) / answer["rate"]))

    def _ending(self) -> str:
        return f"eSpeak NG could not be started (exit status {self._process.wait()})"


def _phones(events: list[list[Any]], utterance: Utterance, seconds: float) -> tuple[Phone, ...]:
    owners = utterance.word_of_character
    word = -1
    begun: list[tuple[float, str, int]] = []
    for kind, milliseconds, what in events:
        if kind == "word":
            word = owners[what[0]] if 0 <= what[0] < len(owners) else -1
        elif not str(what).startswith("("):  # "(en)" marks a change of language
            begun.append((milliseconds / 1000, str(what), word))
    ends = [start for start, _, _ in begun[1:]] + [seconds]
    return tuple(
        Phone(start, max(start, min(end, seconds)), symbol, word)
        for (start, symbol, word), end in zip(begun, ends, strict=True)
    )
