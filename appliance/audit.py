"""The record of what admins did: written in the transaction of the deed, and never changed."""

import hashlib
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.errors import NotAllowed
from appliance.tables import AuditEntry, User

LOGIN = "login_session"


def session_label(token: str) -> str:
    """Return what the record calls a login session: a hash of the part of its token that stays, and opens nothing."""
    return hashlib.sha256(b"session:" + token.partition(".")[0].encode("utf-8", "surrogatepass")).hexdigest()[:16]


def record(
    session: Session,
    actor: User | None,
    action: str,
    target: str = "",
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str = "",
) -> None:
    """Write down that `actor` (None: the machine's own command line) did `action` to `target`. Never pass a secret.

    In which login session it was done stands in `session.info` under LOGIN, where somebody is signed in.
    """
    session.add(
        AuditEntry(
            actor_id=actor.id if actor else None,
            action=action,
            target=target[:120],
            before=before or {},
            after=after or {},
            address=address[:64],
            session=session.info.get(LOGIN, ""),
        )
    )
    session.flush()


def list_deeds(session: Session, viewer: User, before: int | None = None, limit: int = 50) -> list[AuditEntry]:
    """Return what was done, newest first, from below the entry `before`. Raises NotAllowed for anybody but an admin."""
    require_admin(viewer)
    wanted = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(AuditEntry.id < before)
    return list(session.scalars(wanted))


def require_admin(viewer: User | None) -> None:
    """Raise NotAllowed unless the viewer is an admin."""
    if viewer is None or not viewer.is_admin:
        raise NotAllowed("Only an admin of this studio can do that.")
