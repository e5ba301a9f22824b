"""Figures for Prometheus: for this machine, or for whoever has the token."""

import ipaddress
import secrets
from typing import Any

from litestar import Request, Response, get
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    generate_latest,
)

from appliance.errors import NotFound
from appliance.metrics import StudioCollector
from appliance.settings import settings
from web.counting import HTTP_METRICS


@get("/metrics", sync_to_thread=True)
def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Answer in Prometheus' text format. Whoever may not read it does not learn that it exists."""
    if not _may_read(request):
        raise NotFound
    registry = CollectorRegistry(auto_describe=False)
    for collector in (StudioCollector(settings()), PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR, *HTTP_METRICS):
        registry.register(collector)
    return Response(
        generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"}
    )


def _may_read(request: Request[Any, Any, Any]) -> bool:
    token = settings().metrics_token.get_secret_value()
    if token:
        return secrets.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    # A proxy on this machine speaks for people elsewhere, and says so.
    forwarded = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"))
    return not forwarded and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
