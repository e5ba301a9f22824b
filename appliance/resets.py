"""Passwords anew: changed by their owner, or through a link that an admin hands over or that comes by e-mail."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import Delete, delete, func, select, update
from sqlalchemy.orm import Session

from appliance.audit import record, require_admin
from appliance.errors import Gone, InvalidInput, said
from appliance.passwords import NO_PASSWORD, hash_password, is_password, refusal
from appliance.settings import settings
from appliance.tables import LoginSession, OneTimeToken, User

HANDED_OVER, BY_MAIL = timedelta(minutes=60), timedelta(minutes=30)
RUN_OUT = said("This link was used or has run out. Ask for a new one.")


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def reset_link_token(session: Session, admin: User | None, user: User, address: str = "") -> str:
    """Return the token of a link to hand over to `user`, good once and for an hour. The admin never sees a password.

    `admin` is None for the machine's own command line. Raises NotAllowed.
    """
    if admin is not None:
        require_admin(admin)
    record(session, admin, "reset link", user.name, address=address)
    session.execute(_links_of(user))
    return _new_token(session, user, HANDED_OVER)


def mailed_token(session: Session, user: User) -> str:
    """Return the token of a link to send to the person's own address, good once and for half an hour.

    Links that are still good stay so: anybody can ask for a letter, and must not undo a link that an admin has handed over.
    The first one that is used makes all others worthless, as each is bound to the password that there was.
    """
    session.execute(_links_of(user).where(OneTimeToken.expires_at < datetime.now(UTC)))
    return _new_token(session, user, BY_MAIL)


def _links_of(user: User) -> Delete:
    return delete(OneTimeToken).where(OneTimeToken.user_id == user.id, OneTimeToken.purpose == "reset")


def _new_token(session: Session, user: User, lives: timedelta) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        OneTimeToken(
            token_sha256=_sha256(token),
            purpose="reset",
            user_id=user.id,
            # Bound to today's password: once that has changed, in whatever way, the link is worth nothing.
            bound_to=_sha256(user.password_hash),
            expires_at=datetime.now(UTC) + lives,
        )
    )
    session.flush()
    return token


def check_reset_token(session: Session, token: str) -> User:
    """Return whose password `token` would set now, or raise Gone."""
    found = session.get(OneTimeToken, _sha256(token), populate_existing=True)
    user = session.get(User, found.user_id) if found and found.user_id else None
    if (
        found is None
        or user is None
        or found.purpose != "reset"
        or found.used_at
        or found.expires_at < datetime.now(UTC)
        or found.bound_to != _sha256(user.password_hash)
        or user.disabled_at
    ):
        raise Gone(RUN_OUT)
    return user


def reset_password(session: Session, token: str, password: str) -> User:
    """Set a new password with a link's token, which is used up, and sign the person out everywhere.

    A second factor stays as it is. Raises Gone, or InvalidInput about the password.
    """
    user = check_reset_token(session, token)
    _refuse_weak(user, password)
    used = session.execute(
        update(OneTimeToken)
        .where(OneTimeToken.token_sha256 == _sha256(token), OneTimeToken.used_at.is_(None))
        .values(used_at=datetime.now(UTC))
        .returning(OneTimeToken.token_sha256)
    ).first()
    if used is None:
        raise Gone(RUN_OUT)
    user.password_hash = hash_password(password)
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    return user


def change_password(session: Session, user: User, old: str, new: str, keep: str | None) -> None:
    """Change one's own password; every browser but the one with the login token `keep` is signed out.

    Who has none yet sets the first one, for which the caller has asked them to prove themselves in another way.

    Raises InvalidInput about either password.
    """
    if user.password_hash != NO_PASSWORD and not is_password(old, user.password_hash):
        raise InvalidInput.about(old="This is not your password.")
    _refuse_weak(user, new)
    user.password_hash = hash_password(new)
    others = delete(LoginSession).where(LoginSession.user_id == user.id)
    session.execute(others.where(LoginSession.token_sha256 != _sha256(keep)) if keep else others)


def _refuse_weak(user: User, password: str) -> None:
    refused = refusal(password, user.name, user.email or "", settings().studio_name)
    if refused is None and user.is_admin and len(password) < 12:
        refused = said("An admin's password has at least 12 characters.")
    if refused:
        raise InvalidInput.about(password=refused)


def user_by_email(session: Session, email: str) -> User | None:
    """Return who may be sent a link to this address; the page says the same whether anybody is."""
    wanted = email.strip()
    if not wanted or "\x00" in wanted:
        return None
    return session.scalar(select(User).where(func.lower(User.email) == wanted.lower()))
