"""Selling credits: whatever arrives, how often and in which order, the balance ends where the newest truth says."""

import itertools
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance import billing, credits, polar_gateway, reconciling
from appliance.billing import OrderSnapshot
from appliance.errors import InvalidInput, NotFound
from appliance.settings import settings
from appliance.tables import BillingOrder, CheckoutIntent, CreditEntry, CreditPack, WebhookMessage
from tests.appliance.ledger import (
    add_buyer,
    add_pack,
    at_once,
    claim,
    count_credits,
    finish_all,
    in_transaction,
    numbers,
    shop,
    snapshot,
)
from tests.appliance.people import ask
from tests.appliance.polar_standin import PolarStandIn


@pytest.fixture
def polar(database_url: str) -> Iterator[PolarStandIn]:
    """Run a studio that sells credits at a stand-in for Polar."""
    with shop() as stand_in:
        yield stand_in


def _apply(state: OrderSnapshot) -> int:
    return in_transaction(lambda session: billing.apply_order(session, state))


def test_one_paid_order_told_eighty_times_at_once_is_one_grant(session: Session) -> None:
    user = add_buyer(session, "Ada", 0)
    add_pack(session, "p25", 25)
    changes = at_once(12, _apply, [snapshot("o1", 1, user.id)] * 80)
    assert sorted(changes) == [0] * 79 + [25]
    assert numbers(session, user) == (25, 0)


def test_one_refund_told_many_times_at_once_is_one_clawback(session: Session) -> None:
    add_pack(session, "p25", 25)
    for number in range(8):
        user = add_buyer(session, f"Person {number}", 0)
        _apply(snapshot(f"o{number}", 1, user.id))
        refund = snapshot(f"o{number}", 2, user.id, status="partially_refunded", refunded=400)
        assert sorted(at_once(8, _apply, [refund] * 8)) == [-10] + [0] * 7
        assert numbers(session, user) == (15, 0)


def test_many_orders_of_one_person_at_once_are_all_granted(session: Session) -> None:
    user = add_buyer(session, "Ada", 0)
    add_pack(session, "p25", 25)
    assert at_once(8, _apply, [snapshot(f"o{number}", 1, user.id) for number in range(24)]) == [25] * 24
    assert numbers(session, user) == (600, 0)


def test_every_order_of_arrival_with_duplicates_ends_at_the_newest_state(session: Session) -> None:
    add_pack(session, "p25", 25)
    for number, order in enumerate(itertools.permutations(range(5))):
        user = add_buyer(session, f"Person {number}", 0)
        name = f"o{number}"
        history = [
            snapshot(name, 1, user.id, paid=False, status="pending"),
            snapshot(name, 2, user.id),
            snapshot(name, 3, user.id, status="partially_refunded", refunded=400),
            snapshot(name, 4, user.id, status="refunded", refunded=1000),
            snapshot(name, 5, user.id, status="partially_refunded", refunded=400),  # the bank took the rest back
        ]
        told = [history[place] for place in order for _ in range(2)]
        if number % 2:
            random.Random(number).shuffle(told)
        for state in told:
            billing.apply_order(session, state)
        session.commit()
        assert numbers(session, user) == (15, 0), order


def test_a_refund_after_the_credits_were_spent_closes_the_queue_until_the_debt_is_paid(session: Session) -> None:
    with pytest.MonkeyPatch.context() as patch:
        count_credits(patch)
        user = add_buyer(session, "Ada", 0)
        add_pack(session, "p4", 4)
        _apply(snapshot("o1", 1, user.id, product_id="p4"))
        ask(session, user)
        session.commit()
        claimed = claim(session)
        assert claimed
        finish_all(session, *claimed)
        waiting = [song.id for song in ask(session, user).songs]
        session.commit()
        assert _apply(snapshot("o1", 2, user.id, product_id="p4", status="refunded", refunded=1000)) == -4
        assert in_transaction(lambda own: credits.stop_unpaid_songs(own, user.id)) == 2
        assert numbers(session, user) == (-2, 0)
        assert ask(session, user).songs[0].status == "no_credits"
        session.commit()
        _apply(snapshot("o2", 3, user.id, product_id="p4"))
        assert numbers(session, user) == (2, 0)
        assert credits.start_waiting_songs(session) == 1
        session.commit()
        assert numbers(session, user) == (2, 2)
        assert waiting
    settings.cache_clear()


