"""What the studio is doing: the few lines that stand in the frame of every page."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.tables import Song, SongRequest, User
from appliance.tables.songs import OPEN

RECENT = 20  # requests that the estimate rests on


@dataclass(frozen=True, slots=True)
class House:
    """`working`: something is being made; `title`: what, if it is the viewer's own; `waiting`: how many more are in line.

    `seconds`: how long the line is at the speed of the last songs, None while nothing is known.
    """

    working: bool
    title: str
    waiting: int
    seconds: float | None


def house(session: Session, viewer: User) -> House:
    """Return what the studio is doing, without saying anything about other people's songs."""
    open_requests = (
        select(SongRequest.id, SongRequest.user_id, SongRequest.lease_worker, func.max(Song.title).label("title"))
        .join(Song, Song.request_id == SongRequest.id)
        .where(Song.status.in_(OPEN))
        .group_by(SongRequest.id)
    )
    rows = session.execute(open_requests).all()
    running = [row for row in rows if row.lease_worker]
    own = [row.title for row in running if row.user_id == viewer.id]
    waiting = len(rows) - len(running)
    each = typical_seconds(session) if rows else None
    return House(bool(running), own[0] if own else "", waiting, each and each * (waiting + bool(running) / 2))


def typical_seconds(session: Session) -> float | None:
    """Return how long one request took lately, from its beginning to its last take, or None when none was made yet."""
    took = (
        select(func.extract("epoch", func.max(Song.finished_at) - func.min(Song.started_at)).label("took"))
        .where(Song.status == "processed", Song.started_at.is_not(None))
        .group_by(Song.request_id)
        .order_by(func.max(Song.finished_at).desc())
        .limit(RECENT)
        .subquery()
    )
    seconds = session.scalar(select(func.avg(took.c.took)))
    return None if seconds is None else float(seconds)


def about(seconds: float) -> str:
    """Return a time ahead as people say it: `about 24 s`, `about 2 min`."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s"
    return f"about {round(seconds / 60)} min"
