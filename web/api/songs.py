"""Songs through the API: asking for them, looking at them, and everything that can be done with one."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from litestar.response import Response
from sqlalchemy.orm import Session

from appliance.briefs import read_brief
from appliance.errors import Conflict, NotFound
from appliance.feed import published_songs
from appliance.idempotency import begin_once, keep_answer
from appliance.shelf import delete_song
from appliance.songs import (
    cancel_song,
    get_song,
    like_song,
    list_songs,
    publish_song,
    rename_song,
    request_songs,
    retry_song,
    unlike_song,
)
from appliance.tables import Song, User
from appliance.taskqueue import ring
from web.api.bodies import SongBrief, SongChange
from web.api.reading import cursor_of, place_of, read_json, read_page
from web.api.views import RequestView, SongList, SongView, request_view, song_views
from web.database import after_commit
from web.media import MediaAnswer, deliver, master_of, picture_of

ApiRequest = Request[Any, Any, Any]
IDEMPOTENCY_KEY = "idempotency-key"


def once(
    request: ApiRequest, session: Session, viewer: User, asked: bytes, status: int, work: Callable[[], Any]
) -> Response[Any]:
    """Return what `work` answers; the same request under the same idempotency key gets the same answer, and nothing is done twice."""
    name = request.headers.get(IDEMPOTENCY_KEY)
    if name is None:
        return Response(work(), status_code=status)
    kept = begin_once(session, viewer, name, request.url.path.encode() + b"\n" + asked)
    if kept is not None:
        return Response(kept, status_code=status, headers={"idempotent-replayed": "true"})
    answer = msgspec.to_builtins(work())
    keep_answer(session, viewer, name, answer)
    return Response(answer, status_code=status)


class Songs(Controller):
    """The takes: one's own, and what others have published."""

    opt = {"section": "Songs"}  # noqa: RUF012  # as Litestar has it

    @post(
        "/songs",
        scope="generate",
        body=SongBrief,
        answer=RequestView,
        status_code=201,
        idempotent=True,
        sync_to_thread=True,
    )
    def create(
        self, request: ApiRequest, session: NamedDependency[Session], viewer: NamedDependency[User], body: RawBody
    ) -> Response[Any]:
        """Ask for a song: two takes of it, each at the price of a take. They stand in line when this is answered."""
        asked = read_json(request, body, SongBrief)

        def make() -> RequestView:
            brief = read_brief(msgspec.structs.asdict(asked) | {"seed": int(asked.seed)})
            made = request_songs(session, viewer, brief)
            after_commit(session, ring)
            session.flush()
            return request_view(session, made, viewer)

        return once(request, session, viewer, msgspec.json.encode(asked), 201, make)

    @get("/songs", scope="songs:read", answer=SongList, query=("cursor", "limit"), sync_to_thread=True)
    def mine(self, request: ApiRequest, session: NamedDependency[Session], viewer: NamedDependency[User]) -> SongList:
        """List your own songs, newest first, in whatever state they are."""
        cursor, limit = read_page(request)
        found = list_songs(session, viewer, place_of(cursor), limit + 1)
        after = cursor_of(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
        return SongList(song_views(session, found[:limit], viewer), after)

    @get("/feed", scope="songs:read", answer=SongList, query=("cursor", "limit"), sync_to_thread=True)
    def published(
        self, request: ApiRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> SongList:
        """List what everybody has published, newest first."""
        cursor, limit = read_page(request)
        found = published_songs(session, place_of(cursor), limit + 1)
        after = None
        if len(found) > limit and (moment := found[limit - 1].published_at):
            after = cursor_of(moment, found[limit - 1].id)
        return SongList(song_views(session, found[:limit], viewer), after)

    @get("/songs/{song_id:uuid}", scope="songs:read", answer=SongView, sync_to_thread=True)
    def one(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]
    ) -> SongView:
        """Return a song of yours, or one that is published."""
        return _view(session, song_id, viewer)

    @patch("/songs/{song_id:uuid}", scope="songs:write", body=SongChange, answer=SongView, sync_to_thread=True)
    def change(
        self,
        request: ApiRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
        body: RawBody,
    ) -> SongView:
        """Give a song of yours another title, publish it, or take it back."""
        asked = read_json(request, body, SongChange)
        _own(session, song_id, viewer)
        if isinstance(asked.title, str):
            rename_song(session, song_id, viewer, asked.title)
        if isinstance(asked.published, bool):
            publish_song(session, song_id, viewer, asked.published)
        return _view(session, song_id, viewer)

    @delete("/songs/{song_id:uuid}", scope="songs:write", status_code=204, sync_to_thread=True)
    def remove(self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]) -> None:
        """Put a song of yours into the bin, where it stays for 30 days; it may not be in the making."""
        delete_song(session, song_id, viewer)

    @post("/songs/{song_id:uuid}/cancel", scope="songs:write", answer=SongView, status_code=200, sync_to_thread=True)
    def cancel(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]
    ) -> SongView:
        """Stop a song that is in the making; it costs nothing then."""
        cancel_song(session, song_id, viewer)
        return _view(session, song_id, viewer)

    @post("/songs/{song_id:uuid}/retry", scope="generate", answer=SongView, status_code=200, sync_to_thread=True)
    def retry(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]
    ) -> SongView:
        """Put a song that failed or was cancelled in line again."""
        retry_song(session, song_id, viewer)
        after_commit(session, ring)
        return _view(session, song_id, viewer)

    @put("/songs/{song_id:uuid}/like", scope="songs:write", status_code=204, sync_to_thread=True)
    def like(self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]) -> None:
        """Like a song."""
        like_song(session, song_id, viewer)

    @delete("/songs/{song_id:uuid}/like", scope="songs:write", status_code=204, sync_to_thread=True)
    def unlike(self, session: NamedDependency[Session], viewer: NamedDependency[User], song_id: FromPath[UUID]) -> None:
        """Take a like back."""
        unlike_song(session, get_song(session, song_id, viewer).id, viewer)

    @get("/songs/{song_id:uuid}/audio", scope="songs:read", media="audio/mpeg", sync_to_thread=True)
    def audio(
        self,
        request: ApiRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> MediaAnswer:
        """Return the song as it is played (MP3), or where it is for the next five minutes. Ranges are understood."""
        return deliver(request, _heard(get_song(session, song_id, viewer)).audio_key)

    @get("/songs/{song_id:uuid}/download", scope="songs:read", media="audio/flac", sync_to_thread=True)
    def master(
        self,
        request: ApiRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> MediaAnswer:
        """Return the lossless master of a song of yours (FLAC), or where it is for the next five minutes."""
        return master_of(request, _heard(_own(session, song_id, viewer)), viewer)

    @get("/songs/{song_id:uuid}/cover", scope="songs:read", media="image/webp", sync_to_thread=True)
    def cover(
        self,
        request: ApiRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> MediaAnswer:
        """Return the cover (WebP; while none is painted, a drawn sleeve as SVG), or where it is for the next five minutes."""
        song = get_song(session, song_id, viewer)
        return picture_of(request, song, song.cover_key)


def _own(session: Session, song_id: UUID, viewer: User) -> Song:
    song = get_song(session, song_id, viewer)
    if song.user_id != viewer.id:
        raise NotFound
    return song


def _heard(song: Song) -> Song:
    if song.status != "processed":
        raise Conflict("This song cannot be heard yet.")
    return song


def _view(session: Session, song_id: UUID, viewer: User) -> SongView:
    session.flush()
    session.expire_all()
    return song_views(session, [get_song(session, song_id, viewer)], viewer)[0]
