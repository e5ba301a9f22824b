"""From an earlier version to this one: dumped before, told on the way, all or nothing, and the songs still play."""

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy

from appliance.box.dump import load_dump
from appliance.box.failure import BoxError
from appliance.box.layout import PROJECT
from appliance.box.postgres import connect, temporary_cluster
from appliance.box.upgrading import KEPT, dump_before, upgrade
from appliance.box.waiting import wait_until
from appliance.database import build_engine, migrate, newest_revision, revision
from tests.box.studio import Studio, free_port
from tests.web.browser import Browser

OLD = "0002"


@pytest.fixture(scope="module")
def _cluster() -> Iterator[str]:
    with temporary_cluster() as url:
        yield url


@pytest.fixture
def old_database(_cluster: str) -> str:
    """Return the address of a database of an earlier version, with somebody in it and nothing else."""
    with connect(_cluster) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
    migrate(_cluster, to=OLD)
    with connect(_cluster) as connection:
        connection.execute("INSERT INTO users (id, name, password_hash) VALUES (gen_random_uuid(), 'Mara', '-')")
    return _cluster


def _people(url: str) -> list[str]:
    with connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM users")]


def _tables(url: str) -> set[str]:
    engine = build_engine(url)
    try:
        return set(sqlalchemy.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_tables_are_dumped_before_they_are_updated_and_every_step_is_told(old_database: str, tmp_path: Path) -> None:
    upgrade(old_database, tmp_path, tmp_path / "progress")
    assert revision(old_database) == newest_revision() != OLD
    assert _people(old_database) == ["Mara"]
    (dump,) = (tmp_path / "dumps").iterdir()
    assert dump.name.endswith(f"-before-{newest_revision()}-from-{OLD}.dump")
    assert dump.stat().st_mode & 0o077 == 0
    said = (tmp_path / "progress").read_text()
    steps = int(newest_revision()) - int(OLD)
    assert said == f"The tables are being updated: step {steps} of {steps} is done."

    upgrade(old_database, tmp_path, tmp_path / "progress")  # nothing to do: no second dump
    assert list((tmp_path / "dumps").iterdir()) == [dump]


def test_a_dump_brings_the_old_version_back(old_database: str, tmp_path: Path) -> None:
    upgrade(old_database, tmp_path, tmp_path / "progress")
    (dump,) = (tmp_path / "dumps").iterdir()
    load_dump(old_database, dump, [])
    assert (revision(old_database), _people(old_database)) == (OLD, ["Mara"])


def test_a_migration_that_fails_leaves_everything_as_it_was_and_says_how_to_go_back(
    old_database: str, tmp_path: Path
) -> None:
    with connect(old_database) as connection:
        connection.execute("CREATE TABLE invites (mine text)")  # in the way of what comes
    before = _tables(old_database)
    with pytest.raises(BoxError, match='relation "invites" already exists') as failed:
        upgrade(old_database, tmp_path, tmp_path / "progress")
    assert "Nothing was changed, so the version that you had before still works" in failed.value.message
    assert str(tmp_path / "dumps") in failed.value.message
    assert (revision(old_database), _tables(old_database), _people(old_database)) == (OLD, before, ["Mara"])


def test_tables_of_a_newer_version_are_left_alone(old_database: str, tmp_path: Path) -> None:
    with connect(old_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BoxError, match=r"perhaps a newer one .*Start the version that made them"):
        upgrade(old_database, tmp_path, tmp_path / "progress")
    assert _people(old_database) == ["Mara"]


def test_without_a_dump_the_tables_are_not_touched(old_database: str, tmp_path: Path) -> None:
    with pytest.raises(BoxError, match="pg_dump failed"):
        dump_before(old_database.replace("/backline?", "/nothing?"), tmp_path / "dumps", OLD, "0009")
    assert list((tmp_path / "dumps").iterdir()) == []
    (tmp_path / "dumps").rmdir()
    (tmp_path / "dumps").touch()  # no folder, and so no place for one
    with pytest.raises(BoxError, match="The tables were not updated, since there could be no dump before"):
        upgrade(old_database, tmp_path, tmp_path / "progress")
    assert revision(old_database) == OLD


def test_only_the_last_dumps_are_kept(old_database: str, tmp_path: Path) -> None:
    for old in ("0001", "0002", "0003", "0004", "0005"):
        dump_before(old_database, tmp_path / "dumps", old, "0009")
    kept = sorted((tmp_path / "dumps").iterdir())
    assert [path.name[-9:] for path in kept] == ["0003.dump", "0004.dump", "0005.dump"]
    assert len(kept) == KEPT


# What the gate becomes: a server that answers once, on the socket that it is given.
AFTERWARDS = """
import socket, sys
door = socket.socket(fileno=int(sys.argv[2])); door.setblocking(True)
visitor, _ = door.accept()
visitor.recv(65536); visitor.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nthe studio")
"""


def _get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_whoever_comes_early_reads_what_is_going_on_and_is_never_refused(tmp_path: Path) -> None:
    port, prepared = free_port(), tmp_path / "prepared"
    address = f"http://127.0.0.1:{port}"
    listen = ["--listen", "127.0.0.1", str(port)]
    command = [
        sys.executable,
        "-m",
        "appliance.box.gate",
        str(prepared),
        *listen,
        "--",
        sys.executable,
        "-c",
        AFTERWARDS,
    ]
    with subprocess.Popen(command, cwd=PROJECT) as gate:
        assert wait_until(lambda: _answers(address), 30)
        status, page = _get(f"{address}/songs/1")
        assert status == 503
        assert "The database and the object store are starting." in page
        assert 'http-equiv="refresh"' in page
        (tmp_path / "progress").write_text("Step <1> of 3.")
        assert "Step &lt;1&gt; of 3." in _get(address)[1]
        status, told = _get(f"{address}/health/ready")
        assert (status, json.loads(told)["parts"]) == (503, {"start": "Step <1> of 3."})
        assert _get(f"{address}/health/live")[0] == 200
        prepared.touch()
        assert wait_until(lambda: _get(address) == (200, "the studio"), 30)
        gate.wait(30)


def _answers(address: str) -> bool:
    try:
        return _get(address)[0] == 503
    except OSError:
        return False


# In a checkout of an earlier revision: a studio in the folder, and in it an account with a finished song.
IN_THE_OLD_ONE = """
import json
from sqlalchemy import select
from appliance.database import transaction
from appliance.accounts import create_first_admin, setup_token
from appliance.queue import MadeSong, claim_request, finish_song, keep_sheet, lease_of, start_song
from appliance.storage import storage
from appliance.tables import Song
from tests.appliance.people import ask
from tests.web.making import SECTIONS, SHEET, SOUND
with transaction() as session:
    ask(session, create_first_admin(session, setup_token(session), "Mara", "", "a kettle on the stove"))
with transaction() as session:
    lease = lease_of(claim_request(session, "the old one"))
    keep_sheet(session, lease, SHEET)
    songs = list(session.scalars(select(Song)))
    for song in songs:
        start_song(session, lease, song.id)
        key = f"songs/{song.id}/audio.mp3"
        storage().write(key, SOUND, "audio/mpeg")
        finish_song(session, lease, song.id, MadeSong(
            master_key=key, audio_key=key, cover_key="", thumbnail_key="", peaks=bytes(800), loudness=-14.1, duration=30.0,
            bpm=84.0, key="D major", sections=SECTIONS, model="sketch", categories=("Folk",)))
print(json.dumps({str(song.id): list(SOUND[256:512]) for song in songs}))
"""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _revision_before_the_newest_tables() -> str | None:
    """Return the last commit with every migration but the newest, where the history goes so far back.

    It is found by the files that it has: branches that came in may have numbered theirs otherwise on the way.
    """
    versions = "appliance/migrations/versions"
    expected = {f"{versions}/{file.name}" for file in (PROJECT / versions).glob("0*.py")}
    expected = {name for name in expected if not Path(name).name.startswith(newest_revision())}
    for commit in _git("log", "--format=%H", "--max-count=500").splitlines():
        files = set(_git("ls-tree", "--name-only", commit, f"{versions}/", "tests/web/making.py").splitlines())
        if files == expected | {"tests/web/making.py"}:
            return commit
    return None


@pytest.mark.box
def test_a_data_folder_of_an_earlier_revision_starts_and_its_songs_play_and_a_broken_version_leads_back(
    tmp_path: Path,
) -> None:
    before = _revision_before_the_newest_tables()
    if before is None:
        pytest.skip("The history of this checkout does not go back to an earlier schema.")
    old, broken = tmp_path / "old", tmp_path / "broken"
    old.mkdir()
    with subprocess.Popen(["git", "archive", before], cwd=PROJECT, stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x", "-C", old], stdin=archive.stdout, check=True)
    shutil.copytree(PROJECT / "appliance", broken / "appliance")
    (broken / "web").mkdir()
    (broken / "web" / "__init__.py").touch()
    (broken / "web" / "app.py").write_text("raise SystemExit('This version is broken.')")
    earlier, failing, now = (Studio(tmp_path / "data") for _ in range(3))
    failing.environment |= {name: earlier.environment[name] for name in ("STORE_PORT", "WEB_PORT")}
    now.environment["STORE_PORT"] = earlier.environment["STORE_PORT"]
    earlier.environment["PYTHONPATH"] = str(old)
    failing.environment["PYTHONPATH"] = str(broken)
    try:
        earlier.start_foundation()
        full = json.loads(earlier.layout.settings.read_text())
        made = subprocess.run(
            [sys.executable, "-c", IN_THE_OLD_ONE],
            cwd=old,
            env=earlier.environment | full,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        assert earlier.stop() == 0, earlier.said

        assert failing.start(worker=["sleep", "600"]).until_over(120) == 1
        assert "The new version does not work: the web app ends with 1" in failing.said
        assert "`make rollback` puts everything back" in failing.said
        back = now.ask("rollback")
        assert (back.returncode, back.stderr) == (0, "")
        assert "The data is as it was before the upgrade" in back.stdout
        earlier.start_foundation()  # whose tables they have to be, or it does not start
        assert earlier.stop() == 0, earlier.said

        now.start().until_ready(150)  # tables, the trial, and then the start
        assert list((now.data / "dumps").glob(f"*-before-{newest_revision()}-from-*.dump"))
        with httpx.Client(base_url=f"http://127.0.0.1:{now.port}", timeout=30) as client:
            browser = Browser(client)  # type: ignore[arg-type]  # a TestClient is an httpx.Client
            assert browser.sign_in("Mara", "a kettle on the stove").status_code == 303
            for song, sound in json.loads(made.stdout).items():
                heard = browser.open(f"/songs/{song}/audio", range="bytes=256-511")
                assert (heard.status_code, heard.content) == (206, bytes(sound))
        assert "is running" in now.ask("rollback").stderr
        assert now.stop() == 0
        used = now.ask("rollback")
        assert used.returncode == 1
        assert "lost by going back. To do it: make rollback YES=yes" in used.stdout
        back = now.ask("rollback", "--yes")
        assert (back.returncode, back.stderr) == (0, "")
        assert "What is there now is kept in" in back.stdout
        assert "There is no upgrade to go back from." in now.ask("rollback").stderr
    finally:
        for studio in (earlier, failing, now):
            studio.end()
