"""From one major version of Postgres to the next: the cluster is copied by pg_upgrade, and the one of before is kept.

It is kept until a backup of the new one is good: until then `make rollback` leads back to it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from appliance.box import postgres
from appliance.box.failure import BoxError
from appliance.box.postgres import ENVIRONMENT, MAJOR, SUPERUSER, WHEEL, Runner, clear_stale_lock, init_cluster

ROOM = 1.2  # times the old cluster's size that has to be free: a copy, and what is written on the way


def older_clusters(home: Path) -> list[Path]:
    """Return the folders in `home` that hold clusters of earlier major versions, the newest first."""
    found = [path.parent for path in home.glob("*/PG_VERSION") if path.parent.name.isdecimal()]
    return sorted((path for path in found if int(path.name) < int(MAJOR)), key=lambda path: -int(path.name))


def refuse_newer(home: Path) -> None:
    """Raise BoxError where `home` holds a cluster of a later major version: to go on in an older one would lose songs."""
    for path in home.glob("*/PG_VERSION"):
        if path.parent.name.isdecimal() and int(path.parent.name) > int(MAJOR):
            raise BoxError.about_configuration(
                f"The database in {path.parent} is of Postgres {path.parent.name}, and this version brings {MAJOR}. "
                "Start the version that made it, or go back with that one's `make rollback`."
            )


def upgrade_cluster(older: Path, cluster: Path, runner: Runner, superuser_password: str) -> None:
    """Make `cluster` out of the one in `older`, which stays as it is. It appears whole or not at all.

    Raises BoxError where nobody here can read the old one, where there is no room for two, and with what pg_upgrade says.
    """
    past = _runner_of(older, runner)
    size = sum(path.lstat().st_size for path in older.rglob("*"))
    if shutil.disk_usage(cluster.parent).free < ROOM * size:
        raise BoxError(
            f"The database goes from Postgres {older.name} to {MAJOR}, and for a while there are two of it: "
            f"{ROOM * size / 1e9:.1f} GB have to be free in {cluster.parent}. Make room, or start the version before."
        )
    clear_stale_lock(older)
    if not _ended_well(older, past):
        past.run(
            past.command("postgres", "--single", "-D", older, "postgres"), "\n"
        )  # reads its log again, and ends well
    making, work = cluster.with_name(f"{MAJOR}.new"), cluster.with_name("upgrade")
    for folder in (making, work):
        shutil.rmtree(folder, ignore_errors=True)
    init_cluster(making, runner, superuser_password)
    runner.own(work)
    where: list[str | Path] = ["-b", past.programs, "-B", runner.programs, "-d", older, "-D", making]
    # It writes into the folder that it is called in, and its own servers' sockets lie there too: that one has to be near.
    sockets = Path("/tmp") / f"backline-upgrade-{os.getpid()}"  # noqa: S108 - a socket's path is short
    runner.own(sockets)
    try:
        command = runner.command("pg_upgrade", *where, "-U", SUPERUSER, "--socketdir", sockets)
        runner.run(command, where=work, environment={"PGPASSWORD": superuser_password})
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
    making.rename(cluster)
    shutil.rmtree(work, ignore_errors=True)


def go_back(older: Path, cluster: Path) -> None:
    """Put `cluster` aside, so that a version of before finds its own in `older`. Raises BoxError where that is gone."""
    if not (older / "PG_VERSION").exists():
        raise BoxError(
            f"There is no way back: the database of Postgres {older.name} was removed after a good backup. "
            "`make restore` brings a backup back."
        )
    if cluster.exists():
        aside = cluster.with_name(f"{cluster.name}.rolled-back")
        shutil.rmtree(aside, ignore_errors=True)
        cluster.rename(aside)


def drop_older(home: Path, tell: Callable[[str], None]) -> None:
    """Remove the clusters of before, now that a backup of the present one is good."""
    if (home / MAJOR).exists():
        aside = home / f"{MAJOR}.rolled-back"
        for folder in [*older_clusters(home), *([aside] if aside.exists() else [])]:
            tell(f"database: what was kept of before, {folder.name}, is removed")
            shutil.rmtree(folder, ignore_errors=True)


def programs_of(major: str) -> Path | None:
    """Return the folder of the binaries of a major version, None where the wheel does not bring it."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return None
    for program in sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres")):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if re.search(rf"\b{major}\.\d", said):
            return program.parent
    return None


def _runner_of(older: Path, runner: Runner) -> Runner:
    programs = programs_of(older.name)
    if programs is None:
        raise BoxError.about_configuration(
            f"The database in {older} is of Postgres {older.name}, which this version cannot read. Start the version of before, "
            "`make backup` there, and restore that backup here."
        )
    if runner.account:
        programs = postgres.reachable_programs(runner.account, older.parent, programs)
    return replace(runner, programs=programs)


def _ended_well(cluster: Path, runner: Runner) -> bool:
    command = runner.command("pg_controldata", "-D", cluster)
    said = subprocess.run(command, capture_output=True, text=True, env=os.environ | ENVIRONMENT, check=False).stdout
    return re.search(r"cluster state:\s+shut down$", said, re.M) is not None
