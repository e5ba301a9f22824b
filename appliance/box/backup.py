"""Makes a backup: database first, objects second, everything encrypted, read again from where it went, and only then listed.

The order, and why it is safe to be killed anywhere: docs/decisions/0009-backups-are-runs-in-a-vault.md.
Usage, for the nightly one: python -m appliance.box.backup, with complete settings in the environment.
"""

import fcntl
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from urllib.parse import urlsplit

from appliance import __version__
from appliance.box import postgres, runs
from appliance.box.dump import Point, dump_database, object_keys
from appliance.box.failure import BoxError
from appliance.box.layout import Layout
from appliance.box.major import drop_older
from appliance.box.recovery_kit import keep_passphrase
from appliance.box.runs import DUMP, MANIFEST, RUN, SECRETS, SETTINGS, Kind, Run
from appliance.box.secrets import Secrets, read_secrets, write_privately, write_secrets
from appliance.box.vault import OBJECTS, RUNS, STUDIO, OnBytes, Vault, check_label, open_vault, write_manifest
from appliance.box.versions import read_upgrade
from appliance.settings import Settings, load_settings

# Everything is read again at least so often, the rest of the time a sample of what was there before.
ALL_EVERY = timedelta(days=7)
SAMPLE = 0.05

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Copied:
    """What became of the objects of a run: their hashes, how many bytes went over, and what was not there to be copied."""

    hashes: dict[str, str]
    sizes: dict[str, int]
    written: int
    absent: set[str]
    new: set[str]


def back_up(full: Settings, kind: Kind, tell: Tell) -> Run:
    """Back up the studio with these complete settings, database and store running, and return the run that is listed now.

    `tell` hears one line for each step. Raises BoxError where anything is not as it should be; then nothing is listed.
    """
    with only_one(full.data_dir):
        memory = runs.remember(full.data_dir)
        try:
            run = _back_up(full, kind, tell)
        except BoxError as error:
            _note(full, replace(memory, failed_at=_now().isoformat(), failure=error.message))
            raise
        _note(full, replace(memory, good=asdict(run), failed_at="", failure=""))
    upgrade = read_upgrade(full.data_dir)
    is_ours = not urlsplit(full.database_url.get_secret_value()).hostname
    if is_ours and (upgrade is None or upgrade.tried):
        drop_older(Layout(full.data_dir, full.data_dir).cluster.parent, tell)
    return run


def _back_up(full: Settings, kind: Kind, tell: Tell) -> Run:
    began = _now()
    secrets = read_secrets(Layout(full.data_dir, full.data_dir).secrets)
    passphrase = keep_passphrase(full, secrets.instance)
    vault = open_vault(full, passphrase)
    check_label(vault, passphrase, secrets.instance, create=True)
    earlier = runs.list_runs(vault)
    run_id = runs.new_id(began)
    if any(run.id == run_id for run in earlier):
        raise BoxError("A backup was made in this very second. Try again.")
    with _work_folder(full.data_dir) as folder:
        tell("database: dumping")
        point = dump_database(full.database_url.get_secret_value(), folder / DUMP)
        tell(f"database: {_size((folder / DUMP).stat().st_size)}, {len(point.keys)} objects named")
        copied = _copy_objects(full, vault, point, earlier, tell)
        gone, missing = _sort_absent(full, copied.absent)
        tell("objects: reading them again")
        everything = _is_time_for_everything(earlier, began)
        written = copied.written + _check_objects(full, vault, copied, everything, tell)

        (folder / MANIFEST).write_text(write_manifest(copied.hashes))
        write_secrets(folder / SECRETS, secrets)
        write_privately(folder / SETTINGS, json.dumps(_own_settings(full, secrets), indent=2) + "\n")
        files = {name: _sha256(folder / name) for name in (DUMP, MANIFEST, SECRETS, SETTINGS)}
        written += sum((folder / name).stat().st_size for name in files)
        tell("the run's own files: writing, reading them again")
        place = f"{RUNS}/{run_id}"
        vault.put(folder, place, files)
        if bad := vault.damaged(place, files):
            raise BoxError(f"What was written to {vault.target} reads differently: {', '.join(bad)}.")
        run = Run(
            id=run_id,
            kind=kind,
            studio=secrets.instance,
            version=__version__,
            revision=point.revision,
            began=began.isoformat(),
            ended=_now().isoformat(),
            files=files,
            counts=point.counts,
            objects=len(copied.hashes),
            object_bytes=sum(copied.sizes[key] for key in copied.hashes),
            written_bytes=written,
            checked="all" if everything else "new and a sample",
            gone=sorted(gone),
            missing=sorted(missing),
        )
        (folder / RUN).write_text(json.dumps(asdict(run), indent=1) + "\n")
        vault.put(folder, place, [RUN])
        if vault.damaged(place, {RUN: _sha256(folder / RUN)}):
            raise BoxError(f"What was written to {vault.target} reads differently: {RUN}.")
    if run.missing:
        tell(f"WARNING: songs name {len(run.missing)} objects that the store does not have: {run.missing[0]} ...")
    old, left = runs.prune(vault)
    if old or left:
        tell(f"retention: {old} old backups and {left} objects removed")
    return run


