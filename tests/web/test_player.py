"""The player's memory on the server, its heart, and the news for a hidden tab."""

import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from appliance.shelf import delete_song
from appliance.songs import publish_song
from appliance.storage import Storage
from appliance.tables import User
from tests.web.browser import Browser
from tests.web.making import make

STATE: dict[str, Any] = {
    "songs": [], "order": [], "at": 0, "time": 0.0, "volume": 0.8, "muted": False, "shuffled": False, "repeat": "off",
}  # fmt: skip


def save(browser: Browser, **fields: Any) -> int:
    return browser.send("/player", {"state": json.dumps(STATE | fields)}).status_code


def test_another_browser_goes_on_where_this_one_was(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    songs = [str(song.id) for song in make(session, object_store, people["Mara"]).songs]
    assert mara.get("/player").json() == {"queue": None}
    assert 'data-saved="0"' in mara.open("/create").text
    assert save(mara, songs=songs, order=[1, 0], at=1, time=12.5, shuffled=True) == 200
    other = Browser(mara.client)
    other.sign_in("Mara")
    assert 'data-saved="0"' not in other.open("/create").text
    told = other.get("/player").json()
    assert [entry["id"] for entry in told["queue"]["entries"]] == songs
    assert (told["queue"]["order"], told["queue"]["at"], told["time"]) == ([1, 0], 1, 12.5)
    assert told["queue"]["shuffled"]


def test_what_cannot_be_heard_any_more_falls_out_of_the_queue(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    first, second = make(session, object_store, people["Mara"]).songs
    theirs = make(session, object_store, people["Jun"]).songs[0]
    ids = [str(song.id) for song in (theirs, first, second)]
    publish_song(session, theirs.id, people["Jun"], published=True)
    session.commit()
    save(mara, songs=[*ids, str(uuid4())], order=[0, 1, 2], at=2, time=3)
    assert [entry["id"] for entry in mara.get("/player").json()["queue"]["entries"]] == ids
    publish_song(session, theirs.id, people["Jun"], published=False)
    delete_song(session, first.id, people["Mara"])
    session.commit()
    told = mara.get("/player").json()
    assert [entry["id"] for entry in told["queue"]["entries"]] == [ids[2]]
    assert (told["queue"]["order"], told["queue"]["at"], told["time"]) == ([0], 0, 3.0)
    assert "Salt" not in jun.get("/player").text


@pytest.mark.parametrize(
    "fields",
    [
        {"songs": ["x"]},
        {"songs": [str(uuid4())] * 501},
        {"order": [5]},
        {"songs": [str(uuid4())], "order": [0], "at": 3},
        {"time": -1},
        {"volume": 3},
        {"repeat": True},
        {"admin": True},
    ],
)
def test_a_state_that_is_none_is_refused(mara: Browser, fields: dict[str, Any]) -> None:
    mara.open("/create")
    assert save(mara, **fields) == 422
    assert mara.send("/player", {"state": "{"}).status_code == 422
    assert mara.get("/player").json() == {"queue": None}


def test_the_heart_is_that_of_a_song_that_can_be_seen(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    song_id = make(session, object_store, people["Mara"]).songs[0].id
    assert mara.get(f"/player/liked?song={song_id}").json() == {"liked": False}
    mara.open("/create")
    mara.send(f"/songs/{song_id}/like", {"liked": "1"})
    assert mara.get(f"/player/liked?song={song_id}").json() == {"liked": True}
    assert jun.get(f"/player/liked?song={song_id}").status_code == 404


def test_a_hidden_tab_hears_how_many_songs_became_ready(
    mara: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    make(session, object_store, people["Mara"])
    assert mara.get("/player/news?since=0").json() == {"ready": 2}
    assert mara.get("/player/news?since=99999999999999").json() == {"ready": 0}
    assert mara.get("/player/news?since=9999999999999999999").status_code == 422
