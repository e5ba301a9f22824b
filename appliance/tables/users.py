"""People, the browsers they are signed in with, and one-time tokens."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appliance.database import Table

Moment = DateTime(timezone=True)


class User(Table):
    """A person with an account. Names and e-mail addresses are unique whatever their letter case."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'admin')", name="role"),
        Index("uq_users_name", func.lower(text("name")), unique=True),
        Index("uq_users_email", func.lower(text("email")), unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(10), server_default="user", default="user")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    disabled_at: Mapped[datetime | None] = mapped_column(Moment)
    last_served_at: Mapped[datetime | None] = mapped_column(Moment)
    """When a worker last began a request of theirs: the queue serves whoever waited longest since then."""
    language: Mapped[str | None] = mapped_column(String(10))
    """What language the pages speak to them; None: the browser's."""
    picture_key: Mapped[str] = mapped_column(String(200), server_default="", default="")

    @property
    def is_admin(self) -> bool:
        """Whether they may run the studio."""
        return self.role == "admin"


class LoginSession(Table):
    """A browser that is signed in. The cookie holds a random token; only its SHA-256 is kept here.

    A token is replaced by a new one every day; the old one, with `replaced_at`, is good for a minute more.
    """

    __tablename__ = "login_sessions"
    __table_args__ = (CheckConstraint("came_by IN ('password', 'passkey', 'oidc')", name="came_by"),)

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
    issued_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    """When this token was made; `created_at` is when somebody signed in."""
    confirmed_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    """When the person last gave their password, or their second factor, in this browser."""
    replaced_at: Mapped[datetime | None] = mapped_column(Moment)
    came_by: Mapped[str] = mapped_column(String(10), server_default="password", default="password")
    browser: Mapped[str] = mapped_column(String(200), server_default="")
    address: Mapped[str] = mapped_column(String(64), server_default="")

    user: Mapped[User] = relationship(lazy="raise")


class OneTimeToken(Table):
    """A secret link that works once and not for ever: the set-up of the first admin, or a new password for `user_id`.

    `bound_to` is the hash of what has to be unchanged for it to work.
    """

    __tablename__ = "one_time_tokens"
    __table_args__ = (CheckConstraint("purpose IN ('setup', 'reset')", name="purpose"),)

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    bound_to: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
