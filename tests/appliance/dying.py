"""A program that is killed (SIGKILL) at every step that it takes in the database, and what is left of it each time.

Usage: python -m tests.appliance.dying, with the settings of a studio that sells credits in the environment. For every step number
it starts a child, which asks for songs, makes one, fails one, is paid and refunded, and is killed before (or, after commits,
behind) that step. Then it does what a studio does when it starts again, and compares. Prints a JSON report.
"""

import json
import os
import signal
import uuid

from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from appliance import billing, credits, database, polar_gateway, queue, reconciling
from appliance.tables import CreditEntry, Song, User
from tests.appliance.ledger import add_buyer, finish_all, made, snapshot
from tests.appliance.people import ask

START = 5  # credits
PACK = 25
MOST_STEPS = 400


def main() -> None:
    """Die at step 1, 2, 3 ... until a child comes through."""
    polar_gateway.FIRST_PAUSE = 0.0
    found: list[str] = []
    step = 0
    while step < MOST_STEPS:
        step += 1
        with database.session_factory()() as session:
            user = add_buyer(session, f"Person {step}", START)
        database.engine().dispose()
        child = os.fork()
        if child == 0:
            _die_at(step)
            _live(user.id)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        with database.session_factory()() as session:
            found += [f"step {step}: {problem}" for problem in _recover(session, user)]
        if os.WIFEXITED(status):
            if os.WEXITSTATUS(status):
                found.append(f"step {step}: the child failed by itself")
            break
    print(json.dumps({"steps": step, "found": found}))  # noqa: T201 - the report


def _die_at(step: int) -> None:
    left = step

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine(), "before_cursor_execute", count)
    event.listen(database.engine(), "commit", count)
    event.listen(Session, "after_commit", count)


def _live(user_id: uuid.UUID) -> None:
    """Take every way that credits can go."""
    with database.transaction() as session:
        ask(session, session.get_one(User, user_id))
    with database.transaction() as session:
        request = queue.claim_request(session, "mortal")
        assert request is not None
    lease, songs = queue.lease_of(request), [song.id for song in request.songs]
    with database.transaction() as session:
        queue.finish_song(session, lease, songs[0], made())
    with database.transaction() as session:
        queue.fail_song(session, lease, songs[1], "A reason.")
    with database.transaction() as session:
        queue.release_request(session, lease)
    order_id = f"order-{user_id.hex[:20]}"
    for second, refunded in ((1, 0), (2, 400)):
        with database.transaction() as session:
            billing.keep_message(session, f"{order_id}-{second}", _message(order_id, user_id, second, refunded))
        reconciling.drain_messages()


def _message(order_id: str, user_id: uuid.UUID, second: int, refunded: int) -> dict[str, object]:
    state = snapshot(order_id, second, user_id, refunded=refunded)
    order = {
        "id": order_id,
        "status": "partially_refunded" if refunded else "paid",
        "paid": True,
        "net_amount": state.payable,
        "refunded_amount": refunded,
        "billing_reason": state.billing_reason,
        "created_at": state.at.isoformat(),
        "modified_at": state.at.isoformat(),
        "product_id": state.product_id,
        "customer": {"external_id": str(user_id)},
    }
    return {"type": "order.updated", "data": order}


def _recover(session: Session, user: User) -> list[str]:
    """Do what a starting studio does and return everything that is not as it has to be."""
    found = [f"before recovery: {rule}" for rule in credits.broken_invariants(session)]
    session.execute(
        text("UPDATE song_requests SET lease_until = now() - interval '1 s' WHERE lease_worker IS NOT NULL")
    )
    session.commit()
    reconciling.drain_messages()
    while (request := queue.claim_request(session, "healer")) is not None:
        session.commit()
        finish_all(session, queue.lease_of(request), request)
    session.commit()
    found += [f"after recovery: {rule}" for rule in credits.broken_invariants(session)]
    account = credits.account_of(session, user.id)
    ready = session.scalars(select(func.count()).where(Song.user_id == user.id, Song.status == "processed")).one()
    bought = session.scalars(
        select(func.coalesce(func.sum(CreditEntry.amount), 0)).where(
            CreditEntry.user_id == user.id, CreditEntry.order_id.is_not(None)
        )
    ).one()
    if account.held:
        found.append(f"{account.held} credits are still held")
    if bought not in (0, PACK, PACK - 10):
        found.append(f"{bought} credits came from one order")
    if account.balance != START + bought - ready:
        found.append(f"balance {account.balance} with {ready} songs ready and {bought} bought")
    session.commit()
    return found


if __name__ == "__main__":
    main()
