"""The Studio: the form that asks for a song, beside the list of what became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance import briefs, credits
from appliance.drafts import get_draft
from appliance.errors import StudioError
from appliance.languages import translated
from appliance.machines import offered_knobs
from appliance.shelf import list_requests
from appliance.songs import get_request, get_song, request_songs
from appliance.tables import SongRequest, User, WordDraft
from appliance.taskqueue import ring
from appliance.turns import is_paused
from web.csrf import token_for
from web.database import after_commit
from web.desk import Desk, desk_of
from web.house import pace
from web.pages.shelf import Removed, own_context, removed_songs
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
        shelf: FromQuery[str] = "all",
        q: FromQuery[str] = "",
        removed: FromQuery[str] = "",
        words: FromQuery[UUID | None] = None,
    ) -> Page:
        """Show the form and the viewer's songs.

        `made` is the request that was just made without a script, `like` a song to start from, `before` where the page
        begins; `shelf` and the words `q` choose among the songs, `removed` are those that were just deleted, `words` is
        a draft of words that was asked for without a script.
        """
        drafted = get_draft(session, words, viewer) if words else None
        if made:
            form = _form_of(get_request(session, made, viewer))
        elif drafted:
            form = _form_drafted(drafted)
        else:
            form = _form_like(session, like, viewer) if like else _form_remembered(session, viewer)
        desk = desk_of(session, viewer, before, shelf, q)
        gone = removed_songs(session, viewer, removed)
        return _studio(
            request, session, viewer, desk, form, {}, watch=bool(made and desk.desk), gone=gone, drafted=drafted
        )

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
            mine = partial("#mine", "_mine.html", desk=desk_of(session, viewer), **own_context(request, viewer))
            return in_place(_form_part(request, session, viewer, form, {}), mine)
        return Redirect(f"/create?made={made.id}#mine", status_code=303)


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
    gone: Removed | None = None,
    drafted: WordDraft | None = None,
) -> Page:
    context = _about_form(session, viewer, form, errors) | {
        "desk": desk, "by": viewer.name, "watch": watch, "removed": gone,
        "drafted": drafted,
    }  # fmt: skip
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
        "paused": is_paused(session),
        "keys": [(key, translated(key)) for key in briefs.KEYS],
        "languages": list(briefs.LANGUAGES.items()),
        "time_signatures": [(beat, beat) for beat in briefs.TIME_SIGNATURES],
        "limits": briefs,
        "drafted": None,
        "takes": _takes(form),
        "knobs": offered_knobs(session),
        "suggestions": SUGGESTIONS,
        "price": credits.price_of_take(),
        "spendable": credits.account_of(session, viewer.id).available if credits.are_on() else 0,
    }


def _takes(form: dict[str, str]) -> int:
    asked = form.get("takes", "")
    return int(asked) if asked in ("1", "2", "3", "4") else briefs.USUAL_TAKES


# What somebody decides once and expects to find again.
_REMEMBERED = ("duration", "key", "time_signature", "language", "voice")


def _form_remembered(session: Session, viewer: User) -> dict[str, str]:
    """Return an empty form with the fine control as it stood when the viewer last asked for a song."""
    last = list_requests(session, viewer, limit=1)
    if not last:
        return {}
    form = _form_of(last[0])
    return {name: form[name] for name in (*_REMEMBERED, "takes") if name in form}


def _form_drafted(draft: WordDraft) -> dict[str, str]:
    """Return the form that asked for a draft of words, with the words in it."""
    names = ("prompt", "described_lyrics", "title", "duration", "bpm", "key", "time_signature", "language", "voice")
    form = {name: f"{value:g}" if isinstance(value, float) else value for name in names if (value := draft.brief[name])}
    return form | {"mode": "lyrics", "lyrics": draft.words}


def _form_of(request: SongRequest) -> dict[str, str]:
    """Return the form that asked for `request`; the seed stays open, or the same song would come again."""
    names = (
        "mode", "full_description", "prompt", "lyrics", "described_lyrics", "title", "duration", "bpm", "key",
        "time_signature", "language", "voice",
    )  # fmt: skip
    values = {name: getattr(request, name) for name in names}
    form = {name: f"{value:g}" if isinstance(value, float) else value for name, value in values.items() if value}
    form["takes"] = str(max((song.take for song in request.songs), default=briefs.USUAL_TAKES))
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
