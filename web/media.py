"""Sound and pictures: straight from the store where browsers reach it, else through here, in ranges so that seeking works."""

import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect, Stream
from sqlalchemy.orm import Session

from appliance.errors import NotFound
from appliance.shelf import note_heard
from appliance.songs import get_song
from appliance.storage import attachment, storage
from appliance.tables import Song, User
from web.sleeves import sleeve_svg

# A link into the store works for this long, whoever has it: long enough to begin to play.
LINK_LIVES = timedelta(minutes=5)
PRIVATE = "private, max-age=3600"  # in this browser only, and its address changes with its content
MEDIA_REQUEST = [HttpMethod.GET, HttpMethod.HEAD]
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
for kind, ending in (("audio/ogg", ".opus"), ("audio/flac", ".flac"), ("image/webp", ".webp"), ("audio/mp4", ".m4a")):
    mimetypes.add_type(kind, ending)

MediaAnswer = Response[Any]


class Media(Controller):
    """The objects of a song, for whoever may see the song; asked anew at every request."""

    path = "/songs/{song_id:uuid}"

    @HTTPRouteHandler("/audio", http_method=MEDIA_REQUEST, sync_to_thread=True)
    def audio(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> MediaAnswer:
        """Return what is played. Its owner's first asking for it is the first hearing: from then on it is not new."""
        song = ready(get_song(session, song_id, viewer))
        if request.method == HttpMethod.GET:
            note_heard(session, song, viewer)
        return deliver(request, song.audio_key)

    @HTTPRouteHandler("/cover", http_method=MEDIA_REQUEST, sync_to_thread=True)
    def cover(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> MediaAnswer:
        """Return the cover; a drawn sleeve while none is painted."""
        song = get_song(session, song_id, viewer)
        return picture_of(request, song, song.cover_key)

    @HTTPRouteHandler("/thumbnail", http_method=MEDIA_REQUEST, sync_to_thread=True)
    def thumbnail(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        song_id: FromPath[UUID],
    ) -> MediaAnswer:
        """Return the small cover; a drawn sleeve while none is painted."""
        song = get_song(session, song_id, viewer)
        return picture_of(request, song, song.thumbnail_key)


def master_of(request: Request[Any, Any, Any], song: Song, viewer: User) -> MediaAnswer:
    """Answer with the master of a song, to be saved; it is for the owner. Raises NotFound."""
    if ready(song).user_id != viewer.id:
        raise NotFound
    ending = song.master_key.rpartition(".")[2]
    return deliver(request, song.master_key, filename=f"{song.title or 'Untitled'} (take {song.take}).{ending}")


def picture_of(request: Request[Any, Any, Any], song: Song, key: str) -> MediaAnswer:
    """Answer with the picture under `key`, or a drawn sleeve while there is none."""
    if key:
        return deliver(request, key)
    return Response(
        sleeve_svg(str(song.id)).encode(), media_type="image/svg+xml", headers={"cache-control": "no-cache"}
    )


def ready(song: Song) -> Song:
    """Return the song if it can be heard. Raises NotFound."""
    if song.status != "processed":
        raise NotFound("This song cannot be heard yet.")
    return song


def deliver(request: Request[Any, Any, Any], key: str, filename: str | None = None) -> MediaAnswer:
    """Answer with an object: a link into the store, or its bytes; to be saved under `filename` where one is given.

    Ranges are RFC 9110's: one range is answered with 206, an impossible one with 416, several or odd ones with everything.
    """
    if url := storage().presigned_url(key, LINK_LIVES, filename):
        return Redirect(url, status_code=307, headers={"cache-control": "no-store"})
    size = storage().size(key)
    tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:16]}"'
    headers = {"accept-ranges": "bytes", "etag": tag, "cache-control": PRIVATE}
    if filename:
        headers["content-disposition"] = attachment(filename)
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers)
    start, stop, status = 0, size, 200
    if request.headers.get("if-range") in (None, tag) and (asked := _RANGE.fullmatch(request.headers.get("range", ""))):
        start, stop = _span(asked, size)
        if start >= stop:
            return Response(b"", status_code=416, headers={"content-range": f"bytes */{size}"})
        status = 206
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["content-length"] = str(stop - start)
    media_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
    if request.method == HttpMethod.HEAD:
        return Response(b"", status_code=status, headers=headers, media_type=media_type)
    blocks = storage().read(key, start, stop)
    # The first block is here before the answer begins: a store that fails is said so, and not a song that breaks off.
    first = next(blocks, b"")
    return Stream(_stream(first, blocks), status_code=status, headers=headers, media_type=media_type)


def _span(asked: re.Match[str], size: int) -> tuple[int, int]:
    """Return the bytes that a range asks for, from and up to without."""
    first, last = asked.groups()
    if not first and not last:
        return 0, size
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    return start, stop


async def _stream(first: bytes, blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield an object's blocks, each read in a thread; the store's connection goes back even if nobody listens any more."""
    try:
        yield first
        while block := await sync_to_thread(next, blocks, b""):
            yield block
    finally:
        close = getattr(blocks, "close", None)
        if close:
            close()
