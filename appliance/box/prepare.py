"""Makes the database and the store ready, once at every start, before web and worker begin.

Usage: python -m appliance.box.prepare PREPARED [--join], with complete settings in the environment. With --join another machine
makes them ready, and this one waits for it.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url

from appliance.box import postgres, store
from appliance.box.failure import BoxError
from appliance.box.gate import PROGRESS
from appliance.box.rotation import settle_secret_key
from appliance.box.secrets import read_secrets
from appliance.box.upgrading import prove, upgrade
from appliance.box.waiting import wait_until
from appliance.database import is_migrated
from appliance.errors import StudioError
from appliance.settings import Settings, settings
from appliance.storage import Storage
from appliance.taskqueue import create_tables

PATIENCE = 90.0  # seconds


def prepare(wanted: Settings, prepared: Path) -> None:
    """Wait for database and store, bring the schema to the newest revision, make the bucket, then create `prepared`.

    Raises BoxError, naming the one that does not answer, where the tables are not ours to change, and where a new version
    that has just changed them does not work.
    """
    database_url = wanted.database_url.get_secret_value()
    if not wait_until(lambda: postgres.answers(database_url), PATIENCE):
        raise BoxError(f"The database at {_place(database_url)} does not answer.")
    with postgres.connect(database_url) as connection:
        if said := postgres.too_old(connection.info.server_version):
            raise BoxError(f"The database at {_place(database_url)} cannot be used. {said}")
    upgrade(database_url, wanted.data_dir, prepared.with_name(PROGRESS))
    create_tables(database_url)
    _separate_web(wanted)
    with postgres.connect(database_url) as connection:
        connection.execute("DELETE FROM workers")  # whoever is alive will say so again
    if not wait_until(lambda: store.answers(wanted.s3_endpoint), PATIENCE):
        raise BoxError(f"The object store at {wanted.s3_endpoint} does not answer.")
    Storage(wanted).ensure_bucket()
    settle_secret_key(wanted)
    prove(wanted, prepared.with_name(PROGRESS))
    prepared.touch()


def _separate_web(wanted: Settings) -> None:
    """Give the web app a login of its own that cannot rewrite the ledger, where there is one to be had."""
    web_url = wanted.web_database_url.get_secret_value()
    if not web_url:
        return
    owner, web = make_url(wanted.database_url.get_secret_value()), make_url(web_url)
    if web.username == postgres.WEB_ROLE and not owner.host:  # the box's own Postgres, behind a socket
        secrets = read_secrets(wanted.data_dir / "secrets" / "secrets.json")
        superuser = owner.set(username=postgres.SUPERUSER, password=secrets.superuser_password)
        postgres.make_web_role(superuser.render_as_string(hide_password=False), secrets.web_database_password)
    postgres.limit_web_role(owner.render_as_string(hide_password=False), web.username or postgres.WEB_ROLE)


def join(wanted: Settings, prepared: Path) -> None:
    """Wait until another machine has made database and store ready for this version, then create `prepared`."""
    database_url = wanted.database_url.get_secret_value()

    def is_ready() -> bool:
        return postgres.answers(database_url) and is_migrated(database_url) and store.answers(wanted.s3_endpoint)

    while not wait_until(is_ready, PATIENCE, every=1):
        print("Waiting for the studio's first machine, and its tables of this version.", flush=True)  # noqa: T201 - its log
    prepared.touch()


def _place(database_url: str) -> str:
    parts = urlsplit(database_url)
    return f"{parts.hostname}:{parts.port or 5432}" if parts.hostname else "its socket"


if __name__ == "__main__":
    try:
        (join if "--join" in sys.argv else prepare)(settings(), Path(sys.argv[1]))
    except StudioError as error:
        sys.exit(error.message)
