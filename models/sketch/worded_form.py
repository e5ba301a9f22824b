"""The form of songs with words: how fast the lines are sung, what is left out of a short song, what fills a long one."""

from collections import Counter
from itertools import cycle
from math import log

from models.sketch.lyrics import LyricSection, split_line
from models.sketch.sections import ENERGY, FormSection, new_section, total_bars
from models.sketch.style import Style
from models.sketch.theory import choose
from models.sketch.words import syllable_count

SECONDS_PER_LINE, SECONDS_PER_RAP_LINE = 3.7, 2.4
# The fastest anybody can follow, in syllables a second, and the share of a line's time that is sung.
FASTEST_SINGING, FASTEST_RAP = 4.4, 7.0
SUNG_SHARE = 0.86
# Which sections are given up last when the words do not fit: a chorus before a verse before a bridge.
KEEP_FIRST = {"chorus": 0.0, "verse": 1.0, "prechorus": 2.5, "bridge": 4.5, "outro": 5.0}
ANSWERS = frozenset({"drop", "solo", "interlude"})


class Pace:
    """How many bars each line takes, and how many syllables fit into them."""

    def __init__(self, bars: int, style: Style) -> None:
        self.bars = bars
        rap = "rap" in style.genre.traits
        seconds = bars * style.bar_seconds * SUNG_SHARE
        steps = bars * style.meter.steps * SUNG_SHARE
        self.most_syllables = max(1, int(min(seconds * (FASTEST_RAP if rap else FASTEST_SINGING), steps)))


