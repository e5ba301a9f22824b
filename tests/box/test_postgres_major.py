"""From one major version of Postgres to the next, and back: on a real cluster of the older one that the wheel brings."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.box import postgres, rollback, versions
from appliance.box.failure import BoxError
from appliance.box.foundation import foundation
from appliance.box.layout import Layout
from appliance.box.major import drop_older, older_clusters, programs_of, refuse_newer, upgrade_cluster
from appliance.box.postgres import MAJOR, Runner, connect, create_cluster, dies_with_parent, runner_for, server_command
from appliance.box.secrets import read_secrets
from appliance.box.store import TemporaryStore
from appliance.box.waiting import wait_until
from appliance.database import migrate
from appliance.settings import Settings, load_settings

OLD = "16"
pytestmark = pytest.mark.skipif(programs_of(OLD) is None, reason="The wheel brings no older Postgres.")


@pytest.fixture
def wanted(_store: TemporaryStore) -> Iterator[Settings]:
    """Yield the settings of a studio whose database is of the older Postgres, with somebody in it, and was killed at work."""
    home = Path(f"/tmp/backline-major-{os.getpid()}")  # below pytest's folders Postgres' account cannot go
    home.mkdir(mode=0o711)
    objects = {"OBJECT_STORE": "s3", "S3_ENDPOINT": _store.endpoint}
    keys = {"S3_ACCESS_KEY": _store.access_key, "S3_SECRET_KEY": _store.secret_key}
    wanted = load_settings({"DATA_DIR": str(home / "data"), **objects, **keys}, None)
    try:
        with foundation(wanted):
            pass  # the folder, its secrets and its owner
        layout = Layout(wanted.data_dir, home)
        shutil.rmtree(layout.cluster)
        _make_old(layout, home)
        yield wanted
    finally:
        shutil.rmtree(home)


def _make_old(layout: Layout, home: Path) -> None:
    secrets = read_secrets(layout.secrets)
    runner = _old_runner(layout.cluster.parent)
    cluster, sockets = layout.cluster.with_name(OLD), home / "s"
    create_cluster(cluster, runner, secrets.superuser_password, secrets.database_password)
    runner.own(sockets)
    with (home / "log").open("w") as log:
        server = runner.start([*dies_with_parent("KILL"), *server_command(cluster, sockets, runner)], log)
        url = postgres.url_of(sockets, secrets.database_password)
        assert wait_until(lambda: postgres.answers(url), 30), (home / "log").read_text()
        migrate(url)
        with connect(url) as connection:
            connection.execute("INSERT INTO users (id, name, password_hash) VALUES (gen_random_uuid(), 'Mara', '-')")
        server.kill()
        server.wait()
    assert wait_until(lambda: not postgres.servers_in(cluster), 30)


def _old_runner(home: Path) -> Runner:
    runner, programs = runner_for(home), programs_of(OLD)
    assert programs
    if runner.account:
        programs = postgres.reachable_programs(runner.account, home, programs)
    return replace(runner, programs=programs)


def _people(wanted: Settings) -> tuple[int, list[str]]:
    with foundation(wanted) as full, connect(full.database_url.get_secret_value()) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM users")]
        return connection.info.server_version // 10000, names


def test_the_database_goes_to_the_newer_postgres_by_itself_and_back_by_one_command(
    wanted: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Layout(wanted.data_dir, wanted.data_dir).cluster
    assert _people(wanted) == (int(MAJOR), ["Mara"])
    assert f"The database goes from Postgres {OLD} to {MAJOR}" in capsys.readouterr().out
    upgrade = versions.read_upgrade(wanted.data_dir)
    assert upgrade
    assert (upgrade.before.postgres, upgrade.after.postgres, upgrade.tried) == (OLD, MAJOR, False)
    assert (cluster.with_name(OLD) / "PG_VERSION").read_text().strip() == OLD
    assert _people(wanted) == (int(MAJOR), ["Mara"])  # not a second time

    assert rollback.roll_back(wanted, act=False) == 0
    assert f"The database is that of Postgres {OLD} again." in capsys.readouterr().out
    assert not cluster.exists()
    assert older_clusters(cluster.parent) == [cluster.with_name(OLD)]
    assert _people(wanted) == (int(MAJOR), ["Mara"])  # and once more to the newer one

    told: list[str] = []
    drop_older(cluster.parent, told.append)  # what a good backup does
    assert len(told) == 2
    assert [path.parent.name for path in cluster.parent.glob("*/PG_VERSION")] == [MAJOR]
    with pytest.raises(BoxError, match="There is no way back: the database of Postgres 16 was removed"):
        rollback.roll_back(wanted, act=True)
    assert cluster.exists()


def test_a_cluster_of_a_later_version_is_not_passed_over(tmp_path: Path) -> None:
    for major in (MAJOR, "99"):
        (tmp_path / major).mkdir()
        (tmp_path / major / "PG_VERSION").write_text(major)
    with pytest.raises(BoxError, match="is of Postgres 99, and this version brings 18"):
        refuse_newer(tmp_path)


def test_a_cluster_that_nobody_here_can_read_is_left_alone(tmp_path: Path) -> None:
    older = tmp_path / "9"
    older.mkdir()
    (older / "PG_VERSION").write_text("9\n")
    with pytest.raises(BoxError, match="is of Postgres 9, which this version cannot read"):
        upgrade_cluster(older, tmp_path / MAJOR, Runner(postgres.wheel_programs()), "x")
    assert [path.name for path in tmp_path.iterdir()] == ["9"]
