"""Selling credits: packs, checkouts, and turning Polar's orders into ledger entries, whatever order they arrive in.

Nothing here speaks to Polar (see `appliance.polar_gateway`). An order's newest snapshot decides what the order is worth now,
and the ledger moves by the difference to what it brought before: that is why duplicates, messages out of order, refunds and
refunds that the bank took back all end in the same balance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance import credits
from appliance.errors import InvalidInput, NotFound, said
from appliance.tables import BillingOrder, CheckoutIntent, CreditPack, User, WebhookMessage

# Other reasons (a proration, a metered cycle) are no sale of a whole pack.
GRANTING_REASONS = ("purchase", "subscription_create", "subscription_cycle")
ORDER_EVENTS = ("order.created", "order.paid", "order.updated", "order.refunded")
MOST_ATTEMPTS = 10  # at a message, before a person has to look at it


class UnreadableOrder(ValueError):
    """An order of Polar's lacks something that we need, or holds it in another form."""


ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _Customer(msgspec.Struct):
    external_id: str | None = None


class _Order(msgspec.Struct):
    """An order as Polar writes it, as far as it matters here; msgspec passes over every other field."""

    id: ShortText
    status: ShortText
    paid: bool
    net_amount: int
    refunded_amount: int
    billing_reason: ShortText
    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    modified_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    applied_balance_amount: int | None = None
    product_id: ShortText | None = None
    checkout_id: ShortText | None = None
    customer: _Customer | None = None
    units: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """The state of an order at the moment `at`; amounts in the currency's smallest unit, `customer` an id of ours."""

    id: str
    status: str
    paid: bool
    payable: int
    refunded: int
    billing_reason: str
    product_id: str | None
    checkout_id: str | None
    customer: str | None
    units: int
    at: datetime


def read_order(raw: object) -> OrderSnapshot:
    """Return what we use of an order as Polar's API and its messages write it; anything new in it is ignored.

    Raises UnreadableOrder, so that one odd order does not stop the others.
    """
    try:
        order = msgspec.convert(raw, _Order)
    except msgspec.ValidationError as error:
        raise UnreadableOrder(str(error)[:200]) from None
    return OrderSnapshot(
        id=order.id,
        status=order.status,
        paid=order.paid,
        payable=order.net_amount + (order.applied_balance_amount or 0),
        refunded=order.refunded_amount,
        billing_reason=order.billing_reason,
        product_id=order.product_id,
        checkout_id=order.checkout_id,
        customer=order.customer.external_id if order.customer else None,
        units=order.units or 1,
        at=order.modified_at or order.created_at,
    )


def worth(snapshot: OrderSnapshot, pack_credits: int) -> int:
    """Return how many credits an order stands for now: all, less the share that was refunded (rounded down in our favour)."""
    if not snapshot.paid or snapshot.status == "refunded" or snapshot.billing_reason not in GRANTING_REASONS:
        return 0
    if snapshot.refunded <= 0 or snapshot.payable <= 0:
        return pack_credits
    return pack_credits - pack_credits * min(snapshot.refunded, snapshot.payable) // snapshot.payable


