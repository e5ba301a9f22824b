"""The genre presets: one TOML file each in genres/, read into typed records."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from models.sketch.score import Bus

Form = Literal["song", "edm", "jazz", "loop", "ambient", "cinematic", "classical", "blues"]
GENRES_FOLDER = Path(__file__).parent / "genres"


@dataclass(frozen=True, slots=True)
class Layer:
    """An accompanying part: `pattern` is a step string or a named figure, played where the section's energy allows it.

    A take may play it on one of `other_instruments` and with one of `other_patterns` instead.
    """

    name: str
    instrument: str
    pattern: str
    from_energy: float
    bus: Bus
    to_energy: float = 1.1
    pan: float = 0.0
    gain: float = 0.0
    echo: float = 0.0
    transpose: int = 0
    copy: int = 0
    staccato: bool = False
    other_instruments: tuple[str, ...] = ()
    other_patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sound:
    """How a genre is mixed: reverb length in seconds, levels in decibels, `tilt` of the spectrum in decibels per octave.

    `wet` is the reverb's share, `duck` how deep the kick pushes bass and chords down, `lofi` how worn the tape is, `width`
    the stereo width (1 leaves it as it is).
    """

    reverb_seconds: float
    wet: float
    duck: float
    lofi: float
    width: float
    tilt: dict[str, float]
    levels: dict[str, float]


@dataclass(frozen=True, slots=True)
class Drums:
    """The kit ("machine" with a name, "sampled" with a General MIDI program, or "none") and its grooves.

    `grooves` are the variants that takes choose from; each has one groove by intensity: "quiet", "middle", "full", and
    "full_odd" for every second bar of a full section. A groove maps pieces of the kit to step strings: K kick, S snare, R rim, C clap, Z snap, H O P closed, open and pedal
    hat, D ride, B bell, X crash, T U V toms, t tambourine, M shaker, W cowbell, g G b congas and bongo, L claves.
    """

    kit: Literal["machine", "sampled", "none"]
    machine: str
    program: int
    fill: Literal["none", "snare", "toms", "roll", "hat", "timpani"]
    grooves: tuple[dict[str, dict[str, str]], ...]


@dataclass(frozen=True, slots=True)
class Genre:
    """Everything that makes a genre sound like itself. Tempo in beats a minute."""

    name: str
    slowest: float
    fastest: float
    usual: float
    modes: dict[str, float]
    form: Form
    swing_eighths: float
    swing_sixteenths: float
    human_seconds: float
    syncopation: float
    density: float
    chord_bars: int
    chord_voices: int
    traits: frozenset[str]
    sound: Sound
    drums: Drums
    bass_instrument: str
    bass_patterns: tuple[str, ...]
    lead_instruments: tuple[str, ...]
    progressions: dict[str, dict[str, list[str]]]
    layers: tuple[Layer, ...]

    def progressions_in(self, minor: bool) -> dict[str, list[str]]:
        """Return the chord progressions by kind of section ("verse", "chorus", "bridge") for a minor or a major key."""
        return self.progressions.get("minor" if minor else "major", self.progressions["any"])


def _read_drums(table: dict[str, Any]) -> Drums:
    usual = {name: groove for name, groove in table.items() if isinstance(groove, dict)}
    grooves = [usual]
    for variant in table.get("variants", ()):  # it says only what differs; an empty string silences a piece
        changed = {name: usual.get(name, {}) | variant.get(name, {}) for name in usual}
        grooves.append(
            {name: {piece: steps for piece, steps in groove.items() if steps} for name, groove in changed.items()}
        )
    return Drums(table["kit"], table.get("machine", ""), table.get("program", 0), table["fill"], tuple(grooves))


def _read_layer(table: dict[str, Any]) -> Layer:
    others = {name: tuple(table.get(name, ())) for name in ("other_instruments", "other_patterns")}
    return Layer(**table | others)


def _read_genre(path: Path) -> Genre:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return Genre(
        name=table["name"],
        **table["tempo"],
        modes=table["modes"],
        form=table["form"],
        swing_eighths=table["swing"]["eighths"],
        swing_sixteenths=table["swing"]["sixteenths"],
        human_seconds=table["human_seconds"],
        syncopation=table["syncopation"],
        density=table["density"],
        chord_bars=table["chord_bars"],
        chord_voices=table["chord_voices"],
        traits=frozenset(table.get("traits", ())),
        sound=Sound(**table["sound"]),
        drums=_read_drums(table["drums"]),
        bass_instrument=table["bass"]["instrument"],
        bass_patterns=tuple(table["bass"]["patterns"]),
        lead_instruments=tuple(table["lead"]["instruments"]),
        progressions=table["progressions"],
        layers=tuple(_read_layer(layer) for layer in table.get("layers", ())),
    )


@lru_cache(maxsize=1)
def genres() -> dict[str, Genre]:
    """Return every genre by its name."""
    read = (_read_genre(path) for path in sorted(GENRES_FOLDER.glob("*.toml")))
    return {genre.name: genre for genre in read}
