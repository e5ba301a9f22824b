"""One's own security: password, authenticator app, browsers; and how long a token stays the same."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from passlib.totp import TOTP
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance.login_sessions import CONFIRMED_FOR, GRACE, RENEW_AFTER
from appliance.settings import settings
from appliance.tables import LoginSession, SecondFactor, User
from tests.web.browser import PASSWORD, Browser, beside
from web.browsers import browser_name

NEW = "a lantern under the stairs"


@pytest.fixture
def ada(client: TestClient[Litestar], people: dict[str, User]) -> Browser:
    """Return the admin's browser, signed in."""
    browser = Browser(client)
    browser.sign_in("Ada")
    return browser


@pytest.fixture
def _admins_need_an_app() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADMINS_NEED_SECOND_FACTOR", "true")
        settings.cache_clear()
        yield
    settings.cache_clear()


def later(session: Session, by: timedelta) -> None:
    """Let time pass for every browser that is signed in."""
    session.execute(
        update(LoginSession).values(
            issued_at=LoginSession.issued_at - by,
            confirmed_at=LoginSession.confirmed_at - by,
            expires_at=LoginSession.expires_at - by,
        )
    )
    session.commit()


def carry(browser: Browser, token: str) -> None:
    """Have a browser come with this login token and nothing else."""
    browser.cookies.clear()
    browser.cookies.set("login", token)


def set_up_app(browser: Browser) -> tuple[TOTP, list[str]]:
    """Turn the second factor on as a person would; return the app and the recovery codes."""
    browser.open("/settings/security")
    page = browser.send("/settings/security/app")
    address = unescape(re.search(r"(otpauth://[^<]+)<", page.text)[1])  # type: ignore[index]
    app = TOTP(key=parse_qs(urlsplit(address).query)["secret"][0])
    page = browser.send(
        "/settings/security/app/confirm", {"code": app.generate(datetime.now(UTC) - timedelta(seconds=30)).token}
    )
    assert page.status_code == 200
    return app, re.findall(r"<code>([0-9a-f-]{34})</code>", page.text)


def test_changing_the_password_signs_the_other_browsers_out_and_gives_this_one_a_new_token(
    mara: Browser, people: dict[str, User]
) -> None:
    other = Browser(mara.client)
    other.sign_in("Mara")
    before = mara.cookies["login"]
    page = mara.send("/settings/security/password", {"old": "not it at all", "new": NEW})
    assert "not your password" in beside(page, "old")
    assert "8 characters" in beside(mara.send("/settings/security/password", {"old": PASSWORD, "new": "short"}), "new")
    answer = mara.send("/settings/security/password", {"old": PASSWORD, "new": NEW})
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/security")
    after = mara.cookies["login"]
    assert after != before
    assert mara.get("/create").status_code == 200
    assert other.get("/create").status_code == 303
    carry(mara, before)
    assert mara.get("/create").status_code == 303
    assert Browser(mara.client).sign_in("Mara", NEW).status_code == 303


def test_forms_that_were_open_before_the_token_was_replaced_still_work(mara: Browser) -> None:
    mara.open("/settings/security")
    old = mara.token
    assert mara.send("/settings/security/password", {"old": PASSWORD, "new": NEW}).status_code == 303
    mara.token = old
    assert mara.send("/settings/security/browsers/others").status_code == 303


def test_a_token_is_replaced_every_day_and_the_old_one_is_good_for_a_minute_more(
    mara: Browser, session: Session
) -> None:
    before = mara.cookies["login"]
    assert mara.get("/create").status_code == 200
    assert mara.cookies["login"] == before
    later(session, RENEW_AFTER + timedelta(seconds=1))
    answer = mara.get("/create")
    after = mara.cookies["login"]
    assert (answer.status_code, after != before) == (200, True)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("login="))
    assert "HttpOnly" in cookie
    carry(mara, before)
    assert mara.get("/create").status_code == 200
    assert mara.cookies["login"] == before  # replaced once only
    later(session, GRACE + timedelta(seconds=1))
    assert mara.get("/create").status_code == 303
    carry(mara, after)
    page = mara.open("/settings/security")
    assert page.text.count("This browser") == 1
    assert "Sign out the others" not in page.text


def test_an_admins_browser_is_forgotten_sooner(ada: Browser, mara: Browser, session: Session) -> None:
    session.execute(update(LoginSession).values(last_seen_at=datetime.now(UTC) - timedelta(hours=12, seconds=1)))
    session.commit()
    assert mara.get("/create").status_code == 200
    assert ada.get("/create").status_code == 303
    lives = {each.user_id: each.expires_at - each.created_at for each in session.scalars(select(LoginSession))}
    assert sorted(round(each / timedelta(days=1)) for each in lives.values()) == [7, 30]


