"""Reading lyrics: section headers in square brackets, and the lines that are sung under each."""

import re
from dataclasses import dataclass
from math import ceil

from models.sketch.words import line_syllables, syllable_count

HEADER = re.compile(r"^\[(.+?)\]\s*(.*)$")
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


def parse_lyrics(text: str) -> list[LyricSection]:
    """Return the sections of `text` in their order. Lines before any header belong to a verse; blank lines part verses."""
    sections: list[tuple[str, str, list[str]]] = []
    headed = False
    gap = True
    for raw in text.splitlines():
        line = raw.strip()
        header = HEADER.match(line)
        if header:
            title = header.group(1).strip()
            kind = next((kind for word, kind in HEADER_WORDS if word in title.lower()), "verse")
            sections.append((title, kind, []))
            headed = True
            line = header.group(2).strip()
        if not re.search(r"\w", line):
            gap = True
            continue
        if line.startswith("(") and STAGE_DIRECTION.search(line.lower()):
            continue
        if not sections or (gap and not headed):
            sections.append(("", "verse", []))
        sections[-1][2].append(line.strip("()"))
        gap = False
    return [LyricSection(title, kind, tuple(lines)) for title, kind, lines in sections]


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
