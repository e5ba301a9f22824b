"""The queue as workers see it: claiming a request under a lease, reporting on it, finishing or failing its songs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, insert, select, text, update
from sqlalchemy.orm import Session, aliased, selectinload

from appliance import credits, webhooks
from appliance.database import notify
from appliance.errors import StudioError, said
from appliance.settings import settings
from appliance.songs import announce
from appliance.tables import Category, Song, SongRequest, User, song_categories
from appliance.tables.songs import OPEN
from appliance.turns import AT_THE_FRONT, is_paused

MOST_TRIES = 3
OUT_OF_MEMORY = said("The studio machine ran out of memory. Try again with a shorter song.")
GAVE_UP = said(
    "The studio machine stopped %(times)s times while making this. Try again, perhaps with a shorter song.",
    times=MOST_TRIES,
)
_CLAIM_LOCK = 0x636C6169  # any number of our own; the bytes of "clai"


class LeaseLost(StudioError):
    """Somebody else has this request now: whatever this worker still does for it must leave no trace."""

    status = 409

    def __init__(self) -> None:
        super().__init__("Another attempt has taken this request over.")


class SongCancelled(StudioError):
    """The person does not want this song any more."""

    status = 409

    def __init__(self) -> None:
        super().__init__("This song was cancelled.")


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to one request; `attempt` fences off everybody who held it before."""

    request_id: UUID
    worker: str
    attempt: int


@dataclass(frozen=True, slots=True)
class MadeSong:
    """What a worker hands over when a take is ready: object keys, what is shown, and how it sounds.

    `duration` in seconds, `loudness` in LUFS, `peaks` 800 bytes, `sections` as `models.roles.Section` has them; `steps` and
    `guidance_scale` as they were used, which may be others than were asked for, None where the model has none.
    """

    master_key: str
    audio_key: str
    cover_key: str
    thumbnail_key: str
    peaks: bytes
    loudness: float
    duration: float
    bpm: float
    key: str
    sections: list[dict[str, Any]]
    model: str
    categories: tuple[str, ...]
    steps: int | None = None
    guidance_scale: float | None = None


def lease_of(request: SongRequest) -> Lease:
    """Return the lease that a request was just claimed under."""
    if request.lease_worker is None:
        raise ValueError("This request is not claimed.")
    return Lease(request.id, request.lease_worker, request.attempt)


def _lease_end() -> Any:
    """When a lease that is taken or renewed now runs out, by the database's clock."""
    return func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, settings().lease_seconds)


def _has_open_songs() -> Any:
    return exists().where(Song.request_id == SongRequest.id, Song.status.in_(OPEN))


def _claimable() -> Any:
    """Select requests that a worker may take: somebody waits for them, and nothing else of theirs is running.

    A request whose lease has run out may be taken over; until then it counts as running. A lease of more than two lengths
    ahead is none either: the clock was set back, and its worker, if there were one, would have renewed it since.
    """
    now, longest = func.clock_timestamp(), func.make_interval(0, 0, 0, 0, 0, 0, 2 * settings().lease_seconds)
    other = aliased(SongRequest)
    return (
        select(SongRequest)
        .join(User, User.id == SongRequest.user_id)
        .where(
            _has_open_songs(),
            SongRequest.lease_until.is_(None) | ~SongRequest.lease_until.between(now, now + longest),
            ~exists().where(
                other.user_id == SongRequest.user_id, other.id != SongRequest.id, other.lease_worker.is_not(None)
            ),
        )
    )


def something_waits(session: Session) -> bool:
    """Tell whether a claim would find anything."""
    found = session.scalar(select(_claimable().with_only_columns(SongRequest.id).limit(1).exists()))
    return bool(found) and not is_paused(session)


def claim_request(session: Session, worker: str) -> SongRequest | None:
    """Return the request that is fair to serve next, with its songs, under a lease of this worker; None when none waits.

    Fair is: one running request for each person, and among people the one least recently served. Claims take turns under
    an advisory lock, since two that look at the same moment would both find the same person idle. A request that was
    begun three times and never ended is failed instead. What an admin moved to the front goes before; while the queue is
    paused nothing is claimed.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLAIM_LOCK})
    if is_paused(session):
        return None
    while True:
        request: SongRequest | None = session.scalar(
            _claimable()
            .order_by(AT_THE_FRONT, User.last_served_at.asc().nulls_first(), SongRequest.created_at, SongRequest.id)
            .limit(1)
            .options(selectinload(SongRequest.songs))
            .execution_options(populate_existing=True)
        )
        if request is None:
            return None
        if request.tries < MOST_TRIES:
            break
        for song in request.songs:
            if song.status in OPEN:
                song.status, song.stage, song.reason, song.finished_at = "failed", None, GAVE_UP, datetime.now(UTC)
                session.flush()
                credits.release_hold(session, song)
                webhooks.tell_of(session, song)
        request.lease_worker = request.lease_until = None
        announce(session, request.user_id, request.id)
        session.flush()
    request.attempt += 1
    request.tries += 1
    request.lease_worker = worker
    request.lease_until = _lease_end()
    session.execute(update(User).where(User.id == request.user_id).values(last_served_at=func.clock_timestamp()))
    session.flush()
    announce(session, request.user_id, request.id)
    notify(session, line=True)
    return request


def _hold(session: Session, lease: Lease) -> SongRequest:
    """Return the leased request, its row locked until the end of the transaction, or raise LeaseLost."""
    request = session.scalar(
        select(SongRequest)
        .where(
            SongRequest.id == lease.request_id,
            SongRequest.lease_worker == lease.worker,
            SongRequest.attempt == lease.attempt,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if request is None:
        raise LeaseLost
    return request


def _hold_song(session: Session, lease: Lease, song_id: UUID) -> Song:
    """Return an open song of the leased request, locked; raises LeaseLost or SongCancelled."""
    _hold(session, lease)
    song = session.scalar(
        select(Song)
        .where(Song.id == song_id, Song.request_id == lease.request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if song is None or song.status not in OPEN:
        raise SongCancelled
    return song


def renew_lease(session: Session, lease: Lease) -> set[UUID]:
    """Keep the lease alive and return the ids of the songs that are still wanted. Raises LeaseLost."""
    request = _hold(session, lease)
    request.lease_until = _lease_end()
    return set(session.scalars(select(Song.id).where(Song.request_id == request.id, Song.status.in_(OPEN))))


def keep_sheet(session: Session, lease: Lease, sheet: dict[str, Any]) -> None:
    """Keep the songwriter's work for all attempts, and show it on the songs that are being made. Raises LeaseLost."""
    request = _hold(session, lease)
    request.sheet = sheet
    session.execute(
        update(Song)
        .where(Song.request_id == request.id, Song.status.in_(OPEN))
        .values({name: sheet[name] for name in ("title", "prompt", "lyrics", "instrumental", "bpm", "key", "language")})
    )
    announce(session, request.user_id, request.id)


