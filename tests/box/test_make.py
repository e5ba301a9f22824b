"""The admin's words about backups: they act where the studio is, in its container, in one of their own, or here."""

import subprocess

import pytest

from appliance.box.layout import PROJECT

EXEC = "docker compose exec -T cpu python -m appliance.box"
ALONE = "docker compose run --rm -T --no-deps cpu"
HERE = ".venv/bin/python -m appliance.box"
RUNS, STOPPED, NATIVE = ("RUNNING=cpu",), ("RUNNING=", "DOCKER=yes"), ("RUNNING=", "DOCKER=no")


def _lines(*arguments: str) -> list[str]:
    """What make would run, a line a command, without what it would install before."""
    command = ["make", "--dry-run", "--old-file=.venv/installed", "SERVICE=cpu", *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return [
        " ".join(line.split())
        for line in done.stdout.replace("\\\n", " ").splitlines()
        if "appliance.box" in line or "docker" in line
    ]


@pytest.mark.parametrize(("where", "begins"), [(RUNS, EXEC), (STOPPED, ALONE), (NATIVE, HERE)])
def test_backups_are_listed_and_read_where_the_studio_is(where: tuple[str, ...], begins: str) -> None:
    assert _lines("backup-list", *where) == [f"{begins} backup-list"]
    assert _lines("backup-check", "WHEN=2026-05-04", *where) == [f"{begins} backup-check --when '2026-05-04'"]


@pytest.mark.parametrize("word", ["backup-list", "backup-check", "kit-check", "restore"])
def test_a_kit_of_this_machine_is_handed_into_the_container(word: str) -> None:
    for where in (RUNS, STOPPED):
        (line,) = _lines(word, "KIT=my kit.txt", *where)
        assert line.endswith("--kit - <'my kit.txt'")
    (line,) = _lines(word, "KIT=my kit.txt", *NATIVE)
    assert line.endswith("--kit 'my kit.txt'")


def test_a_restore_in_docker_stops_the_container_and_has_one_of_its_own() -> None:
    assert _lines("restore", *RUNS) == [f"{ALONE} restore"]  # which says what it would do, or that it is in the way
    assert _lines("restore", "STOP=yes", *RUNS) == [f"{ALONE} restore"]
    does_it = ("restore", "YES=yes", "STOP=yes", "POINT=no")
    assert _lines(*does_it, *RUNS) == [f"docker compose stop cpu && {ALONE} restore --yes --no-point"]
    assert _lines(*does_it, *NATIVE) == [f"{HERE} restore --yes --stop --no-point"]


def test_the_bundle_for_whoever_helps_comes_out_of_the_container() -> None:
    (line,) = _lines("support-bundle", *RUNS)
    assert line.startswith(f"(umask 077; {EXEC} support-bundle --stdout >support.tar.gz)")
    assert _lines("support-bundle", *NATIVE) == [f"{HERE} support-bundle"]
