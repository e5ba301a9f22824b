"""The cookies: who is signed in, and before that, which browser a form was given to."""

import secrets
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.response import Response

from appliance.accounts import ABSOLUTE
from appliance.settings import settings

Connection = ASGIConnection[Any, Any, Any, Any]


def is_secure() -> bool:
    """Tell whether people reach the studio over https, by its PUBLIC_URL."""
    return settings().public_url.startswith("https://")


def _name(plain: str) -> str:
    # Browsers take a __Host- cookie from nobody but this very host, over https.
    return f"__Host-{plain}" if is_secure() else plain


def login_token(connection: Connection) -> str | None:
    """Return the token of the login session that this browser says it has."""
    return connection.cookies.get(_name("login"))


def visitor_token(connection: Connection) -> str | None:
    """Return the random value that this browser was given with its first form."""
    return connection.cookies.get(_name("visitor"))


def _cookie(name: str, value: str | None, max_age: int | None) -> Cookie:
    return Cookie(
        key=_name(name), value=value, max_age=max_age, path="/", httponly=True, secure=is_secure(), samesite="lax"
    )


def set_login(response: Response[Any], token: str) -> None:
    """Give the browser its login session. The token is always one that was just made, never one that it came with."""
    response.set_cookie(_cookie("login", token, int(ABSOLUTE.total_seconds())))
    response.set_cookie(_cookie("visitor", "", 0))


def forget_login(response: Response[Any]) -> None:
    """Take the login session away from the browser."""
    response.set_cookie(_cookie("login", "", 0))


def set_visitor(response: Response[Any], token: str) -> None:
    """Give the browser the value that the forms of this page are bound to; it ends with the browser."""
    response.set_cookie(_cookie("visitor", token, None))


def new_token() -> str:
    """Return a value that nobody can guess."""
    return secrets.token_urlsafe(32)
