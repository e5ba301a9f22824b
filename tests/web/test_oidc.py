"""Signing in by another service: who gets in and who does not, against a provider that really signs."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance import credits
from appliance.errors import SettingsError
from appliance.identities import connect
from appliance.invites import invite
from appliance.oidc import Vouched
from appliance.people import disable
from appliance.settings import load_settings, settings
from appliance.storage import Storage
from appliance.tables import Identity, LoginSession, User
from tests.web.apps import app_now
from tests.web.browser import PASSWORD, Browser, beside
from tests.web.oidc_provider import CLIENT, SECRET, Provider, provider_running
from tests.web.test_hardening import rows
from tests.web.test_security import later, set_up_app

CALLBACK = "/sign-in/oidc/callback"


@pytest.fixture(scope="module")
def _provider() -> Iterator[Provider]:
    with provider_running() as provider:
        yield provider


@pytest.fixture
def provider(_provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Return the provider that the studio is set up for, honest again."""
    fresh = Provider()
    for name in ("person", "claims", "says", "asked", "codes"):
        setattr(_provider, name, getattr(fresh, name))
    _provider.sign = _provider.signed
    monkeypatch.setenv("OIDC_ISSUER", _provider.address)
    monkeypatch.setenv("OIDC_CLIENT_ID", CLIENT)
    monkeypatch.setenv("OIDC_CLIENT_SECRET", SECRET)
    settings.cache_clear()
    return _provider


@pytest.fixture
def client(database_url: str, object_store: Storage, provider: Provider) -> Iterator[TestClient[Litestar]]:
    with TestClient(app_now(), base_url=settings().public_url) as client:
        yield client


def leave(browser: Browser, path: str = "/sign-in/oidc", **fields: str) -> str:
    """Press the button on a page, and return where the browser goes."""
    page = browser.send(path, fields)
    assert page.status_code == 200, page.status_code
    return unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)[1])  # type: ignore[index]


def come_back(browser: Browser, address: str) -> Response:
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}")


def go_through(browser: Browser, provider: Provider, page: str = "/sign-in", **fields: str) -> Response:
    browser.open(page)
    return come_back(browser, provider.authorize(leave(browser, **fields)))


def known(session: Session, user: User, provider: Provider) -> None:
    """Let somebody be connected with the person at the provider."""
    connect(session, user, Vouched(provider.address, "mara-1", "Mara", "", 0))
    session.commit()


def test_somebody_who_is_connected_comes_in(
    browser: Browser, provider: Provider, session: Session, people: dict[str, User]
) -> None:
    known(session, people["Mara"], provider)
    page = browser.open("/sign-in").text
    assert "Sign in by 127.0.0.1" in page
    answer = go_through(browser, provider, next="/credits")
    assert (answer.status_code, answer.headers["location"]) == (303, "/credits")
    login = session.scalars(select(LoginSession)).one()
    assert (login.user_id, login.came_by) == (people["Mara"].id, "oidc")
    page = browser.open("/settings/security").text
    assert "by another service" in page
    assert "Connected" in page
    assert "mara@example.org" in page
    assert set(provider.asked) <= {"/.well-known/openid-configuration", "/token", "/keys"}


def test_what_the_browser_carries_away_tells_no_secret(browser: Browser, provider: Provider, people: object) -> None:
    browser.open("/sign-in")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(leave(browser)).query).items()}
    assert set(asked) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge"),
        "code_challenge_method",
    }
    assert asked["redirect_uri"] == f"{settings().public_url}{CALLBACK}"
    again = {name: values[0] for name, values in parse_qs(urlsplit(leave(browser)).query).items()}
    assert not {again["state"], again["nonce"], again["code_challenge"]} & set(asked.values())


def forged(key: Any, **header: str) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(
        {"alg": "RS256", "kid": "one", **header}, claims, key, algorithms=[header.get("alg", "RS256")]
    )


def unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "none"}, claims, OctKey.import_key("x"), algorithms=["none"])


def by_our_own_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET))


