"""The second factor: an authenticator app (TOTP, RFC 6238), a passkey (`appliance.passkeys`), and recovery codes on paper."""

import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

from passlib.exc import TokenError
from passlib.totp import TOTP
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from appliance.audit import record, require_admin
from appliance.errors import Conflict, InvalidInput, said
from appliance.sealing import SECOND_FACTOR, Unreadable, seal, unseal
from appliance.settings import settings
from appliance.tables import LoginSession, Passkey, RecoveryCode, SecondFactor, User

PERIOD = 30  # seconds a code lives
RECOVERY_CODES = 10
HALF_WAY_LIVES = 300  # seconds between the password and the code
WRONG = said("This code is not right, or it was used already. Wait for the next one.")


def begin_enrolment(session: Session, user: User) -> str:
    """Return the otpauth:// address to show as a QR code; it counts only after `confirm_enrolment`. Raises Conflict."""
    factor = session.get(SecondFactor, user.id, with_for_update=True)
    if factor is not None and factor.confirmed_at:
        raise Conflict("There is an authenticator app already. Remove it first.")
    totp = TOTP(new=True)
    sealed = seal(SECOND_FACTOR, totp.key)
    if factor is None:
        session.add(SecondFactor(user_id=user.id, secret=sealed))
    else:
        factor.secret, factor.last_counter = sealed, 0
    session.flush()
    return str(totp.to_uri(label=user.name, issuer=settings().studio_name.replace(":", " ")))


def confirm_enrolment(session: Session, user: User, code: str) -> list[str]:
    """Turn the second factor on with a first code, and return the recovery codes, which nobody can read again."""
    factor = session.get(SecondFactor, user.id)
    if factor is None or factor.confirmed_at:
        raise Conflict("Begin with the QR code first.")
    if not _accept(session, factor, code):
        raise InvalidInput.about(code=WRONG)
    factor.confirmed_at = datetime.now(UTC)
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    return give_recovery_codes(session, user)


def give_recovery_codes(session: Session, user: User) -> list[str]:
    """Return new recovery codes, which nobody can read again; nothing where the person has any that are unused."""
    if codes_left(session, user):
        return []
    codes = ["-".join(secrets.token_hex(3) for _ in range(5)) for _ in range(RECOVERY_CODES)]  # 120 bits each
    session.add_all(RecoveryCode(code_sha256=_sha256(code), user_id=user.id) for code in codes)
    session.flush()
    return codes


def tidy_recovery_codes(session: Session, user: User) -> None:
    """Take the recovery codes away from somebody who has nothing left that they stand in for."""
    if not has_second_factor(session, user):
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def has_app(session: Session, user: User) -> bool:
    """Tell whether this person's authenticator app is on."""
    confirmed = select(SecondFactor.confirmed_at).where(SecondFactor.user_id == user.id)
    return session.scalar(confirmed) is not None


def has_second_factor(session: Session, user: User) -> bool:
    """Tell whether this person has to prove more than their password when signing in: an app is on, or there is a passkey."""
    passkeys = exists().where(Passkey.user_id == user.id)
    return has_app(session, user) or bool(session.scalar(select(passkeys)))


def owes_second_factor(session: Session, user: User) -> bool:
    """Tell whether this admin has none where the studio asks admins for one, and so may do nothing but set it up."""
    return user.is_admin and settings().admins_need_second_factor and not has_second_factor(session, user)


def codes_left(session: Session, user: User) -> int:
    """Return how many recovery codes this person has not used yet."""
    unused = select(func.count()).where(RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def check_code(session: Session, user: User, code: str) -> None:
    """Accept a code of the app or an unused recovery code, each only once. Raises InvalidInput."""
    factor = session.get(SecondFactor, user.id, populate_existing=True)
    if factor is not None and factor.confirmed_at and _accept(session, factor, code):
        return
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.code_sha256 == _sha256(code), RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None)
        )
        .values(used_at=datetime.now(UTC))
        .returning(RecoveryCode.user_id)
    ).first()
    if used is None:
        raise InvalidInput.about(code=WRONG)


def half_way(user: User, came_by: str = "password") -> str:
    """Return a value for the cookie of a browser that gave the right password and owes a code, good for five minutes.

    `came_by`: what stood in for the password, as `LoginSession.came_by` has it.
    """
    named = f"{user.id}.{int(time.time() + HALF_WAY_LIVES)}.{came_by}"
    return f"{named}.{_half_way_mac(named, user)}"


def who_is_half_way(session: Session, cookie: str | None) -> tuple[User, str] | None:
    """Return who is half-way in the browser with this cookie, and by what; None also once their password has changed."""
    named, _, mac = (cookie or "").rpartition(".")
    user_id, until, came_by = (*named.split("."), "", "", "")[:3]
    try:
        user = session.get(User, UUID(user_id))
        over = int(until) < time.time()
    except ValueError:
        return None
    if user is None or user.disabled_at or over:
        return None
    told = mac.encode("utf-8", "surrogatepass")
    return (user, came_by) if hmac.compare_digest(told, _half_way_mac(named, user).encode()) else None


def _half_way_mac(named: str, user: User) -> str:
    key = settings().secret_key.get_secret_value().encode()
    return hmac.new(key, f"half way:{named}:{user.password_hash}".encode(), hashlib.sha256).hexdigest()


def remove_app(session: Session, user: User) -> None:
    """Turn the authenticator app off; the caller has made sure that this may be."""
    session.execute(delete(SecondFactor).where(SecondFactor.user_id == user.id))
    tidy_recovery_codes(session, user)


def clear_second_factor(session: Session, admin: User | None, user: User, address: str = "") -> None:
    """Take app and passkeys from somebody who lost them, and sign them out everywhere: a deed apart from reset links.

    `admin` is None for the machine's own command line. Raises NotAllowed.
    """
    if admin is not None:
        require_admin(admin)
    record(session, admin, "clear second factor", user.name, address=address)
    session.execute(delete(Passkey).where(Passkey.user_id == user.id))
    remove_app(session, user)
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))


def _accept(session: Session, factor: SecondFactor, code: str) -> bool:
    """Whether `code` is right and later than every code before; of two at the same moment one is accepted."""
    try:
        key = unseal(SECOND_FACTOR, factor.secret)
        counter = (
            TOTP(key=key, format="raw").match(code.strip(), window=PERIOD, last_counter=factor.last_counter).counter
        )
    except (TokenError, ValueError, Unreadable):
        return False
    moved = session.execute(
        update(SecondFactor)
        .where(SecondFactor.user_id == factor.user_id, SecondFactor.last_counter < counter)
        .values(last_counter=counter)
        .returning(SecondFactor.user_id)
    ).first()
    return moved is not None


def _sha256(code: str) -> bytes:
    plain = "".join(each for each in code.lower() if each in "0123456789abcdef")
    return hashlib.sha256(plain.encode()).digest()
