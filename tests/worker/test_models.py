"""The worker with AI models in all three roles: tiny ones with random weights, loaded from the disk as the real ones are."""

import importlib
import io
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
import soundfile
from sqlalchemy.orm import Session

from appliance.box.waiting import wait_until
from appliance.errors import SettingsError
from appliance.settings import Settings, load_settings, settings
from appliance.storage import Storage
from models.catalogue import COVER_MODELS, LANGUAGE_MODELS, MUSIC_MODELS, AnyModel
from models.weights import QUANTIZED, folder_of, source_folder, write_lock
from tests.worker.making import SECONDS, ask_for_song, cancel, look, make, making
from worker.accelerator import choose_models, load_models
from worker.engines import Engines, load_engines
from worker.studio import Studio

MUSIC, LANGUAGE, COVER = MUSIC_MODELS[0], LANGUAGE_MODELS[0], COVER_MODELS[0]
COMMIT = ("0" * 40,)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a models folder that holds the three default models, tiny, in the places where a pull leaves them."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    tiny = importlib.import_module("tests.models.tiny_checkpoints")  # torch and its friends take seconds
    quantizing = importlib.import_module("models.qwen.quantizing")
    folder = tmp_path_factory.mktemp("models")
    tiny.write_ace_step(source_folder(MUSIC, 0, folder), turbo=True)
    source = tiny.write_qwen(source_folder(LANGUAGE, 0, folder))
    quantizing.write_nf4_copy(source, folder_of(LANGUAGE, folder) / QUANTIZED)
    tiny.write_sdxl(source_folder(COVER, 0, folder), variant="fp16")
    for model in (MUSIC, LANGUAGE, COVER):
        write_lock(model, folder, COMMIT, {})
    return folder


def wanting(models: Path, **values: str) -> Settings:
    return load_settings({"MODELS_DIR": str(models), "MODELS_DEVICE": "cpu", **values}, None)


@pytest.fixture(scope="module")
def modelled(models: Path) -> Iterator[Engines]:
    """Return the engines of a worker that has all three models."""
    engines = load_engines(wanting(models))
    cast(Any, engines.illustrator).pixels = 256  # a sixteenth of the work
    yield engines
    engines.close()


def test_a_whole_request_is_made_by_the_three_models(
    session: Session, object_store: Storage, modelled: Engines
) -> None:
    ask_for_song(session, mode="description", full_description="rain on a tin roof")
    request = make(modelled)
    first, second = request.songs
    assert (modelled.songwriter.name, modelled.illustrator.name) == (LANGUAGE.name, COVER.name)
    for song in (first, second):
        assert (song.status, song.reason) == ("processed", "")
        assert song.model == MUSIC.name
        # What was used, not what was asked for: a turbo has no guidance, and eight steps do.
        assert (song.steps, song.guidance_scale) == (8, None)
        assert (song.prompt, song.lyrics, song.title) == (first.prompt, first.lyrics, first.title)
        assert song.title
        assert song.lyrics.startswith("[")
        samples, rate = soundfile.read(io.BytesIO(b"".join(object_store.read(song.audio_key))))
        assert abs(len(samples) / rate - SECONDS) < 0.2
        assert b"".join(object_store.read(song.cover_key))[8:12] == b"WEBP"
    assert first.seed != second.seed
    assert b"".join(object_store.read(first.master_key)) != b"".join(object_store.read(second.master_key))


