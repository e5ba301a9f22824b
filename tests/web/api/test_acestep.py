"""A client written from the documentation of ACE-Step 1.5's REST server, and what it must not get."""

import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.storage import Storage
from appliance.tables import Song, SongRequest, User
from tests.web.api.conftest import KeyMaker
from tests.web.api.working import FLAC, make_next, working
from tests.web.making import SOUND, make

Client = TestClient[Litestar]


class AceClient:
    """Submits, polls and fetches as the documentation says: nothing in here knows this studio."""

    def __init__(self, http: httpx.Client, key: str) -> None:
        self.http, self.headers = http, {"Authorization": f"Bearer {key}"}

    def song(self, **task: Any) -> tuple[dict[str, Any], bytes]:
        submitted = self.http.post("/release_task", json=task, headers=self.headers).json()
        assert submitted["code"] == 200, submitted
        task_id = submitted["data"]["task_id"]
        for _ in range(200):
            (task,) = self.http.post("/query_result", json={"task_id_list": [task_id]}, headers=self.headers).json()[
                "data"
            ]
            if task["status"] != 0:
                break
            time.sleep(0.05)
        assert task["status"] == 1
        item = json.loads(task["result"])[0]
        return item, self.http.get(item["file"], headers=self.headers, follow_redirects=True).content


def bare(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


def test_a_client_of_its_documentation_gets_a_song(
    streamed: None, client: Client, key: KeyMaker, session: Session
) -> None:
    ace = AceClient(client, bare(key()))
    with working():
        item, sound = ace.song(
            prompt="indie folk, harmonium", lyrics="[verse]\nThe kettle is quiet", bpm=84, key_scale="Gb Major",
            time_signature="4", vocal_language="en", audio_duration=30, inference_steps=8, batch_size=1,
            use_random_seed=False, seed=4711,
        )  # fmt: skip
        _, lossless = ace.song(sample_query="a slow waltz", audio_format="flac", thinking=True)
    assert sound == SOUND
    assert lossless == FLAC
    assert item["seed_value"] == "4711"
    assert item["metas"]["duration"] == 30
    assert item["file"].startswith("/v1/audio?path=")
    first = session.scalars(select(SongRequest).order_by(SongRequest.created_at)).all()[0]
    assert (first.bpm, first.key, first.time_signature, first.language) == (84, "F# major", "4/4", "en")
    assert session.scalar(select(func.count(Song.id))) == 3


@pytest.mark.parametrize("how", ["json", "data", "files"])
def test_the_key_and_the_fields_come_in_every_kind_of_body(
    client: Client, key: KeyMaker, session: Session, how: str
) -> None:
    fields = {"ai_token": bare(key()), "caption": "disco", "audioDuration": "20", "batchSize": "1"}
    sent: Any = {name: (None, value) for name, value in fields.items()} if how == "files" else fields
    answer = client.post("/release_task", **{how: sent})
    assert answer.status_code == 200, answer.text
    request = session.scalars(select(SongRequest)).one()
    assert (request.prompt, request.duration, request.instrumental) == ("disco", 20, True)
    assert session.scalar(select(func.count(Song.id))) == 1
    token: Any = {"ai_token": (None, fields["ai_token"]) if how == "files" else fields["ai_token"]}
    assert client.post("/query_result", **{how: token}).json()["data"] == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Name a sound"),
        ({"prompt": "x", "task_type": "cover"}, "text2music"),
        ({"prompt": "x", "task_type": ["stem"]}, "text2music"),
        ({"prompt": "x", "src_audio_path": "/etc/passwd"}, "no paths"),
        ({"prompt": "x", "referenceAudioPath": "../x"}, "no paths"),
        ({"prompt": "x", "lm_model_path": "/models"}, "no paths"),
        ({"prompt": "x", "batch_size": 8}, "batch_size"),
        ({"prompt": "x", "batch_size": {}}, "batch_size"),
        ({"prompt": "x", "audio_duration": 601}, "audio_duration"),
        ({"prompt": "x", "audio_duration": "NaN"}, "audio_duration"),
        ({"prompt": "x", "bpm": 1000}, "beats a minute"),
        ({"prompt": "x", "key_scale": "H dur"}, "key_scale"),
        ({"prompt": "x", "time_signature": "7"}, "time_signature"),
        ({"prompt": "x" * 501}, "too long"),
        ({"prompt": "x", "lyrics": "a\x00b"}, "control characters"),
        ({"prompt": "x", "audio_format": "../../x"}, "audio_format"),
    ],
)
def test_what_cannot_be_done_is_said_plainly(
    client: Client, key: KeyMaker, session: Session, fields: dict[str, Any], said: str
) -> None:
    answer = client.post("/release_task", json=fields, headers=key())
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert session.scalar(select(func.count(SongRequest.id))) == 0


def test_a_full_queue_is_said_as_clients_know_it(client: Client, key: KeyMaker) -> None:
    headers = key()
    queue_size = client.get("/v1/stats", headers=headers).json()["data"]["queue_maxsize"]
    for _ in range(queue_size):
        assert client.post("/release_task", json={"prompt": "disco"}, headers=headers).status_code == 200
    refused = client.post("/release_task", json={"prompt": "disco"}, headers=headers)
    assert refused.status_code == 429
    assert refused.json() == {
        "detail": f"You have {queue_size} songs in the making. Wait for one of them, or cancel one."
    }