def _copy_objects(full: Settings, vault: Vault, point: Point, earlier: list[Run], tell: Tell) -> Copied:
    """Copy what the vault does not have. Objects never change under their key, so what was hashed once stays so."""
    known = runs.manifest_of(vault, earlier[0]) if earlier else {}
    there = vault.sizes(OBJECTS)
    hashes = {key: known[key] for key in point.keys if key in known and key in there}
    wanted = point.keys - hashes.keys()
    written = 0
    if wanted:
        tell(f"objects: {len(wanted)} new ones, reading them")
        store = f"{STUDIO}{full.s3_bucket}"
        hashes |= vault.hashes(store, wanted, _progress(tell, "objects: read"))
        tell("objects: copying them")
        written = vault.copy(store, OBJECTS, wanted & hashes.keys(), _progress(tell, "objects: copied"))
        there = vault.sizes(OBJECTS)
    absent = {key for key in point.keys if key not in hashes or key not in there}
    kept = {key: value for key, value in hashes.items() if key not in absent}
    return Copied(kept, there, written, absent, wanted & kept.keys())


def _check_objects(full: Settings, vault: Vault, copied: Copied, everything: bool, tell: Tell) -> int:
    """Read objects again from the vault, and replace what is damaged from the store; return how many bytes that took."""
    old = sorted(copied.hashes.keys() - copied.new)
    chosen = set(old) if everything else set(random.sample(old, round(len(old) * SAMPLE)))
    look_at = {key: copied.hashes[key] for key in chosen | copied.new}
    bad = vault.damaged(OBJECTS, look_at, _progress(tell, "objects: read again"))
    if not bad:
        return 0
    tell(f"WARNING: {len(bad)} objects at {vault.target} are damaged and are copied again: {bad[0]} ...")
    vault.remove(OBJECTS, bad)
    written = vault.copy(f"{STUDIO}{full.s3_bucket}", OBJECTS, bad)
    if still := vault.damaged(OBJECTS, {key: look_at[key] for key in bad}):
        raise BoxError(f"{len(still)} objects are damaged at {vault.target} and not in the store: {still[0]} ...")
    return written


def _sort_absent(full: Settings, absent: set[str]) -> tuple[set[str], set[str]]:
    """Return which of the objects that were not there had been deleted with their songs meanwhile, and which are lost."""
    if not absent:
        return set(), set()
    with postgres.connect(full.database_url.get_secret_value()) as connection:
        named = object_keys(connection)
    return absent - named, absent & named


def _is_time_for_everything(earlier: list[Run], now: datetime) -> bool:
    return not any(run.checked == "all" and now - run.when < ALL_EVERY for run in earlier)


def _own_settings(full: Settings, secrets: Secrets) -> dict[str, str]:
    """Return what the admin decided, without what the box fills in and what belongs to this machine only."""
    filled = {getattr(secrets, name) for name in ("secret_key", "s3_access_key", "s3_secret_key")}
    found = {}
    for name, about in Settings.model_fields.items():
        value = getattr(full, name)
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        ours = plain in filled or secrets.database_password in str(plain)
        if plain is None or value == about.default or ours or name in ("data_dir", "public_url", "backup_passphrase"):
            continue
        if full.object_store != "s3" and name in ("s3_endpoint", "s3_public_url"):
            continue
        found[name.upper()] = str(plain)
    return found


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Let one backup or restore at a time work on a data folder. Raises BoxError for the second."""
    descriptor = os.open(data / "backup.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BoxError("A backup or a restore is running already.") from None
    finally:
        os.close(descriptor)


@contextmanager
def _work_folder(data: Path) -> Iterator[Path]:
    """Yield an empty folder for the dump; what a killed backup left in it is gone."""
    folder = data / "tmp" / "backup"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _note(full: Settings, memory: runs.Memory) -> None:
    runs.keep_memory(full.data_dir, memory)


def _progress(tell: Tell, what: str) -> OnBytes:
    """Return what tells of every fifth of the way, and the end."""
    told = -1

    def on_bytes(done: int, total: int) -> None:
        nonlocal told
        fifth = done * 5 // total if total else 0
        if fifth != told and total:
            told = fifth
            tell(f"{what} {done * 100 // total} % of {_size(total)}")

    return on_bytes


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    from appliance.box.drill import drill  # a restore stands on this module
    from appliance.box.recovery_kit import known_passphrase

    try:
        complete_settings = load_settings(os.environ, None)
        back_up(complete_settings, "nightly", print)
        drill(complete_settings, known_passphrase(complete_settings), print)
    except BoxError as error:
        sys.exit(error.message)
