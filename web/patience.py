"""Words where a page would hang: who waits for a part of the studio that says nothing is told so after a few seconds.

A part that is gone is noticed by whoever asks it; one that is paused, or behind a network that was cut, takes questions and
never answers. Then handlers wait, all threads with them, and every page of the studio would just stay white.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from appliance.box import postgres, store
from appliance.settings import Settings
from web.failures import silence

PATIENCE = 4.0  # seconds until it is asked whether there is anybody to wait for
SHORT_PATIENCE = 1.0  # while it is known that there is nobody
REMEMBERED = 1.0  # seconds for which an answer to that is good
ASKED_FOR = 3.0  # seconds that a part has for saying that it is there


class Pulse:
    """Asks the database and the store whether they are there, for everybody who wonders at the moment."""

    def __init__(self, wanted: Settings) -> None:
        self._parts: dict[str, Callable[[], bool]] = {
            "database": lambda: postgres.answers(wanted.database_url.get_secret_value()),
            "object store": lambda: store.answers(wanted.s3_endpoint),
        }
        # Threads of their own, since those of the handlers may all be waiting.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="pulse")
        self._asking: asyncio.Task[str] | None = None
        self._until = 0.0
        self.silent = ""

    async def look(self) -> str:
        """Return the part that says nothing, empty where both are there."""
        if time.monotonic() < self._until:
            return self.silent
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> str:
        loop = asyncio.get_running_loop()
        there = await asyncio.gather(
            *(asyncio.wait_for(loop.run_in_executor(self._threads, part), ASKED_FOR) for part in self._parts.values()),
            return_exceptions=True,
        )
        self.silent = next(
            (name for name, is_there in zip(self._parts, there, strict=True) if is_there is not True), ""
        )
        self._until = time.monotonic() + REMEMBERED
        return self.silent


def lose_patience(app: ASGIApp, wanted: Settings) -> ASGIApp:
    """Return `app`, with an answer in words in the place of one that does not begin because a part is silent.

    Whatever the handler is at goes on: what it wanted to send is thrown away. Handlers that say `waits_for_songs` keep people
    waiting by intention.
    """
    pulse = Pulse(wanted)
    left_alone: set[asyncio.Task[None]] = set()  # for nobody else holds them

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        began, given_up = asyncio.Event(), False

        async def send_unless_late(message: Message) -> None:
            if not given_up:
                began.set()
                await send(message)

        answering: asyncio.Task[None] = asyncio.ensure_future(app(scope, receive, send_unless_late))
        beginning = asyncio.ensure_future(began.wait())
        try:
            while not (began.is_set() or answering.done()):
                patience = SHORT_PATIENCE if pulse.silent else PATIENCE
                await asyncio.wait({answering, beginning}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if began.is_set() or answering.done() or _waits_for_songs(scope):
                    break
                silent = await pulse.look()
                if silent and not began.is_set() and not answering.done():
                    given_up = True
                    left_alone.add(answering)
                    answering.add_done_callback(left_alone.discard)
                    answering.add_done_callback(_forget)
                    await _say(scope, receive, send, silence(Request(scope), silent))
                    return
            await answering
        except asyncio.CancelledError:
            answering.cancel()
            raise
        finally:
            beginning.cancel()

    return patient


async def _say(scope: Scope, receive: Receive, send: Send, answer: Response[Any]) -> None:
    await answer.to_asgi_response(None, Request(scope))(scope, receive, send)


def _forget(late: asyncio.Task[None]) -> None:
    """Take note of how a late answer ended, or asyncio would complain that nobody did."""
    if not late.cancelled():
        late.exception()


def _waits_for_songs(scope: Scope) -> bool:
    handler = scope.get("route_handler")
    return bool(handler is not None and handler.opt.get("waits_for_songs"))
