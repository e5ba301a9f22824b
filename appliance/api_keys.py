"""API keys: a program's way in, on behalf of one person and within some scopes."""

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from appliance.errors import Conflict, InvalidInput, NotAllowed, NotFound, StudioError, said
from appliance.tables import ApiKey, User

SCOPES = {
    "songs:read": said("see and download your songs and what the studio published"),
    "songs:write": said("rename, publish, like and delete"),
    "generate": said("ask for songs, which may cost credits"),
    "billing:read": said("see your credits"),
}
PREFIX = "bl"
MOST_KEYS = 20  # for each person
_NOBODY = bytes(32)


class WrongKey(StudioError):
    """The key is unknown, revoked, expired, or its secret half is wrong; which of these is not said."""

    status = 401

    def __init__(self) -> None:
        super().__init__("This API key does not open anything here.")


def _sha256(secret: str) -> bytes:
    # 256 random bits need no slow hash: ASVS 5.0, 6.5.2.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def create_key(
    session: Session, user: User, name: str, scopes: list[str], days: int | None = None
) -> tuple[ApiKey, str]:
    """Return a new key and its secret half, which nobody can read again. The key is written as `bl_<id>.<secret>`.

    Raises InvalidInput about the name, the scopes or the days it lives; Conflict when the person has too many.
    """
    name = " ".join(name.split())
    wrong: dict[str, str] = {}
    if not 1 <= len(name) <= 60 or not name.isprintable():
        wrong["name"] = said("Name the key after what will use it, in 1 to 60 characters.")
    if not scopes or not set(scopes) <= set(SCOPES):
        wrong["scopes"] = said("Choose at least one of the things that the key may do.")
    if days is not None and not 1 <= days <= 3650:
        wrong["days"] = said("Give a number of days from 1 to 3650, or none.")
    if wrong:
        raise InvalidInput.about(**wrong)
    session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    alive = select(func.count()).where(ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None))
    if session.scalars(alive).one() >= MOST_KEYS:
        raise Conflict(
            said("You have %(number)s keys already. Revoke one that is not used any more.", number=MOST_KEYS)
        )
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        id=secrets.token_hex(8),
        user_id=user.id,
        name=name,
        secret_sha256=_sha256(secret),
        scopes=sorted(set(scopes)),
        expires_at=datetime.now(UTC) + timedelta(days=days) if days else None,
    )
    session.add(key)
    session.flush()
    return key, secret


def written(key: ApiKey, secret: str) -> str:
    """Return a key as it is shown once and sent by programs."""
    return f"{PREFIX}_{key.id}.{secret}"


def find_key(session: Session, key_id: str, secret: str) -> ApiKey:
    """Return the key with these two halves and its person. Raises WrongKey, in the same time whatever is wrong."""
    key = None
    if re.fullmatch(r"[0-9a-f]{16}", key_id):
        key = session.scalar(select(ApiKey).where(ApiKey.id == key_id).options(joinedload(ApiKey.user)))
    same = hmac.compare_digest(_sha256(secret), key.secret_sha256 if key else _NOBODY)
    now = datetime.now(UTC)
    if key is None or not same or not _alive(key):
        raise WrongKey
    if key.last_used_at is None or key.last_used_at < now - timedelta(minutes=1):
        session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
    return key


def key_opens(session: Session, key_id: str) -> bool:
    """Tell whether a key that opened something a while ago still does."""
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id).options(joinedload(ApiKey.user)))
    return key is not None and _alive(key)


def _alive(key: ApiKey) -> bool:
    return not (key.revoked_at or key.user.disabled_at or (key.expires_at and key.expires_at < datetime.now(UTC)))


def read_key(written_key: str) -> tuple[str, str]:
    """Return the two halves of a key as programs send it. Raises WrongKey."""
    found = re.fullmatch(rf"{PREFIX}_([0-9a-f]{{16}})\.([\w-]{{43}})", written_key, re.ASCII)
    if found is None:
        raise WrongKey
    return found[1], found[2]


def require_scope(key: ApiKey, scope: str) -> None:
    """Raise NotAllowed unless the key may do this."""
    if scope not in key.scopes:
        raise NotAllowed(f"This API key may not {SCOPES[scope]}: it lacks the scope {scope}.")


def list_keys(session: Session, viewer: User) -> list[ApiKey]:
    """Return the viewer's own keys that are not revoked, newest first."""
    mine = select(ApiKey).where(ApiKey.user_id == viewer.id, ApiKey.revoked_at.is_(None))
    return list(session.scalars(mine.order_by(ApiKey.created_at.desc())))


def revoke_key(session: Session, key_id: str, viewer: User) -> None:
    """Make one of the viewer's own keys useless at once. Raises NotFound."""
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == viewer.id).with_for_update())
    if key is None:
        raise NotFound
    key.revoked_at = key.revoked_at or datetime.now(UTC)
