"""What is saved of a song: its sound with everything in its tags, its cover, its words; and many songs in one archive."""

import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

from litestar import Controller, Response, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from appliance.errors import InvalidInput, NotFound
from appliance.languages import gettext as _
from appliance.songs import get_song
from appliance.soundfiles import Tags, as_jpeg, encode_opus, tag_flac, tag_mp3, tag_opus
from appliance.storage import attachment, storage
from appliance.tables import Song, User
from web.lyrics import as_lrc
from web.pages.shelf import ticked_songs

SOUNDS = {"flac": "audio/flac", "mp3": "audio/mpeg", "opus": "audio/ogg"}
BLOCK = 256 * 1024
ARCHIVED = "mp3"  # what an archive of many songs holds


class Downloads(Controller):
    """Files to be saved, for the owner of the songs."""

    @HTTPRouteHandler("/songs/{song_id:uuid}/download", http_method=[HttpMethod.GET], sync_to_thread=True)
    def song(
        self,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
        kind: FromQuery[str] = "flac",
    ) -> Response[Any]:
        """Return a song as `kind`: flac, mp3, opus, cover (JPEG), txt or lrc (words with times)."""
        song = get_song(session, song_id, viewer)
        if song.user_id != viewer.id or song.status != "processed":
            raise NotFound
        if kind in SOUNDS:
            return _saved(_sound(song, viewer.name, kind), _name(song, kind), SOUNDS[kind])
        if kind == "cover" and song.cover_key:
            jpeg = as_jpeg(b"".join(storage().read(song.cover_key)))
            return _small(jpeg, _name(song, "jpg"), "image/jpeg")
        if kind in ("txt", "lrc") and song.lyrics:
            words = as_lrc(song, viewer.name) if kind == "lrc" else f"{song.lyrics}\n"
            return _small(words.encode(), _name(song, kind), "text/plain; charset=utf-8")
        raise NotFound("This song has no such file.")

    @post("/songs/archive", status_code=200, sync_to_thread=True)
    def archive(
        self,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Response[Any]:
        """Return everything that is ticked and ready as one archive of MP3s."""
        ids = [song.id for song in ticked_songs(session, viewer, form) if song.status == "processed"]
        songs = session.scalars(
            select(Song).where(Song.id.in_(ids)).order_by(Song.created_at).options(selectinload(Song.categories))
        ).all()
        if not songs:
            raise InvalidInput("None of these songs is ready yet.")
        named = _unique_names(songs)
        headers = {"content-disposition": attachment("Songs.zip"), "cache-control": "no-store"}
        return Stream(_in_threads(_archive(named, viewer.name)), headers=headers, media_type="application/zip")


def _tags(song: Song, artist: str) -> Tags:
    return Tags(
        title=song.title or _("Untitled"),
        artist=artist,
        genres=tuple(category.name for category in song.categories),
        bpm=song.bpm,
        key=song.key or "",
        lyrics=song.lyrics,
        seed=song.seed,
        cover=as_jpeg(b"".join(storage().read(song.cover_key))) if song.cover_key else b"",
    )


def _sound(song: Song, artist: str, kind: str) -> IO[bytes]:
    """Return a file that is deleted when it is closed, with the song as `kind` and its tags."""
    file = _fetch(song.audio_key if kind == "mp3" else song.master_key)
    tags = _tags(song, artist)
    if kind != "opus":
        (tag_mp3 if kind == "mp3" else tag_flac)(file, tags)
        return file
    opus = tempfile.TemporaryFile()  # noqa: SIM115 (whoever sends it closes it)
    with file:
        encode_opus(file, opus)
    tag_opus(opus, tags)
    return opus


def _fetch(key: str) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (whoever sends it closes it)
    for block in storage().read(key):
        file.write(block)
    file.seek(0)
    return file


def _name(song: Song, ending: str) -> str:
    return f"{song.title or 'Untitled'} (take {song.take}).{ending}"


def _unique_names(songs: Any) -> list[tuple[str, Song]]:
    named: dict[str, Song] = {}
    for song in songs:
        name = _name(song, ARCHIVED).replace("/", "_").replace("\\", "_")
        named[name if name not in named else f"{len(named) + 1} {name}"] = song
    return list(named.items())


def _small(content: bytes, filename: str, media_type: str) -> Response[Any]:
    headers = {"content-disposition": attachment(filename), "cache-control": "no-store"}
    return Response(content, headers=headers, media_type=media_type)


def _saved(file: IO[bytes], filename: str, media_type: str) -> Response[Any]:
    size = file.seek(0, 2)
    file.seek(0)
    headers = {
        "content-disposition": attachment(filename),
        "content-length": str(size),
        "cache-control": "no-store",
    }
    return Stream(_in_threads(_blocks(file)), headers=headers, media_type=media_type)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


class _Outbox:
    """Takes what the archive writes until it is sent; it cannot be sought in, and so the archive needs no disk."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: the archive asks for it."""

    def take(self) -> bytes:
        """Return what has come since the last time."""
        taken, self._waiting = b"".join(self._waiting), []
        return taken


def _archive(named: list[tuple[str, Song]], artist: str) -> Iterator[bytes]:
    """Yield the bytes of a ZIP archive, one song after the other; sound does not get smaller, so nothing is packed."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w") as archive:  # type: ignore[call-overload]
        for name, song in named:
            with _sound(song, artist, ARCHIVED) as sound, archive.open(name, "w") as entry:
                while block := sound.read(BLOCK):
                    entry.write(block)
                    yield outbox.take()
            yield outbox.take()
    yield outbox.take()


async def _in_threads(blocks: Iterator[bytes]) -> Any:
    """Yield blocks that are each made in a thread; what they hold is let go even if nobody waits any more."""
    try:
        while (block := await sync_to_thread(next, blocks, None)) is not None:
            if block:
                yield block
    finally:
        blocks.close()  # type: ignore[attr-defined]
