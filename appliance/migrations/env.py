"""How Alembic reaches the database: one connection, one transaction, one program at a time."""

from alembic import context
from sqlalchemy import text

import appliance.tables  # noqa: F401  (fills the metadata)
from appliance.database import Table, build_engine

MIGRATION_LOCK = 0x6261636B  # any number that nobody else locks; these are the bytes of "back"


def include(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Leave Huey's tables to Huey."""
    return not (kind == "table" and (name or "").startswith("huey_"))


engine = build_engine(context.config.attributes["database_url"])
try:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Table.metadata,
            include_object=include,
            on_version_apply=context.config.attributes.get("on_version_apply", ()),
        )
        with context.begin_transaction():
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            context.run_migrations()
finally:
    engine.dispose()
