"""Holds a program back until the database and the store answer, then becomes that program.

Usage: python -m appliance.box.gate PREPARED -- COMMAND..., with complete settings in the environment.
"""

import os
import sys
from pathlib import Path

from appliance.box import postgres, store
from appliance.box.waiting import wait_until
from appliance.settings import Settings, settings

ASK_EVERY = 0.1  # seconds
SAY_EVERY = 30.0


def missing(wanted: Settings, prepared: Path) -> str | None:
    """Return what is not ready yet, or None."""
    if not prepared.exists():
        return "the migrations"
    if not postgres.answers(wanted.database_url.get_secret_value()):
        return "the database"
    return None if store.answers(wanted.s3_endpoint) else "the object store"


def main() -> None:
    """Wait as long as it takes: a database that is restarted elsewhere is no reason to give up."""
    prepared, command = Path(sys.argv[1]), sys.argv[3:]
    wanted = settings()
    while not wait_until(lambda: missing(wanted, prepared) is None, SAY_EVERY, ASK_EVERY):
        print(f"Waiting for {missing(wanted, prepared)}.", flush=True)  # noqa: T201 - the program's log
    os.execvp(command[0], command)  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    main()
