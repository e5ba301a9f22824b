"""The small words of the pages: days, times ahead, stanzas, addresses to go back to."""

from datetime import UTC, date, datetime

import pytest

from appliance.tables import Song
from web.desk import day
from web.forms import safe_path
from web.house import about
from web.lyrics import stanzas

SECTIONS = [
    {"name": "Intro", "kind": "intro", "start": 0.0, "duration": 4.0, "energy": 0.3},
    {"name": "Verse 1", "kind": "verse", "start": 4.0, "duration": 8.0, "energy": 0.6},
    {"name": "Chorus 1", "kind": "chorus", "start": 12.0, "duration": 8.0, "energy": 1.0},
    {"name": "Verse 2", "kind": "verse", "start": 20.0, "duration": 8.0, "energy": 0.6},
]


def song(lyrics: str, sections: list[dict[str, object]] = SECTIONS) -> Song:
    return Song(lyrics=lyrics, sections=sections, duration=28.0)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (datetime(2026, 11, 25, 12, tzinfo=UTC), "Today"),
        (datetime(2026, 11, 24, 12, tzinfo=UTC), "Yesterday"),
        (datetime(2026, 11, 17, 12, tzinfo=UTC), "Tuesday 17 November"),
        (datetime(2025, 12, 31, 12, tzinfo=UTC), "Wednesday 31 December 2025"),
    ],
)
def test_days_are_called_as_people_call_them(made: datetime, said: str) -> None:
    assert day(made, date(2026, 11, 25)) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3, "a few seconds"), (24, "about 25 s"), (89, "about 90 s"), (95, "about 2 min"), (600, "about 10 min")],
)
def test_times_ahead_are_round(seconds: float, said: str) -> None:
    assert about(seconds) == said


def test_each_stanza_takes_the_next_section_of_its_kind_and_spreads_its_lines_over_it() -> None:
    found = stanzas(song("[Verse]\none\ntwo\n\n[Chorus]\nthree\n[Solo]\n[Verse 2]\nfour\nfive\nsix\nseven"))
    assert [(each.heading, each.moments) for each in found] == [
        ("Verse", [4.0, 8.0]),
        ("Chorus", [12.0]),
        ("Verse 2", [20.0, 22.0, 24.0, 26.0]),
    ]


def test_words_without_headings_or_without_music_are_shown_as_they_are() -> None:
    assert [each.lines for each in stanzas(song("one\n\ntwo"))] == [["one", "two"]]
    assert [each.moments for each in stanzas(song("[Verse]\none", []))] == [[]]
    assert [each.moments for each in stanzas(song("[Bridge]\none"))] == [[]]
    assert stanzas(song("")) == []


@pytest.mark.parametrize("wanted", ["/", "/create?before=1", "/songs/1#words", "/a%20b"])
def test_addresses_of_this_site_are_followed(wanted: str) -> None:
    assert safe_path(wanted) == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "//evil",
        "/\\evil",
        "https:evil",
        "https://evil",
        "javascript:alert(1)",
        "/%2f%2fevil",
        "/%5Cevil",
        "/\t/evil",
        "/\r\nevil",
        "/a b",
        "/\u202e",
        "/" + "a" * 600,
        "create",
    ],
)
def test_addresses_elsewhere_are_not(wanted: str) -> None:
    assert safe_path(wanted, "/home") == "/home"
