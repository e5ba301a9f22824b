"""Reading lyrics: section headers in square brackets, and the lines that are sung under each."""

import re
from dataclasses import dataclass

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
