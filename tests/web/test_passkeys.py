"""Passkeys: added, named, removed; signing in with one; and what is no passkey of ours opens nothing."""

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.challenges import LIVES
from appliance.people import disable
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import LoginSession, Passkey, UsedChallenge, User
from tests.web.authenticator import PRESENT, Authenticator
from tests.web.browser import PASSWORD, Browser, beside
from tests.web.test_hardening import rows
from tests.web.test_security import later, set_up_app
from web.app import create_app

HERE = "/settings/security/passkeys"
ORIGIN = "http://localhost:8080"
# Litestar's client thinks that cookies may not work under a name without a dot; they do.
pytestmark = pytest.mark.filterwarnings("ignore:The base_url 'http.*localhost")


@pytest.fixture
def client(database_url: str, object_store: Storage) -> Iterator[TestClient[Litestar]]:
    """Yield a client that reaches the studio as somebody at the machine does."""
    with TestClient(create_app(), base_url=ORIGIN) as client:
        yield client


def options(browser: Browser, path: str) -> dict[str, Any]:
    answer = browser.get(path, Accept="application/json")
    assert answer.status_code == 200, answer.text
    return dict(json.loads(answer.text))


def add(browser: Browser, name: str = "My telephone", device: Authenticator | None = None) -> Authenticator:
    """Add a passkey as a page does, and return the device that holds it."""
    device = device or Authenticator(ORIGIN)
    browser.open("/settings/security/passkeys/new")
    answer = browser.send(
        HERE, {"name": name, "passkey": device.make(options(browser, "/settings/security/passkeys/options"))}
    )
    assert answer.status_code in (200, 303), answer.text
    return device


def come_in(browser: Browser, device: Authenticator, **fields: str) -> Any:
    """Sign in with a device, from the sign-in page."""
    browser.open("/sign-in")
    answer = device.sign(options(browser, "/sign-in/passkey"))
    return browser.send("/sign-in/passkey", {"passkey": answer, **fields})