def apply_order(session: Session, snapshot: OrderSnapshot) -> int:
    """Bring the ledger to what this order is worth, and return by how many credits it moved.

    An older snapshot than the one that is known changes nothing. What cannot be given yet (nobody knows whose order it is, or
    what the product is worth) is kept with the problem in words, for the admin. After a negative return the caller runs
    `credits.stop_unpaid_songs` in a transaction of its own.
    """
    session.execute(insert(BillingOrder).values(order_id=snapshot.id).on_conflict_do_nothing())
    order = session.scalars(
        select(BillingOrder)
        .where(BillingOrder.order_id == snapshot.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if order.snapshot_at is not None and snapshot.at < order.snapshot_at:
        return 0
    intent = session.get(CheckoutIntent, snapshot.checkout_id) if snapshot.checkout_id else None
    if order.user_id is None:  # our own record first: what a payload says about the buyer is second-hand
        order.user_id = intent.user_id if intent else _known_user(session, snapshot.customer)
    if order.credits is None:
        per_unit = _promised(session, intent, snapshot.product_id)
        order.credits = per_unit * snapshot.units if per_unit is not None else None
    order.product_id, order.checkout_id = snapshot.product_id, snapshot.checkout_id
    order.status, order.paid, order.billing_reason = snapshot.status, snapshot.paid, snapshot.billing_reason
    order.payable, order.refunded, order.snapshot_at = snapshot.payable, snapshot.refunded, snapshot.at
    if intent is not None and snapshot.paid:
        intent.closed_at = intent.closed_at or datetime.now(UTC)
    order.problem = ""
    if order.user_id is None:
        order.problem = said("Nobody in this studio belongs to this order.")
    elif order.credits is None:
        order.problem = said("No pack says how many credits this product is worth.")
    if order.user_id is None or order.credits is None:
        session.flush()
        return 0
    change = worth(snapshot, order.credits) - order.applied
    if change:
        kind = "clawback" if change < 0 else "purchase" if order.steps == 0 else "refund_reversal"
        step = order.steps
        order.applied += change
        order.steps += 1
        session.flush()
        credits.account_of(session, order.user_id)
        credits.post(
            session, order.user_id, kind, change, once=f"order:{order.order_id}:{step}", order_id=order.order_id
        )
    session.flush()
    return change


def _known_user(session: Session, external_id: str | None) -> UUID | None:
    try:
        wanted = UUID(external_id or "")
    except ValueError:
        return None
    return session.scalar(select(User.id).where(User.id == wanted))


def _promised(session: Session, intent: CheckoutIntent | None, product_id: str | None) -> int | None:
    """Return the credits that the buyer was shown, or else today's for the product; None where nobody knows."""
    if intent is not None and intent.product_id == product_id:
        return intent.credits
    pack = session.get(CreditPack, product_id) if product_id else None
    return pack.credits if pack else None


def offered_packs(session: Session) -> list[CreditPack]:
    """Return the packs that can be bought, the smallest first."""
    return list(
        session.scalars(
            select(CreditPack)
            .where(CreditPack.credits.is_not(None), CreditPack.archived.is_(False))
            .order_by(CreditPack.credits, CreditPack.product_id)
        )
    )


def get_pack(session: Session, product_id: str) -> CreditPack:
    """Return a pack that can be bought, or raise NotFound."""
    pack = next((each for each in offered_packs(session) if each.product_id == product_id), None)
    if pack is None:
        raise NotFound("This pack is not for sale.")
    return pack


def price_pack(session: Session, product_id: str, worth_credits: int | None) -> CreditPack:
    """Decide how many credits a product is worth from now on; None takes it off the page. Orders that waited stay as they are
    until their next look at Polar."""
    pack = session.get(CreditPack, product_id)
    if pack is None:
        raise NotFound("Polar knows no such product; look again after the next sync.")
    if worth_credits is not None and not 1 <= worth_credits <= credits.LARGEST_GRANT:
        raise InvalidInput.about(
            credits=said("Give a whole number from 1 to %(most)s.", most=f"{credits.LARGEST_GRANT:,}")
        )
    pack.credits = worth_credits
    return pack


def keep_products(session: Session, products: list[dict[str, Any]]) -> int:
    """Keep what Polar sells beside what the admin says it is worth; a product that is gone is archived. Returns how many.

    A product's metadata may name its `credits`: that is the first proposal, and the admin's word counts from then on.
    """
    seen = []
    for product in products:
        prices = [each for each in product.get("prices") or [] if each.get("amount_type") == "fixed"]
        proposal = str((product.get("metadata") or {}).get("credits", ""))
        values = {
            "name": str(product["name"])[:120],
            "price_cents": prices[0]["price_amount"] if prices else None,
            "currency": (prices[0]["price_currency"] if prices else "usd")[:3],
            "archived": bool(product.get("is_archived")),
            "synced_at": datetime.now(UTC),
        }
        worth_credits = int(proposal) if proposal.isascii() and proposal.isdigit() and int(proposal) > 0 else None
        statement = insert(CreditPack).values(product_id=product["id"], credits=worth_credits, **values)
        session.execute(statement.on_conflict_do_update(index_elements=["product_id"], set_=values))
        seen.append(product["id"])
    session.execute(update(CreditPack).where(CreditPack.product_id.not_in(seen)).values(archived=True))
    return len(seen)


def keep_intent(session: Session, user: User, checkout_id: str, pack: CreditPack) -> None:
    """Remember who began a checkout, and what they were shown. The database's word counts, not the browser's."""
    session.add(
        CheckoutIntent(checkout_id=checkout_id, user_id=user.id, product_id=pack.product_id, credits=pack.credits or 0)
    )


def get_intent(session: Session, checkout_id: str, viewer: User) -> CheckoutIntent:
    """Return a checkout that the viewer began; anything else, foreign or misshapen, raises NotFound before any call."""
    try:
        wanted = str(UUID(checkout_id))
    except ValueError:
        raise NotFound from None
    intent = session.get(CheckoutIntent, wanted)
    if intent is None or intent.user_id != viewer.id:
        raise NotFound
    return intent


def keep_message(session: Session, webhook_id: str, body: dict[str, Any]) -> bool:
    """Store a verified message of Polar's, and return whether it is new: a redelivery carries the same id."""
    kept = session.execute(
        insert(WebhookMessage)
        .values(webhook_id=webhook_id, type=str(body.get("type"))[:80], body=body)
        .on_conflict_do_nothing()
        .returning(WebhookMessage.webhook_id)
    ).first()
    return kept is not None


def next_message(session: Session) -> WebhookMessage | None:
    """Return the oldest message that nobody has dealt with, locked, or None; two programs get different ones."""
    return session.scalar(
        select(WebhookMessage)
        .where(WebhookMessage.state == "pending")
        .order_by(WebhookMessage.attempts, WebhookMessage.received_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def lock_message(session: Session, webhook_id: str) -> WebhookMessage | None:
    """Return a message that still waits, locked until the end of the transaction; None when somebody else dealt with it."""
    return session.scalar(
        select(WebhookMessage)
        .where(WebhookMessage.webhook_id == webhook_id, WebhookMessage.state == "pending")
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def apply_message(session: Session, message: WebhookMessage, fresh: Mapping[str, Any] | None = None) -> int:
    """Do what a message says and mark it done; `fresh` is the order as Polar's API tells it now, where it could be asked.

    Returns by how many credits somebody's balance moved. Messages of kinds that we do not use are done at once.
    """
    change = 0
    if message.type in ORDER_EVENTS:
        change = apply_order(session, read_order(fresh if fresh is not None else message.body["data"]))
    message.state, message.error = "done", ""
    message.attempts += 1
    return change


def note_failure(session: Session, webhook_id: str, error: str) -> None:
    """Remember that a message could not be applied; after ten times it is parked and the admin is told."""
    message = session.get(WebhookMessage, webhook_id, with_for_update=True)
    if message is not None and message.state == "pending":
        message.attempts += 1
        message.error = error[:300]
        if message.attempts >= MOST_ATTEMPTS:
            message.state = "parked"