def start_song(session: Session, lease: Lease, song_id: UUID) -> bool:
    """Mark a song as being made, and return False when it is not wanted any more. Raises LeaseLost."""
    try:
        song = _hold_song(session, lease, song_id)
    except SongCancelled:
        return False
    song.status = "processing"
    song.started_at = song.started_at or datetime.now(UTC)
    announce(session, song.user_id, song.request_id)
    return True


def report_progress(session: Session, lease: Lease, song_id: UUID, stage: str, progress: float) -> None:
    """Say how far a song is: the stage, and the share of it that is done, 0 to 1. Raises LeaseLost or SongCancelled."""
    song = _hold_song(session, lease, song_id)
    song.stage, song.progress = stage, min(1.0, max(0.0, progress))
    announce(session, song.user_id, song.request_id)


def report_words(session: Session, lease: Lease, song_id: UUID, words: str) -> None:
    """Show the words of a song as far as they are written. Raises LeaseLost or SongCancelled."""
    song = _hold_song(session, lease, song_id)
    song.lyrics = words
    announce(session, song.user_id, song.request_id)


def finish_song(session: Session, lease: Lease, song_id: UUID, made: MadeSong) -> None:
    """Make a song ready. Raises LeaseLost or SongCancelled, and then the objects behind `made` must be deleted."""
    song = _hold_song(session, lease, song_id)
    song.status, song.stage, song.progress, song.reason = "processed", None, 1.0, ""
    song.finished_at = datetime.now(UTC)
    song.master_key, song.audio_key = made.master_key, made.audio_key
    song.cover_key, song.thumbnail_key = made.cover_key, made.thumbnail_key
    song.peaks, song.loudness, song.sections = made.peaks, made.loudness, made.sections
    song.duration, song.bpm, song.key, song.model = made.duration, made.bpm, made.key, made.model
    song.steps, song.guidance_scale = made.steps, made.guidance_scale
    session.execute(song_categories.delete().where(song_categories.c.song_id == song.id))
    wanted = select(Category.id).where(Category.name.in_(made.categories))
    for category_id in session.scalars(wanted).all():
        session.execute(insert(song_categories).values(song_id=song.id, category_id=category_id))
    session.flush()
    credits.capture_hold(session, song)
    webhooks.tell_of(session, song)
    announce(session, song.user_id, song.request_id)


def fail_song(session: Session, lease: Lease, song_id: UUID, reason: str, failure_log: str = "") -> None:
    """Give a song up, with the reason in words, and what the log says for admins. Raises LeaseLost or SongCancelled."""
    song = _hold_song(session, lease, song_id)
    song.status, song.stage, song.reason, song.finished_at = "failed", None, reason, datetime.now(UTC)
    song.failure_log = failure_log
    session.flush()
    credits.release_hold(session, song)
    webhooks.tell_of(session, song)
    announce(session, song.user_id, song.request_id)


def fail_request(session: Session, lease: Lease, reason: str) -> None:
    """Give up all songs of a request that are still open, with the reason in words, and end the lease. Raises LeaseLost."""
    request = _hold(session, lease)
    open_songs = select(Song.id).where(Song.request_id == request.id, Song.status.in_(OPEN))
    for song_id in session.scalars(open_songs).all():
        fail_song(session, lease, song_id, reason)
    _let_go(session, request)


def release_request(session: Session, lease: Lease, orderly: bool = False) -> None:
    """End the lease; what is still in the making goes back in line. No error when the lease was lost.

    `orderly` says that the worker was asked to stop, so that this attempt is not counted against the song.
    """
    try:
        request = _hold(session, lease)
    except LeaseLost:
        return
    if orderly:
        request.tries = max(0, request.tries - 1)
    _let_go(session, request)


def release_worker(session: Session, worker: str) -> int:
    """Put back in line whatever a worker of this name left when it was killed, and return how many requests that were."""
    left = session.scalars(select(SongRequest).where(SongRequest.lease_worker == worker).with_for_update()).all()
    for request in left:
        _let_go(session, request)
    return len(left)


def _let_go(session: Session, request: SongRequest) -> None:
    request.lease_worker = request.lease_until = None
    session.execute(
        update(Song)
        .where(Song.request_id == request.id, Song.status == "processing")
        .values(status="queued", stage=None, progress=0.0)
    )
    announce(session, request.user_id, request.id)
    notify(session, line=True)
