"""The ACE-Step engine: takes packed together equal takes alone, and a take may come or go at any step."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AceStepPipeline
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution as Distribution

from appliance.box.waiting import wait_until
from models.ace_step.engine import AceStepEngine, Rendering, Sound, Step
from models.ace_step.jobs import Job, Rework
from models.failures import EngineStopped, TooLarge, WrongSetting

RAIN = Job(
    "warm soul, brushed drums", "[verse]\nRain on the window", 2.04, seed=7, steps=4, shift=3.0, bpm=84, key="D major"
)
NIGHT = Job("fast techno", "[chorus]\n" + "Neon all night long\n" * 6, 3.0, seed=8, steps=6, shift=3.0, language="de")
HUSH = Job("solo piano", "[Instrumental]", 2.6, seed=9, steps=3, shift=1.0, time_signature="3")


@pytest.fixture(scope="module")
def turbo(ace_step_turbo: Path) -> Iterator[AceStepEngine]:
    yield from running(ace_step_turbo)


@pytest.fixture(scope="module")
def base(ace_step_base: Path) -> Iterator[AceStepEngine]:
    yield from running(ace_step_base)


def running(checkpoint: Path) -> Iterator[AceStepEngine]:
    engine = AceStepEngine(AceStepPipeline.from_pretrained(checkpoint))
    # Pieces of two seconds instead of thirty: sound is encoded the same way, in a fraction of the memory.
    engine.pipe.vae.tile_sample_min_length, engine.pipe.vae.tile_sample_overlap = 96000, 9600
    yield engine
    engine.close()


def sound_of(rendering: Rendering) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.concatenate([event.numpy() for event in rendering if isinstance(event, Sound)], axis=1)


def alone(engine: AceStepEngine, job: Job) -> np.ndarray[Any, np.dtype[np.float32]]:
    return sound_of(engine.submit(job))


class Gate:
    """Holds the engine before its next step until it is opened, so that a test decides what comes together."""

    def __init__(self, engine: AceStepEngine) -> None:
        self.reached, self.open, self.steps = threading.Event(), threading.Event(), 0
        self.handle = engine.pipe.transformer.proj_in_conv.register_forward_pre_hook(self._hold)

    def _hold(self, *_: object) -> None:
        self.steps += 1
        self.reached.set()
        assert self.open.wait(30)

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self.open.set()
        self.handle.remove()


def together(engine: AceStepEngine, first: Job, *others: Job) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Return the sound of jobs that share forwards: the others join after the first one's first step."""
    with Gate(engine) as gate:
        renderings = [engine.submit(first)]
        assert gate.reached.wait(30)
        renderings += [engine.submit(job) for job in others]
        gate.open.set()
        return [sound_of(rendering) for rendering in renderings]


def stock(engine: AceStepEngine, job: Job, **more: object) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return what diffusers' own pipeline makes of a job, alone: latents, decoded whole and not normalised."""
    pipe = engine.pipe
    latents = pipe(
        prompt=job.prompt, lyrics=job.lyrics, audio_duration=job.duration, vocal_language=job.language, bpm=job.bpm,
        keyscale=job.key, timesignature=job.time_signature, num_inference_steps=job.steps, shift=job.shift,
        guidance_scale=job.guidance_scale, generator=torch.Generator().manual_seed(job.seed), output_type="latent", **more,
    ).audios  # fmt: skip
    with torch.inference_mode():
        sound: np.ndarray[Any, np.dtype[np.float32]] = pipe.vae.decoder(latents.transpose(1, 2))[0].numpy()
    return sound


@pytest.mark.parametrize("job", [RAIN, NIGHT, HUSH])
def test_a_take_equals_the_stock_pipeline(turbo: AceStepEngine, job: Job) -> None:
    turbo.pipe.set_progress_bar_config(disable=True)
    np.testing.assert_allclose(alone(turbo, job), stock(turbo, job), atol=1e-5)


def test_a_guided_take_equals_the_stock_pipeline(base: AceStepEngine) -> None:
    base.pipe.set_progress_bar_config(disable=True)
    job = replace(NIGHT, guidance_scale=7.0)
    np.testing.assert_allclose(alone(base, job), stock(base, job), atol=1e-5)


