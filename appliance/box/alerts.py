"""What an admin should know about without having asked: alerts in words, for the admin page, `make status` and `/metrics`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import psycopg

from appliance.box import health, postgres, runs
from appliance.diskspace import room
from appliance.settings import Settings

BACKUP_OLD_AFTER = timedelta(hours=26)
FAILING_WITHIN = timedelta(hours=1)
# So many songs have to fail, and so large a share of all that ended, before it is more than bad luck.
FAILING, FAILING_SHARE = 3, 0.5

# Each half of it has an index of its own, which is used for a moment that does not move: hence now().
LATELY = """
SELECT (SELECT count(*) FROM songs WHERE status = 'failed' AND finished_at > now() - %(within)s::interval),
 (SELECT count(*) FROM songs WHERE status = 'processed' AND finished_at > now() - %(within)s::interval)"""
LAST_REASON = "SELECT reason FROM songs WHERE status = 'failed' ORDER BY finished_at DESC LIMIT 1"


@dataclass(frozen=True)
class Alert:
    """Something is wrong, or will be. `name` is the same for the same trouble; `sentence` says what and what to do."""

    name: str
    severity: Literal["critical", "warning"]
    sentence: str


def alerts(wanted: Settings) -> list[Alert]:
    """Return everything that is wrong with the studio of these complete settings, the worst first; usually nothing."""
    found = [*_parts(wanted), *_disk(wanted), *_backups(wanted), *_songs(wanted)]
    return sorted(found, key=lambda alert: alert.severity != "critical")


def _parts(wanted: Settings) -> Iterator[Alert]:
    troubles = {part.name: part.trouble for part in health.parts(wanted) if part.trouble}
    for name, trouble in troubles.items():
        if name != "database" and "database" in troubles and trouble.startswith("Not known"):
            continue
        yield Alert(name.replace(" ", "_"), "critical", f"{name.capitalize()}: {trouble[0].lower()}{trouble[1:]}")


def _disk(wanted: Settings) -> Iterator[Alert]:
    found = room(wanted)
    left = f"{found.free / 1e9:.1f} GB of {found.total / 1e9:.0f} GB are free"
    if found.is_short:
        yield Alert("disk", "critical", f"The disk is almost full: {left}. New songs are refused.")
    elif found.free < 2 * found.reserve:
        yield Alert(
            "disk", "warning", f"The disk fills up: {left}. New songs are refused below {found.reserve / 1e9:.1f} GB."
        )


def _backups(wanted: Settings) -> Iterator[Alert]:
    if not wanted.backup_target:
        yield Alert("backup", "warning", "No backups are made: BACKUP_TARGET is not set.")
        return
    memory = runs.remember(wanted.data_dir)
    good, now = memory.last_good, datetime.now(UTC)
    failure = f" The last try failed: {memory.failure}" if memory.failure else ""
    if good is None:
        yield Alert("backup", "warning", f"There is no backup yet. `make backup` makes one.{failure}")
    elif now - good > BACKUP_OLD_AFTER:
        hours = (now - good) / timedelta(hours=1)
        yield Alert("backup", "critical", f"The last good backup is {hours:.0f} hours old.{failure}")
    elif failure:
        yield Alert("backup", "warning", failure.strip())
    if memory.drill_failure:
        yield Alert("restore_drill", "critical", f"The newest backup could not be restored: {memory.drill_failure}")
    missing = memory.good.get("missing") if memory.good else None
    if isinstance(missing, list) and missing:
        yield Alert(
            "missing_objects", "critical", f"Songs name {len(missing)} files that the object store does not have."
        )


def _songs(wanted: Settings) -> Iterator[Alert]:
    try:
        with postgres.connect(wanted.database_url.get_secret_value()) as connection:
            row = connection.execute(LATELY, {"within": FAILING_WITHIN}).fetchone()
            reason = connection.execute(LAST_REASON).fetchone()
    except psycopg.Error:
        return  # the database's own alert says it
    failed, ended = (row[0], row[0] + row[1]) if row else (0, 0)
    if failed >= FAILING and failed >= FAILING_SHARE * ended:
        why = f" The last one: {reason[0]}" if reason else ""
        yield Alert("songs_fail", "critical", f"{failed} of the {ended} songs of the last hour failed.{why}")
