"""My songs: everything that can be done with them in the list, one at a time or several at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput, NotFound
from appliance.languages import gettext as _
from appliance.shelf import delete_song, destroy_song, keep_song, restore_song
from appliance.songs import cancel_song, get_request, publish_song, rename_song, retry_song, shorten_request
from appliance.storage import storage
from appliance.tables import Song, User
from appliance.tables.songs import OPEN
from appliance.taskqueue import ring
from web.csrf import token_for
from web.database import after_commit
from web.desk import BIN, address, desk_of
from web.jobs import job_of
from web.rendering import Page, in_place, is_partial, partial

PageRequest = Request[Any, Any, Any]
Form = NamedDependency[dict[str, str]]
MOST_AT_ONCE = 150  # songs that one form may name


@dataclass(frozen=True, slots=True)
class Removed:
    """What was just put into the bin: the songs' ids, the title that they share, if they do, and how many they are."""

    ids: str
    title: str
    takes: int


class ShelfPages(Controller):
    """The forms of the list."""

    @post("/requests/{request_id:uuid}/cancel", sync_to_thread=True)
    def cancel(
        self,
        request: PageRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Stop everything of a request that is still in the making."""
        for song in get_request(session, request_id, viewer).songs:
            if song.status in (*OPEN, "no_credits"):
                cancel_song(session, song.id, viewer)
        return show_request(request, session, viewer, request_id)

    @post("/requests/{request_id:uuid}/retry", sync_to_thread=True)
    def retry(
        self,
        request: PageRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: Form,
        request_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Put every take that failed or was cancelled in line again, shorter than before where `duration` (seconds) says so."""
        wanted = get_request(session, request_id, viewer)
        if form.get("duration", "").isdecimal():
            shorten_request(session, wanted, float(form["duration"]))
        for song in wanted.songs:
            if song.status in ("failed", "cancelled"):
                retry_song(session, song.id, viewer)
        after_commit(session, ring)
        return show_request(request, session, viewer, request_id)

    @post("/requests/{request_id:uuid}/title", sync_to_thread=True)
    def rename(
        self,
        request: PageRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: Form,
        request_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Give all takes of a request another title."""
        for song in get_request(session, request_id, viewer).songs:
            rename_song(session, song.id, viewer, form.get("title", ""))
        return show_request(request, session, viewer, request_id)

    @post("/requests/{request_id:uuid}/delete", sync_to_thread=True)
    def remove(
        self,
        request: PageRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Put a request with all its takes into the bin."""
        songs = get_request(session, request_id, viewer).songs
        return show_removed(request, session, viewer, [delete_song(session, song.id, viewer) for song in songs])

    @post("/songs/{song_id:uuid}/keep", sync_to_thread=True)
    def keep(
        self,
        request: PageRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: Form,
        song_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Choose this take (`kept` is 1), or take the choice back."""
        song = keep_song(session, song_id, viewer, form.get("kept") == "1")
        return show_request(request, session, viewer, song.request_id)

    @post("/songs/several", sync_to_thread=True)
    def several(
        self, request: PageRequest, session: NamedDependency[Session], viewer: NamedDependency[User], form: Form
    ) -> Page | Redirect:
        """Do the same with everything that is ticked: `action` is publish, private or delete."""
        songs = ticked_songs(session, viewer, form)
        action = form.get("action")
        if action == "delete":
            ended = [song for song in songs if song.status not in OPEN]
            return show_removed(request, session, viewer, [delete_song(session, song.id, viewer) for song in ended])
        if action not in ("publish", "private"):
            raise InvalidInput("Choose what to do with the songs.")
        for song in songs:
            if song.status == "processed":
                publish_song(session, song.id, viewer, action == "publish")
        return _show_list(request, session, viewer, {song.request_id for song in songs})

    @post("/songs/restore", sync_to_thread=True)
    def restore(
        self, request: PageRequest, session: NamedDependency[Session], viewer: NamedDependency[User], form: Form
    ) -> Page | Redirect:
        """Take songs out of the bin: those whose ids stand in `songs`, with commas between them."""
        for song_id in _read_ids(form.get("songs", "")):
            restore_song(session, song_id, viewer)
        return _after_bin(request, session, viewer, form) or _show_list(request, session, viewer, ())

    @post("/songs/{song_id:uuid}/destroy", sync_to_thread=True)
    def destroy(
        self,
        request: PageRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Delete a song of the bin for good."""
        keys = destroy_song(session, song_id, viewer)
        after_commit(session, lambda: storage().delete(keys))
        return _after_bin(request, session, viewer, {"shelf": BIN}) or _to_list()


def ticked_songs(session: Session, viewer: User, form: dict[str, str]) -> list[Song]:
    """Return the viewer's songs that a form names, by fields `song-<id>` and, for all takes of one, `request-<id>`.

    Raises InvalidInput where nothing is ticked.
    """
    songs = _read_ids(name.removeprefix("song-") for name in form if name.startswith("song-"))
    requests = _read_ids(name.removeprefix("request-") for name in form if name.startswith("request-"))
    wanted = select(Song).where(
        Song.user_id == viewer.id,
        Song.deleted_at.is_(None),
        Song.id.in_(songs) | Song.request_id.in_(requests),
    )
    found = list(session.scalars(wanted.order_by(Song.created_at.desc(), Song.take).limit(MOST_AT_ONCE)))
    if not found:
        raise InvalidInput("Tick some songs first.")
    return found


def removed_songs(session: Session, viewer: User, ids: str) -> Removed | None:
    """Return what to say about the songs of these ids that are in the viewer's bin; None where none is."""
    wanted = select(Song).where(Song.id.in_(_read_ids(ids)), Song.user_id == viewer.id, Song.deleted_at.is_not(None))
    songs = list(session.scalars(wanted.order_by(Song.take))) if ids else []
    if not songs:
        return None
    titles = {song.title or _("Untitled") for song in songs}
    return Removed(",".join(str(song.id) for song in songs), titles.pop() if len(titles) == 1 else "", len(songs))


def show_request(request: PageRequest, session: Session, viewer: User, request_id: UUID) -> Page | Redirect:
    """Show what has become of a request: in its place on the page, or on the page as a whole."""
    return _show_list(request, session, viewer, [request_id])


def show_removed(request: PageRequest, session: Session, viewer: User, songs: list[Song]) -> Page | Redirect:
    """Show the list without these songs, which are in the bin now, and the way to take them out again."""
    session.flush()
    ids = ",".join(str(song.id) for song in songs)
    if not is_partial(request):
        return Redirect(f"/create?removed={ids}#mine", status_code=303)
    gone = removed_songs(session, viewer, ids)
    return _show_list(request, session, viewer, {song.request_id for song in songs}, gone)


def _show_list(
    request: PageRequest, session: Session, viewer: User, request_ids: Iterable[UUID], removed: Removed | None = None
) -> Page | Redirect:
    if not is_partial(request):
        return _to_list()
    session.flush()
    session.expire_all()
    context = own_context(request, viewer) | {"removed": removed}
    # On a page of older songs, or of a shelf, the list as a whole does not find its place; the jobs and the notice do.
    pieces = [partial("#mine", "_mine.html", desk=desk_of(session, viewer), **context)]
    for request_id in request_ids:
        try:
            job = job_of(session, get_request(session, request_id, viewer))
        except NotFound:
            pieces.insert(0, partial(f"#job-{request_id}", None))
        else:
            pieces.insert(0, partial(f"#job-{request_id}", "_job.html", job=job, **context))
    return in_place(*pieces, partial("#removed", "_removed.html", **context))


def _after_bin(request: PageRequest, session: Session, viewer: User, form: dict[str, str]) -> Page | Redirect | None:
    """Show the bin where that is where the form stood."""
    if form.get("shelf") != BIN:
        return None
    if not is_partial(request):
        return Redirect(address(BIN), status_code=303)
    session.flush()
    session.expire_all()
    desk = desk_of(session, viewer, shelf=BIN)
    return in_place(partial("#found", "_mine.html", desk=desk, **own_context(request, viewer)))


def _to_list() -> Redirect:
    return Redirect("/create#mine", status_code=303)


def own_context(request: PageRequest, viewer: User) -> dict[str, Any]:
    """Return what pieces of the viewer's list need to know besides the jobs."""
    return {"csrf_token": token_for(request), "by": viewer.name, "viewer": viewer, "removed": None}


def _read_ids(given: str | Iterable[str]) -> list[UUID]:
    """Return the ids in a text with commas, or in several; what is none is left out."""
    texts = given.split(",") if isinstance(given, str) else given
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found[:MOST_AT_ONCE]
