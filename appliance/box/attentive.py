"""supervisord as the studio runs it: it looks after its programs ten times a second.

By itself it looks once a second, so each of five programs that stop one after the other takes a second or two, and the first
of them starts a second late. Usage: python -m appliance.box.attentive --configuration FILE.
"""

import sys

from supervisor import supervisord
from supervisor.options import ServerOptions
from supervisor.poller import Poller

LOOKS_EVERY = 0.1  # seconds


class AttentivePoller(Poller):  # type: ignore[misc]  # supervisor has no types
    """Waits for what programs say as supervisor's own does, but never for long."""

    def poll(self, timeout: float) -> tuple[list[int], list[int]]:
        """Return the descriptors that can be read and written, after LOOKS_EVERY at the latest."""
        readable, writable = super().poll(min(timeout, LOOKS_EVERY))
        return readable, writable


def supervise(arguments: list[str]) -> None:
    """Run supervisord in this process until it has stopped every program."""
    options = ServerOptions()
    options.realize(arguments, doc=supervisord.__doc__)
    options.first, options.test = True, False
    options.poller = AttentivePoller(options)
    supervisord.go(options)
    options.close_httpservers()
    options.close_logger()


if __name__ == "__main__":
    supervise(sys.argv[1:])
