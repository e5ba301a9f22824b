"""Somebody's whole library as a folder of music: players can read it, and a studio can take it in again."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from appliance import library_import
from appliance.database import transaction
from appliance.errors import InvalidInput, NotFound
from appliance.library_export import export_library
from appliance.library_files import file_name, timed_words
from appliance.library_import import import_library
from appliance.storage import Storage
from appliance.tables import Song, SongRequest, User
from models.roles import SongSheet
from tests.appliance.people import add_user
from tests.web.making import SECTIONS, WORDS, make
from worker.encoding import cover_files, encode_flac, encode_mp3
from worker.mastering import Master

RATE = 48_000
TITLE = "Salz & Öl / 雨: a «test»?"


def _tell(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Return the objects of a song of one second, encoded as the worker does."""
    time = np.arange(RATE) / RATE
    sound = Master(np.stack([np.sin(440 * time), np.sin(660 * time)]).astype(np.float32) * 0.3, RATE, -14.0, -6.0)
    sheet = SongSheet("x", "waltz", WORDS, 84, "D major", "3/4", "en", False, 1, ("Folk",), "rain")
    cover, thumbnail = cover_files(Image.new("RGB", (1024, 1024), (200, 40, 10)))
    return {
        "master_key": encode_flac(sound, sheet, lambda _: None),
        "audio_key": encode_mp3(sound, sheet, lambda _: None),
        "cover_key": cover,
        "thumbnail_key": thumbnail,
    }


@pytest.fixture
def mara(session: Session, object_store: Storage, files: dict[str, bytes]) -> User:
    """Return somebody with a request of two ready takes, one of them published, and a request that failed by half."""
    user = add_user(session, "Mara Lind/qvist")
    for fail in ("", "It was too loud."):
        request = make(session, object_store, user, fail=fail, title="")
        for song in request.songs:
            if song.status == "processed":
                song.title, song.lyrics = TITLE, WORDS
                for name, data in files.items():
                    key = f"songs/{song.id}/1/{name}"
                    setattr(song, name, key)
                    object_store.write(key, data, "application/octet-stream")
    session.commit()
    return user


def _songs(session: Session, user: User) -> list[Song]:
    session.expire_all()
    wanted = (
        select(Song).where(Song.user_id == user.id, Song.status == "processed").order_by(Song.created_at, Song.take)
    )
    return list(session.scalars(wanted.options(selectinload(Song.categories), selectinload(Song.request))))


def test_a_library_is_a_folder_that_players_read(
    session: Session, object_store: Storage, mara: User, tmp_path: Path, files: dict[str, bytes]
) -> None:
    assert export_library(mara.id, tmp_path, object_store, _tell) == (3, 0)
    folders = sorted(path.parent for path in tmp_path.rglob("song.json"))
    assert len(folders) == 3
    for folder in folders:
        artist, album, name = folder.relative_to(tmp_path).parts
        assert artist == "Mara Lind qvist"
        assert re.fullmatch(r"\d{4}-\d\d", album)
        assert re.fullmatch(r"Salz & Öl 雨 a «test» \[[0-9a-f]{8}\]", name)
        flac = FLAC(next(folder.glob("*.flac")))
        assert flac["title"] == [TITLE]
        assert flac["artist"] == ["Mara Lind/qvist"]
        assert flac["album"] == [album]
        assert flac["genre"] == ["Folk"]
        assert flac["lyrics"] == [WORDS]
        mp3 = ID3(next(folder.glob("*.mp3")))
        assert (str(mp3["TIT2"]), str(mp3["TPE1"]), str(mp3["TCON"])) == (TITLE, "Mara Lind/qvist", "Folk")
        for picture in (flac.pictures[0].data, mp3.getall("APIC")[0].data, (folder / "cover.jpg").read_bytes()):
            assert Image.open(io.BytesIO(picture)).format == "JPEG"
        assert (folder / "cover.webp").read_bytes() == files["cover_key"]
        # The tags are other ones; not a sample of the sound is.
        exported, _ = soundfile.read(next(folder.glob("*.flac")), dtype="int32")
        original, _ = soundfile.read(io.BytesIO(files["master_key"]), dtype="int32")
        assert np.array_equal(exported, original)


def test_words_are_timed_by_the_sections_they_are_sung_in(session: Session, mara: User) -> None:
    song = _songs(session, mara)[0]
    song.sections = SECTIONS
    assert timed_words(song, "Mara").splitlines()[2:] == [
        "[length:00:30.00]",
        "[00:00.00]The kettle is quiet",
        "[00:09.00]The lamp burns low",
        "[00:18.00]Leave a light for the late ones",
    ]
    song.sections = []
    assert timed_words(song, "Mara").splitlines()[3:] == [
        "The kettle is quiet", "The lamp burns low", "Leave a light for the late ones",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("con:\\*?", "con"),
        ("...", "Untitled"),
        ("", "Untitled"),
        ("a\nb\x00c", "a b c"),
        ("x" * 200, "x" * 80),
    ],
)
def test_any_title_becomes_a_name_that_stays_in_its_folder(title: str, name: str) -> None:
    assert file_name(title) == name


