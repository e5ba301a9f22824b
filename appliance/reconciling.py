"""Bringing our orders in line with Polar's: after a checkout, after a message, and by looking, since a studio on a LAN gets none.

Each step is a transaction of its own, and Polar is always asked outside of them.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from appliance import billing, credits, polar_gateway
from appliance.database import transaction
from appliance.errors import NotFound, StudioError
from appliance.tables import BillingOrder, CheckoutIntent

log = logging.getLogger(__name__)

CHECKOUT_LIVES = timedelta(hours=25)  # Polar's live for 24


def _apply(raw: dict[str, Any]) -> int:
    snapshot = billing.read_order(raw)
    with transaction() as session:
        change = billing.apply_order(session, snapshot)
        order = session.get(BillingOrder, snapshot.id)
        owner = order.user_id if order else None
    if change < 0 and owner:
        _stop_unpaid(owner)
    return change


def _stop_unpaid(user_id: UUID) -> None:
    with transaction() as session:
        stopped = credits.stop_unpaid_songs(session, user_id)
    if stopped:
        log.info("%d songs wait for credits again after a refund.", stopped)


def apply_orders(orders: Iterable[dict[str, Any]]) -> int:
    """Apply these orders one by one and return how many moved a balance; an unreadable one is logged and left."""
    moved = 0
    for raw in orders:
        try:
            moved += _apply(raw) != 0
        except billing.UnreadableOrder as error:
            log.error("Order %.64s cannot be read: %s", raw.get("id"), error)
    return moved


def settle_checkout(checkout_id: str) -> bool:
    """Ask Polar what became of a checkout of ours and apply it; return whether it is over, paid or not.

    Raises Unavailable when Polar cannot be asked: the next look will.
    """
    moved = apply_orders(polar_gateway.list_orders(checkout_id))
    try:
        status = polar_gateway.get_checkout(checkout_id)
    except NotFound:
        status = "expired"
    over = status in ("expired", "failed") or moved > 0
    with transaction() as session:
        intent = session.get(CheckoutIntent, checkout_id, with_for_update=True)
        if intent is not None:
            if status in ("expired", "failed"):
                intent.closed_at = intent.closed_at or datetime.now(UTC)
            over = over or intent.closed_at is not None
    return over


def settle_open_checkouts() -> int:
    """Look after every checkout that may still be paid, and return how many there were."""
    young = datetime.now(UTC) - CHECKOUT_LIVES
    with transaction() as session:
        wanted = select(CheckoutIntent.checkout_id).where(
            CheckoutIntent.closed_at.is_(None), CheckoutIntent.created_at > young
        )
        waiting = list(session.scalars(wanted))
    for checkout_id in waiting:
        settle_checkout(checkout_id)
    return len(waiting)


def reconcile() -> int:
    """Look at all of Polar's orders, which finds refunds of old ones, and at its products; return how many balances moved."""
    products = polar_gateway.list_products()
    with transaction() as session:
        billing.keep_products(session, products)
    return apply_orders(polar_gateway.list_orders())


def drain_messages() -> int:
    """Deal with every message that waits and return how many were done; one that cannot be is tried again later."""
    done = 0
    seen: set[str] = set()
    while True:
        with transaction() as session:
            message = billing.next_message(session)
            if message is None or message.webhook_id in seen:
                return done
            webhook_id, kind, data = message.webhook_id, message.type, message.body.get("data")
        seen.add(webhook_id)
        try:
            owner = _deal_with(webhook_id, kind, data)
        except (billing.UnreadableOrder, StudioError) as error:
            log.error("Message %s cannot be applied: %s", webhook_id, error)
            with transaction() as session:
                billing.note_failure(session, webhook_id, str(error))
            continue
        done += 1
        if owner:
            _stop_unpaid(owner)


def _deal_with(webhook_id: str, kind: str, data: Any) -> UUID | None:
    """Apply one message; return whose songs may have to stop for it."""
    fresh = None
    if kind in billing.ORDER_EVENTS and isinstance(data, dict):
        try:
            fresh = polar_gateway.get_order(str(data.get("id")))
        except StudioError:
            log.info("Polar cannot be asked about message %s; its own copy of the order is used.", webhook_id)
    with transaction() as session:
        message = billing.lock_message(session, webhook_id)
        if message is None:
            return None
        change = billing.apply_message(session, message, fresh)
        if change >= 0 or not isinstance(data, dict):
            return None
        order = session.get(BillingOrder, str(data.get("id")))
        return order.user_id if order else None
