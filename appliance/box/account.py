"""Which system user the programs run as, and what such a user can reach."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAME = "backline"


@dataclass(frozen=True)
class Account:
    """A system user with an entry in the password file, which Postgres insists on."""

    name: str
    uid: int
    gid: int
    home: str


def account_of(uid: int) -> Account | None:
    """Return the account with this user id, or None where the password file does not know it."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def is_root() -> bool:
    """Whether this process may become any user."""
    return os.geteuid() == 0


def unprivileged_account(create: bool = False) -> Account:
    """Return the account that programs drop to under root: `backline`, made when `create` and possible, else `nobody`."""
    if create and not _exists(NAME) and (useradd := shutil.which("useradd")):
        subprocess.run(
            [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            check=False,  # a read-only /etc is no reason to stop: `nobody` is there
            capture_output=True,
        )
    entry = pwd.getpwnam(NAME if _exists(NAME) else "nobody")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def can_reach(account: Account, path: Path) -> bool:
    """Whether `account` can enter the folder, or run the program, at `path`; only root may ask.

    The kernel is asked, by a process that is that user.
    """
    return _succeeds_as(account, ["test", "-x", str(path)])


def can_run_python(account: Account, project: Path) -> bool:
    """Whether `account` can run this very interpreter with these packages and the code in `project`.

    Asking by doing: permissions on the parents of the interpreter, of the standard library, of the virtual environment
    and of the checkout would all have to be right, and an interpreter that finds another library only half works.
    """
    code = "import sys, psycopg, appliance; sys.exit(sys.base_prefix != sys.argv[1])"
    return _succeeds_as(account, [sys.executable, "-c", code, sys.base_prefix], project)


def become(account: Account) -> None:
    """Turn this process into one of `account`, for good."""
    os.initgroups(account.name, account.gid)
    os.setgid(account.gid)
    os.setuid(account.uid)
    os.environ |= {"HOME": account.home, "USER": account.name, "LOGNAME": account.name}


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _succeeds_as(account: Account, command: Sequence[str], folder: Path = Path("/")) -> bool:
    def enter() -> None:
        os.chdir(folder)  # as the new user already, unlike Popen's own `cwd`

    try:
        done = subprocess.run(
            command,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            preexec_fn=enter,
        )
    except OSError:
        return False
    return done.returncode == 0
