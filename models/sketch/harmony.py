"""The chords of a song: a progression for each kind of section, drawn from the genre's."""

from models.sketch.arrangement import Arrangement
from models.sketch.sections import FormSection
from models.sketch.style import Style
from models.sketch.theory import choose, roman_chord

# Which of the genre's progressions a kind of section plays.
PROGRESSION_OF = {
    "intro": "verse", "verse": "verse", "prechorus": "bridge", "chorus": "chorus", "bridge": "bridge",
    "outro": "chorus", "solo": "chorus", "drop": "chorus", "build": "bridge", "breakdown": "verse", "theme": "chorus",
    "climax": "chorus", "head": "verse", "interlude": "chorus", "swell": "verse",
}  # fmt: skip
# Jazz solos over the head's changes; the blues keeps its twelve bars everywhere.
EXCEPTIONS = {
    "jazz": {"solo": "verse", "outro": "verse"},
    "blues": {"solo": "verse", "intro": "chorus", "outro": "verse"},
}


def _last_chord(style: Style, progression: list[str]) -> str:
    """Return the numeral of the final chord: the tonic, as coloured as the rest of the song."""
    numeral = "i" if style.minor else "I"
    if not any(colour in progression[0] for colour in "79"):
        return numeral
    if style.minor:
        return numeral + "9"
    return numeral + ("7" if style.genre.name in ("blues", "funk") else "maj7")


def _numeral(style: Style, section: FormSection, progression: list[str], place: int, last: bool) -> str:
    if section.final and last:
        return _last_chord(style, progression)
    if last and section.kind == "prechorus" and not style.minor and any("V" in numeral for numeral in progression):
        return "V"  # the dominant leads into the chorus
    return progression[place % len(progression)]


def add_chords(song: Arrangement) -> None:
    """Write the song's chords."""
    style = song.style
    progressions = style.genre.progressions_in(style.minor)
    kinds = PROGRESSION_OF | EXCEPTIONS.get(style.genre.form, {})
    for section in song.sections:
        kind = kinds[section.kind]
        progression = choose(progressions[kind], style.seed, "progression", kind).split()
        bars_per_chord = style.genre.chord_bars
        if section.bars < len(progression) * bars_per_chord:
            bars_per_chord = 1
        for bar in range(0, section.bars, bars_per_chord):
            last = bar + bars_per_chord >= section.bars
            numeral = _numeral(style, section, progression, bar // bars_per_chord, last)
            start = (section.first_bar + bar) * song.beats_per_bar
            length = min(bars_per_chord, section.bars - bar) * song.beats_per_bar
            song.chords.append(roman_chord(numeral, style.tonic, style.mode).at(start, length))
