"""Live pages: one connection to the database hears all news, and every open page is told what is its business."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from litestar import Litestar, Request, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.response import Stream
from psycopg import sql
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from appliance.accounts import viewer_of
from appliance.database import NOTICES, libpq_url, transaction
from appliance.errors import NotFound, StudioError
from appliance.settings import settings
from appliance.shelf import list_requests
from appliance.songs import get_request
from appliance.tables import User
from web.cookies import login_token
from web.csrf import token_for
from web.desk import desk_of
from web.house import house
from web.jobs import Job, job_of, jobs_of
from web.rendering import partial

log = logging.getLogger(__name__)

SILENCE = 15.0  # seconds after which a comment keeps the proxies in between from hanging up
AT_MOST_EVERY = 1.0  # seconds between two messages to one page
# What a page can have missed between being made and being connected.
CATCH_UP = timedelta(minutes=2)
MOST_STREAMS = 20  # of one person
PUBLISHED = b"event: published\ndata: yes\n\n"  # a page that shows what is published asks how much of it is new


class TooManyPages(StudioError):
    """Somebody has more open pages than anybody can look at."""

    status = 429


@dataclass(eq=False)
class Follower:
    """One open page. `requests` have changed since it was last told, `line` says that the line has, `all` that news were missed.

    `published` says that there are songs for everybody which were not there before.
    """

    requests: set[UUID] = field(default_factory=set)
    line: bool = False
    all: bool = True
    published: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Newsroom:
    """Hears the notices of the database and wakes the followers they are for."""

    def __init__(self) -> None:
        self._followers: dict[UUID, set[Follower]] = {}

    @contextlib.contextmanager
    def follow(self, user_id: UUID) -> Iterator[Follower]:
        """Yield a follower of this person's news; it begins with everything."""
        follower = Follower()
        follower.changed.set()
        mine = self._followers.setdefault(user_id, set())
        mine.add(follower)
        try:
            yield follower
        finally:
            mine.discard(follower)
            if not mine:
                self._followers.pop(user_id, None)

    def streams(self, user_id: UUID) -> int:
        """Return how many pages of this person are open."""
        return len(self._followers.get(user_id, ()))

    def tell(self, news: dict[str, Any]) -> None:
        """Pass on one notice: a `request` or the `credits` of a `user`, or `line` or `published` for everybody."""
        for follower in self._followers.get(UUID(news["user"]), ()) if "user" in news else ():
            if "request" in news:
                follower.requests.add(UUID(news["request"]))
            follower.changed.set()
        if "line" in news or "published" in news:
            for follower in self._everybody():
                follower.line |= "line" in news
                follower.published |= "published" in news
                follower.changed.set()

    def missed_some(self) -> None:
        """Have every page told everything: nobody knows what happened meanwhile."""
        for follower in self._everybody():
            follower.all = True
            follower.changed.set()

    def _everybody(self) -> list[Follower]:
        return [follower for mine in self._followers.values() for follower in mine]

    async def listen(self) -> None:
        """Hear notices for ever; a database that goes away is asked again every second."""
        address = libpq_url(settings().database_url.get_secret_value())
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    address, autocommit=True, connect_timeout=5
                ) as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(NOTICES)))
                    self.missed_some()
                    while True:
                        async for notice in connection.notifies(timeout=SILENCE):
                            self.tell(json.loads(notice.payload))
                        # Nothing was said for a while: is anybody there?
                        await connection.execute("SELECT 1")
            except psycopg.Error as error:
                log.warning("The database's news are not heard: %s", error)
            except (ValueError, KeyError):
                log.exception("A notice could not be read.")
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def newsroom_open(app: Litestar) -> AsyncIterator[None]:
    """Keep the newsroom of `app` listening while it runs."""
    app.state.newsroom = Newsroom()
    listening = asyncio.create_task(app.state.newsroom.listen())
    try:
        yield
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


@get("/events", sync_to_thread=False)
def events(request: Request[Any, Any, Any], viewer: NamedDependency[User]) -> Stream:
    """Answer with server-sent events: pieces of pages for htmx to put in their places, for as long as the page is open."""
    newsroom: Newsroom = request.app.state.newsroom
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    if newsroom.streams(viewer.id) >= MOST_STREAMS:
        raise TooManyPages("You have a great many pages open. Close some, and this one will be live.")
    since = _since(request.headers.get("last-event-id", ""))
    told = _messages(newsroom, viewer.id, login_token(request) or "", token_for(request), since)
    return Stream(told, media_type="text/event-stream", headers=headers)


