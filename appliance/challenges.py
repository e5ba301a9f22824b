"""Challenges: values that somebody signs or brings back, good once, for ten minutes, and for one browser and one purpose.

Nothing is written down before one was answered well, so whoever only asks for them fills no table.
"""

import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput
from appliance.settings import settings
from appliance.tables import UsedChallenge

LIVES = 600  # seconds
RANDOM, UNTIL = 16, 8  # bytes at the beginning of a challenge: what nobody can guess, and its end in seconds


class StaleChallenge(InvalidInput):
    """A challenge of another browser, another purpose, an earlier time, or one that was answered before."""

    def __init__(self) -> None:
        super().__init__("This took too long, or was sent twice. Try again.")


def new_challenge(purpose: str, bound_to: str) -> bytes:
    """Return 56 bytes for the browser whose forms are bound to `bound_to` (`web.csrf.bound_to`)."""
    named = secrets.token_bytes(RANDOM) + int(time.time() + LIVES).to_bytes(UNTIL)
    return named + _mac(named, purpose, bound_to)


def check_challenge(challenge: bytes, purpose: str, bound_to: str) -> None:
    """Raise StaleChallenge unless `challenge` was made for this purpose and browser, and not too long ago."""
    named, mac = challenge[: RANDOM + UNTIL], challenge[RANDOM + UNTIL :]
    made_here = bool(bound_to) and hmac.compare_digest(mac, _mac(named, purpose, bound_to))
    if not made_here or int.from_bytes(named[RANDOM:]) < time.time():
        raise StaleChallenge


def use_up(session: Session, challenge: bytes) -> None:
    """Note that `challenge` was answered. Raises StaleChallenge when it was before; of two at the same moment one counts."""
    used = insert(UsedChallenge).values(challenge_sha256=hashlib.sha256(challenge).digest())
    if session.execute(used.on_conflict_do_nothing().returning(UsedChallenge.used_at)).first() is None:
        raise StaleChallenge


def derived(challenge: bytes, what: str) -> str:
    """Return another secret that belongs to `challenge` and that nobody can guess from it."""
    key = settings().secret_key.get_secret_value().encode()
    return hmac.new(key, f"derived {what}:".encode() + challenge, hashlib.sha256).hexdigest()


def purge_used_challenges(session: Session) -> None:
    """Forget the challenges that are too old to be taken anyway."""
    old = datetime.now(UTC) - timedelta(seconds=2 * LIVES)
    session.execute(delete(UsedChallenge).where(UsedChallenge.used_at < old))


def _mac(named: bytes, purpose: str, bound_to: str) -> bytes:
    key = settings().secret_key.get_secret_value().encode()
    told = b"challenge:" + named + f"{purpose}:{bound_to}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, told, hashlib.sha256)
