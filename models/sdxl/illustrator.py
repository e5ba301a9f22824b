"""The illustrator's role on SDXL Turbo or SDXL-Lightning: covers in one to four steps, several in one batch."""

import logging
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from PIL.Image import Image
from safetensors.torch import load_file

from models.catalogue import CoverModel
from models.failures import EngineStopped, TooLarge
from models.roles import SongSheet

log = logging.getLogger("models.sdxl")

# Both takes of two requests; more gain nothing, since one picture fills the card.
MOST_AT_ONCE = 4
# Appended to what the songwriter describes, so that covers look like covers.
_STYLE = "album cover art, square composition, striking, no text"


@dataclass(frozen=True, slots=True)
class _Order:
    prompt: str
    seed: int
    picture: "Future[Image]"


class SdxlIllustrator:
    """Paints any number of covers: each `paint` waits in its own thread while those that wait are painted as one batch.

    Same sheet and seed, same picture, up to rounding between batches on a card.
    """

    def __init__(
        self,
        folders: tuple[Path, ...],
        model: CoverModel,
        device: str = "cuda",
        steps: int | None = None,
        pixels: int | None = None,
        at_once: int = MOST_AT_ONCE,
    ) -> None:
        """Load the pipeline in the first folder, with the UNet of the second where the model has one. Asks no network.

        `steps` and `pixels` are the model's own unless given; raises WrongSetting for steps it was not distilled for.
        """
        self.model = model
        self.name = model.name
        self.steps = model.steps[1] if steps is None else steps
        self.pixels = model.pixels if pixels is None else pixels
        model.check_steps(self.steps)
        self.at_once = at_once
        self._pipe = _load(folders, model, device)
        self._orders: deque[_Order] = deque()
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sdxl", daemon=True)
        self._thread.start()

    def paint(self, sheet: SongSheet, seed: int) -> Image:
        """Return a square RGB cover of `pixels` a side. Raises TooLarge and EngineStopped."""
        order = _Order(f"{sheet.cover_prompt}, {_STYLE}", seed, Future())
        with self._wake:
            if self._stopped:
                raise EngineStopped("The illustrator was stopped.")
            self._orders.append(order)
            self._wake.notify()
        return order.picture.result()

    def close(self) -> None:
        """Stop after the present batch; covers that wait fail with EngineStopped."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._orders or self._stopped):
                    self._wake.wait()
                if self._stopped:
                    left, self._orders = list(self._orders), deque()
                    break
                batch = [self._orders.popleft() for _ in range(min(self.at_once, len(self._orders)))]
            self._paint(batch)
        for order in left:
            order.picture.set_exception(EngineStopped("The illustrator was stopped."))

    def _paint(self, batch: list[_Order]) -> None:
        try:
            pictures = self._pipe(
                prompt=[order.prompt for order in batch],
                num_inference_steps=self.steps,
                guidance_scale=0.0,  # distilled away
                width=self.pixels,
                height=self.pixels,
                # Drawn on the CPU, so that a seed means the same picture on every device.
                generator=[torch.Generator().manual_seed(order.seed) for order in batch],
            ).images
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(batch) == 1:
                batch[0].picture.set_exception(TooLarge("The cover does not fit into the accelerator's memory."))
                return
            self.at_once = len(batch) // 2
            log.warning("Out of memory with %d covers at once; going on with %d", len(batch), self.at_once)
            with self._wake:
                self._orders.extendleft(reversed(batch))
        except Exception as error:  # a defect must fail these covers, never the engine
            log.exception("The illustrator stumbled")
            for order in batch:
                order.picture.set_exception(error)
        else:
            for order, picture in zip(batch, pictures, strict=True):
                order.picture.set_result(picture)


def _load(folders: tuple[Path, ...], model: CoverModel, device: str) -> Any:
    cuda = device.startswith("cuda")
    options: dict[str, Any] = {"dtype": torch.float16 if cuda else torch.float32, "local_files_only": True}
    unet = None
    if model.unet_file:
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folders[0], subfolder="unet"))
        unet.load_state_dict(load_file(folders[1] / model.unet_file))
        unet.to(options["dtype"])
    pipe: Any = StableDiffusionXLPipeline.from_pretrained(
        folders[0], variant=model.variant, **({"unet": unet} if unet else {}), **options
    )
    if model.unet_file:
        # As ByteDance's page asks: its steps lie at the ends of equal stretches.
        pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config, timestep_spacing="trailing")
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)
