"""From a job to what the transformer needs: conditions from text and timbre, source latents, chunk mask, noise, schedule."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer
from numpy.typing import NDArray
from torch import Tensor

from models.ace_step.jobs import Job, Rework
from models.ace_step.packed import CrossAttention, PackedTransformer
from models.failures import WrongSetting

# What upstream's guidance for the base checkpoints keeps from one step to the next.
MOMENTUM = -0.75
_TIMBRE_SECONDS = 30
# An extension starts a little before the end, so that the model hears where it comes from and the join can be faded.
EXTEND_OVERLAP = 0.5


@dataclass(slots=True)
class Denoising:
    """A take on its way: `latents` `[frames, channels]` float32 after `step` of the steps between `sigmas`.

    `plain` are the conditions of the same song without its source, mixed in where a cover keeps only part of the tune.
    """

    job: Job
    latents: Tensor
    context: Tensor
    sigmas: list[float]
    conditions: CrossAttention
    plain: CrossAttention | None = None
    step: int = 0
    momentum: Any = None

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.sigmas) - 1

    @property
    def guided(self) -> bool:
        """Whether every step needs a second row without conditions."""
        return self.job.guidance_scale > 1.0


def window_of(job: Job) -> tuple[float, float]:
    """Return the stretch of the song that `job` makes anew, in seconds."""
    rework = job.rework
    if rework is None or rework.task not in ("repaint", "extend", "lego"):
        return 0.0, job.duration
    if rework.task == "extend":
        return max(0.0, rework.start - EXTEND_OVERLAP), job.duration
    return rework.start, job.duration if rework.end is None else rework.end


def schedule(steps: int, shift: float) -> list[float]:
    """Return the `steps` + 1 noise levels from 1 to 0: t' = s·t / (1 + (s − 1)·t), the shift of rectified flow models."""
    levels = torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float32)
    return [float(level) for level in shift * levels / (1 + (shift - 1) * levels)]


