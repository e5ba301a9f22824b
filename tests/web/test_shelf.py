"""My songs in the list: shelves, search, and what can be done there with one song or several."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance import credits
from appliance.queue import OUT_OF_MEMORY
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import Song, SongRequest, User, WorkerSeen
from tests.appliance.people import ask
from tests.web.browser import HTMX, Browser
from tests.web.making import begin, make


def made(session: Session, store: Storage, user: User, **fields: str) -> SongRequest:
    """Return a request that is done, as it is now and whatever becomes of it."""
    request = make(session, store, user, **fields)
    for each in (*request.songs, request):
        session.expunge(each)
    return request


def rows(session: Session) -> dict[str, Song]:
    session.expire_all()
    session.rollback()
    return {str(song.id): song for song in session.scalars(select(Song))}


def test_what_was_too_long_is_tried_again_shorter(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = make(session, object_store, people["Mara"], fail=OUT_OF_MEMORY, duration=100)
    lost = request.songs[1].id
    assert "Retry at 1:10" in mara.open("/create").text
    assert mara.send(f"/requests/{request.id}/retry", {"duration": "200"}).status_code == 422
    assert mara.send(f"/requests/{request.id}/retry", {"duration": "70"}).status_code == 303
    song = rows(session)[str(lost)]
    assert (song.status, song.duration) == ("queued", 70)
    # The other take is ready with these words, which therefore stay.
    asked = session.scalars(select(SongRequest)).one()
    assert (asked.duration, asked.sheet and asked.sheet["duration"]) == (70, 70)


def test_shelves_and_search_choose_among_my_songs(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    ferry, window = (made(session, object_store, people["Mara"], title=title) for title in ("Ferry", "Window"))
    mara.open("/create")
    mara.send(f"/songs/{ferry.songs[0].id}/keep", {"kept": "1"})
    mara.send(f"/songs/{window.songs[0].id}/publish", {"published": "1", "at": "list"})
    for address, found, missing in (
        ("/create?shelf=kept", ferry, window),
        ("/create?shelf=published", window, ferry),
        ("/create?q=ferr", ferry, window),
        ("/create?shelf=published&q=window", window, ferry),
    ):
        page = mara.open(address).text
        assert f'id="job-{found.id}"' in page, address
        assert f'id="job-{missing.id}"' not in page, address
        assert 'id="found"' in page
    assert "No match for “&lt;b&gt;”" in mara.open("/create?q=%3Cb%3E").text
    assert "Nothing here" in mara.open("/create?shelf=failed").text
    assert 'id="mine"' in mara.open("/create?shelf=nonsense").text
    assert re.search(r"Kept <span>1</span>", page)


def test_deleting_can_be_undone_with_and_without_a_script(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = made(session, object_store, people["Mara"])
    mara.open("/create")
    answer = mara.send(f"/requests/{request.id}/delete")
    ids = ",".join(str(song.id) for song in request.songs)
    assert answer.headers["location"] == f"/create?removed={ids}#mine"
    page = mara.open(answer.headers["location"]).text
    assert "Salt on the Window is in the bin for 30 days." in page
    assert f'id="job-{request.id}"' not in page
    assert object_store.list("songs/")
    assert mara.send("/songs/restore", {"songs": ids}).headers["location"] == "/create#mine"
    assert f'id="job-{request.id}"' in mara.open("/create").text

    piece = mara.send(f"/songs/{request.songs[0].id}/delete", {"at": "list"}, htmx=True).text
    assert f'hx-target="#job-{request.id}"' in piece  # the other take is still there
    assert f'name="songs" value="{request.songs[0].id}"' in piece
    piece = mara.send("/songs/restore", {"songs": str(request.songs[0].id)}, htmx=True).text
    assert '<hx-partial hx-target="#mine"' in piece
    assert "is in the bin" not in piece


def test_the_bin_shows_what_is_in_it_and_can_be_emptied_song_by_song(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = made(session, object_store, people["Mara"])
    first, second = request.songs
    mara.open("/create")
    mara.send(f"/requests/{request.id}/delete")
    page = mara.open("/create?shelf=bin").text
    assert "29 days left" in page
    assert f'action="/songs/{first.id}/destroy"' in page
    assert jun.send(f"/songs/{first.id}/destroy").status_code == 404
    assert jun.send("/songs/restore", {"songs": str(second.id)}).status_code == 404
    assert mara.send(f"/songs/{first.id}/destroy").headers["location"] == "/create?shelf=bin"
    assert object_store.list(f"songs/{first.id}/") == []
    piece = mara.send("/songs/restore", {"songs": str(second.id), "shelf": "bin"}, htmx=True).text
    assert "The bin is empty" in piece
    assert mara.send(f"/songs/{first.id}/destroy").status_code == 404
    assert list(rows(session)) == [str(second.id)]


def test_several_songs_are_published_made_private_and_deleted_at_once(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = made(session, object_store, people["Mara"])
    theirs = made(session, object_store, people["Jun"]).songs[0]
    mara.open("/create")
    ticked = {f"song-{song.id}": "on" for song in [*request.songs, theirs]}
    assert mara.send("/songs/several", ticked | {"action": "publish"}).status_code == 303
    songs = rows(session)
    assert [songs[str(song.id)].published for song in [*request.songs, theirs]] == [True, True, False]
    assert 'hx-target="#mine"' in mara.send("/songs/several", ticked | {"action": "private"}, htmx=True).text
    assert not any(song.published for song in rows(session).values())
    assert mara.send("/songs/several", ticked | {"action": "sell"}).status_code == 422
    assert mara.send("/songs/several", {"action": "delete"}).status_code == 422
    mara.send("/songs/several", ticked | {"action": "delete"})
    songs = rows(session)
    assert [songs[str(song.id)].deleted_at is None for song in [*request.songs, theirs]] == [False, False, True]


def test_all_takes_are_renamed_in_the_list(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = made(session, object_store, people["Mara"])
    mara.open("/create")
    assert "Tide Table" in mara.send(f"/requests/{request.id}/title", {"title": "Tide Table"}, htmx=True).text
    assert {song.title for song in rows(session).values()} == {"Tide Table"}
    assert mara.send(f"/requests/{request.id}/title", {"title": ""}).status_code == 422
    assert jun.send(f"/requests/{request.id}/title", {"title": "Mine"}).status_code == 404
    assert jun.send(f"/songs/{request.songs[0].id}/keep", {"kept": "1"}).status_code == 404


def test_a_take_is_new_until_it_is_played(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = made(session, object_store, people["Mara"])
    new = '<span class="tag">New</span>'
    assert mara.open("/create").text.count(new) == 1
    for number, song in enumerate(request.songs):
        mara.ask("HEAD", f"/songs/{song.id}/audio")
        assert mara.open("/create").text.count(new) == 1, number
        mara.get(f"/songs/{song.id}/audio")
    assert new not in mara.open("/create").text


@pytest.mark.parametrize("takes", [1, 3, 4])
def test_takes_are_as_many_as_were_asked_for_and_that_is_remembered(
    mara: Browser, session: Session, takes: int
) -> None:
    fields = {
        "mode": "description",
        "full_description": "A waltz",
        "duration": "40",
        "key": "D minor",
        "takes": str(takes),
    }
    assert mara.send("/create", fields).status_code == 303
    assert len(rows(session)) == takes
    page = mara.open("/create").text
    assert f'name="takes" type="range" min="1" max="4" step="1" value="{takes}"' in page
    assert '<option value="D minor" selected>' in page
    assert 'step="5" value="40"' in page
    assert mara.send("/create", fields | {"takes": "5"}).status_code == 422
    assert mara.send("/create", fields | {"takes": "1.5"}).status_code == 422


def test_knobs_are_there_only_where_the_composer_has_them(mara: Browser, session: Session) -> None:
    assert 'name="steps"' not in mara.open("/create").text
    session.add(WorkerSeen(name="one", about={"knobs": {"steps": [4, 8, 16]}}))
    session.commit()
    page = mara.open("/create").text
    assert 'name="steps" type="number" min="4" max="16"' in page
    assert 'name="guidance_scale"' not in page


def test_what_waits_for_credits_says_how_many_are_missing(
    mara: Browser, session: Session, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING", "grants")
    settings.cache_clear()
    try:
        credits.account_of(session, people["Mara"].id)
        ask(session, people["Mara"])
        session.commit()
        page = mara.open("/create").text
        assert "Not started. This needs 2 credits and you have 0." in page
        assert "Top up</a>" in page
        assert 'id="needs"' in page
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_words_appear_while_they_are_written(mara: Browser, session: Session, people: dict[str, User]) -> None:
    request = begin(session, people["Mara"])
    request.sheet = None
    request.songs[0].lyrics = "[Verse]\nOne\nTwo\nThree"
    session.commit()
    page = mara.get("/create", **HTMX).text
    assert "Writing the words" in page
    assert "Two<br>Three" in page
