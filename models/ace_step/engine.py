"""The ACE-Step engine: one thread that advances all takes in hand together, step by step, and decodes the finished ones.

Takes join and leave between any two steps. Each has its own length, words, seed, guidance and schedule; none waits for
another to end. Whoever submitted a take follows it in a thread of their own, so that nothing they do holds the device.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch
from diffusers.guiders.adaptive_projected_guidance import normalized_guidance
from numpy.typing import NDArray
from torch import Tensor

from models.ace_step.conditions import Conditioner, Denoising
from models.ace_step.decoding import TILE, decode_tiles, fold_weight_norm
from models.ace_step.jobs import Job
from models.ace_step.packed import CrossAttention, PackedTransformer, Row
from models.failures import EngineStopped, ModelFailure, TooLarge

log = logging.getLogger("models.ace_step")

# How strongly upstream bounds the norm of a guidance update.
_NORM_THRESHOLD = 2.5
NO_ROOM = "This song does not fit into the accelerator's memory. Try a shorter one."


@dataclass(frozen=True, slots=True)
class Step:
    """A step was done: `done` of `total`."""

    done: int
    total: int


@dataclass(slots=True)
class Sound:
    """A piece of the finished song, in order: `[2, samples]` float32 once it has left the device."""

    tensor: Tensor
    left: Any = None

    def numpy(self) -> NDArray[np.float32]:
        """Wait until the piece is here and return it."""
        if self.left is not None:
            self.left.synchronize()
        piece: NDArray[np.float32] = self.tensor.numpy()
        return piece


class Rendering:
    """A take in the engine's hands. Iterate over it for its steps and its sound; a failure is raised there."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.cancelled = False
        self.events: SimpleQueue[Step | Sound | BaseException | None] = SimpleQueue()

    def cancel(self) -> None:
        """Have the engine drop the take before its next step; iterating ends."""
        self.cancelled = True
        self.events.put(None)

    def __iter__(self) -> Iterator[Step | Sound]:
        while (event := self.events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event


@dataclass(slots=True)
class _Active:
    rendering: Rendering
    take: Denoising


class AceStepEngine:
    """Runs the modules of an AceStepPipeline. `most_tokens` is how many rows of tokens one forward may hold.

    `tile` is the length of a decoder tile in latents. `compiled` lets torch compile the layers and the decoder.
    """

    def __init__(self, pipe: Any, most_tokens: int = 9000, tile: int = TILE, compiled: bool = False) -> None:
        self.pipe = pipe
        self.most_tokens = most_tokens
        self.tile = tile
        fold_weight_norm(pipe.vae)
        self.transformer = PackedTransformer(pipe.transformer, compiled)
        self.conditioner = Conditioner(pipe, self.transformer)
        self.hop = self.conditioner.hop
        self.sample_rate = int(pipe.sample_rate)
        self.together: int | None = None  # takes in one forward since memory ran out; None is all of them
        self._decoder = torch.compile(pipe.vae.decoder, dynamic=True) if compiled else pipe.vae.decoder
        self._nothing: CrossAttention | None = None
        self._waiting: deque[Rendering] = deque()
        self._active: list[_Active] = []
        self._decoding: deque[tuple[Rendering, Iterator[Tensor]]] = deque()
        self._wake = threading.Condition()
        self._stopped = False
        self._last_step: Any = None
        self._thread = threading.Thread(target=self._run, name="ace-step", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Rendering:
        """Put a take in line and return it. Raises EngineStopped."""
        rendering = Rendering(job)
        with self._wake:
            if self._stopped:
                raise EngineStopped("The music engine was stopped.")
            self._waiting.append(rendering)
            self._wake.notify()
        return rendering

    def close(self) -> None:
        """Stop after the present step; takes in hand fail with EngineStopped."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join()

    def busy(self) -> int:
        """Return how many takes are being denoised or decoded at the moment."""
        return len(self._active) + len(self._decoding)

    def _run(self) -> None:
        cuda = self.transformer.device.type == "cuda"
        with torch.inference_mode(), torch.cuda.stream(torch.cuda.Stream()) if cuda else nullcontext():
            while self._wait_for_work():
                try:
                    self._drop_cancelled()
                    self._join()
                    self._advance()
                    self._decode()
                except Exception as error:  # a defect must fail the songs in hand, never the engine
                    log.exception("The music engine stumbled")
                    self._fail_all(error)
        self._fail_all(EngineStopped("The music engine was stopped."))

    def _wait_for_work(self) -> bool:
        with self._wake:
            while not (self._stopped or self._waiting or self._active or self._decoding):
                self._wake.wait()
            return not self._stopped

    def _drop_cancelled(self) -> None:
        self._active = [one for one in self._active if not one.rendering.cancelled]
        self._decoding = deque(one for one in self._decoding if not one[0].cancelled)

    def _fail_all(self, error: BaseException) -> None:
        with self._wake:
            waiting = [*self._waiting] if self._stopped else []
            if self._stopped:
                self._waiting.clear()
        for rendering in [*(one.rendering for one in self._active), *(one for one, _ in self._decoding), *waiting]:
            rendering.events.put(error)
        self._active, self._decoding = [], deque()

    def _tokens(self, job: Job) -> int:
        rows = 1 + (job.guidance_scale > 1.0) + (job.rework is not None and job.rework.strength < 1.0)
        return rows * self.transformer.tokens(round(job.duration * self.pipe.latents_per_second))

    def _join(self) -> None:
        """Let waiting takes in, in order, while there is room for them beside those in hand."""
        while self._waiting:
            rendering = self._waiting[0]
            held = sum(self._tokens(one.rendering.job) for one in self._active)
            if self._active and held + self._tokens(rendering.job) > self.most_tokens:
                return
            self._waiting.popleft()
            if rendering.cancelled:
                continue
            try:
                self._active.append(_Active(rendering, self.conditioner.prepare(rendering.job)))
            except torch.OutOfMemoryError:
                self._give_back_memory()
                if self.busy():
                    self._waiting.appendleft(rendering)
                    return
                rendering.events.put(TooLarge(NO_ROOM))
            except ModelFailure as failure:
                rendering.events.put(failure)

    def _advance(self) -> None:
        """Do one step of every take in hand: together, or in as large groups as memory allows."""
        left = list(self._active)
        while left:
            group = left[: self.together or len(left)]
            try:
                self._step([one.take for one in group])
            except torch.OutOfMemoryError:
                self._give_back_memory()
                if len(group) > 1:
                    self.together = len(group) // 2
                    log.warning("Out of memory with %d takes at once; going on with %d", len(group), self.together)
                    continue
                group[0].rendering.events.put(TooLarge(NO_ROOM))
                self._active.remove(group[0])
            left = left[len(group) :]
            for one in group:
                if one in self._active:
                    one.rendering.events.put(Step(one.take.step, one.take.steps))
        for one in [one for one in self._active if one.take.step == one.take.steps]:
            self._active.remove(one)
            latents = one.take.latents.to(self.pipe.vae.dtype)
            tiles = decode_tiles(self._decoder, latents, self.hop, self.tile)
            self._decoding.append((one.rendering, tiles))
        self._keep_pace()

    def _step(self, takes: list[Denoising]) -> None:
        rows, owners = [], []
        for take in takes:
            for kind, conditions in self._rows_of(take):
                rows.append(Row(take.latents, take.context, take.sigmas[take.step], conditions))
                owners.append((id(take), kind))
        velocities = dict(zip(owners, self.transformer(rows), strict=True))
        for take in takes:
            velocity = velocities[id(take), "conditions"]
            if take.guided:
                velocity = normalized_guidance(
                    velocity[None],
                    velocities[id(take), "nothing"][None],
                    guidance_scale=take.job.guidance_scale - 1.0,
                    momentum_buffer=take.momentum,
                    eta=0.0,
                    norm_threshold=_NORM_THRESHOLD,
                    use_original_formulation=True,
                    norm_dim=(1,),
                )[0]
            if take.plain is not None and take.job.rework is not None:
                strength = take.job.rework.strength
                velocity = strength * velocity + (1.0 - strength) * velocities[id(take), "plain"]
            span = take.sigmas[take.step + 1] - take.sigmas[take.step]
            take.latents = take.latents + span * velocity.float()
            take.step += 1

    def _rows_of(self, take: Denoising) -> list[tuple[str, CrossAttention]]:
        rows = [("conditions", take.conditions)]
        if take.guided:
            self._nothing = self._nothing or self.conditioner.nothing()
            rows.append(("nothing", self._nothing))
        if take.plain is not None:
            rows.append(("plain", take.plain))
        return rows

    def _decode(self) -> None:
        """Decode one tile of the take that finished first, so that the steps of others are never held up for long."""
        if not self._decoding:
            return
        rendering, tiles = self._decoding[0]
        try:
            tile = next(tiles, None)
        except torch.OutOfMemoryError:
            self._give_back_memory()
            rendering.events.put(TooLarge(NO_ROOM))
            self._decoding.popleft()
            return
        if tile is None:
            rendering.events.put(None)
            self._decoding.popleft()
        elif tile.is_cuda:
            here = torch.empty(tile.shape, dtype=tile.dtype, pin_memory=True)
            here.copy_(tile, non_blocking=True)
            left = torch.cuda.Event()
            left.record()
            rendering.events.put(Sound(here, left))
        else:
            rendering.events.put(Sound(tile))

    def _keep_pace(self) -> None:
        """Let the host run at most one step ahead of the device, so that joining and leaving mean what they say."""
        if self.transformer.device.type == "cuda":
            if self._last_step is not None:
                self._last_step.synchronize()
            self._last_step = torch.cuda.Event()
            self._last_step.record()

    def _give_back_memory(self) -> None:
        if self.transformer.device.type == "cuda":
            torch.cuda.empty_cache()
