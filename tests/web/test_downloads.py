"""What is saved of a song: every kind of file, with everything in its tags."""

import base64
import io
import zipfile
from typing import Any

import pytest
import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from PIL import Image
from sqlalchemy.orm import Session

from appliance.storage import Storage
from appliance.tables import Song, User
from tests.web.browser import Browser
from tests.web.making import WORDS, begin, make


@pytest.fixture
def song(session: Session, people: dict[str, User], object_store: Storage) -> Song:
    return make(session, object_store, people["Mara"]).songs[0]


def test_a_flac_is_the_master_with_title_artist_words_cover_and_seed(mara: Browser, song: Song) -> None:
    saved = mara.get(f"/songs/{song.id}/download?kind=flac")
    assert saved.headers["content-type"] == "audio/flac"
    assert 'filename="Salt on the Window (take 1).flac"' in saved.headers["content-disposition"]
    assert saved.headers["content-length"] == str(len(saved.content))
    tags = FLAC(io.BytesIO(saved.content))
    told = {"title": "Salt on the Window", "artist": "Mara", "lyrics": WORDS, "seed": str(song.seed), "bpm": "84"}
    assert {name: tags[name][0] for name in told} == told
    assert tags["genre"] == ["Folk"]
    assert Image.open(io.BytesIO(tags.pictures[0].data)).format == "JPEG"
    sound = soundfile.info(io.BytesIO(saved.content))
    assert (sound.duration, sound.subtype) == (1.0, "PCM_24")
    assert mara.get(f"/songs/{song.id}/download").content == saved.content


def test_an_mp3_has_the_same_in_its_own_tags(mara: Browser, song: Song) -> None:
    saved = mara.get(f"/songs/{song.id}/download?kind=mp3")
    tags: Any = MP3(io.BytesIO(saved.content))
    assert tags.info.length == pytest.approx(1, abs=0.1)
    assert [str(tags.tags[name]) for name in ("TIT2", "TPE1", "TXXX:seed", "TBPM", "TKEY")] == [
        "Salt on the Window", "Mara", str(song.seed), "84", "D",
    ]  # fmt: skip
    assert tags.tags.getall("USLT")[0].text == WORDS
    assert tags.tags.getall("APIC")[0].mime == "image/jpeg"


def test_an_opus_is_made_of_the_master_when_it_is_asked_for(mara: Browser, song: Song) -> None:
    saved = mara.get(f"/songs/{song.id}/download?kind=opus")
    assert saved.headers["content-type"] == "audio/ogg"
    tags: Any = OggOpus(io.BytesIO(saved.content))
    assert tags.info.length == pytest.approx(1, abs=0.1)
    assert (tags["title"], tags["artist"], tags["seed"]) == (["Salt on the Window"], ["Mara"], [str(song.seed)])
    picture = Picture(base64.b64decode(tags["metadata_block_picture"][0]))
    assert (picture.mime, picture.width) == ("image/jpeg", 64)
    samples, rate = soundfile.read(io.BytesIO(saved.content))
    assert rate == 48_000
    assert float((samples**2).mean() ** 0.5) == pytest.approx(0.1414, abs=0.005)


def test_cover_and_words_are_files_of_their_own(mara: Browser, song: Song) -> None:
    cover = mara.get(f"/songs/{song.id}/download?kind=cover")
    assert cover.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(cover.content)).size == (64, 64)
    words = mara.get(f"/songs/{song.id}/download?kind=txt")
    assert words.text == f"{WORDS}\n"
    timed = mara.get(f"/songs/{song.id}/download?kind=lrc")
    assert timed.text.splitlines() == [
        "[ti:Salt on the Window]", "[ar:Mara]", "[length:00:30]", "",
        "[00:00.00]The kettle is quiet", "[00:09.00]The lamp burns low", "[00:18.00]Leave a light for the late ones",
    ]  # fmt: skip
    assert 'filename="Salt on the Window (take 1).lrc"' in timed.headers["content-disposition"]


def test_what_is_ticked_comes_in_one_archive(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    ticked = {f"song-{make(session, object_store, people['Mara'], title='Same / name').songs[0].id}": "on"}
    ticked |= {f"request-{make(session, object_store, people['Mara'], title='Same / name').id}": "on"}
    ticked |= {"song-nonsense": "on"}
    answer = mara.send("/songs/archive", ticked)
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert len(archive.namelist()) == len(set(archive.namelist())) == 3
    for name in archive.namelist():
        assert "/" not in name
        sound: Any = MP3(io.BytesIO(archive.read(name)))
        assert sound.info.length == pytest.approx(1, abs=0.1)


def test_files_are_for_the_owner_and_of_ready_songs_only(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], song: Song
) -> None:
    mara.send(f"/songs/{song.id}/publish", {"published": "1"})
    for kind in ("flac", "mp3", "opus", "cover", "txt", "lrc", "wav"):
        assert jun.get(f"/songs/{song.id}/download?kind={kind}").status_code == 404
    assert jun.send("/songs/archive", {f"song-{song.id}": "on"}).status_code == 422
    assert mara.get(f"/songs/{song.id}/download?kind=wav").status_code == 404
    begun = begin(session, people["Mara"]).songs[0]
    assert mara.get(f"/songs/{begun.id}/download?kind=mp3").status_code == 404
    assert mara.send("/songs/archive", {f"song-{begun.id}": "on"}).status_code == 422
    assert mara.send("/songs/archive", {}).status_code == 422
