"""Accounts: the first admin, signing up, signing in, and who a browser belongs to."""

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, exists, func, or_, select, text, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from appliance import credits
from appliance.audit import record
from appliance.errors import Gone, InvalidInput, NotAllowed, said
from appliance.invites import use_invite
from appliance.passwords import NO_PASSWORD, hash_password, is_password, refusal
from appliance.settings import settings
from appliance.tables import LoginSession, OneTimeToken, User

IDLE, ABSOLUTE = timedelta(days=7), timedelta(days=30)  # a browser nobody uses; any browser
ADMIN_IDLE, ADMIN_ABSOLUTE = timedelta(hours=12), timedelta(days=7)
SETUP_TOKEN_LIVES = timedelta(hours=24)
_SETUP_LOCK = 0x73657475  # any number of our own; the bytes of "setu"


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def needs_setup(session: Session) -> bool:
    """Tell whether the studio has no admin yet."""
    return not session.scalar(select(exists().where(User.role == "admin")))


def setup_token(session: Session) -> str | None:
    """Return a new one-time token for the first admin's page, or None when there is an admin.

    Tokens given out before stop working, used ones excepted: those are remembered, to be called used.
    """
    if not needs_setup(session):
        return None
    session.execute(delete(OneTimeToken).where(OneTimeToken.purpose == "setup", OneTimeToken.used_at.is_(None)))
    token = secrets.token_urlsafe(24)
    expires_at = datetime.now(UTC) + SETUP_TOKEN_LIVES
    session.add(OneTimeToken(token_sha256=_sha256(token), purpose="setup", expires_at=expires_at))
    return token


def check_setup_token(session: Session, token: str) -> None:
    """Raise Gone unless `token` would be accepted for the first admin right now."""
    found = session.get(OneTimeToken, _sha256(token))
    if found is None or found.purpose != "setup" or found.used_at or found.expires_at < datetime.now(UTC):
        raise Gone(
            "This set-up link was used or has run out. Run `make setup-url` on the studio machine for a new one."
        )
    if not needs_setup(session):
        raise Gone("This studio is set up already. Sign in instead.")


def create_first_admin(session: Session, token: str, name: str, email: str, password: str) -> User:
    """Return the new admin; the token is used up.

    Two people who come at the same moment take turns, and the second one raises Gone.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SETUP_LOCK})
    check_setup_token(session, token)
    admin = _add_user(session, name, email, password, role="admin")
    session.execute(
        update(OneTimeToken).where(OneTimeToken.token_sha256 == _sha256(token)).values(used_at=datetime.now(UTC))
    )
    return admin


def create_admin(session: Session, name: str, email: str, password: str) -> User:
    """Return a new admin, made by the machine's own command line. Raises InvalidInput."""
    admin = _add_user(session, name, email, password, role="admin")
    record(session, None, "make admin", admin.name)
    return admin


def sign_up(session: Session, name: str, email: str, password: str | None, invite_token: str = "") -> User:
    """Return the new user, who comes with an invite where the studio asks for one.

    `password` None: they have proved who they are elsewhere, and sign in by that.

    Raises NotAllowed when the studio takes nobody, Gone about the invite, InvalidInput about what cannot be used.
    """
    if settings().registration == "closed":
        raise NotAllowed("This studio does not take new accounts. Ask its admin.")
    if needs_setup(session):
        raise NotAllowed("This studio is not set up yet: its admin comes first.")
    if not invite_token and settings().registration == "invite":
        raise NotAllowed("This studio takes new people by invitation. Ask somebody who runs it for a link.")
    invite = use_invite(session, invite_token, email) if invite_token else None
    if invite is None and _is_taken(session, email):
        # To a stranger every address looks free, or the page would tell who has an account: this one is just not kept.
        email = ""
    user = _add_user(session, name, email, password, role="user")
    if invite is not None:
        invite.used_by = user.id
        if invite.credits and credits.are_on():
            credits.post(
                session,
                user.id,
                "admin",
                invite.credits,
                once=f"invite:{user.id}",
                actor_id=invite.created_by,
                note="Came with the invitation",
            )
    return user


