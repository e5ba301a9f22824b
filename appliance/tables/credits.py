"""Credits: accounts, the append-only ledger, and what is held for songs that are being made."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from appliance.database import Table
from appliance.tables.users import Moment

HOLD_STATES = ("held", "captured", "released")


class CreditAccount(Table):
    """What somebody has. The only numbers of the ledger that change; every change is made under this row's lock.

    `balance` is the sum of the person's entries and falls below zero only when a purchase is refunded after its credits
    were spent. `held` is the sum of their open holds, so `balance - held` can be spent. `seq` counts entries.
    """

    __tablename__ = "credit_accounts"
    __table_args__ = (CheckConstraint("held >= 0", name="held"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    balance: Mapped[int] = mapped_column(server_default="0", default=0)
    held: Mapped[int] = mapped_column(server_default="0", default=0)
    seq: Mapped[int] = mapped_column(server_default="0", default=0)

    @property
    def available(self) -> int:
        """Credits that can be spent now."""
        return self.balance - self.held


class CreditEntry(Table):
    """One line of the ledger. Lines are added and never touched again: triggers refuse it.

    `once` names the event that the entry stands for, and is what makes an event count once however often it arrives.
    """

    __tablename__ = "credit_entries"
    __table_args__ = (
        UniqueConstraint("user_id", "seq"),
        CheckConstraint(
            "CASE kind WHEN 'signup' THEN amount > 0 WHEN 'allowance' THEN amount > 0 WHEN 'purchase' THEN amount > 0"
            " WHEN 'refund_reversal' THEN amount > 0 WHEN 'clawback' THEN amount < 0 WHEN 'capture' THEN amount < 0"
            " WHEN 'admin' THEN amount <> 0 ELSE false END",
            name="sign",
        ),
        CheckConstraint("(kind IN ('purchase', 'clawback', 'refund_reversal')) = (order_id IS NOT NULL)", name="order"),
        CheckConstraint("(kind = 'capture') = (hold_id IS NOT NULL)", name="hold"),
        CheckConstraint("kind <> 'admin' OR (actor_id IS NOT NULL AND note <> '')", name="admin_says_why"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("credit_accounts.user_id"))
    seq: Mapped[int] = mapped_column()
    kind: Mapped[str] = mapped_column(String(20))
    amount: Mapped[int] = mapped_column()
    balance_after: Mapped[int] = mapped_column()
    once: Mapped[str] = mapped_column(String(120), unique=True)
    order_id: Mapped[str | None] = mapped_column(String(64), index=True)
    hold_id: Mapped[UUID | None] = mapped_column(ForeignKey("credit_holds.id"))
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(String(200), server_default="", default="")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())


class CreditHold(Table):
    """A reservation for one take: the price is fixed here. Songs may be deleted, so `song_id` is no foreign key."""

    __tablename__ = "credit_holds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(f"state IN ({', '.join(map(repr, HOLD_STATES))})", name="state"),
        CheckConstraint("(state = 'held') = (resolved_at IS NULL)", name="resolved"),
        Index("uq_credit_holds_open", "song_id", unique=True, postgresql_where=text("state = 'held'")),
        Index("uq_credit_holds_charge", "song_id", unique=True, postgresql_where=text("state = 'captured'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("credit_accounts.user_id"), index=True)
    song_id: Mapped[UUID] = mapped_column()
    amount: Mapped[int] = mapped_column()
    state: Mapped[str] = mapped_column(String(10), server_default="held", default="held")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)
