"""A studio that runs: what it says of itself, and that it comes back whatever is killed in it."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from appliance.box import health, postgres, supervisor
from appliance.box.control import NOT_RUNNING
from appliance.box.guard import end_hung_worker
from appliance.box.waiting import wait_until
from appliance.settings import Settings, load_settings
from tests.box.studio import READY, Studio

pytestmark = pytest.mark.box

PROGRAMS = ("postgres", "store", "worker", "web")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Run one studio for the whole module, in a folder whose name has everything that names should not have."""
    studio = Studio(tmp_path_factory.mktemp("box") / 'my data, it\'s "C:\\new" #1; 100% ü')
    try:
        yield studio.start().until_ready()
        assert studio.stop() == 0
    finally:
        studio.end()


def _settings(studio: Studio) -> Settings:
    return load_settings(json.loads(studio.layout.settings.read_text()), None)


def _get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _troubles(studio: Studio) -> dict[str, str]:
    """Return what the studio's own readiness page says is not ready; the status has to fit."""
    status, body = _get(f"http://127.0.0.1:{studio.port}{health.READY_PATH}")
    troubles = {name: said for name, said in json.loads(body)["parts"].items() if said != "ready"}
    assert status == (503 if troubles else 200)
    return troubles


def test_the_start_ends_with_one_line_that_says_what_to_open(studio: Studio) -> None:
    last = studio.said.rstrip().splitlines()[-1]
    assert last.startswith(READY)
    assert studio.link()
    assert last.endswith(str(studio.link()))
    assert _get(str(studio.link()))[0] == 200


def test_parts_become_ready_in_the_order_in_which_they_need_each_other(studio: Studio) -> None:
    shown = [line.split("ready after")[0].strip() for line in studio.said.splitlines() if "ready after" in line]
    assert shown == ["database", "object store", "tables, bucket", "worker", "web"]


def test_status_shows_every_program_and_every_part(studio: Studio) -> None:
    asked = studio.ask("status")
    assert asked.returncode == 0, asked.stdout
    _, programs, parts, alerts = asked.stdout.split("\n\n")
    assert alerts.strip() == "warning: No backups are made: BACKUP_TARGET is not set."
    table = {line.split()[0]: line for line in programs.splitlines()}
    running = studio.programs()
    for name in PROGRAMS:
        assert f" {running[name]} " in table[name]
        assert "running" in table[name]
        assert table[name].endswith(" MB")
    assert table["prepare"].split() == ["prepare", "done"]
    assert [line.split()[-1] for line in parts.splitlines()] == ["ready"] * 5
    assert str(studio.data) in asked.stdout
    assert f"http://127.0.0.1:{studio.port}" in asked.stdout


def test_a_second_start_in_the_same_folder_says_who_is_there(studio: Studio) -> None:
    assert studio.process
    again = studio.ask("run")
    assert again.returncode == 1
    assert f"already: http://127.0.0.1:{studio.port}, process {studio.process.pid}, since 2" in again.stderr
    assert not _troubles(studio)


def test_a_new_setup_link_replaces_the_old_one(studio: Studio) -> None:
    asked = studio.ask("setup-url")
    assert asked.returncode == 0
    assert _get(asked.stdout.strip())[0] == 200
    assert _get(str(studio.link()))[0] == 410


def test_an_admin_is_made_from_the_command_line_once_and_can_be_listed(studio: Studio) -> None:
    asked = studio.ask("admin-create", "Ada", said="a kettle on the stove\n")
    assert (asked.returncode, asked.stdout) == (0, "Ada can sign in now, as an admin.\n"), asked.stderr
    again = studio.ask("admin-create", "ada", said="a kettle on the stove\n")
    assert (again.returncode, again.stderr) == (1, "Somebody here has this name already.\n")
    short = studio.ask("admin-create", "Bob", said="x\n")
    assert (short.returncode, short.stderr.count("\n")) == (1, 1)
    listed = studio.ask("user-list").stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [["name", "role"], ["Ada", "admin"]]
    link = studio.ask("reset-link", "ada", "--clear-app").stdout.splitlines()[0]
    assert _get(link)[0] == 200
    assert (
        studio.ask("reset-link", "nobody").stderr == "Nobody here is called nobody. `make user-list` shows everybody.\n"
    )


def test_a_shell_has_the_settings_of_the_studio(studio: Studio) -> None:
    asked = studio.ask("shell", said="echo $WEB_PORT $DATABASE_URL\n")
    assert asked.returncode == 0
    port, database = asked.stdout.split("exit leaves it running.\n")[1].split()
    assert int(port) == studio.port
    assert database == _settings(studio).database_url.get_secret_value()


def test_logs_are_followed_for_one_program_or_all(studio: Studio) -> None:
    command = [sys.executable, "-m", "appliance.box", "logs"]
    for arguments, expected in ((["postgres"], "ready to accept connections"), ([], "store.log <==")):
        with subprocess.Popen(
            [*command, *arguments], cwd=studio.data.parent, env=studio.environment, stdout=subprocess.PIPE, text=True
        ) as follower:
            assert follower.stdout
            assert any(expected in line for line in follower.stdout)
            assert follower.poll() is None  # it goes on as long as the studio does
            follower.terminate()
    refused = studio.ask("logs", "wev")
    assert refused.returncode == 1
    assert "There are:" in refused.stderr
    assert "worker" in refused.stderr


