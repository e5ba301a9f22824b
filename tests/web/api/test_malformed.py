"""Thousands of requests that nobody should send: none of them is a failure of ours, and none changes a row."""

import json
import random
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy.orm import Session

from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import User
from tests.web.api.conftest import KeyMaker
from tests.web.making import make
from tests.web.test_hardening import by_key, fill, routes, rows

REQUESTS = 5000  # and as many again in tests/web/test_malformed_forms.py
STRINGS = [
    "", "\x00", "\ud800", "\ufeff\u202e", "a" * 3000, "' OR 1=1 --", "../../etc/passwd", "%2e%2e%2f", "NaN", "1e999", "-1",
    "<script>", "{{7*7}}", "null", "\r\nX: y", "٣", "0x10",
]  # fmt: skip
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    -(2**70),
    1e308,
    -0.0,
    3.5,
    [],
    {},
    [[]],
    {"a": {"b": []}},
    *STRINGS,
]
FIELDS = (
    "mode", "full_description", "prompt", "lyrics", "title", "duration", "bpm", "key", "seed", "url", "published",
    "full_described_song", "described_lyrics", "audio_duration", "guidance_scale", "infer_step", "task_id_list",
    "task_type", "batch_size", "param_obj", "ai_token", "user_id", "price", "status", "__proto__", "",
)  # fmt: skip
KINDS = (
    "application/json", "application/json; charset=utf-16", "application/x-www-form-urlencoded", "text/plain", "",
    "multipart/form-data; boundary=x", "multipart/form-data", "application/msgpack", "\xff",
)  # fmt: skip


def _body(dice: random.Random) -> bytes:
    chosen = {dice.choice(FIELDS): dice.choice(VALUES) for _ in range(dice.randrange(4))}
    # Whatever else is drawn, no route takes these two for good.
    whole = json.dumps(chosen | {"task_type": "cover", "seed": "x"}).encode()
    match dice.randrange(7):
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1:
            return whole[: dice.randrange(len(whole) + 1)]
        case 2:
            return json.dumps(dice.choice(VALUES)).encode()
        case 3:
            return b"[" * dice.randrange(3000)
        case 4:
            return (
                b'--x\r\ncontent-disposition: form-data; name="task_type"\r\n\r\n'
                + whole
                + dice.choice([b"", b"\r\n--x--"])
            )
        case 5:
            return b"&".join(name.encode() + b"=%ff%00" for name in FIELDS[: dice.randrange(9)])
    return whole


def test_what_nobody_should_send_is_refused_and_changes_nothing(
    client: TestClient[Litestar],
    key: KeyMaker,
    session: Session,
    people: dict[str, User],
    object_store: Storage,
    monkeypatch: Any,
) -> None:
    often = settings().model_copy(update={"api_rate": 100_000})
    monkeypatch.setattr("web.api.keys.settings", lambda: often)
    song = make(session, object_store, people["Mara"]).songs[0]
    # Somebody else's key: of Mara's songs there is nothing to see or to change; /generate needs no body, so it is left out.
    own, dice = key("Jun"), random.Random(20261125)
    ways = [way for way in routes(client) if way[1] in by_key(client) and not way[1].endswith("/generate")]
    assert len(ways) > 30
    before, statuses = rows(session), set()
    for number in range(REQUESTS):
        method, path = ways[number % len(ways)]
        address = fill(path, song) if dice.random() < 0.5 else path.replace("{", dice.choice(["", "%00", "..%2f", "é"]))
        query = dice.choice(
            ["", "?limit=x", "?cursor=AAAA", "?path=../x", "?limit=-1&limit=2", "?%ff=%00", "?cursor=%00"]
        )
        kind = dice.choice(KINDS).encode("latin-1")
        headers = [(b"content-type", kind), *((name.encode(), value.encode()) for name, value in own.items())]
        if dice.random() < 0.2:
            headers.append((b"idempotency-key", dice.choice([b"", b"\xff", b"a b", b"x" * 81])))
        answer = client.request(
            method, address.replace("}", "") + query, content=_body(dice), headers=headers, follow_redirects=False
        )
        assert answer.status_code < 500, (method, address, query, kind, answer.request.content, answer.text)
        statuses.add(answer.status_code)
        if answer.status_code >= 400:
            assert answer.headers["content-type"].startswith(
                ("application/problem+json", "application/json", "text/html")
            )
    assert rows(session) == before
    assert {200, 400, 404, 415, 422} <= statuses
