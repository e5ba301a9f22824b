"""Ends the whole box when one of its programs cannot start, and a worker that hangs; keeps the certificate new; an event
listener of supervisord.

Without it supervisord would keep a dead studio "up" for ever. Usage: python -m appliance.box.guard PREPARED ENDED, with
complete settings in the environment.
"""

import hashlib
import json
import os
import signal
import ssl
import sys
import time
import xmlrpc.client
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from supervisor import childutils

from appliance.box import postgres
from appliance.box.failure import BoxError
from appliance.errors import SettingsError

RESTARTS = "restarts.json"  # beside PREPARED

# A program that ends by itself so often within so many seconds will not get better.
EXITS = 4
WITHIN = 60.0
# A worker speaks every five seconds.
HUNG_AFTER = timedelta(seconds=60)


def verdict(
    event: str, payload: dict[str, str], exits: dict[str, deque[float]], now: float, prepared: bool
) -> str | None:
    """Return why the box has to end after this event, or None. `exits` remembers when programs ended by themselves."""
    name = payload["processname"]
    if event == "PROCESS_STATE_FATAL":
        return "it ended right after each start"
    left_by_itself = payload["expected"] == "1"
    if name == "prepare":
        return None if prepared else "it could not make the database and the store ready"
    if not left_by_itself:
        return None
    times = exits[name]
    times.append(now)
    while times[0] < now - WITHIN:
        times.popleft()
    return f"it ended {len(times)} times within a minute" if len(times) >= EXITS else None


def end_hung_worker(database_url: str, pid: int, started: datetime, silence: timedelta = HUNG_AFTER) -> bool:
    """Kill the worker `pid` where it has spoken since it `started` but not for `silence`; it is then started anew.

    It speaks in a thread of its own every few seconds, however long a song takes; one that still loads its models has not
    spoken yet. A database that does not answer proves nothing. Returns whether it was killed.
    """
    try:
        with postgres.connect(database_url) as connection:
            row = connection.execute(
                "SELECT max(last_seen) > %s AND max(last_seen) < clock_timestamp() - %s::interval FROM workers",
                [started, silence],
            ).fetchone()
    except psycopg.Error:
        return False
    if not row or not row[0]:
        return False
    print(f"The worker has been silent for {silence.total_seconds():.0f} seconds and is started anew.", file=sys.stderr)  # noqa: T201
    os.kill(pid, signal.SIGKILL)
    return True


def renew_certificate(environ: Mapping[str, str]) -> bool:
    """Renew the studio's own certificate where it is due, and let the web app alone start anew with it; return whether it was.

    `environ` holds complete settings, and how supervisord is reached. A certificate that cannot be renewed is tried again.
    """
    if environ.get("TLS") != "lan":
        return False
    from appliance.box import certificates  # noqa: PLC0415 - ten megabytes that most studios can do without here
    from appliance.settings import load_settings  # noqa: PLC0415

    try:
        if not certificates.renew(load_settings(environ, None)):
            return False
        with childutils.getRPCInterface(environ) as supervisord:
            supervisord.supervisor.signalProcess("web", "TERM")
    except (OSError, ValueError, BoxError, SettingsError, xmlrpc.client.Error) as error:
        print(f"The certificate could not be renewed: {error}", file=sys.stderr)  # noqa: T201
        return False
    print("The certificate was renewed, and the web app starts anew with it.", file=sys.stderr)  # noqa: T201
    return True


def certificate_seen(environ: Mapping[str, str]) -> str:
    """Return what tells the admin's own certificate and key from others (SHA-256 of both); empty where there are none to read."""
    if environ.get("TLS") != "files":
        return ""
    try:
        return hashlib.sha256(b"".join(map(Path.read_bytes, _own_files(environ)))).hexdigest()
    except OSError:  # just being exchanged
        return ""


def take_up_certificate(environ: Mapping[str, str], shown: str) -> str:
    """Let the web app alone start anew where the admin's certificate is another than the `shown` one; return what is shown now.

    A certificate whose key has not come yet is looked at again a minute later, and the web app goes on with what it has.
    """
    found = certificate_seen(environ)
    if found in ("", shown):
        return shown
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*_own_files(environ))
        with childutils.getRPCInterface(environ) as supervisord:
            supervisord.supervisor.signalProcess("web", "TERM")
    except (OSError, ssl.SSLError, xmlrpc.client.Error) as error:
        print(f"The new certificate cannot be used yet: {error}", file=sys.stderr)  # noqa: T201
        return shown
    print("There is a new certificate, and the web app starts anew with it.", file=sys.stderr)  # noqa: T201
    return found


def keep_restarts(path: Path, restarts: Mapping[str, int]) -> None:
    """Write down how often each program came back, whole or not at all."""
    making = path.with_name(path.name + ".new")
    making.write_text(json.dumps(restarts))
    making.rename(path)


def _own_files(environ: Mapping[str, str]) -> tuple[Path, Path]:
    return Path(environ["TLS_CERTIFICATE"]), Path(environ["TLS_KEY"])


def _look_at_worker() -> None:
    """Ask supervisord for the worker, and end it where it hangs."""
    try:
        worker = childutils.getRPCInterface(os.environ).supervisor.getProcessInfo("worker")
    except (OSError, xmlrpc.client.Error):  # supervisord is ending
        return
    if worker["statename"] == "RUNNING":
        started = datetime.fromtimestamp(worker["start"], UTC)
        end_hung_worker(os.environ["DATABASE_URL"], worker["pid"], started)


def main() -> None:
    """Listen until something ends the box."""
    prepared, ended = (Path(argument) for argument in sys.argv[1:3])
    exits: dict[str, deque[float]] = defaultdict(deque)
    shown = certificate_seen(os.environ)
    restarts: Counter[str] = Counter()
    while True:
        headers, body = childutils.listener.wait(sys.stdin, sys.stdout)
        if headers["eventname"] == "TICK_60":
            _look_at_worker()
            renew_certificate(os.environ)
            shown = take_up_certificate(os.environ, shown)
            childutils.listener.ok(sys.stdout)
            continue
        payload = dict(childutils.get_headers(body))
        reason = verdict(headers["eventname"], payload, exits, time.monotonic(), prepared.exists())
        if not reason and headers["eventname"] == "PROCESS_STATE_EXITED" and payload["processname"] != "prepare":
            restarts[payload["processname"]] += 1
            keep_restarts(prepared.with_name(RESTARTS), restarts)
        if reason and not ended.exists():
            ended.write_text(json.dumps({"program": payload["processname"], "reason": reason}))
            os.kill(os.getppid(), signal.SIGTERM)
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main()
