"""Logs: a canary of every kind of secret goes through the pages, and none of them is in any line that any program wrote."""

import logging
import re
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from appliance import api_keys
from appliance.accounts import setup_token
from appliance.log import OneLine
from appliance.settings import settings
from appliance.tables import User
from tests.web.browser import Browser
from tests.web.test_doors import link_in
from tests.web.test_security import set_up_app
from web.app import create_app

CANARY = "canary under the piano"


class Lines(logging.Handler):
    """Keeps what is logged as it would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Listen to everything that is logged, at the most talkative level that settings offer."""
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def _app(monkeypatch: pytest.MonkeyPatch) -> TestClient[Litestar]:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    settings.cache_clear()
    return TestClient(create_app(), base_url=settings().public_url)


def test_no_secret_is_in_the_logs(
    session: Session, lines: Lines, object_store: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _app(monkeypatch) as client:
        logging.getLogger().addHandler(lines)  # setting logging up takes the handlers of before away
        secrets = _live(Browser(client), Browser(client), session)
    monkeypatch.undo()
    settings.cache_clear()
    written = "\n".join(lines.said)
    assert len(secrets) > 15
    for kind, secret in secrets:
        assert secret, kind
        assert secret not in written, kind


def _live(ada: Browser, theo: Browser, session: Session) -> list[tuple[str, str]]:
    """Do everything that has a secret in it; return each with its kind."""
    kept: list[tuple[str, str]] = []
    token = setup_token(session)
    session.commit()
    assert token
    ada.open(f"/setup?token={token}")
    ada.send("/setup", {"token": token, "name": "Ada", "password": f"{CANARY} 1"})
    ada.open("/admin/invites")
    kept += [("setup", token), ("password", f"{CANARY} 1"), ("login", ada.cookies["login"]), ("csrf", ada.token)]
    invited = link_in(ada.send("/admin/invites", {"note": "Theo"}).text)
    theo.open(invited)
    theo.send("/sign-up", {"invite": invited.partition("=")[2], "name": "Theo", "password": f"{CANARY} 2"})
    kept += [("invite", invited.partition("=")[2]), ("password", f"{CANARY} 2"), ("login", theo.cookies["login"])]
    app, codes = set_up_app(theo)
    kept += [("app", app.base32_key), ("login", theo.cookies["login"]), *(("recovery", code) for code in codes)]
    theo.send("/sign-out")
    theo.sign_in("Theo", f"{CANARY} wrong")
    theo.sign_in("Theo", f"{CANARY} 2")
    theo.open("/sign-in/code")
    kept += [
        ("password", f"{CANARY} wrong"),
        ("half way", theo.cookies["half-way"]),
        ("device", theo.cookies["device"]),
    ]
    theo.send("/sign-in/code", {"code": codes[0]})
    theo.open("/create")
    theo.send("/create", {"mode": "description", "full_description": f"{CANARY} prompt", "lyrics": f"{CANARY} lyrics"})
    theo.send("/create", {"mode": "nothing", "lyrics": f"{CANARY} lyrics"})
    person = session.scalars(select(User).where(User.name == "Theo")).one()
    key, secret = api_keys.create_key(session, person, "x", ["songs:read"])
    session.commit()
    for bearer in (api_keys.written(key, secret), api_keys.written(key, secret) + "x"):
        theo.ask("GET", "/api/v1/songs", headers={"Authorization": f"Bearer {bearer}"})
    kept += [("key", secret), ("prompt", f"{CANARY} prompt"), ("lyrics", f"{CANARY} lyrics")]
    ada.open(f"/admin/access/{person.id}")
    reset = link_in(ada.send(f"/admin/access/{person.id}/reset-link").text).partition("=")[2]
    theo.open(f"/reset?token={reset}")
    theo.send("/reset", {"token": reset, "password": f"{CANARY} 3"})
    theo.open(f"/reset?token={reset}")
    kept += [("reset", reset), ("password", f"{CANARY} 3"), ("hash", person.password_hash)]
    return kept


def test_a_bug_in_the_midst_of_a_form_does_not_write_the_form_down(
    session: Session, people: dict[str, User], lines: Lines, object_store: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(*_: object) -> None:
        session.execute(text("SELECT CAST(:typed AS integer)"), {"typed": f"{CANARY} typed"})

    with _app(monkeypatch) as client:
        logging.getLogger().addHandler(lines)
        monkeypatch.setattr("web.pages.accounts.sign_in", break_)
        browser = Browser(client)
        browser.open("/sign-in?next=/reset%3Ftoken%3Dsecret-in-an-address")
        fields = {"csrf_token": browser.token, "user": "Mara", "password": f"{CANARY} wrong"}
        client.cookies = browser.cookies
        headers = {"Origin": settings().public_url}
        assert client.post("/sign-in?token=secret-in-an-address", data=fields, headers=headers).status_code == 500
    monkeypatch.undo()
    settings.cache_clear()
    written = "\n".join(lines.said)
    assert "DataError" in written or "InvalidTextRepresentation" in written
    assert f"{CANARY} wrong" not in written
    assert "secret-in-an-address" not in written


def test_errors_of_the_database_do_not_tell_the_values(session: Session) -> None:
    with pytest.raises(DBAPIError) as broken:
        session.execute(text("SELECT 1 / (length(:typed) - length(:typed))"), {"typed": CANARY})
    assert CANARY not in str(broken.value)
    session.rollback()


def test_what_people_type_cannot_begin_a_line_of_its_own() -> None:
    record = logging.LogRecord("web", logging.INFO, "", 0, "Hello %s", ("you\r\n2026-01-01 ERROR forged",), None)
    assert re.search(r"[\r\n]", OneLine("%(message)s").format(record)) is None
