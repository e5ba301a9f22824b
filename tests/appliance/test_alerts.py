"""Alerts in words: each trouble is told, and a studio that is well tells nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.box import runs
from appliance.box.alerts import alerts
from appliance.settings import Settings, settings
from appliance.storage import Storage
from appliance.tables import WorkerSeen
from tests.appliance.people import add_user, ask


@pytest.fixture
def well(session: Session, object_store: Storage, tmp_path: Path) -> Settings:
    """Return the settings of a studio in which nothing is wrong."""
    session.add(WorkerSeen(name="one"))
    session.commit()
    _remember(tmp_path, timedelta(hours=2))
    return settings().model_copy(update={"data_dir": tmp_path, "backup_target": "/vault", "disk_reserve_gb": 0.0})


def _remember(data: Path, age: timedelta, **more: object) -> None:
    good: dict[str, object] = {"began": (datetime.now(UTC) - age).isoformat(), "missing": []}
    memory = runs.Memory(good=good)
    for name, value in more.items():
        setattr(memory, name, value)
    runs.keep_memory(data, memory)


def _told(wanted: Settings) -> dict[str, str]:
    return {alert.name: alert.sentence for alert in alerts(wanted)}


def test_a_studio_that_is_well_tells_nothing(well: Settings) -> None:
    assert _told(well) == {}


def test_no_backups_at_all_and_none_yet(well: Settings, tmp_path: Path) -> None:
    assert "BACKUP_TARGET is not set" in _told(well.model_copy(update={"backup_target": ""}))["backup"]
    (tmp_path / "backups.json").unlink()
    assert "There is no backup yet" in _told(well)["backup"]
    (tmp_path / "backups.json").write_text("{ half a fi")
    assert "There is no backup yet" in _told(well)["backup"]


def test_an_old_backup_is_critical_from_26_hours_on(well: Settings, tmp_path: Path) -> None:
    _remember(tmp_path, timedelta(hours=25, minutes=59))
    assert _told(well) == {}
    _remember(tmp_path, timedelta(hours=27), failure="The target is full.")
    told = alerts(well)
    assert [(alert.name, alert.severity) for alert in told] == [("backup", "critical")]
    assert told[0].sentence == "The last good backup is 27 hours old. The last try failed: The target is full."


def test_a_failed_backup_and_lost_objects_are_told(well: Settings, tmp_path: Path) -> None:
    _remember(tmp_path, timedelta(hours=1), failure="The target is full.")
    assert _told(well)["backup"] == "The last try failed: The target is full."
    memory = runs.remember(tmp_path)
    memory.good = json.loads(json.dumps(memory.good)) | {"missing": ["songs/1/1/audio.mp3"]}
    runs.keep_memory(tmp_path, memory)
    assert "1 files" in _told(well)["missing_objects"]
    _remember(tmp_path, timedelta(hours=1), drill_failure="The ledger is not in order.")
    assert _told(well) == {"restore_drill": "The newest backup could not be restored: The ledger is not in order."}


def test_failing_songs_are_told_with_the_reason_when_there_are_many(well: Settings, session: Session) -> None:
    songs = [song for number in range(2) for song in ask(session, add_user(session, f"p{number}")).songs]
    for song in songs[:2]:
        song.status, song.reason, song.finished_at = "failed", "Out of memory.", datetime.now(UTC)
    session.commit()
    assert _told(well) == {}
    songs[2].status, songs[2].reason, songs[2].finished_at = "failed", "Out of memory.", datetime.now(UTC)
    session.commit()
    assert _told(well)["songs_fail"] == "3 of the 3 songs of the last hour failed. The last one: Out of memory."


def test_a_worker_that_is_gone_and_a_store_and_a_database_that_do_not_answer(well: Settings, session: Session) -> None:
    session.query(WorkerSeen).delete()
    session.commit()
    assert _told(well)["worker"].startswith("Worker: No worker has been heard")
    nowhere = {"s3_endpoint": "http://127.0.0.1:1"}
    assert "does not answer" in _told(well.model_copy(update=nowhere))["object_store"]
    gone = {"database_url": type(well.database_url)("postgresql://nobody@127.0.0.1:1/nothing")}
    told = _told(well.model_copy(update=gone))
    assert told.keys() == {"database"}
