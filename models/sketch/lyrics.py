"""Reading lyrics: section headers, mostly in square brackets, and the lines that are sung under each."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from math import ceil

from models.sketch.words import line_syllables, syllable_count

HEADER = re.compile(r"^\[(.+?)\]\s*(.*)$")
# "Chorus:", "(Verse 2)", "**Bridge**": a header all the same.
PLAIN_HEADER = re.compile(
    r"^[(*#\s]*((?:pre[- ]?|post[- ]?)?chorus|verse|bridge|refrain|hook|intro|outro)\s*\d?[)*:\s]*$", re.IGNORECASE
)
# A word in the header, in several languages, and the kind of section it announces. The first that matches counts, so
# "pre-chorus" stands before "chorus".
HEADER_WORDS = (
    ("pre", "prechorus"), ("lift", "prechorus"), ("chorus", "chorus"), ("hook", "chorus"), ("refrain", "chorus"),
    ("refrão", "chorus"), ("coro", "chorus"), ("estribillo", "chorus"), ("verse", "verse"), ("strophe", "verse"),
    ("estrofa", "verse"), ("bridge", "bridge"), ("brücke", "bridge"), ("puente", "bridge"), ("middle", "bridge"),
    ("intro", "intro"), ("outro", "outro"), ("ending", "outro"), ("solo", "solo"), ("drop", "drop"),
    ("build", "build"), ("break", "breakdown"), ("inst", "solo"), ("interlude", "interlude"), ("post", "interlude"),
    ("rap", "verse"), ("spoken", "verse"), ("end", "outro"),
)  # fmt: skip
STAGE_DIRECTION = re.compile(r"instrumental|solo|music")


@dataclass(frozen=True, slots=True)
class LyricSection:
    """A section as written: `title` is its header's text (empty without one), `kind` as the form knows it."""

    title: str
    kind: str
    lines: tuple[str, ...]


def _header(line: str) -> tuple[str, str] | None:
    """Return the title that a line announces and what is sung on the same line; None if it is no header."""
    if bracketed := HEADER.match(line):
        return bracketed.group(1).strip(), bracketed.group(2).strip()
    if plain := PLAIN_HEADER.match(line):
        return plain.group(0).strip("()*#: "), ""
    return None


def _repeats_named(sections: list[LyricSection]) -> list[LyricSection]:
    """Return the sections with their words where a header without words ("[Chorus]") means the ones from before."""
    known: dict[str, tuple[str, ...]] = {}
    filled = []
    for section in sections:
        lines = section.lines or (known.get(section.kind, ()) if section.kind in ("chorus", "prechorus") else ())
        known.setdefault(section.kind, lines)
        filled.append(replace(section, lines=lines))
    return filled


def _choruses_found(sections: list[LyricSection]) -> list[LyricSection]:
    """Return the sections of lyrics without headers; what comes again is the chorus."""
    times = Counter(tuple(line.casefold() for line in section.lines) for section in sections)
    return [
        replace(section, kind="chorus") if times[tuple(line.casefold() for line in section.lines)] > 1 else section
        for section in sections
    ]


def parse_lyrics(text: str) -> list[LyricSection]:
    """Return the sections of `text` in their order. Lines before any header belong to a verse.

    Without headers blank lines part the sections, and words that come again are the chorus.
    """
    sections: list[tuple[str, str, list[str]]] = []
    headed = False
    gap = True
    for raw in text.splitlines():
        line = raw.strip()
        if header := _header(line):
            title, line = header
            kind = next((kind for word, kind in HEADER_WORDS if word in title.lower()), "verse")
            sections.append((title, kind, []))
            headed = True
        if not re.search(r"\w", line):
            gap = True
            continue
        if line.startswith("(") and STAGE_DIRECTION.search(line.lower()):
            continue
        if not sections or (gap and not headed):
            sections.append(("", "verse", []))
        sections[-1][2].append(line.strip("()"))
        gap = False
    parsed = [LyricSection(title, kind, tuple(lines)) for title, kind, lines in sections]
    return _repeats_named(parsed) if headed else _choruses_found(parsed)


def _words_of(line: str, most: int, language: str) -> list[tuple[str, int]]:
    """Return the words between the spaces with their syllables; a run of signs without spaces is cut after `most`."""
    words: list[tuple[str, int]] = []
    for word in line.split():
        letters = [syllable.text for syllable in line_syllables(word, language)]
        if len(letters) <= most:
            words.append((word, len(letters)))
            continue
        size = ceil(len(letters) / ceil(len(letters) / most))
        runs = [letters[begin : begin + size] for begin in range(0, len(letters), size)]
        words += [("".join(run), len(run)) for run in runs]
    return words


def split_line(line: str, most: int, language: str) -> list[str]:
    """Cut a line into as few lines of at most `most` syllables as it takes, of about the same length, at commas if it can."""
    if syllable_count(line, language) <= most:
        return [line]
    words = _words_of(line, most, language)
    total = sum(count for _, count in words)
    target = total / ceil(total / most)
    lines: list[list[str]] = [[]]
    length = 0
    for word, count in words:
        at_pause = length >= target * 0.7 and bool(lines[-1]) and not lines[-1][-1][-1].isalnum()
        if lines[-1] and (length + count > most or length >= target or at_pause):
            lines.append([])
            length = 0
        lines[-1].append(word)
        length += count
    return [" ".join(words) for words in lines]
