"""A disk that fills up stops new songs before anything else suffers."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from appliance.box.alerts import alerts
from appliance.diskspace import LEAST, SHARE, DiskFull, room
from appliance.settings import load_settings, settings
from appliance.songs import retry_song
from appliance.storage import Storage
from appliance.tables import SongRequest, User
from tests.appliance.people import add_user, ask


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ask for more room than there is on any disk."""
    monkeypatch.setenv("DISK_RESERVE_GB", "1e9")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_the_reserve_is_5_gb_or_a_twentieth_unless_it_is_set() -> None:
    by_itself = room(load_settings({}, None))
    assert by_itself.reserve == max(LEAST, SHARE * by_itself.total)
    assert room(load_settings({"DISK_RESERVE_GB": "0"}, None)).reserve == 0
    assert room(load_settings({"DISK_RESERVE_GB": "0.5"}, None)).reserve == 5e8


def test_new_songs_are_refused_with_a_sentence_and_nothing_is_written(session: Session, full_disk: None) -> None:
    user = add_user(session, "Mara")
    with pytest.raises(DiskFull, match="almost full") as refused:
        ask(session, user)
    assert refused.value.status == 507
    assert session.query(SongRequest).count() == 0


def test_a_song_that_failed_is_not_tried_again_either(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    user = add_user(session, "Mara")
    song = ask(session, user).songs[0]
    song.status, song.reason = "failed", "It was too loud."
    session.commit()
    monkeypatch.setenv("DISK_RESERVE_GB", "1e9")
    settings.cache_clear()
    try:
        with pytest.raises(DiskFull):
            retry_song(session, song.id, session.get_one(User, user.id))
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_admins_are_told(session: Session, object_store: Storage, full_disk: None) -> None:
    told = {alert.name: alert for alert in alerts(settings())}
    assert told["disk"].severity == "critical"
    assert "New songs are refused" in told["disk"].sentence
