"""Waiting for a request to be done, as long as it takes, without holding a thread or a database session meanwhile."""

import asyncio
import contextlib
from uuid import UUID

from litestar.concurrency import sync_to_thread
from sqlalchemy.exc import OperationalError

from appliance.briefs import Brief
from appliance.database import transaction
from appliance.errors import Conflict, StudioError, Unavailable
from appliance.songs import get_request, request_songs
from appliance.tables import Song, User
from appliance.tables.songs import OPEN
from appliance.taskqueue import ring
from web.events import MOST_STREAMS, SILENCE, Follower, Newsroom, TooManyPages

LONGEST = 3600.0  # seconds that somebody is kept waiting; the song goes on


class NoCredits(StudioError):
    """There is nothing to pay the song with."""

    status = 402

    def __init__(self) -> None:
        super().__init__("There are not enough credits for this song.")


class NotMade(StudioError):
    """The song was tried and could not be made."""

    status = 502


async def make_one_song(newsroom: Newsroom, viewer: User, brief: Brief, guidance_scale: float, steps: int) -> Song:
    """Ask for one take and return it when it is ready; its categories are loaded.

    It goes through the same line as everybody's. Raises InvalidInput, Conflict, NoCredits, NotMade with the reason, Unavailable
    when it takes longer than an hour.
    """
    if newsroom.streams(viewer.id) >= MOST_STREAMS:
        raise TooManyPages("You wait for a great many songs already.")
    # Follow first: what happens between the asking and the following would be missed.
    with newsroom.follow(viewer.id) as follower:
        request_id = await sync_to_thread(_ask, viewer, brief, guidance_scale, steps)
        try:
            async with asyncio.timeout(LONGEST):
                while (song := await _news_of(follower, viewer, request_id)) is None:
                    pass
        except TimeoutError:
            raise Unavailable("This takes very long. The song is still being made: it will be among yours.") from None
    return _made(song)


async def _news_of(follower: Follower, viewer: User, request_id: UUID) -> Song | None:
    """Wait until something happens, and return the song if it is in the making no longer."""
    # Looked at now and then in any case, should a notice be lost.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SILENCE):
            await follower.changed.wait()
    follower.changed.clear()
    try:
        song = await sync_to_thread(_look, viewer, request_id)
    except OperationalError:  # the database comes back; the song is still wanted
        await asyncio.sleep(1)
        return None
    return None if song.status in OPEN else song


def _ask(viewer: User, brief: Brief, guidance_scale: float, steps: int) -> UUID:
    with transaction() as session:
        request = request_songs(session, viewer, brief, (guidance_scale,), steps)
        if request.songs[0].status == "no_credits":
            raise NoCredits  # which takes the request back: nobody waits for it to be paid
        request_id = request.id
    ring()
    return request_id


def _look(viewer: User, request_id: UUID) -> Song:
    with transaction() as session:
        return get_request(session, request_id, viewer).songs[0]


def _made(song: Song) -> Song:
    if song.status == "processed":
        return song
    if song.status == "failed":
        raise NotMade(song.reason)
    raise Conflict("The song was cancelled.") if song.status == "cancelled" else NoCredits
