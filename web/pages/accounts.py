"""Set-up of the first admin, signing up, in and out."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.accounts import (
    check_setup_token,
    close_login_session,
    create_first_admin,
    needs_setup,
    open_login_session,
    sign_in,
    sign_up,
)
from appliance.errors import InvalidInput
from appliance.settings import settings
from appliance.tables import User
from web.cookies import forget_login, login_token, set_login
from web.forms import safe_path
from web.rendering import Page, render
from web.throttle import Throttles, TooManyTries, hashing


class AccountPages(Controller):
    """The pages before the studio's door."""

    @get("/setup", sync_to_thread=True)
    def setup(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], token: FromQuery[str] = ""
    ) -> Page:
        """Show the form for the first admin to whoever has the link from the terminal."""
        if not token and needs_setup(session):
            return render(request, "setup_needed.html")
        check_setup_token(session, token)
        return render(request, "setup.html", token=token, form={}, errors={})

    @post("/setup", sync_to_thread=True)
    def make_admin(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], form: NamedDependency[dict[str, str]]
    ) -> Page | Redirect:
        """Make the first admin, who is signed in by that."""
        token = form.get("token", "")
        try:
            check_setup_token(session, token)
            with hashing():
                user = create_first_admin(session, token, *_account(form))
        except InvalidInput as error:
            session.rollback()
            return render(request, "setup.html", status=422, token=token, form=form, errors=error.fields)
        return _enter(request, session, user, "/create")

    @get("/sign-up", sync_to_thread=True)
    def sign_up_form(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        visitor: NamedDependency[User | None],
    ) -> Page | Redirect:
        """Show the form for a new account."""
        if visitor is not None or needs_setup(session):
            return Redirect("/", status_code=303)
        return render(request, "sign_up.html", form={}, errors={}, closed=settings().registration == "closed")

    @post("/sign-up", sync_to_thread=True)
    def make_account(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        form: NamedDependency[dict[str, str]],
        throttles: NamedDependency[Throttles],
    ) -> Page | Redirect:
        """Make an account, which is signed in by that."""
        here = _address(request)
        try:
            throttles.newcomers.begin(here)
            with hashing():
                user = sign_up(session, *_account(form))
        except (InvalidInput, TooManyTries) as error:
            session.rollback()
            errors = error.fields or {"password": error.message}
            return render(request, "sign_up.html", status=error.status, form=form, errors=errors, closed=False)
        return _enter(request, session, user, "/create")

    @get("/sign-in", sync_to_thread=True)
    def sign_in_form(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        visitor: NamedDependency[User | None],
    ) -> Page | Redirect:
        """Show the form for signing in."""
        after = safe_path(request.query_params.get("next"))
        if visitor is not None:
            return Redirect(after, status_code=303)
        if needs_setup(session):
            return Redirect("/setup", status_code=303)
        return _sign_in_page(request, {"next": after}, {}, 200)

    @post("/sign-in", sync_to_thread=True)
    def let_in(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        form: NamedDependency[dict[str, str]],
        throttles: NamedDependency[Throttles],
    ) -> Page | Redirect:
        """Sign a browser in, under a login session that is new."""
        who, here = form.get("user", ""), _address(request)
        pair = f"{who.strip().lower()[:254]}|{here}"
        try:
            throttles.guesses.begin(pair)
            throttles.addresses.begin(here)
            with hashing():
                user = sign_in(session, who, form.get("password", ""))
        except (InvalidInput, TooManyTries) as error:
            errors = error.fields or {"password": error.message}
            return _sign_in_page(request, form, errors, error.status)
        throttles.guesses.forget(pair)
        throttles.addresses.forgive(here)
        return _enter(request, session, user, safe_path(form.get("next")))

    @post("/sign-out", sync_to_thread=True)
    def let_out(self, request: Request[Any, Any, Any], session: NamedDependency[Session]) -> Redirect:
        """Sign this browser out, and have it forget what it kept of the pages."""
        if token := login_token(request):
            close_login_session(session, token)
        answer = Redirect("/sign-in", status_code=303, headers={"clear-site-data": '"cache", "storage"'})
        forget_login(answer)
        return answer


def _account(form: dict[str, str]) -> tuple[str, str, str]:
    return form.get("name", ""), form.get("email", ""), form.get("password", "")


def _address(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client else ""


def _sign_in_page(request: Request[Any, Any, Any], form: dict[str, str], errors: dict[str, str], status: int) -> Page:
    open_to_all = settings().registration == "open"
    return render(request, "sign_in.html", status=status, form=form, errors=errors, open_to_all=open_to_all)


def _enter(request: Request[Any, Any, Any], session: Session, user: User, after: str) -> Redirect:
    """Open a login session for this browser in place of any that it had, and go on to `after`."""
    if old := login_token(request):
        close_login_session(session, old)
    token = open_login_session(session, user, request.headers.get("user-agent", ""), _address(request))
    answer: Redirect = Redirect(after, status_code=303)
    set_login(answer, token)
    return answer
