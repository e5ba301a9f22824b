"""A worker at its post: answers the bell, serves one request after the other, and says that it is alive."""

import fcntl
import logging
import os
import secrets
import signal
import socket
import threading
from itertools import count
from typing import IO

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from appliance.database import transaction
from appliance.drafts import words_wait
from appliance.log import about as logging_about
from appliance.queue import LeaseLost, claim_request, lease_of, release_request, release_worker, something_waits
from appliance.settings import settings
from appliance.tables import WorkerSeen
from appliance.taskqueue import ring
from worker.bookkeeping import apply_messages, start_paid_songs
from worker.engines import Engines
from worker.produce import produce
from worker.vitals import gpu_busy, gpu_memory, stage_times
from worker.watch import Watch

log = logging.getLogger(__name__)

_SWEEP = 5.0  # seconds between two looks for songs whose bell was lost


class Studio:
    """The worker of this process. It serves as many requests at a time as its engines share; each has a thread of Huey's."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self.name, self._lock = _take_name()
        self._turns = threading.Semaphore(engines.at_once)
        self._stopped = threading.Event()
        self._watches: set[Watch] = set()

    def open(self) -> None:
        """Put back in line what a killed worker of this name was at, and begin to look for songs that wait."""
        with transaction() as session:
            left = release_worker(session, self.name)
        if left:
            log.warning("Put %s requests back in line that were cut short.", left)
        threading.Thread(target=self._sweep, name="sweep", daemon=True).start()

    def close(self) -> None:
        """Serve nobody any more, and put the requests that are being served back in line at once."""
        self._stopped.set()
        for watch in tuple(self._watches):
            try:
                watch.give_back()
            except Exception:
                log.warning("A running request could not be put back; its lease will run out.", exc_info=True)

    def _end_hung(self) -> None:
        """End this process, whose engine does not let go of a song, as if somebody had shot it: the box starts it anew."""
        log.critical("An engine hangs; the worker ends, and is started anew with a free one.")
        self.close()
        logging.shutdown()
        os.kill(os.getpid(), signal.SIGKILL)

    def answer(self) -> None:
        """Serve requests until none waits; return at once when as many threads as there may be are doing so."""
        while self._turns.acquire(blocking=False):
            try:
                while self._serve_next():
                    pass
            finally:
                self._turns.release()
            # Whoever rang between our last look and the release of the turn was sent away.
            if self._stopped.is_set() or not _somebody_waits():
                return

    def _serve_next(self) -> bool:
        """Claim and make one request; return False when none waits."""
        if self._stopped.is_set():
            return False
        with transaction() as session:
            request = claim_request(session, self.name)
        if request is None:
            return False
        log.info("Request %s begins, attempt %s.", request.id, request.attempt)
        with logging_about(song_request=request.id), Watch(lease_of(request), self._end_hung) as watch:
            self._watches.add(watch)
            try:
                if self._stopped.is_set():  # since we looked; `close` may not have seen the watch
                    watch.give_back()
                produce(request, self.engines, watch)
                log.info("Request %s ends.", request.id)
                ring("delivery_waits")
            except LeaseLost:
                log.info("Request %s was given back or taken over.", request.id)
            except Exception:
                log.exception("Request %s could not be worked on.", request.id)
                watch.call(release_request)
            finally:
                self._watches.discard(watch)
        return True

    def _sweep(self) -> None:
        while True:
            try:
                self._say_alive()
                apply_messages()
                if start_paid_songs():
                    ring()
                if len(self._watches) < self.engines.at_once and _somebody_waits():
                    # Not by the bell: another machine's worker, which is busy, might hear it in our place.
                    threading.Thread(target=self._answer_unbidden, name="unbidden", daemon=True).start()
                if _words_wait():
                    ring("words_wait")
            except Exception:
                log.warning("The sweep did not get through; it will try again.", exc_info=True)
            if self._stopped.wait(_SWEEP):
                return

    def _answer_unbidden(self) -> None:
        try:
            self.answer()
        except Exception:
            log.warning("A request could not be claimed; the next sweep will try again.", exc_info=True)

    def _say_alive(self) -> None:
        engines = self.engines
        roles = ("songwriter", "composer", "illustrator")
        about: dict[str, object] = {role: getattr(engines, role).name for role in roles}
        about |= {"knobs": engines.knobs, "memory": engines.memory}
        about |= {
            "notes": list(engines.notes),
            "stages": stage_times(),
            "gpu_memory": gpu_memory(),
            "gpu_busy": gpu_busy(),
        }
        seen = {"last_seen": func.clock_timestamp(), "about": about}
        with transaction() as session:
            statement = insert(WorkerSeen).values(name=self.name, **seen)
            session.execute(statement.on_conflict_do_update(index_elements=[WorkerSeen.name], set_=seen))


def _somebody_waits() -> bool:
    with transaction() as session:
        return something_waits(session)


def _words_wait() -> bool:
    with transaction() as session:
        return words_wait(session)


def _take_name() -> tuple[str, IO[str]]:
    """Return a name that no other worker has, and the locked file that holds it.

    A worker that is killed and started again finds its name again, and so the request that it was at. The lock is one that
    children do not inherit: it ends with this process, whatever becomes of them.
    """
    folder = settings().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        file = (folder / f"worker-{number}.lock").open("a+")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # either may mean that somebody holds it
            file.close()
            continue
        file.seek(0)
        name = file.read().strip()
        if not name:
            name = f"{socket.gethostname()[:80]}-{secrets.token_hex(4)}"
            file.write(name)
            file.flush()
        return name, file
    raise AssertionError("There is always another number.")
