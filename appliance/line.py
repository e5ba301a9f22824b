"""The line as the admins see it: who waits for what, pausing it, moving somebody to its front, stopping a request.

What a private song says is its owner's: admins see its title and how far it is, and not its words.
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, selectinload

from appliance import credits
from appliance.audit import record, require_admin
from appliance.database import notify
from appliance.errors import Conflict, NotFound, said
from appliance.songs import announce
from appliance.tables import QueuePause, Song, SongRequest, User
from appliance.tables.songs import OPEN
from appliance.turns import line


def open_requests(session: Session, viewer: User, limit: int = 200) -> list[SongRequest]:
    """Return what is being made and what waits, in the order of the line, with its songs and owners. Raises NotAllowed."""
    require_admin(viewer)
    waiting = line()
    wanted = select(SongRequest).outerjoin(waiting, waiting.c.id == SongRequest.id)
    wanted = wanted.where(exists().where(Song.request_id == SongRequest.id, Song.status.in_(OPEN)))
    wanted = wanted.order_by(waiting.c.place.asc().nulls_first(), SongRequest.created_at).limit(limit)
    return list(session.scalars(wanted.options(joinedload(SongRequest.user), selectinload(SongRequest.songs))))


def _open_request(session: Session, admin: User, request_id: UUID) -> SongRequest:
    require_admin(admin)
    request = session.scalar(
        select(SongRequest)
        .where(SongRequest.id == request_id, exists().where(Song.request_id == request_id, Song.status.in_(OPEN)))
        .with_for_update()
        .options(selectinload(SongRequest.songs))
        .execution_options(populate_existing=True)
    )
    if request is None:
        raise NotFound
    return request


def stop_request(session: Session, admin: User, request_id: UUID, address: str = "") -> None:
    """Cancel somebody's request; what it would have cost is theirs again. Raises NotAllowed, NotFound."""
    request = _open_request(session, admin, request_id)
    for song in session.scalars(
        select(Song).where(Song.request_id == request.id, Song.status.in_(OPEN)).with_for_update()
    ):
        song.status, song.stage, song.finished_at = "cancelled", None, datetime.now(UTC)
        session.flush()
        credits.release_hold(session, song)
    record(session, admin, "stop request", str(request.id), address=address)
    announce(session, request.user_id, request.id)
    notify(session, line=True)


def put_back_in_line(session: Session, admin: User, request_id: UUID, address: str = "") -> None:
    """Take a request from the worker that has it and let it be claimed anew, its tries forgotten. Ring after the commit.

    The worker loses its lease by that: whatever it still does leaves no trace. Raises NotAllowed, NotFound.
    """
    request = _open_request(session, admin, request_id)
    before = {"worker": request.lease_worker, "tries": request.tries}
    request.lease_worker = request.lease_until = None
    request.tries = 0
    for song in request.songs:
        if song.status == "processing":
            song.status, song.stage, song.progress = "queued", None, 0.0
    record(session, admin, "put request back", str(request.id), before=before, address=address)
    announce(session, request.user_id, request.id)
    notify(session, line=True)


def move_to_front(session: Session, admin: User, request_id: UUID, address: str = "") -> None:
    """Let a request that waits be the next to be made. Raises NotAllowed, NotFound, Conflict where it is being made."""
    request = _open_request(session, admin, request_id)
    if request.lease_worker:
        raise Conflict("This song is being made already.")
    request.front_at = session.scalar(select(func.clock_timestamp()))
    record(session, admin, "move request to front", str(request.id), address=address)
    announce(session, request.user_id, request.id)
    notify(session, line=True)


def pause_queue(session: Session, admin: User, paused: bool, address: str = "") -> None:
    """Begin nothing any more, or go on: then ring after the commit. What is being made is finished. Raises NotAllowed."""
    require_admin(admin)
    change = insert(QueuePause).on_conflict_do_nothing() if paused else delete(QueuePause)
    if session.scalar(change.returning(QueuePause.single)):
        record(session, admin, said("pause queue") if paused else said("resume queue"), address=address)
        notify(session, line=True)
