"""How many sections a song's length holds, and the words for each of them."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from models.sketch.genres import Genre
from models.sketch.verses import Lyricist

FORMS_TABLE = Path(__file__).parent / "wordbook" / "forms.toml"
LONGEST_LYRICS = 5000

WordForm = Literal["song", "dance", "rap", "jazz", "calm", "folk"]

_LINES = {"verse": 4, "lift": 2, "chorus": 4, "bridge": 4, "outro": 1, "drop": 2, "solo": 2, "break": 2}
_HEADERS = {"lift": "Pre-Chorus", "chorus": "Chorus", "bridge": "Bridge", "outro": "Outro", "drop": "Drop", "solo": "Solo",
            "break": "Break"}  # fmt: skip
_FORM_OF_PRESET: dict[str, WordForm] = {
    "edm": "dance",
    "jazz": "jazz",
    "blues": "jazz",
    "ambient": "calm",
    "loop": "calm",
    "classical": "calm",
}


@lru_cache(maxsize=1)
def _forms() -> dict[str, list[list[str]]]:
    table = tomllib.loads(FORMS_TABLE.read_text(encoding="utf-8"))
    return {name: [sections.split() for sections in ladder] for name, ladder in table.items()}


def word_form(genre: Genre) -> WordForm:
    """The form that a genre's words take."""
    if "rap" in genre.traits:
        return "rap"
    if genre.name in {"folk", "country"}:
        return "folk"
    return _FORM_OF_PRESET.get(genre.form, "song")


def choose_sections(form: WordForm, duration: float, bpm: float) -> list[str]:
    """The longest row of sections that `duration` seconds hold: a line takes two bars of four beats, but no less than 3.2 s
    and no more than 6 s, and intro and ending take up to a seventh."""
    seconds_per_line = min(6.0, max(3.2, 8 * 60 / bpm))
    lines = 0.86 * duration / seconds_per_line
    fitting = [row for row in _forms()[form] if sum(_lines_in(form, name) for name in row) <= lines]
    return max(fitting, key=len) if fitting else _forms()[form][0]


def _lines_in(form: WordForm, section: str) -> int:
    return 8 if form == "rap" and section == "verse" else _LINES[section]


def _as_sung(line: str) -> str:
    return line[:1].upper() + line[1:]


def write_lyrics(
    form: WordForm, sections: list[str], title: str, lyricist: Lyricist, random: np.random.Generator
) -> str:
    """Words for `sections` with a header in square brackets over each; repeated choruses and lifts keep their words."""
    rhymed_pairs = form == "rap" or random.random() < 0.35
    chorus: list[str] = []
    lift: list[str] = []
    blocks: list[str] = []
    verses = 0
    for name in sections:
        header, lines = _HEADERS.get(name, ""), []
        if name == "verse":
            verses += 1
            header = f"Verse {verses}" if sections.count("verse") > 1 else "Verse"
            lines = lyricist.verse(_lines_in(form, name), rhymed_pairs)
        elif name == "lift":
            lift = lift or lyricist.lift()
            lines = lift
        elif name == "chorus":
            chorus = chorus or lyricist.chorus(title)
            lines = chorus
        elif name == "bridge":
            lines = lyricist.bridge()
        elif name == "outro":
            lines = [lyricist.hook(title)]
        blocks.append("\n".join([f"[{header}]", *map(_as_sung, lines)]))
    while len("\n\n".join(blocks)) > LONGEST_LYRICS:
        blocks.pop()
    return "\n\n".join(blocks)
