"""Takes one guard away at a time, in a copy of the project, and sees which tests turn red.

Usage: make mutate, or python -m tests.mutate [what ...], where each `what` is a part of a fault's name, the number of a
statement of docs/security.md, or some of them (16-23). First the tests that are named are run on a copy that nobody broke: they
must pass. Exits with 1 when a fault stays green. Copies, database and store are this run's own, so several can go on at once.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from appliance.box.postgres import temporary_cluster
from appliance.box.store import temporary_store
from tests.conftest import GIVEN_POSTGRES, GIVEN_STORE
from tests.mutate import FAULTS
from tests.mutate.faults import Fault

PROJECT = Path(__file__).resolve().parents[2]
BUILT = "web/static/dist"
PATIENCE = 300  # seconds for the tests of one fault; one that hangs them is noticed as well
PATIENCE_WHOLE = 1800  # seconds for all of them on a copy that is whole


def is_wanted(fault: Fault, asked: list[str]) -> bool:
    """Tell whether one of the arguments means this fault; without arguments every one is meant."""
    for what in asked:
        if numbers := re.fullmatch(r"(\d+)(?:-(\d+))?", what):
            if int(numbers[1]) <= fault.statement <= int(numbers[2] or numbers[1]):
                return True
        elif what in fault.name:
            return True
    return not asked


def copy_project(target: Path) -> None:
    """Copy everything that git knows, and the built pages, to `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT, capture_output=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.decode().split("\0"):
        source = PROJECT / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
    shutil.copytree(PROJECT / BUILT, target / BUILT)
    if (PROJECT / "node_modules").exists():
        (target / "node_modules").symlink_to((PROJECT / "node_modules").resolve())


def run(tests: list[str], copy: Path, given: dict[str, str], patience: int = PATIENCE) -> tuple[int, str]:
    """Run these tests; return pytest's exit status, and the first test that failed or else its last line."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=short", "-rfE", *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=os.environ | given, capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "FAILED: it hangs"
    lines = [line for line in done.stdout.splitlines() if line.strip()] or [done.stderr[-200:] or "nothing was said"]
    failed = [line for line in lines if line.startswith("FAILED")]
    # What every test leaves behind is looked at when it is taken down: the ledger, above all.
    left = [
        f"FAILED afterwards: {found[1]}" for line in lines if (found := re.search(r"ERROR at teardown of (\S+)", line))
    ]
    return done.returncode, [*failed, *left, *(line for line in lines if line.startswith("ERROR tests")), lines[-1]][0]


def together(faults: list[Fault]) -> list[list[str]]:
    """Return the arguments of as few runs as cover the tests of these faults: those with options of pytest's go alone."""
    with_options = sorted({fault.tests for fault in faults if " -" in fault.tests})
    plain = dict.fromkeys(test for fault in faults if " -" not in fault.tests for test in fault.tests.split())
    return [*([list(plain)] if plain else []), *(shlex.split(tests) for tests in with_options)]


def outcome(fault: Fault, copy: Path, given: dict[str, str]) -> tuple[bool, str]:
    """Return whether a test noticed `fault`, and what pytest said of it. The copy is whole again afterwards."""
    path = copy / fault.file
    whole = path.read_text()
    path.write_text(whole.replace(fault.old, fault.new, 1))
    try:
        # What is wrong with a migration shows in a database that is made with it.
        status, said = run(shlex.split(fault.tests), copy, {} if "migrations" in fault.file else given)
    finally:
        path.write_text(whole)
    # A test that could not even be set up has noticed nothing.
    return status == 1 and said.startswith("FAILED"), said


def main() -> None:
    """Try the faults that are asked for."""
    wanted = [fault for fault in FAULTS if is_wanted(fault, sys.argv[1:])]
    green = 0
    with (
        temporary_cluster() as url,
        temporary_store() as store,
        tempfile.TemporaryDirectory(prefix="backline-mutants-", dir="/tmp") as name,
    ):
        given = {GIVEN_POSTGRES: url, GIVEN_STORE: f"{store.endpoint} {store.access_key} {store.secret_key}"}
        copy = Path(name)
        copy.chmod(0o755)
        copy_project(copy)
        for tests in together(wanted):
            status, said = run(tests, copy, given, PATIENCE_WHOLE)
            if status:
                sys.exit(f"Without any fault: {said}")
        for fault in wanted:
            noticed, said = outcome(fault, copy, given)
            green += not noticed
            words = f"{'red  ' if noticed else 'GREEN'} {fault.statement:2d}  {fault.name}: {said}"
            print(words[:230], flush=True)  # noqa: T201
    print(f"{len(wanted) - green} of {len(wanted)} faults were noticed")  # noqa: T201
    sys.exit(1 if green or not wanted else 0)


if __name__ == "__main__":
    main()
