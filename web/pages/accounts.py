"""Set-up of the first admin, signing up, in and out."""

from typing import Any
from urllib.parse import quote

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
    sign_in,
    sign_up,
)
from appliance.errors import InvalidInput
from appliance.invites import check_invite
from appliance.oidc import provider_name
from appliance.second_factor import check_code, half_way, has_second_factor, who_is_half_way
from appliance.settings import settings
from appliance.tables import User
from appliance.throttling import TooManyTries
from web.cookies import forget_login, half_way_value, login_token, set_half_way
from web.entering import enter
from web.forms import safe_path
from web.rendering import NO_REFERRER, Page, render
from web.secure_origin import passkey_site
from web.throttle import count_newcomer, guessing, hashing


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
        return render(request, "setup.html", headers=NO_REFERRER, token=token, form={}, errors={})

    @post("/setup", sync_to_thread=True, secret_in_form="token")
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
            return render(
                request, "setup.html", status=422, headers=NO_REFERRER, token=token, form=form, errors=error.fields
            )
        return enter(request, session, user, "/create")

    @get("/sign-up", sync_to_thread=True)
    def sign_up_form(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        visitor: NamedDependency[User | None],
        invite: FromQuery[str] = "",
    ) -> Page | Redirect:
        """Show the form for a new account, to whoever has an invitation where one is needed."""
        if visitor is not None or needs_setup(session):
            return Redirect("/", status_code=303)
        invited = check_invite(session, invite) if invite and settings().registration != "closed" else None
        email = invited.email if invited and invited.email else ""
        return _sign_up_page(request, {"invite": invite, "email": email}, {}, 200)

    @post("/sign-up", sync_to_thread=True, secret_in_form="invite")
    def make_account(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], form: NamedDependency[dict[str, str]]
    ) -> Page | Redirect:
        """Make an account, which is signed in by that."""
        try:
            count_newcomer(request)
            with hashing():
                user = sign_up(session, *_account(form), invite_token=form.get("invite", ""))
        except (InvalidInput, TooManyTries) as error:
            session.rollback()
            return _sign_up_page(request, form, error.fields or {"password": error.message}, error.status)
        return enter(request, session, user, "/create")

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
        return sign_in_page(request, {"next": after}, {}, 200)

    @post("/sign-in", sync_to_thread=True)
    def let_in(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], form: NamedDependency[dict[str, str]]
    ) -> Page | Redirect:
        """Sign a browser in, under a login session that is new; or ask for the code that this person owes as well."""
        who, after = form.get("user", ""), safe_path(form.get("next"))
        try:
            with guessing(request, who), hashing():
                user = sign_in(session, who, form.get("password", ""))
        except (InvalidInput, TooManyTries) as error:
            errors = error.fields or {"password": error.message}
            return sign_in_page(request, form, errors, error.status)
        if has_second_factor(session, user):
            answer = Redirect(f"/sign-in/code?next={quote(after, safe='/')}", status_code=303)
            set_half_way(answer, half_way(user))
            return answer
        return enter(request, session, user, after)

    @get("/sign-in/code", sync_to_thread=True)
    def code_form(self, request: Request[Any, Any, Any], session: NamedDependency[Session]) -> Page | Redirect:
        """Ask whoever typed the right password for the code of their app."""
        if who_is_half_way(session, half_way_value(request)) is None:
            return Redirect("/sign-in", status_code=303)
        return _code_page(request, safe_path(request.query_params.get("next")), {}, 200)

    @post("/sign-in/code", sync_to_thread=True)
    def check_second_factor(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], form: NamedDependency[dict[str, str]]
    ) -> Page | Redirect:
        """Sign a browser in whose person gave the password before and the code now."""
        found, after = who_is_half_way(session, half_way_value(request)), safe_path(form.get("next"))
        if found is None:
            return Redirect("/sign-in", status_code=303)
        user, came_by = found
        try:
            with guessing(request, user.name, "code"):
                check_code(session, user, form.get("code", ""))
        except (InvalidInput, TooManyTries) as error:
            session.rollback()
            errors = error.fields or {"code": error.message}
            return _code_page(request, after, errors, error.status)
        return enter(request, session, user, after, came_by)

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


def _sign_up_page(request: Request[Any, Any, Any], form: dict[str, str], errors: dict[str, str], status: int) -> Page:
    mode = settings().registration
    taken = mode == "closed" or (mode == "invite" and not form.get("invite"))
    headers = NO_REFERRER if form.get("invite") else {}
    return render(
        request,
        "sign_up.html",
        status=status,
        headers=headers,
        form=form,
        errors=errors,
        mode=mode,
        shut=taken,
        provider=provider_name(),
    )


def _code_page(request: Request[Any, Any, Any], after: str, errors: dict[str, str], status: int) -> Page:
    site = passkey_site(request)
    origin = site.origin if site else ""
    return render(request, "sign_in_code.html", status=status, after=after, errors=errors, passkey_origin=origin)


def sign_in_page(request: Request[Any, Any, Any], form: dict[str, str], errors: dict[str, str], status: int) -> Page:
    """Return the page for signing in, with what was wrong."""
    site = passkey_site(request)
    return render(
        request,
        "sign_in.html",
        status=status,
        form=form,
        errors=errors,
        open_to_all=settings().registration == "open",
        by_mail=bool(settings().smtp_host),
        passkey_origin=site.origin if site else "",
        provider=provider_name(),
    )