def test_what_cannot_be_given_yet_waits_with_a_reason_and_is_given_when_the_admin_knows(session: Session) -> None:
    user = add_buyer(session, "Ada", 0)
    add_pack(session, "p25", 25)
    assert _apply(snapshot("stranger", 1, None)) == 0
    assert _apply(snapshot("odd", 1, user.id, product_id="p9")) == 0
    problems = {order.order_id: order.problem for order in session.scalars(select(BillingOrder))}
    session.commit()
    assert problems["stranger"].startswith("Nobody in this studio")
    assert problems["odd"].startswith("No pack says")
    add_pack(session, "p9", 9)
    assert _apply(snapshot("odd", 1, user.id, product_id="p9")) == 9


def test_our_own_record_of_the_checkout_beats_the_payload_and_keeps_the_promise(session: Session) -> None:
    user, other = add_buyer(session, "Ada", 0), add_buyer(session, "Bob", 0)
    pack = add_pack(session, "p25", 25)
    billing.keep_intent(session, user, "c1", pack)
    session.commit()
    pack.credits = 5
    session.commit()
    assert _apply(snapshot("o1", 1, other.id, checkout_id="c1")) == 25
    assert numbers(session, user) == (25, 0)
    assert numbers(session, other) == (0, 0)
    intent = session.get(CheckoutIntent, "c1", populate_existing=True)
    assert intent
    assert intent.closed_at


@pytest.mark.parametrize(
    ("state", "given"),
    [
        ({"payable": 0}, 25),  # a discount of all of it is still a sale
        ({"units": 3}, 75),
        ({"reason": "subscription_cycle"}, 25),
        ({"reason": "subscription_update"}, 0),
        ({"reason": "subscription_meter_cycle"}, 0),
        ({"paid": False, "status": "pending"}, 0),
        ({"status": "void", "paid": False}, 0),
    ],
)
def test_what_an_order_is_worth(session: Session, state: dict[str, object], given: int) -> None:
    user = add_buyer(session, "Ada", 0)
    add_pack(session, "p25", 25)
    assert _apply(snapshot("o", 1, user.id, **state)) == given  # type: ignore[arg-type]


def test_an_order_under_several_message_ids_and_eight_programs_is_one_grant(
    session: Session, polar: PolarStandIn
) -> None:
    user = add_buyer(session, "Ada", 0)
    product = polar.add_product("Small", 500, 25)
    reconciling.reconcile()
    checkout_id, _ = polar_gateway.create_checkout(
        product, str(user.id), "http://127.0.0.1/r?c={CHECKOUT_ID}", "", None
    )
    polar.pay(checkout_id)
    for number, (_, body) in enumerate(polar.messages * 2):
        assert billing.keep_message(session, f"m{number}", json.loads(body))
    assert not billing.keep_message(session, "m0", json.loads(polar.messages[0][1]))
    session.commit()
    assert sum(at_once(8, lambda _: reconciling.drain_messages(), range(8))) >= 6
    assert numbers(session, user) == (25, 0)
    left = session.scalars(select(func.count()).where(WebhookMessage.state == "pending")).one()
    assert left == 0


def test_without_any_message_a_payment_arrives_by_looking(session: Session, polar: PolarStandIn) -> None:
    user = add_buyer(session, "Ada", 0)
    product = polar.add_product("Small", 500, 25)
    polar.add_product("Old", 100, 1, archived=True)
    reconciling.reconcile()
    (pack,) = billing.offered_packs(session)
    assert (pack.name, pack.price_cents, pack.credits) == ("Small", 500, 25)
    checkout_id, address = polar_gateway.create_checkout(
        product, str(user.id), "http://127.0.0.1/r?c={CHECKOUT_ID}", "http://127.0.0.1/credits", "127.0.0.1"
    )
    assert address.startswith(polar.address)
    billing.keep_intent(session, user, checkout_id, pack)
    session.commit()
    assert reconciling.settle_open_checkouts() == 1
    assert not reconciling.settle_checkout(checkout_id)
    assert numbers(session, user) == (0, 0)
    order = polar.pay(checkout_id)
    assert reconciling.settle_checkout(checkout_id)
    assert reconciling.settle_open_checkouts() == 0
    assert numbers(session, user) == (25, 0)
    polar.refund(order["id"], 200)
    assert reconciling.reconcile() == 1
    assert numbers(session, user) == (15, 0)
    polar.refund(order["id"], 300)
    reconciling.reconcile()
    assert numbers(session, user) == (0, 0)
    polar.refund(order["id"], -300)
    reconciling.reconcile()
    assert numbers(session, user) == (15, 0)
    kinds = [entry.kind for entry in credits.list_entries(session, user)]
    assert kinds == ["refund_reversal", "clawback", "clawback", "purchase"]


