"""Sorting a song under the categories that the studio offers."""

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

CATEGORIES_TABLE = Path(__file__).parent / "wordbook" / "categories.toml"
MOST_CATEGORIES = 4

# What a hit is worth: what the song is called, what it sounds like, what is said about its mood, what it is about.
_NAME, _GENRE, _WORD, _MOOD, _THEME = 8, 5, 4, 3, 2


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, list[str]]]:
    table: dict[str, Any] = tomllib.loads(CATEGORIES_TABLE.read_text(encoding="utf-8"))
    return table


def choose_categories(
    offered: Sequence[str],
    text: str,
    genre: str,
    genre_words: Sequence[str],
    moods: Sequence[str],
    themes: Sequence[str],
) -> tuple[str, ...]:
    """One to four of `offered`, the most telling first, matched without regard to case; empty only when nothing is offered.

    `text` is what was asked for, `genre` the composer's genre, `genre_words` the text's own names for it.
    """
    words = frozenset(re.findall(r"[\w&'-]+", text[:4000].lower()))
    scores: dict[str, int] = {}
    for category in offered:
        name = category.strip().lower()
        entry = _table().get(name, {})
        score = _NAME * (name in genre_words or bool(set(entry.get("names", ())).intersection(genre_words)))
        score += _GENRE * (genre in entry.get("genres", ()) or name == genre)
        score += _WORD * (name in words or bool(words.intersection(entry.get("words", ()))))
        score += _MOOD * len(set(moods).intersection(entry.get("moods", ())))
        score += _THEME * len(set(themes).intersection(entry.get("themes", ())))
        if score:
            scores[category] = score
    best = sorted(scores, key=lambda category: -scores[category])[:MOST_CATEGORIES]
    return tuple(best) or tuple(offered[:1])
