"""Song form: how many bars each section gets, from the lyrics or from a template, so that the song fills its duration."""

from collections import Counter
from dataclasses import dataclass
from math import ceil, log

from models.roles import SectionKind
from models.sketch.lyrics import LyricSection, parse_lyrics
from models.sketch.style import Style
from models.sketch.syllables import line_syllables
from models.sketch.templates import ENERGY, SHORT_TEMPLATES, TEMPLATES

SECTION_KINDS: dict[str, SectionKind] = {
    "intro": "intro", "verse": "verse", "prechorus": "lift", "build": "lift", "chorus": "chorus", "bridge": "bridge",
    "solo": "solo", "drop": "chorus", "climax": "chorus", "theme": "chorus", "head": "verse", "interlude": "break",
    "breakdown": "break", "swell": "verse", "outro": "outro",
}  # fmt: skip
TITLES = {"prechorus": "Pre-chorus", "breakdown": "Break"}
SECONDS_PER_LINE, SECONDS_PER_RAP_LINE = 3.7, 2.4
# The fastest anybody can follow, in syllables a second.
FASTEST_SINGING, FASTEST_RAP = 4.4, 7.0
# Which sections are given up last when the words do not fit: a chorus before a verse before a bridge.
KEEP_FIRST = {"chorus": 0.0, "verse": 1.0, "prechorus": 2.5, "bridge": 4.5, "outro": 5.0}


@dataclass(slots=True, eq=False)
class FormSection:
    """A section on the timeline, in bars; `index` counts the sections of its kind before it, `final` marks the last."""

    kind: str
    bars: int
    energy: float
    lines: tuple[str, ...] = ()
    bars_per_line: int = 2
    title: str = ""
    first_bar: int = 0
    index: int = 0
    final: bool = False

    @property
    def end_bar(self) -> int:
        """The bar after the last one."""
        return self.first_bar + self.bars


def _total(sections: list[FormSection]) -> int:
    return sum(section.bars for section in sections)


def _bars_per_line(lines: list[str], style: Style) -> int:
    """Return 1, 2 or 4 bars: the nearest to a comfortable pace that has a slot for every syllable of the longest line."""
    rap = "rap" in style.genre.traits
    wanted = (SECONDS_PER_RAP_LINE if rap else SECONDS_PER_LINE) / style.bar_seconds
    bars = min((1, 2, 4), key=lambda count: abs(log(count / wanted)))
    most = max((len(line_syllables(line)[1]) for line in lines), default=0)
    slots_per_bar = style.meter.beats * (4 if rap else 2)
    while bars < 4 and most > bars * slots_per_bar * 0.82:
        bars *= 2
    return bars


def _lay_out(parsed: list[LyricSection], bars_per_line: int, style: Style) -> list[FormSection]:
    sections = []
    for part in parsed:
        bars = len(part.lines) * bars_per_line if part.lines else 8 if part.kind in ("drop", "solo") else 4
        if part.lines and bars % 2 and bars * style.bar_seconds > 5:
            bars += 1
        if style.genre.form == "blues" and bars_per_line == 2 and 4 <= len(part.lines) <= 6:
            bars = max(bars, 12)
        sections.append(FormSection(part.kind, bars, ENERGY[part.kind], part.lines, bars_per_line, part.title))
    return sections


def _choose_pace(parsed: list[LyricSection], bars: int, style: Style) -> list[FormSection]:
    """Lay the sections out, and sing twice as fast as long as they do not fit and the words can still be followed."""
    lines = [line for part in parsed for line in part.lines]
    most = max(len(line_syllables(line)[1]) for line in lines)
    fastest = FASTEST_RAP if "rap" in style.genre.traits else FASTEST_SINGING
    pace = _bars_per_line(lines, style)
    sections = _lay_out(parsed, pace, style)
    while _total(sections) > bars and pace > 1 and most <= pace / 2 * style.bar_seconds * 0.86 * fastest:
        pace //= 2
        sections = _lay_out(parsed, pace, style)
    if _total(sections) < bars * 0.62 and pace < 4 and style.bar_seconds * pace * 2 <= 6.2:
        for section in sections:  # plenty of room: let the singer breathe
            if section.lines:
                section.bars_per_line, section.bars = pace * 2, len(section.lines) * pace * 2
    return sections


