"""The tiny checkpoints, written once a run and only when a test asks for one."""

import importlib
import os
from pathlib import Path

import pytest

# No test may ask the Hub for anything; this has to stand before the libraries are imported.
os.environ["HF_HUB_OFFLINE"] = "1"


def _write(kind: str, folder: Path, **options: bool) -> Path:
    """Write a checkpoint; what does it is imported only now, since torch and its friends take seconds."""
    writers = importlib.import_module("tests.models.tiny_checkpoints")
    written: Path = getattr(writers, f"write_{kind}")(folder, **options)
    return written


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the tiny checkpoints of this run lie in."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="session")
def ace_step_turbo(checkpoints: Path) -> Path:
    """Return the folder of a tiny ACE-Step turbo."""
    return _write("ace_step", checkpoints / "ace-step-turbo", turbo=True)


@pytest.fixture(scope="session")
def ace_step_base(checkpoints: Path) -> Path:
    """Return the folder of a tiny ACE-Step base, which has guidance."""
    return _write("ace_step", checkpoints / "ace-step-base", turbo=False)


@pytest.fixture(scope="session")
def qwen(checkpoints: Path) -> Path:
    """Return the folder of a tiny Qwen."""
    return _write("qwen", checkpoints / "qwen")


@pytest.fixture(scope="session")
def sdxl(checkpoints: Path) -> Path:
    """Return the folder of a tiny SDXL."""
    return _write("sdxl", checkpoints / "sdxl")
