"""The ledger: nobody gets a song for nothing, nobody pays twice, and every credit has its reason."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from appliance import credits, queue, shelf, songs
from appliance.errors import InvalidInput, NotAllowed
from appliance.settings import settings
from appliance.tables import CreditHold
from tests.appliance.ledger import (
    add_buyer,
    claim,
    count_credits,
    finish_all,
    made,
    numbers,
)
from tests.appliance.people import add_user, ask


@pytest.fixture(autouse=True)
def _credits_count(database_url: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch)
        yield
    settings.cache_clear()


def test_a_request_holds_its_price_and_a_ready_song_is_charged(session: Session) -> None:
    user = add_buyer(session, "Ada", 10)
    ask(session, user)
    session.commit()
    assert numbers(session, user) == (10, 2)
    claimed = claim(session)
    assert claimed
    finish_all(session, *claimed)
    assert numbers(session, user) == (8, 0)
    entries = credits.list_entries(session, user)
    assert [(each.kind, each.amount, each.balance_after) for each in entries] == [
        ("capture", -1, 8), ("capture", -1, 9), ("signup", 10, 10),
    ]  # fmt: skip


def test_without_enough_credits_the_songs_wait_and_start_by_themselves_after_a_grant(session: Session) -> None:
    user = add_buyer(session, "Ada", 1)
    admin = add_user(session, "Root", role="admin")
    request = ask(session, user)
    assert {song.status for song in request.songs} == {"no_credits"}
    assert credits.start_waiting_songs(session) == 0
    assert claim(session) is None
    credits.grant_credits(session, admin, user, 1, "A birthday", once="f1")
    session.commit()
    assert credits.start_waiting_songs(session) == 1
    session.commit()
    assert numbers(session, user) == (2, 2)
    assert claim(session) is not None


def test_songs_that_are_told_to_wait_do_not_start_by_themselves(session: Session) -> None:
    user = add_buyer(session, "Ada", 0)
    request = ask(session, user)
    request.start_when_paid = False
    credits.post(session, user.id, "signup", 5, once="late")
    session.commit()
    assert credits.start_waiting_songs(session) == 0
    assert credits.start_request(session, request)
    session.commit()
    assert numbers(session, user) == (5, 2)


def test_a_later_request_does_not_overtake_one_that_cannot_be_paid(session: Session) -> None:
    poor, rich = add_buyer(session, "Ada", 0), add_buyer(session, "Bob", 0)
    first = ask(session, poor)
    single = ask(session, poor)
    single.songs[1].status = "cancelled"
    ask(session, rich)
    credits.post(session, poor.id, "signup", 1, once="a")
    credits.post(session, rich.id, "signup", 2, once="b")
    session.commit()
    assert credits.start_waiting_songs(session) == 1
    session.commit()
    assert {song.status for song in first.songs} == {"no_credits"}
    assert numbers(session, poor) == (1, 0)
    assert numbers(session, rich) == (2, 2)


def test_cancelling_failing_and_giving_up_give_the_credits_back(session: Session) -> None:
    user = add_buyer(session, "Ada", 4)
    first, second = (song.id for song in ask(session, user).songs)
    songs.cancel_song(session, first, user)
    session.commit()
    assert numbers(session, user) == (4, 1)
    claimed = claim(session)
    assert claimed
    queue.fail_song(session, claimed[0], second, "The machine ran out of memory.")
    queue.release_request(session, claimed[0])
    session.commit()
    assert numbers(session, user) == (4, 0)
    ask(session, user)
    session.commit()
    for _ in range(queue.MOST_TRIES):
        assert claim(session)
        session.execute(text("UPDATE song_requests SET lease_until = now() - interval '1 s' WHERE lease_worker <> ''"))
        session.commit()
    assert claim(session) is None
    assert numbers(session, user) == (4, 0)


def test_a_failed_song_costs_again_when_it_is_tried_again(session: Session) -> None:
    user = add_buyer(session, "Ada", 2)
    request = ask(session, user)
    session.commit()
    songs.cancel_song(session, request.songs[0].id, user)
    songs.retry_song(session, request.songs[0].id, user)
    session.commit()
    assert numbers(session, user) == (2, 2)


def test_without_credits_a_retry_waits_for_them(session: Session) -> None:
    user = add_buyer(session, "Ada", 2)
    first, second = (song.id for song in ask(session, user).songs)
    songs.cancel_song(session, first, user)
    session.commit()
    claimed = claim(session)
    assert claimed
    queue.finish_song(session, claimed[0], second, made())
    queue.release_request(session, claimed[0])
    session.commit()
    assert numbers(session, user) == (1, 0)
    credits.grant_credits(session, add_user(session, "Root", role="admin"), user, -1, "Spent elsewhere", once="x")
    assert songs.retry_song(session, first, user).status == "no_credits"
    session.commit()
    assert numbers(session, user) == (0, 0)


@pytest.mark.parametrize(
    "statement", ["UPDATE credit_entries SET amount = 99", "DELETE FROM credit_entries", "TRUNCATE credit_entries"]
)
def test_entries_cannot_be_touched(session: Session, statement: str) -> None:
    add_buyer(session, "Ada", 3)
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))
    session.rollback()


@pytest.mark.parametrize(
    ("kind", "amount"), [("capture", 5), ("purchase", -5), ("admin", 5), ("admin", 0), ("signup", -1), ("gift", 1)]
)
def test_the_database_refuses_entries_that_make_no_sense(session: Session, kind: str, amount: int) -> None:
    user = add_buyer(session, "Ada", 3)
    with pytest.raises(DBAPIError) as refused:
        session.execute(
            text(
                "INSERT INTO credit_entries (user_id, seq, kind, amount, balance_after, once)"
                " VALUES (:user, 9, :kind, :amount, 0, 'odd')"
            ),
            {"user": user.id, "kind": kind, "amount": amount},
        )
    assert isinstance(refused.value.orig, psycopg.errors.CheckViolation)
    session.rollback()


def test_an_admin_gives_with_a_reason_and_once_a_form(session: Session) -> None:
    user, admin = add_buyer(session, "Ada", 3), add_user(session, "Root", role="admin")
    assert credits.grant_credits(session, admin, user, 5, "For the  jingle", once="form-1")
    assert not credits.grant_credits(session, admin, user, 5, "For the jingle", once="form-1")
    session.commit()
    entry = credits.list_entries(session, user)[0]
    assert (entry.amount, entry.note, entry.actor_id) == (5, "For the jingle", admin.id)
    with pytest.raises(InvalidInput, match="no more than that"):
        credits.grant_credits(session, admin, user, -9, "Too much", once="form-2")
    with pytest.raises(InvalidInput, match="Say why"):
        credits.grant_credits(session, admin, user, 1, " ", once="form-3")
    with pytest.raises(InvalidInput, match="whole number"):
        credits.grant_credits(session, admin, user, 0, "Nothing", once="form-4")
    with pytest.raises(NotAllowed):
        credits.grant_credits(session, user, user, 100, "For me", once="form-5")


def test_the_monthly_allowance_fills_up_once_a_month(session: Session) -> None:
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch, MONTHLY_CREDITS="20")
        low, high = add_buyer(session, "Ada", 3), add_buyer(session, "Bob", 50)
        november, december = datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
        assert credits.grant_allowances(session, november) == 1
        assert credits.grant_allowances(session, november) == 0
        session.commit()
        assert numbers(session, low)[0] == 20
        assert numbers(session, high)[0] == 50
        ask(session, low)
        session.commit()
        claimed = claim(session)
        assert claimed
        finish_all(session, *claimed)
        assert credits.grant_allowances(session, november) == 0
        assert credits.grant_allowances(session, december) == 1
        session.commit()
        assert numbers(session, low)[0] == 20


def test_a_new_account_comes_with_the_sign_up_credits_once(session: Session) -> None:
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch, SIGNUP_CREDITS="100")
        user = add_user(session, "Ada")
        credits.open_account(session, user)
        credits.open_account(session, user)
        session.commit()
        assert numbers(session, user) == (100, 0)


def test_where_credits_are_off_nothing_is_counted_and_switching_them_on_charges_nothing_old(session: Session) -> None:
    user = add_user(session, "Ada")
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch, "off")
        request = ask(session, user)
        session.commit()
    settings.cache_clear()
    assert [song.price for song in request.songs] == [0, 0]
    claimed = claim(session)
    assert claimed
    finish_all(session, *claimed)
    assert session.scalars(select(func.count()).select_from(CreditHold)).one() == 0
    assert numbers(session, user) == (0, 0)


def test_deleting_a_song_leaves_its_line_in_the_history(session: Session) -> None:
    user = add_buyer(session, "Ada", 2)
    first = ask(session, user).songs[0].id
    session.commit()
    claimed = claim(session)
    assert claimed
    finish_all(session, *claimed)
    shelf.delete_song(session, first, user)
    session.commit()
    assert numbers(session, user) == (0, 0)
    assert len(credits.list_entries(session, user)) == 3
