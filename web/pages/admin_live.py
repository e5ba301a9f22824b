"""The machine room while somebody looks at it: its figures and its queue are told anew whenever they have changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

from litestar import Request, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream
from sqlalchemy.exc import OperationalError

from appliance.accounts import viewer_of
from appliance.database import transaction
from appliance.tables import User
from web.cookies import login_token
from web.csrf import token_for
from web.events import SILENCE, event
from web.line import queue_of
from web.machine import figures_of
from web.rendering import partial

LOOK_EVERY = 2.0  # seconds

Room = Literal["machine", "queue"]


@get("/admin/events", sync_to_thread=False)
def admin_events(
    request: Request[Any, Any, Any], admin: NamedDependency[User], room: FromQuery[Room] = "machine"
) -> Stream:
    """Answer with server-sent events: the parts of one page of the machine room, for as long as it is open."""
    del admin  # whether they still are one is asked before every message
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    told = _messages(room, login_token(request) or "", token_for(request))
    return Stream(told, media_type="text/event-stream", headers=headers)


async def _messages(room: Room, login: str, csrf_token: str) -> AsyncIterator[bytes]:
    known, spoke = "", time.monotonic()
    while True:
        try:
            found = await sync_to_thread(_look, room, login, csrf_token)
        except OperationalError:  # the database is away: what stands on the page is the last that was known
            found = known
        if found is None:
            return
        if found != known:
            known, spoke = found, time.monotonic()
            yield event(int(time.time() * 1000), found)
        elif time.monotonic() - spoke > SILENCE:
            spoke = time.monotonic()
            yield b": still here\n\n"
        await asyncio.sleep(LOOK_EVERY)


def _look(room: Room, login: str, csrf_token: str) -> str | None:
    """Return the pieces of a room as it is; None when this browser is not an admin's any more."""
    with transaction() as session:
        viewer = viewer_of(session, login)
        if viewer is None or not viewer.is_admin:
            return None
        if room == "queue":
            return partial("#adm-queue", "_admin_queue.html", csrf_token=csrf_token, **queue_of(session, viewer))
        shown = figures_of(session)
        return partial("#adm-state", "_admin_state.html", **shown) + partial(
            "#adm-machine", "_admin_machine.html", **shown
        )
