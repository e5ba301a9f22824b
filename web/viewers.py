"""Who asks: dependencies for handlers."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.di import NamedDependency
from sqlalchemy.orm import Session

from appliance.accounts import login_session_of
from appliance.audit import LOGIN, session_label
from appliance.database import transaction
from appliance.errors import NotAllowed, NotFound, NotSignedIn
from appliance.login_sessions import is_confirmed, is_due, replace_token
from appliance.second_factor import owes_second_factor
from appliance.tables import User
from web.cookies import login_token, renew_login

ASKED_BY = "asked_by"


@dataclass(frozen=True, slots=True)
class Asker:
    """What an error page says of who asked, when the session that knows them is gone already."""

    name: str
    is_admin: bool


class ConfirmFirst(NotAllowed):
    """The person has to give their password once more."""

    def __init__(self) -> None:
        super().__init__("Give your password once more for this.")


class SecondFactorFirst(NotAllowed):
    """An admin has to set up the second factor that the studio asks of admins."""

    def __init__(self) -> None:
        super().__init__(
            "Admins of this studio sign in with an authenticator app or a passkey as well. Set one up first."
        )


def provide_visitor(request: Request[Any, Any, Any], session: NamedDependency[Session]) -> User | None:
    """Return who is signed in, or None. Raises SecondFactorFirst for an admin who has none where the studio asks for it."""
    token = login_token(request)
    login = login_session_of(session, token)
    if login is None or token is None:
        return None
    if is_due(login):
        with transaction() as own:  # which stays whatever becomes of the request, as the cookie does
            renewed = replace_token(own, token, grace=True)
        if renewed:
            renew_login(request, renewed)
    user = login.user
    session.info[LOGIN] = session_label(token)
    request.scope["state"][ASKED_BY] = Asker(user.name, user.is_admin)
    if not request.route_handler.opt.get("one_factor_will_do"):
        _require_second_factor(session, user)
    return user


def look_who_asks(request: Request[Any, Any, Any]) -> Asker | None:
    """Return who is signed in, for a page that no handler makes, and remember it as `ASKED_BY`."""
    if token := login_token(request):
        with transaction() as own:
            if login := login_session_of(own, token):
                request.scope["state"][ASKED_BY] = Asker(login.user.name, login.user.is_admin)
    found: Asker | None = request.scope["state"].get(ASKED_BY)
    return found


def _require_second_factor(session: Session, user: User) -> None:
    if owes_second_factor(session, user):
        raise SecondFactorFirst


def provide_viewer(visitor: NamedDependency[User | None]) -> User:
    """Return who is signed in. Raises NotSignedIn, which leads to the sign-in page."""
    if visitor is None:
        raise NotSignedIn
    return visitor


def provide_admin(viewer: NamedDependency[User]) -> User:
    """Return the admin who asks. Raises NotFound for anybody else, who need not know that the page exists."""
    if not viewer.is_admin:
        raise NotFound
    return viewer


def provide_confirmed(
    request: Request[Any, Any, Any], session: NamedDependency[Session], viewer: NamedDependency[User]
) -> User:
    """Return who is signed in and gave their password in the last ten minutes. Raises ConfirmFirst, which asks for it."""
    login = login_session_of(session, login_token(request))
    if login is None or not is_confirmed(login):
        raise ConfirmFirst
    return viewer


def provide_confirmed_admin(
    request: Request[Any, Any, Any], session: NamedDependency[Session], admin: NamedDependency[User]
) -> User:
    """Return the admin who asks and gave their password in the last ten minutes. Raises NotFound, ConfirmFirst."""
    return provide_confirmed(request, session, admin)


def page_of(request: Request[Any, Any, Any]) -> str:
    """Return the address of the page that a request belongs to: its own, or for a form that of the page it was on."""
    parts = urlsplit(str(request.url) if request.method == "GET" else request.headers.get("referer", ""))
    return parts.path + (f"?{parts.query}" if parts.query else "")
