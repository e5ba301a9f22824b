"""Invites: links that make one account each, where the studio takes people by invitation."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance.audit import record, require_admin
from appliance.errors import Gone, InvalidInput, NotFound, said
from appliance.tables import Invite, User

LIVES = timedelta(days=7)
MOST_CREDITS = 100_000


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def invite(session: Session, admin: User, note: str = "", email: str = "", credits: int = 0, address: str = "") -> str:
    """Return the token of a new invite, for one person and a week. It makes an ordinary user, never more.

    `email` binds it to that address; `credits` are given on top of the studio's own. Raises NotAllowed, InvalidInput.
    """
    require_admin(admin)
    note, email = " ".join(note.split()), email.strip()
    wrong: dict[str, str] = {}
    if len(note) > 80 or not (note == "" or note.isprintable()):
        wrong["note"] = said("Say in up to 80 characters for whom this is, or nothing.")
    if email and ("@" not in email or len(email) > 254 or not email.isprintable()):
        wrong["email"] = said("This does not look like an e-mail address.")
    if not 0 <= credits <= MOST_CREDITS:
        wrong["credits"] = said("Give a number from 0 to %(most)s.", most=f"{MOST_CREDITS:,}")
    if wrong:
        raise InvalidInput.about(**wrong)
    token = secrets.token_urlsafe(32)
    session.add(
        Invite(
            token_sha256=_sha256(token),
            created_by=admin.id,
            expires_at=datetime.now(UTC) + LIVES,
            email=email or None,
            note=note,
            credits=credits,
        )
    )
    record(session, admin, "invite", note or email, after={"credits": credits}, address=address)
    return token


def check_invite(session: Session, token: str) -> Invite:
    """Return the invite that `token` would use now, or raise Gone."""
    found = session.get(Invite, _sha256(token))
    if found is None or found.used_at or found.expires_at < datetime.now(UTC):
        raise Gone("This invitation was used or has run out. Ask for a new one.")
    return found


def use_invite(session: Session, token: str, email: str) -> Invite:
    """Use an invite up, and return it; of two people who come at the same moment the second raises Gone."""
    found = check_invite(session, token)
    if found.email and found.email.lower() != email.strip().lower():
        raise InvalidInput.about(email="This invitation is for another e-mail address.")
    taken = session.execute(
        update(Invite)
        .where(Invite.token_sha256 == found.token_sha256, Invite.used_at.is_(None))
        .values(used_at=datetime.now(UTC))
        .returning(Invite.token_sha256)
    ).first()
    if taken is None:
        raise Gone("This invitation was used just now.")
    return found


def open_invites(session: Session, viewer: User) -> list[Invite]:
    """Return the invites that can still be used, newest first. Raises NotAllowed."""
    require_admin(viewer)
    alive = select(Invite).where(Invite.used_at.is_(None), Invite.expires_at > datetime.now(UTC))
    return list(session.scalars(alive.order_by(Invite.created_at.desc())))


def withdraw_invite(session: Session, token_sha256: bytes, admin: User, address: str = "") -> None:
    """Take an invite back. Raises NotAllowed, NotFound."""
    require_admin(admin)
    found = session.get(Invite, token_sha256, with_for_update=True)
    if found is None or found.used_at:
        raise NotFound
    record(session, admin, "withdraw invite", found.note or found.email or "", address=address)
    session.delete(found)
