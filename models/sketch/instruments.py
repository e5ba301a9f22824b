"""The instruments: General MIDI programs and synthesizer patches with their registers and their colour in the mix."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instrument:
    """A General MIDI `program` of the soundfont, or (program None) a synthesizer `patch`.

    `low` to `high` is its melody register in MIDI pitches; highpass and lowpass in Hz (0: none), bells as (Hz, dB, Q),
    air as (Hz, dB) of a high shelf.
    """

    name: str
    low: int
    high: int
    program: int | None = None
    patch: str = ""
    highpass: float = 0.0
    lowpass: float = 0.0
    bells: tuple[tuple[float, float, float], ...] = ()
    air: tuple[float, float] | None = None


@lru_cache(maxsize=1)
def instruments() -> dict[str, Instrument]:
    """Return every instrument by its name."""
    table = tomllib.loads((Path(__file__).parent / "instruments.toml").read_text(encoding="utf-8"))
    return {name: Instrument(name=name, **entry) for name, entry in table.items()}
