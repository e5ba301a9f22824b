"""One song: its page, and everything that can be done with it."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.briefs import LANGUAGES
from appliance.errors import InvalidInput
from appliance.languages import gettext as _
from appliance.languages import translated
from appliance.listening import more_songs_by, similar_songs
from appliance.shelf import delete_song
from appliance.songs import (
    cancel_song,
    get_request,
    get_song,
    like_song,
    liked_songs,
    publish_song,
    record_listen,
    rename_song,
    retry_song,
    unlike_song,
)
from appliance.tables import Like, Song, User
from appliance.taskqueue import ring
from web.csrf import token_for
from web.database import after_commit
from web.desk import day
from web.jobs import job_of
from web.lyrics import stanzas
from web.pages.shelf import show_removed, show_request
from web.rendering import Page, in_place, is_partial, partial, render

SongRequest = Request[Any, Any, Any]


class SongPages(Controller):
    """The page of a song and its forms."""

    path = "/songs/{song_id:uuid}"

    @get("/", sync_to_thread=True)
    def song(
        self,
        request: SongRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> Page:
        """Show a song that is the viewer's own or published."""
        return _page(request, session, viewer, get_song(session, song_id, viewer), {})

    @post("/title", sync_to_thread=True)
    def rename(
        self,
        request: SongRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        song_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Give the song another title."""
        try:
            rename_song(session, song_id, viewer, form.get("title", ""))
        except InvalidInput as error:
            session.rollback()
            song = get_song(session, song_id, viewer)
            return _page(request, session, viewer, song, error.fields, form.get("title", ""), error.status)
        return _to(song_id)

    @post("/publish", sync_to_thread=True)
    def publish(
        self,
        request: SongRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        song_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Show the song to everybody in the studio (`published` is 1), or take it back; `at` is list where that is."""
        song = publish_song(session, song_id, viewer, form.get("published") == "1")
        return show_request(request, session, viewer, song.request_id) if form.get("at") == "list" else _to(song_id)

    @post("/like", sync_to_thread=True)
    def like(
        self,
        request: SongRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        song_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Like the song (`liked` is 1), or take the like back."""
        liked = form.get("liked") == "1"
        (like_song if liked else unlike_song)(session, song_id, viewer)
        if not is_partial(request):
            return _to(song_id)
        song = get_song(session, song_id, viewer)
        context: dict[str, Any] = {
            "song": song,
            "liked": liked,
            "likes": _likes(session, song),
            "csrf_token": token_for(request),
        }
        piece = "_heart.html" if form.get("at") == "list" else "_like.html"
        return in_place(partial(f"#like-{song_id}", piece, **context))

    @post("/listens", status_code=204, sync_to_thread=True)
    def listen(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]
    ) -> Response[None]:
        """Note that the viewer has heard the song; the player says so after ten seconds."""
        record_listen(session, song_id, viewer)
        return Response(None, status_code=204)

    @post("/cancel", sync_to_thread=True)
    def cancel(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]
    ) -> Redirect:
        """Stop this take; the other one goes on."""
        cancel_song(session, song_id, viewer)
        return _to(song_id)

    @post("/retry", sync_to_thread=True)
    def retry(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]
    ) -> Redirect:
        """Put this take in line again."""
        retry_song(session, song_id, viewer)
        after_commit(session, ring)
        return _to(song_id)

    @post("/delete", sync_to_thread=True)
    def delete(
        self,
        request: SongRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        song_id: FromPath[UUID],
    ) -> Page | Redirect:
        """Put the song into the bin; `at` is list where it was deleted in the list, and else its page is left."""
        song = delete_song(session, song_id, viewer)
        if form.get("at") != "list":
            return Redirect(f"/create?removed={song.id}#mine", status_code=303)
        return show_removed(request, session, viewer, [song])


def _to(song_id: UUID) -> Redirect:
    return Redirect(f"/songs/{song_id}", status_code=303)


def _likes(session: Session, song: Song) -> int:
    return session.scalar(select(func.count()).where(Like.song_id == song.id)) or 0


def _details(song: Song, own: bool) -> list[tuple[str, str]]:
    """Return names and values of how the song was made; what would make it again is for its owner."""
    known: list[tuple[str, object]] = [
        (_("Tempo"), song.bpm and f"{song.bpm:.0f} BPM"),
        (_("Key"), translated(song.key or "")),
        (_("Sung in"), None if song.instrumental else LANGUAGES.get(song.language or "", song.language)),
        (_("Loudness"), song.loudness is not None and f"{song.loudness:.1f} LUFS".replace("-", "−")),
        (_("Made by"), song.model),
        (_("Made"), song.finished_at and f"{day(song.finished_at)}, {song.finished_at.astimezone():%H:%M}"),
        (_("Plays"), str(song.listen_count) if song.published else None),
        (_("Filed under"), ", ".join(translated(category.name) for category in song.categories)),
    ]
    if own:
        known[5:5] = [
            (_("Seed"), str(song.seed)),
            (_("Steps"), song.steps),
            (_("Followed the sound"), song.guidance_scale and song.steps and f"{song.guidance_scale:g}"),
            (_("Asked for"), song.request.full_description or song.request.described_lyrics),
            (_("Beat"), song.request.time_signature),
        ]
    return [(name, str(value)) for name, value in known if value]


def _page(
    request: SongRequest,
    session: Session,
    viewer: User,
    song: Song,
    errors: dict[str, str],
    title: str | None = None,
    status: int = 200,
) -> Page:
    own = song.user_id == viewer.id
    others = session.scalars(
        select(Song)
        .where(Song.request_id == song.request_id, Song.id != song.id, Song.deleted_at.is_(None))
        .order_by(Song.take)
    ).all()
    return render(
        request,
        "song.html",
        session,
        viewer,
        status=status,
        song=song,
        by=song.request.user.name,
        own=own,
        job=job_of(session, get_request(session, song.request_id, viewer)) if own else None,
        details=_details(song, own),
        # What else was made with it is for its owner, as long as it is not published itself.
        others=[other for other in others if own or other.published],
        stanzas=stanzas(song),
        more=more_songs_by(session, song) if song.status == "processed" else [],
        similar=similar_songs(session, song) if song.status == "processed" else [],
        liked=bool(liked_songs(session, viewer, [song.id])),
        likes=_likes(session, song),
        errors=errors,
        title=song.title if title is None else title,
    )
