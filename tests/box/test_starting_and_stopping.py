"""Starts and ends of a studio, the violent ones included: nothing is left running, and the next start is clean."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from appliance.box import lock
from appliance.box.failure import EX_CONFIG
from appliance.box.postgres import runner_for
from appliance.box.waiting import wait_until
from tests.box.studio import Studio

pytestmark = pytest.mark.box

NewStudio = Callable[..., Studio]


def _cluster_state(studio: Studio) -> str:
    runner = runner_for(studio.data / "pg")
    command = runner.command("pg_controldata", "-D", studio.data / "pg" / "18")
    with runner.start(command, subprocess.PIPE) as process:
        assert process.stdout
        lines = dict(line.split(":", 1) for line in process.stdout if ":" in line)
    return lines["Database cluster state"].strip()


def _nothing_is_left(studio: Studio, runtime: Path) -> None:
    assert wait_until(lambda: not studio.processes(), 20), studio.processes()
    assert lock.holder(studio.data / ".lock") is None
    assert not runtime.exists()


def test_ctrl_c_stops_in_order_and_cleanly(new_studio: NewStudio) -> None:
    studio = new_studio().start().until_ready()
    runtime = studio.layout.runtime
    assert studio.signal(signal.SIGINT).until_over() == 0
    assert studio.said.endswith("Stopping ...\nStopped.\n")
    log = (studio.data / "logs" / "supervisord.log").read_text()
    stopped = [line.split("stopped: ")[1].split()[0] for line in log.splitlines() if "stopped: " in line]
    assert [name for name in stopped if name != "guard"] == ["web", "worker", "store", "postgres"]
    assert _cluster_state(studio) == "shut down"
    _nothing_is_left(studio, runtime)


def test_however_it_is_killed_nothing_is_left_and_the_next_start_is_clean(new_studio: NewStudio) -> None:
    studio = new_studio()

    studio.start()
    assert wait_until(lambda: "making the database" in studio.said, 30)
    assert studio.stop() == 0, studio.said  # SIGTERM in the middle of the first start

    studio.start().until_ready()
    runtime = studio.layout.runtime
    psutil.Process(int((runtime / "supervisord.pid").read_text())).kill()
    assert studio.until_over() == 1
    assert "supervisord ended with -9, and everything else with it." in studio.said
    _nothing_is_left(studio, runtime)

    studio.start().until_ready()
    studio.signal(signal.SIGKILL).until_over()  # `make run` itself; its programs now stop in order
    studio.start().until_ready()  # and this one waits for them
    assert not _strays(studio)

    studio.kill()
    _leave_traces(studio)
    studio.start().until_ready()
    assert studio.ask("stop").returncode == 0
    assert studio.until_over() == 0
    assert _cluster_state(studio) == "shut down"


def _strays(studio: Studio) -> set[int]:
    """Processes that work for the studio and do not belong to its present start."""
    assert studio.process
    family = {child.pid for child in psutil.Process(studio.process.pid).children(recursive=True)}
    return {process.pid for process in studio.processes()} - family


def _leave_traces(studio: Studio) -> None:
    """Forge what keeps programs from starting: a lock of Postgres' with a living process, sockets of weed's."""
    pid_file = studio.data / "pg" / "18" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    grpc = int(studio.environment["STORE_PORT"]) + 10_000
    path = Path(f"/tmp/seaweedfs-s3-grpc-{grpc}.sock")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))


def test_it_is_started_in_the_background_and_told_to_stop(new_studio: NewStudio) -> None:
    studio = new_studio()
    refused = studio.ask("up", OBJECT_STORE="minio", PATH="/usr/bin:/bin")
    assert refused.returncode == EX_CONFIG
    assert "needs a program named minio" in refused.stdout.splitlines()[-1]
    started = studio.ask("up")
    assert started.returncode == 0, started.stdout
    assert started.stdout.splitlines()[-1].startswith("Backline is ready. Make the first account here")
    assert studio.ask("status").returncode == 0
    assert "runs already" in studio.ask("up").stdout
    runtime = studio.layout.runtime
    assert studio.ask("stop").returncode == 0
    _nothing_is_left(studio, runtime)


def test_a_program_that_cannot_start_ends_the_studio_with_its_last_words(new_studio: NewStudio) -> None:
    studio = new_studio()
    studio.start(worker=["sh", "-c", "echo there is no such model; exit 3"])
    assert studio.until_over() == 1
    assert "    there is no such model\n" in studio.said
    last = studio.said.splitlines()[-1]
    assert last.startswith("Backline stopped, because of worker: it ended ")
    assert _cluster_state(studio) == "shut down"
    assert not studio.processes()


def test_what_is_set_wrong_is_said_in_one_line_before_anything_is_made(new_studio: NewStudio) -> None:
    studio = new_studio()
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        refused = studio.ask("run", WEB_PORT=str(port))
    assert refused.returncode == EX_CONFIG
    assert f"Port {port} is taken" in refused.stderr.splitlines()[-1]
    assert {path.name for path in studio.data.iterdir()} == {".lock"}
    (studio.data.parent / ".env").write_text("WEB_PROT=1\n")
    for command in ("run", "status", "stop"):
        refused = studio.ask(command)
        assert (refused.returncode, refused.stderr) == (
            EX_CONFIG,
            ".env: WEB_PROT is not a setting. Did you mean WEB_PORT?\n",
        )


@pytest.mark.usefixtures("database_url", "object_store")
def test_a_database_and_a_store_of_somebody_elses_are_used_and_left_running(new_studio: NewStudio) -> None:
    named = ("DATABASE_URL", "OBJECT_STORE", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    studio = new_studio(**{name: os.environ[name] for name in named})
    studio.start().until_ready()
    assert studio.programs().keys() == {"worker", "web"}
    assert studio.ask("status").returncode == 0
    assert studio.stop() == 0
    assert {path.name for path in studio.data.iterdir()}.isdisjoint({"pg", "s3"})
