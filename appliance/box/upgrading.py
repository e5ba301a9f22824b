"""Bringing the tables of an earlier version to this one: dumped before, all of it or nothing, and told on the way."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from appliance.box.dump import write_dump
from appliance.box.failure import BoxError
from appliance.box.postgres import MAJOR
from appliance.box.trial import try_out
from appliance.box.versions import begin_upgrade, forget_upgrade, keep_upgrade, note_good, read_upgrade
from appliance.database import is_migrated, knows_revision, migrate, newest_revision, revision
from appliance.settings import Settings

DUMPS = "dumps"  # the folder in the data folder
KEPT = 3  # dumps from before an upgrade; the data folder is no archive


def upgrade(database_url: str, data: Path, progress: Path) -> None:
    """Bring the tables to this version: dumped before, changed in one transaction, told in `progress`, or left as they were.

    What `make rollback` needs is written down in the data folder. Raises BoxError, saying how to go back.
    """
    dump = None
    try:
        old, is_newest = revision(database_url), is_migrated(database_url)
        if is_newest:
            return
        if old and not knows_revision(old):
            raise BoxError(
                f"The tables are of a version that this one does not know, perhaps a newer one ({old}). "
                "Start the version that made them."
            )
        if old:
            begun = begin_upgrade(data, old)
            dump = _dump(database_url, data / DUMPS, old, progress, Path(begun.dump))
            if not begun.dump:
                keep_upgrade(data, replace(begun, dump=str(dump or "")))
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
            f"before still works: start that one again, and report this; `make rollback` says which it is.{back}"
        ) from error


def prove(wanted: Settings, progress: Path) -> None:
    """Try this version where its last upgrade has not been tried yet, and write down that the studio is good with it.

    Raises BoxError, saying how to go back; then nobody has been let in.
    """
    found = read_upgrade(wanted.data_dir)
    if found and not found.tried and found.before.tables == newest_revision() and found.before.postgres == MAJOR:
        forget_upgrade(wanted.data_dir)  # somebody started the version of before again, which is one way back
    elif found and not found.tried:
        _tell(progress, "The new version is being tried before anybody comes in.")
        try:
            try_out(wanted)
        except BoxError as error:
            raise BoxError(
                f"The new version does not work: {error.message}. Nobody has been let in. `make rollback` puts everything back "
                f"to how it was before, and says how to start {found.before}."
            ) from None
        keep_upgrade(wanted.data_dir, replace(found, tried=True))
    note_good(wanted.data_dir)


def _dump(database_url: str, dumps: Path, old: str, progress: Path, needed: Path) -> Path | None:
    """Dump the database. One of somebody else's may be out of reach of our pg_dump: its backups are theirs."""
    _tell(progress, "The database is being dumped before its tables are updated.")
    try:
        dump = dump_before(database_url, dumps, old, newest_revision(), needed)
    except BoxError as error:
        if not urlsplit(database_url).hostname:
            raise BoxError(
                f"The tables were not updated, since there could be no dump before: {error.message}"
            ) from None
        print(f"No dump was made before the tables are updated: {error.message}", flush=True)  # noqa: T201 - its log
        return None
    print(f"The database as it was is in {dump}.", flush=True)  # noqa: T201
    return dump


def dump_before(database_url: str, folder: Path, old: str, new: str, needed: Path | None = None) -> Path:
    """Dump the database into `folder` before its tables go from the revision `old` to `new`, and return the file.

    The file appears whole or not at all; the oldest of more than KEPT are removed, but never the `needed` one. Raises BoxError.
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
        if outdated != needed:
            outdated.unlink()
    return path


def _tell(progress: Path, said: str) -> None:
    making = progress.with_name(progress.name + ".new")
    making.write_text(said)
    making.rename(progress)
    print(said, flush=True)  # noqa: T201