def name_refusal(session: Session, name: str, but: User | None = None) -> str | None:
    """Return why nobody (or nobody but this person) can be called `name`, or None when it is free."""
    if not 1 <= len(name) <= 40 or not name.isprintable():
        return said("Choose a name of 1 to 40 letters.")
    if "@" in name:
        return said("A name has no @ in it: that is how names and e-mail addresses are told apart.")
    taken = exists().where(func.lower(User.name) == name.lower(), User.id != but.id if but else true())
    return said("Somebody here has this name already.") if session.scalar(select(taken)) else None


def _add_user(session: Session, name: str, email: str, password: str | None, role: str) -> User:
    name, email = " ".join(name.split()), email.strip()
    wrong: dict[str, str] = {}
    if refused := name_refusal(session, name):
        wrong["name"] = refused
    if email and not (len(email) <= 254 and email.isprintable() and re.fullmatch(r"[^@\s]+@[^@\s]+", email)):
        wrong["email"] = said("This does not look like an e-mail address.")
    if password is not None and (refused := refusal(password, name, email, settings().studio_name)):
        wrong["password"] = refused
    if email and _is_taken(session, email):
        wrong["email"] = said("This address has an account already. Sign in instead.")
    if wrong:
        raise InvalidInput.about(**wrong)
    hashed = NO_PASSWORD if password is None else hash_password(password)
    user = User(name=name, email=email or None, password_hash=hashed, role=role)
    session.add(user)
    try:
        session.flush()
    except IntegrityError:  # somebody took the name between the look and the write
        raise InvalidInput.about(name="Somebody took this name just now.") from None
    credits.open_account(session, user)
    return user


def _is_taken(session: Session, email: str) -> bool:
    wanted = email.strip().lower()
    taken = exists().where(func.lower(User.email) == wanted)
    return bool(wanted and "\x00" not in wanted and session.scalar(select(taken)))


def sign_in(session: Session, who: str, password: str) -> User:
    """Return whose name or e-mail address and password these are.

    Raises InvalidInput with the same sentence whether the person does not exist, is disabled or typed another password.
    """
    wanted = who.strip().lower()
    user = None
    if "\x00" not in wanted:
        user = session.scalar(
            select(User).where(or_(func.lower(User.name) == wanted, func.lower(User.email) == wanted))
        )
    if not is_password(password, user.password_hash if user else None) or user is None or user.disabled_at:
        raise InvalidInput.about(password="This name and password do not go together.")
    return user


def open_login_session(session: Session, user: User, browser: str, address: str, came_by: str = "password") -> str:
    """Return the token for the cookie of a browser that has just signed in; only its hash is kept.

    What stands before its dot stays when the token is replaced (`appliance.login_sessions`): forms are bound to that, so the
    pages that are open keep working. It opens nothing by itself.
    """
    token = f"{secrets.token_urlsafe(12)}.{secrets.token_urlsafe(32)}"
    session.add(
        LoginSession(
            token_sha256=_sha256(token),
            user_id=user.id,
            expires_at=datetime.now(UTC) + (ADMIN_ABSOLUTE if user.is_admin else ABSOLUTE),
            browser="".join(each for each in browser if each.isprintable())[:200],
            address=address[:64],
            came_by=came_by,
        )
    )
    return token


def viewer_of(session: Session, token: str | None) -> User | None:
    """Return who is signed in with this token, or None when nobody is (any more)."""
    found = login_session_of(session, token)
    return found.user if found else None


def login_session_of(session: Session, token: str | None) -> LoginSession | None:
    """Return the login session of a browser with this token, its user loaded, or None when it is over."""
    if not token:
        return None
    now = datetime.now(UTC)
    found = session.scalar(
        select(LoginSession).where(LoginSession.token_sha256 == _sha256(token)).options(joinedload(LoginSession.user))
    )
    if found is None or found.user.disabled_at or found.expires_at < now:
        return None
    if found.last_seen_at < now - (ADMIN_IDLE if found.user.is_admin else IDLE):
        return None
    if found.last_seen_at < now - timedelta(minutes=1):
        found.last_seen_at = now
    return found


def close_login_session(session: Session, token: str) -> None:
    """Sign this browser out."""
    session.execute(delete(LoginSession).where(LoginSession.token_sha256 == _sha256(token)))


def purge_login_sessions(session: Session) -> None:
    """Forget the browsers that cannot come back."""
    now = datetime.now(UTC)
    session.execute(
        delete(LoginSession).where(or_(LoginSession.expires_at < now, LoginSession.last_seen_at < now - IDLE))
    )
