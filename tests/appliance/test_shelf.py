"""Somebody's own songs: shelves, search, and the bin."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from appliance import credits
from appliance.errors import Conflict, NotFound
from appliance.shelf import (
    BIN_KEEPS,
    count_ready,
    count_shelves,
    delete_song,
    destroy_song,
    keep_song,
    list_bin,
    list_requests,
    note_heard,
    purge_bin,
    restore_song,
)
from appliance.songs import cancel_song, get_request, get_song, like_song, publish_song
from appliance.tables import Like, Song, SongRequest, User
from tests.appliance.people import add_user, ask


def _ready(session: Session, user: User, **fields: object) -> list[Song]:
    songs = ask(session, user, **fields).songs
    for song in songs:
        song.status, song.finished_at = "processed", datetime.now(UTC)
        song.master_key, song.audio_key = f"songs/{song.id}/1/master.flac", f"songs/{song.id}/1/audio.mp3"
    session.flush()
    return songs


def test_each_shelf_holds_what_it_says_and_counts_it(session: Session) -> None:
    ada, bela = add_user(session, "Ada"), add_user(session, "Bela")
    kept, liked, published = (_ready(session, ada, title=title)[0] for title in ("Kept", "Liked", "Published"))
    failed = ask(session, ada, title="Failed").songs[0]
    failed.status, failed.reason = "failed", "The machine ran out of memory."
    keep_song(session, kept.id, ada, kept=True)
    like_song(session, liked.id, ada)
    publish_song(session, published.id, ada, published=True)
    like_song(session, published.id, bela)  # that somebody else likes it puts it on no shelf of mine
    deleted = delete_song(session, _ready(session, ada, title="Deleted")[1].id, ada)
    for shelf, song in (("kept", kept), ("liked", liked), ("published", published), ("failed", failed)):
        assert [request.id for request in list_requests(session, ada, shelf=shelf)] == [song.request_id], shelf
    assert count_shelves(session, ada) == {
        "all": 5, "kept": 1, "liked": 1, "published": 1, "failed": 1, "bin": 1,
    }  # fmt: skip
    assert list_bin(session, ada) == [deleted]
    assert count_shelves(session, bela) == dict.fromkeys(("all", "kept", "liked", "published", "failed", "bin"), 0)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ferry", ["Ferry"]),
        ("FERRY harmonium", ["Ferry"]),
        ("ferry techno", []),
        ("harmonium", ["Ferry"]),
        ("salt", ["Window"]),
        ("%", []),
        ("_", []),
        ("waltz", ["Window", "Ferry"]),
        ("", ["Window", "Ferry"]),
    ],
)
def test_search_finds_all_words_wherever_they_stand_and_takes_them_as_text(
    session: Session, words: str, found: list[str]
) -> None:
    ada = add_user(session, "Ada")
    _ready(session, ada, title="Ferry", prompt="harmonium, slow")
    _ready(session, ada, title="Window", lyrics="[Verse]\nSalt on the pane")
    _ready(session, add_user(session, "Bela"), title="Ferry of somebody else")
    assert [request.title for request in list_requests(session, ada, words=words)] == found


def test_a_deleted_song_is_nowhere_and_comes_back_as_it_was(session: Session) -> None:
    ada = add_user(session, "Ada")
    first, second = _ready(session, ada)
    publish_song(session, first.id, ada, published=True)
    delete_song(session, first.id, ada)
    assert not first.published
    with pytest.raises(NotFound):
        get_song(session, first.id, ada)
    for act in (
        delete_song,
        cancel_song,
        lambda session, song_id, viewer: keep_song(session, song_id, viewer, kept=True),
    ):
        with pytest.raises(NotFound):
            act(session, first.id, ada)
    session.expire_all()
    assert [song.id for song in get_request(session, first.request_id, ada).songs] == [second.id]
    delete_song(session, second.id, ada)
    session.expire_all()
    assert list_requests(session, ada) == []
    with pytest.raises(NotFound):
        get_request(session, first.request_id, ada)
    for _ in range(2):  # a second press on Undo changes nothing
        restore_song(session, first.id, ada)
    assert (first.published, first.published_at is not None) == (True, True)
    with pytest.raises(NotFound):
        restore_song(session, second.id, add_user(session, "Bela"))


def test_the_database_lets_nothing_in_the_bin_be_published(session: Session) -> None:
    song = _ready(session, add_user(session, "Ada"))[0]
    song.published, song.published_at, song.deleted_at = True, datetime.now(UTC), datetime.now(UTC)
    with pytest.raises(IntegrityError, match="published_is_kept"):
        session.flush()


def test_a_song_in_the_making_cannot_be_deleted_and_one_that_waits_for_credits_never_starts_in_the_bin(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = add_user(session, "Ada")
    song, waiting = ask(session, ada).songs
    with pytest.raises(Conflict):
        delete_song(session, song.id, ada)
    waiting.status = "no_credits"
    session.flush()
    delete_song(session, waiting.id, ada)
    assert waiting.status == "cancelled"
    credits.account_of(session, ada.id)
    credits.post(session, ada.id, "signup", 10, once="test")
    assert credits.start_waiting_songs(session) == 0


def test_a_month_later_the_bin_is_emptied_and_names_its_objects(session: Session) -> None:
    ada = add_user(session, "Ada")
    old, other = _ready(session, ada)
    recent = _ready(session, ada)[0]
    for song in (old, other, recent):
        delete_song(session, song.id, ada)
    like = Like(user_id=ada.id, song_id=old.id)
    session.add(like)
    now = datetime.now(UTC)
    old.deleted_at = other.deleted_at = now - BIN_KEEPS - timedelta(hours=1)
    session.flush()
    assert sorted(purge_bin(session, now)) == sorted([old.master_key, old.audio_key, other.master_key, other.audio_key])
    assert purge_bin(session, now) == []
    assert list_bin(session, ada) == [recent]
    assert session.scalar(select(func.count()).select_from(SongRequest)) == 1
    with pytest.raises(NotFound):
        destroy_song(session, recent.id, add_user(session, "Bela"))
    assert destroy_song(session, recent.id, ada) == [recent.master_key, recent.audio_key]


def test_a_take_is_new_until_its_owner_plays_it(session: Session) -> None:
    ada, bela = add_user(session, "Ada"), add_user(session, "Bela")
    before = datetime.now(UTC) - timedelta(seconds=5)
    song, _ = _ready(session, ada)
    assert count_ready(session, ada, before) == 2
    note_heard(session, song, bela)
    session.refresh(song)
    assert song.heard_at is None
    note_heard(session, song, ada)
    session.refresh(song)
    assert song.heard_at is not None
    assert count_ready(session, ada, before) == 1
    assert count_ready(session, ada, datetime.now(UTC) + timedelta(seconds=5)) == 0
