"""The lock on a data folder: one studio at a time works in it, and says who it is."""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil

from appliance.box.failure import BoxError
from appliance.box.waiting import wait_until

# `make status` looks at the lock for a moment; a start may not fail over that.
GLANCE = 0.5  # seconds
# A studio whose first process was killed still stops its programs in order.
ENDING = 60.0


@dataclass(frozen=True)
class Holder:
    """Who works in a data folder: the process that `make run` started, its sockets' folder, and the address to open."""

    pid: int
    born: float  # seconds since the epoch; a process id alone may be somebody else's by now
    runtime: str
    address: str

    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.born) < 2
        except psutil.NoSuchProcess:
            return False

    @property
    def since(self) -> str:
        """When it was started, to be read by people."""
        return datetime.fromtimestamp(self.born).astimezone().strftime("%Y-%m-%d %H:%M")


def myself(runtime: Path, address: str) -> Holder:
    """Return this process as a holder."""
    return Holder(os.getpid(), psutil.Process().create_time(), str(runtime), address)


def take(path: Path, me: Holder) -> tuple[int, Holder | None]:
    """Take the lock, and return its file descriptor and who held it before.

    The lock is held as long as any process has the descriptor, so whoever inherits it keeps the folder closed. Raises
    BoxError where a studio runs in the folder.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    before = _read(path)
    if not wait_until(lambda: _lock(descriptor, fcntl.LOCK_EX), GLANCE):
        before = _read(path)
        if before and before.is_alive():
            os.close(descriptor)
            raise BoxError(
                f"A studio runs in {path.parent} already: {before.address}, process {before.pid}, since {before.since}. "
                "`make stop` stops it; another DATA_DIR, WEB_PORT and STORE_PORT make a second one."
            )
        if not wait_until(lambda: _lock(descriptor, fcntl.LOCK_EX), ENDING):
            os.close(descriptor)
            raise BoxError(f"What an earlier start left running in {path.parent} does not end. `make stop` ends it.")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(me)).encode(), 0)
    return descriptor, before


def holder(path: Path) -> Holder | None:
    """Return who holds the lock at `path`, or None where nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _lock(descriptor, fcntl.LOCK_SH) else _read(path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> Holder | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Holder(**json.loads(path.read_text()))
    return None
