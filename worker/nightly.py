"""The nightly backup: begun by the worker, done by a program of its own, so that the periodic tasks go on meanwhile."""

import logging
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from appliance.box import runs
from appliance.box.layout import PROJECT, Layout
from appliance.box.postgres import dies_with_parent
from appliance.settings import Settings, settings

log = logging.getLogger(__name__)

# A backup that was missed (the machine was off, the target was away) is made up for at any hour.
MISSED_AFTER = timedelta(hours=25)
NOT_BEFORE = timedelta(hours=12)
LOOK_EVERY = 600.0  # seconds
_at_work = threading.Lock()


def look_after_backups() -> None:
    """Look from now on, every ten minutes, whether a backup is due.

    No periodic task of Huey's: that is done by whichever machine is free, and backups hold the secrets of the first one.
    """

    def look() -> None:
        while True:
            try:
                back_up_when_due()
            except Exception:
                log.exception("It could not be found out whether a backup is due.")
            time.sleep(LOOK_EVERY)

    threading.Thread(target=look, name="backups", daemon=True).start()


def is_due(last_good: datetime | None, hour: int, now: datetime) -> bool:
    """Tell whether a backup is to be made: in its hour of the day (UTC), or at any hour when the last one is too old."""
    if last_good is None or now - last_good > MISSED_AFTER:
        return True
    return now.hour == hour and now - last_good > NOT_BEFORE


def back_up_when_due(now: datetime | None = None) -> threading.Thread | None:
    """Begin a backup where one is due, and return the thread that waits for it; None where none is."""
    wanted = settings()
    if not wanted.backup_target:
        return None
    memory = runs.remember(wanted.data_dir)
    if not is_due(memory.last_good or _born(wanted), wanted.backup_hour, now or datetime.now(UTC)):
        return None
    waiting = threading.Thread(target=_back_up, args=(wanted,), name="backup", daemon=True)
    waiting.start()
    return waiting


def _born(wanted: Settings) -> datetime | None:
    """Return when the studio was made: its first backup can wait for the night."""
    marker = Layout(wanted.data_dir, wanted.data_dir).marker
    return datetime.fromtimestamp(marker.stat().st_mtime, UTC) if marker.exists() else None


def _back_up(wanted: Settings) -> None:
    if not _at_work.acquire(blocking=False):
        return
    try:
        log.info("The nightly backup begins.")
        # The settings of this program, complete as they are, are in its environment, and so in that of its child.
        command = [sys.executable, "-m", "appliance.box.backup"]
        done = subprocess.run(
            [*dies_with_parent("TERM"), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            env=os.environ | {"DATA_DIR": str(wanted.data_dir.absolute())},
            check=False,
        )
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [""]
        if done.returncode:
            log.error("The nightly backup failed: %s", last[0])
        else:
            log.info("The nightly backup is complete.")
    finally:
        _at_work.release()
