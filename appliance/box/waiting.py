"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable


def wait_until(is_true: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Ask `is_true` again and again, `every` so many seconds, for at most `seconds`; return its last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := is_true()) and time.monotonic() < deadline:
        time.sleep(every)
    return answer
