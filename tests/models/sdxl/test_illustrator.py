"""The SDXL illustrator with random weights: seeded, batched, and honest about memory."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL.Image import Image
from safetensors.torch import save_file

from appliance.box.waiting import wait_until
from models.catalogue import COVER_MODELS, find_model
from models.failures import EngineStopped, TooLarge, WrongSetting
from models.roles import SongSheet
from models.sdxl.illustrator import SdxlIllustrator

TURBO = replace(find_model("sdxl-turbo", COVER_MODELS), variant=None)
LIGHTNING = replace(find_model("sdxl-lightning", COVER_MODELS), variant=None)
SHEET = SongSheet("Rain", "soul", "", 84.0, "D major", "4/4", "en", False, 30.0, ("Soul",), "a red boat, gouache")


@pytest.fixture(scope="module")
def illustrator(sdxl: Path) -> Iterator[SdxlIllustrator]:
    illustrator = SdxlIllustrator((sdxl,), TURBO, device="cpu", pixels=64)
    yield illustrator
    illustrator.close()


def values(picture: Image) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(picture, dtype=np.int16)


class Gate:
    """Holds the illustrator inside its first batch until it is opened, and notes how many pictures each batch was."""

    def __init__(self, illustrator: SdxlIllustrator) -> None:
        self.reached, self.open, self.batches = threading.Event(), threading.Event(), list[int]()
        self.handle = illustrator._pipe.unet.register_forward_pre_hook(self._hold)

    def _hold(self, _: object, inputs: tuple[torch.Tensor, ...]) -> None:
        self.batches.append(inputs[0].shape[0])
        self.reached.set()
        assert self.open.wait(30)

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self.open.set()
        self.handle.remove()


def paint_together(illustrator: SdxlIllustrator, gate: Gate, seeds: list[int]) -> list[Image]:
    """Paint one cover, and while that is held, line up the others, so that they are painted as one batch."""
    with ThreadPoolExecutor(len(seeds)) as threads:
        futures = [threads.submit(illustrator.paint, SHEET, seeds[0])]
        assert gate.reached.wait(30)
        futures += [threads.submit(illustrator.paint, SHEET, seed) for seed in seeds[1:]]
        assert wait_until(lambda: len(illustrator._orders) == len(seeds) - 1, seconds=30)
        gate.open.set()
        return [future.result() for future in futures]


def test_a_cover_is_a_square_rgb_picture(illustrator: SdxlIllustrator) -> None:
    picture = illustrator.paint(SHEET, 1)
    assert (picture.size, picture.mode) == ((64, 64), "RGB")


def test_the_same_seed_paints_the_same_picture_and_another_seed_or_sheet_another(illustrator: SdxlIllustrator) -> None:
    first = values(illustrator.paint(SHEET, 1))
    np.testing.assert_array_equal(first, values(illustrator.paint(SHEET, 1)))
    assert np.abs(first - values(illustrator.paint(SHEET, 2))).max() > 2
    assert np.abs(first - values(illustrator.paint(replace(SHEET, cover_prompt="blue"), 1))).max() > 0


def test_covers_that_wait_are_painted_as_one_batch_and_equal_those_alone(illustrator: SdxlIllustrator) -> None:
    alone = [values(illustrator.paint(SHEET, seed)) for seed in range(4)]
    with Gate(illustrator) as gate:
        together = paint_together(illustrator, gate, [0, 1, 2, 3])
        assert gate.batches == [1, 1, 3, 3]  # two steps each, no second row for guidance
    for picture, single in zip(together, alone, strict=True):
        np.testing.assert_allclose(values(picture), single, atol=1)


def test_out_of_memory_steps_down_to_fewer_covers_at_once(illustrator: SdxlIllustrator) -> None:
    def check(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if inputs[0].shape[0] > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with Gate(illustrator) as gate:
        handle = illustrator._pipe.unet.register_forward_pre_hook(check)
        try:
            assert len(paint_together(illustrator, gate, [0, 1, 2, 3])) == 4
            assert illustrator.at_once == 1
        finally:
            handle.remove()
            illustrator.at_once = 4


def test_no_memory_even_for_one_is_said_in_words_and_the_next_is_painted(illustrator: SdxlIllustrator) -> None:
    def refuse(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    handle = illustrator._pipe.unet.register_forward_pre_hook(refuse)
    with pytest.raises(TooLarge, match="cover does not fit"):
        illustrator.paint(SHEET, 1)
    handle.remove()
    assert illustrator.paint(SHEET, 1).size == (64, 64)


def test_lightning_puts_its_own_unet_into_the_pipeline_of_the_first_repository(sdxl: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)
    other = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(sdxl, subfolder="unet"))
    save_file(other.state_dict(), tmp_path / LIGHTNING.unet_file)
    illustrator = SdxlIllustrator((sdxl, tmp_path), LIGHTNING, device="cpu", pixels=64)
    try:
        assert torch.equal(illustrator._pipe.unet.conv_in.weight, other.conv_in.weight)
        assert type(illustrator._pipe.scheduler).__name__ == "EulerDiscreteScheduler"
        with Gate(illustrator) as gate:
            gate.open.set()
            illustrator.paint(SHEET, 1)
            assert gate.batches == [1, 1, 1, 1]
    finally:
        illustrator.close()


def test_steps_it_was_not_distilled_for_are_refused(sdxl: Path) -> None:
    with pytest.raises(WrongSetting, match="1 to 4 steps, not in 30"):
        SdxlIllustrator((sdxl,), TURBO, device="cpu", steps=30)


def test_a_closed_illustrator_fails_what_waits_and_takes_nothing_more(sdxl: Path) -> None:
    illustrator = SdxlIllustrator((sdxl,), TURBO, device="cpu", steps=1, pixels=64)
    with Gate(illustrator) as gate, ThreadPoolExecutor(3) as threads:
        painting = threads.submit(illustrator.paint, SHEET, 1)
        assert gate.reached.wait(30)
        waiting = threads.submit(illustrator.paint, SHEET, 2)
        assert wait_until(lambda: bool(illustrator._orders), seconds=30)
        closing = threads.submit(illustrator.close)
        assert wait_until(lambda: illustrator._stopped, seconds=30)
        gate.open.set()
        closing.result(30)
        assert painting.result(30).size == (64, 64)
        with pytest.raises(EngineStopped):
            waiting.result(30)
    with pytest.raises(EngineStopped):
        illustrator.paint(SHEET, 3)
