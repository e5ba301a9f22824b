"""The faults, each done to a studio that is making songs: what is done, and what ends it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from appliance.box import postgres
from appliance.box.layout import environment
from appliance.box.supervisor import worker_command
from tests.box.studio import Studio
from tests.chaos.wire import Wire

PROGRAMS = ("postgres", "store", "worker", "web")
PAUSE = 6.0  # seconds that a fault lasts which does not end by itself


@dataclass(frozen=True, slots=True)
class Fault:
    """`done` is what is done, in words; `during` holds while it lasts, and what is in it is ended when it is left."""

    done: str
    during: Callable[[], AbstractContextManager[None]]
    lasts: float = PAUSE


def killed(studio: Studio, program: str) -> Fault:
    """Kill a program of the studio, which nobody but its own supervisor starts again."""

    @contextmanager
    def during() -> Iterator[None]:
        os.kill(studio.programs()[program], signal.SIGKILL)
        yield

    return Fault(f"{program} killed (-9)", during)


def paused(studio: Studio, program: str) -> Fault:
    """Stop a program and all its processes, as a machine does that has no memory left or is being copied, and let it go on."""

    @contextmanager
    def during() -> Iterator[None]:
        first = psutil.Process(studio.programs()[program])
        stopped = [first, *first.children(recursive=True)]
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):  # one that has ended since is not missed
                process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    return Fault(f"{program} paused (STOP) for {PAUSE:.0f} s", during)


def slow(wire: Wire, name: str, delay: float) -> Fault:
    """Have everything that a part is asked and answers take longer."""
    return Fault(f"{name} slow: {delay:g} s more for every block, for {PAUSE:.0f} s", lambda: wire.slow(delay))


def held(wire: Wire, name: str) -> Fault:
    """Let nothing through the network to a part, which nobody is told."""
    return Fault(f"network to {name} silent for {PAUSE:.0f} s", wire.held)


def cut(wire: Wire, name: str) -> Fault:
    """Cut the network to a part."""
    return Fault(f"network to {name} cut for {PAUSE:.0f} s", wire.cut)


def clock_jumps(studio: Studio, hours: int) -> Fault:
    """Have every lease be what it would be had the clock jumped; and kill its worker, so that somebody has to find out.

    The clock of the machine stays as it is, since it is everybody's: the moments in the database are shifted.
    """

    @contextmanager
    def during() -> Iterator[None]:
        pid = studio.programs()["worker"]
        os.kill(pid, signal.SIGSTOP)  # it would renew the lease
        with postgres.connect(studio.settings.database_url.get_secret_value()) as connection:
            connection.execute(
                "UPDATE song_requests SET lease_worker = 'another machine', lease_until = lease_until - %s * interval '1 hour'"
                " WHERE lease_until IS NOT NULL",
                [hours],
            )
        os.kill(pid, signal.SIGKILL)
        yield

    way = "forward" if hours > 0 else "back"
    return Fault(f"clock {abs(hours)} h {way} (leases shifted in the database), their worker gone for good", during)


def two_workers(studio: Studio) -> Fault:
    """Run a second worker on the same database, and kill it while it works."""

    @contextmanager
    def during() -> Iterator[None]:
        full = studio.settings
        with (studio.data / "logs" / "second-worker.log").open("a") as log:
            second = subprocess.Popen(
                worker_command(full, is_second=True), env=environment(full), stdout=log, stderr=log
            )
        try:
            yield
        finally:
            first = psutil.Process(second.pid)
            for process in (*first.children(recursive=True), first):
                process.kill()
            second.wait()

    return Fault("a second worker on the database, killed (-9) at work", during, lasts=15)


def disk_full(studio: Studio) -> Fault:
    """Fill the disk of the data folder to its last byte, and make room again."""

    @contextmanager
    def during() -> Iterator[None]:
        filler = studio.data / "filler"
        room = shutil.disk_usage(studio.data).free
        with filler.open("wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, room)
            except OSError:
                file.truncate(0)
        try:
            yield
        finally:
            filler.unlink()

    return Fault("disk full (a tmpfs filled to its last byte)", during)


def recovered(is_well: Callable[[], bool], patience: float) -> float | None:
    """Return after how many seconds all is well again, None where it is not in time."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if is_well():
            return time.monotonic() - began
        time.sleep(0.2)
    return None


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk in memory of this size; needs root, and raises CalledProcessError where even that is not enough."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "backline-disk", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
