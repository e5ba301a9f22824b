"""What forms send."""

from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from multipart import MultipartError, MultipartParser

from appliance.errors import InvalidInput, StudioError

Connection = ASGIConnection[Any, Any, Any, Any]
MOST_FIELDS = 200
MOST_PARTS = 10  # of a form with files


class UnsupportedForm(StudioError):
    """The body is no form that we read."""

    status = 415


class UnreadableAddress(StudioError):
    """The address holds what no address of ours does."""


async def refuse_nul(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard of the whole app: raise UnreadableAddress for a NUL in an address, which no text of ours holds and Postgres refuses.

    The API reads its queries itself, and says of each what is wrong.
    """
    nul = "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]
    if nul and not handler.opt.get("by_key"):
        raise UnreadableAddress("The studio could not read this address.")


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the fields of a form; of a name that comes twice, the last one counts. No body is no field.

    Litestar's own `request.form()` would keep the last thousand bodies in memory, passwords included.
    """
    kept: dict[str, str] | None = request.scope["state"].get("form")
    if kept is not None:
        return kept
    body = await request.body()
    kind, options = request.content_type
    if kind == "multipart/form-data" and request.route_handler.opt.get("takes_files"):
        form = _parts(request, body, options.get("boundary", ""))
        request.scope["state"]["form"] = form
        return form
    if body and kind != "application/x-www-form-urlencoded":
        raise UnsupportedForm("This page reads plain forms only.")
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidInput("This form arrived broken. Go back, reload the page and try again.") from None
    form = dict(fields)
    request.scope["state"]["form"] = form
    return form


def _parts(request: Request[Any, Any, Any], body: bytes, boundary: str) -> dict[str, str]:
    form: dict[str, str] = {}
    files: dict[str, bytes] = {}
    try:
        for part in MultipartParser(BytesIO(body), boundary, part_limit=MOST_PARTS, memory_limit=len(body) + 1):
            if part.filename is None:
                form[part.name] = part.value
            else:
                files[part.name] = part.raw
    except (MultipartError, UnicodeError):
        raise InvalidInput("This form arrived broken. Go back, reload the page and try again.") from None
    request.scope["state"]["files"] = files
    return form


def files_of(request: Request[Any, Any, Any]) -> dict[str, bytes]:
    """Return the files that came with a form, by the names of their fields; for handlers that `takes_files`."""
    files: dict[str, bytes] = request.scope["state"].get("files", {})
    return files


def safe_path(wanted: str | None, otherwise: str = "/") -> str:
    """Return `wanted` if it is an address within this site, else `otherwise`: browsers follow it after signing in.

    What browsers would read as another site (`//there`, `/\\there`, `https:there`, control characters in between) is not.
    """
    if not wanted or len(wanted) > 500 or not wanted.startswith("/") or wanted[1:2] in ("/", "\\"):
        return otherwise
    decoded_slash = wanted[:4].lower() in ("/%2f", "/%5c")
    if decoded_slash or not wanted.isascii() or not wanted.isprintable() or " " in wanted or "\\" in wanted:
        return otherwise
    return wanted
