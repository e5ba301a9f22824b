"""The recipe: from a brief to two takes that can be played, and what happens when something is in the way."""

import io
from typing import Any, NoReturn

import numpy as np
import pyloudnorm
import pytest
import soundfile
from PIL import Image
from scipy.signal import resample_poly
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from appliance.database import transaction
from appliance.queue import OUT_OF_MEMORY, LeaseLost, keep_sheet, lease_of
from appliance.storage import Storage
from appliance.tables import Song
from models.failures import TooLarge
from models.roles import OnProgress, Recording, SongSheet, Take
from tests.worker.making import (
    SECONDS,
    ask_for_song,
    cancel,
    claim,
    keys_of,
    lapse,
    look,
    make,
    making,
    wait_for_stage,
)
from worker.engines import Engines
from worker.produce import REASONS

WORDS = "[Verse]\nA lantern on the windowsill\nThe snow is falling, slow and still\n\n[Chorus]\nCarry me home"


def _read(store: Storage, key: str) -> bytes:
    return b"".join(store.read(key))


def _check_playable(store: Storage, song: Song) -> None:
    """Listen to the stored files of a song."""
    assert song.status == "processed"
    samples, rate = soundfile.read(io.BytesIO(_read(store, song.master_key)))
    assert samples.shape[1] == 2
    assert abs(len(samples) / rate - SECONDS) <= 1
    assert song.duration == pytest.approx(len(samples) / rate)
    assert abs(pyloudnorm.Meter(rate).integrated_loudness(samples) + 14) <= 1
    assert 20 * np.log10(np.abs(resample_poly(samples, 4, 1, axis=0)).max()) <= -1
    played, played_rate = soundfile.read(io.BytesIO(_read(store, song.audio_key)))
    assert abs(len(played) / played_rate - SECONDS) <= 1
    assert song.peaks is not None
    assert len(song.peaks) == 800
    assert song.sections
    assert song.model == "sketch"
    assert song.bpm
    assert song.key
    assert song.categories
    for key, side in ((song.cover_key, 1024), (song.thumbnail_key, 384)):
        assert Image.open(io.BytesIO(_read(store, key))).size == (side, side)


@pytest.mark.parametrize(
    "brief",
    [
        {"mode": "description", "full_description": "a sad waltz about rain"},
        {"mode": "description", "full_description": "driving techno for the night", "instrumental": True},
        {"mode": "lyrics", "prompt": "folk, acoustic guitar", "lyrics": WORDS},
        {"mode": "lyrics", "prompt": "synthwave", "lyrics": "", "instrumental": True},
        {"mode": "described_lyrics", "prompt": "pop, piano", "described_lyrics": "a letter that was never sent"},
        {"mode": "described_lyrics", "prompt": "lo-fi", "instrumental": True},
    ],
    ids=[
        "description",
        "description, instrumental",
        "lyrics",
        "lyrics, instrumental",
        "described",
        "described, instr.",
    ],
)
def test_every_kind_of_brief_ends_in_two_playable_takes_that_share_the_words(
    session: Session, object_store: Storage, engines: Engines, brief: dict[str, Any]
) -> None:
    ask_for_song(session, **brief)
    request = make(engines)
    first, second = request.songs
    for song in request.songs:
        _check_playable(object_store, song)
    assert request.lease_worker is None
    assert (first.title, first.prompt, first.lyrics) == (second.title, second.prompt, second.lyrics)
    assert first.title
    assert first.prompt
    assert request.sheet is not None
    assert request.sheet["lyrics"] == first.lyrics
    assert first.instrumental == second.instrumental == bool(brief.get("instrumental"))
    if brief.get("instrumental"):
        assert first.lyrics == ""
    else:
        assert first.lyrics
        assert brief.get("lyrics", first.lyrics) == first.lyrics
    assert set(object_store.list()) == keys_of(request)
    # The second take was begun while the first was being finished, and the first could be played before the second.
    assert first.finished_at is not None
    assert second.started_at is not None
    assert second.finished_at is not None
    assert second.started_at < first.finished_at < second.finished_at
    assert _read(object_store, first.master_key) != _read(object_store, second.master_key)


def test_the_same_seed_makes_the_same_bytes_and_another_seed_another_song(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    made: list[list[bytes]] = []
    for seed in (7, 7, 8):
        ask_for_song(session, takes=1, full_description="a quiet waltz", seed=seed)
        song = make(engines).songs[0]
        made.append([_read(object_store, key) for key in (song.master_key, song.audio_key, song.cover_key)])
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]


