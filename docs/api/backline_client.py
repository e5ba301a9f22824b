"""A small client for Backline's API in one file: copy it. It needs httpx and Python 3.11.

with Backline("http://studio.local:8080", "bl_…") as studio:
    request = studio.create(full_description="a slow waltz about a lighthouse", duration=60)
    for song in studio.wait(request["id"])["songs"]:
        studio.download(song["id"], f"{song['title']} {song['take']}.flac")
"""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack

import httpx

Mode = Literal["description", "lyrics", "described_lyrics"]
Json = dict[str, Any]


class Brief(TypedDict, total=False):
    """What to make; see the fields of `SongBrief` on the studio's page /api. Duration in seconds."""

    mode: Mode
    full_description: str
    prompt: str
    lyrics: str
    described_lyrics: str
    title: str
    instrumental: bool
    duration: float
    bpm: float
    key: str
    time_signature: str
    language: str
    voice: str
    seed: int


class BacklineError(Exception):
    """The studio refused; `status` is the HTTP status, `fields` says what is wrong with each field."""

    def __init__(self, status: int, detail: str, fields: dict[str, str]) -> None:
        super().__init__(detail)
        self.status, self.fields = status, fields


class Backline:
    """A studio at an address, entered with a key. Every method raises BacklineError when the studio refuses."""

    def __init__(self, address: str, key: str, timeout: float = 30.0) -> None:
        self._http = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=timeout
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def me(self) -> Json:
        """Return whose key this is."""
        return self._json("GET", "/me")

    def credits(self) -> Json:
        """Return what can be spent."""
        return self._json("GET", "/credits")

    def create(self, **brief: Unpack[Brief]) -> Json:
        """Ask for a song and return the request with its two takes. Sent again after a lost answer, it is made once."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        for tries in (1, 0):
            try:
                return self._json("POST", "/songs", json=brief, headers=headers)
            except httpx.TransportError:
                if not tries:
                    raise
        raise AssertionError

    def request(self, request_id: str) -> Json:
        """Return a request with its songs."""
        return self._json("GET", f"/requests/{request_id}")

    def follow(self, request_id: str) -> Iterator[Json]:
        """Yield the request at every change, until it is done."""
        with self._http.stream("GET", f"/requests/{request_id}/events", timeout=60.0) as answer:
            _refuse(answer)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def wait(self, request_id: str) -> Json:
        """Return the request once nothing of it is in the making any more."""
        for seen in self.follow(request_id):
            if seen["done"]:
                return seen
        return self.request(request_id)

    def songs(self, published: bool = False) -> Iterator[Json]:
        """Yield your own songs, or those that everybody has published, newest first."""
        cursor: str | None = None
        while True:
            page = self._json("GET", "/feed" if published else "/songs", params={"cursor": cursor} if cursor else {})
            yield from page["songs"]
            cursor = page["next"]
            if cursor is None:
                return

    def song(self, song_id: str) -> Json:
        """Return a song."""
        return self._json("GET", f"/songs/{song_id}")

    def change(self, song_id: str, *, title: str | None = None, published: bool | None = None) -> Json:
        """Give a song another title, publish it, or take it back."""
        asked = {"title": title, "published": published}
        return self._json("PATCH", f"/songs/{song_id}", json={name: it for name, it in asked.items() if it is not None})

    def like(self, song_id: str, liked: bool = True) -> None:
        """Like a song, or take the like back."""
        self._ask("PUT" if liked else "DELETE", f"/songs/{song_id}/like")

    def cancel(self, song_id: str) -> Json:
        """Stop a song that is in the making."""
        return self._json("POST", f"/songs/{song_id}/cancel")

    def retry(self, song_id: str) -> Json:
        """Put a song that failed or was cancelled in line again."""
        return self._json("POST", f"/songs/{song_id}/retry")

    def delete(self, song_id: str) -> None:
        """Delete a song and what is stored of it."""
        self._ask("DELETE", f"/songs/{song_id}")

    def download(self, song_id: str, path: str | Path, what: Literal["download", "audio", "cover"] = "download") -> int:
        """Save the master (FLAC), what is played (MP3) or the cover (WebP), and return how many bytes that are."""
        # The store, where it may send us, gets no key: httpx drops the header for another host.
        with self._http.stream("GET", f"/songs/{song_id}/{what}", follow_redirects=True) as answer:
            _refuse(answer)
            with Path(path).open("wb") as file:
                return sum(file.write(block) for block in answer.iter_bytes())

    def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        answer = self._http.request(method, path, **how)
        _refuse(answer)
        return answer

    def _json(self, method: str, path: str, **how: Any) -> Json:
        told: Json = self._ask(method, path, **how).json()
        return told


def _refuse(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        problem = json.loads(answer.read())
    except ValueError:
        problem = {}
    raise BacklineError(answer.status_code, problem.get("detail", answer.reason_phrase), problem.get("fields", {}))
