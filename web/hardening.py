"""What every answer says to the browser, and which host names the studio answers to."""

import ipaddress
import re
import secrets
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from appliance.languages import speak
from appliance.log import about
from appliance.settings import Settings
from appliance.storage import Storage
from web.languages import choose

YEAR = 365 * 24 * 3600  # seconds
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"


def content_policy(settings: Settings) -> str:
    """Return the Content-Security-Policy: nothing inline, nothing from elsewhere but the store where browsers reach it."""
    store = Storage(settings).public_origin if settings.s3_public_url else ""
    media = f"'self' {store}".rstrip()
    rules = {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": f"{media} data:",
        "media-src": media, "font-src": "'self'", "connect-src": "'self'", "object-src": "'none'", "base-uri": "'none'",
        "form-action": " ".join(["'self'", *payment_hosts(settings)]), "frame-ancestors": "'none'",
    }  # fmt: skip
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def payment_hosts(settings: Settings) -> list[str]:
    """Return where the checkout form may lead to: browsers follow a form's redirect only to hosts that the policy names."""
    if settings.billing != "polar":
        return []
    return ["https://polar.sh", "https://*.polar.sh", *([settings.polar_base_url] if settings.polar_base_url else [])]


def promises_https(settings: Settings) -> bool:
    """Tell whether browsers may be told to come by https alone for a year (HSTS, RFC 6797).

    Only under a real name with a certificate that others vouch for: a lost authority of one's own would lock everybody out,
    and addresses and local names belong to whatever network one is on.
    """
    public = urlsplit(settings.public_url)
    return public.scheme == "https" and settings.tls != "lan" and is_registrable(public.hostname or "")


def security_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of every answer, whatever it is."""
    return {
        "content-security-policy": content_policy(settings),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": PERMISSIONS,
        "x-frame-options": "DENY",
        **({"strict-transport-security": f"max-age={YEAR}"} if promises_https(settings) else {}),
    }


def is_registrable(name: str) -> bool:
    """Tell whether a host's name is one that only its owner can point anywhere: no address, no name of a local network."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name and not name.endswith((".local", ".localhost", ".internal", ".lan", ".home.arpa", "."))
    return False


@lru_cache(1024)
def is_own_host(host: str, public_url: str) -> bool:
    """Tell whether a Host header names this machine.

    A page elsewhere can point a name of its own here (DNS rebinding) and would then count as ours; so names are refused
    unless they are ours. Addresses, `localhost` and `.local` names cannot be pointed anywhere by a stranger.
    """
    try:
        parts = urlsplit(f"//{host}")
        name = (parts.hostname or "").rstrip(".")
        _ = parts.port
    except ValueError:
        return False
    if not name or parts.path or parts.query or parts.username is not None:
        return False
    if name in ("localhost", socket.gethostname().lower(), urlsplit(public_url).hostname):
        return True
    if name.endswith((".local", ".localhost")):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def harden(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Return `app` behind the check of its host, every answer carrying the headers and the id of its request."""
    headers = [(name.encode(), value.encode()) for name, value in security_headers(settings).items()]

    async def hardened(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        request_id = secrets.token_hex(6)
        scope["state"]["request_id"] = request_id
        speak(_language(scope))

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message["headers"]}
                own = [
                    *((name, value) for name, value in headers if name not in said),
                    (b"x-request-id", request_id.encode()),
                ]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not is_own_host(hosts[0].lower(), settings.public_url):
            await _refuse(send_hardened)
            return
        with about(http_request=request_id):
            await app(scope, receive, send_hardened)

    return hardened


def _language(scope: Scope) -> str:
    said = {
        name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"cookie", b"accept-language")
    }
    chosen = re.search(r"(?:^|;\s*)language=([a-z]+)", said.get(b"cookie", ""))
    return choose(chosen[1] if chosen else None, said.get(b"accept-language", ""))


async def _refuse(send: Send) -> None:
    body = b"This studio does not answer to that name. Open it by the address that it prints when it starts, or set PUBLIC_URL."
    await send(
        {
            "type": "http.response.start",
            "status": 400,
            "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
