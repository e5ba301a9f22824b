"""Reading style tags: which genre, key, mode, instruments, singer and mood a sheet asks for."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from pathlib import Path
from typing import Any

from models.roles import SongSheet, Take
from models.sketch.genres import Genre, genres
from models.sketch.instruments import instruments
from models.sketch.meter import Meter, read_meter
from models.sketch.score import Singer
from models.sketch.theory import KEY_NAMES, MINOR_MODES, parse_key, rng_for

# Tags that say little about the genre when a plainer one stands beside them ("acoustic jazz" is jazz).
VAGUE_TAGS = frozenset(
    {"pop", "electronic", "dance", "chill", "epic", "acoustic", "80s", "ballad", "minimal", "swing", "world", "indie"}
)
GENRE_HINTS = {"synth": "synthwave", "guitar": "rock", "orchestra": "cinematic", "piano": "pop", "beat": "lofi"}
FALLBACK_GENRE = "pop"
COMFORTABLE_TONICS = (0, 2, 4, 5, 7, 9, 11, 10, 3)
SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0


@dataclass(frozen=True, slots=True)
class Style:
    """What the tags, the key and the seed came to.

    `tonic` is a pitch class; `energy` and `brightness` shift the mood; `language` is that of the sung words; `instruments`
    are those that the tags name, in their order.
    """

    genre: Genre
    bpm: float
    meter: Meter
    tonic: int
    mode: str
    seed: int
    energy: float
    brightness: float
    singer: Singer
    language: str
    instruments: tuple[str, ...]

    @property
    def minor(self) -> bool:
        """Whether the third of the scale is minor."""
        return self.mode in MINOR_MODES

    @property
    def key(self) -> str:
        """The key in words, as in "A minor"."""
        return f"{KEY_NAMES[self.tonic]} {self.mode}"

    @property
    def beat_seconds(self) -> float:
        """Seconds to the beat."""
        return 60.0 / self.bpm

    @property
    def bar_seconds(self) -> float:
        """Seconds to the bar."""
        return self.meter.beats * self.beat_seconds


@lru_cache(maxsize=1)
def _tag_tables() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "tags.toml").read_text(encoding="utf-8"))


def _find_word(word: str, text: str) -> re.Match[str] | None:
    return re.search(r"(?<![a-z&])" + re.escape(word) + r"(?![a-z&])", text)


def find_genre(text: str) -> Genre:
    """Return the genre that the tags name: the longest name wins, an earlier one breaks a tie."""
    known = genres()
    aliases: dict[str, str] = _tag_tables()["aliases"]
    text = text.lower()
    best, best_score = "", (-1, 0.0)
    for name, genre in [*((name, name) for name in known), *aliases.items()]:
        found = _find_word(name, text)
        score = (name not in VAGUE_TAGS, len(name) * 2 - found.start() * 0.15) if found else (-1, 0.0)
        if score > best_score:
            best, best_score = genre, score
    if not best:
        best = next((genre for hint, genre in GENRE_HINTS.items() if hint in text), FALLBACK_GENRE)
    return known[best]


def _find_instruments(text: str) -> tuple[str, ...]:
    words: dict[str, str] = {name: name for name in instruments()} | _tag_tables()["instruments"]
    places: dict[str, int] = {}
    for word in sorted(words, key=len, reverse=True):
        pattern = re.compile(r"(?<![a-z])" + re.escape(word) + r"s?(?![a-z])")
        if found := pattern.search(text):
            places.setdefault(words[word], found.start())
            text = pattern.sub(lambda match: " " * len(match.group()), text)  # "nylon guitar" is not also a "guitar"
    return tuple(sorted(places, key=lambda name: places[name]))


def _find_mood(text: str) -> tuple[float, float]:
    moods = [mood for word, mood in _tag_tables()["moods"].items() if re.search(rf"\b{word}\b", text)]
    energy = sum(mood[0] for mood in moods)
    brightness = sum(mood[1] for mood in moods)
    return max(-0.4, min(0.4, energy)), max(-0.7, min(0.7, brightness))


def _choose_mode(genre: Genre, brightness: float, seed: int) -> str:
    """Draw a mode of the genre, the brighter the mood the likelier a major one."""
    names = list(genre.modes)
    weights = [genre.modes[name] * exp(brightness * (-3 if name in MINOR_MODES else 3)) for name in names]
    share = [weight / sum(weights) for weight in weights]
    return names[int(rng_for(seed, "mode").choice(len(names), p=share))]


def _choose_singer(sheet: SongSheet, text: str, seed: int) -> Singer:
    if sheet.instrumental or sheet.voice == "none" or not sheet.lyrics.strip():
        return "none"
    if sheet.voice == "choir":
        return "choir"
    if re.search(r"vocoder|robot", text):
        return "robot"
    if re.search(r"female|woman|girl|soprano", text):
        return "female"
    if re.search(r"\bmale\b|\bman\b|baritone|\bmen\b", text):
        return "male"
    return "male" if rng_for(seed, "singer").random() < 0.45 else "female"


def read_style(sheet: SongSheet, take: Take) -> Style:
    """Return the style of a take: what the sheet leaves open, the take's seed decides."""
    text = sheet.prompt.lower()
    genre = find_genre(text)
    energy, brightness = _find_mood(text)
    asked = parse_key(sheet.key) or parse_key(text)
    mode = asked[1] if asked else _choose_mode(genre, brightness, take.seed)
    tonic = asked[0] if asked else int(rng_for(take.seed, "tonic").choice(COMFORTABLE_TONICS))
    return Style(
        genre=genre,
        bpm=max(SLOWEST_BPM, min(FASTEST_BPM, float(sheet.bpm or genre.usual))),
        meter=read_meter(sheet.time_signature),
        tonic=tonic,
        mode=mode,
        seed=take.seed,
        energy=energy,
        brightness=brightness,
        singer=_choose_singer(sheet, text, take.seed),
        language=sheet.language,
        instruments=_find_instruments(text),
    )
