"""Tells whoever reads a container's output what happens in it: the start, the address to open, then every program's log.

Usage: python -m appliance.box.herald DATA RUNTIME [--only-worker], with complete settings in the environment. The logs stay files in the
data folder, as they are without a container; this shows the same lines, each behind its program's name.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from appliance.box.announce import await_ready, say
from appliance.box.layout import Layout
from appliance.settings import settings

LOOK_EVERY = 0.5  # seconds
HERALD = "herald"


class Follower:
    """Reads what is added to the logs in a folder, from now on; rotated and new files included."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        # Of each program: the file that is read (its inode, which a rotation changes) and how far.
        self._read: dict[str, tuple[int, int]] = {
            path.stem: (path.stat().st_ino, path.stat().st_size) for path in logs.glob("*.log")
        }

    def new_lines(self) -> Iterator[str]:
        """Yield the whole lines that were added since the last call, with the program's name in front."""
        for path in sorted(self.logs.glob("*.log")):
            if path.stem == HERALD:
                continue
            known, start = self._read.get(path.stem, (0, 0))
            with path.open("rb") as file:
                now = path.stat()
                if now.st_ino != known or now.st_size < start:
                    start = 0
                file.seek(start)
                whole, _, _ = file.read().rpartition(b"\n")
            for line in whole.decode(errors="replace").splitlines():
                yield f"{path.stem:<11}| {line}"
            self._read[path.stem] = (now.st_ino, start + len(whole) + bool(whole))


def main() -> None:
    """Tell of the start, then of the logs until the end; what is logged meanwhile is told afterwards."""
    layout = Layout(*map(Path, sys.argv[1:3]))
    follower = Follower(layout.logs)
    await_ready(settings(), layout, lambda: False, only_worker="--only-worker" in sys.argv)
    while True:
        for line in follower.new_lines():
            say(line)
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main()
