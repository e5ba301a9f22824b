"""Who asks through the API: a key in a header, its scope, and how often it may ask. Cookies count for nothing here."""

import threading
import time
from collections import OrderedDict
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope

from appliance.api_keys import find_key, read_key, require_scope
from appliance.database import transaction
from appliance.errors import InvalidInput, NotAllowed, StudioError
from appliance.second_factor import owes_second_factor
from appliance.settings import settings
from appliance.tables import ApiKey, User

Connection = ASGIConnection[Any, Any, Any, Any]
WINDOW = 60.0  # seconds
REMEMBERED = 10_000  # keys


class MissingKey(StudioError):
    """The request says nothing of who asks."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Send an API key: Authorization: Bearer bl_…, or Modal-Key and Modal-Secret.")


class TwoKeys(StudioError):
    """The request says two things of who asks."""

    def __init__(self) -> None:
        super().__init__("Send one API key, in one way.")


class TooManyRequests(StudioError):
    """This key has asked as often as it may in this minute."""

    status = 429

    def __init__(self) -> None:
        super().__init__("This key has asked too often in this minute. RateLimit-Reset says when it may again.")


class RateLimit:
    """Counts the requests of each key, minute by minute."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, key_id: str) -> tuple[int, int, int]:
        """Count a request; return how many are allowed a minute, how many are left (below 0: refused), and the seconds to the next."""
        now, allowed = time.monotonic(), settings().api_rate
        with self._lock:
            began, count = self._counts.pop(key_id, (now, 0))
            if now - began >= WINDOW:
                began, count = now, 0
            self._counts[key_id] = (began, count + 1)
            if len(self._counts) > REMEMBERED:
                self._counts.popitem(last=False)
        return allowed, allowed - count - 1, max(1, round(began + WINDOW - now))


async def require_key(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard of every API route: raise MissingKey, TwoKeys, WrongKey, TooManyRequests, or NotAllowed for what the key may not do."""
    await let_in(connection, handler, *halves(connection))


async def let_in(connection: Connection, handler: BaseRouteHandler, key_id: str, secret: str) -> None:
    """Let a request in under this key, as far as its scope and its rate go."""
    key = await sync_to_thread(_find, key_id, secret)
    connection.scope["user"], connection.scope["auth"] = key.user, key
    limit, left, reset = connection.app.state.rate_limit.count(key.id)
    connection.scope["state"]["rate"] = (limit, max(0, left), reset)
    if left < 0:
        raise TooManyRequests
    if scope := handler.opt.get("scope"):
        require_scope(key, scope)


def _find(key_id: str, secret: str) -> ApiKey:
    # A transaction of its own: that the key was used is kept whatever becomes of the request.
    with transaction() as session:
        key = find_key(session, key_id, secret)
        if owes_second_factor(session, key.user):
            raise NotAllowed(
                "Admins of this studio need a second factor. Set one up under Security; until then no key works."
            )
        return key


def halves(connection: Connection) -> tuple[str, str]:
    """Return the two halves of the key that a request came with: as a bearer token, or as the pair of headers that Modal has."""
    headers = connection.headers
    bearer, ids, secrets = (headers.getall(name, []) for name in ("authorization", "modal-key", "modal-secret"))
    if len(bearer) > 1 or len(ids) > 1 or len(secrets) > 1 or (bearer and (ids or secrets)):
        raise TwoKeys
    if bearer:
        kind, _, written = bearer[0].partition(" ")
        if kind.lower() != "bearer":
            raise MissingKey
        return read_key(written.strip())
    if not (ids and secrets):
        raise MissingKey
    return ids[0], secrets[0]


async def say_rate(message: Message, scope: Scope) -> None:
    """Write on every answer to a key how often it may ask (draft-ietf-httpapi-ratelimit-headers-07)."""
    if message["type"] != "http.response.start" or "rate" not in scope.get("state", {}):
        return
    limit, left, reset = scope["state"]["rate"]
    told = {"ratelimit-limit": limit, "ratelimit-remaining": left, "ratelimit-reset": reset}
    if message["status"] == TooManyRequests.status:
        told["retry-after"] = reset
    message["headers"] = [
        *message["headers"],
        *((name.encode(), str(value).encode()) for name, value in told.items()),
    ]


def provide_caller(request: Request[User, ApiKey, Any]) -> User:
    """Return whose key it is."""
    return request.user


async def refuse_odd_queries(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard: raise InvalidInput for a query that the route does not know, or that comes twice."""
    known = handler.opt.get("query", ())
    names = [name for name, _ in connection.query_params.multi_items()]
    if odd := sorted(set(names) - set(known)):
        raise InvalidInput(f"There is no {odd[0][:40]!r} to ask for here.")
    if len(names) != len(set(names)):
        raise InvalidInput("Ask for each thing once.")


async def refuse_options(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Guard: raise MethodNotAllowedException for OPTIONS, which nobody needs where no other site may ask.

    Litestar's own answer names the methods of one handler, where several share an address.
    """
    if connection.scope["method"] != "OPTIONS":  # type: ignore[typeddict-item]  # guards run for requests only
        return
    here = connection.scope["path_template"]
    methods = {method for route in connection.app.routes if route.path == here for method in route.methods}
    raise MethodNotAllowedException(headers={"allow": ", ".join(sorted(methods - {"OPTIONS"}))})
