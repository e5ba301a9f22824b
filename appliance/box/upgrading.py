"""Bringing the tables of an earlier version to this one: dumped before, all of it or nothing, and told on the way."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from appliance.box.dump import write_dump
from appliance.box.failure import BoxError
from appliance.database import is_migrated, knows_revision, migrate, newest_revision, revision

KEPT = 3  # dumps from before an upgrade; the data folder is no archive


def upgrade(database_url: str, dumps: Path, progress: Path) -> None:
    """Bring the tables to this version: dumped before, changed in one transaction, told in `progress`, or left as they were.

    Raises BoxError, saying how to go back.
    """
    try:
        old, is_newest = revision(database_url), is_migrated(database_url)
        if is_newest:
            return
        if old and not knows_revision(old):
            raise BoxError(
                f"The tables are of a version that this one does not know, perhaps a newer one ({old}). "
                "Start the version that made them."
            )
        dump = _dump(database_url, dumps, old, progress) if old else None
        migrate(
            database_url,
            on_step=lambda done, steps: _tell(
                progress, f"The tables are being updated: step {done} of {steps} is done."
            ),
        )
    except BoxError:
        raise
    except Exception as error:  # whatever a migration stumbles over, its transaction is rolled back
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        back = f" A dump from before is in {dump}." if dump else ""
        raise BoxError(
            f"The tables could not be brought to this version: {reason}. Nothing was changed, so the version that you had "
            f"before still works: start that one again, and report this.{back}"
        ) from error


def _dump(database_url: str, dumps: Path, old: str, progress: Path) -> Path | None:
    """Dump the database. One of somebody else's may be out of reach of our pg_dump: its backups are theirs."""
    _tell(progress, "The database is being dumped before its tables are updated.")
    try:
        dump = dump_before(database_url, dumps, old, newest_revision())
    except BoxError as error:
        if not urlsplit(database_url).hostname:
            raise BoxError(
                f"The tables were not updated, since there could be no dump before: {error.message}"
            ) from None
        print(f"No dump was made before the tables are updated: {error.message}", flush=True)  # noqa: T201 - its log
        return None
    print(f"The database as it was is in {dump}.", flush=True)  # noqa: T201
    return dump


def dump_before(database_url: str, folder: Path, old: str, new: str) -> Path:
    """Dump the database into `folder` before its tables go from the revision `old` to `new`, and return the file.

    The file appears whole or not at all; the oldest of more than KEPT are removed. Raises BoxError.
    """
    path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}-before-{new}-from-{old}.dump"
    making = path.with_name(path.name + ".new")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        making.touch(mode=0o600)
        write_dump(database_url, making)
        making.rename(path)
    except OSError as error:
        raise BoxError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        with contextlib.suppress(OSError):
            making.unlink(missing_ok=True)
    for outdated in sorted(folder.glob("*-before-*.dump"))[:-KEPT]:
        outdated.unlink()
    return path


def _tell(progress: Path, said: str) -> None:
    making = progress.with_name(progress.name + ".new")
    making.write_text(said)
    making.rename(progress)
    print(said, flush=True)  # noqa: T201
