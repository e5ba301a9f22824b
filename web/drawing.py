"""What the pages draw of a song: its form line, its waveform, and what the player needs to know of it."""

import re
from dataclasses import dataclass
from itertools import groupby

from appliance.languages import gettext as _
from appliance.tables import Song

# How high a section of each kind stands in the form line while its real energy is not known yet.
USUAL_ENERGY = {
    "intro": 0.34, "verse": 0.58, "lift": 0.74, "chorus": 1.0, "bridge": 0.46, "solo": 0.86, "break": 0.4, "outro": 0.3,
}  # fmt: skip
LOWEST = 0.12
_SPOKEN_AS = {"pre-chorus": "lift", "prechorus": "lift", "build": "lift", "hook": "chorus", "refrain": "chorus"}
_HEADER = re.compile(r"^\s*\[([^\]\n]{1,40})\]\s*$", re.M)


@dataclass(frozen=True, slots=True)
class Block:
    """One section of the form line: `start` and `duration` in seconds, `energy` from 0 to 1."""

    kind: str
    name: str
    start: float
    duration: float
    energy: float


def clock(seconds: float) -> str:
    """Return a time as players show it: 187.4 is `3:07`."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def form_blocks(song: Song) -> list[Block]:
    """Return the sections of `song`: as they were played, or while it is being made as its words have them."""
    if song.sections:
        return [
            Block(part["kind"], part["name"], part["start"], part["duration"], max(LOWEST, part["energy"]))
            for part in song.sections
        ]
    names = _HEADER.findall(song.lyrics) or ["Verse", "Chorus", "Verse", "Chorus"]
    length = song.duration / len(names)
    return [
        Block(kind := section_kind(name), name, number * length, length, USUAL_ENERGY[kind])
        for number, name in enumerate(names)
    ]


def section_kind(name: str) -> str:
    """Return the kind of section that somebody calls `name`: `Pre-Chorus 2` is a lift. What is not known is a verse."""
    word = re.sub(r"[\d\s:]+$", "", name).strip().lower()
    kind = _SPOKEN_AS.get(word, word)
    return kind if kind in USUAL_ENERGY else "verse"


def wave_paths(song: Song, bars: int) -> list[tuple[str, str]]:
    """Return the waveform of `song` as SVG paths in a box `bars` wide and 100 high: (kind of section, path data), in order.

    Each bar is the loudest of the peaks it stands for. A song without peaks has none.
    """
    peaks = song.peaks
    if not peaks:
        return []
    bars = min(bars, len(peaks))
    edges = [number * len(peaks) // bars for number in range(bars + 1)]
    blocks = form_blocks(song)
    kinds = [_kind_at(blocks, (number + 0.5) / bars * song.duration) for number in range(bars)]
    paths = []
    for kind, numbers in groupby(range(bars), key=lambda number: kinds[number]):
        heights = (
            (number, max(2, round(max(peaks[edges[number] : edges[number + 1]]) / 255 * 48))) for number in numbers
        )
        paths.append((kind, "".join(f"M{number}.2 {50 - height}h.6v{2 * height}h-.6z" for number, height in heights)))
    return paths


def _kind_at(blocks: list[Block], moment: float) -> str:
    return next((block.kind for block in reversed(blocks) if block.start <= moment), blocks[0].kind)


def player_entry(song: Song, by: str) -> dict[str, object]:
    """Return what the player needs to play `song` and to show it; `by` is the owner's name.

    The sections are lists of name, kind, start, duration and energy, to keep the pages small.
    """
    return {
        "id": str(song.id),
        "title": song.title or _("Untitled"),
        "by": by,
        "take": song.take,
        "href": f"/songs/{song.id}",
        "audio": f"/songs/{song.id}/audio",
        "cover": f"/songs/{song.id}/thumbnail",
        "duration": round(song.duration, 2),
        "sections": [
            [block.name, block.kind, round(block.start, 2), round(block.duration, 2), round(block.energy, 2)]
            for block in form_blocks(song)
        ],
    }
