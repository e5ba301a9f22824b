"""Which sections a song has: from its words, or from a template, and always as many bars as it shall have."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.roles import Take
from models.sketch.form import build_form
from models.sketch.genres import genres
from models.sketch.lyrics import parse_lyrics
from models.sketch.sections import FormSection
from models.sketch.style import Style, read_style
from models.sketch.templates import from_template
from models.sketch.worded_form import FASTEST_RAP, FASTEST_SINGING, from_words
from models.sketch.words import syllable_count
from tests.models.sketch.arrangements import LYRICS, make_sheet

FULL_SONG = """[Intro]

[Verse 1]
Sunlight on the water
Shadows on the sand

[Pre-Chorus]
Can you feel it coming

[Chorus]
We run, we run
Out into the sun

[Verse 2]
Footprints by the river
Something in your hand

[Chorus]

[Guitar Solo]

[Bridge]
And when the summer ends
I will still be there

[Chorus]
We run, we run
Out into the sun

[Outro]
Out into the sun
"""


def style_of(genre: str = "pop", seed: int = 1, **fields: float | str) -> Style:
    return read_style(make_sheet(genre, **fields), Take(seed))  # type: ignore[arg-type]


def kinds(sections: list[FormSection]) -> list[str]:
    return [section.kind for section in sections]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 700), st.sampled_from(sorted(genres())), st.integers(0, 1000))
def test_a_template_fills_any_number_of_bars(bars: int, genre: str, seed: int) -> None:
    sections = from_template(bars, style_of(genre, seed))
    assert sum(section.bars for section in sections) == bars
    assert all(section.bars >= 1 for section in sections)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 500),
    st.sampled_from(sorted(genres())),
    st.integers(0, 1000),
    st.sampled_from([LYRICS, FULL_SONG, "la"]),
)
def test_words_fill_any_number_of_bars(bars: int, genre: str, seed: int, lyrics: str) -> None:
    sections = from_words(parse_lyrics(lyrics), bars, style_of(genre, seed))
    assert sum(section.bars for section in sections) == bars
    assert all(section.bars >= 1 for section in sections)
    assert any(section.lines for section in sections)


def test_sections_keep_the_order_and_names_of_the_lyrics() -> None:
    sections = build_form(style_of(), FULL_SONG, 180.0)
    named = [section.title for section in sections if section.title in FULL_SONG]
    asked = [
        "Intro", "Verse 1", "Pre-Chorus", "Chorus", "Verse 2", "Chorus", "Guitar Solo", "Bridge", "Chorus",
    ]  # fmt: skip
    assert named[: len(asked)] == asked
    assert named[-1] == "Outro"
    assert kinds(sections)[0] == "intro"
    # The second chorus is only named; it has the words of the first.
    second = [section for section in sections if section.kind == "chorus"][1]
    assert second.lines == ("We run, we run", "Out into the sun")


def test_a_song_too_short_for_its_words_keeps_verse_and_chorus() -> None:
    sections = build_form(style_of(), LYRICS + "\n[Bridge]\nNobody knows\nwhere the river goes", 40.0)
    sung = [section.kind for section in sections if section.lines]
    assert sung == ["verse", "chorus"]
    assert sum(section.bars for section in sections) * style_of().bar_seconds <= 42


def test_a_song_too_long_for_its_words_sings_them_again() -> None:
    sections = build_form(style_of(), LYRICS, 400.0)
    lines = Counter(line for section in sections for line in section.lines)
    assert min(lines.values()) >= 2
    wordless = sum(section.bars for section in sections if not section.lines)
    assert wordless < 0.5 * sum(section.bars for section in sections)
    assert max(section.bars for section in sections) <= 24
    for genre in genres():
        after_another = pairwise(kinds(build_form(style_of(genre), LYRICS, 300.0)))
        assert not {("solo", "solo"), ("drop", "drop"), ("breakdown", "breakdown")} & set(after_another)


@pytest.mark.parametrize("duration", [10.0, 30.0, 180.0, 600.0])
def test_all_takes_sing_the_same_lines(duration: float) -> None:
    for genre in ("pop", "house", "blues", "trap", "ambient"):
        sung = {
            tuple(line for section in build_form(style_of(genre, seed), FULL_SONG, duration) for line in section.lines)
            for seed in range(8)
        }
        assert len(sung) == 1


def test_instrumental_takes_have_different_forms() -> None:
    for genre in sorted(set(genres()) - {"blues"}):
        one, two = (kinds(build_form(style_of(genre, seed), "", 180.0)) for seed in (4, 5))
        assert one != two


def test_long_instrumentals_repeat_sections_instead_of_stretching_them() -> None:
    for genre in genres():
        sections = build_form(style_of(genre), "", 600.0)
        assert max(section.bars for section in sections) <= 28
        assert len(sections) >= 10


def test_twelve_bar_blues_has_twelve_bars() -> None:
    sections = build_form(style_of("blues"), "", 180.0)
    assert {section.bars for section in sections if section.kind in ("verse", "solo")} == {12}


def test_no_line_is_faster_than_anybody_can_sing() -> None:
    prose = (
        "It was the best of times, it was the worst of times, it was the age of wisdom and the age of foolishness. " * 9
    )
    for genre in genres():
        style = style_of(genre)
        fastest = FASTEST_RAP if "rap" in style.genre.traits else FASTEST_SINGING
        for lyrics in (LYRICS, prose):
            for section in build_form(style, lyrics, 120.0):
                seconds = section.bars_per_line * style.bar_seconds
                assert all(syllable_count(line) <= seconds * fastest for line in section.lines)


def test_energy_rises_to_the_last_chorus() -> None:
    sections = build_form(style_of(), LYRICS, 180.0)
    choruses = [section.energy for section in sections if section.kind == "chorus"]
    verses = [section.energy for section in sections if section.kind == "verse"]
    assert choruses == sorted(choruses)
    assert max(verses) < min(choruses)
    assert [section.final for section in sections] == [False] * (len(sections) - 1) + [True]


def test_calm_tags_make_a_calmer_song() -> None:
    calm, driving = (
        sum(section.energy for section in build_form(style_of(prompt, bpm=100.0), LYRICS, 120.0))
        for prompt in ("pop, calm, gentle", "pop, driving, energetic")
    )
    assert calm < driving
