"""The machine room says how old the last good backup is, and shouts when something is wrong."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.box import runs
from appliance.settings import settings
from appliance.storage import Storage
from appliance.tables import User, WorkerSeen
from tests.web.browser import Browser


@pytest.fixture
def own_settings(
    database_url: str, object_store: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Give the studio a data folder of its own, a target for backups and enough room."""
    for name, value in (("DATA_DIR", str(tmp_path)), ("BACKUP_TARGET", "/vault"), ("DISK_RESERVE_GB", "0")):
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def ada(own_settings: None, browser: Browser, people: dict[str, User]) -> Browser:
    """Return an admin's browser."""
    browser.sign_in("Ada")
    return browser


def _remember(data: Path, age: timedelta) -> None:
    then = datetime.now(UTC) - age
    counts = {"songs": 12, "users": 3}
    run = runs.Run(
        runs.new_id(then), "nightly", "x", "0", "1", then.isoformat(), "", {}, counts, 40, 5_000_000, 7, "all"
    )
    runs.keep_memory(data, runs.Memory(good=asdict(run)))


def test_a_studio_that_is_well_shows_its_last_backup_and_nothing_else(
    ada: Browser, session: Session, tmp_path: Path
) -> None:
    session.add(WorkerSeen(name="one"))
    session.commit()
    _remember(tmp_path, timedelta(hours=5, minutes=1))
    page = ada.open("/admin").text
    assert "What needs you" not in page
    assert "<b>5</b> hours ago" in page
    assert "<dd>12</dd>" in page
    assert "5.0 MB" in page


def test_an_old_backup_and_a_worker_that_is_gone_are_shouted_about(ada: Browser, tmp_path: Path) -> None:
    _remember(tmp_path, timedelta(hours=30))
    page = ada.open("/admin").text
    assert "What needs you" in page
    assert 'class="err">The last good backup is 30 hours old.' in page
    assert "No worker has been heard" in page


def test_a_memory_that_cannot_be_read_counts_as_none(ada: Browser, tmp_path: Path) -> None:
    (tmp_path / "backups.json").write_text('{"good": {"began": "2026-01-01T00:00:00+00:00", "colour": "blue"}}')
    assert "There is none." in ada.open("/admin").text
