"""Runs in a vault: what goes in, what is noted of what is not there, what mends itself, what is kept and what goes."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from appliance.box import backup, runs
from appliance.box.backup import back_up, only_one
from appliance.box.drill import drill
from appliance.box.failure import BoxError
from appliance.box.layout import Layout
from appliance.box.recovery_kit import KIT, known_passphrase, passphrase_in
from appliance.box.runs import MANIFEST, RUN, Run, choose_run, kept_runs, list_runs, prune
from appliance.box.secrets import keep_secrets
from appliance.box.vault import OBJECTS, RUNS, Vault, open_vault, write_manifest
from appliance.settings import Settings, settings
from appliance.storage import Storage
from appliance.tables import Song, SongRequest
from tests.appliance.people import add_user
from tests.web.making import SOUND, make

NOW = datetime(2026, 5, 31, 3, 11, tzinfo=UTC)


def _silent(_line: str) -> None:
    pass


@pytest.fixture
def full(session: Session, object_store: Storage, tmp_path: Path) -> Settings:
    """Return the complete settings of a studio whose backups go beside its data."""
    data = tmp_path / "data"
    data.mkdir()
    keep_secrets(Layout(data, data).secrets, data_is_there=False)
    target = str(tmp_path / "vault, #1")
    return settings().model_copy(update={"data_dir": data, "backup_target": target})


@pytest.fixture
def request_of_two(session: Session, object_store: Storage) -> SongRequest:
    return make(session, object_store, add_user(session, "Mara"))


def _vault(full: Settings) -> Vault:
    return open_vault(full, known_passphrase(full))


def _while(step: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Return what hears a backup's steps and acts once, at the one that begins so."""
    done: list[str] = []

    def tell(line: str) -> None:
        if line.startswith(step) and not done:
            done.append(line)
            act()

    return tell


def test_a_song_that_is_deleted_while_the_backup_runs_is_noted_as_gone(
    session: Session, object_store: Storage, full: Settings, request_of_two: SongRequest
) -> None:
    kept, deleted = request_of_two.songs
    keys = [deleted.master_key, deleted.audio_key]

    def delete_it() -> None:
        session.execute(delete(Song).where(Song.id == deleted.id))
        session.commit()
        object_store.delete(keys)

    run = back_up(full, "asked for", _while("objects:", delete_it))
    assert set(keys) <= set(run.gone)
    assert run.missing == []
    assert run.counts["songs"] == 2  # the point is from before
    assert kept.master_key in runs.manifest_of(_vault(full), run)


def test_an_object_that_the_store_has_lost_does_not_stop_backups_and_is_told(
    session: Session, object_store: Storage, full: Settings, request_of_two: SongRequest
) -> None:
    lost = request_of_two.songs[0].master_key
    object_store.delete([lost])
    told: list[str] = []
    run = back_up(full, "asked for", told.append)
    assert run.missing == [lost]
    assert any(line.startswith("WARNING: songs name 1 objects") for line in told)


