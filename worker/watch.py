"""A worker's watch over the request it is at: keeps the lease alive, reports progress, and says when to stop."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar
from uuid import UUID

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from appliance.database import transaction
from appliance.errors import Unavailable
from appliance.queue import (
    Lease,
    LeaseLost,
    SongCancelled,
    fail_request,
    release_request,
    renew_lease,
    report_progress,
    report_words,
)
from appliance.settings import settings
from appliance.tables.songs import STAGES
from worker.sheets import begun
from worker.vitals import note

log = logging.getLogger(__name__)
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_BEAT = 5.0  # seconds between two heartbeats, or a quarter of the lease where that is less
_LETS_GO = 120.0  # seconds in which every engine hears that a song is not wanted any more, unless it hangs
_REPORT = 0.5  # seconds between two reports of progress within a stage
# How long database and store may be away before a song suffers: they are restarted in a few seconds.
TOOK_TOO_LONG = "This took longer than the studio allows ({minutes:g} minutes). Try again, perhaps with a shorter song."
_PAUSES = (0.5, 1, 2, 4, *[8] * 6)


class Watch:
    """Holds the lease of one request; use it as a context manager around the work. All methods may be called by any thread.

    Wherever the lease is lost, `check` and everything else raises LeaseLost from then on. A request that is worked on for
    longer than SONG_MINUTES is failed, and its lease ends so; `on_hang` is called, in a thread of the watch's own, where even
    then the work does not end.
    """

    def __init__(self, lease: Lease, on_hang: Callable[[], None] = lambda: None) -> None:
        self.lease = lease
        self._on_hang = on_hang
        self._minutes = settings().song_minutes
        self._deadline = time.monotonic() + 60 * self._minutes
        self._lost = threading.Event()
        self._over = threading.Event()
        self._wanted: set[UUID] | None = None
        self._stages: dict[UUID, tuple[str, float]] = {}  # stage and when it was last reported
        self._shown = 0.0
        self._entered: dict[UUID, tuple[str, float]] = {}  # stage and when it began
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()

    def _beat(self) -> None:
        while not self._over.wait(
            min(_BEAT, settings().lease_seconds / 4, max(0.1, self._deadline - time.monotonic()))
        ):
            try:
                if time.monotonic() >= self._deadline:
                    self._give_up()
                    return
                with transaction() as session:
                    self._wanted = renew_lease(session, self.lease)
            except LeaseLost:
                self._lost.set()
                return
            except Exception:
                # While the database is away nobody can take the request over either.
                log.warning("The lease of request %s could not be renewed.", self.lease.request_id, exc_info=True)

    def _give_up(self) -> None:
        """Fail what takes too long. The work notices at its next step; a step that never ends takes the engine with it."""
        with transaction() as session:
            fail_request(session, self.lease, TOOK_TOO_LONG.format(minutes=self._minutes))
        log.error("Request %s took longer than SONG_MINUTES=%g and was failed.", self.lease.request_id, self._minutes)
        self._lost.set()
        if not self._over.wait(_LETS_GO):
            self._on_hang()

    def give_back(self) -> None:
        """Put the request back in line at once, without counting this try; the work notices at its next step."""
        self._over.set()
        self._lost.set()
        with transaction() as session:
            release_request(session, self.lease, orderly=True)

    def check(self, song_id: UUID) -> None:
        """Raise LeaseLost or SongCancelled when there is no point in going on with this song; asks nobody, so it is cheap."""
        if self._lost.is_set():
            raise LeaseLost
        if self._wanted is not None and song_id not in self._wanted:
            raise SongCancelled

    def report(self, song_id: UUID, stage: str, share: float) -> None:
        """Say how far a song is within a stage, 0 to 1, at most twice a second. Raises as `check` does."""
        self.check(song_id)
        last_stage, last_time = self._stages.get(song_id, ("", 0.0))
        now = time.monotonic()
        self._time(song_id, stage, share, now)
        if stage == last_stage and now - last_time < _REPORT:
            return
        self._stages[song_id] = (stage, now)
        try:
            with transaction() as session:
                report_progress(session, self.lease, song_id, stage, share)
        except LeaseLost:
            self._lost.set()
            raise
        except OperationalError:
            log.warning("Progress could not be reported; the song goes on.", exc_info=True)

    def show_words(self, song_id: UUID, words: str) -> None:
        """Show the words as far as they are written, at most twice a second. Raises as `check` does."""
        self.check(song_id)
        now = time.monotonic()
        if now - self._shown < _REPORT:
            return
        self._shown = now
        try:
            with transaction() as session:
                report_words(session, self.lease, song_id, begun(words))
        except LeaseLost:
            self._lost.set()
            raise
        except OperationalError:
            log.warning("Words could not be shown; the song goes on.", exc_info=True)

    def _time(self, song_id: UUID, stage: str, share: float, now: float) -> None:
        """Note how long the last stage took when another begins, and when the last of all is done."""
        before, since = self._entered.get(song_id, (stage, now))
        if stage != before or (stage == STAGES[-1] and share >= 1):
            note(before, now - since)
            since = now
        self._entered[song_id] = (stage, since)

    def stage(self, song_id: UUID) -> str:
        """Return the stage that was last reported for a song."""
        return self._stages.get(song_id, ("writing", 0.0))[0]

    def call(
        self,
        function: Callable[Concatenate[Session, Lease, Arguments], Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """Return what a function of `appliance.queue` returns for this lease, in a transaction of its own, patiently."""

        def transact() -> Result:
            with transaction() as session:
                return function(session, self.lease, *arguments, **named)

        return self.insist(transact)

    def insist(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns; while database or store do not answer, try again for almost a minute.

        A song that took a minute to make is not thrown away because the store was being restarted.
        """
        for pause in _PAUSES:
            try:
                return work()
            except (OperationalError, Unavailable) as error:
                log.warning("Waiting %s s: %s", pause, error)
                if self._lost.wait(pause):
                    raise LeaseLost from error
        return work()
