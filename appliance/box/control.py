"""What an admin asks of a running studio: stop, how are you, show the logs, a new set-up link."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psutil

from appliance.box import certificates, health, lock, supervisor
from appliance.box.alerts import alerts
from appliance.box.announce import READY, say, setup_link
from appliance.box.failure import BoxError
from appliance.box.layout import Layout, environment
from appliance.box.lock import Holder
from appliance.box.waiting import wait_until
from appliance.settings import Settings, load_settings

# LSB's exit code of `status` for a program that is not running.
NOT_RUNNING = 3
# The programs are given 15 s, and Postgres, which may have much to write, 30 more.
STOPS_WITHIN = 60.0  # seconds


def stop(wanted: Settings) -> int:
    """Stop the studio in order and wait until it is over; one that does not run is as good as stopped."""
    found = _find(wanted)
    if found is None:
        say(_not_running(wanted))
        return 0
    layout, who = found
    if who.is_alive():
        os.kill(who.pid, signal.SIGTERM)
    else:  # somebody killed `make run`, and its programs are left
        with contextlib.suppress(OSError):
            supervisor.shut_down(layout)
    if not wait_until(lambda: lock.holder(layout.lock) is None, STOPS_WITHIN):
        raise BoxError(f"The studio in {layout.data} does not stop. `make status` shows what still runs.")
    say("Stopped.")
    return 0


def status(wanted: Settings) -> int:
    """Print what runs and whether it is ready; returns 0 where all is well, 1 where something is not, 3 where nothing runs."""
    found = _find(wanted)
    if found is None:
        say(_not_running(wanted))
        return NOT_RUNNING
    layout, who = found
    say(f"{who.address}   process {who.pid}, since {who.since}, data in {layout.data}\n")
    say(f"{'program':<14}{'state':<11}{'process':>8}{'up':>18}{'memory':>10}")
    try:
        programs = supervisor.programs_now(layout)
        for each in programs:
            up = str(timedelta(seconds=each.seconds)) if each.pid else ""
            state = "done" if each.name == supervisor.PREPARE and not each.pid else each.state.lower()
            say(f"{each.name:<14}{state:<11}{each.pid or '':>8}{up:>18}{_memory(each.pid):>10}")
    except OSError:
        say("(supervisord does not answer: the studio is just starting, or ending)")
        return 1
    full = running_settings(layout)
    if full.tls == "lan" and full.tls_certificate:
        say(f"\ncertificate   {certificates.fingerprint(full.tls_certificate.with_name('ca.pem'))}")
    troubles = health.parts(full)
    if any(each.name == "web" for each in programs):  # a machine that only works has none
        troubles.append(health.Part("web", health.web_trouble(full)))
    say("\n" + "\n".join(f"{part.name:<14}{part.trouble or 'ready'}" for part in troubles))
    # What a part says of itself stands above already.
    named = {part.name.replace(" ", "_") for part in troubles if part.trouble}
    if others := [alert for alert in alerts(full) if alert.name not in named]:
        say("\n" + "\n".join(f"{alert.severity}: {alert.sentence}" for alert in others))
    return int(any(part.trouble for part in troubles))


def logs(wanted: Settings, program: str | None) -> int:
    """Become `tail`, on one program's log or on all; it follows them as long as the studio runs."""
    layout = Layout(_data(wanted), _data(wanted))
    known = {path.stem: path for path in sorted(layout.logs.glob("*.log"))}
    if program and program not in known:
        raise BoxError(f"There is no log of {program!r}. There are: {', '.join(known) or 'none yet'}.")
    if not known:
        raise BoxError(f"There are no logs in {layout.logs} yet.")
    files = [str(known[program])] if program else list(map(str, known.values()))
    who = lock.holder(layout.lock)
    follow = ["-F"] if who else []
    os.execvp("tail", ["tail", "-n", "200" if program else "20", *follow, "--", *files])  # noqa: S606


def setup_url(wanted: Settings) -> int:
    """Print a new one-time link for making the first admin."""
    link = setup_link(running_studio(wanted)[1])
    if link is None:
        raise BoxError("This studio has an admin already, who can sign in.")
    say(link)
    return 0


def up(wanted: Settings) -> int:
    """Start the studio in the background, show what it says, and return when it is ready, or has failed to be."""
    found = _find(wanted)
    if found is not None:
        say(f"The studio runs already: {found[1].address}")
        return 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance.box", "run"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=os.environ | {"DATA_DIR": str(_data(wanted))},
            start_new_session=True,  # it outlives this terminal
        )
        shown = 0
        while True:
            is_over = process.poll() is not None  # asked before the file is read, so that its last words are
            text = os.pread(said.fileno(), 1_000_000, shown).decode(errors="replace")
            sys.stdout.write(text)
            sys.stdout.flush()
            shown += len(text.encode())
            if READY in text:
                return 0
            if is_over:
                return process.returncode or 1
            time.sleep(0.2)


def shell(wanted: Settings) -> int:
    """Become a shell in the data folder, with the running studio's settings and programs at hand."""
    layout, full = running_studio(wanted)
    say(f"Inside the studio in {layout.data}. Its settings are in the environment; exit leaves it running.")
    os.chdir(layout.data)
    program = shutil.which("bash") or "/bin/sh"
    os.execve(program, [program], environment(full))  # noqa: S606


def running_studio(wanted: Settings) -> tuple[Layout, Settings]:
    """Return where the running studio is, and its complete settings. Raises BoxError where none runs."""
    found = _find(wanted)
    if found is None:
        raise BoxError(_not_running(wanted))
    return found[0], running_settings(found[0])


def _find(wanted: Settings) -> tuple[Layout, Holder] | None:
    data = _data(wanted)
    who = lock.holder(Layout(data, data).lock)
    return (Layout(data, Path(who.runtime)), who) if who else None


def _data(wanted: Settings) -> Path:
    return wanted.data_dir.expanduser().absolute()


def _not_running(wanted: Settings) -> str:
    return f"No studio is running in {_data(wanted)}. `make run` starts one."


def running_settings(layout: Layout) -> Settings:
    """Return the complete settings that the studio was started with, whatever `.env` says by now."""
    try:
        return load_settings(json.loads(layout.settings.read_text()), None)
    except FileNotFoundError:
        raise BoxError("The studio is just starting, or ending. Try again in a moment.") from None


def _memory(pid: int) -> str:
    """Return what a program and its children really take: what they share counts in parts (PSS)."""
    if not pid:
        return ""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return f"{sum(each.memory_full_info().pss for each in family) / 1e6:.0f} MB"
    except psutil.Error:
        return "?"
