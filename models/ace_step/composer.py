"""The composer's role on ACE-Step 1.5: sheets become jobs of the engine, and what comes back becomes recordings."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AceStepPipeline
from numpy.typing import NDArray

from models.ace_step.conditions import window_of
from models.ace_step.decoding import TILE
from models.ace_step.engine import AceStepEngine, Sound, Step
from models.ace_step.jobs import Job, Rework
from models.ace_step.splicing import FADE, splice
from models.catalogue import MusicModel
from models.failures import WrongSetting
from models.roles import OnProgress, Recording, SongSheet, Take

# Upstream's way of asking for no voice.
_NO_WORDS, _NO_LANGUAGE = "[Instrumental]", "unknown"
# The peak that upstream brings every song to: −1 dBFS.
_PEAK = 10 ** (-1 / 20)
# The share of the work that is done when the last step is; the rest is decoding.
_DENOISING = 0.9


class AceStepComposer:
    """Composes any number of takes at once: each `compose` waits in its own thread while the engine packs them all.

    The same sheet and take give the same samples, up to rounding: on a card, which takes shared a pass can move the last
    bits (on the CPU by less than 1e-5).
    """

    def __init__(
        self,
        folder: Path,
        model: MusicModel,
        device: str = "cuda",
        most_tokens: int = 9000,
        tile: int = TILE,
        compiled: bool | None = None,
    ) -> None:
        """Load the checkpoint in `folder`, which never asks the network; on CUDA in bfloat16 and, unless told, compiled."""
        self.model = model
        self.name = model.name
        cuda = device.startswith("cuda")
        pipe: Any = AceStepPipeline.from_pretrained(
            folder, dtype=torch.bfloat16 if cuda else torch.float32, local_files_only=True
        )
        if pipe.is_turbo != (model.guidance is None):
            raise WrongSetting(f"The weights in {folder} are not those of {model.name}.")
        pipe.to(device)
        self.engine = AceStepEngine(pipe, most_tokens, tile, cuda if compiled is None else compiled)

    def compose(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> Recording:
        """Return `take` of `sheet`. Raises WrongSetting, TooLarge, EngineStopped, and what `on_progress` raises."""
        return self._render(sheet, take, sheet.duration, None, on_progress)

    def rework(self, sheet: SongSheet, take: Take, rework: Rework, on_progress: OnProgress) -> Recording:
        """Return new music in, over or beside `rework.source`, as long as that; extended, as long as the sheet.

        Outside the window of a repaint or an extension the recording equals the source bit for bit.
        """
        seconds = rework.source.shape[1] / self.engine.sample_rate
        if rework.task == "extend":
            rework = Rework("extend", rework.source, start=seconds, reference=rework.reference)
            if sheet.duration <= seconds:
                raise WrongSetting(f"The song is {seconds:g} seconds long already.")
            seconds = sheet.duration
        return self._render(sheet, take, seconds, rework, on_progress)

    @property
    def knobs(self) -> dict[str, tuple[float, float, float]]:
        """What a take may ask of this checkpoint, by its name in `Take`: least, usual and greatest value."""
        knobs: dict[str, tuple[float, float, float]] = {"steps": self.model.steps}
        return knobs if self.model.guidance is None else {"guidance_scale": self.model.guidance, **knobs}

    def warm_up(self) -> None:
        """Make two short takes, so that what is compiled at first use is compiled before the first song."""
        sheet = SongSheet("", "piano", "", 120, "C major", "4/4", "en", True, self.model.shortest, (), "")
        takes = [self.engine.submit(self._job(sheet, Take(seed), sheet.duration, None)) for seed in (0, 1)]
        for take in takes:
            for _ in take:
                pass

    def close(self) -> None:
        """Stop the engine."""
        self.engine.close()

    def _job(self, sheet: SongSheet, take: Take, duration: float, rework: Rework | None) -> Job:
        job = Job(
            prompt=sheet.prompt,
            lyrics=_NO_WORDS if sheet.instrumental else sheet.lyrics,
            duration=duration,
            seed=take.seed,
            steps=self.model.settle_steps(take.steps),
            shift=self.model.shift,
            guidance_scale=self.model.settle_guidance(take.guidance_scale) or 1.0,
            language=_NO_LANGUAGE if sheet.instrumental else sheet.language.split("-")[0],
            bpm=round(sheet.bpm),
            key=sheet.key,
            time_signature=sheet.time_signature.split("/")[0],
            rework=rework,
        )
        self.model.check(job.task, duration)
        return job

    def _render(
        self, sheet: SongSheet, take: Take, duration: float, rework: Rework | None, on_progress: OnProgress
    ) -> Recording:
        job = self._job(sheet, take, duration, rework)
        length = round(duration * self.engine.sample_rate)
        pieces, done = [], 0
        rendering = self.engine.submit(job)
        try:
            for event in rendering:
                if isinstance(event, Step):
                    on_progress(_DENOISING * event.done / event.total)
                elif isinstance(event, Sound):
                    pieces.append(event.numpy())
                    done += pieces[-1].shape[1]
                    on_progress(_DENOISING + (1 - _DENOISING) * min(1.0, done / length))
        except BaseException:
            rendering.cancel()
            raise
        return Recording(
            samples=self._finish(job, np.concatenate(pieces, axis=1)[:, :length]),
            sample_rate=self.engine.sample_rate,
            bpm=sheet.bpm,
            key=sheet.key,
            sections=(),
            steps=job.steps,
            guidance_scale=None if self.model.guidance is None else job.guidance_scale,
        )

    def _finish(self, job: Job, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if job.rework is None or job.task not in ("repaint", "extend"):
            loudest = max(float(np.abs(samples).max()), 1e-6)
            return samples * np.float32(_PEAK / loudest)
        rate = self.engine.sample_rate
        start, end = (round(second * rate) for second in window_of(job))
        return splice(job.rework.source, samples, start, min(end, samples.shape[1]), round(FADE * rate))
