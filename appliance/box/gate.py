"""Holds a program back until the database and the store are ready for it, then becomes that program.

Usage: python -m appliance.box.gate PREPARED [--as-web] -- COMMAND..., with complete settings in the environment. With --as-web the
program gets the web app's login to the database in place of the owner's.
"""

import os
import sys
from pathlib import Path

from appliance.box.waiting import wait_until

ASK_EVERY = 0.1  # seconds
SAY_EVERY = 30.0


def missing() -> str | None:
    """Return which of the two does not answer, or None."""
    from appliance.box import postgres, store  # noqa: PLC0415 - half a second that a first start does not have to wait
    from appliance.settings import settings  # noqa: PLC0415

    if not postgres.answers(settings().database_url.get_secret_value()):
        return "the database"
    return None if store.answers(settings().s3_endpoint) else "the object store"


def main() -> None:
    """Wait as long as it takes: a database that is restarted elsewhere is no reason to give up."""
    start = sys.argv.index("--")
    prepared, options, command = Path(sys.argv[1]), sys.argv[2:start], sys.argv[start + 1 :]
    # Where all was made ready a moment ago there is no need to ask again; a program that comes back later has to.
    comes_back = prepared.exists()
    while not wait_until(prepared.exists, SAY_EVERY, ASK_EVERY):
        print("Waiting for the database and the object store to be made ready.", flush=True)  # noqa: T201 - its log
    while comes_back and not wait_until(lambda: missing() is None, SAY_EVERY, ASK_EVERY):
        print(f"Waiting for {missing()}.", flush=True)  # noqa: T201
    webs_login = os.environ.pop("WEB_DATABASE_URL", "")
    if "--as-web" in options and webs_login:
        os.environ["DATABASE_URL"] = webs_login
    os.execvp(command[0], command)  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    main()
