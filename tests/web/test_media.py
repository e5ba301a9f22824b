"""Sound and pictures, both ways: links into the store, and streamed with ranges."""

import httpx
import pytest
from sqlalchemy.orm import Session

from appliance.storage import Storage
from appliance.tables import User
from tests.web.browser import Browser
from tests.web.making import SOUND, begin, make


def test_where_browsers_reach_the_store_they_are_sent_there_for_five_minutes(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    answer = mara.get(f"/songs/{song.id}/audio")
    assert answer.status_code == 307
    assert answer.headers["cache-control"] == "no-store"
    link = answer.headers["location"]
    assert "X-Amz-Expires=300" in link
    heard = httpx.get(link, headers={"Range": "bytes=10-19"})
    assert (heard.status_code, heard.content) == (206, SOUND[10:20])
    store = link.split("/")[2]
    policy = mara.open("/create").headers["content-security-policy"]
    assert f"media-src 'self' http://{store}" in policy
    assert f"img-src 'self' http://{store} data:" in policy


@pytest.mark.parametrize(
    ("asked", "status", "first", "stop"),
    [
        (None, 200, 0, len(SOUND)),
        ("bytes=0-", 206, 0, len(SOUND)),
        ("bytes=100-199", 206, 100, 200),
        ("bytes=10000-99999999", 206, 10000, len(SOUND)),
        ("bytes=-40", 206, len(SOUND) - 40, len(SOUND)),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=0-4,10-14", 200, 0, len(SOUND)),
        ("pages=1-2", 200, 0, len(SOUND)),
    ],
)
def test_ranges_are_answered_so_that_seeking_works(
    streamed: None,
    mara: Browser,
    session: Session,
    people: dict[str, User],
    object_store: Storage,
    asked: str | None,
    status: int,
    first: int,
    stop: int,
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    headers = {"Range": asked} if asked else {}
    answer = mara.get(f"/songs/{song.id}/audio", **headers)
    assert (answer.status_code, answer.content) == (status, SOUND[first:stop])
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(stop - first)
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {first}-{stop - 1}/{len(SOUND)}"
    asked_only = mara.ask("HEAD", f"/songs/{song.id}/audio", headers=headers)
    assert (asked_only.status_code, asked_only.content) == (status, b"")
    assert asked_only.headers["content-length"] == str(stop - first)


def test_impossible_ranges_and_conditions(
    streamed: None, mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    path = f"/songs/{song.id}/audio"
    for asked in ("bytes=99999999-", "bytes=5-2", "bytes=-0"):
        beyond = mara.get(path, **{"Range": asked})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(SOUND)}")
    tag = mara.get(path).headers["etag"]
    assert mara.get(path, **{"If-None-Match": tag}).status_code == 304
    assert mara.get(path, **{"Range": "bytes=0-4", "If-Range": tag}).status_code == 206
    assert mara.get(path, **{"Range": "bytes=0-4", "If-Range": '"older"'}).status_code == 200


def test_a_song_in_the_making_has_a_drawn_sleeve_and_no_sound(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    song = begin(session, people["Mara"]).songs[0]
    for path in ("cover", "thumbnail"):
        sleeve = mara.get(f"/songs/{song.id}/{path}")
        assert sleeve.headers["content-type"].startswith("image/svg+xml")
        assert sleeve.text.startswith("<svg")
    for path in ("audio", "download"):
        assert mara.get(f"/songs/{song.id}/{path}").status_code == 404


def test_an_object_that_is_gone_is_said_so_before_anything_is_sent(
    streamed: None, mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    object_store.delete([song.audio_key])
    assert mara.get(f"/songs/{song.id}/audio").status_code == 404


def test_others_may_not_take_the_master_even_of_a_published_song(
    streamed: None, mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song = make(session, object_store, people["Mara"]).songs[0]
    mara.send(f"/songs/{song.id}/publish", {"published": "1"})
    assert jun.get(f"/songs/{song.id}/audio").status_code == 200
    assert jun.get(f"/songs/{song.id}/download").status_code == 404
