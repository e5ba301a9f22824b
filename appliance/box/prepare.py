"""Makes the database and the store ready, once at every start, before web and worker begin.

Usage: python -m appliance.box.prepare PREPARED [--join], with complete settings in the environment. With --join another machine
makes them ready, and this one waits for it.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from appliance.box import postgres, store
from appliance.box.dump import dump_before
from appliance.box.failure import BoxError
from appliance.box.gate import PROGRESS
from appliance.box.waiting import wait_until
from appliance.database import is_migrated, knows_revision, migrate, newest_revision, revision
from appliance.errors import StudioError
from appliance.settings import Settings, settings
from appliance.storage import Storage
from appliance.taskqueue import create_tables

PATIENCE = 90.0  # seconds
DUMPS = "dumps"  # the folder in the data folder


def prepare(wanted: Settings, prepared: Path) -> None:
    """Wait for database and store, bring the schema to the newest revision, make the bucket, then create `prepared`.

    Raises BoxError, naming the one that does not answer, and where the tables are not ours to change.
    """
    database_url = wanted.database_url.get_secret_value()
    if not wait_until(lambda: postgres.answers(database_url), PATIENCE):
        raise BoxError(f"The database at {_place(database_url)} does not answer.")
    upgrade(database_url, wanted.data_dir / DUMPS, prepared.with_name(PROGRESS))
    create_tables(database_url)
    with postgres.connect(database_url) as connection:
        connection.execute("DELETE FROM workers")  # whoever is alive will say so again
    if not wait_until(lambda: store.answers(wanted.s3_endpoint), PATIENCE):
        raise BoxError(f"The object store at {wanted.s3_endpoint} does not answer.")
    Storage(wanted).ensure_bucket()
    prepared.touch()


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


def _tell(progress: Path, said: str) -> None:
    making = progress.with_name(progress.name + ".new")
    making.write_text(said)
    making.rename(progress)
    print(said, flush=True)  # noqa: T201


def join(wanted: Settings, prepared: Path) -> None:
    """Wait until another machine has made database and store ready for this version, then create `prepared`."""
    database_url = wanted.database_url.get_secret_value()

    def is_ready() -> bool:
        return postgres.answers(database_url) and is_migrated(database_url) and store.answers(wanted.s3_endpoint)

    while not wait_until(is_ready, PATIENCE, every=1):
        print("Waiting for the studio's first machine, and its tables of this version.", flush=True)  # noqa: T201 - its log
    prepared.touch()


def _place(database_url: str) -> str:
    parts = urlsplit(database_url)
    return f"{parts.hostname}:{parts.port or 5432}" if parts.hostname else "its socket"


if __name__ == "__main__":
    try:
        (join if "--join" in sys.argv else prepare)(settings(), Path(sys.argv[1]))
    except StudioError as error:
        sys.exit(error.message)