def _comfortable_bars(counts: list[int], style: Style) -> int:
    """Return the bars a line takes at a comfortable pace: the nearest to the usual seconds that holds most of the lines."""
    wanted = SECONDS_PER_RAP_LINE if "rap" in style.genre.traits else SECONDS_PER_LINE
    bars = min((1, 2, 4, 8), key=lambda count: abs(log(count * style.bar_seconds / wanted)))
    typical = counts[len(counts) * 4 // 5]
    while bars < 8 and typical > Pace(bars, style).most_syllables and bars * style.bar_seconds < wanted * 1.6:
        bars *= 2
    return bars


def _lay_out(parsed: list[LyricSection], pace: Pace, style: Style) -> list[FormSection]:
    """Give every section its bars; a line too long for the pace becomes several."""
    sections = []
    for part in parsed:
        lines = tuple(piece for line in part.lines for piece in split_line(line, pace.most_syllables, style.language))
        bars = len(lines) * pace.bars if lines else 8 if part.kind in ("drop", "solo") else 4
        if lines and bars % 2 and bars * style.bar_seconds > 5:
            bars += 1
        if style.genre.form == "blues" and pace.bars == 2 and 4 <= len(lines) <= 6:
            bars = max(bars, 12)
        sections.append(FormSection(part.kind, bars, ENERGY[part.kind], lines, pace.bars, part.title))
    return sections


def _choose_pace(parsed: list[LyricSection], bars: int, style: Style) -> list[FormSection]:
    """Lay the sections out; sing twice as fast while they do not fit and the words can still be followed."""
    counts = sorted(syllable_count(line, style.language) for part in parsed for line in part.lines)
    typical = counts[len(counts) * 4 // 5]
    pace = Pace(_comfortable_bars(counts, style), style)
    sections = _lay_out(parsed, pace, style)
    while total_bars(sections) > bars and pace.bars > 1 and typical <= Pace(pace.bars // 2, style).most_syllables:
        pace = Pace(pace.bars // 2, style)
        sections = _lay_out(parsed, pace, style)
    slower = Pace(pace.bars * 2, style)
    roomy = total_bars(sections) < bars * 0.5 and slower.bars <= 8 and slower.bars * style.bar_seconds <= 6.2
    if roomy and "rap" not in style.genre.traits:
        return _lay_out(parsed, slower, style)  # plenty of room: let the singer breathe
    return sections


def _keep_what_fits(sections: list[FormSection], bars: int) -> list[FormSection]:
    """Return at most `bars` of the sections: instrumental parts go first, then late repeats, then lines."""
    seen: Counter[str] = Counter()
    ranked: list[tuple[float, int]] = []
    for place, section in enumerate(sections):
        worth = KEEP_FIRST.get(section.kind, 6.0) + 3 * seen[section.kind] + (0 if section.lines else 6)
        ranked.append((worth, -place))
        seen[section.kind] += 1
    excess = total_bars(sections) - bars
    gone: set[int] = set()
    for _, negative_place in sorted(ranked, reverse=True):
        if excess <= 0:
            break
        section = sections[-negative_place]
        lines = (section.bars - excess) // section.bars_per_line
        if len(gone) == len(sections) - 1 or (section.lines and lines >= 2):
            section.lines = section.lines[: max(1, lines)]
            section.bars = max(1, min(bars, len(section.lines) * section.bars_per_line))
            break
        gone.add(-negative_place)
        excess -= section.bars
    return [section for place, section in enumerate(sections) if place not in gone]


def _verse_groups(sections: list[FormSection]) -> list[list[FormSection]]:
    """Return the sections with words in runs that each end with a chorus."""
    groups: list[list[FormSection]] = [[]]
    for section in sections:
        if section.lines and section.kind not in ("intro", "outro"):
            groups[-1].append(section)
            if section.kind == "chorus":
                groups.append([])
    return [group for group in groups if group]


def _answer_choruses(sections: list[FormSection], rest: int, style: Style) -> int:
    """Put an instrumental answer after each chorus while there is room; return the bars left."""
    answers = sum(section.kind in ANSWERS for section in sections)
    choruses = [section for section in sections if section.kind == "chorus" and section.lines]
    for number, chorus in enumerate(choruses[answers:], answers):
        place = sections.index(chorus) + 1
        following = sections[place] if place < len(sections) else None
        if rest < 4 or following is None or following.kind == "outro":
            break
        kinds = ("drop", "drop") if style.genre.form == "edm" else ("interlude", "solo" if number else "breakdown")
        # The kind is the take's choice, the length is not: all takes of a request sing the same lines.
        answer = new_section(choose(kinds, style.seed, "answer", number), 8 if rest >= 8 and number else 4)
        sections.insert(place, answer)
        rest -= answer.bars
    return rest


def _sing_again(sections: list[FormSection], groups: list[list[FormSection]], rest: int, style: Style) -> int:
    """Repeat the words, with an answer before each group, while there is room; return the bars left."""
    loud = "drop" if style.genre.form == "edm" else "solo"
    kind = choose((loud, "breakdown"), style.seed, "before the reprise")
    for group in cycle(groups):
        bars = total_bars(group)
        answers = [new_section(kind, 8 if rest >= bars + 8 else 4)] if sections[-2:][0].lines else []
        if rest < bars + total_bars(answers):
            break
        sections[-1:-1] = answers + [section.again() for section in group]
        rest -= bars + total_bars(answers)
        kind = "breakdown" if kind == loud else loud
    return rest


def _spend_rest(sections: list[FormSection], rest: int) -> None:
    """Give the last bars to what has no words: a break before the last chorus, then the shortest parts in turn."""
    choruses = [place for place, section in enumerate(sections) if section.kind == "chorus"]
    place = choruses[-1] if choruses else len(sections) - 1
    if rest >= 4 and place > 0 and sections[place - 1].lines:
        sections.insert(place, new_section("breakdown", 8 if rest >= 8 else 4))
        rest -= sections[place].bars
    wordless = [section for section in sections if not section.lines]
    while rest >= 4 and wordless:
        # Intro and outro grow last.
        shortest = min(wordless, key=lambda section: section.bars + 8 * (section.kind in ("intro", "outro")))
        shortest.bars += 4
        rest -= 4
    sections[-1].bars += rest


def _fill_up(sections: list[FormSection], bars: int, style: Style) -> None:
    """Add an intro, an outro, instrumental answers and repeated words in place until the song has `bars` bars."""
    roomy = style.genre.form in ("edm", "jazz", "cinematic") or style.bar_seconds < 1.6
    rest = bars - total_bars(sections)
    groups = _verse_groups(sections)
    if rest >= 2 and sections[0].kind != "intro":
        sections.insert(0, new_section("intro", 8 if roomy and rest >= 24 else 4 if rest >= 6 else min(2, rest - 1)))
        rest -= sections[0].bars
    if rest >= 1 and sections[-1].kind != "outro":
        sections.append(new_section("outro", 8 if roomy and rest >= 24 else 4 if rest >= 4 else rest))
        rest -= sections[-1].bars
    rest = _answer_choruses(sections, rest, style)
    rest = _sing_again(sections, groups, rest, style)
    choruses = [section for section in sections if section.kind == "chorus" and section.lines]
    if choruses and rest >= choruses[-1].bars:
        sections.insert(sections.index(choruses[-1]), choruses[-1].again())  # the last chorus twice
        rest -= choruses[-1].bars
    for kind in cycle(("theme", "solo", "breakdown")):
        if groups or rest < 12:
            break
        sections.insert(-1, new_section(kind, 8))  # words in intro or outro only: the rest is an instrumental
        rest -= 8
    _spend_rest(sections, rest)


def from_words(parsed: list[LyricSection], bars: int, style: Style) -> list[FormSection]:
    """Return the sections of a song of `bars` bars that sings the words of `parsed`, at least one line of them."""
    # Always a little music before the first word and after the last one.
    breath = 2 if bars >= 12 else 1 if bars >= 5 else 0
    closing = 1 if bars >= 3 else 0
    sections = _choose_pace(parsed, bars, style)
    sections = _keep_what_fits(sections, bars - breath - closing)
    _fill_up(sections, bars, style)
    return sections
