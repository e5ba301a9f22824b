"""A section of a song: what kind it is, how many bars it lasts, and what is sung in it."""

from dataclasses import dataclass

from models.roles import SectionKind

SECTION_KINDS: dict[str, SectionKind] = {
    "intro": "intro", "verse": "verse", "prechorus": "lift", "build": "lift", "chorus": "chorus", "bridge": "bridge",
    "solo": "solo", "drop": "chorus", "climax": "chorus", "theme": "chorus", "head": "verse", "interlude": "break",
    "breakdown": "break", "swell": "verse", "outro": "outro",
}  # fmt: skip
ENERGY = {
    "intro": 0.3, "verse": 0.5, "prechorus": 0.64, "chorus": 0.86, "bridge": 0.45, "outro": 0.35, "solo": 0.8,
    "drop": 1.0, "build": 0.6, "breakdown": 0.25, "theme": 0.7, "climax": 1.0, "head": 0.6, "interlude": 0.55,
    "swell": 0.4,
}  # fmt: skip


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

    def again(self) -> "FormSection":
        """Return the same section for a later place in the song."""
        return FormSection(self.kind, self.bars, self.energy, self.lines, self.bars_per_line, self.title)


def new_section(kind: str, bars: int) -> FormSection:
    """Return a section without words."""
    return FormSection(kind, bars, ENERGY[kind])


def total_bars(sections: list[FormSection]) -> int:
    """Return how many bars sections last together."""
    return sum(section.bars for section in sections)
