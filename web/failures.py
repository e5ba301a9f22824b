"""What is shown when something fails: a page to people, JSON to programs, the sign-in page to who is not signed in."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.middleware.compression import CompressionMiddleware
from litestar.response import Redirect, Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from appliance.errors import NotSignedIn, StudioError, said
from appliance.languages import translated
from web.api.problems import detail, problem
from web.forms import safe_path
from web.rendering import render
from web.viewers import ASKED_BY, ConfirmFirst, SecondFactorFirst, look_who_asks, page_of

log = logging.getLogger(__name__)

HEADINGS = {
    400: said("That cannot be read"), 401: said("Sign in first"), 403: said("Not allowed"), 404: said("Nothing here"), 405: said("Not like that"),
    409: said("Not now"), 410: said("This link is used up"), 413: said("Too much at once"), 415: said("That cannot be read"),
    422: said("That cannot be used"), 429: said("Too many tries"), 503: said("A part of the studio is asleep"), 507: said("The disk is almost full"),
}  # fmt: skip
# What Litestar itself refuses, in our words.
SENTENCES = {
    400: said("The studio could not read this request."),
    404: said("There is nothing here, or it is private."),
    405: said("This address does not do that."),
    413: said("This is larger than the studio takes."),
}
DATABASE_GONE = (OperationalError, PoolTimeout)
BUG = said("Something went wrong in the studio. Nothing of yours was changed.")

Failure = Response[Any]


def on_studio_error(request: Request[Any, Any, Any], error: StudioError) -> Failure:
    """Answer an expected failure with its status and its sentence."""
    # Whoever listens to a stream would take the way to the sign-in page for a stream that ends, and ask again at once.
    leads_on = request.method == "GET" and not wants_json(request) and not request.url.path.endswith("/events")
    if isinstance(error, NotSignedIn) and leads_on:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return _to_sign_in(request, here)
    if isinstance(error, ConfirmFirst | SecondFactorFirst) and not wants_json(request):
        after = quote(safe_path(page_of(request)), safe="/")
        target = f"/confirm?next={after}" if isinstance(error, ConfirmFirst) else "/settings/security"
        return Redirect(target, status_code=303, headers={"cache-control": "no-store"})
    return _show(request, error.status, error.message, error.fields)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Failure:
    """Answer what Litestar refused: no such address, no such method, a parameter that is none."""
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_bug(request, error)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) and ASKED_BY not in request.scope["state"]:
        return _Unfound(error, status_code=status)
    return _refusal(request, status, error)


class _Unfound(Response[HTTPException]):
    """What no handler answers, and so before anybody has looked who asks: that is looked up before the page is made.

    So an address below /admin that is none, and one that is hidden from who asks, show the very same page.
    """

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **how: Any) -> Any:
        """Return the ASGI app that looks, in a thread since the database is asked, and answers."""

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            page = (await asyncio.to_thread(self._page, request)).to_asgi_response(app, request, **how)
            config = request.app.compression_config
            assert config
            await CompressionMiddleware(page, config)(scope, receive, send)  # which is the routes', and this has none

        return answer

    def _page(self, request: Request[Any, Any, Any]) -> Failure:
        status = self.status_code or HTTPStatus.NOT_FOUND
        try:
            asker = look_who_asks(request)
        except DATABASE_GONE as error:
            return on_bug(request, error)
        if request.url.path.startswith("/admin") and not (asker and asker.is_admin):
            return _show(request, HTTPStatus.NOT_FOUND, SENTENCES[HTTPStatus.NOT_FOUND])
        return _refusal(request, status, self.content)


def _refusal(request: Request[Any, Any, Any], status: int, error: HTTPException) -> Failure:
    answer = _show(request, status, SENTENCES.get(status, HTTPStatus(status).phrase + "."))
    if allow := (error.headers or {}).get("allow"):
        answer.headers["allow"] = allow  # what the address does do (RFC 9110, 15.5.6)
    return answer


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Failure:
    """Log what nobody expected, with the id that the person can read to whoever looks for it."""
    if isinstance(error, DATABASE_GONE):
        log.warning("The database does not answer: %s", error)
        return _show(request, 503, said("The studio's database does not answer. Try again in a moment."))
    request_id = request.scope["state"].get("request_id", "")
    log.error("Request %s, %s %s", request_id, request.method, request.url.path, exc_info=error)
    return _show(request, 500, BUG, request_id=request_id)


def silence(request: Request[Any, Any, Any], part: str) -> Failure:
    """Answer in the place of a handler that waits for a part of the studio which says nothing."""
    log.warning("%s %s: the %s says nothing.", request.method, request.url.path, part)
    hope = "Try again in a moment."
    if request.method not in ("GET", "HEAD"):  # it may be on its way all the same
        hope = "Look again in a moment, before you send this again: it may have arrived."
    return _show(request, 503, f"The studio's {part} does not answer. {hope}")


def wants_json(request: Request[Any, Any, Any]) -> bool:
    """Tell whether a program asks."""
    accepted = request.headers.get("accept", "")
    return request.url.path.startswith(("/api/", "/health/")) or (
        "application/json" in accepted and "text/html" not in accepted
    )


def expects_detail(request: Request[Any, Any, Any]) -> bool:
    """Tell whether a program asks that knows another server's failures; its routes say so."""
    handler = request.scope.get("route_handler")
    return bool(handler is not None and handler.opt.get("failures_as_detail"))


def _to_sign_in(request: Request[Any, Any, Any], back_to: str) -> Failure:
    target = "/sign-in" if back_to == "/" else f"/sign-in?next={quote(back_to, safe='/')}"
    if request.headers.get("hx-request") == "true":
        # The frame of the page is for people who are signed in: htmx has to load a whole new page.
        return Response("", status_code=200, headers={"hx-redirect": target, "cache-control": "no-store"})
    return Redirect(target, status_code=303, headers={"cache-control": "no-store"})


def _show(
    request: Request[Any, Any, Any],
    status: int,
    message: str,
    fields: dict[str, str] | None = None,
    request_id: str = "",
) -> Failure:
    if request.url.path.startswith("/api/"):
        return problem(status, message, fields or {}, request_id or request.scope["state"].get("request_id", ""))
    if expects_detail(request):
        return detail(status, message)
    message = translated(message)
    if wants_json(request):
        told = {"message": message, "fields": fields or {}, "request_id": request_id}
        return Response(told, status_code=status, headers={"cache-control": "no-store"})
    heading = translated(HEADINGS.get(status, said("Something went wrong")))
    viewer = request.scope["state"].get(ASKED_BY)
    return render(
        request, "error.html", viewer=viewer, status=status, heading=heading, message=message, request_id=request_id
    )
