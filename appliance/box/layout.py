"""Where everything of the box is: the data folder, the sockets, the addresses; and the settings completed with them."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from appliance.box import postgres, store
from appliance.box.secrets import Secrets
from appliance.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]

# What a shell may carry along that would change how our programs behave; the box says all of this itself.
_FOREIGN = ("PG", "AWS_", "WEED_", "MINIO_", "SUPERVISOR_", "MAKE", "MFLAGS")

# In every program's environment: which data folder it works for.
BOX_MARK = "BACKLINE_BOX"

# Nothing calls home, and no model is fetched but by the admin's own command.
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True)
class Layout:
    """The folders of one box. `data` is everything worth keeping; `runtime` is new at every start.

    Sockets and locks never lie in `data`: after a crash they would keep programs from starting, and not every file system
    that holds data can hold sockets. `runtime` has a short path, since a socket's may not be longer than 107 bytes.
    """

    data: Path
    runtime: Path

    @property
    def plain(self) -> "Layout":
        """The same folders, reached through a link in `runtime`.

        For configuration files and command lines: supervisord ends a value at " #" and weed a folder at a comma, and people
        may call their folders as they like.
        """
        return Layout(self.runtime / "data", self.runtime)

    @property
    def lock(self) -> Path:
        """Held while the box runs; says in JSON who holds it."""
        return self.data / ".lock"

    @property
    def marker(self) -> Path:
        """There as soon as the folder is in use, with the id of the studio in it."""
        return self.data / ".appliance"

    @property
    def secrets(self) -> Path:
        """The one file of generated secrets."""
        return self.data / "secrets" / "secrets.json"

    @property
    def logs(self) -> Path:
        """One file for each program."""
        return self.data / "logs"

    @property
    def certificates(self) -> Path:
        """The authority that TLS=lan makes, and what it certifies."""
        return self.data / "tls"

    @property
    def cluster(self) -> Path:
        """The data of the box's own Postgres."""
        return self.data / "pg" / postgres.MAJOR

    def objects(self, kind: str) -> Path:
        """The data of the box's own object store; the two kinds cannot read each other's files."""
        return self.data / "s3" / kind

    @property
    def sockets(self) -> Path:
        """The folder of the Postgres socket."""
        return self.runtime / "postgres"

    @property
    def supervisor_config(self) -> Path:
        """What supervisord reads."""
        return self.runtime / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """Where supervisord answers questions."""
        return self.runtime / "supervisor.sock"

    @property
    def prepared(self) -> Path:
        """There as soon as database and store are ready for the programs."""
        return self.runtime / "prepared"

    @property
    def settings(self) -> Path:
        """What the box was started with, for the commands that ask about it; private, since it holds the secrets."""
        return self.runtime / "settings.json"

    @property
    def ended(self) -> Path:
        """Why the box gave up, where it did."""
        return self.runtime / "ended.json"


def complete(settings: Settings, layout: Layout, secrets: Secrets) -> Settings:
    """Return `settings` with everything filled in that the box decides itself: addresses, keys, absolute paths."""
    filled: dict[str, object] = {"data_dir": layout.data}
    if settings.soundfont:
        filled["soundfont"] = settings.soundfont.expanduser().absolute()
    if not settings.database_url.get_secret_value():
        filled["database_url"] = SecretStr(postgres.url_of(layout.sockets, secrets.database_password))
        filled["web_database_url"] = SecretStr(
            postgres.url_of(layout.sockets, secrets.web_database_password, postgres.WEB_ROLE)
        )
    if settings.object_store != "s3":
        endpoint = f"http://{store.HOST}:{settings.store_port}"
        keys = store_keys(settings, secrets)
        filled |= {
            "s3_endpoint": endpoint,
            "s3_access_key": SecretStr(keys.access_key),
            "s3_secret_key": SecretStr(keys.secret_key),
        }
    own = settings.secret_key.get_secret_value()
    filled["secret_key"] = SecretStr(own or secrets.secret_key)
    # Whoever chooses a key of their own has had the generated one until then.
    before = [settings.secret_key_before.get_secret_value(), own and secrets.secret_key, secrets.previous_secret_key]
    filled["secret_key_before"] = SecretStr(",".join(each for each in before if each))
    return settings.model_copy(update=filled)


def store_keys(settings: Settings, secrets: Secrets) -> store.StoreKeys:
    """Return the bundled store's keys: the generated ones, unless the admin chose a pair."""
    return store.StoreKeys(
        access_key=settings.s3_access_key.get_secret_value() or secrets.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value() or secrets.s3_secret_key,
        signing=secrets.weed_signing,
        signing_read=secrets.weed_signing_read,
        filer_signing=secrets.weed_filer_signing,
        filer_signing_read=secrets.weed_filer_signing_read,
    )


def as_variables(settings: Settings) -> dict[str, str]:
    """Return `settings` as the environment variables that they would be read from, secrets in the clear."""
    said: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if value is not None and text:
            said[name.upper()] = text
    return said


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that programs are started with: `settings` (complete), and nothing that disturbs them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    ours = {"PATH": programs, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", BOX_MARK: str(settings.data_dir)}
    if not (home := os.environ.get("HOME")) or not Path(home).is_dir():
        ours["HOME"] = str(settings.data_dir)  # system users have no home, and libraries like to keep things there
    return inherited | _QUIET | ours | as_variables(settings)
