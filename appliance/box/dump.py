"""Dumps of the database: written whole or not at all, and read again before anybody relies on them."""

import contextlib
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

from appliance.box.failure import BoxError
from appliance.box.postgres import ENVIRONMENT, wheel_programs

KEPT = 3  # dumps from before an upgrade; the data folder is no archive


def dump_before(database_url: str, folder: Path, old: str, new: str) -> Path:
    """Dump the database into `folder` before its tables go from the revision `old` to `new`, and return the file.

    The oldest of more than KEPT such dumps are removed. Raises BoxError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}-before-{new}-from-{old}.dump"
    dump_database(database_url, path)
    for outdated in sorted(folder.glob("*-before-*.dump"))[:-KEPT]:
        outdated.unlink()
    return path


def dump_database(database_url: str, path: Path) -> None:
    """Write the database to `path` in pg_dump's custom format. Raises BoxError, and leaves no file, where that fails."""
    making = path.with_name(path.name + ".new")
    try:
        making.touch(mode=0o600)
        _run(["pg_dump", "--format=custom", "--no-password", f"--file={making}"], libpq_environment(database_url))
        _run(["pg_restore", "--list", str(making)], {})  # a dump that cannot be read is none
        making.rename(path)
    except OSError as error:
        raise BoxError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        with contextlib.suppress(OSError):
            making.unlink(missing_ok=True)


def libpq_environment(database_url: str) -> dict[str, str]:
    """Return what Postgres' programs read from their environment; a password has no place on a command line."""
    url = make_url(database_url)
    host = url.query.get("host", url.host)
    said = {
        "PGHOST": host if isinstance(host, str) else None,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": str(url.password) if url.password else None,
        "PGDATABASE": url.database,
    }
    return {name: value for name, value in said.items() if value}


def _run(command: list[str], connection: dict[str, str]) -> None:
    program, *arguments = command
    done = subprocess.run(
        [str(wheel_programs() / program), *arguments],
        env=os.environ | ENVIRONMENT | connection,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BoxError(
            f"{program} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'silently'}"
        )
