"""A request is one transaction: where handlers get their session, and what happens after its commit."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy.orm import Session

from appliance.database import session_factory

log = logging.getLogger(__name__)
_AFTERWARDS, _SEAT = "after_commit", "seat"


class _Seat:
    """One of as many places as there are threads, with the session of the request that has it."""

    def __init__(self, seats: asyncio.Semaphore) -> None:
        self._seats = seats
        self._session: Session | None = None

    async def take(self) -> Session:
        await self._seats.acquire()
        self._session = session_factory()()
        return self._session

    async def leave(self, end: Callable[[Session], None]) -> None:
        """Let `end` have the session, and the next request the place; once this is done, it does nothing."""
        if session := self._session:
            self._session = None
            try:
                await sync_to_thread(end, session)
            finally:
                self._seats.release()


async def provide_session(request: Request[Any, Any, Any]) -> AsyncIterator[Session]:
    """Yield the session of a request: committed once when the handler is done, rolled back when it raises.

    The commit comes before the answer, so whoever reads the answer finds what it speaks of. A session is for who has a seat:
    between its steps a request keeps its connection while it waits for a thread, and if more did so than there are connections,
    every thread would wait for a connection and every connection for a thread.
    """
    seat = request.scope["state"][_SEAT] = _Seat(request.app.state.seats)
    session = await seat.take()
    try:
        yield session
    except BaseException:
        await seat.leave(Session.close)
        raise
    await seat.leave(_complete)


def leave_no_seat(app: ASGIApp) -> ASGIApp:
    """Return `app`, where nobody keeps a seat: Litestar does not end what it provided when another dependency raises."""

    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            if seat := scope.get("state", {}).get(_SEAT):
                await seat.leave(Session.close)

    return left


def _complete(session: Session) -> None:
    with session:
        session.commit()
        for todo in session.info.pop(_AFTERWARDS, ()):
            try:
                todo()
            except Exception:  # the request itself is done; sweeps mend what was left over
                log.exception("Something to do after a commit failed.")


def after_commit(session: Session, todo: Callable[[], object]) -> None:
    """Do `todo` once this request is committed, and not if it is rolled back."""
    session.info.setdefault(_AFTERWARDS, []).append(todo)
