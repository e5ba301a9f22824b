"""What the box tells the person at the terminal: each part as it becomes ready, the address to open, and why it ended."""

import json
import sys
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from appliance.accounts import setup_token
from appliance.box import health, postgres, store, supervisor
from appliance.box.layout import Layout
from appliance.database import build_engine
from appliance.settings import Settings

# How often to say what a slow start waits for.
SAY_EVERY = 30.0  # seconds
# How the last line of a start begins.
READY = "Backline is ready"
_LAST_WORDS = 20  # lines of a failed program's log


def say(line: str) -> None:
    """Tell the person at the terminal."""
    print(line, flush=True)  # noqa: T201 - this is the command line


def await_ready(full: Settings, layout: Layout, is_over: Callable[[], bool], only_worker: bool = False) -> None:
    """Show each part as it becomes ready, and the address to open when all are; return early when it `is_over`."""
    database_url, began = full.database_url.get_secret_value(), time.monotonic()
    steps: list[tuple[str, Callable[[], bool]]] = [
        ("database", lambda: postgres.answers(database_url)),
        ("object store", lambda: store.answers(full.s3_endpoint)),
        ("tables, bucket", layout.prepared.exists),
        ("worker", lambda: not health.worker_trouble(full)),
    ]
    if not only_worker:
        steps.append(("web", lambda: not health.web_trouble(full)))
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
    if only_worker:
        say("This worker is at its post.")
        return
    if full.tls == "lan":
        say(f"  Before browsers trust it: {full.public_url.rstrip('/')}/trust says how.")
    elif full.web_host not in ("127.0.0.1", "localhost", "::1") and full.public_url.startswith("http://"):
        say("  Over plain HTTP, others on the network can read along. TLS=lan, or a proxy in front, closes that.")
    try:
        link = setup_link(full)
    except SQLAlchemyError:  # stopped or killed at this very moment; `make setup-url` is there for later
        link = None
    if link:
        say(f"{READY}. Make the first account here (the link works once): {link}")
    else:
        say(f"{READY}: {full.public_url}")


def setup_link(full: Settings) -> str | None:
    """Return a new one-time link for making the first admin, or None where there is an admin."""
    engine = build_engine(full.database_url.get_secret_value())
    try:
        with Session(engine) as session, session.begin():
            token = setup_token(session)
    finally:
        engine.dispose()
    return f"{full.public_url.rstrip('/')}/setup?token={token}" if token else None


def explain(layout: Layout) -> int:
    """Say which program ended the studio, with its last words, and return the exit code; 0 where none did."""
    if not layout.ended.exists():
        return 0
    ended = json.loads(layout.ended.read_text())
    path = supervisor.log_of(layout, ended["program"])
    last = supervisor.last_lines(path, _LAST_WORDS)
    lines = "\n".join(f"    {line}" for line in last.splitlines()) or "    (nothing)"
    print(f"What {ended['program']} said last ({path}):\n{lines}", file=sys.stderr)  # noqa: T201
    print(f"Backline stopped, because of {ended['program']}: {ended['reason']}.", file=sys.stderr)  # noqa: T201
    return 1
