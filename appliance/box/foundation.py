"""Runs only what a studio stands on, its database and its object store: for backup and restore while the studio is stopped."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from appliance.box import folder, lock, postgres, store, supervisor
from appliance.box.failure import BoxError
from appliance.box.layout import Layout, environment
from appliance.box.leftovers import end_leftovers
from appliance.box.postgres import dies_with_parent
from appliance.box.run import make_ready
from appliance.box.supervisor import Program
from appliance.box.waiting import wait_until
from appliance.settings import Settings
from appliance.storage import Storage

PATIENCE = 60.0  # seconds


@contextmanager
def foundation(wanted: Settings) -> Iterator[Settings]:
    """Yield the complete settings while database and store run, the bucket made, in a folder that no studio runs in.

    Raises BoxError where one does, or where either does not start.
    """
    data = folder.open_data_folder(wanted.data_dir)
    runtime, runtime_descriptor = folder.new_runtime()
    layout = Layout(data, runtime)
    with ExitStack() as stack:
        stack.callback(folder.drop_runtime, runtime)
        stack.callback(os.close, runtime_descriptor)
        layout.plain.data.symlink_to(data)
        descriptor, before = lock.take(layout.lock, lock.myself(runtime, wanted.public_url))
        stack.callback(os.close, descriptor)
        if before:
            end_leftovers(data)
            folder.drop_runtime(Path(before.runtime))
        full, runner, of_store = make_ready(wanted, layout)
        for program in supervisor.programs(full, layout.plain, runner):
            if program.name in ("postgres", "store"):
                stack.enter_context(_running(program, environment(full) | of_store, layout))
        _await(full)
        yield full


@contextmanager
def _running(program: Program, environ: dict[str, str], layout: Layout) -> Iterator[None]:
    with supervisor.log_of(layout, program.name).open("a") as log:
        process = subprocess.Popen(
            [*dies_with_parent(program.stop_signal), *program.command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=layout.plain.data if not program.user else "/",
            env=environ | dict(program.environment),
            user=program.user,
            extra_groups=[] if program.user else None,
            start_new_session=True,  # Ctrl-C is for us; they end when we are done with them
        )
        try:
            yield
        finally:
            process.send_signal(getattr(signal, f"SIG{program.stop_signal}"))
            try:
                process.wait(timeout=program.stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(full: Settings) -> None:
    database_url = full.database_url.get_secret_value()
    if not wait_until(lambda: postgres.answers(database_url), PATIENCE):
        raise BoxError("The database does not start; logs/postgres.log says why.")
    if not wait_until(lambda: store.answers(full.s3_endpoint), PATIENCE):
        raise BoxError("The object store does not start; logs/store.log says why.")
    Storage(full).ensure_bucket()
