"""Making songs in tests: asking, claiming, producing in a thread, and waiting for a moment of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from appliance.box.waiting import wait_until
from appliance.database import transaction
from appliance.queue import claim_request, lease_of
from appliance.songs import cancel_song
from appliance.tables import Song, SongRequest, User
from tests.appliance.people import add_user, ask
from worker.engines import Engines
from worker.produce import produce
from worker.watch import Watch

SECONDS = 10  # the shortest song there is


def ask_for_song(session: Session, takes: int = 2, **fields: object) -> SongRequest:
    """Ask for takes of the shortest song in the name of somebody new, and commit."""
    person = add_user(session, uuid4().hex)
    request = ask(session, person, **{"seed": 7, "duration": SECONDS, **fields})
    for song in request.songs[takes:]:
        cancel_song(session, song.id, person)
    session.commit()
    return request


def claim(worker: str = "one") -> SongRequest:
    """Claim the next request."""
    with transaction() as session:
        request = claim_request(session, worker)
    assert request is not None
    return request


def make(engines: Engines, worker: str = "one") -> SongRequest:
    """Claim the next request, carry it through the recipe, and return it as it is afterwards."""
    request = claim(worker)
    with Watch(lease_of(request)) as watch:
        produce(request, engines, watch)
    return look(request.id)


@contextmanager
def making(engines: Engines) -> Iterator[tuple[SongRequest, list[BaseException]]]:
    """Make the next request in a thread; yields it and a list that gets what the recipe raises. Ends with the thread."""
    request = claim()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            with Watch(lease_of(request)) as watch:
                produce(request, engines, watch)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield request, raised
    finally:
        thread.join()


def look(request_id: UUID) -> SongRequest:
    """Return a request with its songs as everybody sees them now."""
    with transaction() as session:
        found = session.scalar(
            select(SongRequest)
            .where(SongRequest.id == request_id)
            .options(selectinload(SongRequest.songs).selectinload(Song.categories))
        )
    assert found is not None
    return found


def lapse(request: SongRequest) -> None:
    """Let the lease of a request run out."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    with transaction() as session:
        session.execute(update(SongRequest).where(SongRequest.id == request.id).values(lease_until=past))


def cancel(session: Session, request: SongRequest, take: int) -> None:
    """Cancel a take in the name of whoever asked for it, and commit."""
    cancel_song(session, request.songs[take - 1].id, session.get_one(User, request.user_id))
    session.commit()


def wait_for_stage(request_id: UUID, take: int, stage: str) -> None:
    """Wait until a take is in this stage."""
    assert wait_until(lambda: look(request_id).songs[take - 1].stage == stage, seconds=120)


def keys_of(request: SongRequest) -> set[str]:
    """Return the keys of all objects that the songs of a request name."""
    return {
        key
        for song in request.songs
        for key in (song.master_key, song.audio_key, song.cover_key, song.thumbnail_key)
        if key
    }
