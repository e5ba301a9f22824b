"""What programs that use the studio need: answers kept for requests that are sent twice, and messages to their addresses."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appliance.database import Table
from appliance.tables.users import Moment


class IdempotentAnswer(Table):
    """What a request under an idempotency key was answered, so that the same request sent again does nothing twice."""

    __tablename__ = "idempotent_answers"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    asked_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the address and the body: the same name with another question is a mistake."""
    answer: Mapped[Any] = mapped_column(JSONB, server_default="null", default=None)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now(), index=True)


class WebhookEndpoint(Table):
    """An address that somebody wants to be told at, and the secret that messages to it are signed with, sealed."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None: it follows from the id and the studio's secret key, as it did once for all."""
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class WebhookDelivery(Table):
    """A message to an address: written with what it tells of, and sent by the worker until it is taken."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("event IN ('song.ready', 'song.failed', 'webhook.test')", name="event"),
        CheckConstraint("state IN ('waiting', 'delivered', 'given_up')", name="state"),
        Index("ix_webhook_deliveries_next_try_at", "next_try_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(20))
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
    state: Mapped[str] = mapped_column(String(10), server_default="waiting", default="waiting")
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    next_try_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
    result: Mapped[str] = mapped_column(String(120), server_default="", default="")
    """What came of the last try, in words."""

    endpoint: Mapped[WebhookEndpoint] = relationship(lazy="raise")
