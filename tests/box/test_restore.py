"""A restore that goes wrong, or is only looked at, leaves the studio as it was; another passphrase needs another place."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.box import restore
from appliance.box.backup import back_up
from appliance.box.dump import counts
from appliance.box.failure import BoxError
from appliance.box.layout import Layout
from appliance.box.postgres import connect, temporary_cluster
from appliance.box.recovery_kit import KIT, known_passphrase, passphrase_in
from appliance.box.restore import fetched
from appliance.box.runs import DUMP, SECRETS, list_runs
from appliance.box.secrets import keep_secrets, read_secrets, write_secrets
from appliance.box.vault import open_vault
from appliance.database import migrate
from appliance.settings import Settings, settings
from appliance.storage import Storage
from tests.appliance.people import add_user
from tests.web.making import make


def _silent(_line: str) -> None:
    pass


@pytest.fixture
def full(session: Session, object_store: Storage, tmp_path: Path) -> Settings:
    """Return the complete settings of a studio with a song, whose backups go beside its data."""
    make(session, object_store, add_user(session, "Mara"))
    data = tmp_path / "data"
    data.mkdir()
    keep_secrets(Layout(data, data).secrets, data_is_there=False)
    return settings().model_copy(update={"data_dir": data, "backup_target": str(tmp_path / "vault")})


@pytest.mark.parametrize("wrong", ["rows", "dump"])
def test_a_restore_that_fails_midway_leaves_the_database_as_it_was(wrong: str, full: Settings) -> None:
    run, vault = back_up(full, "asked for", _silent), open_vault(full, known_passphrase(full))
    with temporary_cluster() as url, fetched(vault, run, full.data_dir) as folder:
        migrate(url)
        with connect(url) as connection:
            connection.execute("INSERT INTO users (id, name, password_hash) VALUES (gen_random_uuid(), 'Jun', '-')")
            before = counts(connection)
        there = full.model_copy(update={"database_url": type(full.database_url)(url)})
        said = "differs from the backup in: users"  # found when its rows are in place already
        if wrong == "rows":
            run = replace(run, counts=run.counts | {"users": 99})
        else:
            said = "pg_restore failed"
            (folder / DUMP).write_bytes((folder / DUMP).read_bytes()[:-100])
        plan = restore._plan(there, vault, run, folder)
        with pytest.raises(BoxError, match=rf"{said}.*\. The studio is as it was before\."):
            restore._act(there, vault, plan, folder, _silent)
        with connect(url) as connection:
            assert counts(connection) == before
            assert connection.execute("SELECT name FROM users").fetchall() == [("Jun",)]


def test_a_restore_that_is_not_done_changes_no_secret(full: Settings, tmp_path: Path) -> None:
    layout = Layout(full.data_dir, full.data_dir)
    ours = read_secrets(layout.secrets)
    write_secrets(tmp_path / SECRETS, replace(ours, secret_key="the one of then"))
    with restore._settled_secrets(layout, tmp_path):
        assert read_secrets(layout.secrets).previous_secret_key == "the one of then"
    assert read_secrets(layout.secrets) == ours
    with restore._settled_secrets(layout, tmp_path) as keep:
        keep()
    assert read_secrets(layout.secrets).previous_secret_key == "the one of then"


def test_another_passphrase_needs_another_place_and_the_old_one_stays_readable(full: Settings, tmp_path: Path) -> None:
    run, before = back_up(full, "asked for", _silent), known_passphrase(full)
    passphrase = type(full.backup_passphrase)("one of my own")
    moved = full.model_copy(update={"backup_passphrase": passphrase, "backup_target": str(tmp_path / "another")})
    back_up(moved, "asked for", _silent)
    assert passphrase_in(full.data_dir / KIT) == "one of my own"
    assert [each.id for each in list_runs(open_vault(full, before))] == [run.id]
