"""The queue: fair, exact and safe against workers that die."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from appliance.database import session_factory, transaction
from appliance.queue import (
    GAVE_UP,
    Lease,
    LeaseLost,
    MadeSong,
    SongCancelled,
    claim_request,
    fail_song,
    finish_song,
    keep_sheet,
    lease_of,
    release_request,
    release_worker,
    renew_lease,
    report_progress,
    something_waits,
    start_song,
)
from appliance.settings import settings
from appliance.songs import cancel_song, get_request, retry_song
from appliance.tables import Song, SongRequest, User
from appliance.turns import place_in_line
from tests.appliance.people import add_user, ask

MADE = MadeSong(
    master_key="songs/x/1/master.flac",
    audio_key="songs/x/1/audio.mp3",
    cover_key="",
    thumbnail_key="",
    peaks=bytes(800),
    loudness=-14.0,
    duration=30.0,
    bpm=90.0,
    key="A minor",
    sections=[],
    model="sketch",
    categories=("Jazz", "Not a category"),
)


def _sheet(title: str, lyrics: str) -> dict[str, Any]:
    """Return a sheet as the songwriter's work is kept, without what the queue does not look at."""
    sound = {"prompt": "waltz", "bpm": 90, "key": "A minor"}
    return {"title": title, "lyrics": lyrics, "instrumental": not lyrics, "language": "en", **sound}


def _claim(worker: str = "one") -> SongRequest | None:
    with transaction() as session:
        return claim_request(session, worker)


def _must_claim(worker: str = "one") -> SongRequest:
    request = _claim(worker)
    assert request is not None
    return request


def _finish_songs(lease: Lease, songs: list[Song]) -> None:
    for song in songs:
        with transaction() as session:
            assert start_song(session, lease, song.id)
            finish_song(session, lease, song.id, MADE)


def _finish_all(lease: Lease, songs: list[Song]) -> None:
    _finish_songs(lease, songs)
    with transaction() as session:
        release_request(session, lease)


