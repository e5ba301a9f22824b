"""What the tests of credits and billing have in common: a studio that counts credits, and ways through a song's life."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from appliance import credits, database, polar_gateway, queue
from appliance.billing import OrderSnapshot
from appliance.settings import settings
from appliance.tables import CreditPack, SongRequest, User
from tests.appliance.people import add_user
from tests.appliance.polar_standin import PolarStandIn, standing_in

WEBHOOK_SECRET = "whsec_" + "dGVzdHMtb25seQ=="  # the Base64 of "tests-only"

A = TypeVar("A")
R = TypeVar("R")


def count_credits(patch: pytest.MonkeyPatch, mode: str = "grants", **more: str) -> None:
    """Switch this process's studio to counting credits."""
    for name, value in {"BILLING": mode, "SIGNUP_CREDITS": "0", **more}.items():
        patch.setenv(name, value)
    settings.cache_clear()


@contextmanager
def shop() -> Iterator[PolarStandIn]:
    """Have this process's studio sell credits at a stand-in for Polar."""
    with standing_in() as polar, pytest.MonkeyPatch.context() as patch:
        count_credits(
            patch,
            "polar",
            POLAR_ACCESS_TOKEN=polar.token,
            POLAR_BASE_URL=polar.address,
            POLAR_WEBHOOK_SECRET=WEBHOOK_SECRET,
            NO_PROXY="127.0.0.1",
        )
        patch.setattr(polar_gateway, "FIRST_PAUSE", 0.01)
        polar_gateway._client.cache_clear()
        yield polar
        polar_gateway._client().__exit__()
        polar_gateway._client.cache_clear()
    settings.cache_clear()


def add_buyer(session: Session, name: str, amount: int) -> User:
    """Add somebody with so many credits."""
    user = add_user(session, name)
    credits.open_account(session, user)
    if amount:
        credits.post(session, user.id, "signup", amount, once=f"start:{user.id}")
    session.commit()
    return user


def numbers(session: Session, user: User) -> tuple[int, int]:
    """Return somebody's balance and what is held of it, as the database has them now."""
    account = credits.account_of(session, user.id)
    return account.balance, account.held


def made(number: int = 0) -> queue.MadeSong:
    """Return what a worker hands over; the keys differ by `number`."""
    return queue.MadeSong(
        master_key=f"songs/{number}.flac",
        audio_key=f"songs/{number}.opus",
        cover_key="",
        thumbnail_key="",
        peaks=bytes(800),
        loudness=-14.0,
        duration=30.0,
        bpm=120.0,
        key="C major",
        sections=[],
        model="sketch",
        categories=("Pop",),
    )


def claim(session: Session, worker: str = "w") -> tuple[queue.Lease, SongRequest] | None:
    """Claim the next request, commit, and return the lease and the request."""
    request = queue.claim_request(session, worker)
    session.commit()
    return (queue.lease_of(request), request) if request else None


def finish_all(session: Session, lease: queue.Lease, request: SongRequest) -> None:
    """Make every song of a claimed request ready."""
    for song in request.songs:
        if queue.start_song(session, lease, song.id):
            queue.finish_song(session, lease, song.id, made())
    queue.release_request(session, lease)
    session.commit()


def add_pack(session: Session, product_id: str, worth: int) -> CreditPack:
    """Add something to buy."""
    pack = CreditPack(product_id=product_id, name=f"{worth} credits", price_cents=worth * 20, credits=worth)
    session.add(pack)
    session.commit()
    return pack


def snapshot(
    order_id: str,
    second: int,
    user_id: UUID | None,
    *,
    paid: bool = True,
    status: str = "paid",
    refunded: int = 0,
    payable: int = 1000,
    product_id: str = "p25",
    checkout_id: str | None = None,
    reason: str = "purchase",
    units: int = 1,
) -> OrderSnapshot:
    """Return the state of an order at a second of some minute."""
    return OrderSnapshot(
        id=order_id,
        status=status,
        paid=paid,
        payable=payable,
        refunded=refunded,
        billing_reason=reason,
        product_id=product_id,
        checkout_id=checkout_id,
        customer=str(user_id) if user_id else None,
        units=units,
        at=datetime(2026, 11, 23, 10, 0, second, tzinfo=UTC),
    )


def at_once(workers: int, work: Callable[[A], R], arguments: Sequence[A]) -> list[R]:
    """Do `work` on every argument in so many threads, and return the answers in order."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, arguments))


def in_transaction(work: Callable[[Session], R]) -> R:
    """Do `work` in a transaction of its own, as a web request or a job does."""
    with database.transaction() as session:
        return work(session)
