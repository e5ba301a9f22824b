"""Somebody's own songs on their shelf: finding them again, choosing among takes, and the bin."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from appliance.errors import Conflict, NotFound
from appliance.songs import announce, own_song, with_songs
from appliance.tables import Like, Song, SongRequest, User
from appliance.tables.songs import OPEN

SHELVES = ("all", "kept", "liked", "published", "failed")
BIN_KEEPS = timedelta(days=30)
_LONGEST_SEARCH = 200


def list_requests(
    session: Session,
    viewer: User,
    before: datetime | None = None,
    limit: int = 30,
    shelf: str = "all",
    words: str = "",
) -> list[SongRequest]:
    """Return the viewer's requests that still have songs, newest first, older than `before`.

    `shelf` is one of SHELVES and keeps those of which any take is meant; `words` must all stand in a title, a sound, the
    words or the description, whatever their case.
    """
    # That songs belong to whom their request belongs to is said once more, or all songs of the studio would be looked through.
    of_request = (Song.request_id == SongRequest.id, Song.user_id == viewer.id, Song.deleted_at.is_(None))
    wanted = (
        select(SongRequest)
        .where(SongRequest.user_id == viewer.id, exists().where(*of_request, _on_shelf(viewer, shelf)))
        .order_by(SongRequest.created_at.desc())
        .limit(limit)
        .options(with_songs())
    )
    if before:
        wanted = wanted.where(SongRequest.created_at < before)
    for word in words[:_LONGEST_SEARCH].split():
        in_song = or_(*(column.icontains(word, autoescape=True) for column in (Song.title, Song.prompt, Song.lyrics)))
        wanted = wanted.where(
            or_(
                SongRequest.full_description.icontains(word, autoescape=True),
                exists().where(*of_request, in_song),
            )
        )
    return list(session.scalars(wanted))


def _on_shelf(viewer: User, shelf: str) -> Any:
    """Return what a song must be to stand on this shelf."""
    if shelf == "liked":
        return exists().where(Like.song_id == Song.id, Like.user_id == viewer.id)
    if shelf == "failed":
        return Song.status.in_(("failed", "no_credits"))
    return {"kept": Song.kept, "published": Song.published}.get(shelf, Song.id.is_not(None))


def count_shelves(session: Session, viewer: User) -> dict[str, int]:
    """Return how many requests stand on each shelf, and under "bin" how many songs are in the bin."""
    counted = [
        func.count(func.distinct(case((Song.deleted_at.is_(None) & _on_shelf(viewer, shelf), Song.request_id))))
        for shelf in SHELVES
    ]
    in_bin = func.count(case((Song.deleted_at.is_not(None), Song.id)))
    row = session.execute(select(*counted, in_bin).where(Song.user_id == viewer.id)).one()
    return dict(zip((*SHELVES, "bin"), row, strict=True))


def keep_song(session: Session, song_id: UUID, viewer: User, kept: bool) -> Song:
    """Choose a ready take among the others, or take the choice back."""
    song = own_song(session, song_id, viewer)
    if song.status != "processed":
        raise Conflict("Only a song that is ready can be kept.")
    song.kept = kept
    announce(session, song.user_id, song.request_id)
    return song


def note_heard(session: Session, song: Song, viewer: User) -> None:
    """Note that its owner plays a song: it is not new any more. Nothing happens when others do, or again."""
    if song.heard_at is None and song.user_id == viewer.id and song.status == "processed":
        session.execute(update(Song).where(Song.id == song.id).values(heard_at=func.clock_timestamp()))
        announce(session, song.user_id, song.request_id)


def count_ready(session: Session, viewer: User, since: datetime) -> int:
    """Return how many of the viewer's songs became ready after `since`, by the database's clock, and are unheard."""
    wanted = select(func.count()).where(
        Song.user_id == viewer.id,
        Song.status == "processed",
        Song.finished_at > since,
        Song.heard_at.is_(None),
        Song.deleted_at.is_(None),
    )
    return session.scalar(wanted) or 0


def delete_song(session: Session, song_id: UUID, viewer: User) -> Song:
    """Put a song into the bin, where nobody but its owner finds it; a month later it is gone.

    Raises Conflict while the song is in the making: cancel it first.
    """
    song = own_song(session, song_id, viewer)
    if song.status in OPEN:
        raise Conflict("This song is in the making. Cancel it first.")
    if song.status == "no_credits":  # or a top-up would start it in the bin
        song.status, song.finished_at = "cancelled", datetime.now(UTC)
    song.was_published, song.published, song.published_at = song.published, False, None
    song.deleted_at = datetime.now(UTC)
    announce(session, viewer.id, song.request_id)
    return song


def list_bin(session: Session, viewer: User, limit: int = 100) -> list[Song]:
    """Return what the viewer has in the bin, what was deleted last first."""
    wanted = select(Song).where(Song.user_id == viewer.id, Song.deleted_at.is_not(None))
    return list(session.scalars(wanted.order_by(Song.deleted_at.desc(), Song.take).limit(limit)))


def restore_song(session: Session, song_id: UUID, viewer: User) -> Song:
    """Take a song out of the bin as it was, published or not. No error when it is out already."""
    song = session.scalar(
        select(Song)
        .where(Song.id == song_id, Song.user_id == viewer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if song is None:
        raise NotFound("This song is gone for good.")
    if song.deleted_at:
        song.deleted_at = None
        song.published, song.published_at = song.was_published, datetime.now(UTC) if song.was_published else None
        song.was_published = False
        announce(session, viewer.id, song.request_id)
    return song


def destroy_song(session: Session, song_id: UUID, viewer: User) -> list[str]:
    """Delete a song of the bin for good and return the keys of its objects: delete those from the store after the commit."""
    found = session.scalar(
        select(Song.id).where(Song.id == song_id, Song.user_id == viewer.id, Song.deleted_at.is_not(None))
    )
    if found is None:
        raise NotFound
    return _destroy(session, Song.id == song_id)


def purge_bin(session: Session, now: datetime | None = None) -> list[str]:
    """Delete for good what has been in the bin for a month, and return the keys of the objects, as `destroy_song` does."""
    return _destroy(session, Song.deleted_at < (now or datetime.now(UTC)) - BIN_KEEPS)


def _destroy(session: Session, which: Any) -> list[str]:
    keys = (Song.master_key, Song.audio_key, Song.cover_key, Song.thumbnail_key)
    gone = session.execute(delete(Song).where(which).returning(Song.request_id, *keys)).all()
    requests = {row[0] for row in gone}
    session.execute(
        delete(SongRequest).where(SongRequest.id.in_(requests), ~exists().where(Song.request_id == SongRequest.id))
    )
    return [key for row in gone for key in row[1:] if key]
