"""Programs that ask at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.storage import Storage
from appliance.tables import ApiKey, Like, SongRequest, User
from tests.web.api.conftest import KeyMaker
from tests.web.api.serving import served
from tests.web.api.working import make_next, working
from tests.web.making import make

MANY = 12


def test_the_same_request_sent_at_once_is_made_once(key: KeyMaker, session: Session, object_store: Storage) -> None:
    headers = key() | {"Idempotency-Key": "at-once"}
    with served() as address, ThreadPoolExecutor(MANY) as crowd:
        body = {"full_description": "a quiet waltz"}
        sent = [
            crowd.submit(httpx.post, f"{address}/api/v1/songs", json=body, headers=headers, timeout=30)
            for _ in range(MANY)
        ]
        answers = [each.result() for each in sent]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == MANY - 1
    assert session.scalar(select(func.count(SongRequest.id))) == 1


def test_likes_at_once_end_in_none_or_one(
    key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    headers = key()
    with served() as address, ThreadPoolExecutor(MANY) as crowd:
        path = f"{address}/api/v1/songs/{song.id}/like"
        ways = [httpx.put, httpx.delete] * (2 * MANY)
        answers = [each.result() for each in [crowd.submit(way, path, headers=headers, timeout=30) for way in ways]]
    assert {answer.status_code for answer in answers} == {204}
    assert session.scalar(select(func.count()).select_from(Like)) in (0, 1)


def test_calls_of_the_seed_wait_side_by_side_and_take_no_thread(key: KeyMaker, object_store: Storage) -> None:
    """More of them than the app has threads wait, and meanwhile everybody else is served."""
    headers, body = key(), {"full_described_song": "a quiet waltz", "audio_duration": 30}
    with served() as address, ThreadPoolExecutor(18) as crowd:
        sent = [
            crowd.submit(httpx.post, f"{address}/generate_from_description", json=body, headers=headers, timeout=60)
            for _ in range(18)
        ]
        while httpx.get(f"{address}/v1/stats", headers=headers, timeout=30).json()["data"]["jobs"]["queued"] < 18:
            pass
        assert httpx.get(f"{address}/api/v1/me", headers=headers, timeout=30).status_code == 200
        assert not any(each.done() for each in sent)
        with working():
            answers = [each.result() for each in sent]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["s3_key"] for answer in answers}) == 18
    assert not make_next()


def test_a_stream_ends_with_its_key(key: KeyMaker, session: Session, object_store: Storage) -> None:
    headers = key()
    with served() as address:
        made = httpx.post(
            f"{address}/api/v1/songs", json={"full_description": "a waltz"}, headers=headers, timeout=30
        ).json()
        follow = f"{address}/api/v1/requests/{made['id']}/events"
        with httpx.stream("GET", follow, headers=headers, timeout=30) as told:
            lines = told.iter_lines()
            assert next(lines) == "event: request"
            session.query(ApiKey).update({"revoked_at": func.now()})
            session.commit()
            make_next()  # which the stream would tell of
            rest = "\n".join(lines)
    assert '"processed"' not in rest
