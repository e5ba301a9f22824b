"""Requests through the API: what was asked for, how far it is, and live until it is done."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from appliance.api_keys import key_opens
from appliance.database import transaction
from appliance.errors import NotFound
from appliance.shelf import delete_song, list_requests
from appliance.songs import cancel_song, get_request, retry_song
from appliance.tables import ApiKey, User
from appliance.tables.songs import OPEN
from appliance.taskqueue import ring
from web.api.reading import cursor_of, place_of, read_page
from web.api.views import RequestList, RequestView, request_view
from web.database import after_commit
from web.events import AT_MOST_EVERY, MOST_STREAMS, SILENCE, Newsroom, TooManyPages

ApiRequest = Request[Any, Any, Any]


class Requests(Controller):
    """What was asked for: each request has its takes."""

    path = "/requests"
    opt = {"section": "Requests"}  # noqa: RUF012  # as Litestar has it

    @get("/", scope="songs:read", answer=RequestList, query=("cursor", "limit"), sync_to_thread=True)
    def mine(
        self, request: ApiRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> RequestList:
        """List your requests that still have songs, newest first."""
        cursor, limit = read_page(request)
        place = place_of(cursor)
        found = list_requests(session, viewer, place and place[0], limit + 1)
        after = cursor_of(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
        return RequestList([request_view(session, each, viewer) for each in found[:limit]], after)

    @get("/{request_id:uuid}", scope="songs:read", answer=RequestView, sync_to_thread=True)
    def one(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], request_id: FromPath[UUID]
    ) -> RequestView:
        """Return a request of yours with its songs."""
        return _view(session, request_id, viewer)

    @post("/{request_id:uuid}/cancel", scope="songs:write", answer=RequestView, status_code=200, sync_to_thread=True)
    def cancel(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], request_id: FromPath[UUID]
    ) -> RequestView:
        """Stop every song of a request that is still in the making."""
        for song in get_request(session, request_id, viewer).songs:
            if song.status in (*OPEN, "no_credits"):
                cancel_song(session, song.id, viewer)
        return _view(session, request_id, viewer)

    @post("/{request_id:uuid}/retry", scope="generate", answer=RequestView, status_code=200, sync_to_thread=True)
    def retry(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], request_id: FromPath[UUID]
    ) -> RequestView:
        """Put every song of a request that failed or was cancelled in line again."""
        for song in get_request(session, request_id, viewer).songs:
            if song.status in ("failed", "cancelled"):
                retry_song(session, song.id, viewer)
        after_commit(session, ring)
        return _view(session, request_id, viewer)

    @delete("/{request_id:uuid}", scope="songs:write", status_code=204, sync_to_thread=True)
    def remove(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], request_id: FromPath[UUID]
    ) -> None:
        """Put a request with all its songs into the bin, where they stay for 30 days; none may be in the making."""
        for song in get_request(session, request_id, viewer).songs:
            delete_song(session, song.id, viewer)

    @get("/{request_id:uuid}/events", scope="songs:read", media="text/event-stream", sync_to_thread=True)
    def events(
        self,
        request: Request[User, ApiKey, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Stream:
        """Follow a request by server-sent events: a `request` event, as this route's neighbour answers it, at every change.

        After the one that says `done` the stream ends.
        """
        get_request(session, request_id, viewer)
        newsroom: Newsroom = request.app.state.newsroom
        if newsroom.streams(viewer.id) >= MOST_STREAMS:
            raise TooManyPages("You follow a great many things already. End some of it first.")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        told = _follow(newsroom, viewer, request.auth.id, request_id)
        return Stream(told, media_type="text/event-stream", headers=headers)


def _view(session: Session, request_id: UUID, viewer: User) -> RequestView:
    session.flush()
    session.expire_all()
    return request_view(session, get_request(session, request_id, viewer), viewer)


async def _follow(newsroom: Newsroom, viewer: User, key_id: str, request_id: UUID) -> AsyncIterator[bytes]:
    last = b""
    with newsroom.follow(viewer.id) as follower:
        while True:
            try:
                async with asyncio.timeout(SILENCE):
                    await follower.changed.wait()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            follower.changed.clear()
            try:
                seen = await sync_to_thread(_look, viewer, key_id, request_id)
            except OperationalError:  # told again once the database answers
                follower.changed.set()
                await asyncio.sleep(AT_MOST_EVERY)
                continue
            if seen is None:
                return
            told = msgspec.json.encode(seen)
            if told != last:
                last = told
                yield b"event: request\ndata: " + told + b"\n\n"
            if seen.done:
                return
            await asyncio.sleep(AT_MOST_EVERY)


def _look(viewer: User, key_id: str, request_id: UUID) -> RequestView | None:
    """Return the request as it stands, None when it is gone or the key does not open anything any more."""
    with transaction() as session:
        if not key_opens(session, key_id):
            return None
        try:
            return request_view(session, get_request(session, request_id, viewer), viewer)
        except NotFound:
            return None