def test_an_export_goes_on_where_it_was_and_follows_what_was_renamed(
    session: Session, object_store: Storage, mara: User, tmp_path: Path
) -> None:
    export_library(mara.id, tmp_path, object_store, _tell)
    broken = next(tmp_path.rglob("song.json")).parent
    shutil.move(broken, broken.with_name(f".{broken.name}.part"))  # as a kill leaves it
    assert export_library(mara.id, tmp_path, object_store, _tell) == (1, 2)
    song = _songs(session, mara)[0]
    song.title = "Another name"
    session.commit()
    assert export_library(mara.id, tmp_path, object_store, _tell) == (1, 2)
    names = sorted(path.parent.name for path in tmp_path.rglob("song.json"))
    assert len(names) == 3
    assert f"Another name [{str(song.id)[:8]}]" in names
    assert export_library(mara.id, tmp_path, object_store, _tell) == (0, 3)


def test_an_import_brings_everything_once_to_somebody_else(
    session: Session, object_store: Storage, mara: User, tmp_path: Path
) -> None:
    export_library(mara.id, tmp_path, object_store, _tell)
    assert import_library(mara.id, tmp_path, object_store, _tell) == (0, 3, 0)  # she has them
    jun = add_user(session, "Jun")
    session.commit()
    assert import_library(jun.id, tmp_path, object_store, _tell) == (3, 0, 0)
    assert import_library(jun.id, tmp_path, object_store, _tell) == (0, 3, 0)
    hers, his = _songs(session, mara), _songs(session, jun)
    for old, new in zip(hers, his, strict=True):
        for same in (
            "take",
            "title",
            "lyrics",
            "prompt",
            "peaks",
            "sections",
            "loudness",
            "duration",
            "bpm",
            "key",
            "created_at",
        ):
            assert getattr(old, same) == getattr(new, same), same
        assert old.request.full_description == new.request.full_description
        assert [each.name for each in new.categories] == ["Folk"]
        assert (new.published, new.price) == (False, 0)
        folder = next(path.parent for path in tmp_path.rglob("song.json") if str(old.id)[:8] in path.parent.name)
        assert b"".join(object_store.read(new.master_key)) == next(folder.glob("*.flac")).read_bytes()
        assert b"".join(object_store.read(new.cover_key)) == (folder / "cover.webp").read_bytes()
    assert len({song.request_id for song in his}) == 2


def _spoil(folder: Path, how: str) -> None:
    sidecar = folder / "song.json"
    said = json.loads(sidecar.read_text())
    audio = next(folder.glob("*.flac"))
    if how == "flipped":
        data = bytearray(audio.read_bytes())
        data[-10] ^= 1
        audio.write_bytes(data)
    elif how == "missing":
        audio.unlink()
    elif how == "outside":
        shutil.copy(audio, folder / "../../outside.flac")
        said["files"]["../../outside.flac"] = said["files"].pop(audio.name)
    elif how == "linked":
        elsewhere = audio.rename(folder.parent / "elsewhere.flac")
        audio.symlink_to(elsewhere)
    elif how == "mode":
        said["brief"]["mode"] = "telepathy"
    elif how == "more":
        said["role"] = "admin"
    sidecar.write_text("{ half" if how == "half" else json.dumps(said))


@pytest.mark.parametrize("how", ["flipped", "missing", "outside", "linked", "mode", "more", "half"])
def test_what_cannot_be_used_is_left_out_and_named_and_the_rest_comes(
    session: Session, object_store: Storage, mara: User, tmp_path: Path, how: str
) -> None:
    export_library(mara.id, tmp_path, object_store, _tell)
    # The request that has one ready take only, so that nothing else of it could come.
    spoilt = next(path.parent for path in sorted(tmp_path.rglob("song.json")))
    _spoil(spoilt, how)
    jun = add_user(session, "Jun")
    session.commit()
    before = set(object_store.list())
    told: list[str] = []
    assert import_library(jun.id, tmp_path, object_store, told.append) == (2, 0, 1)
    assert any(spoilt.name in line and "left out" in line for line in told)
    named = {
        key
        for song in _songs(session, jun)
        for key in (song.master_key, song.audio_key, song.cover_key, song.thumbnail_key)
    }
    assert set(object_store.list()) - before == named


def test_nobody_can_be_exported_or_given_songs_who_is_not_there(
    session: Session, object_store: Storage, tmp_path: Path
) -> None:
    nobody = UUID(int=1)
    with pytest.raises(NotFound):
        export_library(nobody, tmp_path, object_store, _tell)
    with pytest.raises(NotFound):
        import_library(nobody, tmp_path, object_store, _tell)
    with transaction() as other:
        assert other.scalar(select(SongRequest.id)) is None


@pytest.mark.parametrize(
    ("part", "write", "said"),
    [
        ("master.flac", lambda file: soundfile.write(file, np.zeros(661 * 8000, np.int16), 8000), "larger than"),
        ("master.flac", lambda file: soundfile.write(file, np.zeros((80, 8), np.int16), 8000), "larger than"),
        ("audio.mp3", lambda file: file.write_bytes(b"ID3 and nothing more"), "cannot be read"),
        ("cover.webp", lambda file: Image.new("L", (5001, 5000)).save(file), "larger than"),
        ("cover.webp", lambda file: Image.new("L", (50, 50)).save(file, "PNG"), "cannot be read"),
    ],
)
def test_files_that_say_more_than_a_song_can_hold_are_left_out(
    tmp_path: Path, part: str, write: Callable[[Path], object], said: str
) -> None:
    """Hours of silence are some kilobytes of FLAC, and millions of pixels some of WebP."""
    file = tmp_path / part
    write(file)
    assert file.stat().st_size < 200_000
    with pytest.raises(InvalidInput, match=said):
        library_import._look_at({part: file})