def _since(event_id: str) -> datetime:
    """Return up to when this page was told everything: what the last event says that reached it, or a while ago."""
    now = datetime.now(UTC)
    try:
        return min(now, datetime.fromtimestamp(int(event_id[:15]) / 1000, UTC)) - timedelta(seconds=5)
    except (ValueError, OverflowError, OSError):
        return now - CATCH_UP


async def _messages(
    newsroom: Newsroom, user_id: UUID, login: str, csrf_token: str, since: datetime
) -> AsyncIterator[bytes]:
    teller = Teller(login, csrf_token, since)
    with newsroom.follow(user_id) as follower:
        while True:
            try:
                async with asyncio.timeout(SILENCE):
                    await follower.changed.wait()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            follower.changed.clear()
            if follower.published:
                follower.published = False
                yield PUBLISHED
            requests, line, everything = follower.requests, follower.line, follower.all
            follower.requests, follower.line, follower.all = set(), False, False
            # The time before looking: what happens while we look is told once more rather than never.
            stamp = int(time.time() * 1000)
            try:
                pieces = await sync_to_thread(teller.pieces, requests, line, everything)
            except OperationalError:  # once it answers again, the page is told everything
                follower.all = True
                follower.changed.set()
                await asyncio.sleep(AT_MOST_EVERY)
                continue
            if pieces is None:
                return
            yield event(stamp, "".join(pieces))
            await asyncio.sleep(AT_MOST_EVERY)


def event(stamp: int, text: str) -> bytes:
    """Return a message of an event stream: its id, by which a browser says what it has heard, and its text."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"id: {stamp}\n{lines}\n".encode()


class Teller:
    """Makes the pieces for one page, and remembers how the jobs stood that it was told of."""

    def __init__(self, login: str, csrf_token: str, since: datetime) -> None:
        self._login, self._csrf_token, self._since = login, csrf_token, since
        self._known: dict[UUID, str] | None = None

    def pieces(self, changed: set[UUID], line: bool, everything: bool) -> list[str] | None:
        """Return the pieces for what has changed; None when this browser is not signed in any more."""
        with transaction() as session:
            viewer = viewer_of(session, self._login)
            if viewer is None:
                return None
            jobs = self._jobs(session, viewer, changed, line, everything)
            known, self._known = self._known, {**(self._known or {}), **{job.id: job.state for job in jobs.values()}}
            context: dict[str, Any] = {
                "csrf_token": self._csrf_token,
                "by": viewer.name,
                "viewer": viewer,
                "removed": None,
            }
            pieces = [partial(f"#job-{gone}", None) for gone in changed - set(jobs)]
            if known is not None and any(job.open and job.id not in known for job in jobs.values()):
                # Asked for in another window, perhaps: the list shows it in its place.
                pieces.append(partial("#mine", "_mine.html", desk=desk_of(session, viewer), **context))
            else:
                pieces += [partial(f"#job-{job.id}", "_job.html", job=job, **context) for job in jobs.values()]
            ended = [
                job for job in jobs.values() if known and known.get(job.id, job.state) != job.state and not job.open
            ]
            if said := [job for job in ended if job.state in ("ready", "partly", "failed")]:
                pieces.append(partial("#say", "_say.html", swap="innerHTML", jobs=said))
            doing = house(session, viewer)
            if doing.credits is not None:
                pieces += [
                    partial(f"#{id}", "_credits.html", house=doing, id=id) for id in ("side-credits", "top-credits")
                ]
            pieces.append(partial("#paused", "_paused.html", paused=doing.paused))
            return [*pieces, partial("#house", "_house.html", house=doing)]

    def _jobs(
        self, session: Session, viewer: User, changed: set[UUID], line: bool, everything: bool
    ) -> dict[UUID, Job]:
        """Return the jobs to show anew: what changed, and what waits when the line has moved."""
        jobs: dict[UUID, Job] = {}
        if line or everything:
            for job in jobs_of(session, list_requests(session, viewer)):
                ended = max((song.finished_at for song in job.songs if song.finished_at), default=None)
                if job.open or (everything and ended and ended > self._since):
                    jobs[job.id] = job
        for request_id in changed - set(jobs):
            with contextlib.suppress(NotFound):
                jobs[request_id] = job_of(session, get_request(session, request_id, viewer))
        return jobs
