"""How long a token stays the same: a new one every day and after every change of what opens the door, and how fresh a password is."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.tables import LoginSession

RENEW_AFTER = timedelta(days=1)
GRACE = timedelta(seconds=60)  # for the requests that are on their way with the old token
CONFIRMED_FOR = timedelta(minutes=10)


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def is_token_of(login: LoginSession, token: str | None) -> bool:
    """Tell whether `token` belongs to this login session."""
    return token is not None and login.token_sha256 == _sha256(token)


def is_due(login: LoginSession) -> bool:
    """Tell whether this browser's token is older than a day."""
    return login.replaced_at is None and login.issued_at < datetime.now(UTC) - RENEW_AFTER


def is_confirmed(login: LoginSession) -> bool:
    """Tell whether the person gave their password in this browser within the last ten minutes."""
    return login.confirmed_at > datetime.now(UTC) - CONFIRMED_FOR


def replace_token(session: Session, token: str, *, grace: bool = False, confirmed: bool = False) -> str | None:
    """Return a new token for a browser, in place of `token`, which stops working: at once, or with `grace` in a minute.

    `confirmed`: the person has just proved again who they are. None: somebody was faster, or the session is over.
    """
    now = datetime.now(UTC)
    mine = select(LoginSession).where(LoginSession.token_sha256 == _sha256(token), LoginSession.replaced_at.is_(None))
    old = session.scalar(mine.with_for_update().execution_options(populate_existing=True))
    if old is None or old.expires_at < now:
        return None
    new = f"{token.partition('.')[0]}.{secrets.token_urlsafe(32)}"
    session.add(
        LoginSession(
            token_sha256=_sha256(new),
            user_id=old.user_id,
            created_at=old.created_at,
            last_seen_at=now,
            confirmed_at=now if confirmed else old.confirmed_at,
            expires_at=old.expires_at,
            came_by=old.came_by,
            browser=old.browser,
            address=old.address,
        )
    )
    if grace:
        old.replaced_at, old.expires_at = now, min(old.expires_at, now + GRACE)
    else:
        session.delete(old)
    session.flush()
    return new
