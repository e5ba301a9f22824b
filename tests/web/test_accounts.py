"""Set-up, signing up, in and out, as a browser without a script sees them."""

import re
from datetime import timedelta

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance.accounts import setup_token
from appliance.settings import settings
from appliance.tables import LoginSession, Tries, User
from tests.web.browser import PASSWORD, Browser, beside, typed


def test_a_new_studio_says_where_its_set_up_link_is(browser: Browser) -> None:
    page = browser.open("/")
    assert page.url.path == "/setup"
    assert "make setup-url" in page.text


def test_the_link_from_the_terminal_makes_the_first_admin_once(browser: Browser, session: Session) -> None:
    token = setup_token(session)
    session.commit()
    page = browser.open(f"/setup?token={token}")
    assert page.status_code == 200
    fields = {"token": token, "name": "Ada", "password": PASSWORD}
    answer = browser.send("/setup", fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/create")
    assert browser.open("/create").status_code == 200
    admin = session.scalars(select(User)).one()
    assert (admin.name, admin.role) == ("Ada", "admin")
    assert browser.open(f"/setup?token={token}").status_code == 410
    assert browser.send("/setup", fields | {"name": "Eve"}).status_code == 410
    assert len(session.scalars(select(User)).all()) == 1


def test_set_up_says_what_is_wrong_beside_the_field_and_keeps_the_token(browser: Browser, session: Session) -> None:
    token = setup_token(session)
    session.commit()
    browser.open(f"/setup?token={token}")
    page = browser.send("/setup", {"token": token, "name": "Ada", "email": "nonsense", "password": "short"})
    assert page.status_code == 422
    assert "e-mail" in beside(page, "email")
    assert "8 characters" in beside(page, "password")
    assert typed(page, "name") == "Ada"
    assert "short" not in page.text.replace("A short sentence", "")
    assert browser.send("/setup", {"token": token, "name": "Ada", "password": PASSWORD}).status_code == 303


@pytest.mark.usefixtures("open_to_all")
def test_signing_up_signs_in(browser: Browser, people: dict[str, User]) -> None:
    browser.open("/sign-up")
    answer = browser.send("/sign-up", {"name": "Theo", "email": "", "password": PASSWORD})
    assert answer.status_code == 303
    assert "Theo" in browser.open("/create").text


@pytest.mark.usefixtures("open_to_all")
def test_signing_up_with_a_name_that_is_taken_says_so_and_keeps_what_was_typed(
    browser: Browser, people: dict[str, User]
) -> None:
    browser.open("/sign-up")
    page = browser.send("/sign-up", {"name": "MARA", "email": "m@studio.lan", "password": PASSWORD})
    assert page.status_code == 422
    assert "already" in beside(page, "name")
    assert typed(page, "email") == "m@studio.lan"


def test_a_wrong_password_is_said_beside_the_field_alike_for_everybody(
    browser: Browser, people: dict[str, User]
) -> None:
    browser.open("/sign-in")
    known = browser.send("/sign-in", {"user": "Mara", "password": "something else"})
    unknown = browser.send("/sign-in", {"user": "Nobody", "password": "something else"})
    assert known.status_code == unknown.status_code == 422
    assert beside(known, "password") == beside(unknown, "password") != ""
    assert typed(known, "user") == "Mara"
    strip = re.compile(r'value="(Mara|Nobody)"')
    assert strip.sub("", known.text) == strip.sub("", unknown.text)


def test_after_five_wrong_passwords_even_the_right_one_waits(
    browser: Browser, people: dict[str, User], session: Session
) -> None:
    browser.open("/sign-in")
    for _ in range(5):
        assert browser.send("/sign-in", {"user": "Mara", "password": "something else"}).status_code == 422
    # What the clock would do: the wait after the fifth is a second, and the next ones are longer.
    session.execute(
        update(Tries).values(blocked_until=Tries.blocked_until + timedelta(minutes=1)).where(Tries.count > 4)
    )
    session.commit()
    page = browser.send("/sign-in", {"user": "mara ", "password": PASSWORD})
    assert page.status_code == 429
    assert "Wait" in beside(page, "password")


def test_signing_in_never_adopts_a_session_that_the_browser_came_with(
    browser: Browser, people: dict[str, User], session: Session
) -> None:
    browser.cookies.set("login", "chosen-by-the-attacker")
    browser.open("/sign-in")
    answer = browser.send("/sign-in", {"user": "Mara", "password": PASSWORD})
    assert answer.status_code == 303
    token = answer.cookies["login"]
    assert token != "chosen-by-the-attacker"
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("login="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    browser.cookies.clear()
    browser.cookies.set("login", "chosen-by-the-attacker")
    assert browser.get("/create").status_code == 303


def test_signing_in_again_ends_the_old_session_of_this_browser(mara: Browser, session: Session) -> None:
    first = mara.cookies["login"]
    mara.token = re.search(r'csrf-token" content="(\w+)"', mara.open("/create").text)[1]  # type: ignore[index]
    mara.send("/sign-in", {"user": "Mara", "password": PASSWORD})
    assert mara.cookies["login"] != first
    assert len(session.scalars(select(LoginSession)).all()) == 1


def test_signing_out_ends_the_session_for_good(mara: Browser) -> None:
    token = mara.cookies["login"]
    answer = mara.send("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "cache" in answer.headers["clear-site-data"]
    mara.cookies.set("login", token)
    assert mara.get("/create").headers["location"].startswith("/sign-in")


def test_signing_in_leads_back_to_where_somebody_wanted_to_go_and_to_no_other_site(
    browser: Browser, people: dict[str, User]
) -> None:
    page = browser.open("/create?before=2026-01-01T00:00:00Z")
    assert page.url.path == "/sign-in"
    answer = browser.send("/sign-in", {"user": "Mara", "password": PASSWORD, "next": typed(page, "next") or "/create"})
    assert answer.headers["location"].startswith("/create")
    for target in ("//evil.example", "/\\evil.example", "https:evil.example", "/%2f%2fevil", "/\t/evil", "/a\r\nb"):
        browser.cookies.clear()
        browser.open("/sign-in")
        answer = browser.send("/sign-in", {"user": "Mara", "password": PASSWORD, "next": target})
        assert answer.headers["location"] == "/", target


def test_a_closed_studio_offers_no_account(
    browser: Browser, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRATION", "closed")
    settings.cache_clear()
    try:
        assert "does not take new accounts" in browser.open("/sign-up").text
        assert "Create an account" not in browser.open("/sign-in").text
        assert browser.send("/sign-up", {"name": "Theo", "password": PASSWORD}).status_code == 403
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.usefixtures("open_to_all")
def test_a_network_makes_ten_accounts_and_then_waits(client: TestClient[Litestar], people: dict[str, User]) -> None:
    said = []
    for number in range(12):
        browser = Browser(client)
        browser.open("/sign-up")
        said.append(browser.send("/sign-up", {"name": f"Person {number}", "password": PASSWORD}).status_code)
    assert said[:10] == [303] * 10
    assert 429 in said[10:]
