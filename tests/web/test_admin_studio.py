"""How the studio is, as its admins see it; it shouts when something is wrong."""

from collections.abc import Iterator
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
    counts = {"songs": 12, "users": 3}
    began = (datetime.now(UTC) - age).isoformat()
    good: dict[str, object] = {"began": began, "counts": counts, "object_bytes": 5_000_000, "missing": []}
    runs.keep_memory(data, runs.Memory(good=good))


def test_a_studio_that_is_well_says_so(ada: Browser, session: Session, tmp_path: Path) -> None:
    session.add(WorkerSeen(name="one", about={"composer": "sketch", "notes": ["No card is here."]}))
    session.commit()
    _remember(tmp_path, timedelta(hours=5))
    page = ada.open("/admin/studio").text
    assert "Nothing.</p>" in page
    assert "5 hours ago: 12 songs of 3 people, 5.0 MB" in page
    assert "No card is here." in page
    assert page.count("Ready.") == 4


def test_an_old_backup_and_a_worker_that_is_gone_are_shouted_about(ada: Browser, tmp_path: Path) -> None:
    _remember(tmp_path, timedelta(hours=30))
    page = ada.open("/admin/studio").text
    assert "The last good backup is 30 hours old." in page
    assert "no worker has been heard" in page
    assert "Nothing.</p>" not in page


def test_nobody_else_learns_that_it_exists(mara: Browser) -> None:
    assert mara.get("/admin/studio").status_code == 404
