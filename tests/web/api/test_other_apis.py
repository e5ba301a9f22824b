"""The APIs of others that the studio speaks (the seed's and ACE-Step's): whatever they are sent is answered as they would.

They are not in the OpenAPI document, which describes what is ours to promise, so Schemathesis does not know them: Hypothesis
draws bodies of the fields that their documentation names, with good and bad values, in every kind of body.
"""

import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from appliance.settings import settings
from tests.web.api.conftest import KeyMaker

Client = TestClient[Litestar]
EXAMPLES = 150
TEXTS = st.one_of(
    st.sampled_from(["", "indie folk", "[verse]\nla la", "-1", "NaN", "1e999", "\x00", "../x", "true"]),
    st.text(max_size=40),
)
NUMBERS = st.one_of(st.integers(-2, 700), st.integers(), st.floats(), st.sampled_from([10, 30, 180.0, 601, -1]))
ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
SEED_FIELDS = {
    "/generate_from_description": ("full_described_song",),
    "/generate_with_lyrics": ("prompt", "lyrics"),
    "/generate_with_described_lyrics": ("prompt", "described_lyrics"),
}
SEED_SETTINGS = ("audio_duration", "seed", "guidance_scale", "infer_step", "instrumental")
ACE_FIELDS = (
    "prompt", "caption", "lyrics", "thinking", "sample_mode", "sample_query", "description", "use_format", "model", "bpm", "key_scale", "keyscale", "time_signature",
    "vocal_language", "audio_duration", "duration", "inference_steps", "guidance_scale", "shift", "infer_method", "use_random_seed", "seed", "batch_size",
    "audio_format", "task_type", "track_name", "track_classes", "instruction", "repainting_start", "audio_cover_strength", "lm_temperature", "lm_cfg_scale",
    "lm_model_path", "src_audio_path", "constrained_decoding", "batchSize", "audioDuration", "task_id_list", "param_obj", "temperature", "ai_token",
)  # fmt: skip


@pytest.fixture
def poor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody have any credits, so that a good body is answered at once and asks for nothing."""
    counting = settings().model_copy(update={"billing": "grants", "signup_credits": 0, "api_rate": 1_000_000})
    monkeypatch.setattr("appliance.credits.settings", lambda: counting)
    monkeypatch.setattr("web.api.keys.settings", lambda: counting)


def _fields(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), ANY, max_size=6)


def _is_detail(answer: Any) -> bool:
    told = answer.json()
    return list(told) == ["detail"] and isinstance(told["detail"], str) and bool(told["detail"])


@pytest.mark.parametrize("path", SEED_FIELDS)
def test_the_seeds_routes_answer_as_fastapi_does(client: Client, key: KeyMaker, poor: None, path: str) -> None:
    own = key()

    @hypothesis.settings(max_examples=EXAMPLES)
    @hypothesis.given(
        asked=st.fixed_dictionaries(dict.fromkeys(SEED_FIELDS[path], TEXTS)),
        more=_fields((*SEED_SETTINGS, *SEED_FIELDS[path])),
    )
    def answered(asked: dict[str, Any], more: dict[str, Any]) -> None:
        body = json.dumps(asked | more).encode("utf-8", "surrogatepass")
        answer = client.post(path, content=body, headers=own | {"content-type": "application/json"})
        assert answer.status_code in (402, 422), (body, answer.status_code, answer.text)
        assert _is_detail(answer)

    answered()
    for kind, status in (("text/plain", 415), ("multipart/form-data; boundary=x", 415), ("application/json", 422)):
        answer = client.post(path, content=b"[1", headers=own | {"content-type": kind})
        assert (answer.status_code, _is_detail(answer)) == (status, True)


def test_ace_steps_routes_answer_in_its_envelope_or_as_fastapi_does(client: Client, key: KeyMaker, poor: None) -> None:
    own = key()

    @hypothesis.settings(max_examples=EXAMPLES * 2)
    @hypothesis.given(
        path=st.sampled_from(["/release_task", "/query_result", "/format_input"]),
        fields=_fields(ACE_FIELDS),
        how=st.sampled_from(["json", "data", "files"]),
    )
    def answered(path: str, fields: dict[str, Any], how: str) -> None:
        if how == "json":
            body = json.dumps(fields).encode("utf-8", "surrogatepass")
            answer = client.post(path, content=body, headers=own | {"content-type": "application/json"})
        else:
            plain = {name: str(value).encode("utf-8", "replace").decode() for name, value in fields.items()}
            sent: Any = {name: (None, value) for name, value in plain.items()} if how == "files" else plain
            answer = client.post(path, **{how: sent}, headers=own)
        assert answer.status_code in (200, 400), (path, fields, how, answer.status_code, answer.text)
        if answer.status_code == 200:
            told = answer.json()
            assert list(told) == ["data", "code", "error", "timestamp", "extra"]
            assert (told["code"], told["error"]) == (200, None)
        else:
            assert _is_detail(answer)

    answered()


@hypothesis.given(path=st.text(max_size=60))
def _never_a_path(client: Client, own: dict[str, str], path: str) -> None:
    answer = client.get("/v1/audio", params={"path": path.encode("utf-8", "replace").decode()}, headers=own)
    assert (answer.status_code, _is_detail(answer)) == (404, True), path


def test_audio_is_asked_for_by_a_name_and_never_by_a_path(client: Client, key: KeyMaker, poor: None) -> None:
    _never_a_path(client, key())
