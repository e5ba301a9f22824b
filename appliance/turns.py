"""Whose turn it is: the order in which what waits is served, and whether anything is begun at all."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Subquery, exists, func, select
from sqlalchemy.orm import Session

from appliance.tables import QueuePause, Song, SongRequest, User
from appliance.tables.songs import OPEN

# What an admin moved to the front comes first, and of that what was moved last.
AT_THE_FRONT = SongRequest.front_at.desc().nulls_last()


def line() -> Subquery:
    """Return what waits: the `id` of each request and its `place`, 1 for the next.

    The queue goes round the people who wait, the least recently served one first, so the place is counted in that order
    and not by who came first.
    """
    rounds = (
        select(
            SongRequest.id,
            SongRequest.front_at,
            SongRequest.created_at,
            User.last_served_at,
            func.row_number()
            .over(
                partition_by=SongRequest.user_id,
                order_by=(AT_THE_FRONT, SongRequest.created_at, SongRequest.id),
            )
            .label("round"),
        )
        .join(User, User.id == SongRequest.user_id)
        .where(
            SongRequest.lease_worker.is_(None),
            exists().where(Song.request_id == SongRequest.id, Song.status.in_(OPEN)),
        )
        .subquery()
    )
    columns = rounds.c
    order = (
        columns.front_at.desc().nulls_last(),
        columns.round,
        columns.last_served_at.asc().nulls_first(),
        columns.created_at,
        columns.id,
    )
    return select(columns.id, func.row_number().over(order_by=order).label("place")).subquery()


def places_in_line(session: Session, requests: Iterable[SongRequest]) -> dict[UUID, int]:
    """Return how soon each of these requests is served, by its id: 1 for the next. What is being made is not among them."""
    wanted = [request.id for request in requests if not request.lease_worker]
    if not wanted:
        return {}
    waiting = line()
    rows = session.execute(select(waiting.c.id, waiting.c.place).where(waiting.c.id.in_(wanted)))
    return {row.id: row.place for row in rows}


def place_in_line(session: Session, request: SongRequest) -> int:
    """Return how soon a request is served: 0 while it is being made, 1 for the next, 3 for the third in line."""
    return places_in_line(session, [request]).get(request.id, 0)


def is_paused(session: Session) -> bool:
    """Tell whether an admin paused the queue: what is being made is finished, and nothing else is begun."""
    return session.scalar(select(exists(select(QueuePause.single)))) or False
