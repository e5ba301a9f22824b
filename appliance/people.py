"""The people of the studio as its admins see them: roles, who is disabled, and the browsers that somebody is signed in with."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from appliance.audit import record, require_admin
from appliance.errors import Conflict, NotFound, said
from appliance.tables import ApiKey, LoginSession, User

ROLES = ("user", "admin")
_ADMINS_LOCK = 0x61646D69  # any number of our own; the bytes of "admi"


def list_people(session: Session, viewer: User, words: str = "", after: str = "", limit: int = 50) -> list[User]:
    """Return people with an account, by name, from behind the name `after`; with `words`, those in whose name or address they stand.

    Raises NotAllowed for anybody but an admin.
    """
    require_admin(viewer)
    wanted = select(User).order_by(func.lower(User.name)).limit(limit)
    if words.strip():
        said = words.strip()[:100]
        wanted = wanted.where(User.name.icontains(said, autoescape=True) | User.email.icontains(said, autoescape=True))
    if after:
        wanted = wanted.where(func.lower(User.name) > func.lower(after))
    return list(session.scalars(wanted))


def get_person(session: Session, user_id: UUID, viewer: User) -> User:
    """Return somebody's account for an admin. Raises NotAllowed, NotFound."""
    require_admin(viewer)
    user = session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


def set_role(session: Session, admin: User | None, user_id: UUID, role: str, address: str = "") -> User:
    """Make somebody an admin or a user. The last admin stays one. They are signed out, to come back in the new role.

    `admin` is None for the machine's own command line. Raises NotAllowed, NotFound, Conflict.
    """
    user = _changed_by(session, admin, user_id)
    if role not in ROLES:
        raise Conflict("There are two roles: user and admin.")
    if role == user.role:
        return user
    if role == "user":
        _keep_an_admin(session, user)
    record(session, admin, "role", user.name, before={"role": user.role}, after={"role": role}, address=address)
    user.role = role
    _sign_out_everywhere(session, user)
    return user


def disable(session: Session, admin: User | None, user_id: UUID, address: str = "") -> User:
    """Keep somebody out: browsers signed out, keys revoked. Their songs stay. Raises NotAllowed, NotFound, Conflict."""
    user = _changed_by(session, admin, user_id)
    if user.disabled_at:
        return user
    if user.is_admin:
        _keep_an_admin(session, user)
    record(session, admin, "disable", user.name, address=address)
    user.disabled_at = datetime.now(UTC)
    _sign_out_everywhere(session, user)
    session.execute(
        update(ApiKey).where(ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None)).values(revoked_at=user.disabled_at)
    )
    return user


def enable(session: Session, admin: User | None, user_id: UUID, address: str = "") -> User:
    """Let somebody in again. Raises NotAllowed, NotFound."""
    user = _changed_by(session, admin, user_id)
    if user.disabled_at:
        record(session, admin, "enable", user.name, address=address)
        user.disabled_at = None
    return user


def sign_out_person(session: Session, admin: User | None, user_id: UUID, address: str = "") -> User:
    """Sign somebody out of every browser. Raises NotAllowed, NotFound."""
    user = _changed_by(session, admin, user_id)
    record(session, admin, "sign out", user.name, address=address)
    _sign_out_everywhere(session, user)
    return user


def _changed_by(session: Session, admin: User | None, user_id: UUID) -> User:
    if admin is not None:
        require_admin(admin)
    # Changes of roles take turns, or two admins could take it from each other at the same moment.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADMINS_LOCK})
    user = session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None:
        raise NotFound
    return user


def _keep_an_admin(session: Session, leaving: User) -> None:
    others = select(func.count()).where(User.role == "admin", User.disabled_at.is_(None), User.id != leaving.id)
    if session.scalars(others).one() == 0:
        raise Conflict(said("%(name)s is the only admin. Make somebody else one first.", name=leaving.name))


def _sign_out_everywhere(session: Session, user: User) -> None:
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))


def list_browsers(session: Session, viewer: User) -> list[LoginSession]:
    """Return the browsers that the viewer is signed in with, the last used first."""
    mine = select(LoginSession).where(LoginSession.user_id == viewer.id, LoginSession.replaced_at.is_(None))
    return list(session.scalars(mine.order_by(LoginSession.last_seen_at.desc())))


def sign_out_browser(session: Session, viewer: User, token_sha256: bytes) -> None:
    """Sign one of the viewer's own browsers out. Raises NotFound."""
    gone = session.execute(
        delete(LoginSession)
        .where(LoginSession.token_sha256 == token_sha256, LoginSession.user_id == viewer.id)
        .returning(LoginSession.user_id)
    ).first()
    if gone is None:
        raise NotFound


def sign_out_others(session: Session, viewer: User, token: str) -> int:
    """Sign out every browser of the viewer's but the one with this login token; return how many."""
    kept = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    mine = LoginSession.user_id == viewer.id
    gone = delete(LoginSession).where(mine, LoginSession.token_sha256 != kept).returning(LoginSession.user_id)
    return len(session.execute(gone).all())
