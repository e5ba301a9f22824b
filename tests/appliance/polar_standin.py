"""A small stand-in for Polar's API: keeps products, checkouts and orders, injects faults, signs messages as Polar does.

Field names are those of Polar's API version 2026-10. It proves what we send and how we take what comes back; that Polar itself
accepts it is what `docs/polar-sandbox.md` is for.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Thing = dict[str, Any]


def _now(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


@dataclass
class Fault:
    """The next answer to a path that begins so is this one instead."""

    path: str
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class PolarStandIn:
    """The state of the stand-in. `address` is where it listens; `requests` what it was asked, newest last."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.address = ""
        self.products: dict[str, Thing] = {}
        self.checkouts: dict[str, Thing] = {}
        self.orders: dict[str, Thing] = {}
        self.messages: list[tuple[str, bytes]] = []
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.lock = threading.RLock()

    def add_product(self, name: str, cents: int, credits: int | None = None, archived: bool = False) -> str:
        """Put something up for sale and return its id."""
        product_id = str(uuid.uuid4())
        self.products[product_id] = {
            "id": product_id,
            "name": name,
            "is_archived": archived,
            "metadata": {"credits": credits} if credits else {},
            "prices": [{"amount_type": "fixed", "price_amount": cents, "price_currency": "usd"}],
        }
        return product_id

    def pay(self, checkout_id: str) -> Thing:
        """Be the buyer who pays on Polar's page: an order appears, messages about it are ready to be delivered."""
        with self.lock:
            checkout = self.checkouts[checkout_id]
            net = self.products[checkout["product_id"]]["prices"][0]["price_amount"]
            order = {
                "id": str(uuid.uuid4()),
                "created_at": _now(),
                "modified_at": _now(),
                "status": "paid",
                "paid": True,
                "net_amount": net,
                "applied_balance_amount": 0,
                "refunded_amount": 0,
                "currency": "usd",
                "billing_reason": "purchase",
                "product_id": checkout["product_id"],
                "checkout_id": checkout_id,
                "units": None,
                "customer": {"external_id": checkout["external_customer_id"], "email": "buyer@example.com"},
                "something_new": {"that": "nobody knows yet"},
            }
            self.orders[order["id"]] = order
            checkout["status"] = "succeeded"
            for kind in ("order.created", "order.updated", "order.paid"):
                self._tell(kind, order)
            return order

    def refund(self, order_id: str, cents: int) -> None:
        """Pay so much back; a negative amount is a refund that the bank took back, which Polar tells only as an update."""
        with self.lock:
            order = self.orders[order_id]
            order["refunded_amount"] += cents
            left = order["net_amount"] - order["refunded_amount"]
            order["status"] = "refunded" if left <= 0 else "partially_refunded" if order["refunded_amount"] else "paid"
            order["modified_at"] = _now()
            self._tell("order.updated", order)
            if cents > 0:
                self._tell("order.refunded", order)

    def _tell(self, kind: str, data: Thing) -> None:
        body = {"type": kind, "timestamp": _now(), "api_version": "2026-10", "data": data}
        self.messages.append((str(uuid.uuid4()), json.dumps(body, separators=(",", ":")).encode()))

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Thing) -> tuple[int, Any]:
        """Return the status and the JSON of one call."""
        if (method, path) == ("GET", "/v1/products/"):
            return 200, _page([each for each in self.products.values() if not each["is_archived"]], query)
        if (method, path) == ("POST", "/v1/checkouts/"):
            return self._open_checkout(body)
        if found := re.fullmatch("/v1/(checkouts|orders)/([^/]+)", path):
            things = self.checkouts if found[1] == "checkouts" else self.orders
            thing = things.get(unquote(found[2]))
            return (200, thing) if thing else (404, {"error": "ResourceNotFound"})
        if (method, path) == ("GET", "/v1/orders/"):
            wanted = query.get("checkout_id", [None])[0]
            orders = [each for each in self.orders.values() if wanted in (None, each["checkout_id"])]
            return 200, _page(sorted(orders, key=lambda each: str(each["created_at"]), reverse=True), query)
        if (method, path) == ("POST", "/v1/customer-sessions/"):
            if not any(
                each["customer"]["external_id"] == body["external_customer_id"] for each in self.orders.values()
            ):
                return 422, {"error": "RequestValidationError", "detail": []}
            return 201, {"customer_portal_url": f"{self.address}/portal?customer_session_token=test"}
        return 404, {"error": "ResourceNotFound"}

    def _open_checkout(self, body: Thing) -> tuple[int, Any]:
        product = self.products.get(body["products"][0])
        if product is None:
            return 422, {"error": "RequestValidationError", "detail": []}
        checkout_id = str(uuid.uuid4())
        self.checkouts[checkout_id] = {
            "id": checkout_id,
            "status": "open",
            "url": f"{self.address}/checkout/{checkout_id}",
            "success_url": body["success_url"].replace("{CHECKOUT_ID}", checkout_id),
            "product_id": product["id"],
            "external_customer_id": body["external_customer_id"],
        }
        return 201, self.checkouts[checkout_id]


def signed(
    secret: str, message_id: str, body: bytes, at: float | None = None, standard: bool = False
) -> dict[str, str]:
    """Return a message's headers. The key is the whole secret, or by the Standard Webhooks rule what its Base64 holds."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_")) if standard else secret.encode()
    mac = hmac.new(key, message_id.encode() + b"." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        "content-type": "application/json",
    }


def _page(items: list[Thing], query: dict[str, list[str]]) -> Thing:
    limit, page = int(query.get("limit", ["10"])[0]), int(query.get("page", ["1"])[0])
    pages = max(1, -(-len(items) // limit))
    return {
        "items": items[(page - 1) * limit : page * limit],
        "pagination": {"total_count": len(items), "max_page": pages},
    }


@contextmanager
def standing_in(token: str = "polar_oat_for_tests") -> Iterator[PolarStandIn]:
    """Run a stand-in on a free port of this machine."""
    polar = PolarStandIn(token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in {
                "content-type": "application/json",
                "content-length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _handle(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            with polar.lock:
                polar.requests.append((self.command, self.path))
                fault = next((each for each in polar.faults if parts.path.startswith(each.path)), None)
                if parts.path.startswith("/checkout/"):
                    return self._checkout_page(parts.path.removeprefix("/checkout/"))
                if fault:
                    polar.faults.remove(fault)
                    return self._reply(fault.status, fault.body, fault.headers)
                if self.headers.get("authorization") != f"Bearer {polar.token}":
                    return self._reply(401, b'{"error":"invalid_token"}', {})
                status, answer = polar.answer(
                    self.command, parts.path, parse_qs(parts.query), json.loads(raw) if raw else {}
                )
                return self._reply(status, json.dumps(answer).encode(), {})

        def _checkout_page(self, checkout_id: str) -> None:
            """Be Polar's hosted page: a button that pays and goes back to the studio."""
            if self.command == "POST":
                polar.pay(checkout_id)
                return self._reply(303, b"", {"location": polar.checkouts[checkout_id]["success_url"]})
            page = b"<!doctype html><title>Checkout</title><link rel=icon href=data:,><form method=post><button>Pay</button></form>"
            return self._reply(200, page, {"content-type": "text/html"})

        do_GET = do_POST = _handle

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    polar.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield polar
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
