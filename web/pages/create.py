"""The Studio: the form that asks for a song, and what becomes of the requests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance import briefs, credits
from appliance.errors import NotFound, StudioError
from appliance.songs import cancel_song, delete_song, get_request, get_song, request_songs, retry_song
from appliance.storage import storage
from appliance.tables import SongRequest, User
from appliance.tables.songs import OPEN
from appliance.taskqueue import ring
from web.csrf import token_for
from web.database import after_commit
from web.desk import Desk, desk_of
from web.house import pace
from web.jobs import job_of
from web.rendering import Page, in_place, is_partial, partial, render

# Tags to add with one press, each from another corner.
SUGGESTIONS = (
    "brushed drums",
    "nylon guitar",
    "warm synths",
    "string quartet",
    "tape hiss",
    "choir",
    "half-time",
    "808s",
)


class StudioPages(Controller):
    """Making songs, and my songs."""

    @get("/create", sync_to_thread=True)
    def studio(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        made: FromQuery[UUID | None] = None,
        like: FromQuery[UUID | None] = None,
        before: FromQuery[datetime | None] = None,
    ) -> Page:
        """Show the form and the viewer's songs.

        `made` is the request that was just made without a script, `like` a song to start from, `before` where the page begins.
        """
        form = (
            _form_of(get_request(session, made, viewer)) if made else _form_like(session, like, viewer) if like else {}
        )
        desk = desk_of(session, viewer, before)
        return _studio(request, session, viewer, desk, form, {}, watch=bool(made and desk.desk))

    @post("/create", sync_to_thread=True)
    def make(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Ask for a song. What cannot be used is said beside its field, and everything typed stays."""
        try:
            made = request_songs(session, viewer, briefs.read_brief(form))
        except StudioError as error:
            session.rollback()
            errors = error.fields or {"form": error.message}
            if is_partial(request):
                return in_place(_form_part(request, session, viewer, form, errors), status=error.status)
            return _studio(request, session, viewer, desk_of(session, viewer), form, errors, status=error.status)
        after_commit(session, ring)
        if is_partial(request):
            session.flush()
            mine = partial("#mine", "_mine.html", desk=desk_of(session, viewer), **_own(request, viewer))
            return in_place(_form_part(request, session, viewer, form, {}), mine)
        return Redirect(f"/create?made={made.id}#mine", status_code=303)

    @post("/requests/{request_id:uuid}/cancel", sync_to_thread=True)
    def cancel(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Stop everything of a request that is still in the making."""
        for song in get_request(session, request_id, viewer).songs:
            if song.status in (*OPEN, "no_credits"):
                cancel_song(session, song.id, viewer)
        return _after(request, session, viewer, request_id)

    @post("/requests/{request_id:uuid}/retry", sync_to_thread=True)
    def retry(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Put every take that failed or was cancelled in line again."""
        for song in get_request(session, request_id, viewer).songs:
            if song.status in ("failed", "cancelled"):
                retry_song(session, song.id, viewer)
        after_commit(session, ring)
        return _after(request, session, viewer, request_id)

    @post("/requests/{request_id:uuid}/delete", sync_to_thread=True)
    def remove(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Delete a request with all its takes."""
        keys = [
            key
            for song in get_request(session, request_id, viewer).songs
            for key in delete_song(session, song.id, viewer)
        ]
        after_commit(session, lambda: storage().delete(keys))
        return _after(request, session, viewer, request_id)


def _after(request: Request[Any, Any, Any], session: Session, viewer: User, request_id: UUID) -> Page | Redirect:
    """Show what has become of a request: in its place on the page, or on the page as a whole."""
    if not is_partial(request):
        return Redirect("/create#mine", status_code=303)
    session.flush()
    session.expire_all()
    context = _own(request, viewer)
    mine = partial("#mine", "_mine.html", desk=desk_of(session, viewer), **context)
    try:
        job = job_of(session, get_request(session, request_id, viewer))
    except NotFound:
        return in_place(partial(f"#job-{request_id}", None), mine)
    # On a page of older songs only the first of the two finds its place.
    return in_place(partial(f"#job-{request_id}", "_job.html", job=job, **context), mine)


def _own(request: Request[Any, Any, Any], viewer: User) -> dict[str, str]:
    """Return what pieces of the viewer's list need to know besides the jobs."""
    return {"csrf_token": token_for(request), "by": viewer.name}


def _length(form: dict[str, str]) -> float:
    """Return the length that the slider stands at, in seconds, whatever was sent."""
    try:
        return min(briefs.LONGEST, max(briefs.SHORTEST, float(form.get("duration") or briefs.USUAL)))
    except ValueError:
        return briefs.USUAL


def _studio(
    request: Request[Any, Any, Any],
    session: Session,
    viewer: User,
    desk: Desk,
    form: dict[str, str],
    errors: dict[str, str],
    watch: bool = False,
    status: int = 200,
) -> Page:
    context = _about_form(session, viewer, form, errors) | {"desk": desk, "by": viewer.name, "watch": watch}
    return render(request, "create.html", session, viewer, status=status, **context)


def _form_part(
    request: Request[Any, Any, Any], session: Session, viewer: User, form: dict[str, str], errors: dict[str, str]
) -> str:
    return partial("#make", "_make.html", csrf_token=token_for(request), **_about_form(session, viewer, form, errors))


def _about_form(session: Session, viewer: User, form: dict[str, str], errors: dict[str, str]) -> dict[str, Any]:
    return {
        "form": form,
        "errors": errors,
        "length": _length(form),
        "pace": pace(session),
        "keys": [(key, key) for key in briefs.KEYS],
        "languages": list(briefs.LANGUAGES.items()),
        "time_signatures": [(beat, beat) for beat in briefs.TIME_SIGNATURES],
        "limits": briefs,
        "suggestions": SUGGESTIONS,
        "price": credits.price_of_take(),
        "spendable": credits.account_of(session, viewer.id).available if credits.are_on() else 0,
    }


def _form_of(request: SongRequest) -> dict[str, str]:
    """Return the form that asked for `request`; the seed stays open, or the same song would come again."""
    names = (
        "mode", "full_description", "prompt", "lyrics", "described_lyrics", "title", "duration", "bpm", "key",
        "time_signature", "language", "voice",
    )  # fmt: skip
    values = {name: getattr(request, name) for name in names}
    form = {name: f"{value:g}" if isinstance(value, float) else value for name, value in values.items() if value}
    return form | ({"instrumental": "on"} if request.instrumental else {})


def _form_like(session: Session, song_id: UUID, viewer: User) -> dict[str, str]:
    """Return a form that starts from a song: its sound, and its words where it is the viewer's own."""
    song = get_song(session, song_id, viewer)
    form = {"mode": "lyrics", "prompt": song.prompt, "duration": f"{song.duration:g}"}
    form |= {"bpm": f"{song.bpm:g}"} if song.bpm else {}
    form |= {name: value for name in ("key", "language") if (value := getattr(song, name))}
    if song.user_id == viewer.id:
        form |= {"lyrics": song.lyrics}
    return form | ({"instrumental": "on"} if song.instrumental else {})
