"""Guessing at the door: what a wrong password counts against, so that guessing ends and the owner never waits for a stranger.

A try from anywhere counts for the account's name (whether there is one or not), for the network that it comes from, and for
both together. A browser that somebody signed in with before carries a signed device cookie and counts by itself alone: whatever
others try at that account, its owner gets in from there (OWASP calls this device cookies).
"""

import hashlib
import hmac
import secrets
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.settings import settings
from appliance.tables import User
from appliance.throttling import begin_try, forget_tries, forgive_try, network_of

FREE_TOGETHER, FREE_ACCOUNT, FREE_NETWORK, FREE_DEVICE = 4, 20, 50, 10


def device_cookie(user: User) -> str:
    """Return a new value for the cookie of a browser that `user` has just signed in with."""
    named = f"{user.id}.{secrets.token_urlsafe(16)}"
    return f"{named}.{_mac(named)}"


def device_of(session: Session, cookie: str | None, who: str) -> str | None:
    """Return what names the browser with this cookie, or None where it was not given to whoever is called `who`."""
    user_id, _, rest = (cookie or "").partition(".")
    nonce, _, mac = rest.partition(".")
    if not hmac.compare_digest(mac.encode("utf-8", "surrogatepass"), _mac(f"{user_id}.{nonce}").encode()):
        return None
    user = session.get(User, UUID(user_id))
    names = {user.name.lower(), (user.email or user.name).lower()} if user else set()
    return nonce if who.strip().lower() in names else None


def begin_guess(session: Session, who: str, address: str, device: str | None = None) -> None:
    """Count a try at `who`, or raise TooManyTries. Run it in a transaction of its own, before anything is checked."""
    for bucket, free in _buckets(who, address, device).items():
        begin_try(session, bucket, free)


def good_guess(session: Session, who: str, address: str, device: str | None = None) -> None:
    """Forget the tries at `who`: the last one was right. Its network is forgiven that one only."""
    for bucket in _buckets(who, address, device):
        if bucket.startswith("network "):
            forgive_try(session, bucket)
        else:
            forget_tries(session, bucket)


def _buckets(who: str, address: str, device: str | None) -> dict[str, int]:
    """Return the buckets of a try and how many tries each has for free, always in the same order: no two can deadlock."""
    name = " ".join(who.lower().split())[:254]
    if device:
        return {f"device {device} {name}": FREE_DEVICE}
    network = network_of(address)
    return {
        f"account {name}": FREE_ACCOUNT,
        f"network {network}": FREE_NETWORK,
        f"together {name} {network}": FREE_TOGETHER,
    }


def _mac(named: str) -> str:
    key = settings().secret_key.get_secret_value().encode()
    return hmac.new(key, b"device:" + named.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
