"""Songs that could not be made, and why, for admins."""

from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session, joinedload, undefer

from appliance.audit import require_admin
from appliance.errors import NotFound
from appliance.tables import Song, SongRequest, User


def list_failures(session: Session, viewer: User, before: UUID | None = None, limit: int = 50) -> list[Song]:
    """Return what failed, the latest first, from below the song `before`, with logs, requests and owners.

    Raises NotAllowed for anybody but an admin, and NotFound where `before` is no song that failed.
    """
    require_admin(viewer)
    wanted = _failed().order_by(Song.finished_at.desc(), Song.id.desc()).limit(limit)
    if before is not None:
        last = get_failure(session, viewer, before)
        wanted = wanted.where(tuple_(Song.finished_at, Song.id) < (last.finished_at, last.id))
    return list(session.scalars(wanted))


def get_failure(session: Session, viewer: User, song_id: UUID) -> Song:
    """Return a song that failed, as `list_failures` does. Raises NotAllowed, and NotFound where it did not fail."""
    require_admin(viewer)
    song = session.scalar(_failed().where(Song.id == song_id))
    if song is None:
        raise NotFound
    return song


def _failed() -> Select[Song]:
    owner = joinedload(Song.request).joinedload(SongRequest.user)
    return select(Song).where(Song.status == "failed").options(undefer(Song.failure_log), owner)
