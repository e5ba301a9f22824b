"""People: what somebody published, and their picture."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.orm import Session

from appliance.errors import NotFound
from appliance.feed import audience_of, songs_of
from appliance.profiles import get_profile
from appliance.songs import liked_songs
from appliance.tables import User
from web.csrf import token_for
from web.media import MediaAnswer, deliver
from web.pages.discover import songs_in
from web.rendering import Page, in_place, partial, render


class PeoplePages(Controller):
    """The page of a person, for everybody in the studio."""

    path = "/people/{user_id:uuid}"

    @get("/", sync_to_thread=True)
    def person(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        user_id: FromPath[UUID],
        after: FromQuery[str] = "",
        more: FromQuery[bool] = False,
        pages: FromQuery[int] = 1,
    ) -> Page:
        """Show somebody's published songs; `more` and `pages` are as on Discover."""
        person = get_profile(session, user_id)
        found = songs_of(session, user_id, after, songs_in(pages))
        liked = liked_songs(session, viewer, [song.id for song in found.songs])
        onward = f"/people/{user_id}?after={found.after}" if found.after else None
        if more:
            rows = partial(
                "#feed", "_feed_rows.html", "beforeend", csrf_token=token_for(request), songs=found.songs, liked=liked
            )
            return in_place(rows, partial("#more", "_feed_more.html", more=onward))
        songs, plays, likes = audience_of(session, user_id)
        return render(
            request,
            "person.html",
            session,
            viewer,
            person=person,
            own=person.id == viewer.id,
            songs=found.songs,
            liked=liked,
            more=onward,
            published=songs,
            plays=plays,
            likes=likes,
        )

    @get("/picture", sync_to_thread=True)
    def picture(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        user_id: FromPath[UUID],
    ) -> MediaAnswer:
        """Return somebody's picture. Raises NotFound where there is none."""
        del viewer
        key = get_profile(session, user_id).picture_key
        if not key:
            raise NotFound
        return deliver(request, key)
