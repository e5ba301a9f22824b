"""Telling the admins that a song should not be here."""

from typing import Any
from uuid import UUID

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.reports import report_song
from appliance.tables import User
from web.rendering import Page, render


@post("/songs/{song_id:uuid}/report", sync_to_thread=True)
def report(
    request: Request[Any, Any, Any],
    session: NamedDependency[Session],
    viewer: NamedDependency[User],
    form: NamedDependency[dict[str, str]],
    song_id: FromPath[UUID],
) -> Page | Redirect:
    """Report a published song, and say that the admins know."""
    report_song(session, song_id, viewer, form.get("reason", ""))
    return render(request, "reported.html", session, viewer, song_id=song_id)
