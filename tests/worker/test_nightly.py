"""The nightly backup: due once a day in its hour, made up for when it was missed, and told of when it fails."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.box import runs
from appliance.box.layout import Layout
from appliance.box.secrets import keep_secrets
from appliance.settings import settings
from appliance.storage import Storage
from worker.nightly import back_up_when_due, is_due

NIGHT = datetime(2026, 5, 4, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last_good", "now", "due"),
    [
        (None, NIGHT.replace(hour=15), True),
        (NIGHT - timedelta(days=1), NIGHT, True),
        (NIGHT - timedelta(days=1), NIGHT + timedelta(minutes=30), True),
        (NIGHT, NIGHT + timedelta(minutes=30), False),  # this hour's is made
        (NIGHT, NIGHT + timedelta(hours=12), False),
        (NIGHT, NIGHT + timedelta(hours=25, minutes=1), True),  # missed
    ],
)
def test_when_it_is_due(last_good: datetime | None, now: datetime, due: bool) -> None:
    assert is_due(last_good, 3, now) is due


@pytest.fixture
def with_target(
    session: Session, object_store: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Yield the data folder of a studio whose backups go beside it."""
    data = tmp_path / "data"
    (data / "secrets").mkdir(parents=True)
    keep_secrets(Layout(data, data).secrets, data_is_there=False)
    monkeypatch.setenv("DATA_DIR", str(data))
    monkeypatch.setenv("BACKUP_TARGET", str(tmp_path / "vault"))
    settings.cache_clear()
    yield data
    monkeypatch.undo()
    settings.cache_clear()


def test_it_is_made_and_remembered_and_not_made_again(with_target: Path) -> None:
    thread = back_up_when_due()
    assert thread
    thread.join()
    memory = runs.remember(with_target)
    assert memory.failure == ""
    assert memory.good
    assert memory.good["kind"] == "nightly"
    assert memory.drilled_at  # and it was restored once, to see that it can be
    assert memory.drill_failure == ""
    assert back_up_when_due(memory.last_good) is None


def test_a_new_studio_waits_for_its_first_night(with_target: Path) -> None:
    Layout(with_target, with_target).marker.write_text("{}")
    now = datetime.now(UTC)
    assert back_up_when_due(now + timedelta(hours=2)) is None
    thread = back_up_when_due(now + timedelta(hours=26))
    assert thread
    thread.join()


def test_without_a_target_there_is_none(session: Session) -> None:
    assert back_up_when_due() is None


def test_a_failure_is_logged_and_remembered(with_target: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path(settings().backup_target).write_text("a file, where a folder should be")
    with caplog.at_level(logging.INFO):
        thread = back_up_when_due()
        assert thread
        thread.join()
    assert "The nightly backup failed" in caplog.text
    assert runs.remember(with_target).failure
