"""The web app on a real database and a real object store."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy.orm import Session

from appliance import storage as storage_module
from appliance.passwords import hash_password
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import User
from tests.web.apps import app_now
from tests.web.browser import PASSWORD, Browser


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Return the hash of everybody's password, made once."""
    return hash_password(PASSWORD)


@pytest.fixture
def people(session: Session, password_hash: str) -> dict[str, User]:
    """Return an admin and two people who can sign in with the same password."""
    everybody = {
        name: User(name=name, password_hash=password_hash, role="admin" if name == "Ada" else "user")
        for name in ("Ada", "Mara", "Jun")
    }
    session.add_all(everybody.values())
    session.commit()
    return everybody


@pytest.fixture
def client(database_url: str, object_store: Storage) -> Iterator[TestClient[Litestar]]:
    """Yield a client of a running app."""
    with TestClient(app_now(), base_url=settings().public_url) as client:
        yield client


@pytest.fixture
def browser(client: TestClient[Litestar]) -> Browser:
    """Return a browser that nobody is signed in with."""
    return Browser(client)


@pytest.fixture
def mara(browser: Browser, people: dict[str, User]) -> Browser:
    """Return Mara's browser, signed in."""
    browser.sign_in("Mara")
    return browser


@pytest.fixture
def jun(client: TestClient[Litestar], people: dict[str, User]) -> Browser:
    """Return Jun's browser, signed in."""
    browser = Browser(client)
    browser.sign_in("Jun")
    return browser


@pytest.fixture
def streamed(object_store: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the store from browsers, as the box does by default: the web app streams."""
    monkeypatch.setenv("S3_PUBLIC_URL", "")
    for cached in (settings, storage_module.storage):
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in (settings, storage_module.storage):
        cached.cache_clear()
