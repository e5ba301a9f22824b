"""Guessing: who tried in vain too often waits, longer each time, across restarts and across programs; nobody is locked out for good.

A bucket is any text: an account's name, an address's network, or a browser that was here before. Its hash is what is kept.
"""

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance.errors import StudioError, said
from appliance.tables import Tries

LONGEST_WAIT = 15 * 60.0  # seconds; a bucket that is quiet so long is forgotten


class TooManyTries(StudioError):
    """Somebody has to wait before the next try."""

    status = 429

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        wait = f"{self.seconds} s" if self.seconds < 90 else f"{round(self.seconds / 60)} min"
        super().__init__(said("Too many tries. Wait %(wait)s, then try again.", wait=wait))


def network_of(address: str) -> str:
    """Return the network that an address is counted with: /24 of IPv4, /64 of IPv6, since one person has all of those."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    return str(ipaddress.ip_network((known, 24 if known.version == 4 else 64), strict=False))


def _hash(bucket: str) -> bytes:
    return hashlib.sha256(bucket.encode("utf-8", "surrogatepass")).digest()


def begin_try(session: Session, bucket: str, free: int) -> None:
    """Count a try, or raise TooManyTries while this bucket has to wait: after `free` tries 1, 2, 4 ... seconds.

    It is counted before anybody knows how it ends, and in one statement, so a thousand at the same moment are a thousand.
    Run it in a transaction of its own, which stays whatever becomes of the request.
    """
    now = func.clock_timestamp()
    quiet = Tries.blocked_until < now - timedelta(seconds=LONGEST_WAIT)
    count = case((quiet, 1), else_=Tries.count + 1)
    over = func.greatest(count - literal(free), 0)
    wait = case((over > 0, func.least(func.power(2.0, func.least(over - 1, 10)), LONGEST_WAIT)), else_=0.0)
    counted = session.execute(
        insert(Tries)
        .values(bucket=_hash(bucket), count=1, blocked_until=now)
        .on_conflict_do_update(
            index_elements=["bucket"],
            set_={"count": count, "blocked_until": now + func.make_interval(0, 0, 0, 0, 0, 0, wait)},
            where=Tries.blocked_until <= now,
        )
        .returning(Tries.count)
    ).first()
    if counted is None:
        until = session.scalars(select(Tries.blocked_until).where(Tries.bucket == _hash(bucket))).one()
        raise TooManyTries((until - datetime.now(UTC)).total_seconds())


def forget_tries(session: Session, bucket: str) -> None:
    """Forget all tries of a bucket: the last one was good."""
    session.execute(delete(Tries).where(Tries.bucket == _hash(bucket)))


def forgive_try(session: Session, bucket: str) -> None:
    """Take one try of a bucket back: it was a good one, which says nothing about the others."""
    session.execute(
        update(Tries)
        .where(Tries.bucket == _hash(bucket))
        .values(count=func.greatest(Tries.count - 1, 0), blocked_until=func.clock_timestamp())
    )


def purge_tries(session: Session) -> None:
    """Forget the buckets that have been quiet for long."""
    old = func.clock_timestamp() - timedelta(seconds=LONGEST_WAIT)
    session.execute(delete(Tries).where(Tries.blocked_until < old))
