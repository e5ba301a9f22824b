"""The line as the page of the queue shows it to admins."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from appliance.languages import gettext as _
from appliance.line import open_requests
from appliance.tables import SongRequest, User
from appliance.tables.songs import OPEN
from appliance.turns import is_paused
from web.house import about


def queue_of(session: Session, admin: User) -> dict[str, Any]:
    """Return what is being made and what waits, in the order of the line, and whether the queue is paused."""
    requests = open_requests(session, admin)
    running = sum(bool(request.lease_worker) for request in requests)
    lines = [_line(request, max(0, number - running)) for number, request in enumerate(requests, 1)]
    return {"lines": lines, "paused": is_paused(session)}


def _line(request: SongRequest, place: int) -> dict[str, Any]:
    """Return what the table says of a request: its words are not among it. `place` is 1 for the next, 0 for what is being made."""
    open_songs = [song for song in request.songs if song.status in OPEN]
    # The last of them may have become ready since the request was looked up.
    song = next((each for each in open_songs if each.status == "processing"), (open_songs or request.songs)[0])
    stages = {
        "writing": _("Words"),
        "composing": _("Music"),
        "mastering": _("Mastering"),
        "painting": _("Cover"),
        "storing": _("Storing"),
    }
    waits = _("Next in line") if place == 1 else _("Number %(place)s in line") % {"place": place}
    stage = stages.get(song.stage or "", _("Beginning")) if request.lease_worker else waits
    progress = f" {song.progress:.0%}" if song.stage == "composing" else ""
    return {
        "id": request.id,
        "title": next((each.title for each in request.songs if each.title), "") or _("Untitled"),
        "who": request.user.name,
        "who_id": request.user_id,
        "running": bool(request.lease_worker),
        "first": place == 1,
        "stage": stage + progress,
        "takes": len(open_songs),
        "waited": about((datetime.now(UTC) - request.created_at).total_seconds()),
        "tries": request.tries,
    }
