"""What programs send: bodies and pages, read strictly."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Request

from appliance.errors import InvalidInput, StudioError

Asked = TypeVar("Asked")
MOST_ON_A_PAGE, USUAL_ON_A_PAGE = 100, 30
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_ON_A_PAGE)]
Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern="^[A-Za-z0-9_-]+$")]


class NotJson(StudioError):
    """The body is of a kind that is not read here."""

    status = 415


class Malformed(StudioError):
    """The body is not what this route reads."""

    status = 400


def read_json(request: Request[Any, Any, Any], body: bytes, kind: type[Asked]) -> Asked:
    """Return the body as a `kind`. Raises NotJson, or Malformed with what is wrong and where."""
    if request.content_type[0] != "application/json":
        raise NotJson("Send JSON, with Content-Type: application/json.")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"This body cannot be used: {error}.") from None


def read_page(request: Request[Any, Any, Any]) -> tuple[str | None, int]:
    """Return the cursor and the size of the page that a query asks for. Raises InvalidInput."""
    cursor, limit = request.query_params.get("cursor"), request.query_params.get("limit")
    try:
        size = msgspec.json.decode(limit, type=Limit) if limit is not None else USUAL_ON_A_PAGE
        cursor = None if cursor is None else msgspec.convert(cursor, Cursor)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeEncodeError):
        raise InvalidInput(
            f"A page has a limit from 1 to {MOST_ON_A_PAGE} and begins where the last one ended."
        ) from None
    return cursor, size


def cursor_of(moment: datetime, row_id: UUID) -> str:
    """Return the place behind a row, in a form that fits into an address."""
    since = moment - EPOCH
    microseconds = (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
    return base64.urlsafe_b64encode(microseconds.to_bytes(8) + row_id.bytes).decode().rstrip("=")


def place_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Return the moment and the id that a cursor stands for. Raises InvalidInput."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return EPOCH + timedelta(microseconds=int.from_bytes(raw[:8])), UUID(bytes=raw[8:])
    except (ValueError, OverflowError):
        raise InvalidInput("This cursor was not made here. Begin without one.") from None
