"""E-mail that waits to be sent."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, SmallInteger, String, func
from sqlalchemy.orm import Mapped, mapped_column

from appliance.database import Table
from appliance.tables.users import Moment


class ResetRequest(Table):
    """Somebody typed this address to be sent a reset link; whether it belongs to anybody is looked up when it is sent.

    So the page does the same, in the same time, for every address, and no link waits anywhere.
    """

    __tablename__ = "reset_requests"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    address: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    next_try_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now(), index=True)
