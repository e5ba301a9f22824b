"""The seed's endpoints: its bodies, its defaults, its answers, its headers."""

import base64
import io
from typing import Any

import pytest
import soundfile
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance import credits
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import Song, SongRequest, User
from tests.web.api.conftest import KeyMaker
from tests.web.api.working import working
from tests.web.making import SOUND

Client = TestClient[Litestar]
# As its documentation and its own entry point send them.
BODIES: dict[str, dict[str, Any]] = {
    "/generate_from_description": {"full_described_song": "a slow waltz about a lighthouse"},
    "/generate_with_lyrics": {"prompt": "rave, funk, 140BPM, disco", "lyrics": "[verse]\nWater in the bottle"},
    "/generate_with_described_lyrics": {
        "prompt": "rave, funk, 140BPM, disco",
        "described_lyrics": "lyrics about water bottles",
    },
}


def pair(headers: dict[str, str]) -> dict[str, str]:
    key_id, secret = headers["Authorization"].removeprefix("Bearer bl_").split(".")
    return {"Modal-Key": key_id, "Modal-Secret": secret}


@pytest.mark.parametrize("path", BODIES)
def test_its_bodies_get_its_answers_and_the_objects_are_there(
    client: Client, key: KeyMaker, session: Session, object_store: Storage, path: str
) -> None:
    with working():
        answer = client.post(path, json=BODIES[path], headers=pair(key()))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert sorted(told) == ["categories", "cover_image_s3_key", "s3_key"]
    assert told["categories"] == ["Folk", "Acoustic"]
    assert b"".join(object_store.read(told["s3_key"])) == SOUND
    assert b"".join(object_store.read(told["cover_image_s3_key"])) == b"a picture"
    song = session.scalars(select(Song)).one()  # one call, one take
    assert (song.guidance_scale, song.steps, song.duration, song.instrumental) == (15.0, 60, 180.0, False)


def test_the_defaults_can_be_changed_and_what_else_is_sent_is_ignored(
    client: Client, key: KeyMaker, session: Session
) -> None:
    body = BODIES["/generate_with_lyrics"] | {
        "audio_duration": 30, "seed": 7, "guidance_scale": 7.5, "infer_step": "20", "instrumental": True, "user_id": "x",
    }  # fmt: skip
    with working():
        assert client.post("/generate_with_lyrics", json=body, headers=key()).status_code == 200
    song = session.scalars(select(Song)).one()
    assert (song.guidance_scale, song.seed, song.duration, song.instrumental) == (7.5, 7, 30.0, True)


def test_words_that_are_missing_mean_an_instrumental(client: Client, key: KeyMaker, session: Session) -> None:
    with working():
        answer = client.post("/generate_with_lyrics", json={"prompt": "disco", "lyrics": ""}, headers=key())
    assert answer.status_code == 200
    assert session.scalars(select(SongRequest)).one().instrumental


def test_the_demonstration_comes_as_a_wav_file_in_base64(client: Client, key: KeyMaker) -> None:
    with working():
        answer = client.post("/generate", headers=pair(key()))
    assert list(answer.json()) == ["audio_data"]
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(answer.json()["audio_data"])))
    assert (samples.shape, rate) == ((8000, 2), 8000)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "missing required field `full_described_song`"),
        ({"full_described_song": ""}, "Say in a few words"),
        ({"full_described_song": "x" * 2001}, "too long"),
        ({"full_described_song": "x", "audio_duration": 1e9}, "audio_duration"),
        ({"full_described_song": "x", "seed": -2}, "seed"),
        ({"full_described_song": "x", "infer_step": 10**6}, "infer_step"),
        ([], "Expected `object`"),
    ],
)
def test_what_cannot_be_made_is_said_as_fastapi_says_it(
    client: Client, key: KeyMaker, session: Session, body: Any, said: str
) -> None:
    answer = client.post("/generate_from_description", json=body, headers=key())
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert session.scalar(select(func.count(SongRequest.id))) == 0


@pytest.mark.parametrize("path", [*BODIES, "/generate"])
def test_without_a_good_key_nothing_is_made(client: Client, key: KeyMaker, session: Session, path: str) -> None:
    wrong = pair(key()) | {"Modal-Secret": "x" * 43}
    for headers in ({}, wrong, {"Modal-Key": wrong["Modal-Key"]}):
        answer = client.post(path, json=BODIES.get(path), headers=headers)
        assert answer.status_code == 401
        assert list(answer.json()) == ["detail"]
    assert client.post(path, json=BODIES.get(path), headers=key("Mara", ["songs:read"])).status_code == 403
    assert session.scalar(select(func.count(SongRequest.id))) == 0


def test_a_song_that_fails_says_why(client: Client, key: KeyMaker) -> None:
    with working(fail="The studio machine ran out of memory."):
        answer = client.post("/generate_from_description", json=BODIES["/generate_from_description"], headers=key())
    assert (answer.status_code, answer.json()) == (502, {"detail": "The studio machine ran out of memory."})


def test_a_song_is_paid_like_any_other_and_not_begun_without_credits(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = settings().model_copy(update={"billing": "grants", "signup_credits": 1})
    monkeypatch.setattr("appliance.credits.settings", lambda: counting)
    credits.open_account(session, people["Mara"])
    session.commit()
    own, body = key(), BODIES["/generate_from_description"]
    with working():
        assert client.post("/generate_from_description", json=body, headers=own).status_code == 200
        poor = client.post("/generate_from_description", json=body, headers=own)
    assert poor.status_code == 402
    assert credits.account_of(session, people["Mara"].id).balance == 0
    assert session.scalar(select(func.count(SongRequest.id))) == 1
