"""How every program logs: one line an event, to standard error, which the box keeps in a file."""

import logging
import sys

from appliance.settings import settings


class OneLine(logging.Formatter):
    """Writes an event as one line, a traceback below it; what people typed cannot begin a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line without anything that would break it."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")


def set_up_logging() -> None:
    """Send this program's log to standard error, as talkative as LOG_LEVEL says."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level.upper())
    # These speak of every request and every poll at their own "info".
    for talkative in ("httpx", "urllib3", "alembic", "huey"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, root.level))
