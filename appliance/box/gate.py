"""Holds a program back until the database and the store are ready for it, then becomes that program.

Usage: python -m appliance.box.gate PREPARED [--listen HOST PORT [CERTIFICATE KEY]] -- COMMAND..., with complete settings in
the environment. With --listen a page on that address says what is going on, and the command is given its socket: --fd N.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.box.start_page import StartPage
from appliance.box.waiting import wait_until

ASK_EVERY = 0.1  # seconds
SAY_EVERY = 30.0
PROGRESS = "progress"  # the file beside PREPARED in which the preparation says what it does


def missing() -> str | None:
    """Return which of the two does not answer, or None."""
    from appliance.box import postgres, store  # noqa: PLC0415 - half a second that a first start does not have to wait
    from appliance.settings import settings  # noqa: PLC0415

    if not postgres.answers(settings().database_url.get_secret_value()):
        return "the database"
    return None if store.answers(settings().s3_endpoint) else "the object store"


def main() -> None:
    """Wait as long as it takes: a database that is restarted elsewhere is no reason to give up."""
    split = sys.argv.index("--")
    prepared, command = Path(sys.argv[1]), sys.argv[split + 1 :]
    page = _page(sys.argv[2:split], prepared.with_name(PROGRESS))

    def looking(is_true: Callable[[], bool]) -> Callable[[], bool]:
        def look() -> bool:
            if page:
                page.handle_request()
            return is_true()

        return look

    # Where all was made ready a moment ago there is no need to ask again; a program that comes back later has to.
    comes_back = prepared.exists()
    while not wait_until(looking(prepared.exists), SAY_EVERY, ASK_EVERY):
        print("Waiting for the database and the object store to be made ready.", flush=True)  # noqa: T201 - its log
    while comes_back and not wait_until(looking(lambda: missing() is None), SAY_EVERY, ASK_EVERY):
        print(f"Waiting for {missing()}.", flush=True)  # noqa: T201
    if page:
        command += ["--fd", str(page.release())]
    os.execvp(command[0], command)  # noqa: S606 - becoming the program is the point


def _page(arguments: list[str], progress: Path) -> StartPage | None:
    if not arguments:
        return None
    _, host, port, *tls = arguments
    return StartPage(host, int(port), progress, (tls[0], tls[1]) if tls else None)


if __name__ == "__main__":
    main()
