"""What somebody who helps needs to see, in one file, without a secret in it: states, settings, versions and the ends of the logs."""

import io
import json
import platform
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from pydantic import SecretStr
from sqlalchemy import make_url

from appliance import __version__
from appliance.box import health, lock, postgres, runs, supervisor
from appliance.box.alerts import alerts
from appliance.box.announce import say
from appliance.box.dump import counts
from appliance.box.layout import Layout, complete
from appliance.box.recovery_kit import known_passphrase
from appliance.box.secrets import read_secrets
from appliance.diskspace import room
from appliance.settings import Settings, load_settings

LINES = 2000  # of each log
REDACTED = "[redacted]"
_SHORTEST = 6  # letters; a shorter secret would be found in every other word


def support_bundle(wanted: Settings, to_output: bool) -> int:
    """Write the bundle beside the data of the studio, which may run or not, and say where; or, out of a container, as output."""
    data = wanted.data_dir.expanduser().absolute()
    who = lock.holder(Layout(data, data).lock)
    layout = Layout(data, Path(who.runtime) if who else data)
    full = wanted.model_copy(update={"data_dir": data})
    if layout.settings.exists() and who:
        full = load_settings(json.loads(layout.settings.read_text()), None)
    elif layout.secrets.exists():
        full = complete(full, layout, read_secrets(layout.secrets))
    now = datetime.now(UTC)
    place = data / f"support-{now:%Y%m%d-%H%M%S}.tar.gz"
    secrets = all_secrets(full, layout)
    files = {"about.json": _about(full, layout, running=who is not None)} | {
        f"logs/{path.name}": supervisor.last_lines(path, LINES) for path in sorted(layout.logs.glob("*.log"))
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as bundle:
        for name, text in files.items():
            content = redact(text, secrets).encode()
            entry = tarfile.TarInfo(f"backline-support/{name}")
            entry.size, entry.mtime = len(content), int(now.timestamp())
            bundle.addfile(entry, io.BytesIO(content))
    if to_output:
        sys.stdout.buffer.write(packed.getvalue())
        return 0
    place.touch(mode=0o600)
    place.write_bytes(packed.getvalue())
    say(
        f"{place} holds states, settings without secrets, versions and the ends of {len(files) - 1} logs. Look before you send it."
    )
    return 0


def all_secrets(full: Settings, layout: Layout) -> set[str]:
    """Return every secret of the studio that a text might hold, also as an address would spell it."""
    found = {known_passphrase(full)}
    if layout.secrets.exists():
        kept = asdict(read_secrets(layout.secrets))
        found |= {value for name, value in kept.items() if name != "instance"}
    for name in Settings.model_fields:
        value = getattr(full, name)
        if isinstance(value, SecretStr):
            found |= {value.get_secret_value(), *value.get_secret_value().split(",")}
    if full.database_url.get_secret_value():
        found.add(make_url(full.database_url.get_secret_value()).password or "")
    return {spelt for each in found for spelt in (each, quote(each, safe="")) if len(each) >= _SHORTEST}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every secret blacked out, the longest first: one may be part of another."""
    for each in sorted(secrets, key=len, reverse=True):
        text = text.replace(each, REDACTED)
    return text


def _about(full: Settings, layout: Layout, running: bool) -> str:
    settings = {}
    for name in Settings.model_fields:
        value = getattr(full, name)
        if isinstance(value, SecretStr):
            settings[name.upper()] = "set" if value.get_secret_value() else "empty"
        else:
            settings[name.upper()] = str(value)
    memory = psutil.virtual_memory()
    about = {
        "version": __version__,
        "running": running,
        "python": platform.python_version(),
        "machine": {"system": platform.platform(), "processors": psutil.cpu_count(), "memory_bytes": memory.total},
        "disk": asdict(room(full)),
        "settings": settings,
        "backups": asdict(runs.remember(full.data_dir)),
        "packages": sorted({f"{each.name}=={each.version}" for each in distributions()}),
    }
    if running:
        about |= {
            "programs": [asdict(each) for each in supervisor.programs_now(layout)],
            "parts": {part.name: part.trouble or "ready" for part in health.parts(full)},
            "alerts": [asdict(alert) for alert in alerts(full)],
            "rows": _rows(full),
        }
    return json.dumps(about, indent=1)


def _rows(full: Settings) -> dict[str, int] | str:
    try:
        with postgres.connect(full.database_url.get_secret_value()) as connection:
            return counts(connection)
    except psycopg.Error:
        return "The database did not say."
