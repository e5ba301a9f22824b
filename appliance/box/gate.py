"""Holds a program back until the database and the store are ready for it, then becomes that program.

Usage: python -m appliance.box.gate PREPARED [--as-web] [--listen HOST PORT [CERTIFICATE KEY]] -- COMMAND..., with complete
settings in the environment. With --as-web the program gets the web app's login to the database in place of the owner's. With
--listen a page on that address says what is going on, and the command is given its socket: --fd N.
"""

import argparse
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
    asked, command = _parser().parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
    prepared: Path = asked.prepared
    page = _page(asked.listen, prepared.with_name(PROGRESS)) if asked.listen else None

    def meanwhile(is_true: Callable[[], bool]) -> Callable[[], bool]:
        def answer() -> bool:
            if page:
                page.handle_request()
            return is_true()

        return answer

    # Where all was made ready a moment ago there is no need to ask again; a program that comes back later has to.
    comes_back = prepared.exists()
    while not wait_until(meanwhile(prepared.exists), SAY_EVERY, ASK_EVERY):
        print("Waiting for the database and the object store to be made ready.", flush=True)  # noqa: T201 - its log
    while comes_back and not wait_until(meanwhile(lambda: missing() is None), SAY_EVERY, ASK_EVERY):
        print(f"Waiting for {missing()}.", flush=True)  # noqa: T201
    webs_login = os.environ.pop("WEB_DATABASE_URL", "")
    if asked.as_web and webs_login:
        os.environ["DATABASE_URL"] = webs_login
    if page:
        command += ["--fd", str(page.release())]
    os.execvp(command[0], command)  # noqa: S606 - becoming the program is the point


def _page(listen: list[str], progress: Path) -> StartPage:
    host, port, *tls = listen
    return StartPage(host, int(port), progress, (tls[0], tls[1]) if tls else None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--as-web", action="store_true")
    parser.add_argument("--listen", nargs="+")
    return parser


if __name__ == "__main__":
    main()
