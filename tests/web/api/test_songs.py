"""Songs and requests through the API."""

from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.line import pause_queue
from appliance.storage import Storage
from appliance.tables import Like, SongRequest, User
from tests.web.api.conftest import KeyMaker
from tests.web.making import SOUND, begin, make

Client = TestClient[Litestar]
WALTZ = {"full_description": "a quiet waltz", "duration": 30}


def test_a_song_is_asked_for_and_stands_in_line(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User]
) -> None:
    answer = client.post("/api/v1/songs", json=WALTZ | {"seed": 7}, headers=key())
    told = answer.json()
    assert answer.status_code == 201
    assert told["done"] is False
    assert told["place_in_line"] == 1
    assert [(song["take"], song["status"], song["seed"]) for song in told["songs"]] == [
        (1, "queued", 7),
        (2, "queued", 8),
    ]
    assert told["paused"] is False
    pause_queue(session, people["Ada"], paused=True)
    session.commit()
    assert client.get(f"/api/v1/requests/{told['id']}", headers=key()).json()["paused"] is True
    asked = session.scalars(select(SongRequest)).one()
    assert (str(asked.id), asked.full_description, asked.duration) == (told["id"], "a quiet waltz", 30)
    assert answer.headers["ratelimit-limit"] == "240"
    assert answer.headers["ratelimit-remaining"] == "239"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"duration": 30}, 422, "Say in a few words"),
        (WALTZ | {"user_id": str(uuid4())}, 400, "unknown field"),
        (WALTZ | {"price": 0}, 400, "unknown field"),
        (WALTZ | {"duration": 5000}, 400, "<= 600"),
        (WALTZ | {"duration": "30"}, 400, "Expected `float`"),
        (WALTZ | {"seed": 2**40}, 400, "<= 2147483647"),
        (WALTZ | {"lyrics": "x" * 5001}, 400, "length <= 5000"),
        (WALTZ | {"title": "a\x00b"}, 422, "control characters"),
        (WALTZ | {"key": "H major"}, 422, "Choose one"),
        ([WALTZ], 400, "Expected `object`"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_problem(
    client: Client, key: KeyMaker, session: Session, body: Any, status: int, said: str
) -> None:
    answer = client.post("/api/v1/songs", json=body, headers=key())
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert said in told["detail"]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert session.scalar(select(func.count(SongRequest.id))) == 0


def test_bodies_of_other_kinds_and_too_large_ones_are_refused(client: Client, key: KeyMaker) -> None:
    own = key()
    kinds = {"content-type": "text/plain"}
    assert client.post("/api/v1/songs", content=b"{}", headers=own | kinds).status_code == 415
    assert client.post("/api/v1/songs", headers=own).status_code == 415
    json = {"content-type": "application/json"}
    assert client.post("/api/v1/songs", content=b'{"title": "\\ud800"}', headers=own | json).status_code == 400
    assert client.post("/api/v1/songs", content=b"[" * 60_000, headers=own | json).status_code == 400
    assert client.post("/api/v1/songs", content=b" " * 70_000, headers=own | json).status_code == 413


def test_the_same_request_under_the_same_key_is_made_once(client: Client, key: KeyMaker, session: Session) -> None:
    own = key() | {"Idempotency-Key": "order-17"}
    first = client.post("/api/v1/songs", json=WALTZ, headers=own)
    again = client.post("/api/v1/songs", json=WALTZ, headers=own)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert session.scalar(select(func.count(SongRequest.id))) == 1
    other = client.post("/api/v1/songs", json=WALTZ | {"duration": 40}, headers=own)
    assert other.status_code == 422
    assert "another request" in other.json()["detail"]
    # Somebody else's key of the same name is another one; a request that failed may be sent again.
    assert client.post("/api/v1/songs", json=WALTZ, headers=key("Jun") | {"Idempotency-Key": "order-17"}).is_success
    own["Idempotency-Key"] = "order-18"
    assert client.post("/api/v1/songs", json={}, headers=own).status_code == 422
    assert client.post("/api/v1/songs", json=WALTZ, headers=own).status_code == 201
    assert client.post("/api/v1/songs", json=WALTZ, headers=own | {"Idempotency-Key": "x" * 81}).status_code == 422


def test_lists_go_page_by_page_through_every_song_once(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    songs = [song for _ in range(3) for song in make(session, object_store, people["Mara"]).songs]
    own = key()
    for song in songs:
        assert client.patch(f"/api/v1/songs/{song.id}", json={"published": True}, headers=own).is_success
    newest = [str(song.id) for song in sorted(songs, key=lambda song: (song.created_at, song.id), reverse=True)]
    for path in ("/api/v1/songs", "/api/v1/feed"):
        found: list[str] = []
        page = client.get(path, params={"limit": 4}, headers=own).json()
        found += [song["id"] for song in page["songs"]]
        assert len(found) == 4
        page = client.get(path, params={"limit": 4, "cursor": page["next"]}, headers=own).json()
        found += [song["id"] for song in page["songs"]]
        assert page["next"] is None
        assert sorted(found) == sorted(newest)
        if path.endswith("songs"):
            assert found == newest
    requests = client.get("/api/v1/requests", params={"limit": 2}, headers=own).json()
    rest = client.get("/api/v1/requests", params={"limit": 2, "cursor": requests["next"]}, headers=own).json()
    assert len({each["id"] for each in requests["requests"] + rest["requests"]}) == 3


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=1.0", "limit=1&limit=2", "cursor=!", "cursor=AAAA", "before=1"]
)
def test_odd_pages_are_refused(client: Client, key: KeyMaker, query: str) -> None:
    own = key()
    for path in ("/api/v1/songs", "/api/v1/feed", "/api/v1/requests", "/api/v1/credits/history"):
        assert client.get(f"{path}?{query}", headers=own).status_code == 422 or "AAAA" in query, path


def test_others_see_of_a_published_song_what_is_for_them(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = make(session, object_store, people["Mara"], full_description="a secret wish", seed=4711)
    song = request.songs[0]
    own, other = key(), key("Jun")
    assert client.get(f"/api/v1/songs/{song.id}", headers=other).status_code == 404
    assert client.patch(f"/api/v1/songs/{song.id}", json={"published": True, "title": "Out"}, headers=own).json()[
        "published"
    ]
    seen = client.get(f"/api/v1/songs/{song.id}", headers=other)
    assert seen.json()["by"] == "Mara"
    assert seen.json()["title"] == "Out"
    hidden = ("prompt", "seed", "request_id", "reason", "price", "guidance_scale")
    assert [seen.json()[name] for name in hidden] == [None] * len(hidden)
    for answer in (seen, client.get("/api/v1/feed", headers=other), client.get("/api/v1/songs", headers=own)):
        for secret in ("songs/", ".mp3", "_key", "password", "email"):
            assert secret not in answer.text
    assert "4711" not in seen.text
    assert "secret wish" not in seen.text
    assert client.get(f"/api/v1/songs/{song.id}", headers=own).json()["seed"] == 4711


def test_a_song_is_liked_heard_and_deleted(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    own, other = key(), key("Jun")
    path = f"/api/v1/songs/{song.id}"
    client.patch(path, json={"published": True}, headers=own)
    for _ in range(2):
        assert client.put(f"{path}/like", headers=other).status_code == 204
    assert session.scalar(select(func.count()).select_from(Like)) == 1
    assert client.get(path, headers=other).json()["liked"] is True
    assert client.delete(f"{path}/like", headers=other).status_code == 204
    heard = client.get(f"{path}/audio", headers=other, follow_redirects=False)
    assert heard.status_code == 307
    assert client.get(f"{path}/download", headers=other).status_code == 404
    assert client.get(f"{path}/download", headers=own, follow_redirects=False).status_code == 307
    assert client.get(f"{path}/cover", headers=other, follow_redirects=False).status_code == 307
    assert client.delete(path, headers=other).status_code == 404
    assert client.delete(path, headers=own).status_code == 204
    assert client.get(path, headers=own).status_code == 404
    assert object_store.list(f"songs/{song.id}/")  # it is in the bin


def test_the_audio_is_streamed_where_programs_cannot_reach_the_store(
    streamed: None, client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    own = key()
    assert client.get(f"/api/v1/songs/{song.id}/audio", headers=own).content == SOUND
    part = client.get(f"/api/v1/songs/{song.id}/audio", headers=own | {"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, SOUND[10:20])


def test_songs_and_requests_are_cancelled_and_tried_again(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User]
) -> None:
    request = begin(session, people["Mara"])
    own = key()
    first = request.songs[0].id
    assert client.post(f"/api/v1/songs/{first}/cancel", headers=own).json()["status"] == "cancelled"
    assert client.post(f"/api/v1/songs/{first}/retry", headers=own).json()["status"] == "queued"
    assert client.post(f"/api/v1/songs/{first}/retry", headers=own).status_code == 409
    path = f"/api/v1/requests/{request.id}"
    assert client.delete(path, headers=own).status_code == 409
    told = client.post(f"{path}/cancel", headers=own).json()
    assert [song["status"] for song in told["songs"]] == ["cancelled"] * 2
    assert told["done"]
    told = client.post(f"{path}/retry", headers=own).json()
    assert [song["status"] for song in told["songs"]] == ["queued"] * 2
    client.post(f"{path}/cancel", headers=own)
    assert client.delete(path, headers=own).status_code == 204
    assert client.get(path, headers=own).status_code == 404
    assert client.get("/api/v1/requests", headers=own).json()["requests"] == []


def test_a_request_is_followed_until_it_is_done(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = make(session, object_store, people["Mara"], fail="It broke.")
    told = client.get(f"/api/v1/requests/{request.id}/events", headers=key())
    assert told.headers["content-type"].startswith("text/event-stream")
    assert told.text.startswith("event: request\ndata: {")
    assert '"done":true' in told.text
    assert told.text.count("event:") == 1
    assert '"reason":"It broke."' in told.text
    assert client.get(f"/api/v1/requests/{request.id}/events", headers=key("Jun")).status_code == 404
