"""The cookies: who is signed in, which browser a form was given to, who still owes a code, and which browser was here before."""

import secrets
from datetime import timedelta
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.response import Response
from litestar.types import Message, Scope

from appliance.accounts import ABSOLUTE
from appliance.challenges import LIVES
from appliance.second_factor import HALF_WAY_LIVES
from appliance.settings import settings

Connection = ASGIConnection[Any, Any, Any, Any]
_NEW_LOGIN = "new_login"
_DEVICE_LIVES = 365 * 24 * 3600  # seconds


def is_secure() -> bool:
    """Tell whether people reach the studio over https, by its PUBLIC_URL."""
    return settings().public_url.startswith("https://")


def _name(plain: str) -> str:
    # Browsers take a __Host- cookie from nobody but this very host, over https.
    return f"__Host-{plain}" if is_secure() else plain


def login_token(connection: Connection) -> str | None:
    """Return the token of the login session that this browser says it has, or the one that has just replaced it."""
    renewed: str | None = connection.scope["state"].get(_NEW_LOGIN)
    return renewed or connection.cookies.get(_name("login"))


def visitor_token(connection: Connection) -> str | None:
    """Return the random value that this browser was given with its first form."""
    return connection.cookies.get(_name("visitor"))


def device_value(connection: Connection) -> str | None:
    """Return what a browser was given when somebody signed in with it before."""
    return connection.cookies.get(_name("device"))


def half_way_value(connection: Connection) -> str | None:
    """Return what a browser was given when somebody typed the right password and owes a code."""
    return connection.cookies.get(_name("half-way"))


def journey_value(connection: Connection) -> str | None:
    """Return what this browser was given when it was sent to another service to sign in."""
    return connection.cookies.get(_name("journey"))


def _cookie(name: str, value: str | None, max_age: int | None) -> Cookie:
    return Cookie(
        key=_name(name), value=value, max_age=max_age, path="/", httponly=True, secure=is_secure(), samesite="lax"
    )


def _login_cookie(token: str) -> Cookie:
    return _cookie("login", token, int(ABSOLUTE.total_seconds()))


def set_login(response: Response[Any], token: str) -> None:
    """Give the browser its login session. The token is always one that was just made, never one that it came with."""
    response.set_cookie(_login_cookie(token))
    response.set_cookie(_cookie("visitor", "", 0))


def set_choice(response: Response[Any], name: str, value: str) -> None:
    """Have the browser remember what somebody chose for its pages (`language`, `theme`); empty: nothing."""
    age = int(timedelta(days=365).total_seconds()) if value else 0
    response.set_cookie(Cookie(key=name, value=value, max_age=age, path="/", secure=is_secure(), samesite="lax"))


def forget_login(response: Response[Any]) -> None:
    """Take the login session away from the browser."""
    response.set_cookie(_cookie("login", "", 0))


def renew_login(connection: Connection, token: str) -> None:
    """Have the answer to this request, whatever it is, give the browser a new token."""
    connection.scope["state"][_NEW_LOGIN] = token


async def send_renewed_login(message: Message, scope: Scope) -> None:
    """Add the new token to an answer that does not set or end a login session itself."""
    token = scope.get("state", {}).get(_NEW_LOGIN)
    if token is None or message["type"] != "http.response.start":
        return
    own = f"{_name('login')}=".encode()
    headers = list(message["headers"])
    if not any(name == b"set-cookie" and value.startswith(own) for name, value in headers):
        cookie = _login_cookie(token).to_header(header="").encode()
        message["headers"] = [*headers, (b"set-cookie", cookie)]


def set_device(response: Response[Any], value: str) -> None:
    """Have the browser remembered as one that somebody signed in with."""
    response.set_cookie(_cookie("device", value, _DEVICE_LIVES))


def set_half_way(response: Response[Any], value: str | None) -> None:
    """Note that a code is owed, or with None that it is not any more."""
    response.set_cookie(_cookie("half-way", value or "", HALF_WAY_LIVES if value else 0))


def set_journey(response: Response[Any], value: str | None) -> None:
    """Note what somebody went to another service for, or with None that they are back."""
    response.set_cookie(_cookie("journey", value or "", LIVES if value else 0))


def set_visitor(response: Response[Any], token: str) -> None:
    """Give the browser the value that the forms of this page are bound to; it ends with the browser."""
    response.set_cookie(_cookie("visitor", token, None))


def new_token() -> str:
    """Return a value that nobody can guess."""
    return secrets.token_urlsafe(32)
