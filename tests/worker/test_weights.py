"""The command line for weights, as an admin types it."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.catalogue import ALL_MODELS, COVER_MODELS
from models.weights import folder_of, write_lock
from worker.accelerator import _note_loaded, loaded_models
from worker.weights import main

COVER = COVER_MODELS[0]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))


def test_the_list_says_of_every_model_whether_it_is_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder_of(COVER, tmp_path).mkdir()
    (folder_of(COVER, tmp_path) / "weights").write_bytes(bytes(50_000_000))
    write_lock(COVER, tmp_path, ("0" * 40,), {})
    assert main(["list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(lines) == {"model"} | {model.name for model in ALL_MODELS}
    assert "chosen  pulled   0.1 GB" in lines["sdxl-turbo"]
    assert "not for commercial use" in lines["sdxl-turbo"]
    assert "chosen  missing  (11.5 GB)  10.7 GiB  MIT" in lines["ace-step-xl-turbo"]
    assert "chosen" not in lines["sdxl-lightning"]


def test_what_the_running_worker_has_in_memory_is_listed_as_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _note_loaded(tmp_path, {COVER.name: 3 * 1024**3})
    main(["list"])
    assert "loaded" in next(line for line in capsys.readouterr().out.splitlines() if line.startswith(COVER.name))
    assert loaded_models(tmp_path) == {COVER.name: 3 * 1024**3}


def test_what_a_worker_had_that_is_gone_is_not(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from worker.accelerator import _note_loaded as n; n(Path(sys.argv[1]), {'x': 1})"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    assert loaded_models(tmp_path) == {}


def test_an_unknown_model_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", "gpt"]) == 1
    assert "no model 'gpt'" in capsys.readouterr().err


def test_a_licence_is_not_accepted_where_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", "sdxl-turbo"]) == 1
    said = capsys.readouterr()
    assert "stability.ai/license" in said.out
    assert "was not accepted" in said.err
