"""The ledger when many come at once, and when programs die: nothing is granted twice and no song is free."""

import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from appliance import credits, database, queue, songs
from appliance.errors import Conflict
from appliance.settings import settings
from appliance.tables import CreditEntry, Song, SongRequest, User
from tests.appliance.ledger import (
    add_buyer,
    add_pack,
    at_once,
    claim,
    count_credits,
    finish_all,
    in_transaction,
    made,
    numbers,
)
from tests.appliance.people import ask


@pytest.fixture(autouse=True)
def _credits_count(database_url: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch)
        yield
    settings.cache_clear()


def _ask_once(user_id: UUID) -> str:
    """Ask for a pair of takes in a transaction of its own, and return what became of it."""

    def asking(session: Session) -> str:
        user = session.get(User, user_id)
        assert user is not None
        return ask(session, user).songs[0].status

    return in_transaction(asking)


def test_a_hundred_requests_at_once_with_credits_for_one_make_exactly_one(session: Session) -> None:
    user = add_buyer(session, "Ada", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAX_WAITING", "1000")
        settings.cache_clear()
        statuses = at_once(16, _ask_once, [user.id] * 100)
    assert statuses.count("queued") == 1
    assert statuses.count("no_credits") == 99
    assert numbers(session, user) == (2, 2)


def test_takes_are_held_in_pairs_or_not_at_all(session: Session) -> None:
    user = add_buyer(session, "Ada", 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAX_WAITING", "1000")
        settings.cache_clear()
        statuses = at_once(16, _ask_once, [user.id] * 30)
    assert statuses.count("queued") == 3
    assert numbers(session, user) == (7, 6)
    in_line = session.scalars(select(func.count()).where(Song.status == "queued")).one()
    assert in_line == 6


def test_finishing_and_cancelling_at_once_have_one_outcome_each(session: Session) -> None:
    users = [add_buyer(session, f"Person {number}", 2) for number in range(12)]
    for user in users:
        ask(session, user)
    session.commit()
    leases: dict[UUID, tuple[queue.Lease, UUID]] = {}
    while claimed := claim(session, f"w{len(leases)}"):
        for song in claimed[1].songs:
            leases[song.id] = (claimed[0], song.user_id)
    assert len(leases) == 24

    def race(job: tuple[UUID, bool]) -> None:
        lease, user_id = leases[job[0]]

        def work(other: Session) -> None:
            if job[1]:
                queue.finish_song(other, lease, job[0], made())
            else:
                owner = other.get(User, user_id)
                assert owner
                songs.cancel_song(other, job[0], owner)

        with contextlib.suppress(queue.LeaseLost, queue.SongCancelled, Conflict):
            in_transaction(work)

    jobs = [(song_id, finishes) for song_id in leases for finishes in (True, False, True, False)]
    random.Random(1).shuffle(jobs)
    at_once(12, race, jobs)
    for user in users:
        ready = session.scalars(select(func.count()).where(Song.user_id == user.id, Song.status == "processed")).one()
        assert numbers(session, user) == (2 - ready, 0)


def test_a_worker_that_was_thought_dead_charges_nothing(session: Session) -> None:
    user = add_buyer(session, "Ada", 2)
    first = ask(session, user).songs[0].id
    session.commit()
    late = claim(session, "late")
    assert late
    session.execute(text("UPDATE song_requests SET lease_until = now() - interval '1 s' WHERE lease_worker <> ''"))
    session.commit()
    current = claim(session, "current")
    assert current
    with pytest.raises(queue.LeaseLost):
        in_transaction(lambda other: queue.finish_song(other, late[0], first, made(1)))
    finish_all(session, *current)
    assert numbers(session, user) == (0, 0)
    with pytest.raises((queue.LeaseLost, queue.SongCancelled)):
        in_transaction(lambda other: queue.finish_song(other, current[0], first, made(2)))


def test_an_earlier_attempt_of_the_same_worker_charges_nothing(session: Session) -> None:
    user = add_buyer(session, "Ada", 2)
    first = ask(session, user).songs[0].id
    session.commit()
    early = claim(session, "w")
    assert early
    session.execute(text("UPDATE song_requests SET lease_until = now() - interval '1 s' WHERE lease_worker <> ''"))
    session.commit()
    assert claim(session, "w")
    with pytest.raises(queue.LeaseLost):
        in_transaction(lambda other: queue.finish_song(other, early[0], first, made()))
    assert numbers(session, user) == (2, 2)


def test_killed_at_any_step_nothing_is_granted_twice_and_no_song_is_free(session: Session) -> None:
    add_pack(session, "p25", 25)
    environment = os.environ | {
        "BILLING": "polar",
        "POLAR_ACCESS_TOKEN": "nobody-listens",
        "POLAR_BASE_URL": "http://127.0.0.1:9",
    }
    program = [sys.executable, "-W", "error", "-m", "tests.appliance.dying"]
    said = subprocess.run(program, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    report = json.loads(said.stdout)
    assert report["found"] == []
    assert report["steps"] > 60  # a run that was never killed would prove nothing


def test_random_work_of_many_programs_never_breaks_a_rule(session: Session) -> None:
    users = [add_buyer(session, f"Person {number}", 30) for number in range(5)]
    ids = [user.id for user in users]

    def work(seed: int) -> int:
        dice, done = random.Random(seed), 0
        for _ in range(40):
            with database.session_factory()() as own:
                try:
                    _random_step(own, dice, ids, f"w{seed}")
                    own.commit()
                    done += 1
                except (Conflict, queue.LeaseLost, queue.SongCancelled):
                    own.rollback()
        return done

    assert sum(at_once(6, work, range(6))) > 100
    assert credits.broken_invariants(session) == {}
    assert session.scalars(select(func.count()).where(CreditEntry.kind == "capture")).one() > 0


def _random_step(session: Session, dice: random.Random, ids: list[UUID], worker: str) -> None:
    what = dice.random()
    user = session.get_one(User, dice.choice(ids))
    if what < 0.35:
        ask(session, user)
    elif what < 0.75:
        request = queue.claim_request(session, worker)
        session.commit()
        if request:
            lease = queue.lease_of(request)
            for song in request.songs:
                if dice.random() < 0.7:
                    queue.finish_song(session, lease, song.id, made())
                else:
                    queue.fail_song(session, lease, song.id, "A reason.")
                session.commit()
            queue.release_request(session, lease)
    elif what < 0.85:
        mine = session.scalars(select(Song.id).where(Song.user_id == user.id, Song.status == "queued")).first()
        if mine:
            songs.cancel_song(session, mine, user)
    elif what < 0.93:
        credits.start_waiting_songs(session)
    else:
        waiting = session.scalars(select(SongRequest).join(Song).where(Song.status == "no_credits").limit(1)).first()
        if waiting:
            credits.start_request(session, waiting)
