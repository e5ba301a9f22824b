"""Who may do what: anonymous, another person, the owner and an admin at every route of the pages.

Rules say what each may do, so that a new route is held to them without a line of its own: what names a song or a request is
its owner's alone, what lies under /admin is the admins', everything else is everybody's who is signed in. What somebody may not
have is answered like what there is not.
"""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy.orm import Session

from appliance.accounts import open_login_session
from appliance.credits import open_account
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import Song, User
from tests.web.browser import Browser
from tests.web.making import make
from tests.web.test_hardening import OPEN_TO_ALL, by_key, routes
from web.csrf import csrf_token

DOOR, HIDDEN, ALLOWED = "door", "hidden", "allowed"
WHO = {"anonymous": None, "other": "Jun", "admin": "Ada", "owner": "Mara"}  # the owner last: some routes delete
OWNED = ("{song_id}", "{request_id}")
TITLE = "For nobody else"
# Another program's message, the streams that have no end, and what only a shop has.
ELSEWHERE = {
    "/hooks/polar",
    "/events",
    "/admin/events",
    "/credits/checkout",
    "/credits/portal",
    "/credits/return",
    "/admin/credits/look",
}
ELSEWHERE |= {"/admin/credits/packs"}
# What is there only where browsers allow passkeys, or with a provider: tests/web/test_passkeys.py and test_oidc.py.
ELSEWHERE |= {f"/settings/security/passkeys{path}" for path in ("", "/new", "/options")}
ELSEWHERE |= {"/confirm/passkey", "/confirm/oidc", "/settings/security/oidc", "/settings/security/oidc/part"}


@pytest.fixture
def _with_credits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BILLING", "grants")
        settings.cache_clear()
        yield
    settings.cache_clear()


def expected(who: str, path: str) -> str:
    """Return what the rules say."""
    if who == "anonymous":
        return DOOR
    if path.startswith("/admin") and who != "admin":
        return HIDDEN
    if any(name in path for name in OWNED):
        return ALLOWED if who == "owner" else HIDDEN
    if "{user_id}" in path:
        return ALLOWED
    return HIDDEN if "{" in path else ALLOWED  # other names in paths are filled with what there is not


def told(answer: Response) -> str:
    """Return what an answer amounts to."""
    if answer.status_code == 401 or answer.headers.get("location", "").startswith("/sign-in"):
        return DOOR
    return HIDDEN if answer.status_code in (403, 404) else ALLOWED


def browser_of(client: TestClient[Litestar], session: Session, user: User | None) -> Browser:
    """Return the browser of somebody who has just signed in, or of nobody."""
    browser = Browser(client)
    if user is None:
        browser.open("/sign-in")
        return browser
    token = open_login_session(session, user, "tests", "127.0.0.1")
    session.commit()
    browser.cookies.set("login", token)
    browser.token = csrf_token(token.partition(".")[0])
    return browser


def filled(path: str, song: Song, person: User) -> str:
    """Return the path of what there is: a private song, a person; and of what there is not, for every other name."""
    for name, value in (("{song_id}", song.id), ("{request_id}", song.request_id), ("{user_id}", person.id)):
        path = path.replace(name, str(value))
    return re.sub(r"\{[^}]+\}", str(uuid4()), path)


@pytest.mark.usefixtures("_with_credits")
def test_everybody_may_do_what_the_rules_say_and_nothing_else(
    client: TestClient[Litestar], session: Session, people: dict[str, User], object_store: Storage
) -> None:
    elsewhere = OPEN_TO_ALL | ELSEWHERE | by_key(client) | {"/sign-out"}
    asked = [(method, path) for method, path in routes(client) if path not in elsewhere]
    open_account(session, people["Mara"])
    session.commit()
    # A song for every route that may change or delete it, all made before anything is asked for.
    changed = [path for method, path in asked if method == "POST" and any(name in path for name in OWNED)]
    kept, *made = (make(session, object_store, people["Mara"], title=TITLE).songs[0] for _ in range(len(changed) + 1))
    songs = dict(zip(changed, made, strict=True))
    wrong, empty, seen = [], [], 0
    for number, (method, path) in enumerate(asked):
        song = songs.get(path, kept) if method == "POST" else kept
        person = User(name=f"Person {number}", password_hash="!")
        session.add(person)
        session.commit()
        for who, name in WHO.items():
            browser = browser_of(client, session, people[name] if name else None)
            where = filled(path, song, person)
            fields = {"liked": "1", "title": "Other", "published": "1", "role": "admin"}
            answer = (
                browser.send(where, fields) if method == "POST" else browser.ask(method, where, follow_redirects=False)
            )
            seen += 1
            if told(answer) == HIDDEN and expected(who, path) == ALLOWED:
                empty.append((who, method, path))
            elif told(answer) != expected(who, path):
                wrong.append((who, method, path, answer.status_code))
            if who in ("anonymous", "other"):
                assert TITLE not in answer.text
    assert wrong == [], wrong
    assert seen > 150
    # Some have nothing to show here, as a picture that nobody has set, and say so as if they were not there.
    assert len(empty) < seen / 20, empty


def test_what_is_private_and_what_is_not_there_are_answered_alike(
    client: TestClient[Litestar], session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    browser = browser_of(client, session, people["Jun"])
    for action in ("", "/audio", "/cover"):
        private, missing = (browser.get(f"/songs/{each}{action}") for each in (song.id, uuid4()))
        assert (private.status_code, missing.status_code) == (404, 404)
        assert private.text.replace(str(song.id), "") == missing.text.replace(missing.url.path.split("/")[2], "")


def page_without_chance(answer: Response) -> str:
    """Return a page without what is new in every one."""
    return re.sub(r'(name="csrf_token" value=|name="csrf-token" content=)"\w+"', "", answer.text)


def test_who_is_no_admin_is_told_of_the_admins_pages_what_is_told_of_pages_that_are_not_there(
    client: TestClient[Litestar], session: Session, people: dict[str, User], object_store: Storage
) -> None:
    browser = browser_of(client, session, people["Jun"])
    missing = browser.get("/nothing")
    assert "There is nothing here, or it is private." in missing.text
    assert "Jun" in missing.text
    hidden = [path for method, path in routes(client) if method == "GET" and path.startswith("/admin")]
    nowhere = [
        "/admin/nothing",
        "/admin/access/nobody",
        "/admin/access/nobody/role",
        "/settings/nothing",
        "/songs/1/2/3",
    ]
    assert len(hidden) > 8
    for path in hidden + nowhere:
        for headers in ({}, {"HX-Request": "true"}):
            answer = browser.get(re.sub(r"\{[^}]+\}", str(uuid4()), path), **headers)
            assert answer.status_code == 404, path
            known = browser.get(f"/nothing{path}", **headers)  # streams are not compressed, wherever they are
            assert page_without_chance(answer) == page_without_chance(known), path
            told = {
                name: value for name, value in answer.headers.items() if name not in ("x-request-id", "content-length")
            }
            assert told == {name: known.headers[name] for name in told}, path
    for path in ("/admin/access", "/admin/nothing"):  # neither tells what it can do
        answer = browser.send(path)
        assert (answer.status_code, "allow" in answer.headers) == (404, False)
    ada = browser_of(client, session, people["Ada"])
    assert "Ada" in ada.get("/admin/nothing").text
    assert ada.send("/admin/audit").status_code == 405
