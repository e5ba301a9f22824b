"""Who gets in through the API, and what each of them finds behind every route."""

from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, text
from sqlalchemy.orm import Session

from appliance import api_keys
from appliance.accounts import open_login_session
from appliance.people import disable
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import ApiKey, SecondFactor, User
from tests.web.api.conftest import KeyMaker
from tests.web.making import make
from tests.web.test_hardening import by_key, fill, routes, rows

Client = TestClient[Litestar]
# What each of them is answered about a song and a request of Mara's that is not published: without a key, with a key of somebody
# else's, Mara's own, an admin's, and Mara's own without the scope. Bodies are good ones.
MATRIX = {
    ("GET", "/api/v1/me"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/categories"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/credits"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/credits/history"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/feed"): (401, 200, 200, 200, 403),
    ("POST", "/api/v1/songs"): (401, 201, 201, 201, 403),
    ("GET", "/api/v1/songs"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/songs/{song_id}"): (401, 404, 200, 404, 403),
    ("PATCH", "/api/v1/songs/{song_id}"): (401, 404, 200, 404, 403),
    ("GET", "/api/v1/songs/{song_id}/audio"): (401, 404, 307, 404, 403),
    ("GET", "/api/v1/songs/{song_id}/cover"): (401, 404, 307, 404, 403),
    ("GET", "/api/v1/songs/{song_id}/download"): (401, 404, 307, 404, 403),
    ("PUT", "/api/v1/songs/{song_id}/like"): (401, 404, 204, 404, 403),
    ("DELETE", "/api/v1/songs/{song_id}/like"): (401, 404, 204, 404, 403),
    ("POST", "/api/v1/songs/{song_id}/cancel"): (401, 404, 409, 404, 403),
    ("POST", "/api/v1/songs/{song_id}/retry"): (401, 404, 409, 404, 403),
    ("GET", "/api/v1/requests"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/requests/{request_id}"): (401, 404, 200, 404, 403),
    ("GET", "/api/v1/requests/{request_id}/events"): (401, 404, 200, 404, 403),
    ("POST", "/api/v1/requests/{request_id}/cancel"): (401, 404, 200, 404, 403),
    ("POST", "/api/v1/requests/{request_id}/retry"): (401, 404, 200, 404, 403),
    ("GET", "/api/v1/webhooks"): (401, 200, 200, 200, 403),
    ("POST", "/api/v1/webhooks"): (401, 201, 201, 201, 403),
    ("GET", "/api/v1/webhooks/{webhook_id}/deliveries"): (401, 404, 200, 404, 403),
    ("DELETE", "/api/v1/webhooks/{webhook_id}"): (401, 404, 204, 404, 403),
    ("DELETE", "/api/v1/songs/{song_id}"): (401, 404, 204, 404, 403),
    ("DELETE", "/api/v1/requests/{request_id}"): (401, 404, 204, 404, 403),
}
HOOK = "https://house.example/hooks"
BODIES = {"/api/v1/songs": {"full_description": "a quiet waltz"}, "/api/v1/webhooks": {"url": HOOK}}
CHANGE = {"title": "Other"}


@pytest.fixture
def hooks_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let webhooks go to one host."""
    allowing = settings().model_copy(update={"webhook_hosts": "house.example"})
    monkeypatch.setattr("appliance.webhooks.settings", lambda: allowing)


def test_everybody_finds_behind_every_route_what_is_theirs(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage, hooks_allowed: None
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    other, owner, admin = key("Jun"), key(), key("Ada")
    anonymous: dict[str, str] = {}
    every = list(api_keys.SCOPES)
    hook = client.post("/api/v1/webhooks", json={"url": HOOK}, headers=owner).json()["id"]
    found = {each for each in routes(client) if each[1] in by_key(client) and each[1].startswith("/api/v1/")}
    assert found == set(MATRIX)
    scopes = {
        (method, route.path_format.rstrip("/")): handler.opt.get("scope")
        for route in client.app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
    }
    for (method, path), wanted in MATRIX.items():
        scope = scopes[method, path]
        without = key("Mara", [each for each in every if each != scope] if scope else ["billing:read"])
        address = fill(path.replace("{webhook_id}", hook), song)
        # The owner last, as some of it is gone after that.
        order = [(anonymous, 0), (other, 1), (admin, 3), (without, 4), (owner, 2)]
        for headers, place in order:
            body = BODIES.get(path, CHANGE if method == "PATCH" else None) if method in ("POST", "PATCH") else None
            answer = client.request(method, address, json=body, headers=headers, follow_redirects=False)
            assert answer.status_code == wanted[place], (method, path, place, answer.text)
            if answer.status_code == 401:
                assert answer.headers["www-authenticate"] == "Bearer"
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
        session.execute(
            text("DELETE FROM api_keys WHERE name = 'a test' AND id = :id"), {"id": without["Authorization"][10:26]}
        )
        session.commit()


def test_missing_and_foreign_look_the_same(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    other = key("Jun")
    foreign = client.get(f"/api/v1/songs/{song.id}", headers=other).json()
    missing = client.get(f"/api/v1/songs/{uuid4()}", headers=other).json()
    assert {**foreign, "request_id": ""} == {**missing, "request_id": ""}


def test_both_ways_to_send_a_key_are_the_same_and_only_one_may_be_used(client: Client, key: KeyMaker) -> None:
    own = key()
    key_id, secret = own["Authorization"].removeprefix("Bearer bl_").split(".")
    pair = {"Modal-Key": key_id, "Modal-Secret": secret}
    assert client.get("/api/v1/me", headers=pair).json() == client.get("/api/v1/me", headers=own).json()
    assert client.get("/api/v1/me", headers=own | pair).status_code == 400
    assert client.get("/api/v1/me", headers=own | {"Modal-Key": key_id}).status_code == 400
    assert client.get("/api/v1/me", headers=pair | {"Modal-Secret": "x" * 43}).status_code == 401
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer bl_{key_id}.{'x' * 43}"}).status_code == 401
    twice = [("Authorization", own["Authorization"])] * 2
    assert client.get("/api/v1/me", headers=twice).status_code in (400, 401)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer bl_"},
        {"Authorization": "Bearer bl_0123456789abcdef." + "x" * 43},
        {"Authorization": "Basic YTpi"},
        {"Modal-Key": "0123456789abcdef"},
        {"Modal-Secret": "x" * 43},
        {"Modal-Key": "0123456789abcdef", "Modal-Secret": "x" * 43},
        {"Modal-Key": "' OR 1=1", "Modal-Secret": "\xff"},
        {"X-API-Key": "x"},
    ],
)
def test_what_is_no_key_opens_nothing(client: Client, people: dict[str, User], headers: dict[str, str]) -> None:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    assert client.get("/api/v1/me", headers=sent).status_code == 401
    assert client.get("/api/v1/me?api_key=x", headers=sent).status_code == 401


def test_a_key_dies_at_once_with_its_revocation_its_end_or_its_person(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User]
) -> None:
    own, other, old = key(), key("Jun"), key()
    assert client.get("/api/v1/me", headers=own).status_code == 200
    api_keys.revoke_key(session, own["Authorization"][10:26], people["Mara"])
    disable(session, people["Ada"], people["Jun"].id)
    session.execute(
        text("UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE id = :id"),
        {"id": old["Authorization"][10:26]},
    )
    session.commit()
    for headers in (own, other, old):
        assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_key_of_an_admin_who_owes_a_second_factor_opens_nothing_until_there_is_one(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    admins, own = key("Ada"), key()
    assert client.get("/api/v1/me", headers=admins).status_code == 200
    monkeypatch.setenv("ADMINS_NEED_SECOND_FACTOR", "true")
    settings.cache_clear()
    answer = client.get("/api/v1/me", headers=admins)
    assert (answer.status_code, "second factor" in answer.text) == (403, True)
    assert client.get("/api/v1/me", headers=own).status_code == 200
    session.add(SecondFactor(user_id=people["Ada"].id, secret=b"x", confirmed_at=func.now()))
    session.commit()
    assert client.get("/api/v1/me", headers=admins).status_code == 200


def test_the_secret_is_in_no_row_and_in_no_later_answer(client: Client, key: KeyMaker, session: Session) -> None:
    own = key()
    secret = own["Authorization"].rpartition(".")[2]
    assert secret not in client.get("/api/v1/me", headers=own).text
    row = session.query(ApiKey).one()
    assert secret not in str(vars(row))
    assert bytes(row.secret_sha256) != secret.encode()


def test_who_asks_too_often_waits(client: Client, key: KeyMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = settings().model_copy(update={"api_rate": 3})
    monkeypatch.setattr("web.api.keys.settings", lambda: slow)
    own = key()
    left = [client.get("/api/v1/me", headers=own).headers["ratelimit-remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    answer = client.get("/api/v1/me", headers=own)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["ratelimit-reset"] == answer.headers["retry-after"]
    # Another key of the same person has a minute of its own; who is refused for the want of a key counts for nobody.
    assert client.get("/api/v1/me", headers=key()).status_code == 200


def test_cookies_count_for_nothing_and_no_page_token_is_needed(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User]
) -> None:
    token = open_login_session(session, people["Mara"], "", "")
    session.commit()
    client.cookies.set("login", token)
    assert client.get("/").status_code == 200
    before = rows(session)
    assert client.get("/api/v1/me").status_code == 401
    assert client.post("/api/v1/songs", json={"full_description": "a waltz"}).status_code == 401
    assert rows(session) == before
    foreign = key("Jun") | {"Origin": "http://evil.example"}
    answer = client.get("/api/v1/me", headers=foreign)
    assert answer.json()["name"] == "Jun"
    assert "access-control-allow-origin" not in answer.headers


def test_addresses_that_there_are_not_are_problems_too(client: Client, key: KeyMaker) -> None:
    own = key()
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/me", 405),
        ("GET", "/api/v1/songs/no-id", 404),
    ):
        answer = client.request(method, path, headers=own)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
