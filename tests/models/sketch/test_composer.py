"""The sketch engine's composer: whole songs, rendered in its processes and measured as they come out."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from models.roles import Composer, Recording, SongSheet, Take
from models.sketch.arrange import arrange
from models.sketch.composer import SketchComposer
from models.sketch.rendering.mix import finish_mix
from models.sketch.rendering.processes import StemFailed
from tests import listening

ROOT = Path(__file__).resolve().parents[3]

SHEET = SongSheet(
    title="Salt on the Window",
    prompt="pop, piano, warm",
    lyrics="",
    bpm=112.0,
    key="A minor",
    time_signature="4/4",
    language="en",
    instrumental=True,
    duration=12.0,
    categories=(),
    cover_prompt="",
)
WORDS = "[Verse]\nThe kettle's gone quiet, the window is white\n[Chorus]\nOh, come home tonight"

# Sixteen genres and a tempo of theirs. Ambient is not among them: nobody could tap a foot to it.
GENRES = {
    "pop": 108, "rock": 126, "metal": 164, "folk": 98, "country": 112, "jazz": 132, "bossa nova": 126, "blues": 96,
    "funk": 106, "reggae": 74, "house": 124, "techno": 128, "drum and bass": 174, "lofi": 78, "synthwave": 100,
    "classical": 96,
}  # fmt: skip


class Cancelled(Exception):
    """What a caller raises to stop a song."""


def sheet_with(**changes: object) -> SongSheet:
    return dataclasses.replace(SHEET, **changes)  # type: ignore[arg-type]


def ignore(_share: float) -> None:
    """Take no notice of progress."""


def renderers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline()):
            found.append(child)
    return found


@pytest.fixture(scope="module")
def composer() -> Iterator[SketchComposer]:
    composer = SketchComposer(processes=2)
    yield composer
    composer.close()


@pytest.fixture(scope="module")
def recording(composer: SketchComposer) -> Recording:
    return composer.compose(SHEET, Take(seed=7), ignore)


def test_a_recording_is_what_the_role_promises(composer: SketchComposer, recording: Recording) -> None:
    role: Composer = composer
    assert role.name == "sketch"
    assert recording.samples.dtype == np.float32
    assert recording.samples.shape == (2, 12 * 48_000)
    assert (recording.sample_rate, recording.bpm, recording.key) == (48_000, 112.0, "A minor")
    ends = [section.start + section.duration for section in recording.sections]
    assert recording.sections[0].start == 0
    assert ends[-1] == pytest.approx(12.0)
    assert ends[:-1] == pytest.approx([section.start for section in recording.sections[1:]])


def test_a_recording_is_ready_to_be_mastered(recording: Recording) -> None:
    samples = recording.samples
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() < 0.98
    assert -16.5 < listening.loudness(samples, 48_000) < -14
    assert listening.longest_silence(samples, 48_000) < 0.5
    assert np.abs(samples[:, 0]).max() < 1e-3
    assert np.abs(samples[:, -100:]).max() < 0.01
    assert abs(samples.mean()) < 1e-3


def test_progress_rises_from_the_start_to_the_end(composer: SketchComposer) -> None:
    shares: list[float] = []
    composer.compose(sheet_with(duration=10.0), Take(seed=1), shares.append)
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] < 0.5
    assert shares[-1] == 1.0
    assert len(set(shares)) > 8


def test_the_same_take_is_the_same_samples_however_many_processes_play(recording: Recording) -> None:
    alone = SketchComposer(processes=1)
    try:
        assert alone.compose(SHEET, Take(seed=7), ignore).samples.tobytes() == recording.samples.tobytes()
    finally:
        alone.close()


def test_two_songs_at_once_are_played_one_after_the_other(composer: SketchComposer, recording: Recording) -> None:
    with ThreadPoolExecutor(2) as threads:
        playing = [threads.submit(composer.compose, SHEET, Take(seed=7), ignore) for _ in range(2)]
        assert all(song.result().samples.tobytes() == recording.samples.tobytes() for song in playing)


def test_another_seed_is_another_song(composer: SketchComposer, recording: Recording) -> None:
    other = composer.compose(SHEET, Take(seed=8), ignore).samples
    alike = np.corrcoef(other.mean(axis=0), recording.samples.mean(axis=0))[0, 1]
    assert abs(alike) < 0.5


def test_the_stems_add_up_to_the_song(composer: SketchComposer) -> None:
    sheet = sheet_with(lyrics=WORDS, instrumental=False, duration=16.0)
    stems = composer.render_stems(sheet, Take(seed=3), ignore)
    assert {"vocals", "chords", "lead", "drums", "bass"} <= stems.keys()
    for name, stem in stems.items():
        assert stem.dtype == np.float32
        assert stem.shape == (2, 16 * 48_000)
        assert np.abs(stem).max() > 0.01, name
    total = np.sum(list(stems.values()), axis=0)
    finish_mix(total, arrange(sheet, Take(seed=3)), ignore)
    song = composer.compose(sheet, Take(seed=3), ignore).samples
    np.testing.assert_allclose(total, song, atol=1e-4)
    # The low end stands in the middle; the chords are wide.
    assert listening.width(stems["bass"], 48_000, 20, 120) < -20
    assert listening.width(stems["chords"], 48_000, 300) > listening.width(stems["bass"], 48_000, 300)


def test_only_a_song_with_words_has_a_singer(composer: SketchComposer) -> None:
    silent_words = sheet_with(lyrics=WORDS, instrumental=True)
    assert "vocals" not in composer.render_stems(silent_words, Take(seed=3), ignore)


def test_a_cancel_passes_through_at_once_and_the_next_song_plays(composer: SketchComposer) -> None:
    cancel = Cancelled()

    def stop(share: float) -> None:
        if share > 0.1:
            raise cancel

    with pytest.raises(Cancelled) as raised:
        composer.compose(sheet_with(duration=60.0), Take(seed=1), stop)
    assert raised.value is cancel
    assert not renderers()
    assert composer.compose(sheet_with(duration=10.0), Take(seed=1), ignore).samples.any()


def test_a_render_process_that_dies_fails_the_song_and_the_next_one_plays() -> None:
    composer = SketchComposer(processes=1)

    def kill(_share: float) -> None:
        for process in renderers():
            process.kill()

    try:
        with pytest.raises(StemFailed, match="stem ended"):
            composer.compose(SHEET, Take(seed=1), kill)
        assert composer.compose(SHEET, Take(seed=1), ignore).samples.any()
    finally:
        composer.close()


def test_a_stem_that_cannot_be_rendered_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"RIFFxxxxnonsense")
    composer = SketchComposer(soundfont=broken, processes=1)
    with pytest.raises(StemFailed, match="is not a soundfont"):
        composer.compose(SHEET, Take(seed=1), ignore)
    with pytest.raises(FileNotFoundError):
        SketchComposer(soundfont=tmp_path / "missing.sf2").compose(SHEET, Take(seed=1), ignore)


def test_the_render_processes_die_with_the_program_that_started_them() -> None:
    program = """
