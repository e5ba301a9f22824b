"""The JSON schema that a sheet is written in: only what the brief leaves open, and every string bounded."""

import json
import math
from dataclasses import dataclass

from models.roles import Brief

LANGUAGES = (
    "en", "de", "es", "fr", "it", "pt", "nl", "sv", "pl", "ru", "uk", "el", "tr", "ar", "he", "hi", "ja", "ko", "zh",
)  # fmt: skip
KEYS = tuple(
    f"{tonic} {mode}"
    for mode in ("major", "minor")
    for tonic in ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
)
TIME_SIGNATURES = ("4/4", "3/4", "6/8")
SECTIONS = ("verse", "pre-chorus", "chorus", "bridge", "outro")
SLOWEST, FASTEST = 50, 200
LONGEST_TITLE, LONGEST_STYLE, LONGEST_LINE, LONGEST_COVER = 60, 200, 60, 200  # characters
MOST_CATEGORIES = 3
# A sung line takes about five and a half seconds of a song, with what is played in between.
_SECONDS_PER_LINE, _LINES_PER_SECTION, _MOST_SECTIONS = 5.5, 4, 16
# Letters or digits first, then anything that can be seen, save brackets, which would be read as sections.
_TEXT = r"^[\p{{L}}\p{{N}}][^\[\]\p{{C}}]{{0,{rest}}}$"
# What JSON may spend on a character: an escaped quote or backslash is two, a letter of any script at most four bytes.
_BYTES_PER_CHARACTER = 4
_SCAFFOLD = 400  # bytes of names, braces, numbers and the short choices


@dataclass(frozen=True, slots=True)
class Plan:
    """How many words a song has room for: sections, and the fewest and most lines of each."""

    sections: int
    shortest: int
    longest: int


def plan_of(brief: Brief) -> Plan | None:
    """Return how many words are to be written; None when there are none to write."""
    if brief.instrumental or (brief.mode == "lyrics" and brief.lyrics):
        return None
    lines = max(2, round(brief.duration / _SECONDS_PER_LINE))
    sections = min(_MOST_SECTIONS, math.ceil(lines / _LINES_PER_SECTION))
    each = min(_LINES_PER_SECTION, lines)
    return Plan(sections, max(1, each - 2), each + 1 if sections > 1 else each)


def schema_for(brief: Brief, categories: tuple[str, ...]) -> str:
    """Return the schema of what is left to decide about `brief`, as JSON. Its properties are written in their order."""
    properties: dict[str, object] = {}
    if not brief.language:
        properties["language"] = {"enum": list(LANGUAGES)}
    if not brief.title:
        properties["title"] = _text(LONGEST_TITLE)
    if not brief.prompt:
        properties["style"] = _text(LONGEST_STYLE)
    if brief.bpm is None:
        properties["bpm"] = {"type": "integer", "minimum": SLOWEST, "maximum": FASTEST}
    if not brief.key:
        properties["key"] = {"enum": list(KEYS)}
    if not brief.time_signature:
        properties["time_signature"] = {"enum": list(TIME_SIGNATURES)}
    properties["categories"] = {
        "type": "array", "minItems": 1, "maxItems": MOST_CATEGORIES, "items": {"enum": list(categories)},
    }  # fmt: skip
    plan = plan_of(brief)
    if plan is not None:
        line = {"type": "array", "minItems": plan.shortest, "maxItems": plan.longest, "items": _text(LONGEST_LINE)}
        section = _object({"section": {"enum": list(SECTIONS)}, "lines": line})
        properties["lyrics"] = {
            "type": "array", "minItems": plan.sections, "maxItems": plan.sections, "items": section,
        }  # fmt: skip
    properties["cover"] = _text(LONGEST_COVER)
    return json.dumps(_object(properties))


def longest_answer(brief: Brief) -> int:
    """Return how many tokens the longest sheet for `brief` can be; a token is at least one byte."""
    plan = plan_of(brief)
    lines = plan.sections * plan.longest if plan else 0
    characters = LONGEST_TITLE + LONGEST_STYLE + LONGEST_COVER + lines * LONGEST_LINE
    return _SCAFFOLD + characters * _BYTES_PER_CHARACTER + (plan.sections * 50 + lines * 4 if plan else 0)


def _text(longest: int) -> dict[str, object]:
    return {"type": "string", "pattern": _TEXT.format(rest=longest - 1)}


def _object(properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object", "additionalProperties": False, "required": list(properties), "properties": properties,
    }  # fmt: skip
