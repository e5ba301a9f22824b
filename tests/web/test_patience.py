"""Pages while a part of the studio says nothing: they answer in words, and those that only take long are waited for."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from litestar.testing import TestClient
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from appliance import database
from appliance.box.waiting import wait_until
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import User
from tests.chaos.wire import Wire
from tests.conftest import forget_settings
from tests.web.browser import Browser
from tests.web.making import make
from web import app as web_app
from web import patience
from web.app import create_app

HANGING = 30  # seconds after which a page counts as hanging


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[None]:
    straight = database.engine()  # the session's, which is looked at once more when everything else is taken down
    for name in ("PATIENCE", "REMEMBERED"):
        monkeypatch.setattr(patience, name, 0.1)
    yield
    straight.dispose()


@contextmanager
def _silent(wire: Wire) -> Iterator[None]:
    """Let nothing through `wire`; a part has less time for saying that it is there, since it will not."""
    with pytest.MonkeyPatch.context() as patch, wire.held():
        patch.setattr(patience, "ASKED_FOR", 0.5)
        yield


@pytest.fixture
def wires(
    session: Session, people: dict[str, User], object_store: Storage, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Wire, Wire]]:
    """Yield the wires to the database and to the store that the app, from now on, is at the end of."""
    there = conninfo_to_dict(database.libpq_url(settings().database_url.get_secret_value()))
    to_database = Wire(f"{there['host']}/.s.PGSQL.{there.get('port', 5432)}")
    host, port = settings().s3_endpoint.removeprefix("http://").split(":")
    to_store = Wire((host, int(port)))
    make(session, object_store, people["Mara"])
    session.close()
    address = f"postgresql://{there['user']}:{there['password']}@127.0.0.1:{to_database.port}/{there['dbname']}"
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("S3_ENDPOINT", f"http://127.0.0.1:{to_store.port}")
    monkeypatch.setenv("S3_PUBLIC_URL", "")
    forget_settings()
    yield to_database, to_store
    forget_settings()
    monkeypatch.undo()
    for wire in (to_database, to_store):
        wire.close()
    forget_settings()


@pytest.fixture
def visitor(wires: tuple[Wire, Wire]) -> Iterator[Browser]:
    with TestClient(create_app(), base_url=settings().public_url) as client:
        browser = Browser(client)
        assert browser.sign_in("Mara").status_code == 303
        yield browser
        # What was given up goes on by itself, and is let end before the app is.
        assert wait_until(lambda: browser.get("/create").status_code == 200, 20)
        pool = database.engine().pool
        assert isinstance(pool, QueuePool)
        assert wait_until(lambda: not pool.checkedout(), 20)


def test_who_waits_for_a_database_that_says_nothing_is_told_so(wires: tuple[Wire, Wire], visitor: Browser) -> None:
    to_database, _ = wires
    with _silent(to_database):
        began = time.monotonic()
        page = visitor.get("/")
        assert time.monotonic() - began < HANGING
        assert page.status_code == 503
        assert "The studio&#39;s database does not answer. Try again in a moment." in page.text
        assert page.headers["x-content-type-options"] == "nosniff"
        answer = visitor.get("/create", accept="application/json")
        assert (answer.status_code, answer.json()["message"][:32]) == (503, "The studio's database does not a")
        sent = visitor.send("/sign-out")
        assert "before you send this again" in sent.text
    # Since what was sent has arrived, or will.
    assert wait_until(lambda: visitor.sign_in("Mara").status_code == 303, 20)


def test_more_who_wait_than_there_are_threads_are_all_told_so(wires: tuple[Wire, Wire], visitor: Browser) -> None:
    to_database, _ = wires
    many = web_app.THREADS + 4
    with _silent(to_database), ThreadPoolExecutor(many) as crowd:
        pages = list(crowd.map(lambda _: visitor.client.get("/", follow_redirects=False).status_code, range(many)))
    assert set(pages) == {503}


def test_who_waits_for_a_store_that_says_nothing_is_told_so_and_the_lists_still_answer(
    wires: tuple[Wire, Wire], visitor: Browser, session: Session
) -> None:
    _, to_store = wires
    song = session.scalar(text("SELECT id FROM songs LIMIT 1"))
    with _silent(to_store):
        page = visitor.get(f"/songs/{song}/audio")
        assert page.status_code == 503
        assert "The studio&#39;s object store does not answer." in page.text
        assert wait_until(lambda: visitor.get("/create").status_code == 200, 20)
    assert wait_until(lambda: visitor.get(f"/songs/{song}/audio").status_code == 200, 20)


def test_who_waits_while_all_is_well_is_waited_for(
    wires: tuple[Wire, Wire], visitor: Browser, session: Session
) -> None:
    with ThreadPoolExecutor(1) as beside:
        session.execute(text("LOCK TABLE songs IN ACCESS EXCLUSIVE MODE"))
        page = beside.submit(visitor.get, "/create")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        assert wait_until(lambda: bool(session.scalar(text(waits))), 10)
        time.sleep(4 * patience.PATIENCE)  # it has been asked several times by now, and all was well
        assert not page.done()
        session.rollback()
        assert page.result(timeout=HANGING).status_code == 200
