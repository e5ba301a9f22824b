"""Programs with keys, on a running app."""

from collections.abc import Callable, Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy.orm import Session

from appliance import api_keys
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import User
from tests.appliance.people import add_user
from tests.web.apps import app_now

KeyMaker = Callable[..., dict[str, str]]


@pytest.fixture
def people(session: Session) -> dict[str, User]:
    """Return an admin and two people; none of them can sign in, which no program does."""
    everybody = {name: add_user(session, name, "admin" if name == "Ada" else "user") for name in ("Ada", "Mara", "Jun")}
    session.commit()
    return everybody


@pytest.fixture
def client(database_url: str, object_store: Storage) -> Iterator[TestClient[Litestar]]:
    """Yield a client of a running app."""
    with TestClient(app_now(), base_url=settings().public_url) as client:
        yield client


@pytest.fixture
def key(session: Session, people: dict[str, User]) -> KeyMaker:
    """Return what makes the header of a new key: of Mara's, with all scopes, unless others are named."""

    def make(name: str = "Mara", scopes: list[str] | None = None) -> dict[str, str]:
        wanted = list(api_keys.SCOPES) if scopes is None else scopes
        made, secret = api_keys.create_key(session, people[name], "a test", wanted)
        session.commit()
        return {"Authorization": f"Bearer {api_keys.written(made, secret)}"}

    return make
