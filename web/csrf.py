"""Cross-site request forgery: a request that changes something must come from a page that we gave to this very browser."""

import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import Request
from litestar.handlers import BaseRouteHandler

from appliance.errors import NotAllowed, said
from appliance.settings import settings
from web.cookies import Connection, login_token, visitor_token
from web.forms import read_form
from web.uploads import admit_file

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD, HEADER = "csrf_token", "x-csrftoken"
REFUSED = said(
    "This form was not sent from a page of this studio, or that page is too old. Go back, reload it and try again."
)


def csrf_token(bound_to: str) -> str:
    """Return the token for the forms of the browser whose login or visitor cookie holds `bound_to`."""
    key = settings().secret_key.get_secret_value().encode()
    return hmac.new(key, b"csrf:" + bound_to.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def bound_to(connection: Connection) -> str | None:
    """Return what this browser's forms are bound to: the part of its login token that stays, or its visitor cookie."""
    return (login_token(connection) or "").partition(".")[0] or visitor_token(connection)


def token_for(connection: Connection) -> str:
    """Return the token for forms that this browser gets as a piece of a page that it has."""
    return csrf_token(bound_to(connection) or "")


async def refuse_foreign_requests(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard of the whole app: raise NotAllowed for an unsafe request from another site, or without this browser's token.

    Both are asked for: browsers say where a request comes from (Sec-Fetch-Site over https, Origin everywhere), and the
    token holds where some program between leaves that out or forges it.
    """
    if handler.opt.get("signed_by_sender"):  # a program without cookies, whose message carries its own proof
        return
    if connection.scope["method"] in SAFE:  # type: ignore[typeddict-item]  # guards run for requests only
        return
    assert isinstance(connection, Request)
    if not _same_origin(connection) and not await _hides_its_origin(connection, handler):
        raise NotAllowed(REFUSED)
    if handler.opt.get("takes_files"):
        await admit_file(connection)
    cookie = bound_to(connection)
    sent = connection.headers.get(HEADER) or (await read_form(connection)).get(FIELD, "")
    if not cookie or not hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), csrf_token(cookie).encode()):
        raise NotAllowed(REFUSED)


async def _hides_its_origin(request: Request[Any, Any, Any], handler: BaseRouteHandler) -> bool:
    """Whether the form comes from a page with a secret in its address, for which browsers are told to hide it.

    Without https they then say `Origin: null`, as any page can. The secret, which is in the form as well, stands in for it.
    """
    field = handler.opt.get("secret_in_form")
    if not field or "sec-fetch-site" in request.headers or request.headers.get("origin") != "null":
        return False
    return bool((await read_form(request)).get(field))


def _same_origin(connection: Connection) -> bool:
    headers = connection.headers
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    # The host was checked before, so a page that names it is ours; PUBLIC_URL counts where a proxy renames the host.
    ours = {headers.get("host", ""), urlsplit(settings().public_url).netloc}
    return urlsplit(headers.get("origin") or headers.get("referer") or "").netloc in ours - {""}
