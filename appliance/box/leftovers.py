"""What a killed studio left running: found by the mark that each of its programs carries, and ended."""

import contextlib
from pathlib import Path

import psutil

from appliance.box.layout import BOX_MARK
from appliance.box.waiting import wait_until

# The programs were told to end when their parent died; only one that hangs, or a system without that, needs more.
POLITE = 10.0  # seconds


def end_leftovers(data: Path) -> None:
    """Wait for the programs of an earlier studio in `data` to end, and kill those that do not.

    The caller holds the lock of the folder, so whatever carries its mark belongs to no living studio.
    """
    if wait_until(lambda: not _marked(data), POLITE, every=0.1):
        return
    for process in _marked(data):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not _marked(data), POLITE, every=0.1)


def _marked(data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        # Other people's processes do not show their environment, and are not ours.
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(BOX_MARK) == str(data) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
