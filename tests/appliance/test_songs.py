"""Songs as people see them: who may see and do what, limits, likes and listens."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from appliance.briefs import LARGEST_SEED
from appliance.database import transaction
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.settings import settings
from appliance.shelf import delete_song, list_requests
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
from appliance.tables import Like, Listen, Song, SongRequest, User
from tests.appliance.people import add_user, ask


def _make_ready(session: Session, song: Song) -> Song:
    song.status, song.master_key, song.audio_key = (
        "processed",
        f"songs/{song.id}/1/master.flac",
        f"songs/{song.id}/a.mp3",
    )
    session.flush()
    return song


def test_both_takes_share_the_brief_and_differ_by_seed_and_guidance(session: Session) -> None:
    request = ask(session, add_user(session, "Ada"), seed=str(LARGEST_SEED), title="Ferry")
    first, second = request.songs
    assert (first.take, first.seed, first.guidance_scale) == (1, LARGEST_SEED, 7.5)
    assert (second.take, second.seed, second.guidance_scale) == (2, 0, 15.0)
    assert {song.title for song in request.songs} == {"Ferry"}
    assert {song.status for song in request.songs} == {"queued"}


def test_nobody_can_have_more_requests_waiting_than_the_studio_allows(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_WAITING", "3")
    settings.cache_clear()
    ada = add_user(session, "Ada")
    session.commit()
    together, refused = threading.Barrier(6), []

    def flood() -> None:
        together.wait()
        try:
            with transaction() as own:
                ask(own, own.get_one(User, ada.id))
        except Conflict:
            refused.append(1)

    threads = [threading.Thread(target=flood) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()
    settings.cache_clear()
    assert len(refused) == 3
    assert session.scalar(select(func.count()).select_from(SongRequest)) == 3


def test_a_private_song_is_not_there_for_anybody_else(session: Session) -> None:
    ada, bela = add_user(session, "Ada"), add_user(session, "Bela", role="admin")
    request = ask(session, ada)
    song = _make_ready(session, request.songs[0])
    for viewer in (bela, None):
        with pytest.raises(NotFound):
            get_song(session, song.id, viewer)
        with pytest.raises(NotFound):
            get_request(session, request.id, viewer)
    assert get_song(session, song.id, ada) is song
    assert list_requests(session, bela) == []


@pytest.mark.parametrize(
    "act",
    [
        cancel_song,
        retry_song,
        delete_song,
        lambda session, song_id, viewer: rename_song(session, song_id, viewer, "Mine"),
        lambda session, song_id, viewer: publish_song(session, song_id, viewer, False),
    ],
)
def test_only_the_owner_can_change_a_song_even_a_published_one(session: Session, act: Callable[..., object]) -> None:
    song = _make_ready(session, ask(session, add_user(session, "Ada")).songs[0])
    publish_song(session, song.id, session.get_one(User, song.user_id), True)
    with pytest.raises(NotFound):
        act(session, song.id, add_user(session, "Bela"))


def test_only_a_ready_song_can_be_published_and_the_database_agrees(session: Session) -> None:
    ada = add_user(session, "Ada")
    song = ask(session, ada).songs[0]
    with pytest.raises(Conflict):
        publish_song(session, song.id, ada, True)
    song.published, song.published_at = True, datetime.now(UTC)
    with pytest.raises(IntegrityError, match="published_is_ready"):
        session.flush()


def test_a_ready_song_can_be_neither_cancelled_nor_tried_again(session: Session) -> None:
    ada = add_user(session, "Ada")
    song = _make_ready(session, ask(session, ada).songs[0])
    with pytest.raises(Conflict):
        cancel_song(session, song.id, ada)
    with pytest.raises(Conflict):
        retry_song(session, song.id, ada)


@pytest.mark.parametrize("title", ["", "   ", "x" * 81, "nul\x00"])
def test_a_title_that_cannot_be_is_refused(session: Session, title: str) -> None:
    ada = add_user(session, "Ada")
    song = ask(session, ada).songs[0]
    with pytest.raises(InvalidInput):
        rename_song(session, song.id, ada, title)
    assert rename_song(session, song.id, ada, "  Slow   Ferry ").title == "Slow Ferry"


def test_liking_twice_is_liking_once(session: Session) -> None:
    ada = add_user(session, "Ada")
    song = _make_ready(session, ask(session, ada).songs[0])
    for _ in range(2):
        like_song(session, song.id, ada)
    assert session.scalar(select(func.count()).select_from(Like)) == 1
    assert liked_songs(session, ada, [song.id]) == {song.id}
    unlike_song(session, song.id, ada)
    assert liked_songs(session, ada, [song.id]) == set()


def test_a_listen_counts_once_a_half_hour_and_never_for_ones_own_song(session: Session) -> None:
    ada, bela = add_user(session, "Ada"), add_user(session, "Bela")
    song = _make_ready(session, ask(session, ada).songs[0])
    publish_song(session, song.id, ada, True)
    assert not record_listen(session, song.id, ada)
    assert record_listen(session, song.id, bela)
    assert not record_listen(session, song.id, bela)
    session.execute(update(Listen).values(created_at=datetime.now(UTC) - timedelta(minutes=31)))
    assert record_listen(session, song.id, bela)
    session.refresh(song)
    assert song.listen_count == 2


def test_my_songs_come_newest_first_and_page_by_page(session: Session) -> None:
    ada = add_user(session, "Ada")
    made = [ask(session, ada).id for _ in range(5)]
    first = list_requests(session, ada, limit=3)
    rest = list_requests(session, ada, before=first[-1].created_at, limit=3)
    assert [request.id for request in [*first, *rest]] == made[::-1]


@pytest.mark.parametrize("takes", [1, 2, 3, 4])
def test_takes_are_neighbours_in_seed_and_differ_in_guidance_in_turn(session: Session, takes: int) -> None:
    songs = ask(session, add_user(session, "Ada"), takes=takes, seed=41).songs
    assert [song.seed for song in songs] == [41, 42, 43, 44][:takes]
    assert [song.guidance_scale for song in songs] == [7.5, 15.0, 7.5, 15.0][:takes]


def test_a_guidance_that_somebody_chose_is_that_of_every_take(session: Session) -> None:
    songs = ask(session, add_user(session, "Ada"), takes=3, guidance_scale="5", steps="40").songs
    assert [(song.guidance_scale, song.steps) for song in songs] == [(5.0, 40)] * 3
