"""What only a CUDA card can show, on the tiny checkpoints: `make test T=tests/models/test_on_a_card.py` on such a machine."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.ace_step.composer import AceStepComposer
from models.catalogue import COVER_MODELS, MUSIC_MODELS
from models.qwen.quantizing import write_nf4_copy
from models.qwen.writer import QwenWriter
from models.roles import SongSheet, Take
from models.sdxl.illustrator import SdxlIllustrator
from tests.models.tiny_checkpoints import write_sdxl

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA card on this machine.")

TURBO = replace(MUSIC_MODELS[0], shortest=1.0)
SHEET = SongSheet("Rain", "soul", "[verse]\nRain", 84.0, "D major", "4/4", "en", False, 3.0, ("Soul",), "a red boat")
SCHEMA = json.dumps({"type": "string", "minLength": 20, "maxLength": 40})


def silent(_: float) -> None:
    """Take note of nothing."""


@pytest.fixture(scope="module")
def composer(ace_step_turbo: Path) -> Iterator[AceStepComposer]:
    composer = AceStepComposer(ace_step_turbo, TURBO, "cuda")
    composer.warm_up()
    yield composer
    composer.close()


def test_the_flash_kernel_for_packed_rows_makes_what_the_cpu_makes(
    composer: AceStepComposer, ace_step_turbo: Path
) -> None:
    slow = AceStepComposer(ace_step_turbo, TURBO, "cpu")
    try:
        expected = slow.compose(SHEET, Take(1), silent).samples
    finally:
        slow.close()
    made = composer.compose(SHEET, Take(1), silent).samples
    # In bfloat16, eight steps long: the same song, not the same bits.
    assert np.corrcoef(made.ravel(), expected.ravel())[0, 1] > 0.99


def test_takes_together_are_the_takes_alone(composer: AceStepComposer) -> None:
    sheets = [replace(SHEET, duration=seconds) for seconds in (3.0, 5.0, 2.0)]
    alone = [composer.compose(sheet, Take(seed), silent).samples for seed, sheet in enumerate(sheets)]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda seed: composer.compose(sheets[seed], Take(seed), silent).samples, range(3)))
    for one, other in zip(together, alone, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999


def test_captured_graphs_write_what_is_written_without(qwen: Path, tmp_path: Path) -> None:
    write_nf4_copy(qwen, tmp_path / "nf4", "cuda")
    answers = []
    for graphs in (False, True):
        writer = QwenWriter(tmp_path / "nf4", "cuda", rows=4, cache_tokens=8192, graphs=graphs)
        answers.append([writer.answer([{"role": "user", "content": "Go."}], SCHEMA, seed, 200) for seed in range(4)])
        assert writer.graphs == graphs, "the graphs could not be captured"
        writer.close()
    assert answers[0] == answers[1]
    assert all(20 <= len(json.loads(answer)) <= 40 for answer in answers[0])


def test_covers_are_painted_in_half_precision(tmp_path: Path) -> None:
    folder = write_sdxl(tmp_path / "sdxl", variant="fp16")
    illustrator = SdxlIllustrator((folder,), COVER_MODELS[0], "cuda", pixels=64)
    try:
        assert illustrator.paint(SHEET, 1).size == (64, 64)
    finally:
        illustrator.close()
