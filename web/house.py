"""What the studio is doing: the few lines that stand in the frame of every page."""

import time
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from appliance import credits
from appliance.languages import gettext as _
from appliance.tables import QueuePause, Song, SongRequest, User
from appliance.tables.songs import OPEN
from appliance.turns import is_paused

RECENT = 40  # songs whose requests estimates rest on
REMEMBERED = 15.0  # seconds
_lately: dict[str, tuple[float, float]] = {}  # the pace, and until when it is good


@dataclass(frozen=True, slots=True)
class House:
    """`working`: something is being made; `title`: what, if it is the viewer's own; `waiting`: how many more are in line.

    `seconds`: how long all of it takes at the speed of the last songs, None while nothing is known. `credits`: what the viewer
    can spend, None where the studio counts none. `paused`: an admin paused the queue, so that nothing new is begun.
    """

    working: bool
    title: str
    waiting: int
    seconds: float | None
    credits: int | None = None
    paused: bool = False


def house(session: Session, viewer: User) -> House:
    """Return what the studio is doing, without saying anything about other people's songs."""
    open_requests = (
        select(
            SongRequest.user_id,
            (SongRequest.duration * func.count(Song.id)).label("length"),
            SongRequest.lease_worker,
            func.max(Song.title).label("title"),
            exists(select(QueuePause.single)).label("paused"),
        )
        .join(Song, Song.request_id == SongRequest.id)
        .where(Song.status.in_(OPEN))
        .group_by(SongRequest.id)
    )
    rows = session.execute(open_requests).all()
    running = [row for row in rows if row.lease_worker]
    own = [row.title for row in running if row.user_id == viewer.id]
    each = pace(session) if rows else None
    # What is running is half done, as far as anybody knows.
    length = sum(row.length / (2 if row.lease_worker else 1) for row in rows)
    spendable = credits.account_of(session, viewer.id).available if credits.are_on() else None
    seconds = each and each * length
    paused = rows[0].paused if rows else is_paused(session)
    waiting = len(rows) - len(running)
    return House(bool(running), own[0] if own else "", waiting, seconds, spendable, paused)


def pace(session: Session) -> float | None:
    """Return how many seconds it took lately to make one second of a take; None before the first.

    It is looked up anew every quarter of a minute at most, since every page asks.
    """
    known, until = _lately.get("pace", (0.0, 0.0))
    if time.monotonic() < until:
        return known
    latest = (
        select(Song.request_id)
        .where(Song.status == "processed", Song.started_at.is_not(None))
        .order_by(Song.finished_at.desc())
        .limit(RECENT)
    )
    made = (
        select(
            func.extract("epoch", func.max(Song.finished_at) - func.min(Song.started_at)).label("took"),
            func.sum(Song.duration).label("length"),
        )
        .where(Song.request_id.in_(latest), Song.status == "processed")
        .group_by(Song.request_id)
        .subquery()
    )
    found = session.scalar(select(func.sum(made.c.took) / func.nullif(func.sum(made.c.length), 0)))
    if found is None:
        return None
    _lately["pace"] = (float(found), time.monotonic() + REMEMBERED)
    return float(found)


def about(seconds: float) -> str:
    """Return a time ahead as people say it: `about 24 s`, `about 2 min`."""
    if seconds < 10:
        return _("a few seconds")
    if seconds < 90:
        return _("about %(number)s s") % {"number": round(seconds / 5) * 5}
    return _("about %(number)s min") % {"number": round(seconds / 60)}
