"""The files of a song: what is in them, and that players can use them."""

import io

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC
from mutagen.mp3 import MP3, BitrateMode
from PIL import Image

from models.roles import SongSheet
from worker.encoding import PEAKS, cover_files, encode_flac, encode_mp3, waveform
from worker.mastering import Master

RATE = 48_000
SHEET = SongSheet(
    title="Regen über der Stadt 雨",
    prompt="slow waltz",
    lyrics="[Verse]\nUnd es regnet",
    bpm=89.6,
    key="F# minor",
    time_signature="3/4",
    language="de",
    instrumental=False,
    duration=4,
    categories=("Folk", "Sad"),
    cover_prompt="rain",
)


@pytest.fixture(scope="module")
def mastered() -> Master:
    """Return four and a half seconds that rise in pitch, with silence between the third and the fourth second."""
    time = np.arange(int(4.5 * RATE)) / RATE
    left = 0.5 * np.sin(2 * np.pi * (200 + 100 * time) * time)
    left[3 * RATE : 4 * RATE] = 0
    return Master(np.stack([left, left * 0.5]).astype(np.float32), RATE, -14.0, -6.0)


def test_the_master_is_kept_without_loss_and_says_what_it_is(mastered: Master) -> None:
    seconds: list[float] = []
    data = encode_flac(mastered, SHEET, seconds.append)
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == RATE
    assert np.abs(samples.T - mastered.samples).max() <= 2**-23
    assert len(seconds) == 5
    assert seconds == sorted(seconds)
    tags = FLAC(io.BytesIO(data))
    assert tags.info.bits_per_sample == 24
    assert tags["title"] == [SHEET.title]
    assert tags["lyrics"] == [SHEET.lyrics]
    assert tags["genre"] == ["Folk", "Sad"]
    assert tags["bpm"] == ["90"]
    assert tags["key"] == ["F# minor"]


def test_the_played_file_has_a_constant_rate_and_tags_that_players_show(mastered: Master) -> None:
    data = encode_mp3(mastered, SHEET, lambda _share: None)
    file = MP3(io.BytesIO(data))
    assert file.info is not None
    assert file.tags is not None
    assert file.info.bitrate_mode == BitrateMode.CBR
    assert file.info.bitrate == 192_000
    assert file.info.length == pytest.approx(4.5, abs=0.05)
    assert str(file.tags["TIT2"]) == SHEET.title
    assert str(file.tags["TBPM"]) == "90"
    assert str(file.tags["TKEY"]) == "F#m"
    assert str(file.tags["USLT::und"]) == SHEET.lyrics
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    assert np.abs(samples[int(3.2 * RATE) : int(3.8 * RATE)]).max() < 0.01
    assert 0.4 < np.abs(samples[int(4.1 * RATE) : int(4.4 * RATE)]).max() < 0.6


def test_encoding_can_be_stopped_in_the_middle(mastered: Master) -> None:
    class Stop(Exception):
        pass

    def stop(share: float) -> None:
        if share > 0.4:
            raise Stop

    for encode in (encode_flac, encode_mp3):
        with pytest.raises(Stop):
            encode(mastered, SHEET, stop)


def test_the_waveform_follows_the_sound(mastered: Master) -> None:
    peaks = waveform(mastered.samples)
    assert len(peaks) == PEAKS
    second = PEAKS / 4.5
    assert max(peaks[: int(3 * second) - 1]) in range(126, 129)
    assert max(peaks[int(3 * second) + 2 : int(4 * second) - 1]) == 0
    assert peaks[-5] > 100


def test_the_waveform_of_the_shortest_sound_is_as_long_as_any() -> None:
    assert len(waveform(np.ones((2, PEAKS + 1), np.float32))) == PEAKS


def test_covers_are_webp_in_two_sizes() -> None:
    gradient = np.linspace(0, 255, 512 * 512 * 3).reshape(512, 512, 3).astype(np.uint8)
    pictures = [Image.open(io.BytesIO(data)) for data in cover_files(Image.fromarray(gradient))]
    assert [(picture.format, picture.size) for picture in pictures] == [("WEBP", (1024, 1024)), ("WEBP", (384, 384))]
