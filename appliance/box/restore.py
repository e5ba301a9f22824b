"""Brings a backup back: on an empty machine, or over a studio that went wrong, which is backed up itself first."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from appliance.box import lock, postgres, runs
from appliance.box.backup import Tell, back_up, only_one
from appliance.box.dump import check_dump, counts, has_songs, load_dump, write_dump
from appliance.box.failure import BoxError
from appliance.box.folder import open_data_folder
from appliance.box.foundation import foundation
from appliance.box.layout import Layout
from appliance.box.recovery_kit import keep_passphrase
from appliance.box.runs import DUMP, MANIFEST, SECRETS, SETTINGS, Run
from appliance.box.secrets import read_secrets, write_privately, write_secrets
from appliance.box.vault import OBJECTS, RUNS, STUDIO, Vault, check_label, open_vault, read_manifest
from appliance.credits import broken_invariants
from appliance.database import alembic_config, build_engine, migrate
from appliance.settings import Settings

SETTINGS_KEPT = "settings-of-the-backup.json"
# What follows on going back to an older database. A song that is made again must not write under a key that the vault knows
# with other bytes, so its attempts go on from a number that was never used: minutes since 1970, which leaves room for
# thousands of years. And none of the workers of then is at work.
AFTERWARDS = (
    "UPDATE song_requests SET attempt = greatest(attempt + 1, (extract(epoch FROM now()) / 60)::int)",
    "DELETE FROM workers",
)


@dataclass(frozen=True)
class Plan:
    """What a restore would do: the run, rows by table now and then, and the objects that have to come from the vault."""

    run: Run
    now: dict[str, int]
    manifest: dict[str, str]
    to_copy: dict[str, int]
    newer: int

    def lines(self) -> Iterator[str]:
        """Yield the plan in words."""
        yield f"Backup {self.run.id} ({self.run.kind}, version {self.run.version}, tables {self.run.revision})"
        for table, name in (("users", "people"), ("songs", "songs"), ("credit_entries", "credit entries")):
            yield f"  {name:<16}{self.now.get(table, 0):>8} now {self.run.counts.get(table, 0):>8} then"
        size = sum(self.to_copy.values())
        yield f"  objects         {len(self.to_copy)} of {len(self.manifest)} to bring back, {size / 1e6:.1f} MB"
        if self.newer:
            yield f"  {self.newer} objects of songs made since would be lost with their songs"


def restore(wanted: Settings, passphrase: str, when: str, act: bool, point: bool, tell: Tell) -> Plan:
    """Say what a restore would do and, when `act`, do it. `point` makes a backup of what is there first.

    The studio must not run. The objects come first, are read again and only then does the database change, in one
    transaction: whatever fails leaves the studio as it was, even where only the restored rows turn out to be wrong. Raises
    BoxError.
    """
    data = wanted.data_dir.expanduser().absolute()
    wanted = wanted.model_copy(update={"data_dir": data})
    vault = open_vault(wanted, passphrase)
    check_label(vault, passphrase)
    if lock.holder(Layout(data, data).lock):
        raise BoxError(f"The studio in {data} is running. `make stop` first, or STOP=yes.")
    run = runs.choose_run(runs.list_runs(vault), when)
    _refuse_newer_tables(run)
    layout = Layout(data, data)
    if act:
        open_data_folder(data)
    with fetched(vault, run, data) as folder:
        if not act and not (layout.marker.exists() and layout.secrets.exists()):
            manifest = read_manifest((folder / MANIFEST).read_text())
            sizes = vault.sizes(OBJECTS)
            return Plan(run, {}, manifest, {key: sizes[key] for key in manifest}, 0)
        with _settled_secrets(layout, folder) as keep, foundation(wanted) as full:
            vault = open_vault(full, passphrase)  # the store has an address now
            plan = _plan(full, vault, run, folder)
            if not act:
                return plan
            if point and plan.now.get("users"):
                tell("restore point: backing up what is there now")
                made = back_up(full, "restore point", lambda line: tell(f"  {line}"))
                tell(f"restore point: {made.id}")
            with only_one(data):
                _act(full, vault, plan, folder, tell)
            keep()
            write_privately(data / SETTINGS_KEPT, (folder / SETTINGS).read_text())
            keep_passphrase(full, run.studio, passphrase)
    return plan


def check(wanted: Settings, passphrase: str, when: str, tell: Tell) -> Run:
    """Read a whole backup again, every file of it, and return it. Raises BoxError naming what is damaged."""
    vault = open_vault(wanted, passphrase)
    check_label(vault, passphrase)
    run = runs.choose_run(runs.list_runs(vault), when)
    with fetched(vault, run, wanted.data_dir) as folder:
        manifest = read_manifest((folder / MANIFEST).read_text())
    tell(f"reading {len(manifest)} objects of {run.id}, {run.object_bytes / 1e6:.1f} MB")
    if bad := vault.damaged(OBJECTS, manifest):
        raise BoxError(f"{len(bad)} objects of the backup {run.id} are damaged: {', '.join(bad[:3])}")
    return run


def _act(full: Settings, vault: Vault, plan: Plan, folder: Path, tell: Tell) -> None:
    store, run = f"{STUDIO}{full.s3_bucket}", plan.run
    if plan.to_copy:
        tell(f"objects: bringing back {len(plan.to_copy)}")
        vault.copy(OBJECTS, store, plan.to_copy)
    tell(f"objects: reading all {len(plan.manifest)} again")
    wrong = vault.damaged(store, plan.manifest)
    if wrong:  # something else lies under these keys
        vault.remove(store, wrong)
        vault.copy(OBJECTS, store, wrong)
        if wrong := vault.damaged(store, {key: plan.manifest[key] for key in wrong}):
            raise BoxError(f"{len(wrong)} objects cannot be brought back: {wrong[0]} ... Nothing else was changed.")
    tell("database: loading")
    database_url, before = full.database_url.get_secret_value(), folder / "before.dump"
    if plan.now:
        write_dump(database_url, before)
    try:
        load_database(database_url, run, folder)
    except Exception as error:
        if not plan.now:
            raise
        tell("database: it was not right, and the one of before is put back")
        load_dump(database_url, before, [])
        said = error.message if isinstance(error, BoxError) else str(error).strip().partition("\n")[0]
        raise BoxError(f"{said.rstrip('.')}. The studio is as it was before.") from error


def load_database(database_url: str, run: Run, folder: Path) -> None:
    """Put a run's database in place of what is there, bring its tables to this version, and compare it with what was noted.

    Raises BoxError where rows are missing or the ledger is not in order.
    """
    load_dump(database_url, folder / DUMP, [*AFTERWARDS, *_without(run.gone)])
    with postgres.connect(database_url) as connection:
        found = counts(connection)
    migrate(database_url)
    exempt = {"workers", "alembic_version", *(("songs", "song_requests") if run.gone else ())}
    differing = [table for table, rows in run.counts.items() if table not in exempt and found.get(table) != rows]
    if differing:
        raise BoxError(f"The restored database differs from the backup in: {', '.join(differing)}.")
    engine = build_engine(database_url)
    try:
        with Session(engine) as session:
            broken = broken_invariants(session)
    finally:
        engine.dispose()
    if broken:
        raise BoxError(f"The restored ledger is not in order: {'; '.join(broken)}.")


def _without(gone: list[str]) -> list[str]:
    """Return statements that leave out songs which their owners deleted while the backup ran."""
    if not gone:
        return []
    # Keys are made of ids by ourselves; quotes cannot be in them.
    named = ", ".join(f"'{key}'" for key in gone)
    return [
        f"DELETE FROM songs WHERE master_key IN ({named}) OR audio_key IN ({named})",  # noqa: S608
        "DELETE FROM song_requests r WHERE NOT EXISTS (SELECT FROM songs s WHERE s.request_id = r.id)",
    ]


def _plan(full: Settings, vault: Vault, run: Run, folder: Path) -> Plan:
    manifest = read_manifest((folder / MANIFEST).read_text())
    sizes = vault.sizes(OBJECTS)
    if lost := manifest.keys() - sizes.keys():
        raise BoxError(f"{len(lost)} objects of the backup {run.id} are not at {vault.target}: {min(lost)} ...")
    here = vault.sizes(f"{STUDIO}{full.s3_bucket}")
    with postgres.connect(full.database_url.get_secret_value()) as connection:
        now = counts(connection) if has_songs(connection) else {}
    to_copy = {key: sizes[key] for key in manifest if here.get(key) != sizes[key]}
    newer = sum(key.startswith("songs/") and key not in manifest for key in here)
    return Plan(run, now, manifest, to_copy, newer)


@contextmanager
def fetched(vault: Vault, run: Run, data: Path) -> Iterator[Path]:
    """Yield a folder with the run's own files, each of them whole. Raises BoxError where one is not."""
    place = f"{RUNS}/{run.id}"
    if bad := vault.damaged(place, run.files):
        raise BoxError(f"The backup {run.id} is damaged: {', '.join(bad)} cannot be read. Try an older one with WHEN=.")
    spacious = data / "tmp" if os.access(data, os.W_OK) else None  # a dump may be larger than /tmp
    if spacious:
        spacious.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=spacious) as name:
        vault.fetch(place, Path(name))
        check_dump(Path(name) / DUMP)
        yield Path(name)