LIES: dict[str, dict[str, Any]] = {
    "nonce": {"nonce": "0" * 64},
    "no nonce": {"nonce": None},
    "audience": {"aud": "another client"},
    "two audiences": {"aud": [CLIENT, "another client"]},
    "another client's": {"aud": CLIENT, "azp": "another client"},
    "issuer": {"iss": "https://evil.example"},
    "expired": {"exp": int(time.time()) - 61},
    "no end": {"exp": None},
    "not yet": {"nbf": int(time.time()) + 3600},
    "from the future": {"iat": int(time.time()) + 3600},
    "nobody": {"sub": ""},
    "no name": {"sub": 7},
    "a long name": {"sub": "x" * 256},
}
FORGERIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "wrong signature": forged(RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)),
    "unknown key": forged(RSAKey.generate_key(2048, {"kid": "two"}, auto_kid=False), kid="two"),
    "alg=none": unsigned,
    "alg=HS256": by_our_own_secret,
    "no token": lambda _: "x.y",
    "altered": lambda _: "",
}


@pytest.mark.parametrize("lie", [*LIES, *FORGERIES])
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_token_that_is_not_the_providers_answer_to_this_request_opens_nothing(
    browser: Browser, provider: Provider, session: Session, people: dict[str, User], lie: str
) -> None:
    known(session, people["Mara"], provider)
    before = rows(session)
    provider.claims = LIES.get(lie, {})
    provider.sign = FORGERIES.get(lie, provider.sign)
    if lie == "altered":
        provider.sign = lambda claims: provider.signed(claims | {"sub": "jun"})[:-40] + provider.signed(claims)[-40:]
    answer = go_through(browser, provider)
    assert answer.status_code == 422
    assert "did not vouch for you" in beside(answer, "oidc")
    assert rows(session) == before
    provider.claims, provider.sign = {}, provider.signed
    assert go_through(browser, provider).status_code == 303  # it was refused for no other reason


def test_a_state_is_good_once_for_the_browser_that_left_and_for_what_it_left_for(
    browser: Browser, client: TestClient[Litestar], provider: Provider, session: Session, people: dict[str, User]
) -> None:
    known(session, people["Mara"], provider)
    browser.open("/sign-in")
    back = provider.authorize(leave(browser))
    other = Browser(client)
    other.open("/sign-in")
    leave(other)
    stale = "took too long, or was sent twice"
    assert stale in beside(come_back(other, back), "oidc")  # somebody else's way in, sent as a link
    kept = Browser(client)
    kept.cookies, kept.token = browser.cookies, browser.token
    code = back.partition("code=")[2].partition("&")[0]
    again = dict(provider.codes[code])
    assert come_back(browser, back).status_code == 303
    provider.codes[code] = again  # a provider that takes a code twice
    assert stale in beside(come_back(kept, back), "oidc")
    for query in ("", "?state=", "?state=x&code=y", "?error=access_denied", "?state=%FF&code=%01"):
        assert stale in beside(kept.get(f"{CALLBACK}{query}"), "oidc")
    mara = Browser(client)
    mara.sign_in("Mara")
    mara.open("/settings/security")
    back = provider.authorize(leave(mara, "/settings/security/oidc"))
    mara.cookies.set("journey", "for=sign-in")
    assert stale in beside(come_back(mara, back), "oidc")


def test_an_answer_of_another_issuer_or_a_refusal_opens_nothing(
    browser: Browser, provider: Provider, session: Session, people: dict[str, User]
) -> None:
    known(session, people["Mara"], provider)
    browser.open("/sign-in")
    back = provider.authorize(leave(browser))
    mixed = back.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example"
    assert "did not vouch" in beside(come_back(browser, mixed), "oidc")
    refused = f"{CALLBACK}?error=access_denied&state={back.partition('state=')[2]}"
    assert "did not vouch" in beside(browser.get(refused), "oidc")
    wrong_code = back.replace("code=", "code=x")
    assert "did not vouch" in beside(come_back(browser, wrong_code), "oidc")


@pytest.mark.parametrize(
    "says",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "https://evil.example/token"},
        {"token_endpoint": "http://127.0.0.1:1/token"},
        {"jwks_uri": "https://evil.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@evil.example"},
    ],
)
def test_nothing_is_asked_of_a_host_that_the_settings_do_not_name(
    browser: Browser,
    provider: Provider,
    session: Session,
    people: dict[str, User],
    monkeypatch: pytest.MonkeyPatch,
    says: dict[str, Any],
) -> None:
    from appliance import oidc  # noqa: PLC0415

    known(session, people["Mara"], provider)
    provider.says = says
    oidc._metadata.cache_clear()
    browser.open("/sign-in")
    answer = browser.send("/sign-in/oidc")
    if answer.status_code == 200:
        answer = come_back(browser, provider.authorize(leave(browser)))
    assert answer.status_code == 503
    oidc._metadata.cache_clear()