def test_nothing_new_writes_nothing_but_the_runs_own_files(
    session: Session, full: Settings, request_of_two: SongRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = back_up(full, "asked for", _silent)
    _next_second(monkeypatch)
    second = back_up(full, "asked for", _silent)
    assert first.objects == second.objects > 0
    assert second.written_bytes < first.written_bytes - first.object_bytes + 2000
    assert (first.checked, second.checked) == ("all", "new and a sample")


def test_neither_sound_nor_names_can_be_read_in_the_vault(
    session: Session, full: Settings, request_of_two: SongRequest
) -> None:
    back_up(full, "asked for", _silent)
    song = request_of_two.songs[0]
    for path in _files(full):
        data = path.read_bytes()
        assert SOUND[:200] not in data, path
        assert b"PGDMP" not in data, path
        assert str(song.id) not in f"{path}{data!r}", path


def test_a_flipped_bit_is_found_at_the_next_full_reading_and_mended_from_the_store(
    session: Session, full: Settings, request_of_two: SongRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(full, "asked for", _silent)
    # A file of crypt's has a head of 32 bytes, and 16 more for each block of 64 KiB.
    file = next(path for path in _files(full) if path.stat().st_size == len(SOUND) + 48)
    sound = file.read_bytes()
    file.write_bytes(sound[:100] + bytes([sound[100] ^ 1]) + sound[101:])
    monkeypatch.setattr(backup, "ALL_EVERY", timedelta(0))
    _next_second(monkeypatch)
    told: list[str] = []
    run = back_up(full, "asked for", told.append)
    assert any("1 objects" in line and "damaged and are copied again" in line for line in told), told
    assert _vault(full).damaged(OBJECTS, runs.manifest_of(_vault(full), run)) == []


def _files(full: Settings) -> list[Path]:
    return [path for path in Path(full.backup_target).rglob("*") if path.is_file()]


def _next_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a day pass: two runs cannot have the same name."""
    later = backup._now() + timedelta(days=1)
    monkeypatch.setattr(backup, "_now", lambda: later)


def test_the_drill_restores_the_newest_backup_and_says_what_is_wrong_with_it(
    session: Session, full: Settings, request_of_two: SongRequest
) -> None:
    run = back_up(full, "asked for", _silent)
    passphrase = known_passphrase(full)
    assert drill(full, passphrase, _silent).id == run.id
    memory = runs.remember(full.data_dir)
    assert (memory.drill_failure, bool(memory.drilled_at)) == ("", True)
    assert memory.run == run  # what is known of the backup stays known
    for file in _files(full):
        if file.stat().st_size == len(SOUND) + 48:
            file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(BoxError, match="objects are damaged"):
        drill(full, passphrase, _silent)
    assert "objects are damaged" in runs.remember(full.data_dir).drill_failure


def test_a_dump_that_was_exchanged_is_no_backup(session: Session, full: Settings, request_of_two: SongRequest) -> None:
    run = back_up(full, "asked for", _silent)
    largest = max(_files(full), key=lambda path: path.stat().st_size)  # the dump
    largest.write_bytes(largest.read_bytes()[:-100])
    with pytest.raises(BoxError, match=f"The backup {run.id} is damaged: db.dump"):
        drill(full, known_passphrase(full), _silent)


def test_another_studio_may_not_write_into_the_same_place(session: Session, full: Settings, tmp_path: Path) -> None:
    back_up(full, "asked for", _silent)
    other = tmp_path / "other"
    other.mkdir()
    keep_secrets(Layout(other, other).secrets, data_is_there=False)
    passphrase = type(full.backup_passphrase)(known_passphrase(full))
    with pytest.raises(BoxError, match="are another studio's"):
        back_up(full.model_copy(update={"data_dir": other, "backup_passphrase": passphrase}), "asked for", _silent)
    with pytest.raises(BoxError, match="need the passphrase with the fingerprint"):
        back_up(full.model_copy(update={"backup_passphrase": type(passphrase)("a guess")}), "asked for", _silent)
    assert runs.remember(full.data_dir).failure.startswith("The backups at")
    assert len(list_runs(_vault(full))) == 1


def test_the_kit_holds_the_passphrase_and_nobody_else_may_read_it(session: Session, full: Settings) -> None:
    back_up(full, "asked for", _silent)
    kit = full.data_dir / KIT
    assert kit.stat().st_mode & 0o077 == 0
    assert passphrase_in(kit) == known_passphrase(full)
    (full.data_dir / "not-a-kit").write_text("Dear diary")
    with pytest.raises(BoxError, match="is no recovery kit"):
        passphrase_in(full.data_dir / "not-a-kit")


def test_two_at_a_time_are_one_too_many(full: Settings) -> None:
    with only_one(full.data_dir), pytest.raises(BoxError, match="running already"), only_one(full.data_dir):
        pass


def test_backups_go_to_s3_as_well(session: Session, full: Settings, request_of_two: SongRequest) -> None:
    elsewhere = full.model_copy(
        update={
            "backup_target": "s3:vault/studio one",
            "backup_s3_endpoint": full.s3_endpoint,
            "backup_s3_access_key": full.s3_access_key,
            "backup_s3_secret_key": full.s3_secret_key,
        }
    )
    run = back_up(elsewhere, "asked for", _silent)
    vault = _vault(elsewhere)
    assert [each.id for each in list_runs(vault)] == [run.id]
    assert vault.damaged(OBJECTS, runs.manifest_of(vault, run)) == []


@pytest.mark.parametrize("target", ["", "s3:"])
def test_a_target_that_cannot_be_used_is_refused(session: Session, full: Settings, target: str) -> None:
    with pytest.raises(BoxError):
        back_up(full.model_copy(update={"backup_target": target}), "asked for", _silent)


def test_settings_travel_without_what_belongs_to_the_machine(session: Session, full: Settings, tmp_path: Path) -> None:
    chosen = full.model_copy(update={"studio_name": "Night Shift", "web_port": 9009})
    run = back_up(chosen, "asked for", _silent)
    kept = json.loads(_vault(chosen).read(f"{RUNS}/{run.id}/settings.json"))
    assert kept["STUDIO_NAME"] == "Night Shift"
    assert kept["WEB_PORT"] == "9009"
    assert not {"DATA_DIR", "BACKUP_PASSPHRASE", "PUBLIC_URL"} & kept.keys()


def _run(moment: datetime) -> Run:
    empty: dict[str, int] = {}
    return Run(runs.new_id(moment), "nightly", "x", "0", "1", "", "", {}, empty, 0, 0, 0, "all")


def test_of_nightly_backups_7_days_4_weeks_and_6_months_are_kept() -> None:
    every_night = [_run(NOW - timedelta(days=days)) for days in range(400)]
    kept = kept_runs(every_night, NOW)
    days = sorted((NOW.date() - run.when.date()).days for run in every_night if run.id in kept)
    # The last 7 nights; the last nights of this and the 3 weeks before; of this and the 5 months before.
    assert days == [0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 31, 61, 92, 120, 151]


def test_whatever_is_younger_than_two_days_is_kept() -> None:
    hourly = [_run(NOW - timedelta(hours=hours)) for hours in range(60)]
    assert {run.id for run in hourly[:48]} <= kept_runs(hourly, NOW)


@pytest.mark.parametrize(
    ("when", "days"),
    [("", 0), ("2026-05-29", 2), ("2026-05-29T04:00", 2), ("2026-05-29T03:00", 3), ("20260530T031100Z", 1)],
)
def test_when_chooses_the_newest_that_is_not_later(when: str, days: int) -> None:
    nights = [_run(NOW - timedelta(days=each)) for each in range(5)]
    assert choose_run(nights, when) == nights[days]


def test_when_that_fits_nothing_is_said() -> None:
    for when, said in (("2020-01-01", "There is no backup from before"), ("yesterday", "is no backup and no moment")):
        with pytest.raises(BoxError, match=said):
            choose_run([_run(NOW)], when)
    with pytest.raises(BoxError, match="no complete backups"):
        choose_run([])


def _pretend(full: Settings, run: Run, keys: list[str], folder: Path) -> None:
    """Put a run with these objects into the vault."""
    vault, place = _vault(full), folder / run.id
    place.mkdir(parents=True)
    for key in keys:
        (place / key).write_text(key)
    (place / MANIFEST).write_text(write_manifest(dict.fromkeys(keys, "0" * 64)))
    (place / RUN).write_text(json.dumps(asdict(replace(run, objects=len(keys)))))
    vault.put(place, OBJECTS, keys)
    vault.put(place, f"{RUNS}/{run.id}", [MANIFEST, RUN])


def test_old_runs_go_with_what_only_they_name_and_so_does_what_a_killed_one_left(
    full: Settings, tmp_path: Path
) -> None:
    full = full.model_copy(update={"backup_passphrase": type(full.backup_passphrase)("for the test")})
    today = datetime.now(UTC)
    months = [_run(today - timedelta(days=31 * number)) for number in range(9)]
    for number, run in enumerate(months):
        _pretend(full, run, ["common", f"only-{number}"], tmp_path / "pretended")
    vault = _vault(full)
    torn = tmp_path / "torn"
    torn.mkdir()
    for name in (MANIFEST, "orphan"):
        (torn / name).write_text("x")
    vault.put(torn, f"{RUNS}/20990101T000000Z", [MANIFEST])
    vault.put(torn, OBJECTS, ["orphan"])
    prune(vault)
    left = [run.id for run in list_runs(vault)]
    assert left == sorted(kept_runs(months, today), reverse=True)
    assert 6 <= len(left) < 9
    numbers = [number for number, run in enumerate(months) if run.id in left]
    assert set(vault.sizes(OBJECTS)) == {"common", *(f"only-{number}" for number in numbers)}
    assert {name.partition("/")[0] for name in vault.sizes(RUNS)} == set(left)


def test_where_a_manifest_cannot_be_read_nothing_is_removed(full: Settings, tmp_path: Path) -> None:
    full = full.model_copy(update={"backup_passphrase": type(full.backup_passphrase)("for the test")})
    run = _run(datetime.now(UTC))
    _pretend(full, run, ["a", "b"], tmp_path / "pretended")
    vault = _vault(full)
    vault.remove(f"{RUNS}/{run.id}", [MANIFEST])
    with pytest.raises(BoxError, match="manifest of the backup"):
        prune(vault)
    assert set(vault.sizes(OBJECTS)) == {"a", "b"}
