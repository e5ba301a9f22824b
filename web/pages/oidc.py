"""Signing in by another service, and connecting one's account with the one there."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.accounts import needs_setup, viewer_of
from appliance.challenges import use_up
from appliance.errors import NotAllowed, NotFound, NotSignedIn, StudioError
from appliance.identities import connect, join, known_person, part
from appliance.login_sessions import CONFIRMED_FOR
from appliance.oidc import NotVouchedFor, Vouched, provider_name, read_return, way_to_provider
from appliance.people import sign_out_others
from appliance.second_factor import half_way, has_second_factor
from appliance.settings import settings
from appliance.tables import User
from web.cookies import journey_value, login_token, set_half_way, set_journey
from web.csrf import bound_to
from web.entering import enter
from web.forms import safe_path
from web.pages.accounts import sign_in_page
from web.pages.security import HERE, confirm_page, security_page, with_new_token
from web.rendering import Page, render
from web.throttle import count_newcomer

OidcRequest = Request[Any, Any, Any]
SIGN_IN, CONNECT, CONFIRM = "sign-in", "connect", "confirm"


class OidcPages(Controller):
    """Nothing of this is there without OIDC_ISSUER. Leaving takes a form of ours, so that no other page can send anybody."""

    @post("/sign-in/oidc", sync_to_thread=True, secret_in_form="invite")
    def leave(self, request: OidcRequest, form: NamedDependency[dict[str, str]]) -> Page:
        """Send a browser to the provider, to come back signed in, or with an account made by the invitation in the form."""
        return _leave(request, SIGN_IN, safe_path(form.get("next")), form.get("invite", "")[:100])

    @post(f"{HERE}/oidc", sync_to_thread=True, one_factor_will_do=True)
    def leave_to_connect(self, request: OidcRequest, confirmed: NamedDependency[User]) -> Page:
        """Send the viewer to the provider, to come back with an account there that is theirs here."""
        return _leave(request, CONNECT, HERE)

    @post("/confirm/oidc", sync_to_thread=True, one_factor_will_do=True)
    def leave_to_confirm(
        self, request: OidcRequest, viewer: NamedDependency[User], form: NamedDependency[dict[str, str]]
    ) -> Page:
        """Send the viewer to the provider to prove themselves once more."""
        return _leave(request, CONFIRM, safe_path(form.get("next")))

    @get("/sign-in/oidc/callback", sync_to_thread=True, one_factor_will_do=True)
    def come_back(self, request: OidcRequest, session: NamedDependency[Session]) -> Page | Redirect:
        """Take who comes back from the provider. The parameters are worth nothing without this browser's own cookies."""
        _require_provider()
        journey = dict(parse_qsl(journey_value(request) or ""))
        purpose, after = journey.get("for", SIGN_IN), safe_path(journey.get("next"))
        try:
            # Nothing is asked of the database before: the provider may take its time.
            vouched, state = read_return(purpose, bound_to(request) or "", dict(request.query_params))
            use_up(session, state)
            if purpose == SIGN_IN:
                answer: Page | Redirect = _sign_in(request, session, vouched, after, journey.get("invite", ""))
            else:
                answer = _prove(request, session, vouched, purpose, after)
        except StudioError as error:
            session.rollback()
            answer = _refused(request, session, purpose, after, error)
        set_journey(answer, None)
        return answer

    @post(f"{HERE}/oidc/part", sync_to_thread=True, one_factor_will_do=True)
    def leave_for_good(
        self, request: OidcRequest, session: NamedDependency[Session], confirmed: NamedDependency[User]
    ) -> Redirect:
        """Sign in by the provider no more."""
        part(session, confirmed, settings().oidc_issuer)
        sign_out_others(session, confirmed, login_token(request) or "")
        return with_new_token(request, session, f"{HERE}#oidc")


def _require_provider() -> None:
    if not settings().oidc_issuer:
        raise NotFound


def _leave(request: OidcRequest, purpose: str, after: str, invite: str = "") -> Page:
    """Return a page that goes on to the provider by itself: as a form's redirect the content policy would have to name it."""
    _require_provider()
    to = way_to_provider(purpose, bound_to(request) or "")
    page = render(request, "oidc_leaving.html", to=to, provider=provider_name())
    set_journey(page, urlencode({"for": purpose, "next": after, "invite": invite}))
    return page


def _sign_in(request: OidcRequest, session: Session, vouched: Vouched, after: str, invite: str) -> Redirect:
    """Let somebody in whom the provider vouches for. That stands in for the password, and for no second factor."""
    if needs_setup(session):
        raise NotAllowed("This studio is not set up yet: its admin comes first.")
    user = known_person(session, vouched)
    if user is None:
        count_newcomer(request)
        user = join(session, vouched, invite)
    elif has_second_factor(session, user):
        answer: Redirect = Redirect(f"/sign-in/code?next={quote(after, safe='/')}", status_code=303)
        set_half_way(answer, half_way(user, "oidc"))
        return answer
    return enter(request, session, user, after, came_by="oidc")


def _prove(request: OidcRequest, session: Session, vouched: Vouched, purpose: str, after: str) -> Redirect:
    """Connect the viewer with an account there, or take its word that it is they who sit here."""
    viewer = viewer_of(session, login_token(request))
    if viewer is None:
        raise NotSignedIn
    if purpose == CONNECT:
        connect(session, viewer, vouched)
        sign_out_others(session, viewer, login_token(request) or "")
        return with_new_token(request, session, f"{HERE}#oidc")
    known = known_person(session, vouched)
    if known is None or known.id != viewer.id:
        raise NotVouchedFor("it vouched for somebody else")
    if not vouched.is_fresh(CONFIRMED_FOR):
        raise NotVouchedFor("it does not say that the person has just proved themselves")
    return with_new_token(request, session, after)


def _refused(request: OidcRequest, session: Session, purpose: str, after: str, error: StudioError) -> Page:
    """Return the page that somebody left from, with what was wrong."""
    viewer = viewer_of(session, login_token(request)) if purpose != SIGN_IN else None
    if viewer is None:
        return sign_in_page(request, {"next": after}, {"oidc": error.message}, error.status)
    if purpose == CONNECT:
        return security_page(request, session, viewer, {"oidc": error.message}, error.status)
    return confirm_page(request, session, viewer, after, {"oidc": error.message}, error.status)
