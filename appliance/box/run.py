"""Starting the studio, watching over it in the foreground, and stopping it: what `make run` does from its first line to its last."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from appliance.accounts import setup_token
from appliance.box import folder, health, lock, postgres, store, supervisor
from appliance.box.failure import BoxError
from appliance.box.layout import Layout, as_variables, complete, environment, store_keys
from appliance.box.leftovers import end_leftovers
from appliance.box.postgres import Runner, dies_with_parent
from appliance.box.preflight import check_ports
from appliance.database import build_engine
from appliance.settings import Settings

# How often to say what a slow start waits for.
SAY_EVERY = 30.0  # seconds
_LAST_WORDS = 20  # lines of a failed program's log


def run(wanted: Settings, web: list[str] | None = None, worker: list[str] | None = None) -> int:
    """Run the studio until it is told to stop, and return the exit code; `web` and `worker` replace those two commands.

    Raises BoxError where it cannot start.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # until there is somebody to pass it on to
    data = folder.open_data_folder(wanted.data_dir)
    runtime, runtime_descriptor = folder.new_runtime()
    try:
        layout = Layout(data, runtime)
        layout.plain.data.symlink_to(data)
        lock_descriptor, before = lock.take(layout.lock, lock.myself(runtime, wanted.public_url))
        if before:
            end_leftovers(data)
            folder.drop_runtime(Path(before.runtime))
        say(f"Backline starts; its data is in {data}")
        full, runner = make_ready(wanted, layout)
        supervisor.write_config(layout.plain, supervisor.programs(full, layout.plain, runner, web, worker))
        return _watch(full, layout, (lock_descriptor, runtime_descriptor))
    except KeyboardInterrupt:
        say("Stopped.")
        return 0
    finally:
        folder.drop_runtime(runtime)


def make_ready(wanted: Settings, layout: Layout) -> tuple[Settings, Runner | None]:
    """Do what comes before any program starts, first start or not: ports, secrets, folders, a Postgres cluster.

    Returns the complete settings, and how Postgres is run, or None where the database is somebody else's. Raises BoxError.
    """
    check_ports(wanted)
    secrets = folder.keep_identity(layout)
    full = complete(wanted, layout, secrets)
    layout.logs.mkdir(mode=0o700, exist_ok=True)
    layout.settings.touch(mode=0o600)
    layout.settings.write_text(json.dumps(as_variables(full)))
    if full.object_store != "s3":
        layout.objects(full.object_store).mkdir(mode=0o700, parents=True, exist_ok=True)
        store.write_identities(layout.runtime, store_keys(wanted, secrets))
        store.clear_stale_sockets(full.store_port)
    if wanted.database_url.get_secret_value():
        return full, None
    home = layout.cluster.parent
    home.mkdir(mode=0o700, exist_ok=True)
    runner = postgres.runner_for(home, create_account=True)
    if not layout.cluster.exists():
        say("  First start: making the database.")
        runner.own(home)
        postgres.create_cluster(layout.cluster, runner, secrets.superuser_password, secrets.database_password)
    postgres.clear_stale_lock(layout.cluster)
    runner.own(layout.sockets)
    return full, runner


def setup_link(full: Settings) -> str | None:
    """Return a new one-time link for making the first admin, or None where there is an admin."""
    engine = build_engine(full.database_url.get_secret_value())
    try:
        with Session(engine) as session, session.begin():
            token = setup_token(session)
    finally:
        engine.dispose()
    return f"{full.public_url.rstrip('/')}/setup?token={token}" if token else None


def say(line: str) -> None:
    """Tell the person at the terminal."""
    print(line, flush=True)  # noqa: T201 - this is the command line


def _watch(full: Settings, layout: Layout, held: tuple[int, ...]) -> int:
    """Run supervisord to its end and return the exit code; it inherits the `held` locks, and so outlives us in order."""
    process: subprocess.Popen[bytes] | None = None
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            say("Stopping ...")
        if process:
            process.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(layout.supervisor_config)]
    said = layout.runtime / "supervisord.said"
    with said.open("w") as output:
        process = subprocess.Popen(
            [*dies_with_parent("TERM"), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment(full),
            start_new_session=True,  # Ctrl-C is for us to pass on, once
            pass_fds=held,
        )
    if stopping:  # told so while there was nobody yet to pass it on to
        process.terminate()
    _await_ready(full, layout, lambda: stopping or process.poll() is not None)
    code = process.wait()
    if layout.ended.exists():
        _explain(layout)
        return 1
    if code in (0, -signal.SIGTERM):
        say("Stopped.")
        return 0
    end_leftovers(layout.data)
    last = supervisor.last_lines(said, 3)
    raise BoxError(f"supervisord ended with {code}, and everything else with it. {last}".rstrip())


def _await_ready(full: Settings, layout: Layout, is_over: Callable[[], bool]) -> None:
    """Show each part as it becomes ready, and the address to open when all are; return early when it `is_over`."""
    database_url, began = full.database_url.get_secret_value(), time.monotonic()
    steps: list[tuple[str, Callable[[], bool]]] = [
        ("database", lambda: postgres.answers(database_url)),
        ("object store", lambda: store.answers(full.s3_endpoint)),
        ("tables, bucket", layout.prepared.exists),
        ("worker", lambda: not health.worker_trouble(full)),
        ("web", lambda: not health.web_trouble(full)),
    ]
    said = began
    for name, is_ready in steps:
        while not is_ready():
            if is_over():
                return
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                say(f"  still waiting for: {name} (make logs shows what it says)")
            time.sleep(0.1)
        say(f"  {name:<16}ready after {time.monotonic() - began:4.1f} s")
    try:
        link = setup_link(full)
    except SQLAlchemyError:  # stopped or killed at this very moment; `make setup-url` is there for later
        link = None
    if link:
        say(f"Backline is ready. Make the first account here (the link works once): {link}")
    else:
        say(f"Backline is ready: {full.public_url}")


def _explain(layout: Layout) -> None:
    ended = json.loads(layout.ended.read_text())
    path = supervisor.log_of(layout, ended["program"])
    last = supervisor.last_lines(path, _LAST_WORDS)
    lines = "\n".join(f"    {line}" for line in last.splitlines()) or "    (nothing)"
    print(f"What {ended['program']} said last ({path}):\n{lines}", file=sys.stderr)  # noqa: T201
    print(f"Backline stopped, because of {ended['program']}: {ended['reason']}.", file=sys.stderr)  # noqa: T201
