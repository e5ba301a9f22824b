"""Objects in the store that belong to no song: left by a worker that was killed, or by a delete that did not get through."""

import logging
import re
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from appliance.database import transaction
from appliance.storage import storage
from appliance.tables import Song
from appliance.tables.songs import OPEN

log = logging.getLogger(__name__)

_FOLDER = "songs/"
# Keys are songs/<song id>/<attempt>/<file>: two attempts never write to the same place.
_KEY = re.compile(r"songs/(?P<song>[0-9a-f-]{36})/\d+/[a-z]+\.[a-z0-9]+")


def folder_of(song_id: UUID) -> str:
    """Return what the keys of all objects of a song begin with."""
    return f"{_FOLDER}{song_id}/"


def delete_leftovers(song_id: UUID, attempt: int | None = None) -> None:
    """Delete the objects that attempts (or one of them) at a song left and that the song does not name."""
    prefix = folder_of(song_id) if attempt is None else f"{folder_of(song_id)}{attempt}/"
    keys = set(storage().list(prefix))
    if keys:
        storage().delete(keys - _named([song_id]))


def sweep_leftovers() -> int:
    """Delete all objects of songs that no song names, save of those in the making; return how many that were."""
    # The store is asked first: what is written after that is not looked at, what is finished after that is named.
    keys = {key: UUID(found["song"]) for key in storage().list(_FOLDER) if (found := _KEY.fullmatch(key))}
    song_ids = set(keys.values())
    with transaction() as session:
        in_the_making = set(session.scalars(select(Song.id).where(Song.id.in_(song_ids), Song.status.in_(OPEN))))
    named = _named(song_ids)
    left = [key for key, song_id in keys.items() if song_id not in in_the_making and key not in named]
    storage().delete(left)
    if left:
        log.info("Deleted %s objects that no song names.", len(left))
    return len(left)


def _named(song_ids: Iterable[UUID]) -> set[str]:
    """Return the keys that these songs name."""
    columns = (Song.master_key, Song.audio_key, Song.cover_key, Song.thumbnail_key)
    with transaction() as session:
        rows = session.execute(select(*columns).where(Song.id.in_(song_ids))).all()
    return {key for row in rows for key in row if key}
