"""`make chaos`: does every fault to a running studio in which people make songs, and prints what they saw and what became of it.

Three studios, one after the other: one whose parts are killed and paused, one whose database and store are at the end of a
network, and one on a small disk. Bounded to ten minutes on two cores; rows that no time is left for are said, and count as
not shown. One of them alone: `make chaos C=parts`, `C=network`, `C=disk`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from psycopg.conninfo import conninfo_to_dict

from appliance.box import postgres
from appliance.box.postgres import temporary_cluster
from appliance.box.store import temporary_store
from tests.box.studio import Studio
from tests.chaos import faults
from tests.chaos.counting import Count, count_all, open_songs
from tests.chaos.faults import Fault
from tests.chaos.watching import Household, Seen
from tests.chaos.wire import Wire

BOUND = 600.0  # seconds
PATIENCE = 90.0  # for a part to be back, and for songs to be done
COMMON: dict[str, Any] = {
    "BILLING": "grants",
    "REGISTRATION": "open",
    "LEASE_SECONDS": "10",
    "SIGNUP_CREDITS": "1000",
    "DISK_RESERVE_GB": "0",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `recovery` is in seconds, None where it took longer than anybody would wait."""

    done: str
    seen: Seen | None
    recovery: float | None
    count: Count | None
    verdict: str


def main() -> int:
    """Do them all and return 0 where nothing was lost and nothing hung."""
    began = time.monotonic()
    rows: list[Row] = []
    studios = {"parts": _own_parts, "network": _over_wires, "disk": _on_a_small_disk}
    with tempfile.TemporaryDirectory(prefix="backline-chaos-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        for which in sys.argv[1:] or studios:
            home = Path(name) / which
            home.mkdir()
            try:
                with studios[which](home) as (studio, wanted):
                    rows += _one_after_the_other(studio, wanted, began + BOUND)
            except (subprocess.CalledProcessError, PermissionError) as error:
                rows.append(Row("disk full (a 300 MB tmpfs)", None, None, None, f"skipped: {error}"))
    _print(rows, time.monotonic() - began)
    wrong = [row for row in rows if row.verdict not in ("ok",) and not row.verdict.startswith("skipped")]
    print(f"\n{len(wrong)} of {len(rows)} rows are not as they must be." if wrong else "\n0 lost")
    return 1 if wrong else 0


@contextmanager
def _own_parts(home: Path) -> Iterator[tuple[Studio, list[Fault]]]:
    studio = Studio(home / "data", **COMMON)
    wanted = [does(studio, program) for does in (faults.killed, faults.paused) for program in faults.PROGRAMS]
    wanted += [faults.clock_jumps(studio, 1), faults.clock_jumps(studio, -1), faults.two_workers(studio)]
    try:
        yield studio.start(), wanted
    finally:
        studio.end()


@contextmanager
def _over_wires(home: Path) -> Iterator[tuple[Studio, list[Fault]]]:
    with ExitStack() as stack:
        url, store = stack.enter_context(temporary_cluster()), stack.enter_context(temporary_store())
        there = conninfo_to_dict(url.replace("+psycopg", ""))
        host, _, port = store.endpoint.removeprefix("http://").partition(":")
        to_database = Wire(f"{there['host']}/.s.PGSQL.{there.get('port', 5432)}")
        to_store = Wire((host, int(port)))
        stack.callback(to_database.close)
        stack.callback(to_store.close)
        account = f"{there['user']}:{there['password']}" if there.get("password") else str(there["user"])
        studio = Studio(
            home / "data",
            DATABASE_URL=f"postgresql://{account}@127.0.0.1:{to_database.port}/{there['dbname']}",
            OBJECT_STORE="s3",
            S3_ENDPOINT=f"http://127.0.0.1:{to_store.port}",
            S3_ACCESS_KEY=store.access_key,
            S3_SECRET_KEY=store.secret_key,
            **COMMON,
        )
        stack.callback(studio.end)
        database, external = "the database", "an external S3"
        yield (
            studio.start(),
            [
                faults.slow(to_database, database, 0.1),
                faults.held(to_database, database),
                faults.cut(to_database, database),
                faults.slow(to_store, external, 0.1),
                faults.held(to_store, external),
                faults.cut(to_store, external),
            ],
        )


@contextmanager
def _on_a_small_disk(home: Path) -> Iterator[tuple[Studio, list[Fault]]]:
    if os.getuid() != 0:
        raise PermissionError("only root may mount a small disk")
    with faults.small_disk(home / "disk", 300):
        studio = Studio(home / "disk" / "data", **COMMON | {"DISK_RESERVE_GB": "0.1"})
        try:
            yield studio.start(), [faults.disk_full(studio)]
        finally:
            if os.environ.get("KEEP"):
                shutil.copytree(studio.data / "logs", os.environ["KEEP"], dirs_exist_ok=True)
            studio.end()


def _one_after_the_other(studio: Studio, wanted: list[Fault], until: float) -> Iterator[Row]:
    """Do every fault to a studio, songs being made meanwhile, and yield what came of each."""
    household = Household(studio.until_ready())
    household.move_in()
    _until_done(studio)
    household.hear(_a_song(studio))
    for fault in wanted:
        if time.monotonic() > until - PATIENCE / 2:
            yield Row(fault.done, None, None, None, "NO TIME")
            continue
        row = _do(fault, studio, household)
        print(f"{row.verdict:<10} {row.done}: {row.seen.told() if row.seen else ''}", flush=True)
        yield row


def _do(fault: Fault, studio: Studio, household: Household) -> Row:
    household.ask_for_songs(1)
    faults.recovered(lambda: _is_being_made(studio), 20)
    seen = Seen()
    with household.looking(seen):
        with fault.during():
            time.sleep(fault.lasts)
        recovery = faults.recovered(lambda: _is_ready(studio), PATIENCE)
    _until_done(studio)
    count = count_all(studio.settings, household.accepted)
    wrong = [*count.wrong, *([f"{seen.hung} pages hung"] if seen.hung else [])]
    wrong += [] if recovery is not None else ["it did not recover"]
    wrong += ["a page said 500"] if seen.statuses[500] else []
    return Row(fault.done, seen, recovery, count, "; ".join(wrong) or "ok")


def _is_ready(studio: Studio) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{studio.port}/health/ready", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def _is_being_made(studio: Studio) -> bool:
    return bool(_ask(studio, "SELECT count(*) FROM songs WHERE status = 'processing'"))


def _a_song(studio: Studio) -> str:
    return str(
        _ask(
            studio,
            "SELECT songs.id FROM songs JOIN users ON users.id = user_id WHERE name = 'Jun' AND status = 'processed'",
        )
    )


def _ask(studio: Studio, question: str) -> object:

    with postgres.connect(studio.settings.database_url.get_secret_value()) as connection:
        row = connection.execute(question).fetchone()
    return row and row[0]


def _until_done(studio: Studio) -> None:
    faults.recovered(lambda: open_songs(studio.settings) == 0, PATIENCE)


def _print(rows: list[Row], took: float) -> None:
    print(f"\n{len(rows)} faults in {took / 60:.1f} min on {len(os.sched_getaffinity(0))} cores\n")
    print("| done | seen | well again | songs | verdict |\n|---|---|---|---|---|")
    for row in rows:
        well = "" if row.recovery is None else f"{row.recovery:.1f} s after its end"
        songs = f"{row.count.ready} ready, {row.count.failed} failed" if row.count else ""
        print(f"| {row.done} | {row.seen.told() if row.seen else ''} | {well} | {songs} | {row.verdict} |")


if __name__ == "__main__":
    sys.exit(main())