class Conditioner:
    """Encodes jobs with the pipeline's text encoder, condition encoder and autoencoder; exact for each job alone.

    The same job gives the same tensors: sound is encoded as the mean of its distribution, not as a sample, and noise is
    drawn on the CPU, so that a seed means the same on every device.
    """

    def __init__(self, pipe: Any, transformer: PackedTransformer) -> None:
        self.pipe = pipe
        self.transformer = transformer
        self.hop = round(pipe.sample_rate / pipe.latents_per_second)
        # Sound of more than half a minute is encoded in pieces, as upstream does.
        pipe.vae.use_tiling = True
        # The text encoder is called without a mask, which is right for padding on the right only.
        pipe.tokenizer.padding_side = "right"

    def check(self, job: Job) -> None:
        """Raise WrongSetting where the pipeline lacks a part, or the job contradicts itself."""
        rework = job.rework
        if rework is None:
            return
        if rework.task == "cover" and self.pipe.audio_tokenizer is None:
            raise WrongSetting("This checkpoint was published without the audio tokenizer that covers need.")
        if rework.source.ndim != 2 or rework.source.shape[0] != 2 or rework.source.shape[1] < self.hop:
            raise WrongSetting("The sound to work on must be stereo and not empty.")
        start, end = window_of(job)
        if not 0 <= start < end <= job.duration + 1 / self.pipe.latents_per_second:
            raise WrongSetting(f"The window from {start:g} to {end:g} seconds is not inside the song.")

    def prepare(self, job: Job) -> Denoising:
        """Return the take at its first step."""
        self.check(job)
        pipe, dtype, device = self.pipe, self.transformer.dtype, self.transformer.device
        frames = math.ceil(job.duration * pipe.latents_per_second)
        silence, _ = pipe.prepare_src_latents(device, dtype, 1, latent_length=frames)
        source, mask = silence[0], torch.ones(frames, self.transformer.channels, device=device, dtype=dtype)
        rework = job.rework
        if rework is not None:
            source = self._source(rework, frames)
            if rework.task in ("repaint", "extend", "lego"):
                start, end = (int(second * pipe.latents_per_second) for second in window_of(job))
                mask = torch.zeros_like(mask)
                mask[start : max(end, start + 1)] = 1.0
            if rework.task in ("repaint", "extend"):
                source = torch.where(mask > 0.5, silence[0], source)
        timbre = self._timbre(rework)
        track = rework.tracks[0] if rework and rework.tracks else None
        instruction = pipe._get_task_instruction(
            "repaint" if job.task == "extend" else job.task, track, list(rework.tracks) if rework else None
        )
        plain = None
        if rework is not None and rework.task == "cover" and rework.strength < 1.0:
            plain = self._encode(job, pipe._get_task_instruction("text2music"), timbre)
        noise = torch.randn((1, frames, self.transformer.channels), generator=torch.Generator().manual_seed(job.seed))
        return Denoising(
            job=job,
            latents=noise[0].to(device),
            context=torch.cat([source, mask], dim=-1),
            sigmas=schedule(job.steps, job.shift),
            conditions=self._encode(job, instruction, timbre),
            plain=plain,
            momentum=MomentumBuffer(MOMENTUM),
        )

    def nothing(self) -> CrossAttention:
        """Return the learned conditions for "no conditions". All its tokens are equal, so attention needs only one."""
        empty = self.pipe.condition_encoder.null_condition_emb.detach()[0].to(self.transformer.dtype)
        return self.transformer.cross_attention(empty)

    def _encode(self, job: Job, instruction: str, timbre: Tensor) -> CrossAttention:
        text, text_mask, words, words_mask = self.pipe.encode_prompt(
            [job.prompt], [job.lyrics], self.transformer.device, vocal_language=job.language,
            audio_duration=job.duration, instruction=instruction, bpm=job.bpm, keyscale=job.key,
            timesignature=job.time_signature,
        )  # fmt: skip
        order = torch.zeros(1, dtype=torch.long, device=self.transformer.device)
        conditions, mask = self.pipe.condition_encoder(text, text_mask, words, words_mask, timbre, order)
        return self.transformer.cross_attention(conditions[0, : int(mask.sum())])

    def _latents(self, sound: NDArray[np.float32]) -> Tensor:
        """Return the latents of sound `[2, samples]`: `[frames, channels]`."""
        whole = math.ceil(sound.shape[1] / self.hop) * self.hop
        padded = np.pad(sound, ((0, 0), (0, whole - sound.shape[1])))
        vae = self.pipe.vae
        tensor = torch.from_numpy(padded)[None].to(self.transformer.device, vae.dtype)
        latents: Tensor = vae.encode(tensor).latent_dist.mode()[0].T.to(self.transformer.dtype)
        return latents

    def _source(self, rework: Rework, frames: int) -> Tensor:
        """Return the latents of the source, cut or lengthened with silence to `frames`."""
        samples = frames * self.hop
        sound = rework.source[:, :samples]
        latents = self._latents(np.pad(sound, ((0, 0), (0, samples - sound.shape[1]))))
        if rework.task != "cover":
            return latents
        # A cover hears the source as semantic tokens only: the tune stays, the sound is free.
        silence = self.pipe.condition_encoder.silence_latent.to(latents)
        tokens, _ = self.pipe.audio_tokenizer.tokenize(latents[None], silence)
        heard: Tensor = self.pipe.audio_token_detokenizer(tokens)[0, :frames]
        return heard

    def _timbre(self, rework: Rework | None) -> Tensor:
        """Return half a minute of latents for the timbre: of the reference's front, middle and back, or of silence."""
        if rework is None or rework.reference is None:
            frames = math.ceil(_TIMBRE_SECONDS * self.pipe.latents_per_second)
            silence: Tensor = self.pipe.condition_encoder.silence_latent[:, :frames]
            return silence.to(self.transformer.device, self.transformer.dtype)
        rate, sound = self.pipe.sample_rate, rework.reference
        sound = np.tile(sound, math.ceil(_TIMBRE_SECONDS * rate / sound.shape[1]))
        piece, third = _TIMBRE_SECONDS // 3 * rate, sound.shape[1] // 3
        pieces = (sound[:, :piece], sound[:, third : third + piece], sound[:, -piece:])
        return self._latents(np.concatenate(pieces, axis=1))[None]