def _lapse(request_id: UUID) -> None:
    """Let the lease of a request run out."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    with transaction() as session:
        session.execute(update(SongRequest).where(SongRequest.id == request_id).values(lease_until=past))


def test_a_claimed_request_is_under_lease_and_both_takes_can_be_finished(session: Session) -> None:
    ask(session, add_user(session, "Ada"))
    session.commit()
    request = _must_claim()
    assert request.attempt == 1
    assert _claim("two") is None
    _finish_all(lease_of(request), request.songs)
    session.expire_all()
    songs = session.scalars(select(Song).order_by(Song.take)).all()
    assert [song.status for song in songs] == ["processed", "processed"]
    assert not something_waits(session)


def test_six_workers_serve_twelve_people_exactly_once_and_never_two_requests_of_one_person(session: Session) -> None:
    people = [add_user(session, f"person {number}") for number in range(12)]
    session.commit()
    # One person floods the studio before anybody else comes; together there are 300 requests.
    counts = [80] + [20] * 11
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAX_WAITING", "1000")
        settings.cache_clear()
        for person, count in zip(people, counts, strict=True):
            for _ in range(count):
                ask(session, person)
        session.commit()
        settings.cache_clear()
    settings.cache_clear()

    running: Counter[UUID] = Counter()
    most_at_once: Counter[UUID] = Counter()
    served: list[UUID] = []
    finished: Counter[UUID] = Counter()
    lock = threading.Lock()
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            while True:
                request = _claim(name)
                if request is None:
                    with session_factory()() as look:
                        if not look.scalar(select(Song.id).where(Song.status.in_(("queued", "processing"))).limit(1)):
                            return
                    continue
                with lock:
                    running[request.user_id] += 1
                    most_at_once[request.user_id] = max(most_at_once[request.user_id], running[request.user_id])
                    served.append(request.user_id)
                _finish_songs(lease_of(request), request.songs)
                with lock:  # before the lease ends, since from then on somebody else may rightly begin
                    running[request.user_id] -= 1
                    finished.update(song.id for song in request.songs)
                with transaction() as end:
                    release_request(end, lease_of(request))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(most_at_once.values()) == {1}
    assert len(served) == 300
    assert len(finished) == 600
    assert set(finished.values()) == {1}
    # The flood does not starve the others: while all wait, everybody is served about once a round.
    first_rounds = Counter(served[: 12 * 15])
    assert all(13 <= first_rounds[person.id] <= 17 for person in people)
    assert set(served[12 * 20 + 12 :]) == {people[0].id}


def test_the_database_itself_refuses_a_second_running_request_of_one_person(session: Session) -> None:
    ada = add_user(session, "Ada")
    requests = [ask(session, ada), ask(session, ada)]
    for request in requests:
        request.lease_worker, request.lease_until = "one", datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(IntegrityError, match="uq_song_requests_running"):
        session.flush()


def test_whoever_was_served_least_recently_is_next(session: Session) -> None:
    ada, bela = add_user(session, "Ada"), add_user(session, "Bela")
    for _ in range(2):
        ask(session, ada)
    ask(session, bela)
    session.commit()
    order = []
    for _ in range(3):
        request = _must_claim()
        order.append(request.user_id)
        _finish_all(lease_of(request), request.songs)
    assert order == [ada.id, bela.id, ada.id]


def test_a_lapsed_lease_is_taken_over_and_the_first_worker_is_fenced_off(session: Session) -> None:
    ask(session, add_user(session, "Ada"))
    session.commit()
    first = _must_claim("one")
    song_id = first.songs[0].id
    old = lease_of(first)
    _lapse(first.id)
    second = _must_claim("two")
    assert second.id == first.id
    assert second.attempt == 2
    sheet = _sheet("Late", "")
    for attempt in (
        lambda late: renew_lease(late, old),
        lambda late: start_song(late, old, song_id),
        lambda late: keep_sheet(late, old, sheet),
        lambda late: report_progress(late, old, song_id, "composing", 0.5),
        lambda late: finish_song(late, old, song_id, MADE),
        lambda late: fail_song(late, old, song_id, "late"),
    ):
        with pytest.raises(LeaseLost), transaction() as late:
            attempt(late)
    with transaction() as late:
        release_request(late, old)  # letting go of what one does not hold changes nothing
    session.expire_all()
    held = session.get(SongRequest, first.id)
    assert held is not None
    assert held.lease_worker == "two"
    _finish_all(lease_of(second), second.songs)


def test_a_lease_that_ends_far_ahead_is_none_since_the_clock_was_set_back(session: Session) -> None:
    ask(session, add_user(session, "Ada"))
    session.commit()
    first = _must_claim("one")
    for ahead, waits in ((settings().lease_seconds, False), (3600, True)):
        end = datetime.now(UTC) + timedelta(seconds=ahead)
        with transaction() as later:
            later.execute(update(SongRequest).where(SongRequest.id == first.id).values(lease_until=end))
        with transaction() as later:
            assert something_waits(later) is waits
    assert _must_claim("two").id == first.id


def test_a_worker_of_the_same_name_is_fenced_off_by_the_attempt_number(session: Session) -> None:
    ask(session, add_user(session, "Ada"))
    session.commit()
    first = _must_claim("one")
    with transaction() as restart:
        assert release_worker(restart, "one") == 1
    second = _must_claim("one")
    with pytest.raises(LeaseLost), transaction() as late:
        finish_song(late, lease_of(first), first.songs[0].id, MADE)
    _finish_all(lease_of(second), second.songs)


def test_after_three_tries_a_request_fails_with_a_reason_and_the_next_one_is_served(session: Session) -> None:
    ada = add_user(session, "Ada")
    poison, good = ask(session, ada), ask(session, ada)
    session.commit()
    for _ in range(3):
        assert _must_claim().id == poison.id
        _lapse(poison.id)
    assert _must_claim().id == good.id
    session.expire_all()
    songs = session.scalars(select(Song).where(Song.request_id == poison.id)).all()
    assert {(song.status, song.reason) for song in songs} == {("failed", GAVE_UP)}


def test_an_orderly_stop_does_not_count_as_a_try(session: Session) -> None:
    ask(session, add_user(session, "Ada"))
    session.commit()
    for _ in range(5):
        lease = lease_of(_must_claim())
        with transaction() as stop:
            release_request(stop, lease, orderly=True)
    assert _must_claim().tries == 1


def test_a_released_request_goes_back_in_line_with_its_finished_take_kept(session: Session) -> None:
    ask(session, add_user(session, "Ada"))
    session.commit()
    request = _must_claim()
    lease, (first, second) = lease_of(request), request.songs
    with transaction() as work:
        start_song(work, lease, first.id)
        finish_song(work, lease, first.id, MADE)
        start_song(work, lease, second.id)
        report_progress(work, lease, second.id, "composing", 0.4)
    with transaction() as work:
        release_request(work, lease)
    session.expire_all()
    songs = session.scalars(select(Song).order_by(Song.take)).all()
    assert [(song.status, song.progress) for song in songs] == [("processed", 1.0), ("queued", 0.0)]
    assert something_waits(session)


def test_a_cancelled_song_is_not_started_nor_finished_and_the_other_take_goes_on(session: Session) -> None:
    ada = add_user(session, "Ada")
    ask(session, ada)
    session.commit()
    request = _must_claim()
    lease, (first, second) = lease_of(request), request.songs
    with transaction() as work:
        assert start_song(work, lease, first.id)
    cancel_song(session, first.id, ada)
    cancel_song(session, first.id, ada)
    session.commit()
    with transaction() as work:
        assert renew_lease(work, lease) == {second.id}
    with pytest.raises(SongCancelled), transaction() as work:
        finish_song(work, lease, first.id, MADE)
    with transaction() as work:
        assert start_song(work, lease, second.id)
        finish_song(work, lease, second.id, MADE)


def test_a_failed_song_can_be_tried_again_and_keeps_its_words(session: Session) -> None:
    ada = add_user(session, "Ada")
    ask(session, ada)
    session.commit()
    request = _must_claim()
    sheet = _sheet("Kept", "[Verse]\nla")
    with transaction() as work:
        keep_sheet(work, lease_of(request), sheet)
        for song in request.songs:
            fail_song(work, lease_of(request), song.id, "The instruments are missing.")
        release_request(work, lease_of(request))
    assert _claim() is None
    retry_song(session, request.songs[0].id, ada)
    session.commit()
    again = _must_claim()
    assert again.attempt == 2
    assert again.sheet == sheet
    assert [song.status for song in again.songs] == ["queued", "failed"]
    assert again.songs[0].lyrics == "[Verse]\nla"


def test_only_curated_categories_reach_a_finished_song(session: Session) -> None:
    ada = add_user(session, "Ada")
    ask(session, ada)
    session.commit()
    request = _must_claim()
    _finish_all(lease_of(request), request.songs)
    session.expire_all()
    seen = get_request(session, request.id, ada)
    assert [[category.name for category in song.categories] for song in seen.songs] == [["Jazz"], ["Jazz"]]


def test_the_place_in_line_is_the_order_in_which_requests_are_served(session: Session) -> None:
    people = [add_user(session, name) for name in ("Ada", "Bela", "Cleo")]
    requests = [ask(session, people[index]) for index in (0, 0, 0, 1, 1, 2)]
    session.commit()
    told = {place_in_line(session, request): request.id for request in requests}
    served = []
    while request := _claim():
        assert place_in_line(session, request) == 0
        served.append(request.id)
        _finish_all(lease_of(request), request.songs)
    assert [told[place] for place in range(1, 7)] == served


def test_users_are_deleted_with_everything_of_theirs(session: Session) -> None:
    ada = add_user(session, "Ada")
    ask(session, ada)
    session.commit()
    session.delete(session.get(User, ada.id))
    session.commit()
    assert session.scalars(select(Song)).all() == []
