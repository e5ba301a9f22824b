"""The page of a song and what can be done there, and the feed of published ones."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.songs import publish_song
from appliance.storage import Storage
from appliance.tables import Like, Listen, Song, User
from tests.web.browser import Browser, beside, typed
from tests.web.making import begin, make


def test_the_page_shows_waveform_sections_words_and_details(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    page = mara.open(f"/songs/{song.id}").text
    assert "<h1>Salt on the Window</h1>" in page
    assert f'data-wave="{song.id}"' in page
    assert re.search(r'data-seek-to="18.00"[^>]*>C<i>horus </i>1</a>', page)
    assert re.search(r'data-seek-to="9.00"[^>]*>The lamp burns low</a>', page)
    for said in ("84 BPM", "D major", "English", "−14.1 LUFS", "sketch", str(song.seed), "Folk"):
        assert f"<dd>{said}</dd>" in page, said
    assert "Download FLAC" in page
    assert "Take 2</a>" in page


def test_a_song_in_the_making_shows_its_job_on_its_page(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    request = begin(session, people["Mara"])
    page = mara.open(f"/songs/{request.songs[0].id}").text
    assert f'id="job-{request.id}"' in page
    assert "Delete this take" not in page


def test_renaming_says_what_is_wrong_and_keeps_what_was_typed(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    mara.open(f"/songs/{song.id}")
    for bad in ("", "x" * 81, "a\x00b"):
        refused = mara.send(f"/songs/{song.id}/title", {"title": bad})
        assert refused.status_code == 422
        assert "1 to 80" in beside(refused, "title")
        assert typed(refused, "title") == bad
    refused = mara.send(f"/songs/{song.id}/title", {"title": ""}, htmx=True)
    assert (refused.status_code, refused.headers["hx-push-url"]) == (422, "false")
    assert mara.send(f"/songs/{song.id}/title", {"title": "Tide <b>Table</b>"}).status_code == 303
    page = mara.open(f"/songs/{song.id}").text
    assert "<h1>Tide &lt;b&gt;Table&lt;/b&gt;</h1>" in page


def test_publishing_shows_a_song_to_everybody_and_taking_it_back_hides_it(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    assert jun.open(f"/songs/{song.id}").status_code == 404
    assert "Salt on the Window" not in jun.open("/").text
    mara.send(f"/songs/{song.id}/publish", {"published": "1"})
    page = jun.open(f"/songs/{song.id}")
    assert page.status_code == 200
    assert str(song.seed) not in page.text
    assert "Take 2" not in page.text
    assert "Rename" not in page.text
    assert "Salt on the Window" in jun.open("/").text
    mara.send(f"/songs/{song.id}/publish", {"published": "0"})
    for path in ("", "/audio", "/cover", "/thumbnail", "/download"):
        assert jun.open(f"/songs/{song.id}{path}").status_code == 404, path
    assert "Salt on the Window" not in jun.open("/").text


def test_only_a_ready_song_can_be_published(mara: Browser, session: Session, people: dict[str, User]) -> None:
    song = begin(session, people["Mara"]).songs[0]
    assert mara.send(f"/songs/{song.id}/publish", {"published": "1"}).status_code == 409


def test_a_like_is_one_however_often_it_is_sent(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    assert jun.send(f"/songs/{song.id}/like", {"liked": "1"}).status_code == 404
    publish_song(session, song.id, people["Mara"], published=True)
    session.commit()
    for _ in range(2):
        assert jun.send(f"/songs/{song.id}/like", {"liked": "1"}).status_code == 303
    assert len(session.scalars(select(Like)).all()) == 1
    piece = jun.send(f"/songs/{song.id}/like", {"liked": "0"}, htmx=True)
    assert f'hx-target="#like-{song.id}"' in piece.text
    assert 'aria-pressed="false"' in piece.text
    assert session.scalars(select(Like)).all() == []


def test_listens_of_others_count_once_and_ones_own_never(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    publish_song(session, song.id, people["Mara"], published=True)
    session.commit()
    for browser in (mara, jun, jun):
        assert browser.send(f"/songs/{song.id}/listens").status_code == 204
    session.expire_all()
    assert len(session.scalars(select(Listen)).all()) == 1
    assert "1 play" in jun.open("/").text


def test_one_take_can_be_cancelled_made_again_and_deleted(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song_id = begin(session, people["Mara"]).songs[1].id
    for action, status in (("cancel", "cancelled"), ("retry", "queued"), ("cancel", "cancelled")):
        assert mara.send(f"/songs/{song_id}/{action}").status_code == 303
        session.expire_all()
        assert session.get_one(Song, song_id).status == status
    assert mara.send(f"/songs/{song_id}/delete").headers["location"] == f"/create?removed={song_id}#mine"
    assert mara.open(f"/songs/{song_id}").status_code == 404


def test_nobody_changes_somebody_elses_song(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Jun"]).songs[0]
    publish_song(session, song.id, people["Jun"], published=True)
    session.commit()
    for action, fields in (
        ("title", {"title": "Mine"}),
        ("publish", {"published": "0"}),
        ("delete", {}),
        ("cancel", {}),
        ("retry", {}),
    ):
        assert mara.send(f"/songs/{song.id}/{action}", fields).status_code == 404, action
    session.expire_all()
    kept = session.get_one(Song, song.id)
    assert (kept.title, kept.published) == ("Salt on the Window", True)
