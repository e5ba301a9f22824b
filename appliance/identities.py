"""Accounts elsewhere: whose they are here, who may join by one, and how they are connected and parted.

An account is found by issuer and subject alone. E-mail addresses never connect anything: those that people type here are not
checked, so somebody could have been waiting under another's address.
"""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from appliance.accounts import name_refusal, sign_up
from appliance.errors import Conflict, NotAllowed, NotFound
from appliance.oidc import Vouched
from appliance.passwords import NO_PASSWORD
from appliance.tables import Identity, Passkey, User


def known_person(session: Session, vouched: Vouched) -> User | None:
    """Return whose account elsewhere this is, or None where it is nobody's yet. Raises NotAllowed for who is disabled."""
    found = session.scalar(
        select(Identity)
        .where(Identity.issuer == vouched.issuer, Identity.subject == vouched.subject)
        .options(joinedload(Identity.user))
    )
    if found is None:
        return None
    if found.user.disabled_at:
        raise NotAllowed("This account does not open anything here.")
    found.last_used_at, found.email = datetime.now(UTC), vouched.email[:254]
    return found.user


def join(session: Session, vouched: Vouched, invite_token: str = "") -> User:
    """Return the new account of somebody whom the provider vouches for; REGISTRATION says who may, as it does for everybody.

    It has no password until its owner sets one. Raises NotAllowed, Gone about the invitation, InvalidInput.
    """
    if vouched.email and session.scalar(select(User.id).where(func.lower(User.email) == vouched.email.lower())):
        raise NotAllowed(
            "There is an account with your address already. Sign in to it, and connect the two under Security."
        )
    user = sign_up(session, _free_name(session, vouched), vouched.email, None, invite_token)
    _connect(session, user, vouched)
    return user


def connect(session: Session, user: User, vouched: Vouched) -> None:
    """Let `user` sign in by this account elsewhere from now on. Raises Conflict where one of the two is connected already."""
    if known_person(session, vouched) is not None:
        raise Conflict("This account is connected to somebody here already.")
    if identity_of(session, user, vouched.issuer) is not None:
        raise Conflict("You are connected to another account there. Part with that one first.")
    _connect(session, user, vouched)


def identity_of(session: Session, user: User, issuer: str) -> Identity | None:
    """Return the account that this person has at `issuer`, if any."""
    return session.scalar(select(Identity).where(Identity.user_id == user.id, Identity.issuer == issuer))


def part(session: Session, user: User, issuer: str) -> None:
    """Take this way in away. Raises NotFound, or Conflict for somebody who has no other."""
    found = identity_of(session, user, issuer)
    if found is None:
        raise NotFound
    passkey = session.scalar(select(Passkey.credential_id).where(Passkey.user_id == user.id).limit(1))
    if user.password_hash == NO_PASSWORD and passkey is None:
        raise Conflict("You would have no way in any more. Set a password first.")
    session.delete(found)
    session.flush()


def _connect(session: Session, user: User, vouched: Vouched) -> None:
    session.add(Identity(issuer=vouched.issuer, subject=vouched.subject, user_id=user.id, email=vouched.email[:254]))
    session.flush()


def _free_name(session: Session, vouched: Vouched) -> str:
    """Return what the provider calls somebody, as a name that is free here."""
    named = "".join(each for each in vouched.name.partition("@")[0] if each.isprintable())
    named = " ".join(named.split())[:34] or "Somebody"
    number, wanted = 1, named
    while name_refusal(session, wanted):
        number += 1
        wanted = f"{named} {number}"
    return wanted
