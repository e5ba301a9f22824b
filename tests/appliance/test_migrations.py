"""The migrations and the tables say the same, and every step can be taken back."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import appliance.tables  # noqa: F401  (fills the metadata)
from appliance import database
from appliance.box.postgres import temporary_cluster
from appliance.database import Table


@pytest.fixture(scope="module")
def own_database() -> Iterator[str]:
    """Run a Postgres that no other test looks at."""
    with temporary_cluster() as url:
        yield url


def _differences(url: str) -> list[object]:
    engine = database.build_engine(url)

    def is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        return not (kind == "table" and (name or "").startswith("huey_"))

    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_object": is_ours, "compare_type": True})
            return list(compare_metadata(context, Table.metadata))
    finally:
        engine.dispose()


def test_the_newest_revision_is_what_the_table_classes_say(own_database: str) -> None:
    database.migrate(own_database)
    assert _differences(own_database) == []
    assert database.is_migrated(own_database)


def test_every_revision_can_be_taken_back_and_made_again(own_database: str) -> None:
    database.migrate(own_database)
    command.downgrade(database.alembic_config(own_database), "base")
    assert not database.is_migrated(own_database)
    database.migrate(own_database)
    database.migrate(own_database)
    assert _differences(own_database) == []
