"""Reading lyrics as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sketch.lyrics import LyricSection, parse_lyrics, split_line
from models.sketch.words import sung_words, syllable_count


def kinds(text: str) -> list[str]:
    return [section.kind for section in parse_lyrics(text)]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("[Verse 2]", "verse"), ("[Pre-Chorus]", "prechorus"), ("[CHORUS]", "chorus"), ("[Guitar Solo]", "solo"),
        ("[Estribillo]", "chorus"), ("[Brücke]", "bridge"), ("[Drop]", "drop"), ("[Something]", "verse"),
        ("Chorus:", "chorus"), ("(Verse 1)", "verse"), ("**Bridge**", "bridge"), ("pre-chorus", "prechorus"),
    ],
)  # fmt: skip
def test_headers_are_read_as_people_write_them(header: str, kind: str) -> None:
    assert parse_lyrics(f"{header}\nla la") == [LyricSection(header.strip("[]()*: "), kind, ("la la",))]


def test_lines_before_a_header_are_a_verse() -> None:
    assert kinds("hello\n[Chorus]\nla") == ["verse", "chorus"]


def test_a_chorus_named_without_words_has_the_words_from_before() -> None:
    sections = parse_lyrics("[Chorus]\nlove me\n[Verse]\na b\n[Chorus]\n\n[Verse]\n")
    assert [section.lines for section in sections] == [("love me",), ("a b",), ("love me",), ()]


def test_what_comes_again_in_lyrics_without_headers_is_the_chorus() -> None:
    assert kinds("one\ntwo\n\nla la\n\nthree\n\nLa la") == ["verse", "chorus", "verse", "chorus"]


def test_stage_directions_are_not_sung_and_brackets_are() -> None:
    assert parse_lyrics("(instrumental break)\n(ooh ooh)\n🎉")[0].lines == ("ooh ooh",)


def test_long_lines_are_cut_at_commas_and_nothing_is_lost() -> None:
    line = "It was the best of times, it was the worst of times"
    assert split_line(line, 8, "en") == ["It was the best of times,", "it was the worst of times"]
    assert split_line(line, 40, "en") == [line]
    assert "".join(split_line("夜空の星が光る君の声が聞こえる", 8, "ja")) == "夜空の星が光る君の声が聞こえる"


@given(st.text(max_size=200), st.integers(1, 30), st.sampled_from(["en", "de", "ja", "hi"]))
def test_pieces_of_any_line_fit_and_keep_its_syllables(line: str, most: int, language: str) -> None:
    pieces = split_line(line, most, language)
    assert all(syllable_count(piece, language) <= most for piece in pieces)
    if all(syllable_count(word, language) <= most for word in line.split()):
        assert [word for piece in pieces for word in sung_words(piece)] == sung_words(line) or "<" in line


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    for section in parse_lyrics(text):
        assert all(line.strip() for line in section.lines)
