"""What people thought of songs, likes, listens and reports, and where their players stand."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appliance.database import Table
from appliance.tables.songs import Song
from appliance.tables.users import Moment, User


class Like(Table):
    """Somebody likes a song."""

    __tablename__ = "likes"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    song_id: Mapped[UUID] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class Listen(Table):
    """Somebody heard a song; counted at most once a half hour, see `appliance.songs.record_listen`."""

    __tablename__ = "listens"
    __table_args__ = (Index("ix_listens_song_id_user_id_created_at", "song_id", "user_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    song_id: Mapped[UUID] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())


class SongReport(Table):
    """Somebody says that a song should not be here; `settled_at`: an admin has looked at it."""

    __tablename__ = "song_reports"
    __table_args__ = (
        Index("uq_song_reports_open", "song_id", "user_id", unique=True, postgresql_where=text("settled_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    song_id: Mapped[UUID] = mapped_column(ForeignKey("songs.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    settled_at: Mapped[datetime | None] = mapped_column(Moment)

    song: Mapped[Song] = relationship(lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")


class PlayerState(Table):
    """Where somebody's player stands: the songs of its queue, which of them plays and from where, and how loud."""

    __tablename__ = "player_states"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
