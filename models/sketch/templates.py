"""The form of songs without words: templates by genre, stretched and extended until they fill the song."""

from itertools import cycle

from models.sketch.genres import Form
from models.sketch.sections import FormSection, new_section, total_bars
from models.sketch.style import Style
from models.sketch.theory import choose

# Sections with their bars in the full-length version; longer songs repeat the sections of EXTENSIONS at the asterisk.
TEMPLATES: dict[Form, tuple[str, ...]] = {
    "edm": (
        "intro 8, verse 8, build 4, drop 16, *, breakdown 8, build 4, drop 16, outro 8",
        "intro 8, breakdown 8, build 4, drop 16, *, verse 8, breakdown 4, build 4, drop 16, outro 8",
    ),
    "song": (
        "intro 4, verse 8, chorus 8, verse 8, chorus 8, *, bridge 8, solo 8, chorus 8, outro 4",
        "intro 4, verse 8, prechorus 4, chorus 8, verse 8, prechorus 4, chorus 8, *, solo 8, bridge 4, chorus 8, outro 4",
        "intro 4, chorus 4, verse 8, chorus 8, interlude 4, verse 8, chorus 8, *, bridge 8, chorus 8, outro 4",
    ),
    "jazz": (
        "intro 4, head 16, solo 16, *, bridge 8, solo 16, head 16, outro 4",
        "intro 4, head 16, bridge 8, solo 16, *, solo 16, head 16, outro 4",
    ),
    "loop": (
        "intro 4, verse 8, chorus 8, verse 8, breakdown 4, *, chorus 8, verse 8, outro 4",
        "intro 4, verse 8, chorus 8, interlude 4, verse 8, *, breakdown 4, chorus 8, outro 4",
    ),
    "ambient": (
        "intro 4, swell 8, theme 8, *, swell 8, bridge 4, theme 8, outro 4",
        "intro 4, theme 8, bridge 4, swell 8, *, theme 8, swell 8, outro 4",
    ),
    "cinematic": (
        "intro 4, verse 8, build 4, theme 8, *, breakdown 4, build 4, climax 12, outro 4",
        "intro 4, theme 8, verse 8, *, breakdown 4, verse 4, build 4, climax 12, outro 4",
    ),
    "classical": (
        "verse 8, chorus 8, verse 8, *, bridge 8, chorus 8, verse 8, outro 2",
        "verse 8, verse 8, bridge 8, chorus 8, *, verse 8, chorus 8, outro 2",
    ),
}  # fmt: skip
SHORT_TEMPLATES: dict[Form, tuple[str, ...]] = {
    "edm": ("intro 8, build 4, drop 16, outro 8", "breakdown 8, build 4, drop 16, outro 8"),
    "song": ("intro 4, verse 8, chorus 8, outro 4", "intro 2, chorus 4, verse 8, chorus 8, outro 2"),
    "jazz": ("intro 4, head 16, solo 16, outro 4", "head 16, solo 16, outro 4"),
    "loop": ("intro 4, verse 8, chorus 8, outro 4", "verse 8, chorus 8, breakdown 4, outro 4"),
    "ambient": ("intro 4, theme 8, swell 8, outro 4", "swell 8, theme 8, outro 4"),
    "cinematic": ("intro 4, build 4, climax 12, outro 4", "verse 4, theme 8, climax 8, outro 4"),
    "classical": ("verse 8, chorus 8, verse 8, outro 2", "verse 8, bridge 8, chorus 8, outro 2"),
}
EXTENSIONS: dict[Form, tuple[str, ...]] = {
    "edm": ("verse 8, build 4, drop 16", "breakdown 8, build 4, drop 16"),
    "song": ("verse 8, chorus 8", "breakdown 4, solo 8, chorus 8", "bridge 8, verse 8, chorus 8"),
    "jazz": ("solo 16", "bridge 8, solo 16", "head 16"),
    "loop": ("verse 8, chorus 8", "breakdown 4, verse 8, chorus 8", "interlude 8, chorus 8"),
    "ambient": ("swell 8, theme 8", "bridge 4, swell 8"),
    "cinematic": ("verse 8, build 4, theme 8", "breakdown 4, verse 8, climax 8"),
    "classical": ("verse 8, chorus 8", "bridge 8, verse 8"),
}
# Fewer bars than these hold no more than one idea.
ONE_IDEA_BARS, TWO_IDEAS_BARS = 6, 10
TWELVE = 12


def _read(template: str) -> list[FormSection]:
    parts = (part.split() for part in template.split(", ") if part != "*")
    return [new_section(kind, int(bars)) for kind, bars in parts]


def _extended(template: str, form: Form, bars: int) -> list[FormSection]:
    """Return the template's sections with extensions as long as they fit."""
    before, _, after = template.partition("*, ")
    sections, ending = _read(before.strip(", ")), _read(after)
    extensions = cycle(EXTENSIONS[form])
    group = _read(next(extensions))
    while total_bars(sections + group + ending) <= bars:
        sections += group
        group = _read(next(extensions))
    return sections + ending


def _stretch(sections: list[FormSection], bars: int) -> None:
    """Make the sections last `bars` together, in steps of four bars (two in a short song); the last one takes the rest."""
    unit = 4 if bars >= 36 else 2
    wanted = [section.bars * bars / total_bars(sections) for section in sections]
    for section, length in zip(sections, wanted, strict=True):
        section.bars = max(2, round(length / unit) * unit)

    def excess(index: int) -> float:
        return sections[index].bars - wanted[index]

    body = range(len(sections) - 1)
    while (rest := bars - total_bars(sections)) < 0 or rest >= unit:
        if rest > 0:
            sections[min(body, key=excess)].bars += unit
        else:
            shortest = unit if any(sections[index].bars > unit for index in body) else 2
            sections[max((index for index in body if sections[index].bars > shortest), key=excess)].bars -= shortest
    sections[-1].bars += rest


def _blues(bars: int) -> list[FormSection]:
    """Return as many twelve-bar choruses as fit, sung or played in turn, between an intro and an outro."""
    count = max(1, (bars - 6) // TWELVE)
    rest = bars - count * TWELVE
    kinds = ["verse" if index == count - 1 or index % 4 in (0, 1) else "solo" for index in range(count)]
    if count in (2, 3):
        kinds[1] = "solo"
    intro = 8 if rest >= 14 else 4
    choruses = [new_section(kind, TWELVE) for kind in kinds]
    return [new_section("intro", intro), *choruses, new_section("outro", rest - intro)]


def from_template(bars: int, style: Style) -> list[FormSection]:
    """Return the sections of a song of `bars` bars without words; which template it follows is the seed's choice."""
    form = style.genre.form
    if bars < TWO_IDEAS_BARS:
        main = new_section("theme" if form in ("ambient", "cinematic") else "chorus", bars)
        if bars < ONE_IDEA_BARS:
            return [main]
        main.bars = bars - 2
        return [new_section("intro", 2), main]
    if form == "blues" and bars >= TWELVE + 6:
        return _blues(bars)
    if form == "blues":
        form = "song"
    template = choose(TEMPLATES[form], style.seed, "template")
    sections = _read(template)
    if bars < total_bars(sections) * 0.62:
        sections = _read(choose(SHORT_TEMPLATES[form], style.seed, "short template"))
    else:
        sections = _extended(template, form, bars)
    _stretch(sections, bars)
    return sections