def test_a_hundred_orders_come_in_pages_and_one_that_is_unreadable_stops_no_other(
    session: Session, polar: PolarStandIn
) -> None:
    user = add_buyer(session, "Ada", 0)
    product = polar.add_product("Small", 500, 1)
    reconciling.reconcile()
    for _ in range(120):
        checkout_id, _ = polar_gateway.create_checkout(
            product, str(user.id), "http://127.0.0.1/{CHECKOUT_ID}", "", None
        )
        polar.pay(checkout_id)
    odd = next(iter(polar.orders.values()))
    odd["paid"] = "perhaps"
    assert reconciling.reconcile() == 119
    odd["paid"] = True
    assert reconciling.reconcile() == 1
    assert numbers(session, user) == (120, 0)


def test_a_message_that_can_never_be_applied_is_parked_and_the_next_ones_go_on(
    session: Session, polar: PolarStandIn
) -> None:
    user = add_buyer(session, "Ada", 0)
    add_pack(session, "p25", 25)
    good = {
        "id": "o1", "status": "paid", "paid": True, "net_amount": 500, "refunded_amount": 0, "billing_reason": "purchase",
        "created_at": datetime.now(UTC).isoformat(), "product_id": "p25", "customer": {"external_id": str(user.id)},
    }  # fmt: skip
    billing.keep_message(session, "poison", {"type": "order.paid", "data": {"id": "odd"}})
    billing.keep_message(session, "strange", {"type": "customer.created", "data": []})
    billing.keep_message(session, "good", {"type": "order.paid", "data": good})
    session.commit()
    assert reconciling.drain_messages() == 2
    assert numbers(session, user) == (25, 0)
    for _ in range(billing.MOST_ATTEMPTS):
        reconciling.drain_messages()
    poison = session.get(WebhookMessage, "poison", populate_existing=True)
    assert poison
    assert (poison.state, poison.attempts) == ("parked", billing.MOST_ATTEMPTS)
    assert "missing required field" in poison.error


def test_the_admin_prices_packs_and_a_sync_does_not_undo_it(session: Session, polar: PolarStandIn) -> None:
    product = polar.add_product("Small", 500, 25)
    unpriced = polar.add_product("Large", 900)
    reconciling.reconcile()
    assert [pack.product_id for pack in billing.offered_packs(session)] == [product]
    billing.price_pack(session, product, 30)
    billing.price_pack(session, unpriced, 60)
    session.commit()
    polar.products[product]["name"] = "Little"
    del polar.products[unpriced]
    reconciling.reconcile()
    session.expire_all()
    (pack,) = billing.offered_packs(session)
    assert (pack.name, pack.credits) == ("Little", 30)
    with pytest.raises(InvalidInput):
        billing.price_pack(session, product, 0)
    with pytest.raises(NotFound):
        billing.get_pack(session, unpriced)


def test_packs_and_entries_stay_consistent_when_an_order_changes_hands(session: Session) -> None:
    user = add_buyer(session, "Ada", 0)
    pack = CreditPack(product_id="p7", name="Seven", credits=7)
    session.add(pack)
    session.commit()
    _apply(snapshot("o", 1, user.id, product_id="p7"))
    _apply(snapshot("o", 2, add_buyer(session, "Bob", 0).id, product_id="p7"))
    owners = set(session.scalars(select(CreditEntry.user_id).where(CreditEntry.order_id == "o")))
    assert owners == {user.id}