def _refuse_newer_tables(run: Run) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config("")).walk_revisions()}
    if run.revision not in known:
        raise BoxError(
            f"The backup {run.id} was made by a newer version ({run.version}, tables {run.revision}). Restore it with that."
        )


@contextmanager
def _settled_secrets(layout: Layout, folder: Path) -> Iterator[Callable[[], None]]:
    """Have the secrets that go with the backup, and those of before again unless what is yielded was called to keep them."""
    before, kept = layout.secrets.read_text() if layout.secrets.exists() else "", False

    def keep() -> None:
        nonlocal kept
        kept = True

    _settle_secrets(layout, folder)
    try:
        yield keep
    finally:
        if before and not kept:
            write_privately(layout.secrets, before)


def _settle_secrets(layout: Layout, folder: Path) -> None:
    """Put the studio's secrets into a folder that has none; one that has another studio's is refused."""
    theirs = read_secrets(folder / SECRETS)
    if layout.marker.exists() and theirs.instance not in layout.marker.read_text():
        raise BoxError.about_configuration(
            f"{layout.data} holds another studio than this backup. Choose an empty folder with DATA_DIR."
        )
    if layout.secrets.exists():
        ours = read_secrets(layout.secrets)
        if ours.instance != theirs.instance:
            raise BoxError.about_configuration(f"{layout.secrets} is another studio's. Choose an empty DATA_DIR.")
        if theirs.secret_key != ours.secret_key:  # changed since: what the backup holds is sealed with theirs
            before = ",".join(filter(None, (theirs.secret_key, ours.previous_secret_key)))
            write_secrets(layout.secrets, replace(ours, previous_secret_key=before))
        return
    layout.secrets.parent.mkdir(mode=0o700, exist_ok=True)
    write_privately(layout.secrets, (folder / SECRETS).read_text())
