"""What an admin should know about without having asked: alerts in words, for the admin page, `make status` and `/metrics`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import psycopg

from appliance.box import health, postgres, runs
from appliance.diskspace import room
from appliance.errors import said
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
        yield Alert(
            name.replace(" ", "_"), "critical", said("%(part)s: %(trouble)s", part=name.capitalize(), trouble=trouble)
        )


def _disk(wanted: Settings) -> Iterator[Alert]:
    found = room(wanted)
    room_left = {"free": f"{found.free / 1e9:.1f}", "total": f"{found.total / 1e9:.0f}"}
    if found.is_short:
        yield Alert(
            "disk",
            "critical",
            said("The disk is almost full: %(free)s GB of %(total)s GB are free. New songs are refused.", **room_left),
        )
    elif found.free < 2 * found.reserve:
        yield Alert(
            "disk",
            "warning",
            said(
                "The disk fills up: %(free)s GB of %(total)s GB are free. New songs are refused below %(reserve)s GB.",
                reserve=f"{found.reserve / 1e9:.1f}",
                **room_left,
            ),
        )


def _backups(wanted: Settings) -> Iterator[Alert]:
    if not wanted.backup_target:
        yield Alert("backup", "warning", said("No backups are made: BACKUP_TARGET is not set."))
        return
    memory = runs.remember(wanted.data_dir)
    good, now = memory.last_good, datetime.now(UTC)
    if good is None and memory.failure:
        yield Alert(
            "backup",
            "warning",
            said("There is no backup yet. The last try failed: %(failure)s", failure=memory.failure),
        )
    elif good is None:
        yield Alert("backup", "warning", said("There is no backup yet. `make backup` makes one."))
    elif now - good > BACKUP_OLD_AFTER:
        hours = (now - good) / timedelta(hours=1)
        old = said("The last good backup is %(hours)s hours old.", hours=f"{hours:.0f}")
        if memory.failure:
            old = said(
                "The last good backup is %(hours)s hours old. The last try failed: %(failure)s",
                hours=f"{hours:.0f}",
                failure=memory.failure,
            )
        yield Alert("backup", "critical", old)
    elif memory.failure:
        yield Alert("backup", "warning", said("The last try failed: %(failure)s", failure=memory.failure))
    if memory.drill_failure:
        yield Alert(
            "restore_drill",
            "critical",
            said("The newest backup could not be restored: %(failure)s", failure=memory.drill_failure),
        )
    missing = memory.good.get("missing") if memory.good else None
    if isinstance(missing, list) and missing:
        yield Alert(
            "missing_objects",
            "critical",
            said("Songs name %(number)s files that the object store does not have.", number=len(missing)),
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
        yield Alert(
            "songs_fail",
            "critical",
            said(
                "%(failed)s of the %(ended)s songs of the last hour failed. The last one: %(reason)s",
                failed=failed,
                ended=ended,
                reason=reason[0] if reason else "",
            ),
        )
