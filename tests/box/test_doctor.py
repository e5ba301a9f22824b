"""Ten faults, planted one at a time in an otherwise good studio: each is found, named, and nothing else is."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from appliance.box.account import is_root, unprivileged_account
from appliance.box.folder import keep_identity
from appliance.box.layout import Layout
from appliance.box.postgres import dies_with_parent, runner_for, wheel_programs
from appliance.box.waiting import wait_until
from tests.appliance.people import add_user
from tests.box.studio import Studio, free_port

needs_root = pytest.mark.skipif(not is_root(), reason="Only root can be somebody else.")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Return a studio that does not run, in a folder that it has been in, with room to spare."""
    studio = Studio(tmp_path / "data", DISK_RESERVE_GB="0.001")
    studio.environment |= dict.fromkeys(("SONGWRITER", "COMPOSER", "ILLUSTRATOR"), "sketch")
    studio.data.mkdir(mode=0o700)
    keep_identity(Layout(studio.data, tmp_path))
    return studio


def _wrongs(studio: Studio, before: tuple[str, ...] = (), **settings: str) -> dict[str, str]:
    """Return what the doctor finds wrong, each with its remedy; the exit code has to fit."""
    asked = subprocess.run(
        [*before, studio.python, "-m", "appliance.box", "doctor"],
        cwd=studio.data.parent,
        env=studio.environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stderr == ""
    lines = asked.stdout.splitlines()
    found = {}
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line[13:18] == "WRONG":
            found[line[:13].strip()] = f"{line[20:]} {after.strip()}"
            assert after.strip().startswith("→"), asked.stdout
    assert asked.returncode == int(bool(found)), asked.stdout
    return found


def _only(found: dict[str, str], name: str) -> str:
    assert list(found) == [name], found
    return found[name]


def test_a_good_studio_is_said_to_be_good_and_nothing_is_changed(studio: Studio) -> None:
    before = sorted(studio.data.rglob("*"))
    asked = studio.ask("doctor")
    assert asked.returncode == 0, asked.stdout
    assert asked.stdout.endswith("Nothing is wrong.\n")
    assert sorted(studio.data.rglob("*")) == before


def test_1_a_port_that_is_taken(studio: Studio) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", studio.port))
        door.listen()
        said = _only(_wrongs(studio), "ports")
    assert said.startswith(f"Port {studio.port} is taken")
    assert "choose another WEB_PORT" in said


def test_2_a_disk_that_is_full(studio: Studio) -> None:
    said = _only(_wrongs(studio, DISK_RESERVE_GB="1000000"), "disk")
    assert "New songs are refused" in said
    assert "Delete songs" in said


def test_3_permissions_that_let_others_read_secrets(studio: Studio) -> None:
    (studio.data / "secrets" / "secrets.json").chmod(0o644)
    said = _only(_wrongs(studio), "permissions")
    assert "Others on this machine can read" in said
    assert "chmod -R go=" in said


@needs_root
def test_3_a_folder_of_somebody_elses(studio: Studio, own_ground: Path, common_python: str) -> None:
    studio.data, studio.python = own_ground / "data", common_python
    studio.data.mkdir(mode=0o700)
    studio.environment["DATA_DIR"] = str(studio.data)
    nobody = unprivileged_account().uid
    as_nobody = ("setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", "--")
    said = _only(_wrongs(studio, as_nobody), "data folder")
    assert f"belongs to user id 0, and you are user id {nobody}" in said
    assert f"sudo chown -R {nobody}" in said


@pytest.mark.usefixtures("object_store")
def test_4_a_wrong_key_for_the_store(studio: Studio) -> None:
    studio.environment |= {name: os.environ[name] for name in ("OBJECT_STORE", "S3_ENDPOINT", "S3_ACCESS_KEY")}
    assert _wrongs(studio, S3_SECRET_KEY=os.environ["S3_SECRET_KEY"]) == {}
    said = _only(_wrongs(studio, S3_SECRET_KEY="another"), "object store")
    assert "refused: SignatureDoesNotMatch" in said
    assert "Check S3_ACCESS_KEY" in said


def test_5_a_clock_that_went_back(studio: Studio) -> None:
    os.utime(studio.data / ".appliance", (time.time() + 86400, time.time() + 86400))
    said = _only(_wrongs(studio), "clock")
    assert "but the data was written to on" in said
    assert "timedatectl set-ntp true" in said


class _HourAhead(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(403)
        self.end_headers()

    do_PUT = do_GET

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + 3600)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def ahead() -> Iterator[str]:
    """Return the address of a store whose clock is an hour ahead of ours, and which refuses us for it."""
    with HTTPServer(("127.0.0.1", 0), _HourAhead) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_5_a_clock_that_differs_from_the_stores(studio: Studio, ahead: str) -> None:
    found = _wrongs(studio, OBJECT_STORE="s3", S3_ENDPOINT=ahead, S3_ACCESS_KEY="a", S3_SECRET_KEY="b")
    assert "minutes behind the object store's" in found["clock"]


@pytest.fixture
def old_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the older Postgres that the wheel brings along, and return its address."""
    home = Path(f"/tmp/backline-old-{os.getpid()}")
    home.mkdir(mode=0o711)
    port = free_port()
    (home / "pg").mkdir()
    runner = runner_for(home / "pg")
    runner.own(home / "pg")
    programs = wheel_programs().parents[1] / "pginstall" / "bin"
    if not (programs / "postgres").exists() or (runner.account and not os.access(programs, os.X_OK)):
        pytest.skip("The wheel brings no older Postgres.")
    older = type(runner)(programs, runner.account, runner.prefix)
    older.run(older.command("initdb", "-D", home / "pg" / "16", "-U", "postgres", "--auth=trust"))
    options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home / 'pg'}"]
    command = [*dies_with_parent("INT"), *older.command("postgres", "-D", home / "pg" / "16", *options)]
    with (home / "log").open("w") as log:
        server = older.start(command, log)
        try:
            assert wait_until(lambda: "ready to accept" in (home / "log").read_text(), 30), (home / "log").read_text()
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(30)
            shutil.rmtree(home)


def test_6_a_database_that_is_too_old_or_not_there(studio: Studio, old_postgres: str) -> None:
    said = _only(_wrongs(studio, DATABASE_URL=old_postgres), "database")
    assert "It is Postgres 16, and the studio needs 18 or newer." in said
    gone = _only(_wrongs(studio, DATABASE_URL=f"postgresql://x@127.0.0.1:{free_port()}/x"), "database")
    assert "It does not answer" in gone
    assert "Check DATABASE_URL" in gone


def test_7_and_8_weights_that_are_missing_and_a_card_that_is_not_there(studio: Studio, tmp_path: Path) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("This machine has a card.")
    found = _wrongs(studio, MODELS_DEVICE="cuda", MODELS_DIR=str(tmp_path / "models"), COMPOSER="ace-step-xl-turbo")
    assert list(found) == ["card", "models"]
    assert "ace-step-xl-turbo is missing" in found["models"]
    assert "make models-pull" in found["models"]
    assert "No NVIDIA card answers" in found["card"]
    in_the_gpu_image = _wrongs(studio, MODELS_DEVICE="auto", BACKLINE_VARIANT="gpu")
    assert "NVIDIA container toolkit" in in_the_gpu_image["card"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("WEB_PROT=1", ".env: WEB_PROT is not a setting. Did you mean WEB_PORT?"),
        ('STUDIO_NAME="Night Shift', ".env, line 2: this is not NAME=value, or a quote is missing."),
        ("LEASE_SECONDS=soon", "LEASE_SECONDS='soon'"),
    ],
)
def test_9_a_bad_line_in_the_file_of_settings(studio: Studio, line: str, said: str) -> None:
    (studio.data.parent / ".env").write_text(f"# mine\n{line}\n")
    assert said in _only(_wrongs(studio), "settings")


@needs_root
def test_10_a_data_folder_that_is_read_only(studio: Studio) -> None:
    mount = f"mount --bind '{studio.data}' '{studio.data}' && mount -o remount,bind,ro '{studio.data}'"
    read_only = ("unshare", "--mount", "sh", "-ec", f'{mount}; exec "$@"', "sh")
    if subprocess.run([*read_only, "true"], capture_output=True, check=False).returncode:
        pytest.skip("This machine gives nobody mounts of their own.")
    said = _only(_wrongs(studio, read_only), "data folder")
    assert "is mounted read-only" in said
    assert "Mount it writable" in said


def test_a_ledger_that_somebody_has_changed_by_hand(studio: Studio, session: Session, database_url: str) -> None:
    assert _wrongs(studio, DATABASE_URL=database_url) == {}
    user = add_user(session, "Ada")
    session.execute(text("INSERT INTO credit_accounts (user_id, balance) VALUES (:user, 5)"), {"user": user.id})
    session.commit()
    said = _only(_wrongs(studio, DATABASE_URL=database_url), "ledger")
    assert f"The balance is the sum of the entries, but not for {user.id}" in said
    assert "make restore" in said
    session.execute(text("DELETE FROM credit_accounts"))
    session.commit()
