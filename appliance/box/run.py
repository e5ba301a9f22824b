"""Starting the studio, watching over it in the foreground, and stopping it: what `make run` does from its first line to its last."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from appliance.box import folder, lock, postgres, store, supervisor
from appliance.box.announce import await_ready, explain, say
from appliance.box.certificates import certificate_files
from appliance.box.failure import BoxError
from appliance.box.layout import Layout, as_variables, complete, environment, store_keys
from appliance.box.leftovers import end_leftovers
from appliance.box.major import older_clusters, refuse_newer, upgrade_cluster
from appliance.box.postgres import Runner, dies_with_parent
from appliance.box.preflight import check_ports
from appliance.box.versions import begin_upgrade
from appliance.settings import Settings


def run(
    wanted: Settings,
    web: list[str] | None = None,
    worker: list[str] | None = None,
    as_pid_one: bool = False,
    only_worker: bool = False,
) -> int:
    """Run the studio until it is told to stop, and return the exit code; `web` and `worker` replace those two commands.

    With `as_pid_one` this process becomes supervisord, as the first process of a container has to be the one that reaps
    the others; a herald then tells what this function otherwise tells. With `only_worker` it is a second machine of a
    studio whose database, store and secret key are all named in the settings. Raises BoxError where it cannot start.
    """
    if only_worker:
        _check_shared(wanted)
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
        full, runner, of_store = make_ready(wanted, layout)
        programs = supervisor.programs(full, layout.plain, runner, web, worker, only_worker)
        held = (lock_descriptor, runtime_descriptor)
        if as_pid_one:
            supervisor.write_config(layout.plain, [supervisor.herald(layout.plain, only_worker), *programs])
            _become_supervisord(layout, environment(full) | of_store, held)
        supervisor.write_config(layout.plain, programs)
        return _watch(full, layout, environment(full) | of_store, held, only_worker)
    except KeyboardInterrupt:
        say("Stopped.")
        return 0
    finally:
        folder.drop_runtime(runtime)


def _check_shared(wanted: Settings) -> None:
    """Raise BoxError unless the settings name everything that two machines of one studio have to share."""
    shared = {"DATABASE_URL": wanted.database_url, "SECRET_KEY": wanted.secret_key}
    missing = [name for name, value in shared.items() if not value.get_secret_value()]
    if wanted.object_store != "s3":
        missing.append("OBJECT_STORE=s3")
    if missing:
        raise BoxError.about_configuration(
            f"A worker on a machine of its own needs {', '.join(missing)} in its settings, the same as the studio's."
        )


def make_ready(wanted: Settings, layout: Layout) -> tuple[Settings, Runner | None, dict[str, str]]:
    """Do what comes before any program starts, first start or not: ports, secrets, folders, a Postgres cluster.

    Returns the complete settings, how Postgres is run (None where the database is somebody else's), and what the bundled
    store reads from its environment. Raises BoxError.
    """
    check_ports(wanted)
    secrets = folder.keep_identity(layout)
    full = complete(wanted, layout, secrets)
    if files := certificate_files(wanted, layout.plain.certificates):
        full = full.model_copy(update=dict(zip(("tls_certificate", "tls_key"), files, strict=True)))
    layout.logs.mkdir(mode=0o700, exist_ok=True)
    layout.settings.touch(mode=0o600)
    layout.settings.write_text(json.dumps(as_variables(full)))
    of_store: dict[str, str] = {}
    if full.object_store != "s3":
        keys = store_keys(wanted, secrets)
        of_store = store.environment(full.object_store, keys, full.s3_region)
        layout.objects(full.object_store).mkdir(mode=0o700, parents=True, exist_ok=True)
        store.write_identities(layout.runtime, keys)
        store.clear_stale_sockets(full.store_port)
    if wanted.database_url.get_secret_value():
        return full, None, of_store
    home = layout.cluster.parent
    home.mkdir(mode=0o700, exist_ok=True)
    runner = postgres.runner_for(home, create_account=True)
    refuse_newer(home)
    older = next(iter(older_clusters(home)), None)
    if older and not layout.cluster.exists():
        say(f"  The database goes from Postgres {older.name} to {postgres.MAJOR}; the one of before is kept.")
        begin_upgrade(layout.data, "", older.name)
        upgrade_cluster(older, layout.cluster, runner, secrets.superuser_password)
    elif not layout.cluster.exists():
        say("  First start: making the database.")
        runner.own(home)
        postgres.create_cluster(layout.cluster, runner, secrets.superuser_password, secrets.database_password)
    postgres.clear_stale_lock(layout.cluster)
    runner.own(layout.sockets)
    return full, runner, of_store


def _become_supervisord(layout: Layout, environ: dict[str, str], held: tuple[int, ...]) -> NoReturn:
    """Become supervisord, with the `held` locks; the folder of sockets is dropped by who we become."""
    for descriptor in held:
        os.set_inheritable(descriptor, True)
    os.chdir("/")
    command = [sys.executable, "-m", "appliance.box.pid_one", str(layout.data), str(layout.runtime)]
    os.execve(command[0], command, environ)  # noqa: S606


def _watch(full: Settings, layout: Layout, environ: dict[str, str], held: tuple[int, ...], only_worker: bool) -> int:
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
    command = [sys.executable, "-m", "appliance.box.attentive", "--configuration", str(layout.supervisor_config)]
    said = layout.runtime / "supervisord.said"
    with said.open("w") as output:
        process = subprocess.Popen(
            [*dies_with_parent("TERM"), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environ,
            start_new_session=True,  # Ctrl-C is for us to pass on, once
            pass_fds=held,
        )
    if stopping:  # told so while there was nobody yet to pass it on to
        process.terminate()
    await_ready(full, layout, lambda: stopping or process.poll() is not None, only_worker)
    code = process.wait()
    if explain(layout):
        return 1
    if code in (0, -signal.SIGTERM):
        say("Stopped.")
        return 0
    end_leftovers(layout.data)
    last = supervisor.last_lines(said, 3)
    raise BoxError(f"supervisord ended with {code}, and everything else with it. {last}".rstrip())
