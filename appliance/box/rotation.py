"""Changing the secret key: the command, and what the next start does about it before any program runs."""

import json
import secrets
from dataclasses import replace

from appliance.box.announce import say
from appliance.box.failure import BoxError
from appliance.box.layout import Layout
from appliance.box.secrets import read_secrets, write_privately, write_secrets
from appliance.database import transaction
from appliance.sealing import fingerprint, reseal_everything
from appliance.settings import Settings
from appliance.taskqueue import taskqueue

KNOWN = "sealed-with"  # the file that says which key everything is sealed with, by its fingerprint


def rotate_secret(wanted: Settings) -> int:
    """Make a new secret key, which counts from the next start on; the one before is kept until everything is sealed anew.

    Raises BoxError where the key is the admin's own, with what to do, or where the change before this is not complete.
    """
    if wanted.secret_key.get_secret_value():
        raise BoxError.about_configuration(
            "SECRET_KEY stands in your settings. Move its value to SECRET_KEY_BEFORE, write a new one "
            f"(such as {secrets.token_urlsafe(32)}) to SECRET_KEY, on every machine of the studio, and restart them."
        )
    data = wanted.data_dir.expanduser().absolute()
    layout = Layout(data, data)
    if not layout.secrets.exists():
        raise BoxError(f"There is no studio in {data}.")
    kept = read_secrets(layout.secrets)
    if kept.previous_secret_key:
        raise BoxError("The key was changed already, and the studio has not started since. Start it first.")
    changed = replace(kept, secret_key=secrets.token_urlsafe(32), previous_secret_key=kept.secret_key)
    write_secrets(layout.secrets, changed)
    say("There is a new secret key. The next start seals everything anew and signs everybody out: make restart")
    return 0


def settle_secret_key(wanted: Settings) -> None:
    """After a change of the key: seal everything anew, sign everybody out, and forget the key before.

    Which key was used last stands in a file, so a key of the admin's own is noticed as well. Where something cannot be read,
    the key before is kept, and the log says so. The settings of this process are complete (`wanted`).
    """
    folder = wanted.data_dir / "secrets"
    known, now = folder / KNOWN, fingerprint()
    kept = read_secrets(folder / "secrets.json")
    is_another = known.exists() and json.loads(known.read_text()) != now
    has_changed = is_another or bool(kept.previous_secret_key)
    if has_changed or wanted.secret_key_before.get_secret_value():
        with transaction() as session:
            done, lost = reseal_everything(session, sign_out=has_changed)
        if lost:
            print(f"{lost} secrets were sealed with yet another key. Name it in SECRET_KEY_BEFORE.", flush=True)  # noqa: T201 - its log
        elif kept.previous_secret_key:
            write_secrets(folder / "secrets.json", replace(kept, previous_secret_key=""))
        if has_changed:
            taskqueue().storage.flush_queue()  # signed with the key before; sweeps ring again for what waits
            print(f"The secret key has changed: {done} secrets are sealed anew, everybody is signed out.", flush=True)  # noqa: T201
    if not known.exists() or is_another:
        write_privately(known, json.dumps(now) + "\n")
