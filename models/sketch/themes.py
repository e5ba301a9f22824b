"""What songs are about: the table of themes."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

THEMES_TABLE = Path(__file__).parent / "wordbook" / "themes.toml"


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme. `words` tell it in a description; `places` end lines; `moods` and `genres` suit it when none is asked for."""

    name: str
    words: frozenset[str]
    nouns: tuple[str, ...]
    scenery: tuple[str, ...]
    adjectives: tuple[str, ...]
    places: tuple[str, ...]
    titles: tuple[str, ...]
    moods: tuple[str, ...]
    genres: tuple[str, ...]


@lru_cache(maxsize=1)
def themes() -> dict[str, Theme]:
    """Every theme by its name."""
    table = tomllib.loads(THEMES_TABLE.read_text(encoding="utf-8"))
    return {
        name: Theme(
            name=name,
            words=frozenset(entry["words"].split()),
            nouns=tuple(entry["nouns"].split()),
            scenery=tuple(entry["scenery"].split()),
            adjectives=tuple(entry["adjectives"].split()),
            places=tuple(entry["places"]),
            titles=tuple(entry["titles"]),
            moods=tuple(entry["moods"]),
            genres=tuple(entry["genres"]),
        )
        for name, entry in table.items()
    }


def word_forms(word: str) -> set[str]:
    """A lowercase word and what it may be a form of: "running" → run, "dreamers" → dream."""
    return {
        word,
        word.removesuffix("s"),
        word.removesuffix("'s"),
        re.sub(r"(ing|ed|ers?)$", "", word),
        re.sub(r"(ing|ed)$", "e", word),
        re.sub(r"(.)\1ing$", r"\1", word),
    }
