"""Words that somebody has asked for before asking for a song."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from appliance.database import Table
from appliance.tables.users import Moment

DRAFT_STATES = ("waiting", "writing", "done", "failed", "stopped")


class WordDraft(Table):
    """Words for a song that is not asked for yet: free, and forgotten after a day.

    `brief` is what the songwriter gets, `words` as far as they are written, `title` the songwriter's proposal.
    """

    __tablename__ = "word_drafts"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in DRAFT_STATES)})", name="state"),
        CheckConstraint("state <> 'failed' OR reason <> ''", name="failed_has_reason"),
        # A newer draft stops the one before it, and the database holds everybody to it.
        Index("uq_word_drafts_open", "user_id", unique=True, postgresql_where=text("state IN ('waiting', 'writing')")),
        Index("ix_word_drafts_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
    brief: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(10), server_default="waiting", default="waiting")
    words: Mapped[str] = mapped_column(Text, server_default="", default="")
    title: Mapped[str] = mapped_column(String(80), server_default="", default="")
    reason: Mapped[str] = mapped_column(Text, server_default="", default="")
    started_at: Mapped[datetime | None] = mapped_column(Moment)