def test_redirects_of_the_provider_are_not_followed_and_long_answers_not_read() -> None:
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer  # noqa: PLC0415
    from threading import Thread  # noqa: PLC0415

    from appliance import oidc  # noqa: PLC0415
    from appliance.errors import Unavailable  # noqa: PLC0415

    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302 if self.path == "/away" else 200)
            self.send_header("location", "/elsewhere")
            self.end_headers()
            if self.path == "/long":
                self.wfile.write(b'{"a": "' + b"x" * oidc.LARGEST_ANSWER + b'"}')

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        for path in ("/away", "/long", "/empty"):
            with pytest.raises(Unavailable):
                oidc._fetch("GET", f"http://127.0.0.1:{server.server_port}{path}")
        server.shutdown()
        thread.join()
    assert asked == ["/away", "/long", "/empty"]


def test_who_may_join_follows_the_registration(
    client: TestClient[Litestar],
    provider: Provider,
    session: Session,
    people: dict[str, User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider.person = {"sub": "theo", "name": "Jun", "email": "theo@example.org", "email_verified": True}
    said = beside(go_through(Browser(client), provider), "oidc")
    assert "by invitation" in said
    token = invite(session, people["Ada"], "Theo", email="theo@example.org")
    session.commit()
    browser = Browser(client)
    browser.open(f"/sign-up?invite={token}")
    answer = come_back(browser, provider.authorize(leave(browser, next="/create", invite=token)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/create")
    theo = session.scalars(select(User).where(User.name == "Jun 2")).one()
    assert (theo.email, theo.role, theo.password_hash) == ("theo@example.org", "user", "!")
    provider.person = {"sub": "other", "name": "Jun"}
    for mode, status in (("closed", 403), ("open", 303)):
        monkeypatch.setenv("REGISTRATION", mode)
        settings.cache_clear()
        assert go_through(Browser(client), provider).status_code == status
    assert session.scalar(select(func.count()).select_from(Identity)) == 2
    assert credits.broken_invariants(session) == {}


def test_an_address_that_the_provider_has_not_checked_is_nobodys_and_none_connects_accounts(
    client: TestClient[Litestar],
    provider: Provider,
    session: Session,
    people: dict[str, User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRATION", "open")
    settings.cache_clear()
    people["Jun"].email = "jun@example.org"
    session.commit()
    provider.person = {"sub": "evil", "name": "Evil", "email": "Jun@example.org", "email_verified": "true"}
    assert go_through(Browser(client), provider).status_code == 303
    evil = session.scalars(select(User).where(User.name == "Evil")).one()
    assert evil.email is None
    provider.person = {"sub": "jun", "name": "June", "email": "Jun@example.org", "email_verified": True}
    assert "already. Sign in to it" in beside(go_through(Browser(client), provider), "oidc")
    token = invite(session, people["Ada"], "", email="ina@example.org")
    session.commit()
    provider.person = {"sub": "ina", "name": "Ina", "email": "ina@example.org"}
    answer = go_through(Browser(client), provider, f"/sign-up?invite={token}", invite=token)
    assert "another e-mail address" in beside(answer, "oidc")


def test_an_account_is_connected_by_its_owner_alone_and_parted_again(
    mara: Browser, jun: Browser, client: TestClient[Litestar], provider: Provider, session: Session
) -> None:
    other = Browser(client)
    other.sign_in("Mara")
    mara.open("/settings/security")
    back = provider.authorize(leave(mara, "/settings/security/oidc"))
    assert jun.get(back.removeprefix(settings().public_url)).status_code == 422
    answer = come_back(mara, back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/security#oidc")
    assert other.get("/create").status_code == 303
    assert go_through(Browser(client), provider).status_code == 303
    jun.open("/settings/security")
    taken = come_back(jun, provider.authorize(leave(jun, "/settings/security/oidc")))
    assert "connected to somebody here already" in beside(taken, "oidc")
    later(session, timedelta(minutes=11))
    mara.open("/settings/security")
    assert mara.send("/settings/security/oidc").headers["location"].startswith("/confirm")
    assert mara.send("/settings/security/oidc/part").headers["location"].startswith("/confirm")
    # The provider itself can say that it is still Mara who sits here.
    mara.open("/confirm?next=/settings/security")
    answer = come_back(mara, provider.authorize(leave(mara, "/confirm/oidc", next="/settings/security")))
    assert answer.headers["location"] == "/settings/security"
    assert mara.send("/settings/security/oidc/part").status_code == 303
    assert "by invitation" in beside(go_through(Browser(client), provider), "oidc")


@pytest.mark.parametrize("claims", [{"auth_time": int(time.time()) - 700}, {"auth_time": None}, {"sub": "jun"}])
def test_being_signed_in_there_since_long_is_no_proof_of_who_sits_here(
    mara: Browser, provider: Provider, session: Session, people: dict[str, User], claims: dict[str, Any]
) -> None:
    known(session, people["Mara"], provider)
    later(session, timedelta(minutes=11))
    mara.open("/confirm?next=/settings/security")
    provider.claims = claims
    answer = come_back(mara, provider.authorize(leave(mara, "/confirm/oidc", next="/settings/security")))
    assert "did not vouch" in beside(answer, "oidc")
    assert mara.send("/settings/security/app").headers["location"].startswith("/confirm")


def test_the_provider_stands_in_for_the_password_and_for_no_second_factor(
    mara: Browser, client: TestClient[Litestar], provider: Provider, session: Session, people: dict[str, User]
) -> None:
    known(session, people["Mara"], provider)
    _, codes = set_up_app(mara)
    browser = Browser(client)
    answer = go_through(browser, provider, next="/credits")
    assert answer.headers["location"] == "/sign-in/code?next=/credits"
    assert browser.get("/create").status_code == 303
    browser.open("/sign-in/code")
    assert browser.send("/sign-in/code", {"code": codes[0]}).status_code == 303
    assert session.scalar(select(func.count()).where(LoginSession.came_by == "oidc")) == 1
    disable(session, people["Ada"], people["Mara"].id)
    session.commit()
    assert go_through(Browser(client), provider).status_code == 403


def test_who_has_no_password_sets_one_after_proving_themselves_and_cannot_lock_themselves_out(
    client: TestClient[Litestar],
    provider: Provider,
    session: Session,
    people: dict[str, User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRATION", "open")
    settings.cache_clear()
    provider.person = {"sub": "theo", "name": "Theo"}
    browser = Browser(client)
    go_through(browser, provider)
    assert "You have none" in browser.open("/settings/security").text
    assert browser.send("/settings/security/oidc/part").status_code == 409
    assert Browser(client).sign_in("Theo", "!").status_code == 422
    later(session, timedelta(minutes=11))
    browser.open("/confirm")
    assert browser.send("/confirm", {"password": "!"}).status_code == 422
    answer = browser.send("/settings/security/password", {"old": "", "new": PASSWORD})
    assert answer.headers["location"].startswith("/confirm")
    come_back(browser, provider.authorize(leave(browser, "/confirm/oidc")))
    assert browser.send("/settings/security/password", {"old": "", "new": PASSWORD}).status_code == 303
    assert Browser(client).sign_in("Theo").status_code == 303
    assert browser.send("/settings/security/oidc/part").status_code == 303


def test_without_a_provider_nothing_of_it_is_there(
    client: TestClient[Litestar], people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "")
    settings.cache_clear()
    browser = Browser(client)
    assert "oidc" not in browser.open("/sign-in").text
    assert browser.send("/sign-in/oidc").status_code == 404
    assert browser.get(CALLBACK).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"OIDC_ISSUER": "http://id.example.org", "OIDC_CLIENT_ID": "x"},
        {"OIDC_ISSUER": "id.example.org", "OIDC_CLIENT_ID": "x"},
        {"OIDC_ISSUER": "https://id.example.org"},
    ],
)
def test_a_provider_that_cannot_be_trusted_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        load_settings(wrong, None)
