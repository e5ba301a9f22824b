"""The data folder and the folder of sockets: making them, whom they belong to, and what may lie in them."""

import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path

from appliance.box.account import account_of, become, can_reach, can_run_python, is_root, unprivileged_account
from appliance.box.failure import BoxError
from appliance.box.layout import PROJECT, Layout
from appliance.box.secrets import Secrets, keep_secrets, write_privately

_RUNTIME_PREFIX = "backline-"
# What a folder may hold before the first studio is made in it: our own, from a start, or a restore, that came to nothing.
_OURS = {".lock", "secrets", "logs", "pg", "s3", "tmp", "backup.lock", "lost+found"}


def open_data_folder(wanted: Path) -> Path:
    """Return the absolute path of the data folder, made where it is missing, after becoming the user it belongs to.

    An ordinary user must own it. Root becomes its owner; a new one is given to an unprivileged account where that account
    can run our Python, and otherwise stays root's (only Postgres then runs as somebody else). Owners of what is in the
    folder are never changed. Raises BoxError with one sentence about what has to be put right.
    """
    data = wanted.expanduser().absolute()
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not (data / Layout(data, data).marker.name).exists()
        foreign = {path.name for path in data.iterdir()} - _OURS if is_new else set()
    except FileExistsError:
        raise BoxError.about_configuration(f"DATA_DIR={data} is a file; it has to be a folder.") from None
    except OSError as error:
        raise BoxError.about_configuration(
            f"DATA_DIR={data} cannot be used: {error.strerror}. Choose a folder that {_my_name()} may write to."
        ) from None
    if foreign:
        raise BoxError.about_configuration(
            f"DATA_DIR={data} is no studio's folder and not empty ({min(foreign)} is in it). Choose a new or an empty one."
        )
    if is_root():
        _settle_owner(data)
    elif data.stat().st_uid != os.geteuid():
        raise _wrong_owner(data, data.stat().st_uid)
    try:
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise BoxError.about_configuration(f"Nothing can be written to DATA_DIR={data}: {error.strerror}.") from None
    return data


def _settle_owner(data: Path) -> None:
    """Give a new folder to whom it shall belong, and become the owner of the folder."""
    owner = data.stat().st_uid
    if owner:
        account = account_of(owner)
        if account is None:
            raise _wrong_owner(data, owner)
        if not can_run_python(account, PROJECT):
            raise BoxError.about_configuration(
                f"DATA_DIR={data} belongs to {account.name}, who cannot run the program in {PROJECT}. "
                f"Move that to where everybody can read it, or take the folder: chown -R root {data}"
            )
    elif not any(data.iterdir()):
        account = unprivileged_account(create=True)
        if not (can_reach(account, data.parent) and can_run_python(account, PROJECT)):
            data.chmod(0o711)  # Postgres, which does run as that account, has to pass
            return
        os.chown(data, account.uid, account.gid)
    else:
        return
    become(account)


def _wrong_owner(data: Path, owner: int) -> BoxError:
    found = account_of(owner)
    name = found.name if found else "nobody on this machine"
    return BoxError.about_configuration(
        f"DATA_DIR={data} belongs to user id {owner} ({name}), but the studio runs as user id {os.geteuid()} "
        f"({_my_name()}). Start it as its owner, or hand it over: sudo chown -R {os.geteuid()} '{data}'"
    )


def _my_name() -> str:
    me = account_of(os.geteuid())
    return me.name if me else f"user id {os.geteuid()}"


def keep_identity(layout: Layout) -> Secrets:
    """Return the studio's secrets, and mark the folder as its own.

    Raises BoxError, and writes nothing, where the folder holds a studio's data but not the secrets that go with it.
    """
    has_data = layout.marker.exists() or layout.cluster.exists() or any((layout.data / "s3").glob("*/*"))
    secrets = keep_secrets(layout.secrets, has_data)
    if not layout.marker.exists():
        write_privately(layout.marker, json.dumps({"instance": secrets.instance}) + "\n")
    elif secrets.instance not in layout.marker.read_text():
        raise BoxError.about_configuration(
            f"{layout.secrets} is another studio's: it does not fit {layout.marker}. Put the right one back from a backup."
        )
    return secrets


def new_runtime() -> tuple[Path, int]:
    """Make a folder for sockets, and return it and a file descriptor that keeps it from being tidied away.

    systemd removes what lies in /tmp for ten days, but nothing below a folder that is locked. The folders that it keeps
    for each user would be better, but they vanish when that user leaves the machine, and a studio stays.
    """
    parent = Path("/run" if is_root() and os.access("/run", os.W_OK) else "/tmp")  # noqa: S108 - a socket's path is short
    folder = Path(tempfile.mkdtemp(prefix=_RUNTIME_PREFIX, dir=parent))
    folder.chmod(0o711 if is_root() else 0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return folder, descriptor


def drop_runtime(folder: Path) -> None:
    """Remove a folder of sockets; one that is not ours, or not there, is left alone."""
    if folder.name.startswith(_RUNTIME_PREFIX) and str(folder.parent) in ("/run", "/tmp"):  # noqa: S108
        shutil.rmtree(folder, ignore_errors=True)
