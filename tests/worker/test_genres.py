"""Sixteen genres from a prompt to the finished master: as fast, as long and as loud as asked, and never silent."""

from collections.abc import Iterator

import numpy as np
import pytest

from appliance.categories import CATEGORIES
from models.roles import Brief, Take
from models.sketch.composer import SketchComposer
from models.sketch.songwriter import SketchSongwriter
from tests import listening
from worker.mastering import master

RATE, SECONDS = 48_000, 12.0
# A tempo that each is played at. Ambient is not among them: nobody could tap a foot to it.
GENRES = {
    "pop": 108, "rock": 126, "metal": 164, "folk": 98, "country": 112, "jazz": 132, "bossa nova": 126, "blues": 96,
    "funk": 106, "reggae": 74, "house": 124, "techno": 128, "drum and bass": 174, "lofi": 78, "synthwave": 100,
    "classical": 96,
}  # fmt: skip


@pytest.fixture(scope="module")
def composer() -> Iterator[SketchComposer]:
    composer = SketchComposer(processes=2)
    yield composer
    composer.close()


@pytest.mark.parametrize("genre", GENRES)
def test_a_prompt_becomes_a_master_that_keeps_its_promises(composer: SketchComposer, genre: str) -> None:
    brief = Brief("lyrics", prompt=genre, instrumental=True, duration=SECONDS, bpm=float(GENRES[genre]), seed=11)
    sheet = SketchSongwriter().write(brief, CATEGORIES)
    recording = composer.compose(sheet, Take(seed=11), lambda _: None)
    mastered = master(recording.samples, recording.sample_rate, lambda _: None)
    samples = mastered.samples
    assert abs(mastered.duration - SECONDS) <= 1
    assert samples.shape[1] == round(mastered.duration * RATE)
    assert abs(listening.loudness(samples, RATE) + 14) <= 1
    assert listening.true_peak(samples) <= -1
    assert np.abs(samples).max() < 1
    assert listening.longest_silence(samples, RATE) < 2
    assert listening.tempo_error(listening.tempo(samples, RATE), GENRES[genre]) < 0.03
