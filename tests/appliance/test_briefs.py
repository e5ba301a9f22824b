"""Briefs: whatever is typed, either a brief comes out or a sentence for each field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.briefs import KEYS, LANGUAGES, LARGEST_SEED, LONGEST, MAX_LYRICS, MODES, SHORTEST, VOICES, read_brief
from appliance.errors import InvalidInput

GOOD = {"mode": "description", "full_description": "a waltz about rain"}


def test_a_description_alone_is_enough() -> None:
    brief = read_brief(GOOD)
    assert (brief.mode, brief.duration, brief.bpm, brief.instrumental) == ("description", 180.0, None, False)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "full_description"),
        ({"full_description": "  \n "}, "full_description"),
        ({"mode": "dance"}, "mode"),
        ({"mode": "lyrics", "prompt": "folk"}, "lyrics"),
        ({"mode": "lyrics", "lyrics": "la"}, "prompt"),
        ({"mode": "described_lyrics", "prompt": "folk"}, "described_lyrics"),
        ({"mode": "lyrics", "prompt": "folk", "lyrics": "x" * 100_000}, "lyrics"),
        ({"mode": "lyrics", "prompt": "folk", "lyrics": "x" * (MAX_LYRICS + 1)}, "lyrics"),
        ({"full_description": "nul \x00 inside"}, "full_description"),
        ({"full_description": "half \ud800 of a character"}, "full_description"),
        (GOOD | {"title": "x" * 81}, "title"),
        (GOOD | {"duration": "-1"}, "duration"),
        (GOOD | {"duration": "601"}, "duration"),
        (GOOD | {"duration": "nan"}, "duration"),
        (GOOD | {"duration": "three minutes"}, "duration"),
        (GOOD | {"bpm": "1e9"}, "bpm"),
        (GOOD | {"bpm": "inf"}, "bpm"),
        (GOOD | {"key": "H moll"}, "key"),
        (GOOD | {"language": "xx"}, "language"),
        (GOOD | {"voice": "soprano"}, "voice"),
        (GOOD | {"time_signature": "7/8"}, "time_signature"),
        (GOOD | {"seed": "-2"}, "seed"),
        (GOOD | {"seed": str(LARGEST_SEED + 1)}, "seed"),
        (GOOD | {"seed": "١٢"}, "seed"),
    ],
)
def test_what_cannot_be_used_gets_a_sentence_beside_its_field(fields: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_brief(fields)
    assert field in caught.value.fields
    assert caught.value.fields[field].endswith(".")


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_brief({"mode": "lyrics", "duration": "0", "bpm": "0"})
    assert set(caught.value.fields) == {"prompt", "lyrics", "duration", "bpm"}


@pytest.mark.parametrize("text", ["🎷 at night", "שיר על גשם", "<b>bold</b> & <script>", "Ünïcödé", "雨の歌"])
def test_any_script_emoji_and_markup_is_kept_as_the_text_it_is(text: str) -> None:
    brief = read_brief({"mode": "lyrics", "prompt": text, "lyrics": f"[Verse]\n{text}", "title": text})
    assert (brief.prompt, brief.lyrics, brief.title) == (text, f"[Verse]\n{text}", text)


def test_marks_that_turn_text_around_are_taken_out() -> None:
    assert read_brief({"full_description": "a \u202egnos\u202c"}).full_description == "a gnos"


def test_instrumental_needs_no_words() -> None:
    assert read_brief({"mode": "lyrics", "prompt": "folk", "instrumental": "on"}).instrumental
    assert read_brief({"mode": "described_lyrics", "prompt": "folk", "instrumental": True}).instrumental


def test_an_empty_seed_is_a_new_one_each_time_and_a_given_one_is_kept() -> None:
    assert len({read_brief(GOOD).seed for _ in range(5)}) > 1
    assert read_brief(GOOD | {"seed": "42"}).seed == 42


anything = st.one_of(st.text(), st.none(), st.integers(), st.floats(), st.booleans(), st.sampled_from(MODES))


@given(
    st.dictionaries(st.sampled_from(sorted({*GOOD, "prompt", "lyrics", "duration", "bpm", "seed", "key"})), anything)
)
def test_no_input_at_all_does_anything_but_a_brief_or_sentences(fields: dict[str, object]) -> None:
    try:
        brief = read_brief(fields)
    except InvalidInput:
        return
    assert SHORTEST <= brief.duration <= LONGEST
    assert 0 <= brief.seed <= LARGEST_SEED
    assert brief.key in (None, *KEYS)
    assert brief.language in (None, *LANGUAGES)
    assert brief.voice in VOICES
    assert "\x00" not in brief.full_description + brief.prompt + brief.lyrics
