"""What supervisord runs: the programs, its configuration, and how to ask it about them."""

import contextlib
import json
import shlex
import sys
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import SupervisorTransport

from appliance.box import postgres, store
from appliance.box.account import is_root
from appliance.box.guard import RESTARTS
from appliance.box.layout import Layout
from appliance.box.postgres import Runner, dies_with_parent
from appliance.settings import Settings

PREPARE, GUARD = "prepare", "guard"
# In the order in which they start; they stop in the opposite one.
NAMES = ("postgres", "store", PREPARE, "worker", "web")

# Web app and worker hold 20 connections each at most, Huey's threads and listeners some more; the rest is for commands.
# 256 MB hold every index that a page needs many times over.
_POSTGRES_LIMITS = {"max_connections": "100", "shared_buffers": "256MB"}

# supervisord calls an exit "expected" when its code is in this list. A program that was killed has no code, so this tells
# one that gave up by itself (and would again) from one that somebody shot (and that comes back).
_EVERY_EXIT_CODE = ",".join(map(str, range(256)))


@dataclass(frozen=True)
class Program:
    """One line of the table of programs. Lower `priority` starts earlier and stops later; times are in seconds."""

    name: str
    command: list[str]
    priority: int
    stop_signal: str = "TERM"
    stop_seconds: int = 5
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    once: bool = False
    to_terminal: bool = False

    def section(self, layout: Layout) -> str:
        """Return the program's section of the configuration."""
        values = {
            "command": shlex.join([*dies_with_parent(self.stop_signal), *self.command]),
            "directory": str(layout.data),
            "priority": str(self.priority),
            "stopsignal": self.stop_signal,
            "stopwaitsecs": str(self.stop_seconds),
            "startsecs": "0" if self.once else "1",
            "startretries": "3",
            "autorestart": "false" if self.once else "true",
            "exitcodes": _EVERY_EXIT_CODE,
            "stdout_logfile": "/dev/stdout" if self.to_terminal else str(log_of(layout, self.name)),
            "stdout_logfile_maxbytes": "0" if self.to_terminal else "20MB",
            "stdout_logfile_backups": "5",
            "redirect_stderr": "true",
            "environment": ",".join(f'{name}="{value}"' for name, value in self.environment.items()),
        }
        if self.user:
            values["user"] = self.user
        return _section(f"program:{self.name}", values)


def programs(
    settings: Settings,
    layout: Layout,
    runner: Runner | None,
    web: list[str] | None = None,
    worker: list[str] | None = None,
    only_worker: bool = False,
) -> list[Program]:
    """Return the programs of the box for complete `settings`, in the order in which they start.

    `runner` is None where the database is somebody else's; `web` and `worker` replace those two commands. A second machine
    of a studio runs the worker only, and waits for the first to make the tables.
    Stopping takes the sum of what each needs: 15 s at the very most before Postgres, which is never cut short.
    """
    python = sys.executable
    found = []
    if runner:
        limits = [part for name, value in _POSTGRES_LIMITS.items() for part in ("-c", f"{name}={value}")]
        found.append(
            Program(
                "postgres",
                [*postgres.server_command(layout.cluster, layout.sockets, runner), *limits],
                priority=10,
                stop_signal="INT",
                stop_seconds=30,
                environment=postgres.ENVIRONMENT,
                user=runner.account.name if runner.account else None,
            )
        )
    if settings.object_store != "s3":
        objects, port = layout.objects(settings.object_store), settings.store_port
        seaweedfs = settings.object_store == "seaweedfs"
        command = (
            store.seaweedfs_command(objects, layout.runtime, port) if seaweedfs else store.minio_command(objects, port)
        )
        found.append(Program("store", command, priority=20, stop_seconds=4))
    prepare = [python, "-m", "appliance.box.prepare", str(layout.prepared), *(["--join"] if only_worker else [])]
    gate = [python, "-m", "appliance.box.gate", str(layout.prepared)]
    listen = ["--listen", settings.web_host, str(settings.web_port), *_certificate(settings)]
    found += [
        Program(PREPARE, prepare, priority=25, stop_seconds=2, once=True),
        Program(
            "worker", [*gate, "--", *(worker or worker_command(settings, only_worker))], priority=30, stop_seconds=5
        ),
    ]
    if not only_worker:
        found.append(
            Program(
                "web", [*gate, "--as-web", *listen, "--", *(web or web_command(settings))], priority=40, stop_seconds=4
            )
        )
    return found


def herald(layout: Layout, only_worker: bool = False) -> Program:
    """Return the program that shows a container's output; the first to start and the last to stop."""
    command = [sys.executable, "-m", "appliance.box.herald", str(layout.data), str(layout.runtime)]
    command += ["--only-worker"] if only_worker else []
    return Program("herald", command, priority=1, stop_seconds=1, to_terminal=True)


