"""Which workers are alive."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from appliance.database import Table


class WorkerSeen(Table):
    """A worker, when it last said that it is alive, and what it has to say about itself (the models it uses)."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    last_seen: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    about: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}", default=dict)
