"""Words as the song's page shows them: stanzas under their headings, each line with the moment where it begins."""

import re
from dataclasses import dataclass

from appliance.tables import Song
from web.drawing import Block, form_blocks, section_kind

_HEADER = re.compile(r"^\s*\[([^\]\n]{1,40})\]\s*$")


@dataclass(frozen=True, slots=True)
class Stanza:
    """`moments` are the seconds where its lines begin, as far as that is known; empty where it is not."""

    heading: str
    lines: list[str]
    moments: list[float]


def stanzas(song: Song) -> list[Stanza]:
    """Return the words of `song`. Headings without lines (a solo) are left out; only a played song has moments.

    Nobody writes down where each line is sung, so the lines of a section are spread evenly over it.
    """
    found: list[tuple[str, list[str]]] = []
    for line in song.lyrics.splitlines():
        header = _HEADER.match(line)
        if header:
            found.append((header[1], []))
        elif line.strip():
            if not found:
                found.append(("", []))
            found[-1][1].append(line.strip())
    sections = _sections([heading for heading, _ in found], song) if song.sections else [None] * len(found)
    return [
        Stanza(heading, lines, _moments(section, len(lines)))
        for (heading, lines), section in zip(found, sections, strict=True)
        if lines
    ]


def as_lrc(song: Song, artist: str) -> str:
    """Return the words of `song` with the time of each line, in the format of LRC files; `artist` is its owner's name.

    Lines without a known moment stand without a time, which players show as they are.
    """
    lines = [f"[ti:{song.title or 'Untitled'}]", f"[ar:{artist}]", f"[length:{_lrc_time(song.duration)[:5]}]", ""]
    for stanza in stanzas(song):
        moments = [f"[{_lrc_time(moment)}]" for moment in stanza.moments] or [""] * len(stanza.lines)
        lines += [moment + line for moment, line in zip(moments, stanza.lines, strict=True)]
    return "\n".join(lines) + "\n"


def _lrc_time(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def _sections(headings: list[str], song: Song) -> list[Block | None]:
    """Return the section that each heading is played as: the next one of its kind that no earlier heading has taken."""
    blocks = form_blocks(song)
    taken: list[Block | None] = []
    position = 0
    for heading in headings:
        kind = section_kind(heading) if heading else "verse"
        at = next((n for n in range(position, len(blocks)) if blocks[n].kind == kind), None)
        taken.append(None if at is None else blocks[at])
        position = position if at is None else at + 1
    return taken


def _moments(section: Block | None, lines: int) -> list[float]:
    if section is None:
        return []
    return [section.start + section.duration * number / lines for number in range(lines)]
