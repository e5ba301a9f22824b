"""What forms send."""

from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from appliance.errors import InvalidInput, StudioError

MOST_FIELDS = 200


class UnsupportedForm(StudioError):
    """The body is no form that we read."""

    status = 415


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the fields of a form; of a name that comes twice, the last one counts. No body is no field.

    Litestar's own `request.form()` would keep the last thousand bodies in memory, passwords included.
    """
    kept: dict[str, str] | None = request.scope["state"].get("form")
    if kept is not None:
        return kept
    body = await request.body()
    kind, _ = request.content_type
    if body and kind != "application/x-www-form-urlencoded":
        raise UnsupportedForm("This page reads plain forms only.")
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidInput("This form arrived broken. Go back, reload the page and try again.") from None
    form = dict(fields)
    request.scope["state"]["form"] = form
    return form


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
