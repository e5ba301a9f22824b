"""What the tests stand on: a Postgres and an object store of their own, real ones, on free ports."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import hypothesis
import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from appliance import database, taskqueue
from appliance.box.postgres import SUPERUSER, connect, temporary_cluster
from appliance.box.store import TemporaryStore, temporary_store
from appliance.credits import broken_invariants
from appliance.settings import Settings, settings
from appliance.storage import Storage, storage

LARGE = 2**20  # bytes in a table that is given a new file rather than emptied row by row
GIVEN_POSTGRES, GIVEN_STORE = "BACKLINE_TESTS_POSTGRES", "BACKLINE_TESTS_STORE"  # an address; an address and two keys

# The same examples in every run, so that a red run can be repeated; how fast they are drawn says nothing about us.
hypothesis.settings.register_profile(
    "backline", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("backline")


def forget_settings() -> None:
    """Let this process read its settings anew, and everything that was built from the old ones."""
    if database.engine.cache_info().currsize:
        database.engine().dispose()
    if taskqueue.taskqueue.cache_info().currsize:
        taskqueue.taskqueue().storage.close()
    for cached in (settings, database.engine, database.session_factory, storage, taskqueue.taskqueue):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _settings_of_one_test() -> Iterator[None]:
    """Forget the settings that a test changed: set up before everything else of a test, this is taken down last."""
    yield
    settings.cache_clear()


@contextmanager
def _cluster() -> Iterator[str]:
    """Run a Postgres, unless `make mutate`, which starts the tests a hundred times, has one for all of them."""
    if given := os.environ.get(GIVEN_POSTGRES):
        yield given
        return
    with temporary_cluster() as url:
        yield url


@contextmanager
def _objects() -> Iterator[TemporaryStore]:
    """Run an object store, unless one is given."""
    if given := os.environ.get(GIVEN_STORE):
        yield TemporaryStore(*given.split())
        return
    with temporary_store() as store:
        yield store


@pytest.fixture(scope="session")
def _postgres() -> Iterator[str]:
    """Have a Postgres for the whole session, and tell every program that the tests start where it is."""
    with _cluster() as url, pytest.MonkeyPatch.context() as patch:
        database.migrate(url)
        taskqueue.create_tables(url)
        patch.setenv("DATABASE_URL", url)
        patch.setenv("SECRET_KEY", "only-the-tests-know-this-one")
        forget_settings()
        yield url
        forget_settings()


def empty_database() -> None:
    """Take everything out of the tests' database but the categories."""
    kept = {"categories", "alembic_version"}
    # The ledger and the admins' record refuse to be emptied, and every table what others name; triggers are the superuser's.
    superuser = make_url(settings().database_url.get_secret_value()).set(username=SUPERUSER)
    address = superuser.render_as_string(hide_password=False)
    with connect(address, seconds=30) as connection, connection.transaction():
        sizes = connection.execute(
            "SELECT tablename, pg_relation_size(format('public.%I', tablename)) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        tables = sorted(name for name, _ in sizes if name not in kept)
        connection.execute("SET LOCAL session_replication_role = replica")
        # Whoever still writes is waited for. New files for forty tables take twenty times as long as removing a few rows.
        connection.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        if max(size for _, size in sizes) > LARGE:
            connection.execute(f"TRUNCATE {', '.join(tables)}")
        else:
            connection.execute("; ".join(f"DELETE FROM {table}" for table in tables))


@pytest.fixture
def database_url(_postgres: str) -> str:
    """Return the address of a migrated database with nothing in it but the categories."""
    empty_database()
    return _postgres


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    """Yield a session on the empty database; the test commits what others shall see."""
    with database.session_factory()() as session:
        yield session
        session.rollback()
        assert broken_invariants(session) == {}


@pytest.fixture
def open_to_all() -> Iterator[None]:
    """Let everybody make an account, without an invitation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGISTRATION", "open")
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def _store() -> Iterator[TemporaryStore]:
    """Have an object store for the whole session, and tell every program that the tests start where it is."""
    with _objects() as store, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OBJECT_STORE", "s3")
        patch.setenv("S3_ENDPOINT", store.endpoint)
        patch.setenv("S3_PUBLIC_URL", store.endpoint)
        patch.setenv("S3_ACCESS_KEY", store.access_key)
        patch.setenv("S3_SECRET_KEY", store.secret_key)
        forget_settings()
        storage().ensure_bucket()
        yield store
        forget_settings()


@pytest.fixture
def object_store(_store: TemporaryStore) -> Storage:
    """Return the way to a running object store whose bucket is empty."""
    storage().delete(storage().list())
    return storage()


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> Iterator[None]:
    """Keep the settings of the person who runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            if name.upper() in os.environ:
                patch.delenv(name.upper())
        yield
