"""Whether the studio is ready, asked of each part of it and not of its process: a program that runs may yet be of no use."""

import http.client
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import uuid4

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from appliance.box import postgres, store
from appliance.database import is_migrated
from appliance.errors import StudioError, said
from appliance.settings import Settings
from appliance.storage import Storage

READY_PATH = "/health/ready"
# A worker says that it is alive every few seconds; silent for so long, it is dead or hangs.
WORKER_SILENCE = timedelta(seconds=30)
# Writing to the store at every question would be work for nothing.
STORE_ASKED_EVERY = 10.0  # seconds


@dataclass(frozen=True)
class Part:
    """One thing that the studio needs. `trouble` is a sentence about what is wrong with it, empty where nothing is."""

    name: str
    trouble: str = ""


def parts(wanted: Settings) -> list[Part]:
    """Ask everything that the pages stand on, for complete settings; takes a few milliseconds where all is well."""
    database = _database_trouble(wanted)
    unknown = said("Not known while the database does not answer.") if database else ""
    return [
        Part(said("database"), database),
        Part(said("migrations"), unknown or _migrations_trouble(wanted)),
        Part(said("object store"), _store_trouble(wanted)),
        Part(said("worker"), unknown or worker_trouble(wanted)),
    ]


def web_trouble(wanted: Settings, seconds: float = 10) -> str:
    """Return what is wrong with the web app, which is asked for its own opinion; empty where nothing is."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(wanted.web_host, wanted.web_host)  # noqa: S104
    connection = http.client.HTTPConnection(host, wanted.web_port, timeout=seconds)
    if wanted.tls != "off":  # whether the certificate is a good one is for browsers to say
        unasked = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(host, wanted.web_port, timeout=seconds, context=unasked)
    try:
        connection.request("GET", READY_PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return said("It does not answer.")
    finally:
        connection.close()
    return "" if status == 200 else said("It answers %(status)s.", status=status)


def worker_trouble(wanted: Settings) -> str:
    """Return what is wrong with the workers, any one of which will do; empty where nothing is."""
    try:
        with postgres.connect(wanted.database_url.get_secret_value()) as connection:
            alive = connection.execute(
                "SELECT count(*) FROM workers WHERE last_seen > clock_timestamp() - %s", [WORKER_SILENCE]
            ).fetchone()
    except psycopg.Error:
        return said("The database did not say.")
    return (
        ""
        if alive and alive[0]
        else said("No worker has been heard for %(seconds)s seconds.", seconds=f"{WORKER_SILENCE.total_seconds():.0f}")
    )


def _database_trouble(wanted: Settings) -> str:
    try:
        with postgres.connect(wanted.database_url.get_secret_value()) as connection:
            return "" if connection.execute("SELECT 1").fetchone() == (1,) else said("It answers nonsense.")
    except psycopg.Error:
        return said("It does not answer.")


def _migrations_trouble(wanted: Settings) -> str:
    try:
        newest = is_migrated(wanted.database_url.get_secret_value())
    except SQLAlchemyError:
        return said("The database did not say.")
    return "" if newest else said("The tables are not those of this version.")


def _store_trouble(wanted: Settings) -> str:
    if not store.answers(wanted.s3_endpoint):  # the client would be patient for minutes with one that hangs
        return said("It does not answer.")
    try:
        _try_store(wanted, int(time.monotonic() // STORE_ASKED_EVERY))
    except StudioError as error:
        return error.message
    return ""


@lru_cache(maxsize=1)
def _try_store(wanted: Settings, _when: int) -> None:
    """Write, read and delete an object. Success is remembered for a while; a failure is raised and never remembered."""
    storage, key, said = Storage(wanted), f"health/{uuid4()}", b"a canary"
    storage.write(key, said, "text/plain")
    heard = b"".join(storage.read(key))
    storage.delete([key])
    if heard != said:
        raise StudioError("The object store returned something else than was written.")
