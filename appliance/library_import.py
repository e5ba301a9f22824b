"""Takes an exported folder of music into somebody's library, in this studio or another one."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from uuid import UUID, uuid5

import msgspec
import soundfile
from PIL import Image
from sqlalchemy import insert, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from appliance.briefs import LONGEST
from appliance.database import transaction
from appliance.errors import InvalidInput, NotFound
from appliance.library_files import FORMAT, SIDECAR, Sidecar
from appliance.pictures import MOST_PIXELS
from appliance.songs import announce
from appliance.storage import Storage
from appliance.tables import Category, Song, SongRequest, User, song_categories

FASTEST, SLACK = 192_000, 60.0  # samples a second; seconds that a song may be longer than was asked for
Tell = Callable[[str], None]
_TYPES = {
    "master.flac": "audio/flac",
    "audio.mp3": "audio/mpeg",
    "cover.webp": "image/webp",
    "thumbnail.webp": "image/webp",
}


def import_library(user_id: UUID, folder: Path, store: Storage, tell: Tell) -> tuple[int, int, int]:
    """Take in every song below `folder`; return how many came, how many were there already and how many could not be used.

    Ids follow from the person and the song's old id, so that an import that was cut short, or is done twice, adds nothing
    twice. Songs come unpublished and cost nothing. Raises NotFound where there is no such person.
    """
    with transaction() as session:
        if session.get(User, user_id) is None:
            raise NotFound("There is no such person.")
    came = there = refused = 0
    sidecars = sorted(path for path in folder.rglob(SIDECAR) if not path.parent.name.startswith("."))
    for number, path in enumerate(sidecars, 1):
        try:
            song = _read(path)
            if _import(user_id, song, path.parent, store):
                came += 1
                tell(f"{number} of {len(sidecars)}: {song.title}")
            else:
                there += 1
        except InvalidInput as error:
            refused += 1
            tell(f"{number} of {len(sidecars)}: {path.parent.name} is left out. {error.message}")
    return came, there, refused


def _read(path: Path) -> Sidecar:
    """Return a sidecar whose files are all there and whole."""
    try:
        song = msgspec.json.decode(path.read_bytes(), type=Sidecar)
        UUID(song.song), UUID(song.request), datetime.fromisoformat(song.created_at), bytes.fromhex(song.peaks)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise InvalidInput(f"{SIDECAR} cannot be read ({error}).") from None
    if song.format != FORMAT:
        raise InvalidInput(f"It was exported in another format ({song.format}).")
    for name, expected in song.files.items():
        file = path.parent / name
        if Path(name).name != name or file.is_symlink() or not file.is_file():
            raise InvalidInput(f"{name} is missing.")
        with file.open("rb") as opened:
            if file_digest(opened, "sha256").hexdigest() != expected:
                raise InvalidInput(f"{name} is damaged.")
    return song


def _import(user_id: UUID, song: Sidecar, folder: Path, store: Storage) -> bool:
    song_id = uuid5(user_id, song.song)
    with transaction() as session:
        mine = (Song.id == song_id) | ((Song.id == UUID(song.song)) & (Song.user_id == user_id))
        if session.scalar(select(Song.id).where(mine)):
            return False
    keys = {part: f"songs/{song_id}/0/{part}" for part in _TYPES}
    found = {part: folder / name for name in song.files if (part := _part(name))}
    if not {"master.flac", "audio.mp3"} <= found.keys():
        raise InvalidInput("The audio is missing.")
    _look_at(found)

    def write() -> None:
        for part, file in found.items():
            store.write(keys[part], file, _TYPES[part])

    write()
    try:
        with transaction() as session:
            _add(session, user_id, song_id, song, {part: keys[part] if part in found else "" for part in _TYPES})
    except (IntegrityError, DataError):
        with suppress(Exception):
            store.delete(keys.values())
        raise InvalidInput(f"{SIDECAR} says what no song can be.") from None
    try:  # the hourly sweep may have looked between the two and seen objects without a song
        for part in found:
            store.size(keys[part])
    except NotFound:
        write()
    return True


def _look_at(found: dict[str, Path]) -> None:
    """Raise InvalidInput for files whose headers say more than a song can hold: some kilobytes can be hours, or gigapixels."""
    for part, file in found.items():
        try:
            if part.endswith(".webp"):
                with Image.open(file, formats=("WEBP",)) as picture:
                    small = picture.width * picture.height <= MOST_PIXELS
            else:
                about = soundfile.info(str(file))
                small = about.channels <= 2 and about.samplerate <= FASTEST and about.duration <= LONGEST + SLACK
        except (OSError, soundfile.SoundFileError, Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise InvalidInput(f"{file.name} cannot be read.") from None
        if not small:
            raise InvalidInput(f"{file.name} is larger than a song's can be.")


def _part(name: str) -> str | None:
    if name in ("cover.webp", "thumbnail.webp"):
        return name
    return {".flac": "master.flac", ".mp3": "audio.mp3"}.get(Path(name).suffix)


def _add(session: Session, user_id: UUID, song_id: UUID, song: Sidecar, keys: dict[str, str]) -> None:
    request_id = uuid5(user_id, song.request)
    made = datetime.fromisoformat(song.created_at)
    if session.get(SongRequest, request_id) is None:
        session.add(SongRequest(id=request_id, user_id=user_id, created_at=made, **msgspec.structs.asdict(song.brief)))
        session.flush()
    same = {
        name: getattr(song, name)
        for name in (
            "take", "title", "prompt", "lyrics", "instrumental", "duration", "bpm", "key", "language", "seed", "steps",
            "guidance_scale", "model", "loudness", "sections",
        )
    }  # fmt: skip
    session.add(
        Song(
            id=song_id,
            request_id=request_id,
            user_id=user_id,
            created_at=made,
            finished_at=made,
            status="processed",
            progress=1.0,
            price=0,
            peaks=bytes.fromhex(song.peaks) or None,
            master_key=keys["master.flac"],
            audio_key=keys["audio.mp3"],
            cover_key=keys["cover.webp"],
            thumbnail_key=keys["thumbnail.webp"],
            **same,
        )
    )
    session.flush()
    for category_id in session.scalars(select(Category.id).where(Category.name.in_(song.categories))).all():
        session.execute(insert(song_categories).values(song_id=song_id, category_id=category_id))
    announce(session, user_id, request_id)
