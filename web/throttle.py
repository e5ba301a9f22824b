"""Guessing passwords: who failed too often waits, longer each time."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from appliance.errors import StudioError, Unavailable

LONGEST_WAIT = 15 * 60.0  # seconds
REMEMBERED = 20_000  # buckets; the least recently used are forgotten first


class TooManyTries(StudioError):
    """Somebody has to wait before the next try."""

    status = 429

    def __init__(self, seconds: float) -> None:
        seconds = max(1, round(seconds))
        wait = f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
        super().__init__(f"Too many tries. Wait {wait}, then try again.")


class Throttle:
    """Counts tries per bucket and makes those wait who try too often: 1, 2, 4 ... seconds, a quarter of an hour at most.

    A bucket is any text, such as an account's name with an address. After a quarter of an hour of quiet it is forgotten.
    """

    def __init__(self, free_tries: int, now: Callable[[], float] = time.monotonic) -> None:
        self._free_tries = free_tries
        self._now = now
        self._tries: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, bucket: str) -> None:
        """Count a try, or raise TooManyTries while this bucket has to wait.

        It is counted before anybody knows how it ends, so a thousand tries at the same moment are a thousand.
        """
        now = self._now()
        with self._lock:
            count, until = self._tries.pop(bucket, (0, now))
            if now < until:
                self._tries[bucket] = (count, until)
                raise TooManyTries(until - now)
            count = 1 if now - until > LONGEST_WAIT else count + 1
            too_many = count - self._free_tries
            wait = min(LONGEST_WAIT, 2.0 ** min(too_many, 10)) if too_many >= 0 else 0.0
            self._tries[bucket] = (count, now + wait)
            if len(self._tries) > REMEMBERED:
                self._tries.popitem(last=False)

    def forgive(self, bucket: str) -> None:
        """Take one try back: it was a good one."""
        with self._lock:
            count, _ = self._tries.pop(bucket, (0, 0.0))
            if count > 1:
                self._tries[bucket] = (count - 1, self._now())

    def forget(self, bucket: str) -> None:
        """Forget all tries of a bucket."""
        with self._lock:
            self._tries.pop(bucket, None)


class Throttles:
    """What is throttled: guesses at one account from one address, guesses from one address, new accounts from one."""

    def __init__(self) -> None:
        self.guesses, self.addresses, self.newcomers = Throttle(5), Throttle(30), Throttle(10)


# Hashing a password takes 19 MiB and a core: a crowd of guesses must not take them all.
_hashing = threading.BoundedSemaphore(os.cpu_count() or 1)


@contextmanager
def hashing() -> Iterator[None]:
    """Hold one of the places for hashing passwords, or raise Unavailable when none is free for five seconds."""
    if not _hashing.acquire(timeout=5):
        raise Unavailable("Many people are signing in at the moment. Try again in a few seconds.")
    try:
        yield
    finally:
        _hashing.release()
