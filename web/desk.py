"""My songs, as the Studio lists them: what needs the viewer, what is on the desk, and the rest by day; or one shelf of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from appliance.languages import date_in_words
from appliance.languages import gettext as _
from appliance.shelf import BIN_KEEPS, SHELVES, count_shelves, list_bin, list_requests
from appliance.tables import Song, User
from web.jobs import Job, jobs_of

PAGE = 30
BIN = "bin"


@dataclass(frozen=True, slots=True)
class Desk:
    """`needs` and `desk` are jobs, `days` pairs of a heading and its jobs; `older` is the address of the next page, if any.

    `shelf` and `words` are what was asked for, `counts` how many stand on each shelf. `bin` is shown instead of jobs where
    the shelf is the bin: songs, each with how many days it has left. `is_older` says that this is not the first page.
    """

    needs: list[Job]
    desk: list[Job]
    days: list[tuple[str, list[Job]]]
    older: str | None
    is_older: bool
    shelf: str
    words: str
    counts: Mapping[str, int]
    bin: list[tuple[Song, int]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """What the list is called on the page: `mine` is the one that the event stream renews."""
        return "older" if self.is_older else "found" if self.words or self.shelf != "all" else "mine"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show at all."""
        return not (self.needs or self.desk or self.days or self.bin)

    @property
    def jobs(self) -> int:
        """How many jobs this page shows."""
        return len(self.needs) + len(self.desk) + sum(len(jobs) for _, jobs in self.days)


def desk_of(
    session: Session, viewer: User, before: datetime | None = None, shelf: str = "all", words: str = ""
) -> Desk:
    """Return one page of the viewer's songs, newest first, older than `before`; an unknown shelf is all of them."""
    shelf = shelf if shelf in (*SHELVES, BIN) else "all"
    counts = count_shelves(session, viewer)
    if shelf == BIN:
        return Desk(
            [], [], [], None, False, shelf, "", counts, [(song, _days_left(song)) for song in list_bin(session, viewer)]
        )
    found = list_requests(session, viewer, before, PAGE + 1, shelf, words)
    jobs = jobs_of(session, found[:PAGE])
    days: dict[str, list[Job]] = {}
    for job in jobs:
        if not job.open and job.state not in ("failed", "held"):
            days.setdefault(day(job.created_at), []).append(job)
    return Desk(
        needs=[job for job in jobs if job.state in ("failed", "held")],
        desk=[job for job in jobs if job.open],
        days=list(days.items()),
        older=address(shelf, words, jobs[-1].created_at) if len(found) > PAGE else None,
        is_older=before is not None,
        shelf=shelf,
        words=words,
        counts=counts,
    )


def address(shelf: str = "all", words: str = "", before: datetime | None = None) -> str:
    """Return where a shelf of the list is found."""
    asked = {
        "before": before.isoformat() if before else "",
        "shelf": shelf if shelf != "all" else "",
        "q": words,
    }
    told = urlencode({name: value for name, value in asked.items() if value})
    return f"/create?{told}" if told else "/create"


def _days_left(song: Song) -> int:
    assert song.deleted_at is not None
    return max(0, (song.deleted_at + BIN_KEEPS - datetime.now(UTC)).days)


def day(moment: datetime, today: date | None = None) -> str:
    """Return the heading for what was made then: `Today`, `Yesterday`, `Tuesday 17 November`, with the year if it is not this."""
    today = today or datetime.now(UTC).astimezone().date()
    made = moment.astimezone().date()
    if made == today:
        return _("Today")
    if made == today - timedelta(days=1):
        return _("Yesterday")
    return date_in_words(made, year=made.year != today.year)
