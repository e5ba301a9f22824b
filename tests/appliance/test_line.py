"""The line in the hands of an admin: pausing it, and letting somebody's request be the next."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.errors import Conflict, NotAllowed
from appliance.line import move_to_front, open_requests, pause_queue
from appliance.queue import claim_request, lease_of, release_request, renew_lease, something_waits
from appliance.songs import cancel_song, retry_song
from appliance.tables import AuditEntry, QueuePause, SongRequest, User
from appliance.turns import is_paused, place_in_line
from tests.appliance.people import add_user, ask


@pytest.fixture
def admin(session: Session) -> User:
    return add_user(session, "Ada", "admin")


def served(session: Session) -> list[SongRequest]:
    """Claim until nothing is left and return the requests in that order; each is finished before the next."""
    order = []
    while request := claim_request(session, "tests"):
        order.append(request)
        for song in request.songs:
            song.status = "cancelled"
        release_request(session, lease_of(request))
    return order


def test_while_the_queue_is_paused_nothing_is_begun_and_what_runs_is_finished(session: Session, admin: User) -> None:
    first, second = (ask(session, add_user(session, name)) for name in ("Mara", "Jun"))
    running = claim_request(session, "tests")
    assert running is not None
    assert running.id == first.id
    wanted = {song.id for song in running.songs}
    pause_queue(session, admin, paused=True)
    pause_queue(session, admin, paused=True)
    session.commit()
    assert is_paused(session)
    assert claim_request(session, "another") is None
    assert not something_waits(session)
    assert renew_lease(session, lease_of(running)) == wanted
    release_request(session, lease_of(running))
    # Given back, it waits like everybody.
    assert claim_request(session, "tests") is None
    pause_queue(session, admin, paused=False)
    assert something_waits(session)
    assert [request.id for request in served(session)] == [second.id, first.id]
    pause_queue(session, admin, paused=False)
    assert session.scalars(select(QueuePause)).all() == []
    deeds = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert deeds == ["pause queue", "resume queue"]  # each said once, however often it was pressed


def test_what_is_moved_to_the_front_is_next_and_the_places_say_so(session: Session, admin: User) -> None:
    mara, jun, ida = (add_user(session, name) for name in ("Mara", "Jun", "Ida"))
    requests = [ask(session, person) for person in (mara, mara, jun, ida)]
    move_to_front(session, admin, requests[3].id)
    move_to_front(session, admin, requests[1].id)
    session.flush()
    expected = [requests[index].id for index in (1, 3, 2, 0)]
    assert [request.id for request in open_requests(session, admin)] == expected
    assert sorted(requests, key=lambda each: place_in_line(session, each)) == [requests[i] for i in (1, 3, 2, 0)]
    assert [request.id for request in served(session)] == expected


def test_only_what_waits_can_be_moved_and_only_by_an_admin(session: Session, admin: User) -> None:
    mara = add_user(session, "Mara")
    request = ask(session, mara)
    with pytest.raises(NotAllowed):
        move_to_front(session, mara, request.id)
    with pytest.raises(NotAllowed):
        pause_queue(session, mara, paused=True)
    assert claim_request(session, "tests")
    with pytest.raises(Conflict, match="being made already"):
        move_to_front(session, admin, request.id)


def test_a_song_that_is_tried_again_has_lost_its_place_at_the_front(session: Session, admin: User) -> None:
    mara, jun = add_user(session, "Mara"), add_user(session, "Jun")
    request = ask(session, mara)
    move_to_front(session, admin, request.id)
    for song in request.songs:
        cancel_song(session, song.id, mara)
    waiting = ask(session, jun)
    retry_song(session, request.songs[0].id, mara)
    mara.last_served_at = request.created_at
    session.flush()
    assert [each.id for each in served(session)] == [waiting.id, request.id]
