"""How every program logs: one line an event, to standard error, which the box keeps in a file.

What a program is at (a request of a browser, a song) is said once, with `about`, and stands in every line of it.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from appliance.settings import settings

_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Let every line that is logged inside carry these ids; only ids, never what somebody typed."""
    token = _about.set((_about.get() or {}) | {name: str(value) for name, value in ids.items()})
    try:
        yield
    finally:
        _about.reset(token)


class JsonLines(logging.Formatter):
    """Writes an event as one JSON object: time, level, logger, message, the ids of `about`, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object on one line."""
        event: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_about.get() or {}),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


class OneLine(logging.Formatter):
    """Writes an event as one line, a traceback below it; what people typed cannot begin a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line without anything that would break it."""
        ids = "".join(f" {name}={value}" for name, value in (_about.get() or {}).items())
        return (super().formatMessage(record) + ids).replace("\r", "\\r").replace("\n", "\\n")


def set_up_logging() -> None:
    """Send this program's log to standard error, as talkative as LOG_LEVEL says."""
    handler = logging.StreamHandler(sys.stderr)
    as_text = OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if settings().log_format == "json" else as_text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level.upper())
    # These speak of every request and every poll at their own "info".
    for talkative in ("httpx", "urllib3", "alembic", "huey"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, root.level))