def _drop_what_does_not_fit(sections: list[FormSection], bars: int) -> None:
    """Shorten the list in place to at most `bars`: instrumental parts go first, then late repeats, then lines."""
    seen: Counter[str] = Counter()
    worth: dict[int, float] = {}
    for section in sections:
        worth[id(section)] = KEEP_FIRST.get(section.kind, 6.0) + 3 * seen[section.kind] + (0 if section.lines else 6)
        seen[section.kind] += 1
    while _total(sections) > bars and len(sections) > 1:
        worst = max(sections, key=lambda section: worth[id(section)])
        room = bars - (_total(sections) - worst.bars)
        if worst.lines and room >= 2 * worst.bars_per_line and worst.kind in ("verse", "chorus", "bridge"):
            count = room // worst.bars_per_line
            worst.lines, worst.bars = worst.lines[:count], count * worst.bars_per_line
            break
        sections.remove(worst)
    if _total(sections) > bars:
        only = sections[0]
        only.lines = only.lines[: max(1, bars // only.bars_per_line)]
        only.bars = bars


def _fill_up(sections: list[FormSection], bars: int, style: Style) -> None:
    """Add an intro, an outro, instrumental answers and repeated choruses in place until the song has `bars` bars."""
    electronic = style.genre.form == "edm"
    roomy = style.genre.form in ("edm", "jazz", "cinematic") or style.bar_seconds < 1.6
    rest = bars - _total(sections)

    def insert(place: int, kind: str, count: int) -> int:
        sections.insert(place, FormSection(kind, count, ENERGY[kind]))
        return count

    if rest >= 1 and sections[0].kind != "intro":
        rest -= insert(0, "intro", 8 if roomy and rest >= 24 else 4 if rest >= 5 else min(2, rest))
    if rest >= 2 and sections[-1].kind != "outro":
        rest -= insert(len(sections), "outro", 8 if roomy and rest >= 24 else 4 if rest >= 4 else 2)
    turn = 0
    while rest >= 4:
        turn += 1
        choruses = [index for index, section in enumerate(sections) if section.kind == "chorus" and section.lines]
        answers = sum(section.kind in ("drop", "solo", "interlude") for section in sections)
        before_end = len(sections) - (sections[-1].kind == "outro")
        if answers < len(choruses):
            kind = "drop" if electronic else "solo" if answers else "interlude"
            rest -= insert(choruses[answers] + 1, kind, 8 if rest >= 8 and kind != "interlude" else 4)
        elif choruses and rest >= sections[choruses[-1]].bars and len(choruses) < 6:
            last = sections[choruses[-1]]
            repeat = FormSection("chorus", last.bars, last.energy, last.lines, last.bars_per_line, last.title)
            sections.insert(before_end, repeat)
            rest -= repeat.bars
        else:
            kind = "breakdown" if turn % 2 else "drop" if electronic else "solo"
            rest -= insert(max(1, len(sections) - 1), kind, 8 if rest >= 8 else 4)
    sections[-1].bars += max(0, rest)


def _from_lyrics(parsed: list[LyricSection], bars: int, style: Style) -> list[FormSection]:
    breath = 2 if bars >= 12 else 1 if bars >= 5 else 0  # always a little music before the first word
    sections = _choose_pace(parsed, bars, style)
    _drop_what_does_not_fit(sections, bars - breath)
    _fill_up(sections, bars, style)
    return sections


def _from_template(bars: int, style: Style) -> list[FormSection]:
    form = style.genre.form
    if bars < 10:
        kind = "theme" if form in ("ambient", "cinematic") else "chorus"
        main = FormSection(kind, bars, 0.85)
        if bars < 6:
            return [main]
        main.bars = bars - 2
        return [FormSection("intro", 2, 0.35), main]
    template = TEMPLATES[form]
    if bars / sum(count for _, count in template) < 0.62:
        template = tuple(template[index] for index in SHORT_TEMPLATES[form])
    scale = bars / sum(count for _, count in template)
    unit = 4 if bars >= 36 else 2
    sections = [FormSection(kind, max(2, round(count * scale / unit) * unit), ENERGY[kind]) for kind, count in template]
    place = 0
    while (missing := bars - _total(sections)) > 0:
        target = sections[place % len(sections)] if missing >= unit else sections[-1]
        target.bars += min(missing, unit)
        place += 3
    while (surplus := _total(sections) - bars) > 0:
        longest = max(sections, key=lambda section: section.bars)
        longest.bars -= min(surplus, unit, longest.bars - 1)
    return sections


def build_form(style: Style, lyrics: str, duration: float) -> list[FormSection]:
    """Return the sections that fill `duration` seconds. The last bar may be cut short by the song's end."""
    tail = min(4.0 if style.genre.form == "ambient" else 1.6, 0.06 * duration)
    bars = max(1, ceil((duration - tail) / style.bar_seconds - 0.35))
    parsed = parse_lyrics(lyrics) if style.singer != "none" else []
    sings = ("verse", "chorus", "prechorus", "bridge")
    parsed = [part for part in parsed if part.lines or part.kind not in sings]
    has_words = any(line_syllables(line)[1] for part in parsed for line in part.lines)
    sections = _from_lyrics(parsed, bars, style) if has_words else _from_template(bars, style)

    peaks = [index for index, part in enumerate(sections) if part.kind in ("chorus", "drop", "climax", "head")]
    seen: Counter[str] = Counter()
    bar = 0
    for index, section in enumerate(sections):
        section.first_bar, section.index = bar, seen[section.kind]
        bar += section.bars
        growth = 0.08 if section.kind in ("verse", "chorus") and section.index else 0.0
        section.energy = min(1.0, max(0.08, section.energy + style.energy * 0.35 + growth))
        if peaks and index == peaks[-1]:
            section.energy = min(1.0, section.energy + 0.1)
        seen[section.kind] += 1
        if not section.title:
            title = TITLES.get(section.kind, section.kind.capitalize())
            section.title = f"{title} {seen[section.kind]}" if section.kind in ("verse", "chorus") else title
    sections[-1].final = True
    return sections
