"""The doorbells between web and worker: Huey over Postgres. A lost ring is harmless, since the tables are the queue."""

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Literal, get_args

import psycopg
from huey import PostgresHuey
from huey.serializer import SignedSerializer

from appliance.database import connect, libpq_url
from appliance.settings import settings

log = logging.getLogger(__name__)
Bell = Literal["song_waits", "message_waits", "letter_waits", "delivery_waits", "words_wait"]
BELLS: tuple[Bell, ...] = get_args(Bell)
_answers: dict[Bell, Callable[[], object]] = {}


def _rung(bell: Bell) -> None:
    """Run whatever the worker has bound to this bell."""
    if bell not in _answers:
        raise RuntimeError(f"Nobody answers the bell {bell} in this program.")
    _answers[bell]()


def answer_bell(answer: Callable[[], object], bell: Bell = "song_waits") -> None:
    """Bind what happens in this program (the worker) when a bell rings."""
    _answers[bell] = answer


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
    huey.bells = {bell: huey.task(name=bell)(partial(_rung, bell)) for bell in BELLS}
    return huey


def ring(bell: Bell = "song_waits") -> None:
    """Tell a worker that something waits. Call it after the commit; a failure is logged, and the sweep looks again."""
    try:
        taskqueue().bells[bell]()
    except psycopg.Error:
        log.warning("The bell could not be rung; the next sweep will.", exc_info=True)


def create_tables(database_url: str) -> None:
    """Create Huey's own tables where they are missing."""
    PostgresHuey("backline", results=False, dsn=libpq_url(database_url), create_tables=True).storage.close()
