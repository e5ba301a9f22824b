"""Counts requests by route, method and status, and how long their first byte took; the route is the pattern, not the path."""

import logging
import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

log = logging.getLogger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)  # seconds
_LABELS = ("method", "route", "status")

REQUESTS = Counter("backline_http_requests", "Answered requests.", _LABELS, registry=None)
SECONDS = Histogram(
    "backline_http_first_byte_seconds", "Until an answer began.", ("method", "route"), buckets=BUCKETS, registry=None
)
HTTP_METRICS = (REQUESTS, SECONDS)


def count_requests(app: ASGIApp) -> ASGIApp:
    """Return `app` with every answer counted."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Litestar writes the pattern into the scope when it has found the handler; what has none was refused before.
                route = scope.get("path_template") or "none"
                method = str(scope["method"]) if route != "none" else "any"
                REQUESTS.labels(method, route, str(message["status"])).inc()
                seconds = time.perf_counter() - began
                SECONDS.labels(method, route).observe(seconds)
                log.debug("%s %s %s after %.0f ms", method, route, message["status"], 1000 * seconds)
            await send(message)

        await app(scope, receive, send_counted)

    return counted