def test_takes_packed_together_equal_takes_alone(turbo: AceStepEngine) -> None:
    packed = together(turbo, NIGHT, RAIN, HUSH)
    for job, sound in zip((NIGHT, RAIN, HUSH), packed, strict=True):
        assert sound.shape == (2, int(np.ceil(job.duration * 25)) * 1920)
        np.testing.assert_allclose(sound, alone(turbo, job), atol=2e-5)


def test_two_guidances_in_one_pass_equal_two_single_runs(base: AceStepEngine) -> None:
    jobs = [replace(RAIN, guidance_scale=7.5), replace(RAIN, guidance_scale=15.0)]
    packed = together(base, *jobs)
    singles = [alone(base, job) for job in jobs]
    for sound, single in zip(packed, singles, strict=True):
        np.testing.assert_allclose(sound, single, atol=2e-5)
    assert np.abs(singles[0] - singles[1]).max() > 1e-3


def test_guided_and_unguided_takes_share_a_pass(base: AceStepEngine) -> None:
    jobs = (replace(NIGHT, guidance_scale=3.0), RAIN)
    for job, sound in zip(jobs, together(base, *jobs), strict=True):
        np.testing.assert_allclose(sound, alone(base, job), atol=2e-5)


def test_the_same_seed_makes_the_same_samples_and_another_seed_others(turbo: AceStepEngine) -> None:
    first, again, other = alone(turbo, RAIN), alone(turbo, RAIN), alone(turbo, replace(RAIN, seed=70))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_every_step_is_reported_before_the_sound(turbo: AceStepEngine) -> None:
    events = list(turbo.submit(NIGHT))
    assert events[:6] == [Step(done, 6) for done in range(1, 7)]
    assert all(isinstance(event, Sound) for event in events[6:])


def test_cancelling_between_steps_frees_the_engine_for_the_next_take(turbo: AceStepEngine) -> None:
    long = replace(NIGHT, steps=10_000, duration=20.0)
    with Gate(turbo) as gate:
        rendering = turbo.submit(long)
        assert gate.reached.wait(30)
        waiting = turbo.submit(RAIN)
        rendering.cancel()
        gate.open.set()
        assert sound_of(waiting).shape[1] == 51 * 1920
        assert gate.steps <= 1 + 4 + 1, "the cancelled take went on being computed"
    assert turbo.busy() == 0


def test_a_cancelled_neighbour_changes_nothing(turbo: AceStepEngine) -> None:
    with Gate(turbo) as gate:
        leaving = turbo.submit(NIGHT)
        assert gate.reached.wait(30)
        staying = turbo.submit(HUSH)
        gate.open.set()
        for event in leaving:
            if event == Step(2, 6):
                leaving.cancel()
        sound = sound_of(staying)
    np.testing.assert_allclose(sound, alone(turbo, HUSH), atol=2e-5)


class OutOfMemoryAbove:
    """Makes the first linear layer run out of memory, as a card does, whenever it sees more than so many tokens."""

    def __init__(self, engine: AceStepEngine, tokens: int) -> None:
        self.tokens, self.raised, self.engine = tokens, 0, engine
        layer = engine.pipe.transformer.layers[0].self_attn.to_q
        self.handle = layer.register_forward_pre_hook(self._check)

    def _check(self, _: object, inputs: tuple[torch.Tensor]) -> None:
        if inputs[0].shape[0] > self.tokens:
            self.raised += 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

    def __enter__(self) -> "OutOfMemoryAbove":
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.remove()
        self.engine.together = None


def test_out_of_memory_steps_down_to_fewer_takes_at_once(turbo: AceStepEngine) -> None:
    expected = [alone(turbo, job) for job in (NIGHT, RAIN, HUSH)]
    with OutOfMemoryAbove(turbo, tokens=40) as memory:  # the largest take alone is 38
        made = together(turbo, NIGHT, RAIN, HUSH)
        assert memory.raised > 0
        assert turbo.together == 1
    for sound, single in zip(made, expected, strict=True):
        np.testing.assert_allclose(sound, single, atol=2e-5)


def test_a_take_too_large_even_alone_fails_in_words_and_the_others_go_on(turbo: AceStepEngine) -> None:
    with OutOfMemoryAbove(turbo, tokens=34), Gate(turbo) as gate:
        large = turbo.submit(NIGHT)
        assert gate.reached.wait(30)
        small = turbo.submit(RAIN)
        gate.open.set()
        with pytest.raises(TooLarge, match="does not fit"):
            list(large)
        assert sound_of(small).shape[1] == 51 * 1920


