"""The community feed: the published songs of everybody."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, joinedload, selectinload

from appliance.tables import Song, SongRequest


def new_songs(session: Session, after: UUID | None = None, limit: int = 24) -> list[Song]:
    """Return published songs with their owners, the newest first, from the one behind the song `after` on.

    An `after` that is not published (any more) begins at the top.
    """
    wanted = (
        select(Song)
        .where(Song.published)
        .order_by(Song.published_at.desc(), Song.id.desc())
        .limit(limit)
        .options(joinedload(Song.request).joinedload(SongRequest.user))
    )
    if after:
        begin = session.execute(select(Song.published_at, Song.id).where(Song.id == after, Song.published)).first()
        if begin:
            wanted = wanted.where(tuple_(Song.published_at, Song.id) < tuple_(begin.published_at, begin.id))
    return list(session.scalars(wanted))


def published_songs(session: Session, before: tuple[datetime, UUID] | None = None, limit: int = 24) -> list[Song]:
    """Return published songs with their owners and categories, newest first, from behind this moment and id on.

    Whatever is published or taken back meanwhile, a walk through all pages meets every other song once.
    """
    wanted = (
        select(Song)
        .where(Song.published)
        .order_by(Song.published_at.desc(), Song.id.desc())
        .limit(limit)
        .options(joinedload(Song.request).joinedload(SongRequest.user), selectinload(Song.categories))
    )
    if before:
        wanted = wanted.where(tuple_(Song.published_at, Song.id) < tuple_(*before))
    return list(session.scalars(wanted))
