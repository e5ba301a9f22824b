"""Discover: what people in the studio have published."""

from typing import Any
from uuid import UUID

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.accounts import needs_setup
from appliance.errors import NotFound
from appliance.feed import new_songs
from appliance.songs import liked_songs
from appliance.tables import User
from web.rendering import Page, render

PAGE = 24


@get("/", sync_to_thread=True)
def discover(
    request: Request[Any, Any, Any],
    session: NamedDependency[Session],
    visitor: NamedDependency[User | None],
    after: FromQuery[UUID | None] = None,
) -> Page | Redirect:
    """Show the newest published songs, from the one behind `after` on."""
    if visitor is None:
        return Redirect("/setup" if needs_setup(session) else "/sign-in", status_code=303)
    songs = new_songs(session, after, PAGE + 1)
    liked = liked_songs(session, visitor, [song.id for song in songs])
    older = songs[PAGE - 1].id if len(songs) > PAGE else None
    return render(request, "discover.html", session, visitor, songs=songs[:PAGE], liked=liked, older=older)


@get("/{anywhere:path}", sync_to_thread=True)
def nowhere(visitor: NamedDependency[User | None], anywhere: FromPath[str]) -> None:
    """Answer for every address that there is not, so that who is signed in keeps the frame of the page around them."""
    del visitor, anywhere
    raise NotFound
