"""One consistent point of the database: a dump that was read back, and the object keys that the very same point names."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from appliance.box import postgres
from appliance.box.failure import BoxError

KEYS = ("master_key", "audio_key", "cover_key", "thumbnail_key")


@dataclass(frozen=True)
class Point:
    """What the database held at the moment of the dump: object keys, rows by table, and the revision of its tables."""

    keys: set[str]
    counts: dict[str, int]
    revision: str


def dump_database(url: str, file: Path) -> Point:
    """Dump the database at `url` into `file` and read the file's table of contents back.

    Keys and counts are read in the snapshot that the dump is made of. Raises BoxError where anything fails; a dump that
    was cut short is one of these.
    """
    with postgres.connect(url) as connection:
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        point = Point(object_keys(connection), counts(connection), revision(connection))
        write_dump(url, file, f"--snapshot={snapshot}")
    return point


def write_dump(url: str, file: Path, *options: str) -> None:
    """Dump the database at `url`, whatever its tables, into `file`, and read its table of contents. Raises BoxError."""
    place, environment = libpq(url)
    _run(["pg_dump", "-Fc", *options, f"--file={file}", place], environment)
    check_dump(file)


def check_dump(file: Path) -> None:
    """Raise BoxError unless pg_restore can read the dump's table of contents with our tables in it."""
    listing = _run(["pg_restore", "--list", str(file)], {})
    if " TABLE DATA public songs " not in listing:
        raise BoxError("The dump of the database does not hold the songs.")


def load_dump(url: str, file: Path, afterwards: list[str]) -> None:
    """Put the dump in place of everything in the database at `url`, then run the statements: all of it, or nothing.

    The studio's role owns its database but is no superuser, so the schema is emptied and not the database made anew.
    """
    script = file.with_suffix(".sql")
    _run(["pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(file)], {})
    tail = file.with_suffix(".after.sql")
    tail.write_text("".join(f"{statement};\n" for statement in ("SET search_path = public", *afterwards)))
    place, environment = libpq(url)
    empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner"
    quietly = {"PGOPTIONS": "-c client_min_messages=warning"}
    command = ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-c", empty, "-f", str(script), "-f", str(tail)]
    try:
        _run([*command, place], environment | quietly)
    finally:
        script.unlink()
        tail.unlink()


def object_keys(connection: psycopg.Connection) -> set[str]:
    """Return the keys of all objects that songs name."""
    if not has_songs(connection):
        return set()
    rows = connection.execute(sql.SQL("SELECT {} FROM songs").format(_columns(KEYS)))
    return {key for row in rows for key in row if key}


def counts(connection: psycopg.Connection) -> dict[str, int]:
    """Return how many rows each table has; nothing in an empty database."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    found = {}
    for (table,) in tables.fetchall():
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        found[str(table)] = int(row[0]) if row else 0
    return found


def revision(connection: psycopg.Connection) -> str:
    """Return the revision of the tables."""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def has_songs(connection: psycopg.Connection) -> bool:
    """Whether there are tables at all."""
    return connection.execute("SELECT to_regclass('public.songs') IS NOT NULL").fetchone() == (True,)


def libpq(url: str) -> tuple[str, dict[str, str]]:
    """Return the address without its password, for a command line that everybody can see, and the password as a variable."""
    place = make_url(url).set(drivername="postgresql")
    password = {"PGPASSWORD": str(place.password)} if place.password else {}
    # `set` takes None for "as it was", so the password goes with a new address.
    open_place = URL.create(place.drivername, place.username, None, place.host, place.port, place.database, place.query)
    return open_place.render_as_string(hide_password=False), password


def _columns(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _run(command: list[str], environment: dict[str, str]) -> str:
    program = postgres.wheel_programs() / command[0]
    done = subprocess.run(
        [*postgres.dies_with_parent("TERM"), str(program), *command[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": os.environ.get("PATH", os.defpath), **postgres.ENVIRONMENT, **environment},
        check=False,
    )
    if done.returncode:
        said = " / ".join(done.stderr.strip().splitlines()[:3])
        raise BoxError(f"{command[0]} failed: {said or done.returncode}")
    return done.stdout
