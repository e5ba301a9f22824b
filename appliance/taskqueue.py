"""The doorbell between web and worker: Huey over Postgres. A lost ring is harmless, since the songs table is the queue."""

import logging
from collections.abc import Callable
from functools import lru_cache

import psycopg
from huey import PostgresHuey
from huey.serializer import SignedSerializer

from appliance.database import connect, libpq_url
from appliance.settings import settings

log = logging.getLogger(__name__)
_answer: Callable[[], None] | None = None


def _song_waits() -> None:
    """Run whatever the worker has bound to the bell."""
    if _answer is None:
        raise RuntimeError("Nobody answers the bell in this program.")
    _answer()


def answer_bell(answer: Callable[[], None]) -> None:
    """Bind what happens in this program (the worker) when a song waits."""
    global _answer  # noqa: PLW0603
    _answer = answer


@lru_cache
def taskqueue() -> PostgresHuey:
    """Return this process's Huey.

    Messages are signed with the secret key, because Huey unpickles what it reads.
    """
    wanted = settings()
    huey = PostgresHuey(
        "backline",
        results=False,
        serializer=SignedSerializer(secret=wanted.secret_key.get_secret_value(), salt="taskqueue"),
        create_tables=False,
        connection=lambda: connect(wanted.database_url.get_secret_value()),
    )
    huey.bell = huey.task(name="song_waits")(_song_waits)
    return huey


def ring() -> None:
    """Tell a worker that a song waits. Call it after the commit; a failure is logged, and the sweep rings again."""
    try:
        taskqueue().bell()
    except psycopg.Error:
        log.warning("The bell could not be rung; the next sweep will.", exc_info=True)


def create_tables(database_url: str) -> None:
    """Create Huey's own tables where they are missing."""
    PostgresHuey("backline", results=False, dsn=libpq_url(database_url), create_tables=True).storage.close()
