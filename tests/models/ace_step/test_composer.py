"""The composer: sheets and takes become recordings, wrong settings are refused in words, old songs are kept where asked."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.ace_step.composer import AceStepComposer
from models.ace_step.jobs import Rework
from models.ace_step.splicing import splice
from models.catalogue import MUSIC_MODELS, find_model
from models.failures import WrongSetting
from models.roles import SongSheet, Take

TURBO = replace(find_model("ace-step-xl-turbo", MUSIC_MODELS), shortest=1.0)
BASE = replace(find_model("ace-step-xl-base", MUSIC_MODELS), shortest=1.0, steps=(2, 3, 5))
SHEET = SongSheet(
    "Rain", "warm soul, brushed drums", "[verse]\nRain on the window", 84.0, "D major", "4/4", "en", False, 2.5, ("Soul",),
    "rain on a window",
)  # fmt: skip
RATE = 48000


@pytest.fixture(scope="module")
def turbo(ace_step_turbo: Path) -> Iterator[AceStepComposer]:
    composer = AceStepComposer(ace_step_turbo, TURBO, device="cpu")
    yield composer
    composer.close()


@pytest.fixture(scope="module")
def base(ace_step_base: Path) -> Iterator[AceStepComposer]:
    composer = AceStepComposer(ace_step_base, BASE, device="cpu")
    yield composer
    composer.close()


def silent(_: float) -> None:
    """Take note of nothing."""


def song(seconds: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(1).normal(0, 0.1, (2, int(seconds * RATE))).astype(np.float32)


def test_a_recording_is_as_long_as_asked_at_the_peak_that_upstream_gives_it(turbo: AceStepComposer) -> None:
    recording = turbo.compose(SHEET, Take(1, steps=4), silent)
    assert recording.samples.shape == (2, 120_000)
    assert recording.samples.dtype == np.float32
    assert (recording.sample_rate, recording.bpm, recording.key) == (RATE, 84.0, "D major")
    assert np.abs(recording.samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-6)


def test_the_recording_says_what_was_used(turbo: AceStepComposer, base: AceStepComposer) -> None:
    asked = Take(1, guidance_scale=15.0, steps=60)
    made = turbo.compose(SHEET, asked, silent)
    assert (made.steps, made.guidance_scale) == (20, None)
    made = base.compose(SHEET, asked, silent)
    assert (made.steps, made.guidance_scale) == (5, 15.0)


def test_takes_of_two_threads_are_the_same_as_one_after_the_other(base: AceStepComposer) -> None:
    takes = [Take(3, guidance_scale=7.5), Take(3, guidance_scale=15.0)]
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda take: base.compose(SHEET, take, silent), takes))
    for take, recording in zip(takes, both, strict=True):
        np.testing.assert_allclose(recording.samples, base.compose(SHEET, take, silent).samples, atol=1e-4)
    assert np.abs(both[0].samples - both[1].samples).max() > 1e-3


def test_progress_rises_to_one_in_the_thread_that_asked(turbo: AceStepComposer) -> None:
    shares: list[tuple[float, threading.Thread]] = []
    turbo.compose(SHEET, Take(1), lambda share: shares.append((share, threading.current_thread())))
    values = [share for share, _ in shares]
    assert values == sorted(values)
    assert len(values) >= 9
    assert values[-1] == 1.0
    assert {thread for _, thread in shares} == {threading.current_thread()}


def test_what_progress_raises_stops_the_take_and_passes_through(turbo: AceStepComposer) -> None:
    class Cancelled(Exception):
        pass

    def stop(share: float) -> None:
        if share > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        turbo.compose(SHEET, Take(1), stop)
    assert turbo.compose(SHEET, Take(2, steps=4), silent).samples.any()
    assert turbo.engine.busy() == 0


def test_an_instrumental_has_no_words(turbo: AceStepComposer) -> None:
    sheet = replace(SHEET, instrumental=True)
    job = turbo._job(sheet, Take(1), 2.5, None)
    assert (job.lyrics, job.language) == ("[Instrumental]", "unknown")
    with_words = turbo.compose(SHEET, Take(1, steps=4), silent)
    assert np.abs(turbo.compose(sheet, Take(1, steps=4), silent).samples - with_words.samples).max() > 1e-3


def test_a_language_with_a_region_is_told_to_the_model_without_it(turbo: AceStepComposer) -> None:
    job = turbo._job(replace(SHEET, language="pt-BR", time_signature="6/8", bpm=90.4), Take(1), 2.5, None)
    assert (job.language, job.time_signature, job.bpm) == ("pt", "6", 90)


def test_a_song_too_long_for_the_checkpoint_is_refused(turbo: AceStepComposer) -> None:
    with pytest.raises(WrongSetting, match="not of 700"):
        turbo.compose(replace(SHEET, duration=700.0), Take(1), silent)


def test_extracting_a_track_is_refused_on_turbo_and_done_by_base(turbo: AceStepComposer, base: AceStepComposer) -> None:
    rework = Rework("extract", song(2.0), tracks=("vocals",))
    with pytest.raises(WrongSetting, match="cannot do 'extract'"):
        turbo.rework(SHEET, Take(1), rework, silent)
    assert base.rework(SHEET, Take(1), rework, silent).samples.shape == (2, 2 * RATE)


def test_a_checkpoint_of_the_other_kind_is_refused(ace_step_base: Path) -> None:
    with pytest.raises(WrongSetting, match="not those of ace-step-xl-turbo"):
        AceStepComposer(ace_step_base, TURBO, device="cpu")


def test_a_repaint_keeps_every_sample_outside_the_window(turbo: AceStepComposer) -> None:
    source = song(3.0)
    made = turbo.rework(SHEET, Take(1, steps=4), Rework("repaint", source, 1.0, 2.2), silent).samples
    start, end = RATE, round(2.2 * RATE)
    np.testing.assert_array_equal(made[:, :start], source[:, :start])
    np.testing.assert_array_equal(made[:, end:], source[:, end:])
    assert (made[:, start + 2400 : end - 2400] != source[:, start + 2400 : end - 2400]).mean() > 0.99


def test_an_extension_keeps_the_song_and_appends_to_it(turbo: AceStepComposer) -> None:
    source = song(2.0)
    made = turbo.rework(replace(SHEET, duration=3.0), Take(1, steps=4), Rework("extend", source), silent).samples
    assert made.shape == (2, 3 * RATE)
    kept = RATE * 3 // 2  # the last half second is made anew for the join
    np.testing.assert_array_equal(made[:, :kept], source[:, :kept])
    assert np.abs(made[:, 2 * RATE :]).max() > 0
    with pytest.raises(WrongSetting, match="2 seconds long already"):
        turbo.rework(replace(SHEET, duration=2.0), Take(1), Rework("extend", source), silent)


@pytest.mark.parametrize("window", [(2.0, 1.0), (-1.0, 1.0), (0.0, 9.0), (1.0, 1.0)])
def test_a_window_outside_the_song_is_refused(turbo: AceStepComposer, window: tuple[float, float]) -> None:
    with pytest.raises(WrongSetting, match="window"):
        turbo.rework(SHEET, Take(1), Rework("repaint", song(3.0), *window), silent)


def test_mono_is_refused(turbo: AceStepComposer) -> None:
    with pytest.raises(WrongSetting, match="stereo"):
        turbo.rework(SHEET, Take(1), Rework("repaint", song(3.0)[:1], 1.0, 2.0), silent)


def test_a_splice_crosses_over_without_a_step() -> None:
    source, made = np.ones((2, 1000), np.float32), -np.ones((2, 1000), np.float32)
    result = splice(source, made, 200, 800, 100)
    assert (result[:, :200] == 1).all()
    assert (result[:, 300:700] == -1).all()
    assert (result[:, 800:] == 1).all()
    assert np.abs(np.diff(result)).max() < 0.03


def test_a_window_to_the_very_end_is_not_faded_there() -> None:
    source, made = np.ones((2, 500), np.float32), -np.ones((2, 800), np.float32)
    result = splice(source, made, 400, 800, 50)
    assert (result[:, :400] == 1).all()
    assert (result[:, 450:] == -1).all()