def test_out_of_memory_while_decoding_steps_down_to_smaller_tiles(turbo: AceStepEngine) -> None:
    job = replace(HUSH, duration=9.0)
    expected = alone(turbo, job)

    def check(_: object, inputs: tuple[torch.Tensor]) -> None:
        if inputs[0].shape[-1] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    handle = turbo.pipe.vae.decoder.register_forward_pre_hook(check)
    try:
        pieces = [event.numpy() for event in turbo.submit(job) if isinstance(event, Sound)]
    finally:
        handle.remove()
    assert len(pieces) == 4
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), expected, atol=1e-5)


def test_a_take_waits_until_there_is_room_for_it(ace_step_turbo: Path) -> None:
    engine = AceStepEngine(AceStepPipeline.from_pretrained(ace_step_turbo), most_tokens=60)
    try:
        with Gate(engine) as gate:
            first = engine.submit(NIGHT)
            assert gate.reached.wait(30)
            second = engine.submit(NIGHT)
            gate.open.set()
            sound_of(first)
            sound_of(second)
            assert gate.steps == 12, "38 tokens and 38 do not fit into 60"
    finally:
        engine.close()


def test_a_closed_engine_fails_what_it_holds_and_takes_nothing_more(ace_step_turbo: Path) -> None:
    engine = AceStepEngine(AceStepPipeline.from_pretrained(ace_step_turbo))
    with Gate(engine) as gate:
        rendering = engine.submit(NIGHT)
        assert gate.reached.wait(30)
        closing = threading.Thread(target=engine.close)
        closing.start()
        assert wait_until(lambda: engine._stopped, seconds=30)
        gate.open.set()
        closing.join(30)
    with pytest.raises(EngineStopped):
        list(rendering)
    with pytest.raises(EngineStopped):
        engine.submit(NIGHT)


def song(seconds: float, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(0, 0.1, (2, int(seconds * 48000))).astype(np.float32)


def test_repainting_equals_the_stock_pipeline(turbo: AceStepEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    source = song(3.0)
    job = replace(RAIN, duration=3.0, rework=Rework("repaint", source, 1.0, 2.0))
    made = alone(turbo, job)

    monkeypatch.setattr(Distribution, "sample", lambda self, generator=None: self.mean)  # as we encode: no chance in it
    expected = stock(
        turbo, job, task_type="repaint", src_audio=torch.from_numpy(source), repainting_start=1.0, repainting_end=2.0
    )
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_a_cover_equals_the_stock_pipeline(
    base: AceStepEngine, monkeypatch: pytest.MonkeyPatch, strength: float
) -> None:
    source, reference = song(3.0), song(4.0, seed=1)
    job = replace(
        RAIN, duration=3.0, guidance_scale=4.0, rework=Rework("cover", source, strength=strength, reference=reference)
    )
    made = alone(base, job)

    monkeypatch.setattr(Distribution, "sample", lambda self, generator=None: self.mean)
    expected = stock(
        base, job, task_type="cover", src_audio=torch.from_numpy(source), reference_audio=torch.from_numpy(reference),
        audio_cover_strength=strength,
    )  # fmt: skip
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "tracks"), [("extract", ("vocals",)), ("lego", ("drums",)), ("complete", ("bass", "drums"))]
)
def test_a_base_checkpoint_does_the_track_tasks_as_the_stock_pipeline_does(
    base: AceStepEngine, monkeypatch: pytest.MonkeyPatch, task: Any, tracks: tuple[str, ...]
) -> None:
    source = song(3.0)
    job = replace(RAIN, duration=3.0, rework=Rework(task, source, tracks=tracks))
    made = alone(base, job)

    monkeypatch.setattr(Distribution, "sample", lambda self, generator=None: self.mean)
    expected = stock(
        base, job, task_type=task, src_audio=torch.from_numpy(source), track_name=tracks[0],
        complete_track_classes=list(tracks),
    )  # fmt: skip
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_a_cover_without_the_audio_tokenizer_is_refused_in_words(ace_step_turbo: Path) -> None:
    engine = AceStepEngine(AceStepPipeline.from_pretrained(ace_step_turbo, audio_tokenizer=None))
    try:
        with pytest.raises(WrongSetting, match="audio tokenizer"):
            list(engine.submit(replace(RAIN, duration=3.0, rework=Rework("cover", song(3.0)))))
        assert sound_of(engine.submit(RAIN)).any()
    finally:
        engine.close()
