"""A near spelling for searches that find nothing: it knows the words of published songs, and no others."""

import pytest
from sqlalchemy.orm import Session

from appliance.feed import Wish
from appliance.songs import publish_song
from appliance.spelling import near_spelling
from tests.appliance.people import add_user
from tests.appliance.test_feed import put_out


def meant(session: Session, words: str) -> str | None:
    near = near_spelling(session, Wish(words))
    return near[0].words if near else None


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("accordian", "accordion"),  # in the style
        ("kcordion", "accordion"),  # wrong from its first letter
        ("Lindqvit", "lindqvist"),  # a person
        ("ketttle", "kettle"),  # a line of the words
        ("Éclaiir", "eclair"),
        ("Трамвва", "трамваи"),
        ("the ketle", "the kettle"),
        ("ketle acco", "kettle acco"),  # what somebody is still typing is left alone
        ("xylograph", None),
        ("accordian xylograph", None),
        ("kettle tram", None),  # both are there, and no song has both
        ("ke", None),
        ("☂", None),
        ("a b c d e f", None),
        ("", None),
    ],
)
def test_a_near_spelling_is_found_in_titles_people_styles_and_words(
    session: Session, typed: str, right: str | None
) -> None:
    put_out(session, add_user(session, "Mara Lindqvist"), "Éclair", prompt="accordion", lyrics="the kettle is quiet")
    put_out(session, add_user(session, "Jun"), "Трамвай", prompt="tram")
    assert meant(session, typed) == right


def test_it_says_how_many_songs_there_are_within_the_same_filter(session: Session) -> None:
    ada = add_user(session, "Ada")
    for bpm in (60.0, 60.0, 150.0):
        put_out(session, ada, "Waltz", prompt="accordion", bpm=bpm)
    assert near_spelling(session, Wish("accordian")) == (Wish("accordion"), 3)
    assert near_spelling(session, Wish("accordian", show="slow")) == (Wish("accordion", show="slow"), 2)
    assert near_spelling(session, Wish("accordian", category="jazz")) is None


def test_the_words_of_kinds_and_filters_are_no_spelling(session: Session) -> None:
    put_out(session, add_user(session, "Ada"), "Waltz", category="Jazz", bpm=60.0)
    assert [meant(session, words) for words in ("kindjazz", "isslow", "slo", "jazzz")] == [None] * 4


def test_no_word_of_a_private_song_is_ever_suggested(session: Session) -> None:
    ada = add_user(session, "Zebedee Quartermain")
    hidden = put_out(session, ada, "Qwzxheimlich", prompt="zimbelstern", lyrics="a murmuration of starlings")
    put_out(session, add_user(session, "Jun"), "Tram")
    near = ("qwzxheimlch", "zimbelstren", "murmuratoin", "quartermian")
    assert None not in [meant(session, words) for words in near]
    publish_song(session, hidden.id, ada, published=False)
    session.flush()
    assert [meant(session, words) for words in near] == [None] * 4
