"""Nothing is lost: a studio at work is backed up, wiped, and brought back from the backup, song by song and byte by byte."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.box import postgres
from appliance.box.waiting import wait_until
from appliance.credits import broken_invariants
from appliance.database import build_engine
from appliance.storage import Storage
from tests.box.studio import Studio
from tests.web.browser import Browser

pytestmark = pytest.mark.box

SONG = {"mode": "description", "full_description": "a quiet waltz for the last ferry", "duration": "10"}
# What the lines of a backup begin with, in order: a kill after any of them must leave nothing that is listed.
STAGES = ("database: dumping", "objects: copying", "objects: reading them again", "the run's own files")


def _songs(studio: Studio, status: str) -> dict[str, list[str]]:
    """The ids of the songs with this status, each with the keys of its objects."""
    with postgres.connect(studio.settings.database_url.get_secret_value()) as connection:
        rows = connection.execute(
            "SELECT id::text, master_key, audio_key, cover_key, thumbnail_key FROM songs WHERE status = %s", [status]
        ).fetchall()
    return {row[0]: [key for key in row[1:] if key] for row in rows}


def _sounds(studio: Studio, browser: Browser, songs: list[str]) -> dict[str, str]:
    """What a browser hears of each song and sees of its cover, as hashes."""
    found = {}
    for song in songs:
        for part in ("audio", "cover"):
            answer = browser.ask("GET", f"/songs/{song}/{part}", follow_redirects=True)
            assert answer.status_code == 200, (song, part, answer.text[:200])
            assert answer.headers["content-type"] == {"audio": "audio/mpeg", "cover": "image/webp"}[part]
            found[f"{song}/{part}"] = hashlib.sha256(answer.content).hexdigest()
    return found


@dataclass
class Drill:
    """A studio that was backed up twice, once while songs were being made, and what was true of it at either time."""

    studio: Studio
    vault: Path
    kit: Path
    ready_then: list[str]
    open_then: list[str]
    sounds: dict[str, str]
    new_bytes: int
    first: str
    second: str


def _make_song(browser: Browser, **fields: str) -> None:
    browser.open("/create")
    assert browser.send("/create", SONG | fields).status_code == 303


def _until_ready(studio: Studio, count: int) -> list[str]:
    assert wait_until(lambda: len(_songs(studio, "processed")) == count, 240, every=0.5), _songs(studio, "failed")
    return list(_songs(studio, "processed"))


def _back_up(studio: Studio) -> str:
    asked = studio.ask("backup")
    assert asked.returncode == 0, asked.stderr
    return asked.stdout


def _backup_process(studio: Studio, **settings: str) -> subprocess.Popen[str]:
    """Start a backup whose lines can be read while it runs."""
    return subprocess.Popen(
        [sys.executable, "-m", "appliance.box", "backup"],
        cwd=studio.data.parent,
        env=studio.environment | settings,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _back_up_while_a_song_is_made(studio: Studio) -> str:
    """Back up, and see that a song was still in the making when the database had been dumped."""
    with _backup_process(studio) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("database:") and "objects named" in line:
                # What is not ready now was not ready at the dump either.
                assert _songs(studio, "processing") or _songs(studio, "queued"), "Done too soon; nothing is shown."
    assert process.returncode == 0
    return "".join(lines)


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    home = tmp_path_factory.mktemp("drill")
    vault = home / "vault, #1 ü"
    studio = Studio(home / "data", BILLING="grants", BACKUP_TARGET=str(vault))
    try:
        studio.start().until_ready()
        with studio.browser() as browser:
            studio.set_up(browser)
            _make_song(browser)
            ready = _until_ready(studio, 2)
            _make_song(browser, duration="20")  # longer than it takes to come to the dump
            assert wait_until(lambda: bool(_songs(studio, "processing")), 60)
            first = _back_up_while_a_song_is_made(studio)
            everything = _until_ready(studio, 4)
            sounds = _sounds(studio, browser, everything)
        new = [song for song in everything if song not in ready]
        keys, store = _songs(studio, "processed"), Storage(studio.settings)
        new_bytes = sum(store.size(key) for song in new for key in keys[song])
        second = _back_up(studio)
        kit = home / "kit.txt"
        kit.write_text((studio.data / "recovery-kit.txt").read_text())
        yield Drill(studio, vault, kit, ready, new, sounds, new_bytes, first, second)
    finally:
        studio.end()


def _written(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _run_ids(studio: Studio) -> list[str]:
    asked = studio.ask("backup-list")
    assert asked.returncode == 0, asked.stderr
    return [line.split()[0] for line in asked.stdout.splitlines()[1:]]


def test_a_backup_says_what_it_did_and_is_listed(drill: Drill) -> None:
    assert "is complete and was read again" in drill.first
    assert len(_run_ids(drill.studio)) == 2


def test_a_second_backup_writes_little_more_than_the_new_song(drill: Drill) -> None:
    said = drill.second.rpartition("; ")[2]
    assert float(said.split()[0]) * 1e6 < 1.5 * drill.new_bytes, drill.second


def test_nothing_in_the_vault_can_be_read_by_strangers(drill: Drill) -> None:
    assert sorted(path.name for path in drill.vault.iterdir()) == ["backline.json", "vault"]
    secrets = json.loads((drill.studio.data / "secrets" / "secrets.json").read_text())
    passphrase = (drill.studio.data / "secrets" / "backup-passphrase").read_text().strip()
    for path in drill.vault.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        for secret in (*secrets.values(), passphrase, "PGDMP", "songs"):
            if secret == secrets["instance"] and path.name == "backline.json":
                continue
            assert secret.encode() not in data, path
            assert secret not in path.name


def test_another_passphrase_is_refused_with_the_fingerprint_that_is_needed(drill: Drill) -> None:
    needed = json.loads((drill.vault / "backline.json").read_text())["fingerprint"]
    for command in ("backup-list", "restore", "backup"):
        refused = drill.studio.ask(command, BACKUP_PASSPHRASE="not this one")
        assert refused.returncode != 0
        assert f"need the passphrase with the fingerprint {needed}" in refused.stderr, command


def test_a_recovery_kit_opens_the_newest_backup(drill: Drill) -> None:
    elsewhere = str(drill.kit.parent / "elsewhere")
    opened = drill.studio.ask("backup-check", "--kit", "-", said=drill.kit.read_text(), DATA_DIR=elsewhere)
    assert opened.returncode == 0, opened.stderr
    assert "is whole" in opened.stdout


def test_a_restore_refuses_while_the_studio_runs(drill: Drill) -> None:
    refused = drill.studio.ask("restore", "--yes")
    assert refused.returncode == 1
    assert "`make stop` first" in refused.stderr


@pytest.mark.parametrize("stage", STAGES)
def test_a_backup_that_is_killed_leaves_nothing_that_is_listed(drill: Drill, stage: str) -> None:
    target = drill.vault.with_name(f"killed {stage[:12]}".replace(":", ""))
    with _backup_process(drill.studio, BACKUP_TARGET=str(target)) as process:
        assert process.stdout
        assert any(line.startswith(stage) for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    listed = drill.studio.ask("backup-list", BACKUP_TARGET=str(target))
    assert "No complete backup" in listed.stdout, listed.stdout + listed.stderr
    # What is left over is in nobody's way.
    again = drill.studio.ask("backup", BACKUP_TARGET=str(target))
    assert again.returncode == 0, again.stderr
    shutil.rmtree(target)


def _largest(vault: Path) -> Path:
    return max((path for path in vault.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def test_a_flipped_bit_is_found_and_the_next_full_reading_mends_it_from_the_store(drill: Drill) -> None:
    copy = drill.vault.with_name("flipped")
    shutil.copytree(drill.vault, copy)
    file = _largest(copy)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    found = drill.studio.ask("backup-check", BACKUP_TARGET=str(copy))
    assert found.returncode == 1
    assert "1 objects of the backup" in found.stderr
    assert "songs/" in found.stderr
    shutil.rmtree(copy)


def test_wiped_and_restored_every_song_plays_and_the_ledger_holds(drill: Drill) -> None:
    studio = drill.studio
    assert studio.stop() == 0
    shutil.rmtree(studio.data)
    first = _first_run(drill)
    how = ("restore", "--kit", str(drill.kit), "--when", first)
    told = studio.ask(*how)
    assert told.returncode == 0, told.stderr
    assert "Nothing was changed" in told.stdout
    assert not studio.data.exists()
    done = studio.ask(*how, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (studio.data / "tmp" / "backup").exists()
    studio.start().until_ready()
    with studio.browser() as browser:
        assert browser.sign_in("Ada").status_code == 303
        heard = _sounds(studio, browser, drill.ready_then)
    assert heard == {name: drill.sounds[name] for name in heard}
    # What was being made at the time is made now, and under keys that no backup knows.
    everything = _until_ready(studio, 4)
    assert set(drill.open_then) <= set(everything)
    engine = build_engine(studio.settings.database_url.get_secret_value())
    with Session(engine) as session:
        assert broken_invariants(session) == {}
    engine.dispose()
    assert "is complete and was read again" in _back_up(studio)


def test_a_restore_over_a_studio_makes_a_restore_point_first_which_leads_back(drill: Drill) -> None:
    """Needs the studio as any of the tests before it may have left it."""
    studio = drill.studio
    assert studio.stop() == 0
    first = _first_run(drill)
    told = studio.ask("restore", "--when", first)
    assert told.returncode == 0, told.stderr
    assert "Nothing was changed" in told.stdout
    done = studio.ask("restore", "--when", first, "--yes")
    assert done.returncode == 0, done.stderr
    listed = studio.ask("backup-list").stdout
    point = listed.splitlines()[1].split()[0]
    assert "restore point" in listed.splitlines()[1]
    back = studio.ask("restore", "--when", point, "--yes", "--no-point")
    assert back.returncode == 0, back.stderr
    studio.start_foundation()
    assert len(_songs(studio, "processed")) == 4


def _first_run(drill: Drill) -> str:
    return drill.first.partition("Backup ")[2].split()[0]
