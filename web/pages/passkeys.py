"""Passkeys: signing in with one, and one's own list of them."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput, NotFound
from appliance.passkeys import (
    Site,
    add_passkey,
    adding_options,
    check_passkey,
    remove_passkey,
    rename_passkey,
    sign_in_options,
)
from appliance.people import sign_out_others
from appliance.tables import User
from web.cookies import login_token
from web.csrf import bound_to
from web.entering import enter
from web.forms import safe_path
from web.pages.accounts import sign_in_page
from web.pages.security import HERE, confirm_page, hash_in, replace_this_token, security_page, with_new_token
from web.rendering import Page, render
from web.secure_origin import passkey_site

PasskeyRequest = Request[Any, Any, Any]


class PasskeyPages(Controller):
    """Nothing of this is there where browsers allow no passkeys."""

    @get("/sign-in/passkey", sync_to_thread=True)
    def sign_in_with(self, request: PasskeyRequest) -> Response[str]:
        """Return what the browser's devices are to sign, for the page's script."""
        return _options(sign_in_options(_site(request), bound_to(request) or ""))

    @post("/sign-in/passkey", sync_to_thread=True)
    def let_in(
        self, request: PasskeyRequest, session: NamedDependency[Session], form: NamedDependency[dict[str, str]]
    ) -> Page | Redirect:
        """Sign a browser in whose person a device vouches for. No code is asked for: it is two factors in one."""
        try:
            user = check_passkey(session, _site(request), bound_to(request) or "", form.get("passkey", ""))
        except InvalidInput as error:
            session.rollback()
            return sign_in_page(request, form, {"passkey": error.message}, error.status)
        return enter(request, session, user, safe_path(form.get("next")), came_by="passkey")

    @post("/confirm/passkey", sync_to_thread=True, one_factor_will_do=True)
    def confirm(
        self,
        request: PasskeyRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Take a passkey of the viewer's in place of their password once more."""
        after = safe_path(form.get("next"))
        try:
            user = check_passkey(session, _site(request), bound_to(request) or "", form.get("passkey", ""))
            if user.id != viewer.id:
                raise InvalidInput.about(passkey="This is somebody else's passkey.")
        except InvalidInput as error:
            session.rollback()
            return confirm_page(request, session, viewer, after, {"passkey": error.message}, error.status)
        return with_new_token(request, session, after)

    @get(f"{HERE}/passkeys/new", sync_to_thread=True, one_factor_will_do=True)
    def form(
        self, request: PasskeyRequest, session: NamedDependency[Session], confirmed: NamedDependency[User]
    ) -> Page:
        """Ask what a new passkey is to be called."""
        return _adding_page(request, session, confirmed, {}, {})

    @get(f"{HERE}/passkeys/options", sync_to_thread=True, one_factor_will_do=True)
    def make_with(
        self, request: PasskeyRequest, session: NamedDependency[Session], confirmed: NamedDependency[User]
    ) -> Response[str]:
        """Return what the device is to make, for the page's script."""
        return _options(adding_options(session, confirmed, _site(request), bound_to(request) or ""))

    @post(f"{HERE}/passkeys", sync_to_thread=True, one_factor_will_do=True)
    def add(
        self,
        request: PasskeyRequest,
        session: NamedDependency[Session],
        confirmed: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Keep a new passkey, and sign every other browser out. With the first factor come recovery codes, shown this once."""
        here = bound_to(request) or ""
        try:
            _, codes = add_passkey(
                session, confirmed, _site(request), here, form.get("passkey", ""), form.get("name", "")
            )
        except InvalidInput as error:
            session.rollback()
            errors = error.fields or {"passkey": error.message}
            return _adding_page(request, session, confirmed, form, errors, error.status)
        sign_out_others(session, confirmed, login_token(request) or "")
        if not codes:
            return with_new_token(request, session, f"{HERE}#passkeys")
        page = render(request, "recovery_codes.html", session, confirmed, codes=codes)
        replace_this_token(request, session, page)
        return page

    @post(f"{HERE}/passkeys/{{passkey:str}}/rename", sync_to_thread=True, one_factor_will_do=True)
    def rename(
        self,
        request: PasskeyRequest,
        session: NamedDependency[Session],
        confirmed: NamedDependency[User],
        passkey: FromPath[str],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Call a passkey something else."""
        try:
            rename_passkey(session, confirmed, hash_in(passkey), form.get("name", ""))
        except InvalidInput as error:
            session.rollback()
            return security_page(request, session, confirmed, {"passkey": error.message}, error.status)
        return Redirect(f"{HERE}#passkeys", status_code=303)

    @post(f"{HERE}/passkeys/{{passkey:str}}/remove", sync_to_thread=True, one_factor_will_do=True)
    def remove(
        self,
        request: PasskeyRequest,
        session: NamedDependency[Session],
        confirmed: NamedDependency[User],
        passkey: FromPath[str],
    ) -> Redirect:
        """Have a passkey open nothing any more, and sign every other browser out."""
        remove_passkey(session, confirmed, hash_in(passkey))
        sign_out_others(session, confirmed, login_token(request) or "")
        return with_new_token(request, session, f"{HERE}#passkeys")


def _site(request: PasskeyRequest) -> Site:
    site = passkey_site(request)
    if site is None:
        raise NotFound
    return site


def _options(told: str) -> Response[str]:
    return Response(told, media_type=MediaType.JSON, headers={"cache-control": "no-store"})


def _adding_page(
    request: PasskeyRequest,
    session: Session,
    viewer: User,
    form: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Page:
    origin = _site(request).origin
    return render(
        request, "passkey_new.html", session, viewer, status=status, form=form, errors=errors, passkey_origin=origin
    )
