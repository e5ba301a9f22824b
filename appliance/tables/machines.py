"""Which workers are alive, and whether they may begin anything."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from appliance.database import Table
from appliance.tables.users import Moment


class WorkerSeen(Table):
    """A worker, when it last said that it is alive, and what it has to say about itself (the models it uses)."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    last_seen: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    about: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}", default=dict)


class QueuePause(Table):
    """The queue is paused while this table has its one row."""

    __tablename__ = "queue_pauses"
    __table_args__ = (CheckConstraint("single", name="single"),)

    single: Mapped[bool] = mapped_column(server_default=text("true"), primary_key=True)
    paused_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
