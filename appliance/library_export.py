"""One person's whole library as a folder of music that any player reads, and that a studio can take in again."""

import io
import shutil
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from uuid import UUID

import msgspec
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from appliance.database import transaction
from appliance.errors import NotFound
from appliance.library_files import (
    SIDECAR,
    artist_of,
    file_name,
    folder_of,
    sidecar_of,
    tag_flac,
    tag_mp3,
    timed_words,
)
from appliance.storage import Storage
from appliance.tables import Song, SongRequest, User

Tell = Callable[[str], None]


def export_library(user_id: UUID, folder: Path, store: Storage, tell: Tell) -> tuple[int, int]:
    """Write every ready song of a person, without those in the bin, below `folder`, and return how many were written and how many were there already.

    A song appears whole or not at all, so that an export that was cut short goes on where it was. What was renamed since is
    written anew. Raises NotFound where there is no such person.
    """
    with transaction() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotFound("There is no such person.")
        kept = (Song.user_id == user_id, Song.status == "processed", Song.deleted_at.is_(None))
        song_ids = session.scalars(select(Song.id).where(*kept).order_by(Song.created_at)).all()
    home = folder / file_name(artist_of(user), "Songs")
    home.mkdir(parents=True, exist_ok=True)
    written = 0
    for number, song_id in enumerate(song_ids, 1):
        song = _load(song_id)
        if song is None:  # deleted since
            continue
        place = home / folder_of(song)
        if _is_there(place, song):
            continue
        for other in home.glob(f"*/* [[]{str(song.id)[:8]}[]]"):  # under an older title
            shutil.rmtree(other)
        _write(place, song, artist_of(user), store)
        written += 1
        tell(f"{number} of {len(song_ids)}: {place.relative_to(folder)}")
    return written, len(song_ids) - written


def _load(song_id: UUID) -> Song | None:
    with transaction() as session:
        return session.scalar(
            select(Song)
            .where(Song.id == song_id, Song.status == "processed", Song.deleted_at.is_(None))
            .options(joinedload(Song.request).joinedload(SongRequest.user), selectinload(Song.categories))
        )


def _write(place: Path, song: Song, artist: str, store: Storage) -> None:
    making = place.with_name(f".{place.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    name = file_name(song.title)
    cover = b"".join(store.read(song.cover_key)) if song.cover_key else b""
    shown = _jpeg(cover) if cover else None
    for key, file in ((song.master_key, f"{name}.flac"), (song.audio_key, f"{name}.mp3")):
        with (making / file).open("wb") as target:
            for block in store.read(key):
                target.write(block)
    tag_flac(making / f"{name}.flac", song, artist, shown)
    tag_mp3(making / f"{name}.mp3", song, artist, shown)
    if song.lyrics:
        (making / f"{name}.lrc").write_text(timed_words(song, artist))
    if shown:
        (making / "cover.jpg").write_bytes(shown)
        (making / "cover.webp").write_bytes(cover)  # as it was painted; a JPEG of it loses a little
    if song.thumbnail_key:
        (making / "thumbnail.webp").write_bytes(b"".join(store.read(song.thumbnail_key)))
    files = {each.name: _sha256(each) for each in sorted(making.iterdir())}
    (making / SIDECAR).write_bytes(msgspec.json.format(msgspec.json.encode(sidecar_of(song, files)), indent=1))
    making.rename(place)


def _is_there(place: Path, song: Song) -> bool:
    """Whether the song lies there as it is now; its files are not read again for that."""
    try:
        said = msgspec.json.decode((place / SIDECAR).read_bytes())
        expected = msgspec.to_builtins(sidecar_of(song, said["files"]))
        return bool(said == expected) and all((place / name).is_file() for name in said["files"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return False


def _jpeg(picture: bytes) -> bytes:
    """Return a cover as players show it: few of them read WebP."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        opened.convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()
