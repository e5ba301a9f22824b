"""Who asks: dependencies for handlers."""

from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from sqlalchemy.orm import Session

from appliance.accounts import viewer_of
from appliance.errors import NotSignedIn
from appliance.tables import User
from web.cookies import login_token

ASKED_BY = "asked_by"


@dataclass(frozen=True, slots=True)
class Asker:
    """What an error page says of who asked, when the session that knows them is gone already."""

    name: str
    is_admin: bool


def provide_visitor(request: Request[Any, Any, Any], session: NamedDependency[Session]) -> User | None:
    """Return who is signed in, or None."""
    user = viewer_of(session, login_token(request))
    if user is not None:
        request.scope["state"][ASKED_BY] = Asker(user.name, user.is_admin)
    return user


def provide_viewer(visitor: NamedDependency[User | None]) -> User:
    """Return who is signed in. Raises NotSignedIn, which leads to the sign-in page."""
    if visitor is None:
        raise NotSignedIn
    return visitor