def test_a_passkey_signs_its_person_in_without_password_and_code(
    mara: Browser, client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    set_up_app(mara)
    device = add(mara)
    other = Browser(client)
    answer = come_in(other, device, next="/credits")
    assert (answer.status_code, answer.headers["location"]) == (303, "/credits")
    assert other.get("/create").status_code == 200
    login = session.scalars(select(LoginSession).where(LoginSession.came_by == "passkey")).one()
    assert login.user_id == people["Mara"].id
    page = mara.open("/settings/security").text
    assert "My telephone" in page
    assert "last used: Today" in page
    assert "with a passkey" in page
    assert come_in(Browser(client), device).status_code == 303  # as often as one likes


def test_a_passkey_counts_as_a_second_factor_and_comes_with_recovery_codes(
    mara: Browser, client: TestClient[Litestar], people: dict[str, User]
) -> None:
    mara.open("/settings/security/passkeys/new")
    device = Authenticator(ORIGIN)
    page = mara.send(
        HERE, {"name": "Key", "passkey": device.make(options(mara, "/settings/security/passkeys/options"))}
    )
    codes = re.findall(r"<code>([0-9a-f-]{34})</code>", page.text)
    assert len(codes) == 10
    assert mara.get("/create").status_code == 200
    other = Browser(client)
    answer = other.sign_in("Mara")
    assert answer.headers["location"].startswith("/sign-in/code")
    assert other.get("/create").status_code == 303
    # The passkey stands in for the code, and so does a code on paper, once.
    other.open("/sign-in/code")
    assert other.send("/sign-in/code", {"code": codes[0]}).status_code == 303
    assert other.get("/create").status_code == 200
    third = Browser(client)
    third.sign_in("Mara")
    assert third.send("/sign-in/code", {"code": codes[0]}).status_code == 422
    answer = third.send("/sign-in/passkey", {"passkey": device.sign(options(third, "/sign-in/passkey"))})
    assert answer.status_code == 303
    # A second one brings no new codes; with the last one the codes go.
    add(mara, "Another")
    text = mara.open("/settings/security").text
    assert "9 recovery codes are left" in text
    for credential in re.findall(rf"{HERE}/([0-9a-f]+)/remove", text):
        assert mara.send(f"{HERE}/{credential}/remove").status_code == 303
    assert Browser(client).sign_in("Mara").headers["location"] == "/"
    assert "recovery" not in mara.open("/settings/security").text


def test_a_passkey_can_be_renamed_and_removed_by_its_person_alone(
    mara: Browser, jun: Browser, client: TestClient[Litestar], session: Session
) -> None:
    device = add(mara)
    named = session.scalars(select(Passkey.credential_id)).one().hex()
    jun.open("/settings/security")
    for action in ("rename", "remove"):
        assert jun.send(f"{HERE}/{named}/{action}", {"name": "Mine"}).status_code == 404
    assert mara.send(f"/settings/security/passkeys/{named}/rename", {"name": " The  blue\tone "}).status_code == 303
    assert "The blue one" in mara.open("/settings/security").text
    assert "1 to 60 letters" in beside(
        mara.send(f"/settings/security/passkeys/{named}/rename", {"name": "x" * 61}), "passkey"
    )
    assert mara.send(f"/settings/security/passkeys/{named}/remove").status_code == 303
    assert come_in(Browser(client), device).status_code == 422


def test_adding_one_asks_for_the_password_again_and_signs_the_other_browsers_out(
    mara: Browser, client: TestClient[Litestar], session: Session
) -> None:
    later(session, timedelta(minutes=11))
    for path in ("/settings/security/passkeys/new", "/settings/security/passkeys/options"):
        answer = mara.get(path)
        assert answer.headers["location"].startswith("/confirm")
    mara.open("/confirm")
    mara.send("/confirm", {"password": PASSWORD})
    other = Browser(client)
    other.sign_in("Mara")
    before = mara.cookies["login"]
    add(mara)
    assert other.get("/create").status_code == 303
    assert mara.cookies["login"] != before
    assert mara.get("/create").status_code == 200


def test_a_passkey_proves_once_more_who_sits_here(mara: Browser, jun: Browser, session: Session) -> None:
    device, juns = add(mara), add(jun)
    later(session, timedelta(minutes=11))
    mara.open("/confirm?next=/settings/security")
    page = mara.send("/confirm/passkey", {"passkey": juns.sign(options(mara, "/sign-in/passkey"))})
    assert "somebody else" in beside(page, "passkey")
    assert mara.get("/settings/security/passkeys/new").status_code == 303
    answer = mara.send(
        "/confirm/passkey", {"passkey": device.sign(options(mara, "/sign-in/passkey")), "next": "/credits"}
    )
    assert answer.headers["location"] == "/credits"
    assert mara.get("/settings/security/passkeys/new").status_code == 200


def test_a_challenge_is_good_once_for_one_browser_and_one_purpose_and_not_for_long(
    mara: Browser, client: TestClient[Litestar], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = add(mara)
    here, there = Browser(client), Browser(client)
    for browser in (here, there):
        browser.open("/sign-in")
    device.count = -1  # many devices always say 0: their signatures could be sent twice but for the challenge
    answer = device.sign(options(here, "/sign-in/passkey"))
    stale = "This took too long, or was sent twice."
    assert stale in beside(there.send("/sign-in/passkey", {"passkey": answer}), "passkey")
    kept = here.cookies.get("visitor"), here.token
    assert here.send("/sign-in/passkey", {"passkey": answer}).status_code == 303
    assert session.scalar(select(func.count()).select_from(UsedChallenge)) == 2
    here.cookies.clear()
    here.cookies.set("visitor", kept[0] or "")
    here.token = kept[1]
    assert stale in beside(here.send("/sign-in/passkey", {"passkey": answer}), "passkey")
    # What was asked for to add one opens nothing, whoever signs it.
    asked = options(mara, "/settings/security/passkeys/options")
    assert device.sign(asked)
    page = mara.send("/sign-in/passkey", {"passkey": device.sign(asked)})
    assert stale in beside(page, "passkey")
    asked = options(here, "/sign-in/passkey")
    later_on = time.time() + LIVES + 1
    monkeypatch.setattr("time.time", lambda: later_on)
    assert stale in beside(here.send("/sign-in/passkey", {"passkey": device.sign(asked)}), "passkey")
    forged = {"challenge": "A" * 75}
    monkeypatch.undo()
    assert stale in beside(here.send("/sign-in/passkey", {"passkey": device.sign(forged)}), "passkey")


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "http://localhost.evil.example:8080"},
        {"origin": "https://localhost:8080"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"credential_id": bytes(32)},
        {"user_handle": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"key": Authenticator(ORIGIN).key},
        {"count": 1},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_what_is_not_signed_here_by_this_device_and_its_owner_opens_nothing(
    mara: Browser, client: TestClient[Litestar], session: Session, lie: dict[str, Any]
) -> None:
    """The last one: a count that does not grow is that of a copy."""
    device = add(mara)
    device.count = 5
    assert come_in(Browser(client), device).status_code == 303
    for name, value in lie.items():
        setattr(device, name, value)
    before = rows(session)
    browser = Browser(client)
    page = come_in(browser, device)
    assert page.status_code == 422
    assert "does not open anything here" in beside(page, "passkey")
    assert rows(session) == before


def test_a_device_that_has_not_made_sure_who_uses_it_is_not_added(mara: Browser, session: Session) -> None:
    for device in (
        Authenticator(ORIGIN, flags=PRESENT),
        Authenticator("http://evil.example"),
        Authenticator(ORIGIN, "x"),
    ):
        mara.open("/settings/security/passkeys/new")
        answer = mara.send(
            HERE, {"name": "Key", "passkey": device.make(options(mara, "/settings/security/passkeys/options"))}
        )
        assert "could not be taken" in beside(answer, "passkey")
    assert session.scalar(select(func.count()).select_from(Passkey)) == 0


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "null",
        "{}",
        "[" * 5000,
        '{"response": {"clientDataJSON": "e30"}}',
        '{"response": {"clientDataJSON": 7}}',
        "é\x00",
        "x" * 30_000,
    ],
    ids=range(8),
)
def test_what_is_no_answer_of_a_device_is_refused(mara: Browser, browser: Browser, sent: str) -> None:
    browser.open("/sign-in")
    assert browser.send("/sign-in/passkey", {"passkey": sent}).status_code == 422
    mara.open("/settings/security/passkeys/new")
    assert mara.send(HERE, {"name": "Key", "passkey": sent}).status_code == 422


