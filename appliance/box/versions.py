"""Which version of the program a studio's data was last good with, and what an upgrade changed: all that a way back needs."""

import contextlib
import json
import os
import subprocess
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from appliance import __version__
from appliance.box.layout import PROJECT
from appliance.box.postgres import MAJOR
from appliance.box.secrets import write_privately
from appliance.database import newest_revision

_VERSION, _UPGRADE = "version.json", "upgrade.json"


@dataclass(frozen=True)
class Version:
    """A version of the program: its number, the commit that it is (empty: not known), its tables and its own Postgres."""

    number: str
    commit: str
    tables: str
    postgres: str

    def __str__(self) -> str:
        """Return it as people are told: 0.1.0 (4f2c1ab)."""
        return f"{self.number} ({self.commit})" if self.commit else self.number


@dataclass(frozen=True)
class Upgrade:
    """One step from a version to the next. `dump` is the file of the database as it was, empty where there is none.

    `tried` says whether the new version has proved itself; until then nobody has been let in, so a way back loses nothing.
    """

    before: Version
    after: Version
    began: str
    dump: str = ""
    tried: bool = False


def this_version() -> Version:
    """Return the version that this program is."""
    return Version(__version__, os.environ.get("BACKLINE_REVISION", "") or _commit(), newest_revision(), MAJOR)


def last_good(data: Path) -> Version | None:
    """Return the version that last started well on the data folder, None where none has written it down."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Version(**json.loads((data / _VERSION).read_text()))
    return None


def note_good(data: Path) -> None:
    """Write down that this version has started well on the data folder."""
    write_privately(data / _VERSION, json.dumps(asdict(this_version())) + "\n")


def begin_upgrade(data: Path, tables: str, postgres: str = MAJOR) -> Upgrade:
    """Write down that data with these tables (empty: not read yet), and this Postgres, becomes this version's, and return that.

    Where an earlier upgrade has not proved itself the way back leads to where that one began.
    """
    found = read_upgrade(data)
    if found and not found.tried and (found.before.tables, found.before.postgres) != (tables, postgres):
        before = found.before if found.before.tables else replace(found.before, tables=tables)
        upgrade = Upgrade(before, this_version(), found.began, found.dump)
    else:
        known = last_good(data)
        is_it = known is not None and tables in ("", known.tables) and postgres == known.postgres
        before = known if known and is_it else Version("the version before", "", tables, postgres)
        upgrade = Upgrade(before, this_version(), datetime.now(UTC).isoformat(timespec="seconds"))
    keep_upgrade(data, upgrade)
    return upgrade


def read_upgrade(data: Path) -> Upgrade | None:
    """Return the last upgrade, None where there was none."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads((data / _UPGRADE).read_text())
        return Upgrade(**found | {name: Version(**found[name]) for name in ("before", "after")})
    return None


def keep_upgrade(data: Path, upgrade: Upgrade) -> None:
    """Write down what is known of an upgrade."""
    write_privately(data / _UPGRADE, json.dumps(asdict(upgrade)) + "\n")


def forget_upgrade(data: Path) -> None:
    """Forget the last upgrade: there is nothing to go back from any more."""
    (data / _UPGRADE).unlink(missing_ok=True)


def _commit() -> str:
    """Return the commit of the checkout that this program runs from, empty where it is none."""
    if not (PROJECT / ".git").exists():
        return ""
    # Somebody else may own the checkout than who runs it.
    command = ["git", "-c", "safe.directory=*", "-C", str(PROJECT), "rev-parse", "--short", "HEAD"]
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""