def web_command(settings: Settings) -> list[str]:
    """Return the command line of the web app: one process, since it waits more than it computes. It is handed its socket."""
    app = [sys.executable, "-m", "uvicorn", "web.app:create_app", "--factory", "--no-access-log", "--no-server-header"]
    tls = [
        part for pair in zip(("--ssl-certfile", "--ssl-keyfile"), _certificate(settings), strict=False) for part in pair
    ]
    # An open event stream never ends by itself, so a stop may not wait for it.
    return [*app, *tls, "--forwarded-allow-ips", settings.trusted_proxies, "--timeout-graceful-shutdown", "2"]


def _certificate(settings: Settings) -> list[str]:
    """Return the files of the certificate and its key, where the web app encrypts."""
    return [] if settings.tls == "off" else [str(settings.tls_certificate), str(settings.tls_key)]


def worker_command(settings: Settings, is_second: bool = False) -> list[str]:
    """Return the command line of the worker: a thread for each request that may be worked on at once, and one for the rest.

    TERM lets it put its songs back into the queue; Huey's default would lose them. The periodic tasks are the first
    machine's.
    """
    huey = [sys.executable, "-m", "huey.bin.huey_consumer", "worker.consumer.huey"]
    threads = f"--workers={settings.requests_in_flight + 1}"
    options = ["--worker-type=thread", threads, "--graceful-signal=TERM", "--shutdown-timeout=3"]
    return [*huey, *options, *(["--no-periodic"] if is_second else [])]


def write_config(layout: Layout, wanted: Iterable[Program]) -> None:
    """Write supervisord's configuration. There is no secret in it: those travel in the environment."""
    guard = [sys.executable, "-m", "appliance.box.guard", str(layout.prepared), str(layout.ended)]
    itself = {
        "nodaemon": "true",
        "silent": "true",
        "pidfile": str(layout.runtime / "supervisord.pid"),
        "logfile": str(layout.logs / "supervisord.log"),
        "logfile_maxbytes": "20MB",
        "logfile_backups": "5",
        "childlogdir": str(layout.logs),
    }
    if is_root():
        itself["user"] = "root"
    sections = [
        _section("supervisord", itself),
        _section("unix_http_server", {"file": str(layout.supervisor_socket), "chmod": "0700"}),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        _section(
            f"eventlistener:{GUARD}",
            {
                "command": shlex.join([*dies_with_parent("TERM"), *guard]),
                "events": "PROCESS_STATE_FATAL,PROCESS_STATE_EXITED,TICK_60",
                "directory": str(layout.data),
                "stdout_logfile": "NONE",  # it speaks to supervisord there
                "stderr_logfile": str(log_of(layout, GUARD)),
                "stderr_logfile_maxbytes": "1MB",
                "stderr_logfile_backups": "1",
            },
        ),
        *(program.section(layout) for program in wanted),
    ]
    layout.supervisor_config.touch(mode=0o600)
    layout.supervisor_config.write_text("\n".join(sections))


@dataclass(frozen=True)
class Running:
    """A program as supervisord sees it: its state in supervisord's words, process id (0: none) and seconds since its start."""

    name: str
    state: str
    pid: int
    seconds: int


def programs_now(layout: Layout) -> list[Running]:
    """Ask supervisord for all programs but the guard. Raises OSError where nobody answers."""
    with _server(layout) as server:
        known = cast("list[dict[str, Any]]", server.supervisor.getAllProcessInfo())
    found = {each["name"]: each for each in known}
    return [
        Running(name, found[name]["statename"], found[name]["pid"], max(0, found[name]["now"] - found[name]["start"]))
        for name in NAMES
        if name in found
    ]


def restarts(layout: Layout) -> dict[str, int]:
    """Return how often each program came back after it had ended, since the start, as the guard counts it."""
    counted: dict[str, int] = dict.fromkeys((name for name in NAMES if name != PREPARE), 0)
    with contextlib.suppress(OSError, ValueError):
        counted |= json.loads(layout.prepared.with_name(RESTARTS).read_text())
    return counted


def shut_down(layout: Layout) -> None:
    """Tell supervisord to stop everything in order and end. Raises OSError where nobody answers."""
    with _server(layout) as server:
        server.supervisor.shutdown()


def _server(layout: Layout) -> xmlrpc.client.ServerProxy:
    transport = SupervisorTransport(None, None, f"unix://{layout.supervisor_socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)


def log_of(layout: Layout, program: str) -> Path:
    """Return the file that a program's output goes to."""
    return layout.logs / f"{program}.log"


def last_lines(path: Path, count: int) -> str:
    """Return the last lines of a log, without reading all of it; nothing where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 400 * count))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def _section(name: str, values: Mapping[str, str]) -> str:
    lines = [f"{key}={value.replace('%', '%%')}" for key, value in values.items() if value]
    return "\n".join([f"[{name}]", *lines, ""])
