"""The Postgres database: engine, sessions, migrations, and the notices it passes between programs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, func, make_url, select
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from appliance.settings import settings

NOTICES = "backline"  # the channel that song and credit news travel on


class Table(DeclarativeBase):
    """The base of every table class; constraints get names that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def sqlalchemy_url(database_url: str) -> str:
    """Return `database_url` with the driver that we use, whatever Postgres form it came in."""
    return make_url(database_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(database_url: str) -> str:
    """Return `database_url` as libpq tools and psycopg understand it."""
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def build_engine(database_url: str) -> Engine:
    """Return an engine for `database_url`, whose idle connections are checked before use.

    The check is what lets a program go on after Postgres was restarted under it. Values stay out of the messages of
    errors, which are logged: they would show password hashes and what people wrote.
    """
    url = sqlalchemy_url(database_url)
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10, hide_parameters=True)


@lru_cache
def engine() -> Engine:
    """Return this process's engine."""
    return build_engine(settings().database_url.get_secret_value())


@lru_cache
def session_factory() -> sessionmaker[Session]:
    """Return what makes this process's sessions; loaded rows stay readable after a commit."""
    return sessionmaker(engine(), expire_on_commit=False)


@contextmanager
def transaction() -> Iterator[Session]:
    """Yield a session whose work is committed at the end, or rolled back when anything is raised."""
    with session_factory()() as session, session.begin():
        yield session


def notify(session: Session, **news: Any) -> None:
    """Tell every listening program about `news` once this transaction is committed."""
    session.execute(select(func.pg_notify(NOTICES, json.dumps(news, default=str))))


def connect(database_url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a plain autocommit connection, for LISTEN and for health checks."""
    return psycopg.connect(libpq_url(database_url), autocommit=True, connect_timeout=5)


def alembic_config(database_url: str) -> Config:
    """Return the migration settings; no ini file is involved."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str, to: str = "head", on_step: Callable[[int, int], None] | None = None) -> None:
    """Bring the schema at `database_url` to the revision `to`, all of it or nothing; programs that come together take turns.

    `on_step` is called after each step with how many are done and how many there are.
    """
    config = alembic_config(database_url)
    if on_step:
        scripts = ScriptDirectory.from_config(config)
        steps, done = len(list(scripts.iterate_revisions(to, revision(database_url) or "base"))), count(1)
        config.attributes["on_version_apply"] = lambda **_: on_step(next(done), steps)
    command.upgrade(config, to)


def revision(database_url: str) -> str | None:
    """Return the revision of the schema at `database_url`, None where there is none yet."""
    probe = build_engine(database_url)
    try:
        with probe.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        probe.dispose()


def newest_revision() -> str:
    """Return the revision that this version of the program works with."""
    return ScriptDirectory.from_config(alembic_config("")).get_current_head() or ""


def knows_revision(wanted: str) -> bool:
    """Tell whether this version of the program has a way from the revision `wanted` to its own."""
    return any(each.revision == wanted for each in ScriptDirectory.from_config(alembic_config("")).walk_revisions())


def is_migrated(database_url: str) -> bool:
    """Tell whether the schema at `database_url` is at the newest revision."""
    return revision(database_url) == newest_revision()
