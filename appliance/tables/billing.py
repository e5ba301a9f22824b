"""What was sold: packs, checkouts that were begun, orders as Polar last told them, and its messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from appliance.database import Table
from appliance.tables.users import Moment


class CreditPack(Table):
    """Something that Polar sells and how many credits it is worth here; without `credits` it is not offered."""

    __tablename__ = "credit_packs"
    __table_args__ = (CheckConstraint("credits > 0", name="credits"),)

    product_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    price_cents: Mapped[int | None] = mapped_column()
    currency: Mapped[str] = mapped_column(String(3), server_default="usd", default="usd")
    credits: Mapped[int | None] = mapped_column()
    archived: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    synced_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class CheckoutIntent(Table):
    """A checkout that somebody began here, and what they were promised for it. `closed_at`: nothing more will come."""

    __tablename__ = "checkout_intents"

    checkout_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    product_id: Mapped[str] = mapped_column(String(64))
    credits: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    closed_at: Mapped[datetime | None] = mapped_column(Moment)


class BillingOrder(Table):
    """Our copy of an order's newest snapshot, and how many credits it has brought so far (`applied`).

    `user_id` and `credits` are decided once. `steps` numbers the ledger entries of the order. `problem` says why nothing
    could be given yet. Amounts are in the smallest unit of the order's currency.
    """

    __tablename__ = "billing_orders"
    __table_args__ = (CheckConstraint("applied >= 0 AND applied <= coalesce(credits, 0)", name="applied"),)

    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    product_id: Mapped[str | None] = mapped_column(String(64))
    checkout_id: Mapped[str | None] = mapped_column(String(64), index=True)
    status: Mapped[str] = mapped_column(String(30), server_default="", default="")
    paid: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    billing_reason: Mapped[str] = mapped_column(String(40), server_default="", default="")
    payable: Mapped[int] = mapped_column(server_default="0", default=0)
    refunded: Mapped[int] = mapped_column(server_default="0", default=0)
    credits: Mapped[int | None] = mapped_column()
    applied: Mapped[int] = mapped_column(server_default="0", default=0)
    steps: Mapped[int] = mapped_column(server_default="0", default=0)
    snapshot_at: Mapped[datetime | None] = mapped_column(Moment)
    problem: Mapped[str] = mapped_column(String(200), server_default="", default="")


class WebhookMessage(Table):
    """A message from Polar whose signature was right, stored before anything is done about it."""

    __tablename__ = "webhook_messages"
    __table_args__ = (CheckConstraint("state IN ('pending', 'done', 'parked')", name="state"),)

    webhook_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    received_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
    state: Mapped[str] = mapped_column(String(10), server_default="pending", default="pending", index=True)
    attempts: Mapped[int] = mapped_column(server_default="0", default=0)
    error: Mapped[str] = mapped_column(String(300), server_default="", default="")
