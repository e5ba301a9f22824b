"""What opens somebody's own door: their password, the authenticator app, passkeys, and the browsers they are signed in with."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput, NotFound
from appliance.identities import identity_of
from appliance.login_sessions import is_token_of, replace_token
from appliance.oidc import provider_name
from appliance.passkeys import list_passkeys
from appliance.passwords import NO_PASSWORD, is_password
from appliance.people import list_browsers, sign_out_browser, sign_out_others
from appliance.resets import change_password
from appliance.second_factor import (
    begin_enrolment,
    check_code,
    codes_left,
    confirm_enrolment,
    has_app,
    has_second_factor,
    remove_app,
)
from appliance.settings import settings
from appliance.tables import User
from appliance.throttling import TooManyTries
from web.cookies import login_token, set_login
from web.desk import day
from web.forms import safe_path
from web.rendering import Page, render
from web.secure_origin import passkey_site
from web.throttle import guessing, hashing
from web.viewers import provide_confirmed

SecurityRequest = Request[Any, Any, Any]
HERE = "/settings/security"


class SecurityPages(Controller):
    """The viewer's own security. An admin who still owes the studio a second factor may be here, to set it up."""

    @get("/confirm", sync_to_thread=True, one_factor_will_do=True)
    def ask_again(
        self, request: SecurityRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Page:
        """Ask for the password once more, before something that a borrowed browser must not be enough for."""
        after = safe_path(request.query_params.get("next"))
        return confirm_page(request, session, viewer, after, {}, 200)

    @post("/confirm", sync_to_thread=True, one_factor_will_do=True)
    def confirm(
        self,
        request: SecurityRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Take the password, and go on to where it was asked for."""
        after = safe_path(form.get("next"))
        try:
            with guessing(request, viewer.name, "confirm"), hashing():
                _require_password(viewer, form.get("password", ""))
        except (InvalidInput, TooManyTries) as error:
            errors = error.fields or {"password": error.message}
            return confirm_page(request, session, viewer, after, errors, error.status)
        return with_new_token(request, session, after)

    @get(HERE, sync_to_thread=True, one_factor_will_do=True)
    def overview(
        self, request: SecurityRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Page:
        """Show what there is: password, app, passkeys, browsers."""
        return security_page(request, session, viewer, {})

    @post(f"{HERE}/password", sync_to_thread=True, one_factor_will_do=True)
    def new_password(
        self,
        request: SecurityRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Change the password, or set the first one; every other browser is signed out, and this one gets a new token."""
        if viewer.password_hash == NO_PASSWORD:
            provide_confirmed(request, session, viewer)
        try:
            if viewer.password_hash != NO_PASSWORD:
                with guessing(request, viewer.name, "confirm"), hashing():
                    _require_password(viewer, form.get("old", ""), "old")
            with hashing():
                change_password(session, viewer, form.get("old", ""), form.get("new", ""), login_token(request))
        except (InvalidInput, TooManyTries) as error:
            session.rollback()
            fields = {"new" if name == "password" else name: said for name, said in error.fields.items()}
            return security_page(request, session, viewer, fields or {"old": error.message}, error.status)
        return with_new_token(request, session, HERE)

    @post(f"{HERE}/app", sync_to_thread=True, one_factor_will_do=True)
    def begin_app(
        self, request: SecurityRequest, session: NamedDependency[Session], confirmed: NamedDependency[User]
    ) -> Page:
        """Show the QR code for an authenticator app. It counts once a code of the app has been typed."""
        address = begin_enrolment(session, confirmed)
        return render(request, "second_factor.html", session, confirmed, address=address, errors={})

    @post(f"{HERE}/app/confirm", sync_to_thread=True, one_factor_will_do=True)
    def confirm_app(
        self,
        request: SecurityRequest,
        session: NamedDependency[Session],
        confirmed: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page:
        """Turn the app on with its first code; show the recovery codes, this once, and sign every other browser out."""
        try:
            codes = confirm_enrolment(session, confirmed, form.get("code", ""))
        except InvalidInput as error:
            session.rollback()
            errors = error.fields
            return render(request, "second_factor.html", session, confirmed, status=422, address=None, errors=errors)
        page = render(request, "recovery_codes.html", session, confirmed, codes=codes)
        sign_out_others(session, confirmed, login_token(request) or "")
        replace_this_token(request, session, page)
        return page

    @post(f"{HERE}/app/remove", sync_to_thread=True, one_factor_will_do=True)
    def turn_app_off(
        self,
        request: SecurityRequest,
        session: NamedDependency[Session],
        confirmed: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Turn the app off, for which one of its codes or a recovery code is needed."""
        try:
            with guessing(request, confirmed.name, "code"):
                check_code(session, confirmed, form.get("code", ""))
        except (InvalidInput, TooManyTries) as error:
            session.rollback()
            return security_page(request, session, confirmed, error.fields or {"code": error.message}, error.status)
        remove_app(session, confirmed)
        sign_out_others(session, confirmed, login_token(request) or "")
        return with_new_token(request, session, HERE)

    @post(f"{HERE}/browsers/others", sync_to_thread=True, one_factor_will_do=True)
    def let_others_out(
        self, request: SecurityRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Redirect:
        """Sign every other browser out."""
        sign_out_others(session, viewer, login_token(request) or "")
        return Redirect(f"{HERE}#browsers", status_code=303)

    @post(f"{HERE}/browsers/{{browser:str}}", sync_to_thread=True, one_factor_will_do=True)
    def let_browser_out(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], browser: FromPath[str]
    ) -> Redirect:
        """Sign one browser out."""
        sign_out_browser(session, viewer, hash_in(browser))
        return Redirect(f"{HERE}#browsers", status_code=303)


def hash_in(path: str) -> bytes:
    """Return the hash that an address names. Raises NotFound for what is none."""
    try:
        return bytes.fromhex(path)
    except ValueError:
        raise NotFound from None


def _require_password(viewer: User, password: str, field: str = "password") -> None:
    if not is_password(password, viewer.password_hash):
        raise InvalidInput.about(**{field: "This is not your password."})


def replace_this_token(request: SecurityRequest, session: Session, answer: Response[Any]) -> None:
    """Give this browser a new token with `answer`: the person has just proved who they are."""
    if token := replace_token(session, login_token(request) or "", confirmed=True):
        set_login(answer, token)


def with_new_token(request: SecurityRequest, session: Session, after: str) -> Redirect:
    """Go on to `after` with a new token."""
    answer: Redirect = Redirect(after, status_code=303)
    replace_this_token(request, session, answer)
    return answer


def confirm_page(
    request: SecurityRequest, session: Session, viewer: User, after: str, errors: dict[str, str], status: int
) -> Page:
    """Return the page that asks the viewer to prove themselves once more, by whatever they have for it."""
    wanted, site = settings(), passkey_site(request)
    return render(
        request,
        "confirm.html",
        session,
        viewer,
        status=status,
        after=after,
        errors=errors,
        has_password=viewer.password_hash != NO_PASSWORD,
        passkey_origin=site.origin if site and list_passkeys(session, viewer) else "",
        provider=provider_name() if identity_of(session, viewer, wanted.oidc_issuer) else "",
    )


def security_page(
    request: SecurityRequest, session: Session, viewer: User, errors: dict[str, str], status: int = 200
) -> Page:
    """Return the page of the viewer's own security, with what was wrong."""
    here, site = login_token(request), passkey_site(request)
    return render(
        request,
        "security.html",
        session,
        viewer,
        status=status,
        errors=errors,
        has_app=has_app(session, viewer),
        has_factor=has_second_factor(session, viewer),
        passkeys=[
            (each, day(each.last_used_at) if each.last_used_at else None) for each in list_passkeys(session, viewer)
        ],
        passkey_origin=site.origin if site else "",
        has_password=viewer.password_hash != NO_PASSWORD,
        provider=provider_name(),
        identity=identity_of(session, viewer, settings().oidc_issuer),
        codes_left=codes_left(session, viewer),
        app_needed=viewer.is_admin and settings().admins_need_second_factor,
        browsers=[(each, is_token_of(each, here), day(each.last_seen_at)) for each in list_browsers(session, viewer)],
    )
