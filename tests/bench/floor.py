"""The floor under `make bench-load`: the rows of Discover through a bare Litestar handler, as JSON, for nobody in particular.

It asks Postgres the same questions through the same functions, in the same threads and under the same server; what it leaves out
is everything that makes a page of them: who asks, what they may see, the frame, the template, compression and headers.
"""

from typing import Any

from litestar import Litestar, get

from appliance import feed
from appliance.database import session_factory
from appliance.tables import Song
from web.pages.discover import PAGE, RAIL


def _row(song: Song) -> dict[str, Any]:
    return {
        "id": str(song.id),
        "title": song.title,
        "by": song.request.user.name,
        "style": song.prompt,
        "duration": song.duration,
        "plays": song.listen_count,
        "likes": song.like_count,
    }


@get("/", sync_to_thread=True)
def discover() -> dict[str, Any]:
    """Return the chart, the rails and the categories."""
    with session_factory()() as session:
        chart = feed.find_songs(session, feed.Wish(), limit=PAGE)
        new = feed.find_songs(session, feed.Wish(newest=True), limit=RAIL)
        rails = feed.rails(session, length=RAIL)
        return {
            "chart": [_row(song) for song in chart.songs],
            "count": chart.count,
            "new": [_row(song) for song in new.songs],
            "rails": {category.slug: [_row(song) for song in songs] for category, songs in rails},
            "categories": [category.slug for category in feed.busy_categories(session)],
        }


def create_app() -> Litestar:
    """Return the app."""
    return Litestar([discover], openapi_config=None)
