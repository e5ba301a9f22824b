"""API keys: making one, which is shown once, and revoking it; and the page that describes the API."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.api_keys import SCOPES, create_key, list_keys, revoke_key, written
from appliance.errors import InvalidInput, StudioError, said
from appliance.languages import translated
from appliance.tables import User
from web.api.document import sections
from web.rendering import Page, render

DAYS = (("30", said("30 days")), ("90", said("90 days")), ("365", said("A year")))


class KeyPages(Controller):
    """Everybody's own keys."""

    @get("/settings/keys", sync_to_thread=True)
    def keys(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Page:
        """Show the viewer's keys and the form for another one."""
        return _page(request, session, viewer, {f"may:{scope}": "on" for scope in SCOPES}, {})

    @post("/settings/keys", sync_to_thread=True)
    def make(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        confirmed: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page:
        """Make a key and show it, this once; whoever borrowed the browser does not know the password that is asked for."""
        scopes = [scope for scope in SCOPES if form.get(f"may:{scope}")]
        try:
            key, secret = create_key(session, confirmed, form.get("name", ""), scopes, _days(form))
        except StudioError as error:
            session.rollback()
            return _page(
                request, session, confirmed, form, error.fields or {"name": error.message}, status=error.status
            )
        return _page(request, session, confirmed, {}, {}, made=(key.id, secret, written(key, secret)))

    @post("/settings/keys/{key_id:str}/revoke", sync_to_thread=True)
    def revoke(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], key_id: FromPath[str]
    ) -> Redirect:
        """Make a key useless at once."""
        revoke_key(session, key_id, viewer)
        return Redirect("/settings/keys", status_code=303)


@get("/api", sync_to_thread=True)
def api_page(request: Request[Any, Any, Any], session: NamedDependency[Session], viewer: NamedDependency[User]) -> Page:
    """Show what programs can do here: the same document as /api/v1/openapi.json, for people."""
    return render(request, "api.html", session, viewer, sections=sections(request.app))


def _days(form: dict[str, str]) -> int | None:
    raw = form.get("days", "")
    if raw and raw not in dict(DAYS):
        raise InvalidInput.about(days="Choose one from the list.")
    return int(raw) if raw else None


def _page(
    request: Request[Any, Any, Any],
    session: Session,
    viewer: User,
    form: dict[str, str],
    errors: dict[str, str],
    made: tuple[str, str, str] | None = None,
    status: int = 200,
) -> Page:
    keys = list_keys(session, viewer)
    return render(
        request,
        "keys.html",
        session,
        viewer,
        status=status,
        keys=keys,
        scopes=SCOPES,
        days=[(days, translated(text)) for days, text in DAYS],
        form=form,
        errors=errors,
        made=made,
    )