def test_nothing_listens_beyond_this_machine(studio: Studio) -> None:
    doors = {
        door.laddr.ip
        for process in studio.processes()
        for door in process.net_connections("inet")
        if door.status == psutil.CONN_LISTEN
    }
    assert doors == {"127.0.0.1"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_killed_program_comes_back_and_the_others_do_not_notice(studio: Studio, name: str) -> None:
    before, counted = studio.programs(), supervisor.restarts(studio.layout)
    psutil.Process(before[name]).kill()
    assert wait_until(lambda: studio.programs().get(name, before[name]) != before[name], 30)
    wanted = _settings(studio)
    assert wait_until(lambda: not health.web_trouble(wanted), 30), health.parts(wanted)
    after = studio.programs()
    assert after.keys() == set(PROGRAMS)
    assert supervisor.restarts(studio.layout) == counted | {name: counted[name] + 1}
    assert {each: after[each] for each in PROGRAMS if each != name} == {
        each: before[each] for each in PROGRAMS if each != name
    }


@pytest.mark.parametrize(("name", "part"), [("store", "object store"), ("postgres", "database")])
def test_readiness_names_what_hangs_and_the_web_app_lives_on(studio: Studio, name: str, part: str) -> None:
    process = psutil.Process(studio.programs()[name])
    process.send_signal(signal.SIGSTOP)
    try:
        # A success is remembered for a few seconds, but not beyond a store that does not even answer.
        assert _troubles(studio)[part] == "It does not answer."
        assert _get(f"http://127.0.0.1:{studio.port}/health/live")[0] == 200
        asked = studio.ask("status")
        assert asked.returncode == 1
        assert f"{part:<14}It does not answer." in asked.stdout
    finally:
        process.send_signal(signal.SIGCONT)
    assert wait_until(lambda: not _troubles(studio), 30)


def test_a_worker_that_hangs_is_ended_and_one_that_only_loads_is_not(studio: Studio) -> None:
    url, pid = _settings(studio).database_url.get_secret_value(), studio.programs()["worker"]
    started = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    silence = timedelta(seconds=7)
    assert not end_hung_worker(url, pid, started)
    psutil.Process(pid).send_signal(signal.SIGSTOP)
    assert not end_hung_worker(url, pid, datetime.now(UTC) + timedelta(seconds=1), silence)  # it has not spoken since
    assert not end_hung_worker("postgresql://nobody@127.0.0.1:1/nothing", pid, started, silence)
    assert wait_until(lambda: end_hung_worker(url, pid, started, silence), 30)
    assert wait_until(lambda: studio.programs().get("worker", pid) != pid, 30)
    wanted = _settings(studio)
    assert wait_until(lambda: not health.web_trouble(wanted), 30), health.parts(wanted)


def test_readiness_names_a_worker_that_is_silent_and_tables_of_another_version(studio: Studio) -> None:
    url = _settings(studio).database_url.get_secret_value()
    worker = psutil.Process(studio.programs()["worker"])
    worker.send_signal(signal.SIGSTOP)
    try:
        with postgres.connect(url) as connection:
            connection.execute("UPDATE workers SET last_seen = last_seen - interval '1 minute'")
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ()
            connection.execute("UPDATE alembic_version SET version_num = '0000'")
        assert _troubles(studio).keys() == {"worker", "migrations"}
    finally:
        worker.send_signal(signal.SIGCONT)
        with postgres.connect(url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", [version])
    assert wait_until(lambda: not _troubles(studio), 30)


def test_database_and_store_have_limits_of_their_own(studio: Studio) -> None:
    with postgres.connect(_settings(studio).database_url.get_secret_value()) as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in ("max_connections", "shared_buffers")}
    assert shown == {"max_connections": ("100",), "shared_buffers": ("256MB",)}
    assert psutil.Process(studio.programs()["store"]).environ()["GOMEMLIMIT"] == "256MiB"


def test_without_a_studio_the_commands_say_so(studio: Studio) -> None:
    for command, code in (("status", NOT_RUNNING), ("stop", 0), ("setup-url", 1)):
        asked = studio.ask(command, str(studio.data.parent / "nowhere"))
        assert asked.returncode == code
        assert "No studio is running in" in asked.stdout + asked.stderr
        assert not (studio.data.parent / "nowhere").exists()


def test_the_stores_other_doors_are_closed_to_strangers(studio: Studio) -> None:
    store = int(studio.environment["STORE_PORT"])
    volume, filer = store + 2, store + 3
    for method, port, path in (("GET", filer, "/"), ("POST", filer, "/x"), ("PUT", volume, "/1,01637037d6")):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, data=b"x" * (method != "GET"))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        refused.value.close()
        assert refused.value.code == 401, (method, path)
