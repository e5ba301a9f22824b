"""The passphrase of the backups: made once, kept with the secrets, and written into a kit that belongs somewhere else."""

import re
import secrets
import sys
from pathlib import Path

from appliance.box.failure import BoxError
from appliance.box.secrets import write_privately
from appliance.box.vault import fingerprint_of
from appliance.settings import Settings

KIT = "recovery-kit.txt"
_PASSPHRASE = "backup-passphrase"  # noqa: S105 - the name of a file
# Without letters and digits that people mix up when they copy from paper.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

_TEXT = """Recovery kit of {studio}

Keep this away from the machine: printed, or in a password manager. Without the passphrase nobody can read the backups,
not even whoever made them.

    Passphrase     {passphrase}
    Fingerprint    {fingerprint}
    Studio         {instance}
    Backups        {target}

To get everything back on an empty machine: fetch Backline, put this file beside it, and

    BACKUP_TARGET='{target}' make restore KIT={kit}             shows what there is and what it would do
    BACKUP_TARGET='{target}' make restore KIT={kit} YES=yes     does it
    make run

To see that this kit opens the backups: make kit-check KIT={kit}
"""


def keep_passphrase(full: Settings, instance: str, given: str = "") -> str:
    """Return the passphrase of a studio with complete settings: the admin's own, or else the one that is kept.

    Where none is kept, `given` or one that is made now is from then on. The kit is written anew where it says something else.
    """
    folder = full.data_dir
    passphrase = known_passphrase(full)
    if not passphrase:
        passphrase = given or "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(6))
        path = folder / "secrets" / _PASSPHRASE
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_privately(path, passphrase + "\n")
    text = _TEXT.format(
        studio=full.studio_name,
        passphrase=passphrase,
        fingerprint=fingerprint_of(passphrase),
        instance=instance,
        target=full.backup_target,
        kit=KIT,
    )
    kit = folder / KIT
    if not kit.exists() or kit.read_text() != text:
        write_privately(kit, text)
    return passphrase


def known_passphrase(wanted: Settings) -> str:
    """Return the passphrase that the settings or the data folder hold; empty where neither does."""
    given = wanted.backup_passphrase.get_secret_value()
    path = wanted.data_dir / "secrets" / _PASSPHRASE
    if given or not path.exists():
        return given
    return path.read_text().strip()


def passphrase_in(kit: Path) -> str:
    """Return the passphrase that a recovery kit names; `-` is what comes in. Raises BoxError where the file is none."""
    try:
        found = re.search(
            r"^\s*Passphrase\s+(\S.*?)\s*$", sys.stdin.read() if kit == Path("-") else kit.read_text(), re.MULTILINE
        )
    except (OSError, UnicodeDecodeError) as error:
        raise BoxError.about_configuration(f"The recovery kit {kit} cannot be read ({error}).") from None
    if found is None:
        raise BoxError.about_configuration(f"{kit} is no recovery kit: it names no passphrase.")
    return found[1]
