"""The Studio: asking for songs, what is said about them, and what becomes of requests."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.briefs import LANGUAGES
from appliance.queue import claim_request, lease_of, report_progress
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import Song, SongRequest, User
from tests.appliance.people import add_user, ask
from tests.web.browser import Browser, beside, typed
from tests.web.making import begin, make
from web.desk import PAGE

SIMPLE = {"mode": "description", "full_description": "A slow waltz about the last ferry home", "duration": "30"}
LONG = "la la la\n" * 11_200


def requests(session: Session) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(SongRequest)) or 0


@pytest.mark.parametrize(
    "fields",
    [
        SIMPLE,
        {"mode": "lyrics", "prompt": "folk, accordion", "lyrics": "[Verse]\nSalt on the window"},
        {"mode": "described_lyrics", "prompt": "dub, melodica", "described_lyrics": "the last bus home"},
        {"mode": "lyrics", "prompt": "techno", "lyrics": "", "instrumental": "on"},
    ],
    ids=["simple", "own words", "described words", "instrumental without words"],
)
def test_each_way_of_asking_puts_two_takes_in_line(mara: Browser, session: Session, fields: dict[str, str]) -> None:
    answer = mara.send("/create", fields)
    assert answer.status_code == 303
    made = session.scalars(select(SongRequest)).one()
    assert answer.headers["location"] == f"/create?made={made.id}#mine"
    assert made.mode == fields["mode"]
    assert [song.status for song in session.scalars(select(Song))] == ["queued", "queued"]
    page = mara.open(answer.headers["location"])
    assert "Next in line" in page.text
    for name in ("prompt", "lyrics", "described_lyrics", "full_description"):
        assert typed(page, name) == fields.get(name, "")
    # Without a script the page asks again by itself, and only where somebody waits for what they have just made.
    assert '<noscript><meta http-equiv="refresh"' in page.text
    assert 'http-equiv="refresh"' not in mara.open("/create").text


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"mode": "description", "full_description": ""}, "full_description", "Say in a few words"),
        ({"mode": "description", "full_description": " \n\t "}, "full_description", "Say in a few words"),
        ({"mode": "lyrics", "prompt": "folk", "lyrics": LONG}, "lyrics", "too long"),
        ({"mode": "lyrics", "prompt": "folk", "lyrics": "[Verse]\nno\x00thing"}, "lyrics", "control characters"),
        ({"mode": "lyrics", "prompt": "", "lyrics": "[Verse]\nla"}, "prompt", "Name a sound"),
        ({"mode": "lyrics", "prompt": "folk", "lyrics": ""}, "lyrics", "Write some words"),
        ({"mode": "described_lyrics", "prompt": "folk"}, "described_lyrics", "Say what the words are about"),
        (SIMPLE | {"duration": "-1"}, "duration", "from 10 to 600"),
        (SIMPLE | {"duration": "1e999"}, "duration", "from 10 to 600"),
        (SIMPLE | {"duration": "nan"}, "duration", "from 10 to 600"),
        (SIMPLE | {"bpm": "<script>"}, "bpm", "from 40 to 240"),
        (SIMPLE | {"key": "H major"}, "key", "from the list"),
        (SIMPLE | {"language": "tlh"}, "language", "from the list"),
        (SIMPLE | {"time_signature": "13/8"}, "time_signature", "from the list"),
        (SIMPLE | {"voice": "Caruso"}, "voice", "from the list"),
        (SIMPLE | {"seed": "9" * 40}, "seed", "whole number"),
        (SIMPLE | {"seed": "٣"}, "seed", "whole number"),
        (SIMPLE | {"title": "T" * 81}, "title", "too long"),
        (SIMPLE | {"mode": "telepathy"}, "mode", "Choose one of"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_changes_nothing(
    mara: Browser, session: Session, fields: dict[str, str], field: str, said: str
) -> None:
    for htmx in (False, True):
        page = mara.send("/create", fields, htmx)
        assert page.status_code == 422
        assert said in beside(page, field)
        assert f'aria-describedby="{field}-error' in page.text or field in ("mode",)
        for name, value in fields.items():
            if name in ("full_description", "prompt", "lyrics", "described_lyrics", "title", "bpm", "seed"):
                assert typed(page, name) == value, name
    assert requests(session) == 0


@pytest.mark.parametrize(
    "text",
    [
        "🎷🎺 un été ☀️ 👩‍👩‍👧",
        "אור אחרון על הגג",
        "<img src=x onerror=alert(1)>{{ 7*7 }}&amp;\"'",
        "日本語の歌詞",
        "a\r\nb",
    ],
    ids=["emoji", "right to left", "HTML", "Japanese", "two lines"],
)
def test_what_is_unusual_but_text_is_taken_and_shown_as_text(mara: Browser, session: Session, text: str) -> None:
    assert mara.send("/create", SIMPLE | {"full_description": text, "title": text[:40]}).status_code == 303
    made = session.scalars(select(SongRequest)).one()
    assert made.full_description == text.replace("\r\n", "\n")
    page = mara.open(f"/create?made={made.id}")
    assert typed(page, "full_description") == made.full_description
    assert "<img src=x" not in page.text
    assert "49" not in beside(page, "full_description")


def test_extra_fields_are_ignored(mara: Browser, session: Session, people: dict[str, User]) -> None:
    forged = {"user_id": str(people["Ada"].id), "status": "processed", "published": "1", "role": "admin"}
    assert mara.send("/create", SIMPLE | forged).status_code == 303
    songs = session.scalars(select(Song)).all()
    assert {(song.user_id, song.status, song.published) for song in songs} == {(people["Mara"].id, "queued", False)}


def test_a_person_with_too_much_in_the_making_is_told_so_above_the_form(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    for _ in range(settings().max_waiting):
        ask(session, people["Mara"])
    session.commit()
    before = requests(session)
    page = mara.send("/create", SIMPLE)
    assert page.status_code == 409
    assert "Wait for one of them" in beside(page, "form")
    assert typed(page, "full_description") == SIMPLE["full_description"]
    assert requests(session) == before


def test_with_a_script_the_form_stays_and_the_list_comes_anew(mara: Browser) -> None:
    answer = mara.send("/create", SIMPLE, htmx=True)
    assert answer.status_code == 200
    assert answer.headers["hx-push-url"] == "false"
    assert '<hx-partial hx-target="#mine"' in answer.text
    assert '<hx-partial hx-target="#make"' in answer.text
    assert "Next in line" in answer.text
    assert typed(answer, "full_description") == SIMPLE["full_description"]
    assert "<html" not in answer.text


def test_jobs_say_where_they_are(mara: Browser, session: Session, people: dict[str, User]) -> None:
    other = add_user(session, "Theo")
    ask(session, other)
    first = ask(session, people["Mara"])
    session.commit()
    assert "Second in line" in mara.open("/create").text
    request = claim_request(session, "tests")
    assert request is not None
    session.commit()
    page = mara.open("/create").text
    assert "Next in line" in page
    assert "<b>Working</b></p>" in page.replace("\n", "")  # and not on what: that is Theo's business
    assert "1 in line" in page
    del first


def test_a_song_in_the_making_shows_its_stage_and_how_far_it_is(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    request = begin(session, people["Mara"])
    song = request.songs[0]
    for stage, progress, said in [
        ("composing", 0.43, "Making the music of take 1 · 43%"),
        ("mastering", 0.5, "Mastering take 1"),
        ("painting", 0.1, "Painting the cover of take 1"),
    ]:
        report_progress(session, lease_of(request), song.id, stage, progress)
        session.commit()
        page = mara.open("/create").text
        assert said in page
        assert "Salt on the Window" in page
    assert 'id="desk"' in page
    assert "Working</b> on Salt on the Window" in page


def test_ready_takes_stand_side_by_side_and_say_that_they_are_sketches(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = make(session, object_store, people["Mara"])
    page = mara.open("/create").text
    for song in request.songs:
        assert f'href="/songs/{song.id}">Take {song.take}</a>' in page
        assert f'src="/songs/{song.id}/audio"' in page
    assert page.count("data-play=") == 2
    assert "Sketch</span>" in page
    assert "Today" in page


def test_a_failed_take_says_why_and_can_be_made_again(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = make(session, object_store, people["Mara"], fail="The machine ran out of memory.")
    page = mara.open("/create").text
    assert "Take 1 is ready. Take 2 stopped: The machine ran out of memory." in page
    assert "Make take 2 again" in page
    assert mara.send(f"/requests/{request.id}/retry").status_code == 303
    session.expire_all()
    assert [song.status for song in session.scalars(select(Song).order_by(Song.take))] == ["processed", "queued"]


def test_cancel_stops_what_is_in_the_making_and_delete_takes_it_away(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    request = begin(session, people["Mara"])
    answer = mara.send(f"/requests/{request.id}/cancel", htmx=True)
    assert answer.status_code == 200
    assert f'hx-target="#job-{request.id}"' in answer.text
    assert "Cancelled." in answer.text
    session.expire_all()
    assert {song.status for song in session.scalars(select(Song))} == {"cancelled"}
    assert mara.send(f"/requests/{request.id}/delete", htmx=True).text.count('hx-swap="delete"') == 1
    assert f'id="job-{request.id}"' not in mara.open("/create").text


def test_a_request_in_the_making_is_not_deleted(mara: Browser, session: Session, people: dict[str, User]) -> None:
    request = begin(session, people["Mara"])
    assert mara.send(f"/requests/{request.id}/delete").status_code == 409
    assert requests(session) == 1


def test_somebody_elses_requests_are_not_there(mara: Browser, session: Session, people: dict[str, User]) -> None:
    request = begin(session, people["Jun"])
    for action in ("cancel", "retry", "delete"):
        assert mara.send(f"/requests/{request.id}/{action}").status_code == 404
    assert mara.open(f"/create?made={request.id}").status_code == 404
    session.expire_all()
    assert {song.status for song in session.scalars(select(Song))} == {"processing", "queued"}


def test_a_song_can_be_started_from_another(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"], prompt="x").songs[0]
    page = mara.open(f"/create?like={song.id}")
    assert typed(page, "prompt") == "indie folk, harmonium"
    assert typed(page, "bpm") == "84"
    assert "The kettle is quiet" in typed(page, "lyrics")


def test_old_songs_are_on_further_pages(mara: Browser, session: Session, people: dict[str, User]) -> None:
    for number in range(PAGE + 2):
        for song in ask_past_the_limit(session, people["Mara"], number).songs:
            song.status = "cancelled"
    session.commit()
    first = mara.open("/create").text
    assert first.count('id="job-') == PAGE
    older = first.split('href="/create?before=')[1].split('"')[0]
    second = mara.open(f"/create?before={older}").text
    assert second.count('id="job-') == 2
    assert "Song 1<" in second
    assert 'id="older"' in second


def ask_past_the_limit(session: Session, user: User, number: int) -> Any:
    for song in session.scalars(select(Song).where(Song.status == "queued")):
        song.status = "cancelled"
    session.flush()
    return ask(session, user, title=f"Song {number}")


def test_every_language_can_be_chosen(mara: Browser) -> None:
    page = mara.open("/create").text
    for code, name in LANGUAGES.items():
        assert f'<option value="{code}">{name}</option>' in page
