"""The secrets that the box makes for itself, once."""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from appliance.box.failure import BoxError


@dataclass(frozen=True)
class Secrets:
    """What one studio was born with. Only letters, digits, `-` and `_`, so that they fit into addresses and statements."""

    instance: str
    secret_key: str
    superuser_password: str
    database_password: str
    s3_access_key: str
    s3_secret_key: str
    weed_signing: str
    weed_signing_read: str
    weed_filer_signing: str
    weed_filer_signing_read: str
    previous_secret_key: str = ""
    """The secret key before the last change, until everything is sealed with the one that there is now."""

    @property
    def web_database_password(self) -> str:
        """The web app's password to the database: made from the owner's, which does not follow from it."""
        return hmac.new(self.database_password.encode(), b"web", hashlib.sha256).hexdigest()


def new_secrets() -> Secrets:
    """Return fresh secrets."""
    made = (field.name for field in fields(Secrets) if field.name != "previous_secret_key")
    return Secrets(**{name: secrets.token_urlsafe(32) for name in made} | _shorter())


def _shorter() -> dict[str, str]:
    # The id is read by people; access keys longer than 20 letters are refused by some S3 programs.
    return {"instance": secrets.token_hex(8), "s3_access_key": secrets.token_hex(10)}


def keep_secrets(path: Path, data_is_there: bool) -> Secrets:
    """Return the secrets in `path`, made now where the studio is new.

    Raises BoxError, and writes nothing, where there is data already: new secrets would lock everybody out of it.
    """
    if path.exists():
        return read_secrets(path)
    if data_is_there:
        raise BoxError.about_configuration(
            f"{path} is missing, but {path.parent.parent} holds data made with it. "
            "Put the file back from a backup, or choose an empty folder with DATA_DIR."
        )
    path.parent.mkdir(mode=0o700, exist_ok=True)
    made = new_secrets()
    write_secrets(path, made)
    return made


def write_secrets(path: Path, kept: Secrets) -> None:
    """Write the secrets into `path`; what is empty is left out, for versions that do not know it."""
    write_privately(path, as_text(kept))


def as_text(kept: Secrets) -> str:
    """Return the secrets as their file holds them."""
    return json.dumps({name: value for name, value in asdict(kept).items() if value}, indent=2) + "\n"


def read_secrets(path: Path) -> Secrets:
    """Return the secrets in `path`. Raises BoxError where it cannot be read as such."""
    try:
        return Secrets(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise BoxError.about_configuration(f"{path} cannot be read ({error}). Put it back from a backup.") from None


def write_privately(path: Path, text: str) -> None:
    """Write `text` to `path` whole or not at all, for nobody else to read."""
    making = path.with_name(path.name + ".new")
    making.unlink(missing_ok=True)
    with open(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - with a mode
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    making.rename(path)
