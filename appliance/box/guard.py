"""Ends the whole box when one of its programs cannot start; runs as an event listener of supervisord.

Without it supervisord would keep a dead studio "up" for ever. Usage: python -m appliance.box.guard PREPARED ENDED
"""

import json
import os
import signal
import sys
import time
from collections import defaultdict, deque
from pathlib import Path

from supervisor import childutils

# A program that ends by itself so often within so many seconds will not get better.
EXITS = 4
WITHIN = 60.0


def verdict(
    event: str, payload: dict[str, str], exits: dict[str, deque[float]], now: float, prepared: bool
) -> str | None:
    """Return why the box has to end after this event, or None. `exits` remembers when programs ended by themselves."""
    name = payload["processname"]
    if event == "PROCESS_STATE_FATAL":
        return "it ended right after each start"
    left_by_itself = payload["expected"] == "1"
    if name == "prepare":
        return None if prepared else "it could not make the database and the store ready"
    if not left_by_itself:
        return None
    times = exits[name]
    times.append(now)
    while times[0] < now - WITHIN:
        times.popleft()
    return f"it ended {len(times)} times within a minute" if len(times) >= EXITS else None


def main() -> None:
    """Listen until something ends the box."""
    prepared, ended = (Path(argument) for argument in sys.argv[1:3])
    exits: dict[str, deque[float]] = defaultdict(deque)
    while True:
        headers, body = childutils.listener.wait(sys.stdin, sys.stdout)
        payload = dict(childutils.get_headers(body))
        reason = verdict(headers["eventname"], payload, exits, time.monotonic(), prepared.exists())
        if reason and not ended.exists():
            ended.write_text(json.dumps({"program": payload["processname"], "reason": reason}))
            os.kill(os.getppid(), signal.SIGTERM)
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main()
