"""How the studio says that it is well."""

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient
from sqlalchemy.orm import Session

from appliance import database
from appliance.settings import settings
from appliance.tables import User, WorkerSeen
from tests.web.browser import Browser
from web.app import create_app


def test_it_is_live_without_anything_else(browser: Browser) -> None:
    assert browser.get("/health/live").json() == {"status": "live"}


def test_it_is_ready_when_every_part_is_and_names_the_one_that_is_not(browser: Browser, session: Session) -> None:
    answer = browser.get("/health/ready")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["worker"].startswith("No worker")
    assert (parts["database"], parts["migrations"], parts["object store"]) == ("ready", "ready", "ready")
    session.add(WorkerSeen(name="tests"))
    session.commit()
    answer = browser.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


@pytest.fixture
def no_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Send this process to a database that is not there."""
    caches = (settings, database.engine, database.session_factory)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    database.engine().dispose()
    for cached in caches:
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in caches:
        cached.cache_clear()


def test_without_its_database_every_page_says_so_and_health_names_it(no_database: None) -> None:
    with TestClient(create_app(), base_url=settings().public_url) as client:
        client.cookies.set("login", "somebody")
        for path in ("/create", "/", "/events"):
            page = client.get(path, follow_redirects=False)
            assert page.status_code == 503, path
            assert "database does not answer" in page.text
        assert client.get("/health/live").status_code == 200
        told = client.get("/health/ready")
        assert told.status_code == 503
        assert told.json()["parts"]["database"] == "It does not answer."


def test_a_page_tells_what_the_line_holds_and_how_long_it_takes(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    page = mara.open("/create").text
    assert "Ready</b> for a song" in page
    assert "Nobody waits" in page
