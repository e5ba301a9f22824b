"""The machine room: who may enter, what it says, and what admins do there."""

from uuid import uuid4

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from appliance.errors import NotAllowed
from appliance.failures import list_failures
from appliance.line import open_requests
from appliance.queue import LeaseLost, claim_request, fail_song, lease_of, release_request, renew_lease
from appliance.reports import open_reports
from appliance.songs import publish_song, retry_song
from appliance.tables import AuditEntry, Song, SongReport, SongRequest, User, WorkerSeen
from tests.appliance.people import ask
from tests.appliance.test_feed import put_out
from tests.web.browser import Browser
from tests.web.making import begin

ROOMS = ("/admin", "/admin/queue", "/admin/failures", "/admin/reports", "/admin/settings")


@pytest.fixture
def ada(mara: Browser, people: dict[str, User]) -> Browser:
    """Return an admin's browser, signed in."""
    browser = Browser(mara.client)
    browser.sign_in("Ada")
    return browser


def deeds(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_nobody_but_admins_learns_that_there_is_a_machine_room(
    mara: Browser, ada: Browser, session: Session, people: dict[str, User]
) -> None:
    request = begin(session, people["Jun"])
    for room in ROOMS:
        assert ada.open(room).status_code == 200, room
        assert mara.open(room).status_code == 404, room
    assert 'href="/admin"' in ada.open("/").text
    assert 'href="/admin"' not in mara.open("/").text
    mara.open("/create")
    for action in ("stop", "again", "front"):
        assert mara.send(f"/admin/queue/{request.id}/{action}").status_code == 404
    assert mara.send("/admin/queue/pause", {"paused": "1"}).status_code == 404
    assert mara.get("/admin/events").status_code == 404
    for ask_for in (open_requests, open_reports, list_failures):
        with pytest.raises(NotAllowed):
            ask_for(session, people["Mara"])


def test_the_machine_is_told_in_words(ada: Browser, session: Session, people: dict[str, User]) -> None:
    about = {
        "songwriter": "qwen2-7b",
        "composer": "ace-step",
        "illustrator": "sdxl-turbo",
        "notes": ["A card of 48 GB."],
        "gpu_memory": {"used": 31 * 2**30, "total": 48 * 2**30},
        "memory": {"ace-step": 5 * 2**30},
    }
    session.execute(insert(WorkerSeen).values(name="worker-1", about=about))
    session.commit()
    page = ada.open("/admin").text
    for said in (
        "worker-1",
        "qwen2-7b",
        "ace-step",
        "sdxl-turbo",
        "A card of 48 GB.",
        "<b>31</b> of 48 GB",
        "5.0 GB of the card",
        'Music <span class="num">5.0</span>',
        'Songs in the making <span class="num">26.0</span>',
        'Free <span class="num">17.0</span>',
        "Songs made",
        "object store",
        "GB",
    ):
        assert said in page, said
    settings = ada.open("/admin/settings").text
    assert "MAX_WAITING" in settings
    assert "How many requests one person may have waiting." in settings
    assert "only-the-tests-know" not in settings


def test_admins_see_what_is_in_line_and_not_its_words(
    ada: Browser, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    request = begin(session, people["Mara"])
    ask(session, people["Jun"], title="Tram")
    session.commit()
    page = ada.open("/admin/queue").text
    assert "Salt on the Window" in page
    assert "Tram" in page
    assert "kettle" not in page
    assert ada.send(f"/admin/queue/{request.id}/stop").status_code == 303
    session.expire_all()
    assert {song.status for song in session.scalars(select(Song).where(Song.request_id == request.id))} == {"cancelled"}
    assert "Salt on the Window" not in ada.open("/admin/queue").text
    assert ada.send(f"/admin/queue/{request.id}/stop").status_code == 404
    assert deeds(session) == ["stop request"]


def test_admins_read_what_failed_and_what_the_log_says(
    ada: Browser, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    songs = []
    for name, reason in (("Mara", "The first reason."), ("Ada", "The second reason.")):
        request = begin(session, people[name])
        for song in request.songs:
            fail_song(session, lease_of(request), song.id, reason, f"Traceback\n<b>{name}'s {song.take}</b>")
            songs.append(song)
        release_request(session, lease_of(request))
        session.commit()
    everything = ada.open("/admin/failures").text
    assert everything.index("The second reason.") < everything.index("The first reason.")
    assert "&lt;b&gt;Mara&#39;s 1&lt;/b&gt;" in everything
    assert "kettle" not in everything
    # What is older than the last of a page, and one by itself, as the menu of a failed song asks for it.
    older = ada.open(f"/admin/failures?before={songs[-1].id}").text
    assert ["Ada&#39;s 1" in older, "Ada&#39;s 2" in older, "Mara&#39;s 1" in older] == [True, False, True]
    assert "The first reason." not in ada.open(f"/admin/failures?song={songs[-1].id}").text
    assert ada.open(f"/admin/failures?song={uuid4()}").status_code == 404
    mine = f"/admin/failures?song={songs[2].id}"
    assert mine in ada.open("/create").text
    assert "/admin/failures" not in mara.open("/create").text
    # Another try begins with an empty log.
    session.expire_all()
    retry_song(session, songs[2].id, people["Ada"])
    assert session.scalar(select(Song.failure_log).where(Song.id == songs[2].id)) == ""


def test_a_request_is_taken_from_its_worker_and_put_back(
    ada: Browser, session: Session, people: dict[str, User]
) -> None:
    request = begin(session, people["Mara"])
    lease = lease_of(request)
    assert ada.send(f"/admin/queue/{request.id}/again").status_code == 303
    session.expire_all()
    with pytest.raises(LeaseLost):
        renew_lease(session, lease)
    session.rollback()
    kept = session.get_one(SongRequest, request.id)
    assert (kept.lease_worker, kept.tries) == (None, 0)
    assert {song.status for song in session.scalars(select(Song).where(Song.request_id == request.id))} == {"queued"}
    claimed = claim_request(session, "another")
    assert claimed is not None
    assert claimed.id == request.id
    assert deeds(session) == ["put request back"]


def test_a_paused_queue_is_said_wherever_somebody_waits(
    ada: Browser, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    ask(session, people["Mara"], title="Tram")
    session.commit()
    assert "queue is paused" not in mara.open("/create").text
    ada.open("/admin/queue")
    assert ada.send("/admin/queue/pause", {"paused": "1"}).status_code == 303
    page = mara.open("/create").text
    assert "The queue is paused. What you ask for now waits in line" in page
    assert "Next in line · the queue is paused" in page
    assert "<b>The queue is paused.</b>" in page
    assert "The queue is paused." in ada.open("/admin/queue").text
    assert ada.send("/admin/queue/pause", {"paused": "0"}).status_code == 303
    assert "queue is paused" not in mara.open("/create").text
    assert claim_request(session, "tests")
    assert deeds(session) == ["pause queue", "resume queue"]


def test_somebody_is_let_to_the_front(ada: Browser, mara: Browser, session: Session, people: dict[str, User]) -> None:
    ask(session, people["Mara"], title="Tram")
    last = ask(session, people["Jun"], title="Ferry")
    session.commit()
    page = ada.open("/admin/queue").text
    assert page.index("Tram") < page.index("Ferry")
    assert "Make it next: Tram" not in page
    assert "Make it next: Ferry" in page
    assert ada.send(f"/admin/queue/{last.id}/front").status_code == 303
    page = ada.open("/admin/queue").text
    assert page.index("Ferry") < page.index("Tram")
    assert "Second in line" in mara.open("/create").text
    begin_next = claim_request(session, "tests")
    assert begin_next is not None
    assert begin_next.id == last.id
    session.commit()
    assert ada.send(f"/admin/queue/{last.id}/front").status_code == 409


def test_a_reported_song_is_left_or_taken_down(
    ada: Browser, mara: Browser, jun: Browser, session: Session, people: dict[str, User]
) -> None:
    song, other, hidden = (put_out(session, people["Jun"], title) for title in ("Rude", "Fine", "Hidden"))
    publish_song(session, hidden.id, people["Jun"], published=False)
    session.commit()
    assert "Report this song" in mara.open(f"/songs/{song.id}").text
    assert "Report this song" not in jun.open(f"/songs/{song.id}").text
    for _ in range(2):
        assert "people who run the studio know" in mara.send(f"/songs/{song.id}/report", {"reason": "<b>Rude</b>"}).text
    mara.send(f"/songs/{other.id}/report", {"reason": "I do not like it"})
    assert mara.send(f"/songs/{hidden.id}/report", {"reason": "x"}).status_code == 404
    assert mara.send(f"/songs/{song.id}/report", {"reason": " "}).status_code == 422
    page = ada.open("/admin/reports").text
    assert "&lt;b&gt;Rude&lt;/b&gt;" in page
    assert page.count("Reported by Mara") == 2
    reports = {each.song_id: each.id for each in session.scalars(select(SongReport))}
    assert ada.send(f"/admin/reports/{reports[song.id]}", {"down": "1"}).status_code == 303
    assert ada.send(f"/admin/reports/{reports[other.id]}", {"down": "0"}).status_code == 303
    assert ada.send(f"/admin/reports/{reports[other.id]}", {"down": "1"}).status_code == 404
    session.expire_all()
    assert [session.get_one(Song, each.id).published for each in (song, other)] == [False, True]
    assert mara.open(f"/songs/{song.id}").status_code == 404
    assert "Nothing is reported" in ada.open("/admin/reports").text
    assert deeds(session) == ["take song down", "leave song up"]
