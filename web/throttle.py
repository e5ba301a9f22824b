"""Trying at the door: every try is counted in a transaction of its own, which stays whatever becomes of the request."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.database import transaction
from appliance.errors import Unavailable
from appliance.guesses import begin_guess, device_of, good_guess
from appliance.throttling import begin_try, network_of
from web.cookies import Connection, device_value

FREE_NEWCOMERS, FREE_WISHES = 10, 5  # new accounts, and letters asked for, from one network


def address_of(connection: Connection) -> str:
    """Return the network address that a request comes from."""
    return connection.client.host if connection.client else ""


@contextmanager
def guessing(connection: Connection, who: str, what: str = "") -> Iterator[None]:
    """Count a guess at the account called `who` around what checks it; it counts no more once that has raised nothing.

    `what` keeps guesses at another secret of the account apart. Raises TooManyTries while this browser has to wait.
    """
    here, name = address_of(connection), f"{what} {who}".strip()
    with transaction() as own:
        device = device_of(own, device_value(connection), who)
        begin_guess(own, name, here, device)
    yield
    with transaction() as own:
        good_guess(own, name, here, device)


def count_newcomer(connection: Connection) -> None:
    """Count somebody who wants an account, or raise TooManyTries for their network."""
    _count(f"newcomers {network_of(address_of(connection))}", FREE_NEWCOMERS)


def count_reset_request(connection: Connection, address: str) -> None:
    """Count somebody who wants a letter, or raise TooManyTries for their network or the letter's address."""
    _count(f"letters {network_of(address_of(connection))}", FREE_WISHES)
    _count(f"letters to {address.strip().lower()[:254]}", FREE_WISHES)


def _count(bucket: str, free: int) -> None:
    with transaction() as own:
        begin_try(own, bucket, free)


# Hashing a password takes 19 MiB and a core: a crowd of guesses must not take them all.
_hashing = threading.BoundedSemaphore(os.cpu_count() or 1)


@contextmanager
def hashing() -> Iterator[None]:
    """Hold one of the places for hashing passwords, or raise Unavailable when none is free for five seconds."""
    if not _hashing.acquire(timeout=5):
        raise Unavailable("Many people are signing in at the moment. Try again in a few seconds.")
    try:
        yield
    finally:
        _hashing.release()
