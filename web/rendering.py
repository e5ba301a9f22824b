"""Pages: templates, and what every one of them needs to know."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request
from litestar.enums import MediaType
from litestar.response import Response
from sqlalchemy.orm import Session

from appliance.languages import date_in_words, gettext, language, long_date, ngettext, translated
from appliance.listening import player_saved_at
from appliance.settings import settings
from appliance.tables import User
from web.assets import asset_url
from web.browsers import browser_name
from web.cookies import new_token, set_visitor
from web.csrf import bound_to, csrf_token
from web.desk import address
from web.drawing import clock, form_blocks, player_entry, wave_paths
from web.house import House, about, house
from web.languages import sentences_of_scripts
from web.listed import song_card, song_row
from web.qr import qr_svg
from web.sleeves import sleeve_svg
from web.viewers import Asker

# For pages with a secret in their address: it is told to nobody, not even to ourselves.
NO_REFERRER = {"referrer-policy": "no-referrer"}

PageRequest = Request[Any, Any, Any]
Page = Response[str]


@lru_cache
def environment() -> Environment:
    """Return the templates. They escape everything, and a name that they do not get is an error."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    # Which catalogue they stand for is decided each time they are called.
    templates.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    templates.globals.update(
        language=language,
        long_date=long_date,
        sentences_of_scripts=sentences_of_scripts,
        about=about,
        asset_url=asset_url,
        browser_name=browser_name,
        clock=clock,
        day_in_words=date_in_words,
        form_blocks=form_blocks,
        player_entry=player_entry,
        shelf_address=address,
        qr_svg=qr_svg,
        sleeve_svg=sleeve_svg,
        song_card=song_card,
        song_row=song_row,
        translated=translated,
        wave_paths=wave_paths,
    )
    return templates


def fragment(template: str, **context: Any) -> str:
    """Return a piece of a page as it stands, for the event stream and for swaps in place."""
    return environment().get_template(template).render(context)


def is_partial(request: PageRequest) -> bool:
    """Tell whether htmx asks, who keeps the frame of the page and needs its middle only."""
    return request.headers.get("hx-request") == "true"


def render(
    request: PageRequest,
    template: str,
    session: Session | None = None,
    viewer: User | Asker | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> Page:
    """Return the page that `template` makes for `viewer` (None: nobody is signed in).

    The frame around a page says what the studio is doing, for which the `session` is needed; to htmx goes the middle only.
    """
    cookie = bound_to(request)
    given = None if cookie else new_token()
    partial = is_partial(request)
    doing: House | None = None
    if session is not None and isinstance(viewer, User) and not partial:
        doing = house(session, viewer)
    saved = None
    if doing and session is not None and isinstance(viewer, User):
        saved = player_saved_at(session, viewer)
    text = fragment(
        template,
        viewer=viewer,
        status=status,
        csrf_token=csrf_token(cookie or given or ""),
        studio_name=settings().studio_name,
        billing=settings().billing != "off",
        theme=request.cookies.get("theme") if request.cookies.get("theme") in ("light", "dark") else "",
        path=request.url.path,
        house=doing,
        partial=partial,
        player_saved=int(saved.timestamp() * 1000) if saved else 0,
        **context,
    )
    # Pages are for one person and one moment; what htmx gets at the same address is another text.
    told = {"cache-control": "no-store", "vary": "HX-Request", **(headers or {})}
    if partial and request.method != "GET":
        told["hx-push-url"] = "false"  # the page that a form was refused with has the address of the page it was on
    page = Response(text, status_code=status, media_type=MediaType.HTML, headers=told)
    if given:
        set_visitor(page, given)
    return page


def partial(target: str, template: str | None, swap: str = "outerMorph", **context: Any) -> str:
    """Return a piece of a page with the place where it goes; without a template, that place is taken away."""
    if template is None:
        return f'<hx-partial hx-target="{target}" hx-swap="delete"></hx-partial>'
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{fragment(template, **context)}</hx-partial>'


def in_place(*partials: str, status: int = 200) -> Page:
    """Return pieces that htmx puts in their places while the rest of the page, and its address, stay."""
    headers = {"cache-control": "no-store", "hx-push-url": "false"}
    return Response("".join(partials), status_code=status, media_type=MediaType.HTML, headers=headers)
