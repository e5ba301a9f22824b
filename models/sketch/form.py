"""Song form: which sections a song has and how many bars each of them lasts, so that it fills its duration."""

from collections import Counter
from math import ceil

from models.sketch.lyrics import parse_lyrics
from models.sketch.sections import FormSection
from models.sketch.style import Style
from models.sketch.templates import from_template
from models.sketch.worded_form import from_words
from models.sketch.words import syllable_count

TITLES = {"prechorus": "Pre-chorus", "breakdown": "Break"}
NUMBERED = frozenset({"verse", "chorus"})
# Kinds of section that mean nothing without words.
SUNG_KINDS = frozenset({"verse", "chorus", "prechorus", "bridge"})
PEAKS = frozenset({"chorus", "drop", "climax", "head"})


def _count_bars(style: Style, duration: float) -> int:
    """Return how many bars begin within `duration` seconds, the last of them early enough to ring out."""
    tail = min(4.0 if style.genre.form == "ambient" else 1.6, 0.06 * duration)
    return max(1, ceil((duration - tail) / style.bar_seconds - 0.35))


def build_form(style: Style, lyrics: str, duration: float) -> list[FormSection]:
    """Return the sections that fill `duration` seconds. The last bar may be cut short by the song's end."""
    bars = _count_bars(style, duration)
    parsed = parse_lyrics(lyrics) if style.singer != "none" else []
    parsed = [part for part in parsed if part.lines or part.kind not in SUNG_KINDS]
    has_words = any(syllable_count(line, style.language) for part in parsed for line in part.lines)
    sections = from_words(parsed, bars, style) if has_words else from_template(bars, style)

    peaks = [index for index, part in enumerate(sections) if part.kind in PEAKS]
    seen: Counter[str] = Counter()
    bar = 0
    for index, section in enumerate(sections):
        section.first_bar, section.index = bar, seen[section.kind]
        bar += section.bars
        growth = 0.08 if section.kind in NUMBERED and section.index else 0.0
        section.energy = min(1.0, max(0.08, section.energy + style.energy * 0.35 + growth))
        if peaks and index == peaks[-1]:
            section.energy = min(1.0, section.energy + 0.1)
        seen[section.kind] += 1
        if not section.title:
            title = TITLES.get(section.kind, section.kind.capitalize())
            section.title = f"{title} {seen[section.kind]}" if section.kind in NUMBERED else title
    sections[-1].final = True
    return sections
