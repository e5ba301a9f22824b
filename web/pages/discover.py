"""Discover: what people in the studio have published, by how much it is played now, and the search."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance import feed
from appliance.accounts import needs_setup
from appliance.errors import NotFound
from appliance.languages import gettext as _
from appliance.languages import translated
from appliance.songs import liked_songs
from appliance.spelling import near_spelling
from appliance.tables import Song, User
from web.csrf import token_for
from web.rendering import Page, in_place, partial, render

PAGE = 24
MOST_PAGES = 20
CHART = 6
RAIL = 8


@get("/", sync_to_thread=True)
def discover(
    request: Request[Any, Any, Any],
    session: NamedDependency[Session],
    visitor: NamedDependency[User | None],
    q: FromQuery[str] = "",
    category: FromQuery[str] = "",
    show: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    after: FromQuery[str] = "",
    more: FromQuery[bool] = False,
    pages: FromQuery[int] = 1,
    since: FromQuery[int] = 0,
) -> Page | Redirect:
    """Show the chart and the rails, or what matches; `more` asks for the next songs of a list that is on the page.

    `pages` are as many of them as somebody had seen who comes back. `since` asks only how much is new after that moment, in
    milliseconds.
    """
    if visitor is None:
        return Redirect("/setup" if needs_setup(session) else "/sign-in", status_code=303)
    if since:
        return in_place(partial("#new-songs", "_feed_new.html", "innerHTML", count=_new(session, visitor, since)))
    wish = feed.Wish(q.replace("\x00", "")[:100].strip(), category, show, sort == "new")
    found = feed.find_songs(session, wish, after, songs_in(pages))
    if more:
        rows = _about(session, visitor, found.songs)
        feed_rows = partial("#feed", "_feed_rows.html", "beforeend", csrf_token=token_for(request), **rows)
        return in_place(feed_rows, partial("#more", "_feed_more.html", more=_next(wish, found)))
    home = wish == feed.Wish() and not after
    shelves = _shelves(session) if home else []
    near = near_spelling(session, wish) if wish.words and not found.songs and not after else None
    everything = [*found.songs, *(song for shelf in shelves for song in shelf[-1])]
    return render(
        request,
        "discover.html",
        session,
        visitor,
        **_about(session, visitor, everything) | {"songs": found.songs},
        wish=wish,
        home=home,
        chart=CHART if home else 0,
        shelves=shelves,
        count=found.count,
        most=feed.MOST_COUNTED,
        more=_next(wish, found),
        since=int(time.time() * 1000),
        near=near and (near[0].words, near[1], _address(near[0])),
        filters=[(name, value, _address(feed.Wish(wish.words, wish.category, value))) for value, name in _filters()],
        categories=feed.busy_categories(session),
    )


def _new(session: Session, viewer: User, since: int) -> int:
    try:
        return feed.published_since(session, viewer, datetime.fromtimestamp(since / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return 0


def songs_in(pages: int) -> int:
    """Return how many songs so many pages of an endless list hold, within reason."""
    return PAGE * max(1, min(pages, MOST_PAGES))


def _filters() -> list[tuple[str, str]]:
    return [
        ("", _("Everything")),
        ("words", _("With words")),
        ("instrumental", _("Instrumental")),
        ("slow", _("Slow")),
        ("moving", _("Made to move")),
        ("languages", _("Not in English")),
        ("short", _("Under two minutes")),
    ]


def _shelves(session: Session) -> list[tuple[str, str, str, str, list[Song]]]:
    """Return the rails: an id, a heading, the words and the address of the way to all of it, and the first songs."""
    new = feed.find_songs(session, feed.Wish(newest=True), limit=RAIL).songs
    shelves = [("new", _("New from the studio"), _("All new songs"), "/?sort=new", new)]
    for category, songs in feed.rails(session, length=RAIL):
        shelves.append((category.slug, translated(category.name), _("All of it"), f"/?category={category.slug}", songs))
    return shelves


def _about(session: Session, viewer: User, songs: list[Song]) -> dict[str, Any]:
    return {"songs": songs, "liked": liked_songs(session, viewer, [song.id for song in songs])}


def _address(wish: feed.Wish, **more: str) -> str:
    """Return where the songs of `wish` are listed."""
    asked = {"q": wish.words, "category": wish.category, "show": wish.show, "sort": "new" if wish.newest else ""}
    said = urlencode({name: value for name, value in (asked | more).items() if value})
    return f"/?{said}" if said else "/"


def _next(wish: feed.Wish, found: feed.Found) -> str | None:
    return _address(wish, after=found.after) if found.after else None


@get("/{anywhere:path}", sync_to_thread=True)
def nowhere(visitor: NamedDependency[User | None], anywhere: FromPath[str]) -> None:
    """Answer for every address that there is not, so that who is signed in keeps the frame of the page around them."""
    del visitor, anywhere
    raise NotFound