def test_who_is_kept_out_does_not_come_in_by_a_passkey(
    mara: Browser, client: TestClient[Litestar], session: Session, people: dict[str, User]
) -> None:
    device = add(mara)
    disable(session, people["Ada"], people["Mara"].id)
    session.commit()
    assert come_in(Browser(client), device).status_code == 422


def test_an_admin_who_owes_a_second_factor_can_make_it_a_passkey(
    client: TestClient[Litestar], people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMINS_NEED_SECOND_FACTOR", "true")
    settings.cache_clear()
    ada = Browser(client)
    ada.sign_in("Ada")
    assert ada.get("/admin/access").headers["location"] == "/settings/security"
    add(ada)
    assert ada.get("/admin/access").status_code == 200


@pytest.mark.parametrize(
    ("public_url", "host", "offered"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", ""),
        ("http://192.168.1.20:8080", "192.168.1.20:8080", ""),
        ("http://studio.example.org", "studio.example.org", ""),
        ("https://192.168.1.20:8080", "192.168.1.20:8080", ""),
        ("https://studio.local", "studio.local", ""),
        ("http://127.0.0.1:8080", "localhost:8080", "http://localhost:8080"),
        ("https://Studio.example.org", "studio.example.org", "https://studio.example.org"),
        ("https://studio.example.org:8443", "studio.example.org:8443", "https://studio.example.org:8443"),
    ],
)
def test_passkeys_are_there_only_where_browsers_allow_them(
    people: dict[str, User],
    object_store: Storage,
    monkeypatch: pytest.MonkeyPatch,
    public_url: str,
    host: str,
    offered: str,
) -> None:
    monkeypatch.setenv("PUBLIC_URL", public_url)
    settings.cache_clear()
    with TestClient(create_app(), base_url=f"{public_url.partition(':')[0]}://{host}") as client:
        browser = Browser(client)
        page = browser.open("/sign-in").text
        assert ("passkey" in page) == bool(offered)
        assert f'data-passkey-origin="{offered}"' in page if offered else True
        assert browser.get("/sign-in/passkey").status_code == (200 if offered else 404)