def test_what_locks_the_owner_out_asks_for_the_password_again_after_ten_minutes(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    later(session, CONFIRMED_FOR + timedelta(seconds=1))
    mara.open("/settings/security")
    answer = mara.send("/settings/security/app")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/confirm?next=")
    assert session.scalar(select(SecondFactor)) is None
    page = mara.open("/confirm?next=/settings/security")
    assert "once more" in page.text
    wrong = mara.send("/confirm", {"password": "not it at all", "next": "/settings/security"})
    assert "not your password" in beside(wrong, "password")
    assert mara.send("/settings/security/app").status_code == 303
    before = mara.cookies["login"]
    answer = mara.send("/confirm", {"password": PASSWORD, "next": "//evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert mara.cookies["login"] != before
    assert mara.send("/settings/security/app").status_code == 200


def test_with_an_app_the_password_alone_opens_nothing(mara: Browser, people: dict[str, User]) -> None:
    app, codes = set_up_app(mara)
    assert len(codes) == 10
    fresh = Browser(mara.client)
    answer = fresh.sign_in("Mara")
    assert answer.headers["location"].startswith("/sign-in/code")
    assert "login" not in fresh.cookies
    assert fresh.get("/create").status_code == 303
    fresh.open("/sign-in/code?next=/create")
    assert beside(fresh.send("/sign-in/code", {"code": "000000"}), "code")
    code = app.generate().token
    assert fresh.send("/sign-in/code", {"code": code, "next": "/create"}).headers["location"] == "/create"
    assert fresh.get("/create").status_code == 200
    again = Browser(mara.client)
    again.sign_in("Mara")
    again.open("/sign-in/code")
    assert again.send("/sign-in/code", {"code": code}).status_code == 422  # each code once
    assert again.send("/sign-in/code", {"code": codes[0]}).status_code == 303
    assert "9 recovery codes" in again.open("/settings/security").text


def test_who_has_not_given_the_password_is_not_asked_for_a_code(
    browser: Browser, people: dict[str, User], session: Session
) -> None:
    assert browser.get("/sign-in/code").headers["location"] == "/sign-in"
    for forged in ("x", f"{people['Mara'].id}.9999999999.00", "..", f"{people['Mara'].id}.x.y", "a.9.c"):
        browser.cookies.set("half-way", forged)
        assert browser.get("/sign-in/code").headers["location"] == "/sign-in"
        browser.open("/sign-in")
        assert browser.send("/sign-in/code", {"code": "000000"}).headers["location"] == "/sign-in"


def test_turning_the_app_on_or_off_signs_the_other_browsers_out_and_needs_a_code(
    mara: Browser, people: dict[str, User], session: Session
) -> None:
    other = Browser(mara.client)
    other.sign_in("Mara")
    before = mara.cookies["login"]
    _, codes = set_up_app(mara)
    assert mara.cookies["login"] != before
    assert other.get("/create").status_code == 303
    assert beside(mara.send("/settings/security/app/remove", {"code": "000000"}), "code")
    assert mara.send("/settings/security/app").status_code == 409
    assert mara.send("/settings/security/app/remove", {"code": codes[3]}).status_code == 303
    session.expire_all()
    assert session.scalar(select(SecondFactor)) is None


def test_a_wrong_first_code_leaves_the_app_off(mara: Browser, session: Session) -> None:
    mara.open("/settings/security")
    mara.send("/settings/security/app")
    page = mara.send("/settings/security/app/confirm", {"code": "12"})
    assert page.status_code == 422
    assert beside(page, "code")
    assert "otpauth" not in page.text
    assert "Set it up" in mara.open("/settings/security").text


@pytest.mark.usefixtures("_admins_need_an_app")
def test_where_the_studio_asks_for_it_an_admin_gets_nowhere_without_an_app(ada: Browser, mara: Browser) -> None:
    assert mara.get("/create").status_code == 200
    for path in ("/", "/create", "/admin/credits", "/songs/00000000-0000-0000-0000-000000000000"):
        assert ada.get(path).headers["location"] == "/settings/security", path
    assert ada.get("/create", Accept="application/json").status_code == 403
    assert "Admins of this studio" in ada.open("/settings/security").text
    set_up_app(ada)
    assert ada.get("/create").status_code == 200


def test_browsers_can_be_signed_out_one_by_one_or_all_but_this(
    mara: Browser, jun: Browser, people: dict[str, User], session: Session
) -> None:
    others = [Browser(mara.client) for _ in range(3)]
    for other in others:
        other.sign_in("Mara")
    page = mara.open("/settings/security")
    listed = re.findall(r'action="/settings/security/browsers/([0-9a-f]{64})"', page.text)
    assert len(listed) == 3
    assert jun.send(f"/settings/security/browsers/{listed[0]}").status_code == 404
    assert mara.send("/settings/security/browsers/nonsense").status_code == 404
    assert mara.send(f"/settings/security/browsers/{listed[0]}").status_code == 303
    assert sum(other.get("/create").status_code == 200 for other in others) == 2
    assert mara.send("/settings/security/browsers/others").status_code == 303
    assert [other.get("/create").status_code for other in others] == [303] * 3
    assert mara.get("/create").status_code == jun.get("/create").status_code == 200


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0", "Firefox, Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
            "Chrome, Linux",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15",
            "Safari, macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 CriOS/142.0 Safari/604.1",
            "Chrome, iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge, Windows"),
        ("Firefox", "Firefox"),
        ("curl/8.10.1", "curl/8.10.1"),
        ("", ""),
    ],
)
def test_browsers_are_called_what_people_call_them(said: str, name: str) -> None:
    assert browser_name(said) == name