def test_requests_of_several_people_are_carried_at_once_and_share_passes(
    session: Session, object_store: Storage, modelled: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings.cache_clear()
    requests = [ask_for_song(session, mode="lyrics", prompt="piano", lyrics="la la") for _ in range(3)]
    transformer = cast(Any, modelled.composer).engine.pipe.transformer
    rows: list[int] = []
    hook = transformer.time_embed.register_forward_pre_hook(lambda _, inputs: rows.append(inputs[0].shape[0]))
    studio = Studio(modelled)
    try:
        with ThreadPoolExecutor(3) as huey:
            for ringing in [huey.submit(studio.answer) for _ in range(3)]:
                ringing.result()
    finally:
        hook.remove()
        studio.close()
        studio._lock.close()  # which is otherwise the end of the process's to do
        settings.cache_clear()
    assert {song.status for request in requests for song in look(request.id).songs} == {"processed"}
    assert max(rows) >= 3, "takes of different requests were never denoised together"


def test_a_cancel_between_steps_frees_the_engine_for_the_next(
    session: Session, object_store: Storage, modelled: Engines
) -> None:
    request = ask_for_song(session, mode="lyrics", prompt="piano", lyrics="la la")
    engine = cast(Any, modelled.composer).engine
    stepping, go = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        stepping.set()
        assert go.wait(60)

    hook = engine.pipe.transformer.time_embed.register_forward_pre_hook(hold)
    with making(modelled) as (made, raised):
        assert stepping.wait(60)
        cancel(session, request, take=1)
        cancel(session, request, take=2)
        go.set()
    hook.remove()
    assert raised == []
    assert made.id == request.id
    assert {song.status for song in look(request.id).songs} == {"cancelled"}
    assert wait_until(lambda: engine.busy() == 0, seconds=10)
    ask_for_song(session, mode="lyrics", prompt="piano", lyrics="la la")
    assert {song.status for song in make(modelled).songs} == {"processed"}


def test_a_song_too_large_for_the_card_fails_at_once_with_the_reason_in_words(
    session: Session, object_store: Storage, modelled: Engines
) -> None:
    torch = importlib.import_module("torch")
    request = ask_for_song(session, mode="lyrics", prompt="piano", lyrics="la la")

    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = cast(Any, modelled.composer).engine.pipe.transformer.time_embed.register_forward_pre_hook(refuse)
    try:
        make(modelled)
    finally:
        hook.remove()
    for song in look(request.id).songs:
        assert song.status == "failed"
        assert song.reason == "This song does not fit into the accelerator's memory. Try a shorter one."


def test_roles_whose_weights_are_missing_are_played_by_the_sketch_engine_which_is_said(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(folder_of(COVER, models), folder_of(COVER, tmp_path))
    (folder_of(LANGUAGE, tmp_path) / QUANTIZED).mkdir(parents=True)  # a pull that was cut short
    (folder_of(LANGUAGE, tmp_path) / QUANTIZED / "config.json").write_text("{}")
    engines = load_engines(wanting(tmp_path))
    try:
        assert (engines.songwriter.name, engines.composer.name) == ("sketch", "sketch")
        assert engines.illustrator.name == COVER.name
        assert (engines.at_once, engines.together) == (1, False)
    finally:
        engines.close()
    assert any("weights of qwen2-7b-instruct are not all here: make models-pull" in note for note in engines.notes)
    assert any("weights of ace-step-xl-turbo are not here" in note for note in engines.notes)
    assert any("not for commercial use" in note for note in engines.notes)
    assert set(engines.notes) <= {record.getMessage() for record in caplog.records}


def test_without_a_card_the_sketch_engine_stands_in_although_there_are_weights(models: Path) -> None:
    torch = importlib.import_module("torch")
    if torch.cuda.is_available():
        pytest.skip("This machine has a card.")
    engines = load_engines(wanting(models, MODELS_DEVICE="auto"))
    assert engines.composer.name == "sketch"
    assert any("no CUDA card" in note for note in engines.notes)
    with pytest.raises(SettingsError, match="no CUDA card"):
        load_engines(wanting(models, MODELS_DEVICE="cuda"))


def test_the_sketch_engine_can_be_chosen_and_then_nothing_is_noted(models: Path) -> None:
    engines = load_engines(wanting(models, SONGWRITER="sketch", COMPOSER="sketch", ILLUSTRATOR="sketch"))
    assert (engines.composer.name, engines.notes) == ("sketch", ())


@pytest.mark.parametrize(
    ("setting", "name"), [("SONGWRITER", "gpt"), ("COMPOSER", "sdxl-turbo"), ("ILLUSTRATOR", "picasso")]
)
def test_a_model_that_is_not_in_the_catalogue_stops_the_start_with_the_names_there_are(
    models: Path, setting: str, name: str
) -> None:
    with pytest.raises(SettingsError, match=f"{setting}='{name}': There is no model"):
        choose_models(wanting(models, **{setting: name}))


def test_weights_of_another_kind_stop_the_start(models: Path, tmp_path: Path) -> None:
    base: AnyModel = MUSIC_MODELS[1]
    shutil.copytree(source_folder(MUSIC, 0, models), source_folder(base, 0, tmp_path))
    write_lock(base, tmp_path, COMMIT, {})
    wanted = wanting(tmp_path, COMPOSER=base.name, SONGWRITER="sketch", ILLUSTRATOR="sketch")
    with pytest.raises(SettingsError, match=f"not those of {base.name}"):
        load_models(wanted, choose_models(wanted))
