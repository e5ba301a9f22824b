"""Who gets in and what they did: invites, API keys, second factors, accounts elsewhere, failed tries, and the admins' record."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint, func
from sqlalchemy import Identity as Counted
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appliance.database import Table
from appliance.tables.users import Moment, User


class Invite(Table):
    """A link that makes one account. Only the hash of its token is kept."""

    __tablename__ = "invites"
    __table_args__ = (CheckConstraint("credits >= 0", name="credits"),)

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Moment)
    email: Mapped[str | None] = mapped_column(String(254))
    note: Mapped[str] = mapped_column(String(80), server_default="", default="")
    credits: Mapped[int] = mapped_column(server_default="0", default=0)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    used_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class ApiKey(Table):
    """A program's way in, for one person and some scopes. Only the hash of the secret half is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(20)))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User] = relationship(lazy="raise")


class SecondFactor(Table):
    """Somebody's authenticator app: the shared secret (encrypted) and the last time step that was accepted."""

    __tablename__ = "second_factors"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_counter: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)


class RecoveryCode(Table):
    """A code on paper that stands in for the authenticator app once."""

    __tablename__ = "recovery_codes"

    code_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None] = mapped_column(Moment)


class Passkey(Table):
    """A key pair of which somebody's device holds the private half (WebAuthn), and what tells whether it was copied."""

    __tablename__ = "passkeys"

    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    """How often the device has signed, as it said last; some devices always say 0."""
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User] = relationship(lazy="raise")


class UsedChallenge(Table):
    """A challenge that somebody has answered; it is not taken again while it would still be young enough."""

    __tablename__ = "used_challenges"

    challenge_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now(), index=True)


class Identity(Table):
    """Who somebody is at another service (OpenID Connect): its issuer and the name that it has for them, for good."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("user_id", "issuer"),)

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254), server_default="", default="")
    """What the service called their address when they came last; only to be shown."""
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User] = relationship(lazy="raise")


class Tries(Table):
    """How often something was tried in vain, by the hash of what it was; until `blocked_until` it is not tried again."""

    __tablename__ = "tries"

    bucket: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    count: Mapped[int] = mapped_column(server_default="0", default=0)
    blocked_until: Mapped[datetime] = mapped_column(Moment, server_default=func.now(), index=True)


class AuditEntry(Table):
    """What an admin did, to whom, before and after. Lines are added and never touched again: triggers refuse it."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(BigInteger, Counted(always=True), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    """Who did it; None: whoever sat at the machine's own command line."""
    action: Mapped[str] = mapped_column(String(40))
    target: Mapped[str] = mapped_column(String(120), server_default="", default="")
    before: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}", default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}", default=dict)
    address: Mapped[str] = mapped_column(String(64), server_default="", default="")
    session: Mapped[str] = mapped_column(String(16), server_default="", default="")
    """Which login session it was done in: what stays of its token, hashed."""
