"""Requests that no page of ours would make, by somebody who is signed in: none is a failure of ours, and none changes a row."""

import inspect
import random
import re
from urllib.parse import quote

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from appliance.storage import Storage
from appliance.tables import User
from tests.web.api.test_malformed import FIELDS, REQUESTS, STRINGS
from tests.web.browser import Browser
from tests.web.making import make
from tests.web.test_hardening import by_key, fill, routes, rows

# Streams without an end, another program's messages, and what says here that no worker runs.
ELSEWHERE = {"/events", "/admin/events", "/hooks/polar", "/health/ready"}
FORM = "application/x-www-form-urlencoded"
PLACES = ("%00", "..%2f", "é", "0", "null", "00000000-0000-0000-0000-000000000000", "%ff", "a" * 300, "' OR 1=1 --")


def _reading(client: TestClient[Litestar]) -> set[str]:
    """Return the paths whose handlers read a form; the others do what they do whatever is sent along."""
    return {
        route.path_format.rstrip("/") or "/"
        for route in client.app.routes
        for handler in getattr(route, "route_handlers", ())
        if "POST" in handler.http_methods
        and "form" in inspect.signature(handler.fn.func if hasattr(handler.fn, "func") else handler.fn).parameters
    }


def _broken(dice: random.Random) -> tuple[str, bytes]:
    """Return the kind and the bytes of a body that is no form."""
    fields = b"&".join(
        f"{quote(dice.choice(FIELDS))}={quote(dice.choice(STRINGS), errors='surrogatepass')}".encode() for _ in range(3)
    )
    match dice.randrange(5):
        case 0:
            return dice.choice(
                ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/msgpack"]
            ), fields
        case 1:
            return FORM, dice.randbytes(1 + dice.randrange(99)) + b"\xff"
        case 2:
            return FORM, b"a=b&" * 300
        case 3:
            return "multipart/form-data; boundary=x", b"--x\r\nbroken" + fields
    return FORM, fields + b"&title=\xc3\x28"


# fmt: off
QUERIES = (
    "", "?q=%00", "?after=x&limit=-1", "?token=%ff", "?next=//evil", "?before=2026", "?page=9" + "9" * 30,
    "?q=" + "a" * 3000, "?show=%F0%9F",
)
HEADERS: tuple[dict[str, str], ...] = (
    {}, {"Range": "bytes=9-1,x"}, {"HX-Request": "true"}, {"Accept": "*/x;q=%"}, {"Accept-Language": "\xff;q=x,,"},
    {"If-None-Match": '"'}, {"Cookie": "login=\xff; language=../x; device=a.b.c"},
)
NAMES = (
    "user", "password", "old", "new", "name", "email", "code", "note", "q", "at", "invite", "token", "role", "language",
    "theme", "liked", "songs", "song", "shelf", "reason", "pack", "position", "queue", "days", "scopes", "next",
)
# fmt: on


def _with_odd_ids(path: str, dice: random.Random) -> str:
    return re.sub(r"\{[^}]+\}", lambda _: dice.choice(PLACES), path)


def test_what_no_page_of_ours_sends_is_refused_and_changes_nothing(
    client: TestClient[Litestar], jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    # Time that passes is not what is looked for here.
    session.execute(text("UPDATE login_sessions SET last_seen_at = now() + interval '1 h'"))
    session.commit()
    dice, reading = random.Random(20261125), _reading(client)
    pages = [way for way in routes(client) if way[1] not in by_key(client) | ELSEWHERE]
    looked_at = [way for way in pages if way[0] in ("GET", "HEAD")]
    sent_to = [path for method, path in pages if method == "POST" and (path in reading or "{" in path)]
    assert min(len(looked_at), len(sent_to)) > 30
    ours = {"Origin": str(client.base_url).rstrip("/"), "X-CSRFToken": jun.token}
    before, statuses = rows(session), set()
    for number in range(REQUESTS):
        kind, body, query = FORM, b"", ""
        if number % 2:
            method, path = dice.choice(looked_at)
            query, headers = dice.choice(QUERIES), dice.choice(HEADERS)
        else:
            method, path = "POST", dice.choice(sent_to)
            if path in reading:
                kind, body = _broken(dice)
            headers = ours | {"Content-Type": kind}
        # Somebody else's song where the form is broken; where no form is read, only what there is not.
        known = (method != "POST" or path in reading) and dice.random() < 0.5
        where = _with_odd_ids(fill(path, song) if known else path, dice) + query
        client.cookies = jun.cookies
        if "Cookie" in headers:
            client.cookies = {}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = client.request(method, where, content=body, headers=raw, follow_redirects=False)
        assert answer.status_code < 500, (method, where, headers, body, answer.text[:2000])
        assert answer.status_code >= 300 or method != "POST", (where, body)
        statuses.add(answer.status_code)
    # That somebody tried to send a file is counted, whatever the file was.
    assert rows(session) | {"tries": ""} == before | {"tries": ""}
    assert {200, 303, 400, 404, 415, 422} <= statuses


def test_no_form_breaks_over_characters_that_are_none(
    jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    for path in sorted(_reading(jun.client) - by_key(jun.client)):
        for odd in ("a\x00b", "\x00", "\u202e\u0085", "9" * 400, "-1", "nan", "\U0010ffff" * 200):
            answer = jun.send(fill(path, song), dict.fromkeys((*FIELDS[:-1], *NAMES), odd))
            assert answer.status_code < 500, (path, odd[:9], answer.text[:2000])
