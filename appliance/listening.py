"""Listening: where somebody's player stands, and what else there is to hear beside a song."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from appliance.tables import PlayerState, Song, SongRequest, User, song_categories

# How many songs are looked at for likeness, those that are heard most now: a page waits for it.
_LOOKED_AT = 400
_ALIKE = 0.08  # two tempi as near as that go together


def save_player(session: Session, viewer: User, state: dict[str, Any]) -> datetime:
    """Keep where the viewer's player stands, instead of what was kept before; return the moment of it."""
    values = {"state": state, "saved_at": func.clock_timestamp()}
    statement = insert(PlayerState).values(user_id=viewer.id, **values)
    statement = statement.on_conflict_do_update(index_elements=[PlayerState.user_id], set_=values)
    return session.scalars(statement.returning(PlayerState.saved_at)).one()


def player_of(session: Session, viewer: User) -> PlayerState | None:
    """Return where the viewer's player stood when it was last saved; None where it never was."""
    return session.get(PlayerState, viewer.id, populate_existing=True)


def player_saved_at(session: Session, viewer: User) -> datetime | None:
    """Return when the viewer's player was last saved."""
    return session.scalar(select(PlayerState.saved_at).where(PlayerState.user_id == viewer.id))


def playable_songs(session: Session, viewer: User, song_ids: Sequence[UUID]) -> dict[UUID, Song]:
    """Return those of these songs that the viewer may hear now, with their owners, by their ids."""
    wanted = select(Song).where(
        Song.id.in_(song_ids),
        Song.status == "processed",
        Song.deleted_at.is_(None),
        or_(Song.published, Song.user_id == viewer.id),
    )
    return {song.id: song for song in session.scalars(wanted.options(_with_owner()))}


def more_songs_by(session: Session, song: Song, limit: int = 5) -> list[Song]:
    """Return other published songs of the same person, what is heard most first, with their owners."""
    wanted = select(Song).where(Song.user_id == song.user_id, Song.published, Song.request_id != song.request_id)
    return list(session.scalars(wanted.order_by(Song.heat.desc(), Song.id.desc()).limit(limit).options(_with_owner())))


def similar_songs(session: Session, song: Song, limit: int = 5) -> list[Song]:
    """Return published songs of others that sound alike, the likest first, with their owners; `song` with its categories.

    Alike are a shared style tag, a shared category (half as much), a near tempo, the same key and the same language. At
    least one tag or category must be shared. Only the songs that are heard most now are compared.
    """
    near = (
        select(Song.id, Song.prompt, Song.bpm, Song.key, Song.language, Song.heat)
        .where(Song.published, Song.user_id != song.user_id)
        .order_by(Song.heat.desc(), Song.id.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    tags = sorted({tag.strip() for tag in song.prompt.lower().split(",") if tag.strip()})
    tag = func.unnest(func.string_to_array(func.lower(near.c.prompt), ",")).column_valued("tag")
    shared_tags = select(func.count()).where(func.btrim(tag).in_(tags)).scalar_subquery() if tags else 0
    shared_categories = (
        select(func.count())
        .select_from(song_categories)
        .where(
            song_categories.c.song_id == near.c.id,
            song_categories.c.category_id.in_([category.id for category in song.categories]),
        )
        .correlate(near)
        .scalar_subquery()
    )
    bpm = song.bpm or 0.0
    common = shared_tags + 0.5 * shared_categories
    other = (
        case((near.c.bpm.between(bpm * (1 - _ALIKE), bpm * (1 + _ALIKE)), 0.5), else_=0.0)
        + case((near.c.key == song.key, 0.25), else_=0.0)
        + case((near.c.language == song.language, 0.25), else_=0.0)
    )
    scored = select(near.c.id, common.label("common"), (common + other).label("likeness"), near.c.heat).subquery()
    wanted = (
        select(Song)
        .join(scored, scored.c.id == Song.id)
        .where(scored.c.common > 0)
        .order_by(scored.c.likeness.desc(), scored.c.heat.desc(), Song.id)
        .limit(limit)
        .options(_with_owner())
    )
    return list(session.scalars(wanted))


def _with_owner() -> Any:
    return joinedload(Song.request).joinedload(SongRequest.user)
