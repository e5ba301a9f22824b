"""The event stream, on a real server: what an open page is told, by whom, and when."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from appliance.box.waiting import wait_until
from appliance.line import pause_queue
from appliance.queue import lease_of, report_progress
from appliance.shelf import delete_song
from appliance.songs import cancel_song, publish_song, rename_song
from appliance.storage import Storage
from appliance.tables import User, WorkerSeen
from tests.appliance.people import ask
from tests.web.browser import HTMX, Browser
from tests.web.making import begin, make
from web.events import MOST_STREAMS


class Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave the signals to the test run."""


@pytest.fixture
def served(browser: Browser) -> Iterator[str]:
    """Serve the app over HTTP, as the box does, and yield its address."""
    config = uvicorn.Config(
        browser.client.app, port=0, log_level="warning", timeout_graceful_shutdown=1, lifespan="off"
    )
    server = Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@contextlib.contextmanager
def stream(
    address: str, browser: Browser, path: str = "/events", **headers: str
) -> Iterator[Iterator[tuple[str, str]]]:
    """Yield the messages of a browser's stream, as pairs of id and text."""
    with (
        httpx.Client(base_url=address, cookies=browser.cookies, timeout=20) as client,
        client.stream("GET", path, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        yield messages(answer)


def messages(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    told: dict[str, Any] = {"id": "", "data": []}
    for line in answer.iter_lines():
        if line.startswith("id: "):
            told["id"] = line[4:]
        elif line.startswith("data: "):
            told["data"].append(line[6:])
        elif not line and told["data"]:
            yield told["id"], "\n".join(told["data"])
            told = {"id": "", "data": []}


def until(told: Iterator[tuple[str, str]], said: str) -> str:
    """Return the first message that says so."""
    return next(text for _, text in told if said in text)


def test_an_open_page_follows_a_song_from_the_line_to_its_end(
    served: str, mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = begin(session, people["Mara"])
    songs = [song.id for song in request.songs]
    with stream(served, mara) as told:
        first = next(told)[1]
        assert f'<hx-partial hx-target="#job-{request.id}" hx-swap="outerMorph">' in first
        assert '<hx-partial hx-target="#house"' in first
        assert "Working</b> on Salt on the Window" in first
        assert f'name="csrf_token" value="{mara.token}"' in first
        report_progress(session, lease_of(request), songs[0], "composing", 0.43)
        session.commit()
        assert "Making the music of take 1 · 43%" in until(told, "43%")
        for song_id in songs:
            cancel_song(session, song_id, people["Mara"])
        session.commit()
        until(told, "Cancelled.")
        for song_id in songs:
            delete_song(session, song_id, people["Mara"])
        session.commit()
        assert f'<hx-partial hx-target="#job-{request.id}" hx-swap="delete">' in until(told, "delete")


def test_a_song_that_is_ready_is_said_aloud_once(
    served: str, mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    with stream(served, mara) as told:
        next(told)
        make(session, object_store, people["Mara"])
        # Depending on when the page is told, it hears of the song's beginning or only of its end.
        ready = until(told, "Take 2</a>")
        assert "Sketch</span>" in ready
    with stream(served, mara) as told:
        assert "is ready." not in next(told)[1]


def test_a_song_from_another_window_comes_into_the_list(
    served: str, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    with stream(served, mara) as told:
        assert "#mine" not in next(told)[1]
        ask(session, people["Mara"], title="Tide Table")
        session.commit()
        assert "Tide Table" in until(told, '<hx-partial hx-target="#mine"')


def test_nobody_hears_of_other_peoples_songs(
    served: str, mara: Browser, jun: Browser, session: Session, people: dict[str, User]
) -> None:
    with stream(served, jun) as told:
        next(told)
        begin(session, people["Mara"])
        message = until(told, "Working")
        assert "Salt" not in message
        assert "job-" not in message
        own = ask(session, people["Jun"], title="Copper Wire")
        session.commit()
        assert f"job-{own.id}" in until(told, "Copper Wire")


def test_everybody_hears_that_something_was_published_and_nothing_of_it(
    served: str, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    with stream(served, jun) as told:
        next(told)
        publish_song(session, song.id, people["Mara"], published=True)
        session.commit()
        assert until(told, "yes") == "yes"
        publish_song(session, song.id, people["Mara"], published=False)
        publish_song(session, song.id, people["Mara"], published=True)
        session.commit()
        assert until(told, "yes") == "yes"


def test_who_comes_back_is_told_what_ended_meanwhile(
    served: str, mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    with stream(served, mara) as told:
        last_id = next(told)[0]
    request = make(session, object_store, people["Mara"])
    with stream(served, mara, **{"Last-Event-ID": last_id}) as told:
        assert f"job-{request.id}" in next(told)[1]
    for odd in ("9" * 30, "-5", "yesterday"):
        with stream(served, mara, **{"Last-Event-ID": odd}) as told:
            assert "#house" in next(told)[1]


def test_the_stream_ends_with_the_session(
    served: str, mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    with stream(served, mara) as told:
        next(told)
        session.execute(text("DELETE FROM login_sessions"))
        rename_song(session, song.id, people["Mara"], "Secret")
        session.commit()
        assert all("Secret" not in message for _, message in told)
    # Nor is it led to the sign-in page, which a page that listens would take for the next stream, again and again.
    for path in ("/events", "/admin/events"):
        assert httpx.get(f"{served}{path}", cookies=mara.cookies, headers=HTMX).status_code == 401


def test_news_are_heard_again_after_the_database_hung_up(
    served: str, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    with stream(served, mara) as told:
        next(told)
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND pid <> pg_backend_pid()"
            )
        )
        ask(session, people["Mara"], title="Tide Table")
        session.commit()
        assert "Tide Table" in until(told, "Tide Table")


def test_one_person_holds_no_more_streams_than_pages_make_sense(
    served: str, mara: Browser, people: dict[str, User]
) -> None:
    with contextlib.ExitStack() as open_streams:
        streams = [open_streams.enter_context(stream(served, mara)) for _ in range(MOST_STREAMS)]
        for told in streams:
            next(told)
        answer = httpx.get(f"{served}/events", cookies=mara.cookies)
        assert answer.status_code == 429
    # Pages that are closed are let go of at once, and not at the next news.
    newsroom, user_id = mara.client.app.state.newsroom, people["Mara"].id
    assert wait_until(lambda: newsroom.streams(user_id) == 0, 5)
    with stream(served, mara) as told:
        next(told)


def test_the_machine_room_is_told_anew_when_something_changes_and_only_to_admins(
    served: str, mara: Browser, session: Session, people: dict[str, User]
) -> None:
    ada = Browser(mara.client)
    ada.sign_in("Ada")
    with stream(served, ada, "/admin/events?room=queue") as told:
        assert "Nobody waits" in next(told)[1]
        ask(session, people["Mara"], title="Tram")
        session.commit()
        assert "Tram" in next(told)[1]
        pause_queue(session, people["Ada"], paused=True)
        session.commit()
        assert "The queue is paused." in next(told)[1]
        with stream(served, ada, "/admin/events?room=queue", **{"Accept-Language": "de"}) as german:
            assert "Die Warteschlange ist angehalten." in next(german)[1]
        people["Ada"].role = "user"
        session.commit()
        assert list(told) == []
    assert httpx.get(f"{served}/admin/events", cookies=ada.cookies).status_code == 404
    people["Ada"].role = "admin"
    session.execute(insert(WorkerSeen).values(name="worker-1", about={"composer": "ace-step"}))
    session.commit()
    with stream(served, ada, "/admin/events") as told:
        first = next(told)[1]
        assert 'hx-target="#adm-state"' in first
        assert "ace-step" in first
        session.execute(update(WorkerSeen).values(about={"gpu_memory": {"used": 2**31, "total": 2**35}}))
        session.commit()
        until(told, "<b>2</b> of 32 GB")
