"""A container of the tests' own: run as compose.yaml runs it, with a volume that outlives it."""

import json
import re
import subprocess
import time
from typing import Any
from uuid import uuid4

import httpx

from appliance.box.waiting import wait_until
from tests.box.studio import free_port
from tests.image.engine import IMAGE, call, engine

LIMITS = ("--read-only", "--tmpfs", "/tmp:rw,nosuid,nodev,size=256m,mode=1777", "--cap-drop", "ALL",
          "--security-opt", "no-new-privileges", "--pids-limit", "512", "--memory", "4g",
          "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=32768:32768")  # fmt: skip


class Container:
    """One volume, and the containers that are started on it one after the other.

    `arguments` are the engine's own; with `--network=host` it is on the machine's own network, and nothing is published.
    """

    def __init__(self, *arguments: str, **settings: str) -> None:
        self.arguments = arguments
        self.name = f"backline-test-{uuid4().hex[:8]}"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.settings = {"WEB_PORT": str(self.port), **settings}

    def create(self, *command: str) -> "Container":
        """Make the container (and the volume, where it is new) and start it."""
        given = [part for name, value in self.settings.items() for part in ("--env", f"{name}={value}")]
        place = [*self.arguments, "-v", f"{self.name}:/data"]
        if "--network=host" not in place:
            place += ["-p", f"127.0.0.1:{self.port}:{self.port}"]
        call(engine("run", "-d", "--name", self.name, *LIMITS, *place, *given, IMAGE, *command))
        return self

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of the admin's commands on the volume while no container is at work on it."""
        given = [part for name, value in self.settings.items() for part in ("--env", f"{name}={value}")]
        place = [*self.arguments, "-v", f"{self.name}:/data"]
        return subprocess.run(
            engine("run", "--rm", *LIMITS, *place, *given, IMAGE, *command), check=False, capture_output=True, text=True
        )

    def start(self) -> "Container":
        """Start the container that is there again."""
        call(engine("start", self.name))
        return self

    def until_ready(self, seconds: float = 120) -> float:
        """Wait until the web app says that the studio is ready, and return how many seconds that took."""
        began = time.monotonic()
        assert wait_until(lambda: self.status() == 200 or not self.runs(), seconds, every=0.2), self.logs()
        assert self.status() == 200, self.logs()
        return time.monotonic() - began

    def status(self) -> int:
        """Return the status of the readiness page, 0 where nobody answers."""
        try:
            return httpx.get(f"{self.address}/health/ready").status_code
        except httpx.HTTPError:
            return 0

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as the container's own user."""
        return subprocess.run(engine("exec", self.name, *command), check=False, capture_output=True, text=True)

    def stop(self) -> tuple[int, float]:
        """Stop it as Docker does, and return the exit code and how many seconds that took."""
        began = time.monotonic()
        call(engine("stop", "--time", "60", self.name))
        return self.exit_code(), time.monotonic() - began

    def kill(self) -> None:
        call(engine("kill", "--signal", "KILL", self.name))
        assert wait_until(lambda: not self.runs(), 20)

    def runs(self) -> bool:
        return bool(self._state()["Running"])

    def exit_code(self) -> int:
        return int(self._state()["ExitCode"])

    def logs(self) -> str:
        """Return everything that the container has written, of all its starts."""
        said = subprocess.run(
            engine("logs", self.name), check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return said.stdout

    def setup_path(self) -> str:
        found = re.findall(r"/setup\?token=\S+", self.logs())
        assert found, self.logs()
        return str(found[-1])

    def remove(self) -> None:
        for command in (("rm", "--force", self.name), ("volume", "rm", self.name)):
            subprocess.run(engine(*command), check=False, capture_output=True)

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(call(engine("inspect", self.name, "--format", "{{json .State}}")).stdout)
        return state
