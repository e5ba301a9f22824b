"""My songs, as the Studio lists them: what needs the viewer, what is on the desk, and the rest by day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.orm import Session

from appliance.songs import list_requests
from appliance.tables import User
from web.jobs import Job, job_of

PAGE = 30


@dataclass(frozen=True, slots=True)
class Desk:
    """`needs` and `desk` are jobs, `days` pairs of a heading and its jobs; `older` is where the next page begins, if any.

    `is_older` says that this is not the first page.
    """

    needs: list[Job]
    desk: list[Job]
    days: list[tuple[str, list[Job]]]
    older: str | None
    is_older: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show at all."""
        return not (self.needs or self.desk or self.days)


def desk_of(session: Session, viewer: User, before: datetime | None = None) -> Desk:
    """Return one page of the viewer's songs, newest first, older than `before`."""
    found = list_requests(session, viewer, before, PAGE + 1)
    jobs = [job_of(session, request) for request in found[:PAGE]]
    days: dict[str, list[Job]] = {}
    for job in jobs:
        if not job.open and job.state not in ("failed", "held"):
            days.setdefault(day(job.created_at), []).append(job)
    return Desk(
        needs=[job for job in jobs if job.state in ("failed", "held")],
        desk=[job for job in jobs if job.open],
        days=list(days.items()),
        older=jobs[-1].created_at.isoformat() if len(found) > PAGE else None,
        is_older=before is not None,
    )


def day(moment: datetime, today: date | None = None) -> str:
    """Return the heading for what was made then: `Today`, `Yesterday`, `Tuesday 17 November`, with the year if it is not this."""
    today = today or datetime.now(UTC).astimezone().date()
    made = moment.astimezone().date()
    if made == today:
        return "Today"
    if made == today - timedelta(days=1):
        return "Yesterday"
    said = f"{made:%A} {made.day} {made:%B}"
    return said if made.year == today.year else f"{said} {made.year}"
