"""What an admin asks about backups: make one, list them, read one again, bring one back."""

import time
from datetime import UTC, datetime
from pathlib import Path

from appliance.box import backup as making
from appliance.box import control, folder, lock, runs
from appliance.box import restore as bringing
from appliance.box.announce import say
from appliance.box.failure import BoxError
from appliance.box.foundation import foundation
from appliance.box.layout import Layout
from appliance.box.recovery_kit import KIT, known_passphrase, passphrase_in
from appliance.box.vault import check_label, open_vault
from appliance.settings import Settings


def backup(wanted: Settings) -> int:
    """Back the studio up, whether it runs or not, and show each step."""
    data = folder.open_data_folder(wanted.data_dir)  # under root this becomes the owner, whose files the backup's are
    began = time.monotonic()
    if who := lock.holder(Layout(data, data).lock):
        running = control.running_settings(Layout(data, Path(who.runtime)))
        chosen = {name: getattr(wanted, name) for name in Settings.model_fields if name.startswith("backup_")}
        run = making.back_up(running.model_copy(update=chosen), "asked for", say)
    else:
        if not Layout(data, data).marker.exists():
            raise BoxError(f"There is no studio in {data} yet.")
        with foundation(wanted) as full:
            run = making.back_up(full, "asked for", say)
    seconds = time.monotonic() - began
    say(
        f"Backup {run.id} is complete and was read again: {run.objects} objects, {run.object_bytes / 1e6:.1f} MB; "
        f"{run.written_bytes / 1e6:.1f} MB written in {seconds:.1f} s."
    )
    say(f"Its passphrase is in {data / KIT}. Keep a copy of that file somewhere else.")
    return 0


def list_backups(wanted: Settings, kit: str) -> int:
    """List the complete backups, newest first."""
    passphrase = _passphrase(wanted, kit)
    vault = open_vault(wanted, passphrase)
    check_label(vault, passphrase)
    found = runs.list_runs(vault)
    kept = runs.kept_runs(found, datetime.now(UTC))
    say(f"{'backup':<18}{'kind':<15}{'version':<9}{'people':>7}{'songs':>7}{'objects':>9}{'size':>12}{'written':>12}")
    for run in found:
        size, written = f"{run.object_bytes / 1e6:.1f} MB", f"{run.written_bytes / 1e6:.1f} MB"
        people, songs = run.counts.get("users", 0), run.counts.get("songs", 0)
        say(
            f"{run.id:<18}{run.kind:<15}{run.version:<9}{people:>7}{songs:>7}{run.objects:>9}{size:>12}{written:>12}"
            f"{'' if run.id in kept else '  (goes next)'}"
        )
    if not found:
        say(f"No complete backup at {vault.target}.")
    return 0


def check(wanted: Settings, kit: str, when: str) -> int:
    """Read a whole backup again."""
    run = bringing.check(_here(wanted), _passphrase(wanted, kit), when, say)
    say(f"Backup {run.id} is whole: every one of its {run.objects} objects reads as it was written.")
    return 0


def restore(wanted: Settings, kit: str, when: str, act: bool, stop: bool, point: bool) -> int:
    """Say what a restore would change and, when `act`, do it."""
    wanted = _here(wanted)
    passphrase = _passphrase(wanted, kit)
    if stop and act:
        control.stop(wanted)
    plan = bringing.restore(wanted, passphrase, when, act, point, say)
    for line in plan.lines():
        say(line)
    if act:
        say("Restored and checked. `make run` starts the studio.")
        say(
            f"The settings of then are in {wanted.data_dir / bringing.SETTINGS_KEPT}; put into .env what you need of them."
        )
    else:
        say("Nothing was changed. To do it: the same command with YES=yes.")
    return 0


def _here(wanted: Settings) -> Settings:
    return wanted.model_copy(update={"data_dir": wanted.data_dir.expanduser().absolute()})


def _passphrase(wanted: Settings, kit: str) -> str:
    passphrase = passphrase_in(Path(kit).expanduser()) if kit else known_passphrase(_here(wanted))
    if not passphrase:
        raise BoxError.about_configuration(
            "This machine does not know the passphrase. Give the recovery kit, KIT=file, or BACKUP_PASSPHRASE."
        )
    return passphrase