def test_files_and_odd_bodies_are_refused(client: Client, key: KeyMaker) -> None:
    own = key()
    upload: Any = {"src_audio": ("a.wav", b"RIFF"), "prompt": (None, "x")}
    assert client.post("/release_task", files=upload, headers=own).status_code == 400
    for kind, body, status in (
        ("text/plain", b"x", 415),
        ("application/json", b"[1", 400),
        ("application/json", b"[" * 60_000, 400),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=a", b"--b", 400),
        ("application/x-www-form-urlencoded", b"\xff", 400),
        ("application/json", b" " * 70_000, 413),
    ):
        answer = client.post("/release_task", content=body, headers=own | {"content-type": kind})
        assert (answer.status_code, list(answer.json())) == (status, ["detail"]), (kind, body[:10], answer.text)


def test_tasks_and_songs_of_others_are_not_there(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    request = make(session, object_store, people["Mara"])
    song = request.songs[0]
    asked = {"task_id_list": json.dumps([str(request.id), str(uuid4()), "../../etc/passwd", "x" * 900])}
    told = client.post("/query_result", json=asked, headers=key("Jun"))
    assert [(task["status"], task["result"]) for task in told.json()["data"]] == [(2, "[]")] * 4
    assert "Salt" not in told.text
    own, other = key(), key("Jun")
    for path in (f"{song.id}.mp3", f"{song.id}.flac"):
        assert client.get("/v1/audio", params={"path": path}, headers=own, follow_redirects=False).status_code == 307
        assert client.get("/v1/audio", params={"path": path}, headers=other).status_code == 404
        assert client.get("/v1/audio", params={"path": path}).status_code == 401
    for path in (
        "/etc/passwd",
        "../x.mp3",
        f"songs/{song.id}/audio.mp3",
        song.audio_key,
        f"{song.id}.mp3\x00",
        f"{song.id}",
        "",
    ):
        assert client.get("/v1/audio", params={"path": path}, headers=own).status_code == 404
    # Published, it may be heard by everybody; the master stays its owner's.
    assert client.patch(f"/api/v1/songs/{song.id}", json={"published": True}, headers=own).is_success
    for ending, status in (("mp3", 307), ("flac", 404)):
        asked = {"path": f"{song.id}.{ending}"}
        assert client.get("/v1/audio", params=asked, headers=other, follow_redirects=False).status_code == status
    told = client.post("/query_result", json={"task_id_list": [str(request.id)]}, headers=own)
    assert song.audio_key not in told.text
    odd: list[Any] = [None, {}, "x", [1], [[]], ["x"] * 101, "[" * 5000]
    for bad in odd:
        assert client.post("/query_result", json={"task_id_list": bad}, headers=own).status_code == 400


def test_a_task_that_failed_says_why(client: Client, key: KeyMaker) -> None:
    own = key()
    task_id = client.post("/release_task", json={"prompt": "disco"}, headers=own).json()["data"]["task_id"]
    asked = {"task_id_list": [task_id]}
    assert client.post("/query_result", json=asked, headers=own).json()["data"][0]["status"] == 0
    make_next(fail="It broke.")
    (task,) = client.post("/query_result", json=asked, headers=own).json()["data"]
    assert (task["status"], task["progress_text"]) == (2, "It broke.")


def test_what_is_left_open_is_not_made_up(client: Client, key: KeyMaker) -> None:
    own = key()
    params = json.dumps({"duration": 60, "bpm": 120, "key": "A minor", "time_signature": "3", "language": "en"})
    body = {"prompt": " indie  folk ", "lyrics": "[verse]\r\nla\u202e la", "temperature": 0.85, "param_obj": params}
    assert client.post("/format_input", json=body, headers=own).json()["data"] == {
        "caption": "indie folk", "lyrics": "[verse]\nla la", "bpm": 120, "key_scale": "A minor", "time_signature": "3",
        "duration": 60, "vocal_language": "en",
    }  # fmt: skip
    assert client.post("/format_input", json={"prompt": "x", "param_obj": "["}, headers=own).status_code == 400
    assert client.post("/format_input", json={"prompt": "x"}).status_code == 401


def test_models_stats_and_health(
    client: Client, key: KeyMaker, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    make(session, object_store, people["Mara"], fail="It broke.")
    models = client.get("/v1/models", headers=key()).json()["data"]
    assert models["models"][0]["supported_task_types"] == ["text2music"]
    assert models["llm_initialized"] is False  # no worker runs in this test
    jobs = client.get("/v1/stats", headers=key()).json()["data"]["jobs"]
    assert jobs == {"total": 2, "queued": 0, "running": 0, "succeeded": 1, "failed": 1}
    assert client.get("/v1/stats", headers=key("Jun")).json()["data"]["jobs"]["total"] == 0
    assert client.get("/v1/stats").status_code == client.get("/v1/models").status_code == 401
    assert client.get("/health").json()["data"]["status"] == "ok"
