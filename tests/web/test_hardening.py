"""What holds on every route: where requests may come from, what answers say to the browser, and who sees what."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from appliance.settings import load_settings
from appliance.storage import Storage
from appliance.tables import User
from tests.web.browser import PASSWORD, Browser
from tests.web.making import make
from web.app import LARGEST_BODY
from web.hardening import security_headers

OPEN_TO_ALL = {
    "/", "/{anywhere}", "/setup", "/sign-in", "/sign-in/code", "/sign-in/passkey", "/sign-in/oidc", "/sign-in/oidc/callback", "/sign-up", "/forgot", "/reset", "/health/live",
    "/health/ready", "/api/v1/openapi.json", "/health", "/metrics", "/trust", "/trust/backline-ca.pem",
}  # fmt: skip


def routes(client: TestClient[Litestar]) -> list[tuple[str, str]]:
    """Return the method and the path of every route, static files excepted."""
    return sorted(
        (method, route.path_format.rstrip("/") or "/")
        for route in client.app.routes
        for method in route.methods
        if method != "OPTIONS" and not route.path_format.startswith("/static")
    )


def by_key(client: TestClient[Litestar]) -> set[str]:
    """Return the paths that are for programs with a key."""
    return {
        route.path_format.rstrip("/")
        for route in client.app.routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("by_key")
    }


def fill(path: str, song: Any) -> str:
    ids = {
        "{song_id}": song.id,
        "{request_id}": song.request_id,
        "{user_id}": song.user_id,
        "{webhook_id}": song.id,
        "{draft_id}": song.id,
        "{report_id}": song.id,
        "{key_id}": "0123456789abcdef",
    }
    for name, value in ids.items():
        path = path.replace(name, str(value))
    return path


def rows(session: Session) -> dict[str, str]:
    """Return a sum over every row of every table but what only says that a key was used."""
    session.rollback()
    tables = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
    return {
        name: session.scalar(text(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t")) or ""
        for name in sorted(tables)
        if name != "api_keys"
    }


def test_every_form_refuses_what_does_not_come_from_one_of_our_pages_in_this_browser(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    ours = str(mara.client.base_url).rstrip("/")
    good = {"csrf_token": mara.token, "liked": "1", "title": "Other", "published": "1"}
    attacks: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"Origin": ours}, good | {"csrf_token": ""}),
        ({"Origin": ours}, good | {"csrf_token": jun.token}),
        ({"Origin": ours}, good | {"csrf_token": "\udcff é"}),
        ({"Origin": "http://evil.example"}, good),
        ({"Origin": "null"}, good),
        ({"Referer": "http://evil.example/127.0.0.1:8080"}, good),
        ({"Origin": ours, "Sec-Fetch-Site": "cross-site"}, good),
        ({"Origin": ours, "Sec-Fetch-Site": "same-site"}, good),
        ({}, good),
    ]
    # Programs send no cookies and bring a key instead: tests/web/api holds their routes to that.
    posts = [
        path
        for method, path in routes(mara.client)
        if method not in ("GET", "HEAD") and path not in by_key(mara.client)
    ]
    assert len(posts) > 10
    before = rows(session)
    before.pop("tries")  # whoever sends a file is counted before it, and the token in it, is read
    for path in posts:
        for headers, fields in attacks:
            sent = urlencode(fields, errors="surrogatepass").encode()
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = mara.ask("POST", fill(path, song), content=sent, headers=headers | kind, follow_redirects=False)
            assert answer.status_code == 403, (path, headers)
    assert before.items() <= rows(session).items()
    # What was refused was not refused for another reason.
    assert mara.send(f"/songs/{song.id}/like", good).status_code == 303


def test_the_token_is_taken_from_a_header_too(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    headers = {"Origin": str(mara.client.base_url).rstrip("/"), "X-CSRFToken": mara.token}
    assert mara.ask("POST", f"/songs/{song.id}/listens", headers=headers).status_code == 204


def test_no_page_changes_a_row(mara: Browser, session: Session, people: dict[str, User], object_store: Storage) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    # The one thing that looking does: a song is not new any more to its owner, who has had its sound.
    mara.get(f"/songs/{song.id}/audio")
    before = rows(session)
    for method, path in routes(mara.client):
        if method in ("GET", "HEAD") and path not in ("/events", "/admin/events"):
            mara.ask(method, fill(path, song), follow_redirects=False)
    assert rows(session) == before


def test_who_is_not_signed_in_sees_nothing_but_the_door(
    browser: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    for method, path in routes(browser.client):
        if path in OPEN_TO_ALL or method not in ("GET", "HEAD"):
            continue
        answer = browser.ask(method, fill(path, song), follow_redirects=False)
        assert answer.status_code in (303, 401), path
        assert "Salt" not in answer.text
    browser.open("/sign-in")
    for method, path in routes(browser.client):
        if method == "POST" and path not in (*OPEN_TO_ALL, "/sign-out"):
            refused = 403 if path.startswith("/hooks/") else 401  # programs prove themselves another way
            assert browser.send(fill(path, song)).status_code == refused, path


def test_every_answer_carries_the_headers_even_when_it_is_an_error(mara: Browser) -> None:
    for path in ("/create", "/nothing/here", "/songs/no-uuid", "/health/live", "/static/none.css", "/sign-in"):
        answer = mara.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert re.fullmatch(r"[0-9a-f]{12}", answer.headers["x-request-id"])
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    assert mara.get("/create").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "evil.example:8080"]
)
def test_names_that_are_not_ours_are_refused_everywhere(client: TestClient[Litestar], host: str) -> None:
    for path in ("/", "/setup", "/health/live", "/sign-in", "/static/none.css", "/nothing"):
        answer = client.get(path, headers={"Host": host}, follow_redirects=False)
        assert answer.status_code == 400, path
        assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "192.168.1.20", "[::1]:8080", "localhost", "studio.local:8080"])
def test_addresses_and_local_names_are_ours(client: TestClient[Litestar], host: str) -> None:
    assert client.get("/health/live", headers={"Host": host}).status_code == 200


def test_pages_hold_nothing_inline(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"], fail="It broke.").songs[0]
    for path in ("/create", "/", f"/songs/{song.id}", "/nothing"):
        page = mara.open(path).text
        assert not re.search(r"<[^>]*\sstyle=", page), path
        assert not re.search(r"<[^>]*\son\w+=", page), path
        assert "<style" not in page
        assert not re.search(r"<script(?![^>]*\ssrc=)", page), path
        assert "javascript:" not in page


def test_what_is_too_large_or_no_form_is_refused(mara: Browser, session: Session) -> None:
    before = rows(session)
    ours = {"Origin": str(mara.client.base_url).rstrip("/")}
    assert mara.send("/create", {"lyrics": "x" * LARGEST_BODY}).status_code == 413
    assert mara.ask("POST", "/create", json={"mode": "lyrics"}, headers=ours).status_code == 415
    broken = {"Content-Type": "application/x-www-form-urlencoded", **ours}
    assert mara.ask("POST", "/create", content=b"\xff\xfe", headers=broken).status_code == 422
    assert mara.ask("POST", "/create", content=b"a=b&" * 5000, headers=broken).status_code == 422
    assert mara.ask("POST", "/nothing", content=b"a=b", headers=broken).status_code == 405
    assert mara.ask("TRACE", "/create").status_code == 405
    assert rows(session) == before


def test_errors_are_pages_to_people_and_json_to_programs(mara: Browser) -> None:
    page = mara.open("/songs/00000000-0000-0000-0000-000000000000")
    nowhere = mara.open("/nothing/at/all")
    for answer in (page, nowhere):
        assert answer.status_code == 404
        assert "There is nothing here, or it is private." in answer.text
        assert "Mara" in answer.text
    told = mara.get("/songs/00000000-0000-0000-0000-000000000000", Accept="application/json")
    assert told.json()["message"] == "There is nothing here, or it is private."
    piece = mara.get("/songs/00000000-0000-0000-0000-000000000000", **{"HX-Request": "true"})
    assert piece.status_code == 404
    assert "<html" not in piece.text
    assert '<main id="main"' in piece.text


def test_a_bug_shows_a_number_to_tell_and_nothing_else(
    mara: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("web.pages.create.desk_of", lambda *_: 1 / 0)
    mara.client.cookies = mara.cookies
    page = mara.client.get("/create")
    assert page.status_code == 500
    number = page.headers["x-request-id"]
    assert number in page.text
    assert "ZeroDivisionError" not in page.text
    assert number in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_the_framework_tells_nothing_of_itself(mara: Browser) -> None:
    for path in ("/schema", "/schema/openapi.json", "/schema/swagger", "/docs", "/openapi.json", "/.git/config"):
        assert mara.get(path).status_code == 404, path
    assert mara.client.app.debug is False


def test_a_session_that_ended_leads_htmx_to_the_whole_sign_in_page(browser: Browser, people: dict[str, User]) -> None:
    answer = browser.get("/create", **{"HX-Request": "true"})
    assert answer.headers["hx-redirect"] == "/sign-in?next=/create"
    assert answer.text == ""


@pytest.mark.parametrize(
    ("public_url", "tls", "promised"),
    [
        ("https://studio.example.org", "off", True),  # a proxy in front
        ("https://studio.example.org:8443", "files", True),
        ("https://studio.example.org", "lan", False),  # an authority of one's own can be lost
        ("https://192.168.1.20:8080", "files", False),
        ("https://studio.local", "files", False),
        ("https://studio", "off", False),
        ("http://studio.example.org", "off", False),
    ],
)
def test_browsers_are_told_to_come_by_https_alone_only_where_nothing_of_ones_own_can_be_lost(
    public_url: str, tls: str, promised: bool
) -> None:
    given = {"PUBLIC_URL": public_url, "TLS": tls, "TLS_CERTIFICATE": "/c.pem", "TLS_KEY": "/k.pem"}
    headers = security_headers(load_settings(given, None))
    assert headers.get("strict-transport-security") == ("max-age=31536000" if promised else None)


def test_over_https_cookies_are_bound_to_host_and_transport(
    people: dict[str, User], object_store: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.settings import settings  # noqa: PLC0415
    from web.app import create_app  # noqa: PLC0415

    monkeypatch.setenv("PUBLIC_URL", "https://studio.example")
    settings.cache_clear()
    try:
        with TestClient(create_app(), base_url="https://studio.example") as client:
            browser = Browser(client)
            browser.open("/sign-in")
            answer = browser.send("/sign-in", {"user": "Mara", "password": PASSWORD})
            cookie = next(each for each in answer.headers.get_list("set-cookie") if "login=" in each)
            assert cookie.startswith("__Host-login=")
            assert "Secure" in cookie
            assert "Domain" not in cookie
            for cookie in answer.headers.get_list("set-cookie"):  # login, visitor, half-way, device
                assert cookie.startswith("__Host-")
                assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
            assert len(answer.headers.get_list("set-cookie")) == 4
            assert browser.get("/create").status_code == 200
            browser.open("/settings")
            chosen = browser.send("/settings/looks", {"theme": "dark"}).headers.get_list("set-cookie")
            assert chosen
            assert all("Secure" in cookie for cookie in chosen)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
