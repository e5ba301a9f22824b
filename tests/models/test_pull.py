"""Pulling weights from a Hub on this machine: whole or not at all, resumed, checked, with the licence accepted once."""

import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from models.catalogue import COVER_MODELS, LANGUAGE_MODELS, Licence, Source, find_model
from models.failures import WeightsMissing
from models.pull import PullFailed, pull_model
from models.qwen.writer import QwenWriter
from models.weights import accepted, folders_to_load, forget, read_lock, size_on_disk, source_folder, state_of
from tests.models.tiny_hub import COMMIT, TinyHub, tiny_hub

MODEL = replace(
    find_model("sdxl-turbo", COVER_MODELS),
    sources=(Source("art/turbo", "main", 10**6, ("*.json", "*.safetensors")), Source("art/parts", COMMIT, 10**6)),
)
QWEN = replace(find_model("qwen2-7b-instruct", LANGUAGE_MODELS), sources=(Source("words/qwen", "main", 10**6),), quantized_size=10**6)  # fmt: skip
WEIGHTS = "unet/weights.safetensors"


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library ask the Hub on this machine."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TinyHub]:
    turbo, parts = tmp_path / "hub" / "turbo", tmp_path / "hub" / "parts"
    (turbo / "unet").mkdir(parents=True)
    parts.mkdir()
    (turbo / "model_index.json").write_text("{}")
    (turbo / WEIGHTS).write_bytes(bytes(range(256)) * 20_000)
    (turbo / "whole.ckpt").write_bytes(b"not wanted")
    (parts / "part.safetensors").write_bytes(b"a part")
    with tiny_hub({"art/turbo": turbo, "art/parts": parts}) as hub:
        yield hub


def yes(_: Licence) -> bool:
    return True


def nothing(_: str) -> None:
    """Say nothing."""


def test_everything_wanted_is_fetched_and_locked_to_the_commit(hub: TinyHub, tmp_path: Path) -> None:
    said: list[str] = []
    assert state_of(MODEL, tmp_path) == "missing"
    lock = pull_model(MODEL, tmp_path, yes, said.append, hub.endpoint)
    assert state_of(MODEL, tmp_path) == "pulled"
    assert lock == read_lock(MODEL, tmp_path)
    assert lock.revisions == (COMMIT, COMMIT)
    assert [file.path for file in lock.files] == [
        "art--parts/part.safetensors", "art--turbo/model_index.json", f"art--turbo/{WEIGHTS}",
    ]  # fmt: skip
    assert all(len(file.sha256) == 64 for file in lock.files)
    assert folders_to_load(MODEL, tmp_path) == (tmp_path / "sdxl-turbo/art--turbo", tmp_path / "sdxl-turbo/art--parts")
    assert any("(2 of 2" in sentence for sentence in said)
    assert size_on_disk(MODEL, tmp_path) > 5_000_000


def test_a_model_that_is_here_is_not_fetched_again_nor_its_licence_asked(hub: TinyHub, tmp_path: Path) -> None:
    asked: list[Licence] = []

    def accept(licence: Licence) -> bool:
        asked.append(licence)
        return True

    pull_model(MODEL, tmp_path, accept, nothing, hub.endpoint)
    hub.log.clear()
    pull_model(MODEL, tmp_path, accept, nothing, hub.endpoint)
    assert hub.log == []
    forget(MODEL, tmp_path)
    pull_model(MODEL, tmp_path, accept, nothing, hub.endpoint)
    assert asked == [MODEL.licence]


def test_a_licence_that_is_not_accepted_stops_everything(hub: TinyHub, tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match=r"licence.*was not accepted"):
        pull_model(MODEL, tmp_path, lambda _: False, nothing, hub.endpoint)
    assert hub.log == []
    assert not accepted(MODEL.licence, tmp_path)


def test_a_broken_connection_is_gone_on_with_where_it_broke(
    hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16
    )  # real files are many times its usual 10 MB
    hub.cut_after["weights.safetensors"] = 2_000_000
    try:
        pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)
    except PullFailed:
        assert state_of(MODEL, tmp_path) == "incomplete"
        pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)
    starts = hub.fetched("weights.safetensors")
    assert len(starts) == 2
    assert 0 < starts[1] <= 2_000_000
    assert (source_folder(MODEL, 0, tmp_path) / WEIGHTS).read_bytes() == (
        hub.repositories["art/turbo"] / WEIGHTS
    ).read_bytes()


def test_what_arrives_damaged_is_thrown_away(hub: TinyHub, tmp_path: Path) -> None:
    hub.damage.add("weights.safetensors")
    with pytest.raises(PullFailed, match=r"weights\.safetensors arrived damaged"):
        pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)
    assert state_of(MODEL, tmp_path) == "incomplete"
    assert not (source_folder(MODEL, 0, tmp_path) / WEIGHTS).exists()
    hub.damage.clear()
    pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)
    assert state_of(MODEL, tmp_path) == "pulled"


def test_small_files_are_checked_as_well(hub: TinyHub, tmp_path: Path) -> None:
    hub.damage.add("model_index.json")
    with pytest.raises(PullFailed, match=r"model_index\.json arrived damaged"):
        pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)


def test_a_disk_too_small_is_said_before_the_first_byte(
    hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")  # as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**7, 10**7 - 10**6, 10**6))
    with pytest.raises(PullFailed, match=r"needs 0\.0 GB more"):
        pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)
    assert hub.log == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (Source("art/none", "main", 1), "no art/none at revision main"),
        (Source("art/turbo", "old", 1), "no art/turbo at revision old"),
        (Source("art/turbo", "main", 1, ("*.bin",)), "none of the files"),
    ],
)
def test_what_the_hub_does_not_have_is_said_in_words(
    hub: TinyHub, tmp_path: Path, source: Source, sentence: str
) -> None:
    with pytest.raises(PullFailed, match=sentence):
        pull_model(replace(MODEL, sources=(source,)), tmp_path, yes, nothing, hub.endpoint)


def test_a_hub_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    with tiny_hub({}) as gone:
        endpoint = gone.endpoint
    with pytest.raises(PullFailed, match="did not answer"):
        pull_model(MODEL, tmp_path, yes, nothing, endpoint)


def test_a_file_that_went_missing_makes_the_model_incomplete(hub: TinyHub, tmp_path: Path) -> None:
    pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)
    (source_folder(MODEL, 0, tmp_path) / WEIGHTS).unlink()
    assert state_of(MODEL, tmp_path) == "incomplete"
    with pytest.raises(WeightsMissing, match="not all here: make models-pull MODEL=sdxl-turbo"):
        folders_to_load(MODEL, tmp_path)
    pull_model(MODEL, tmp_path, yes, nothing, hub.endpoint)
    assert state_of(MODEL, tmp_path) == "pulled"


def test_a_language_model_is_pulled_with_its_4_bit_copy_and_loads_from_that(qwen: Path, tmp_path: Path) -> None:
    with tiny_hub({"words/qwen": qwen}) as hub:
        pull_model(QWEN, tmp_path, yes, nothing, hub.endpoint)
    (folder,) = folders_to_load(QWEN, tmp_path)
    assert folder.name == "nf4"
    assert json.loads((folder / "config.json").read_text())["quantization_config"]["bnb_4bit_quant_type"] == "nf4"
    QwenWriter(folder, device="cpu", rows=1, cache_tokens=512).close()
