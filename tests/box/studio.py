"""A studio of the tests' own: the real command line in a process of its own, on free ports, in a folder of its own."""

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import psutil

from appliance.box import lock, supervisor
from appliance.box.layout import BOX_MARK, PROJECT, Layout
from appliance.box.postgres import dies_with_parent
from appliance.box.store import clear_stale_sockets, free_store_port
from appliance.box.waiting import wait_until
from appliance.settings import Settings, load_settings
from tests.web.browser import PASSWORD, Browser

READY = "Backline is ready"
# What `run` takes instead of the web app or the worker, for the tests of programs that cannot start.
WITH_OTHER_PROGRAMS = """
import json, os, sys
from appliance.box.run import run
from appliance.settings import load_settings
sys.exit(run(load_settings(os.environ, None), **json.loads(sys.argv[1])))
"""


def free_port() -> int:
    """Return a port that nobody listens on: below those that connections get, and those of `free_store_port`."""
    while True:
        port = 5_000 + secrets.randbelow(7_000)
        with socket.socket() as door, contextlib.suppress(OSError):
            door.bind(("127.0.0.1", port))
            return port


class Studio:
    """One data folder and the settings that go with it; it may be started and ended many times."""

    def __init__(self, data: Path, python: str = sys.executable, user: int | None = None, **settings: str) -> None:
        self.data, self.python, self.user = data, python, user
        self.port = free_port()
        foreign = {name.upper() for name in Settings.model_fields}
        self.environment = {name: value for name, value in os.environ.items() if name not in foreign} | {
            "DATA_DIR": str(data),
            "WEB_PORT": str(self.port),
            "STORE_PORT": str(free_store_port()),
            "PYTHONPATH": str(PROJECT),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._said = data.with_name(data.name + ".said")

    @property
    def said(self) -> str:
        """Everything that the running, or last, start has printed."""
        return self._said.read_text()

    @property
    def layout(self) -> Layout:
        """Where the running studio keeps its things."""
        who = lock.holder(self.data / ".lock")
        assert who, self.said
        return Layout(self.data, Path(who.runtime))

    @property
    def settings(self) -> Settings:
        """The complete settings of the running studio, its addresses and keys among them."""
        return load_settings(json.loads(self.layout.settings.read_text()), None)

    @contextlib.contextmanager
    def browser(self, patience: float = 60) -> Iterator[Browser]:
        """Yield a browser that nobody is signed in with; it waits for an answer for so many seconds."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=patience) as client:
            yield Browser(client)  # type: ignore[arg-type]  # it needs no more of a client than this

    def set_up(self, browser: Browser, name: str = "Ada") -> None:
        """Make the first admin, and sign them in."""
        link = self.link()
        assert link, self.said
        browser.open(link)
        made = browser.send("/setup", {"token": link.partition("token=")[2], "name": name, "password": PASSWORD})
        assert made.status_code == 303, made.text

    def start(self, before: Sequence[str] = (), **instead: Sequence[str]) -> "Studio":
        """Start it, with `before` in front of the command line and other commands for `web` or `worker`."""
        command = [self.python, "-m", "appliance.box", "run"]
        if instead:
            command = [self.python, "-c", WITH_OTHER_PROGRAMS, json.dumps(instead)]
        with self._said.open("w") as output:
            self.process = subprocess.Popen(
                [*dies_with_parent("TERM"), *before, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.data.parent,
                env=self.environment,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )
        return self

    def until_ready(self, seconds: float = 60) -> "Studio":
        process = self.process
        assert process
        wait_until(lambda: READY in self.said or process.poll() is not None, seconds)
        assert READY in self.said, self.said
        return self

    def start_foundation(self, seconds: float = 90) -> "Studio":
        """Start it with idle programs in place of web and worker, and wait until database and store are made ready."""
        idle = [self.python, "-c", "import time; time.sleep(600)"]
        process = self.start(worker=idle, web=idle).process
        assert process
        assert wait_until(lambda: self._is_prepared() or process.poll() is not None, seconds), self.said
        assert self._is_prepared(), self.said
        return self

    def _is_prepared(self) -> bool:
        who = lock.holder(self.data / ".lock")
        return who is not None and (Path(who.runtime) / "prepared").exists()

    def until_over(self, seconds: float = 60) -> int:
        """Wait for the end of the start and return its exit code."""
        assert self.process
        return self.process.wait(timeout=seconds)

    def signal(self, number: int) -> "Studio":
        assert self.process
        self.process.send_signal(number)
        return self

    def stop(self) -> int:
        return self.signal(signal.SIGTERM).until_over()

    def ask(self, *arguments: str, said: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the admin's to its end."""
        return subprocess.run(
            [self.python, "-m", "appliance.box", *arguments],
            cwd=self.data.parent,
            env=self.environment | settings,
            input=said,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def programs(self) -> dict[str, int]:
        """The process id of each program that runs at the moment."""
        return {each.name: each.pid for each in supervisor.programs_now(self.layout) if each.state == "RUNNING"}

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this studio, whoever its parent is by now."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(BOX_MARK) == str(self.data)
                ours = ours or process.cwd().startswith(f"{self.data.resolve()}/")
                ours = ours and process.status() != psutil.STATUS_ZOMBIE
            except (psutil.Error, OSError):
                continue
            if ours:
                found.append(process)
        return found

    def kill(self) -> None:
        """Kill everything at once: a power failure, or as near as one can get."""
        if self.process:
            self.process.kill()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.until_over()
        assert wait_until(lambda: not self.processes(), 20), self.processes()

    def link(self) -> str | None:
        """The set-up link that the start has printed."""
        found = re.search(r"http://\S+/setup\?token=\S+", self.said)
        return found[0] if found else None

    def end(self) -> None:
        """Leave nothing behind, whatever a test did."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=60)
        if self.process:
            self.kill()
        clear_stale_sockets(int(self.environment["STORE_PORT"]))
