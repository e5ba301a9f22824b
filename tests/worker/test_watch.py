"""The watch over a request: its lease stays alive, its progress is told, and the work hears when to stop."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from appliance.box.waiting import wait_until
from appliance.database import transaction
from appliance.errors import Unavailable
from appliance.queue import LeaseLost, SongCancelled, claim_request, lease_of, start_song
from appliance.settings import settings
from appliance.tables import SongRequest
from tests.worker.making import ask_for_song, cancel, claim, lapse, look
from worker.watch import Watch


@pytest.fixture
def request_(session: Session) -> Iterator[SongRequest]:
    """Return a claimed request whose lease is a second long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEASE_SECONDS", "1")
        settings.cache_clear()
        ask_for_song(session)
        yield claim()
    settings.cache_clear()


def _raises(error: type[Exception], watch: Watch, request: SongRequest, take: int) -> bool:
    try:
        watch.check(request.songs[take - 1].id)
    except error:
        return True
    return False


def test_the_heart_keeps_a_lease_alive(request_: SongRequest) -> None:
    def lease_end() -> float:
        lease_until = look(request_.id).lease_until
        assert lease_until is not None
        return lease_until.timestamp()

    begin = lease_end()
    with Watch(lease_of(request_)) as watch:
        assert wait_until(lambda: lease_end() > begin + 1.2, seconds=30)
        watch.check(request_.songs[0].id)


def test_a_cancel_and_a_lost_lease_are_heard_without_asking(session: Session, request_: SongRequest) -> None:
    with Watch(lease_of(request_)) as watch:
        cancel(session, request_, 2)
        assert wait_until(lambda: _raises(SongCancelled, watch, request_, 2), seconds=30)
        watch.check(request_.songs[0].id)
        # Between the lapse and the claim a heartbeat may have renewed the lease; then it has to lapse again.
        assert wait_until(lambda: _is_taken_over(request_), seconds=30)
        assert wait_until(lambda: _raises(LeaseLost, watch, request_, 1), seconds=30)


def test_a_request_that_is_given_back_waits_again_and_the_work_on_it_is_over(request_: SongRequest) -> None:
    song_id = request_.songs[0].id
    with Watch(lease_of(request_)) as watch:
        watch.call(start_song, song_id)
        watch.report(song_id, "composing", 0.3)
        watch.give_back()
        after = look(request_.id)
        assert (after.lease_worker, after.tries, after.songs[0].status) == (None, 0, "queued")
        with pytest.raises(LeaseLost):
            watch.check(song_id)
        with pytest.raises(LeaseLost):
            watch.report(song_id, "composing", 0.4)
        with pytest.raises(LeaseLost):
            watch.call(start_song, song_id)


def test_progress_is_told_at_once_for_a_new_stage_and_seldom_within_it(request_: SongRequest) -> None:
    def told() -> tuple[str | None, float]:
        song = look(request_.id).songs[0]
        return song.stage, song.progress

    song_id = request_.songs[0].id
    with Watch(lease_of(request_)) as watch:
        watch.call(start_song, song_id)
        for thousandth in range(100):
            watch.report(song_id, "composing", thousandth / 1000)
        stage, progress = told()
        assert stage == "composing"
        assert progress < 0.099
        watch.report(song_id, "mastering", 0.5)
        assert told() == ("mastering", 0.5)
        assert watch.stage(song_id) == "mastering"


def test_a_store_that_is_being_restarted_is_waited_for_unless_the_lease_is_lost(request_: SongRequest) -> None:
    calls: list[str] = []

    def write() -> str:
        calls.append("call")
        if len(calls) == 1:
            raise Unavailable("The object store does not answer.")
        return "written"

    with Watch(lease_of(request_)) as watch:
        assert watch.insist(write) == "written"
        assert len(calls) == 2
        watch.give_back()
        calls.clear()
        with pytest.raises(LeaseLost):
            watch.insist(write)
        assert len(calls) == 1


def _is_taken_over(request: SongRequest) -> bool:
    lapse(request)
    with transaction() as session:
        return claim_request(session, "two") is not None