import dataclasses
from models.roles import Take
from models.sketch.composer import SketchComposer
from tests.models.sketch.test_composer import SHEET, renderers

def tell(share):
    if share > 0:
        print(*(process.pid for process in renderers()), flush=True)

if __name__ == "__main__":
    SketchComposer(processes=2).compose(dataclasses.replace(SHEET, duration=120.0), Take(seed=1), tell)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(children) == 2
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": 10.0, "prompt": "ambient"},
        {"time_signature": "3/4", "prompt": "classical, waltz, piano"},
        {"time_signature": "6/8", "prompt": "folk"},
        {"duration": 10.0, "instrumental": False, "lyrics": WORDS, "voice": "choir"},
        {"duration": 10.0, "instrumental": False, "lyrics": "夜空の星\nНочь, улица 🎵 <b>&", "language": "ja"},
        {"duration": 10.4, "bpm": 30.0, "prompt": ""},
        {"duration": 10.0, "bpm": 300.0, "prompt": "punk", "key": "nonsense"},
    ],
    ids=",".join,
)
def test_unusual_sheets_become_songs_too(composer: SketchComposer, changes: dict[str, object]) -> None:
    sheet = sheet_with(**changes)
    samples = composer.compose(sheet, Take(seed=5), ignore).samples
    assert samples.shape == (2, round(sheet.duration * 48_000))
    assert np.isfinite(samples).all()
    assert 0.1 < np.abs(samples).max() < 0.98
    assert listening.longest_silence(samples, 48_000) < 2


def test_a_breakdown_is_quiet_but_not_lost(composer: SketchComposer) -> None:
    song = composer.compose(sheet_with(prompt="drum and bass", bpm=174.0, duration=50.0), Take(seed=7), ignore)
    levels = []
    for section in song.sections:
        first, last = int(section.start * 48_000), int((section.start + section.duration) * 48_000)
        levels.append(listening.loudness(song.samples[:, first:last], 48_000))
    assert 3 < max(levels) - min(levels) < 13


@pytest.fixture(scope="module")
def songs(composer: SketchComposer) -> dict[str, Recording]:
    return {
        genre: composer.compose(sheet_with(prompt=genre, bpm=float(bpm)), Take(seed=7), ignore)
        for genre, bpm in GENRES.items()
    }


@pytest.mark.parametrize("genre", GENRES)
def test_a_genre_keeps_its_tempo_and_never_falls_silent(songs: dict[str, Recording], genre: str) -> None:
    samples = songs[genre].samples
    assert listening.tempo_error(listening.tempo(samples, 48_000), GENRES[genre]) < 0.03
    assert listening.longest_silence(samples, 48_000) < 2
    assert np.abs(samples).max() < 0.98
    assert -16.5 < listening.loudness(samples, 48_000) < -14
    assert 11 < listening.crest(samples) < 20
    assert listening.width(samples, 48_000, 20, 110) < -15


def test_genres_sound_like_themselves(songs: dict[str, Recording]) -> None:
    bright = {genre: listening.centroid(song.samples, 48_000) for genre, song in songs.items()}
    deep = {genre: listening.band_level(song.samples, 48_000, 20, 70) for genre, song in songs.items()}
    assert bright["lofi"] < bright["drum and bass"]
    assert bright["folk"] < bright["funk"]
    assert max(bright.values()) > 1.6 * min(bright.values())
    assert deep["classical"] + 8 < deep["techno"]
    dense = {genre: listening.onsets_per_second(song.samples, 48_000) for genre, song in songs.items()}
    assert dense["metal"] > dense["lofi"]


def test_the_key_is_the_one_asked_for_or_its_closest_kin(songs: dict[str, Recording]) -> None:
    kin = {"A minor", "C major", "E minor", "D minor", "A major"}
    heard = [listening.key(song.samples, 48_000) for song in songs.values()]
    assert sum(key in kin for key in heard) >= 14
    assert heard.count("A minor") >= 8
