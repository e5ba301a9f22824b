"""Names of objects: made of ids by us, and never of anything that comes from outside."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from appliance.errors import NotFound
from appliance.storage import Storage
from appliance.tables import Song, User
from tests.web.browser import Browser
from tests.web.making import make
from tests.web.test_hardening import by_key, routes

HOSTILE = [
    "../../etc/passwd", "..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/etc/passwd", "songs/../songs", "a\x00b", "%00", "ｓongs", "..%5c..%5c",
    "songs//x", "songs/é", " songs/x", "songs/x\n", "songs/" + "x" * 200, "file:///etc/passwd", "s3://bucket/key", "songs/x?versionId=1", "",
]  # fmt: skip


class Overheard(Storage):
    """A way to the store that notes every key that is asked for."""

    asked: list[str]

    def __init__(self, wanted: Any) -> None:
        super().__init__(wanted)
        self.asked = []

    def size(self, key: str) -> int:
        self.asked.append(key)
        return super().size(key)

    def presigned_url(self, key: str, *args: Any, **kwargs: Any) -> str | None:
        self.asked.append(key)
        return super().presigned_url(key, *args, **kwargs)


@pytest.mark.parametrize("key", HOSTILE)
def test_what_is_no_key_of_ours_never_reaches_the_store(object_store: Storage, key: str) -> None:
    # Nobody listens there: whatever got as far as the network would say that the store does not answer.
    from appliance.settings import load_settings  # noqa: PLC0415

    nowhere = Storage(
        load_settings(
            {"OBJECT_STORE": "s3", "S3_ENDPOINT": "http://127.0.0.1:9", "S3_PUBLIC_URL": "http://127.0.0.1:9",
             "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}, None,
        )
    )  # fmt: skip
    from datetime import timedelta  # noqa: PLC0415

    deeds: list[Any] = [
        lambda: nowhere.size(key),
        lambda: list(nowhere.read(key)),
        lambda: nowhere.write(key, b"x", "text/plain"),
        lambda: nowhere.delete([key]),
        lambda: nowhere.presigned_url(key, timedelta(minutes=1)),
    ]
    for deed in deeds:
        with pytest.raises(NotFound):
            deed()


def test_addresses_that_name_no_song_of_ours_ask_nothing_of_the_store(
    mara: Browser,
    client: TestClient[Litestar],
    session: Session,
    people: dict[str, User],
    object_store: Storage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from appliance.api_keys import SCOPES, create_key, written  # noqa: PLC0415
    from appliance.settings import settings  # noqa: PLC0415

    song = make(session, object_store, people["Mara"]).songs[0]
    bearer = {"Authorization": f"Bearer {written(*create_key(session, people['Mara'], 'x', list(SCOPES)))}"}
    session.commit()
    overheard = Overheard(settings())
    monkeypatch.setattr("web.media.storage", lambda: overheard)
    named = [path for method, path in routes(client) if method == "GET" and "{" in path and "{anywhere}" not in path]
    assert len(named) > 15
    for path in named:
        for each in HOSTILE:
            address = path.split("{")[0] + each.replace("\x00", "%00").replace("\n", "%0A") + path.partition("}")[2]
            key = bearer if path in by_key(client) else {}
            answer = mara.ask("GET", address, headers=key, follow_redirects=False)
            assert answer.status_code < 500, address
    for each in [*HOSTILE, song.audio_key, f"{song.id}.mp3/../x.mp3", f"songs/{song.id}.mp3"]:
        asked = {"path": each if each.endswith((".mp3", ".flac")) else f"{each}.mp3"}
        assert client.get("/v1/audio", params=asked, headers=bearer).status_code == 404
    assert overheard.asked == []
    # It is the studio's way to the store that was listened at.
    assert mara.get(f"/songs/{song.id}/audio").status_code == 307
    assert overheard.asked == [song.audio_key]


def test_an_odd_key_in_the_database_is_a_song_that_is_not_there(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    session.execute(update(Song).where(Song.id == song.id).values(audio_key="../../etc/passwd"))
    session.commit()
    assert mara.get(f"/songs/{song.id}/audio").status_code == 404