def test_a_second_attempt_sings_the_words_of_the_first_and_clears_away_what_it_left(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    ask_for_song(session, takes=1)
    request = claim()
    sheet = {
        "title": "Words of the first attempt", "prompt": "waltz", "lyrics": WORDS, "bpm": 90.0, "key": "A minor",
        "time_signature": "3/4", "language": "en", "instrumental": False, "duration": 10.0, "categories": ["Folk"],
        "cover_prompt": "snow", "voice": "robot",
    }  # fmt: skip
    object_store.write(f"songs/{request.songs[0].id}/1/master.flac", b"cut short", "audio/flac")
    with transaction() as work:
        keep_sheet(work, lease_of(request), sheet)
    lapse(request)
    again = make(engines, "two")
    assert again.attempt == 2
    song = again.songs[0]
    assert (song.status, song.title, song.lyrics) == ("processed", "Words of the first attempt", WORDS)
    assert set(object_store.list()) == keys_of(again)


def test_a_cancelled_take_is_let_go_in_the_middle_and_the_other_is_made(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    request = ask_for_song(session)
    with making(engines) as (_, raised):
        wait_for_stage(request.id, 1, "composing")
        cancel(session, request, 1)
    assert raised == []
    first, second = look(request.id).songs
    assert first.status == "cancelled"
    _check_playable(object_store, second)
    assert set(object_store.list()) == keys_of(look(request.id))
    assert not object_store.list(f"songs/{first.id}/")


def test_a_request_that_is_cancelled_as_a_whole_leaves_nothing(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    request = ask_for_song(session)
    with making(engines) as (_, raised):
        wait_for_stage(request.id, 1, "composing")
        cancel(session, request, 2)
        cancel(session, request, 1)
    assert raised == []
    after = look(request.id)
    assert [song.status for song in after.songs] == ["cancelled", "cancelled"]
    assert after.lease_worker is None
    assert object_store.list() == []


def test_a_worker_that_lost_its_lease_stops_and_leaves_no_trace(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    request = ask_for_song(session)
    with making(engines) as (claimed, raised):
        wait_for_stage(request.id, 1, "composing")
        lapse(claimed)
        assert claim("two").attempt == 2
    assert [type(error) for error in raised] == [LeaseLost]
    assert object_store.list() == []
    after = look(request.id)
    assert after.lease_worker == "two"
    assert {song.status for song in after.songs} <= {"queued", "processing"}


def test_what_was_stored_is_deleted_when_the_song_cannot_be_made_ready(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    ask_for_song(session)
    session.execute(
        text("ALTER TABLE songs ADD CONSTRAINT nothing_is_ever_ready CHECK (status <> 'processed') NOT VALID")
    )
    session.commit()
    try:
        request = make(engines)
    finally:
        session.execute(text("ALTER TABLE songs DROP CONSTRAINT nothing_is_ever_ready"))
        session.commit()
    assert request.songs[0].status == "queued"
    assert object_store.list() == []


class ShortOfMemory:
    """A composer on a machine that is too small."""

    name = "short"

    def compose(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> NoReturn:
        raise MemoryError


class Mute:
    """A composer whose instruments are unplugged."""

    name = "mute"

    def compose(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> Recording:
        return Recording(np.zeros((2, 480_000), np.float32), 48_000, sheet.bpm, sheet.key, ())


class Cramped:
    """A composer whose accelerator is too small, and which says so."""

    name = "cramped"

    def compose(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> NoReturn:
        raise TooLarge("Three minutes do not fit this card.")


class OutOfPaint:
    """An illustrator that cannot paint."""

    name = "out"

    def paint(self, sheet: SongSheet, seed: int) -> NoReturn:
        raise ValueError("no paint")


def test_after_three_tries_a_take_fails_with_a_sentence_and_keeps_its_words(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    ask_for_song(session)
    small = Engines(engines.songwriter, ShortOfMemory(), engines.illustrator)
    for _ in range(2):
        assert [song.status for song in make(small).songs] == ["queued", "queued"]
    request = make(small)
    assert {(song.status, song.reason) for song in request.songs} == {("failed", OUT_OF_MEMORY)}
    assert all(song.lyrics for song in request.songs)
    assert request.lease_worker is None
    assert object_store.list() == []


def test_a_silent_recording_fails_at_once_since_another_try_would_be_as_silent(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    ask_for_song(session)
    request = make(Engines(engines.songwriter, Mute(), engines.illustrator))
    assert [song.status for song in request.songs] == ["failed", "failed"]
    assert "silent" in request.songs[0].reason
    assert object_store.list() == []


def test_what_a_model_says_about_its_failure_is_what_people_read(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    ask_for_song(session)
    request = make(Engines(engines.songwriter, Cramped(), engines.illustrator))
    assert {(song.status, song.reason) for song in request.songs} == {("failed", "Three minutes do not fit this card.")}


class Talkative:
    """A composer that repeats the words that it stumbles over, as they stand and as Python quotes them."""

    name = "talkative"

    def compose(self, sheet: SongSheet, take: Take, on_progress: OnProgress) -> NoReturn:
        raise KeyError(f"nothing rhymes with {sheet.lyrics}", sheet.lyrics, sheet.prompt)


def test_the_log_of_a_failure_is_kept_with_the_song_without_its_words(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    words = '[Verse]\nDon\'t weep, my dear\nThe "snow" is here'
    ask_for_song(session, mode="lyrics", prompt="folk, fiddle", lyrics=words)
    for _ in range(3):
        request = make(Engines(engines.songwriter, Talkative(), engines.illustrator))
    song = request.songs[0]
    assert (song.status, song.reason) == ("failed", REASONS["composing"])
    log = session.scalar(select(Song.failure_log).where(Song.id == song.id))
    assert log
    assert "in compose" in log
    assert "KeyError" in log
    assert "nothing rhymes with" in log
    for word in ("weep", "snow", "fiddle"):
        assert word not in log


def test_a_song_whose_cover_cannot_be_painted_is_ready_all_the_same(
    session: Session, object_store: Storage, engines: Engines
) -> None:
    ask_for_song(session, takes=1)
    request = make(Engines(engines.songwriter, engines.composer, OutOfPaint()))
    song = request.songs[0]
    assert (song.status, song.cover_key, song.thumbnail_key) == ("processed", "", "")
    assert set(object_store.list()) == keys_of(request)


def test_there_is_a_sentence_for_every_stage() -> None:
    assert {"writing", "composing", "mastering", "painting", "storing"} == set(REASONS)
