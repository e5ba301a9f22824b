"""Polar's API: the few calls that a credit shop needs. The only module that imports `polar`.

Answers are read as plain JSON, not through the SDK's models: one unknown value in one order would make a whole page of
orders unreadable. Whatever goes wrong (no network, a captive portal's page, a limit, an answer of another form) becomes one of
our own failures with a sentence. Reads are tried again, a new checkout never is: Polar knows no idempotency keys.
"""

import email.utils
import json
import logging
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from polar.base import PolarRateLimitError, SyncClientBase, parse_response_json
from polar.webhooks import PolarWebhookError, validate_event

from appliance.errors import Conflict, NotFound, StudioError, Unavailable, said
from appliance.settings import settings

log = logging.getLogger(__name__)

API_VERSION = "2026-10"
SERVERS = {"production": "https://api.polar.sh", "sandbox": "https://sandbox-api.polar.sh"}
PAGE = 100  # the most that Polar gives at once
TRIES, FIRST_PAUSE = 3, 0.3
MAX_MESSAGE = 1024 * 1024  # bytes

_NOT_REACHED = said(
    "The payment service does not answer at the moment. Nothing was charged; try again in a few minutes."
)


class NotSigned(StudioError):
    """A message that claims to be Polar's and is not, or not any more."""

    status = 403


class _EveryType(frozenset[str]):
    """Kinds of messages are ours to sort, after the signature was checked."""

    def __contains__(self, _kind: object) -> bool:
        return True


@lru_cache
def _client() -> SyncClientBase:
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its info lines hold customers' ids
    wanted = settings()
    address = wanted.polar_base_url or SERVERS[wanted.polar_environment]
    client = SyncClientBase(address, API_VERSION, wanted.polar_access_token.get_secret_value(), timeout=5.0)
    return client.__enter__()  # the SDK wants that before the first call, and there is no close but the process's end


def _call(method: str, path: str, query: Mapping[str, Any] | None = None, body: object = None) -> Any:
    """Return the JSON of one call. Raises NotFound, Conflict (refused as it is) or Unavailable."""
    client = _client()
    for attempt in range(1, TRIES + 1):
        try:
            response = client.send_request(
                client.build_request(method, path, query_params=dict(query or {}), body=body)
            )
            _note_clock(response.headers.get("date"))
            return parse_response_json(response)
        except Exception as error:
            # The SDK lets bare JSON and value errors through as well: whatever it is, it is Polar's trouble, not the page's.
            status = getattr(error, "status_code", None)
            log.warning("Polar: %s %s: %s (%s)", method, path, type(error).__name__, status)
            if status == 404:
                raise NotFound from None
            if status in (401, 403):
                raise Unavailable(
                    "The payment service does not accept this studio's key. The admin can see why."
                ) from None
            if status is not None and 400 <= status < 500 and status != 429:
                raise Conflict("The payment service did not accept this. Please tell the admin.") from None
            if method != "GET" or attempt == TRIES or isinstance(error, (PolarRateLimitError, json.JSONDecodeError)):
                raise Unavailable(_NOT_REACHED) from None
            time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("The loop returns or raises.")


_clock_skew = 0.0


def clock_skew() -> float:
    """Return by how many seconds Polar's clock was ahead of ours at the last answer: over 300, its messages are refused."""
    return _clock_skew


def _note_clock(date: str | None) -> None:
    global _clock_skew  # noqa: PLW0603
    if date:
        try:
            _clock_skew = (email.utils.parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
        except ValueError:
            log.warning("Polar sent a date that is none.")


def _pages(path: str, **query: Any) -> Iterator[dict[str, Any]]:
    page = 1
    while True:
        answer = _call("GET", path, {**query, "limit": PAGE, "page": page})
        items = answer.get("items") if isinstance(answer, dict) else None
        if not isinstance(items, list):
            raise Unavailable(_NOT_REACHED)
        yield from (item for item in items if isinstance(item, dict))
        if page >= int((answer.get("pagination") or {}).get("max_page") or 0):
            return
        page += 1


def list_products() -> list[dict[str, Any]]:
    """Return everything that is for sale at Polar."""
    return list(_pages("/v1/products/", is_archived=False))


def create_checkout(
    product_id: str, user_id: str, success_url: str, return_url: str, address: str | None
) -> tuple[str, str]:
    """Return the id of a new checkout and the address of Polar's page for it. `{CHECKOUT_ID}` in `success_url` is Polar's."""
    body = {
        "products": [product_id],
        "external_customer_id": user_id,
        "success_url": success_url,
        "return_url": return_url,
        "allow_discount_codes": False,
        "customer_ip_address": address,
        "metadata": {"user_id": user_id},
    }
    answer = _call("POST", "/v1/checkouts/", body=body)
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str) or not isinstance(answer.get("url"), str):
        raise Unavailable(_NOT_REACHED)
    return answer["id"], answer["url"]


def get_checkout(checkout_id: str) -> str:
    """Return the state of a checkout: open, expired, confirmed (which is not paid), succeeded or failed."""
    answer = _call("GET", f"/v1/checkouts/{quote(checkout_id, safe='')}")
    return str(answer.get("status")) if isinstance(answer, dict) else "open"


def portal_url(user_id: str, return_url: str) -> str:
    """Return a one-hour address of Polar's page with the person's receipts. It is a secret: redirect, never log."""
    answer = _call("POST", "/v1/customer-sessions/", body={"external_customer_id": user_id, "return_url": return_url})
    if not isinstance(answer, dict) or not isinstance(answer.get("customer_portal_url"), str):
        raise Unavailable(_NOT_REACHED)
    return str(answer["customer_portal_url"])


def get_order(order_id: str) -> dict[str, Any]:
    """Return an order as it is now."""
    answer = _call("GET", f"/v1/orders/{quote(order_id, safe='')}")
    if not isinstance(answer, dict):
        raise Unavailable(_NOT_REACHED)
    return answer


def list_orders(checkout_id: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the orders of a checkout, or all of them; newest first."""
    return _pages("/v1/orders/", **({"checkout_id": checkout_id} if checkout_id else {}))


def read_message(body: bytes, headers: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Return a message's id and content when its signature is right and fresh; raises NotSigned.

    The text is decoded first: the SDK reports a body that is no UTF-8 like one that was signed and is unreadable.
    """
    try:
        text = body.decode()
        names = {name.lower(): value for name, value in headers.items()}
        # An empty secret, or one that is left over from a shop that has closed, verifies nothing.
        secret = settings().polar_webhook_secret.get_secret_value() if settings().billing == "polar" else ""
        content = validate_event(text, names, secret, _EveryType(), lambda data: data)
    except (UnicodeDecodeError, PolarWebhookError, ValueError):
        raise NotSigned("This message does not carry the payment service's signature.") from None
    return names["webhook-id"][:120], content
