"""Looks for what is wrong with a studio, running or not, changes nothing, and says for each thing what to do."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import psutil
import psycopg
import urllib3
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from appliance.box import lock, postgres, store
from appliance.box.account import account_of, is_root
from appliance.box.announce import say
from appliance.box.certificates import expires
from appliance.box.control import running_settings
from appliance.box.failure import BoxError
from appliance.box.graphics import OLDEST_DRIVER, find_cards
from appliance.box.layout import Layout, as_variables
from appliance.box.preflight import check_ports
from appliance.credits import broken_invariants
from appliance.database import build_engine
from appliance.diskspace import room
from appliance.errors import SettingsError, StudioError
from appliance.settings import Settings, load_settings
from appliance.storage import Storage

# AWS refuses signatures beyond 15 minutes; sign-ins and leases become odd long before.
CLOCKS_MAY_DIFFER = timedelta(minutes=2)
LEAST_MEMORY = 2e9  # bytes; what the sketch engine and the rest take together at most
RENEW_WITHIN = timedelta(days=14)


@dataclass(frozen=True)
class Finding:
    """What was looked at. `trouble` says what is wrong, empty where nothing is; `remedy` what to do about it."""

    name: str
    seen: str = ""
    trouble: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """The studio that is looked at: its settings (those it runs with, where it runs) and whether it runs."""

    settings: Settings
    layout: Layout
    runs: bool


def examine(environ: Mapping[str, str]) -> int:
    """Look at everything, print a line for each, and return 1 where something has to be done, else 0."""
    try:
        wanted = load_settings(environ)
    except SettingsError as error:
        _show(Finding("settings", trouble=error.message, remedy="Mend that line; the README lists every setting."))
        return 1
    patient = _find(wanted)
    findings = [Finding("settings", "all of them can be used")]
    for look in CHECKS:
        findings += look(patient)
    for finding in findings:
        _show(finding)
    troubles = sum(bool(finding.trouble) for finding in findings)
    say(f"\n{troubles} to put right." if troubles else "\nNothing is wrong.")
    return int(troubles > 0)


def _show(finding: Finding) -> None:
    say(f"{finding.name:<13}{'WRONG  ' + finding.trouble if finding.trouble else 'good   ' + finding.seen}".rstrip())
    if finding.trouble and finding.remedy:
        say(f"{'':<20}→ {finding.remedy}")


def _find(wanted: Settings) -> Patient:
    data = wanted.data_dir.expanduser().absolute()
    try:
        who = lock.holder(Layout(data, data).lock)
        if who:
            layout = Layout(data, Path(who.runtime))
            return Patient(running_settings(layout), layout, runs=True)
    except (OSError, BoxError):  # the check of the folder says why
        pass
    return Patient(wanted.model_copy(update={"data_dir": data}), Layout(data, data), runs=False)


def _folder(patient: Patient) -> Iterator[Finding]:
    data = patient.layout.data
    there = next(path for path in (data, *data.parents) if path.exists())
    name = "data folder"
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        yield Finding(
            name, trouble=f"{there} is mounted read-only.", remedy="Mount it writable, or set another DATA_DIR."
        )
        return
    owner = there.stat().st_uid
    if data.exists() and not is_root() and owner != os.geteuid():
        yield Finding(
            name,
            trouble=f"{data} belongs to user id {owner}, and you are user id {os.geteuid()}.",
            remedy=f"Ask as that user, or hand it over: sudo chown -R {os.geteuid()} '{data}'",
        )
        return
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(name, trouble=f"Nothing can be written to {there}.", remedy=f"chmod u+rwx '{there}'")
        return
    if is_root() and owner and account_of(owner) is None:
        yield Finding(
            name,
            trouble=f"{data} belongs to user id {owner}, who is not on this machine.",
            remedy=f"chown -R root '{data}'",
        )
        return
    yield Finding(name, str(data))
    if patient.layout.secrets.exists():
        yield from _secrets(patient.layout)


def _secrets(layout: Layout) -> Iterator[Finding]:
    for path in (layout.secrets, layout.secrets.parent):
        if path.stat().st_mode & 0o077:
            yield Finding(
                "permissions",
                trouble=f"Others on this machine can read {path}.",
                remedy=f"chmod -R go= '{layout.secrets.parent}'",
            )
            return
    yield Finding("permissions", "secrets are for the studio alone to read")


def _disk(patient: Patient) -> Iterator[Finding]:
    found = room(patient.settings)
    left = f"{found.free / 1e9:.1f} GB of {found.total / 1e9:.0f} GB are free"
    if found.is_short:
        yield Finding(
            "disk",
            trouble=f"It is almost full: {left}, and {found.reserve / 1e9:.1f} GB are kept free. New songs are refused.",
            remedy="Delete songs or other files, move DATA_DIR to a larger disk, or lower DISK_RESERVE_GB.",
        )
    else:
        yield Finding("disk", left)


def _memory(_patient: Patient) -> Iterator[Finding]:
    memory = psutil.virtual_memory().total
    seen = f"{memory / 1e9:.0f} GB"
    trouble = f"{seen} is too little: songs need up to 2 GB." if memory < LEAST_MEMORY else ""
    yield Finding("memory", seen, trouble, "Give the machine more memory.")


def _ports(patient: Patient) -> Iterator[Finding]:
    if patient.runs:
        yield Finding("ports", "the studio runs, and has them")
        return
    try:
        check_ports(patient.settings)
    except BoxError as error:
        said, _, remedy = error.message.partition(". ")
        yield Finding("ports", trouble=f"{said}.", remedy=remedy or "Choose another port.")
    else:
        yield Finding("ports", f"WEB_PORT={patient.settings.web_port} and the store's are free")


def _clock(patient: Patient) -> Iterator[Finding]:
    now = datetime.now(UTC)
    remedy = "Set the clock, and have it kept: timedatectl set-ntp true"
    written = [path.stat().st_mtime for path in patient.layout.data.glob("*") if path.exists()]
    latest = datetime.fromtimestamp(max(written), UTC) if written else now
    if latest > now + CLOCKS_MAY_DIFFER:
        yield Finding(
            "clock",
            trouble=f"It says {now:%Y-%m-%d %H:%M} UTC, but the data was written to on {latest:%Y-%m-%d %H:%M}.",
            remedy=remedy,
        )
        return
    for other, says in _other_clocks(patient.settings):
        if abs(says - now) > CLOCKS_MAY_DIFFER:
            ahead = "behind" if says > now else "ahead of"
            yield Finding(
                "clock", trouble=f"It is {abs(says - now).seconds // 60} minutes {ahead} {other}'s.", remedy=remedy
            )
            return
    yield Finding("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def _other_clocks(wanted: Settings) -> Iterator[tuple[str, datetime]]:
    """Yield the clocks of other machines that have to agree with ours."""
    if wanted.object_store == "s3":
        try:
            answer = urllib3.PoolManager(timeout=5, retries=False).request("GET", wanted.s3_endpoint)
            yield "the object store", parsedate_to_datetime(answer.headers["date"])
        except (urllib3.exceptions.HTTPError, KeyError, ValueError):
            pass  # the check of the store says so
    if url := wanted.database_url.get_secret_value():
        try:
            with postgres.connect(url) as connection:
                row = connection.execute("SELECT clock_timestamp()").fetchone()
            if row:
                yield "the database", row[0]
        except psycopg.Error:
            pass


def _database(patient: Patient) -> Iterator[Finding]:
    url = patient.settings.database_url.get_secret_value()
    if not url:
        yield Finding("database", "the studio's own; it is looked at when the studio runs")
        return
    try:
        with postgres.connect(url, seconds=5) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        yield Finding(
            "database",
            trouble=f"It does not answer: {str(error).strip().splitlines()[0]}.",
            remedy="Look at make logs S=postgres." if patient.runs else "Check DATABASE_URL, and that the server runs.",
        )
        return
    if said := postgres.too_old(version):
        yield Finding("database", trouble=said, remedy="Upgrade that server, or leave DATABASE_URL empty.")
    else:
        yield Finding("database", f"Postgres {version // 10000}.{version % 10000}")


def _ledger(patient: Patient) -> Iterator[Finding]:
    url = patient.settings.database_url.get_secret_value()
    if not url:
        return
    engine = build_engine(url)
    try:
        with Session(engine) as session:
            broken = broken_invariants(session)
    except SQLAlchemyError:  # no database, which was said above, or no tables of this version yet
        return
    finally:
        engine.dispose()
    yield Finding(
        "ledger",
        "every balance is the sum of its entries",
        trouble="; ".join(f"{rule}, but not for {', '.join(rows[:3])}" for rule, rows in broken.items()),
        remedy="Somebody changed the tables by hand: restore the last backup (make restore), or undo that change.",
    )


def _store(patient: Patient) -> Iterator[Finding]:
    wanted = patient.settings
    if not patient.runs and wanted.object_store != "s3":
        yield from _bundled_store(wanted)
        return
    name = "object store"
    if not store.answers(wanted.s3_endpoint, seconds=5):
        yield Finding(
            name,
            trouble=f"{wanted.s3_endpoint} does not answer.",
            remedy="Look at make logs S=store."
            if wanted.object_store != "s3"
            else "Check S3_ENDPOINT and the network.",
        )
        return
    try:
        storage, key = Storage(wanted), "health/doctor"
        storage.write(key, b"a canary", "text/plain")
        storage.delete([key])
    except StudioError as error:
        yield Finding(
            name,
            trouble=error.message,
            remedy="Check S3_ACCESS_KEY, S3_SECRET_KEY, S3_BUCKET and S3_REGION, and what the key may do (docs/aws-s3.md).",
        )
    else:
        yield Finding(name, f"{wanted.s3_bucket} at {wanted.s3_endpoint} can be written to")


def _bundled_store(wanted: Settings) -> Iterator[Finding]:
    try:
        if wanted.object_store == "minio":
            store.minio_command(Path(), wanted.store_port)
        yield Finding("object store", "the studio's own; it is looked at when the studio runs")
    except BoxError as error:
        yield Finding("object store", trouble=error.message)


def _card(patient: Patient) -> Iterator[Finding]:
    cards = find_cards()
    for card in cards:
        seen = f"{card.name}, {card.free / 2**30:.0f} of {card.memory / 2**30:.0f} GiB free, driver {card.driver}"
        trouble = (
            f"Its driver {card.driver} is too old: {OLDEST_DRIVER} or newer is needed."
            if card.is_driver_too_old
            else ""
        )
        yield Finding("card", seen, trouble, "Install a newer NVIDIA driver.")
    if not cards and needs_card(patient.settings):
        yield Finding(
            "card",
            trouble="No NVIDIA card answers, and this studio is to use one.",
            remedy="On the host, nvidia-smi has to show it, and Docker needs the NVIDIA container toolkit. Without a card: "
            "docker compose up -d cpu, or MODELS_DEVICE=auto.",
        )
    elif not cards:
        yield Finding("card", "none: the sketch engine makes the music")


def needs_card(wanted: Settings) -> bool:
    """Whether the image or the settings count on a card."""
    return wanted.models_device == "cuda" or (
        os.environ.get("BACKLINE_VARIANT") == "gpu" and wanted.models_device != "cpu"
    )


def _models(patient: Patient) -> Iterator[Finding]:
    if patient.settings.models_device != "cpu" and not (find_cards() or needs_card(patient.settings)):
        yield Finding("models", "none are needed without a card")
        return
    # Only the worker's room knows the models.
    asked = subprocess.run(
        [sys.executable, "-m", "worker.weights", "check"],
        env=os.environ | as_variables(patient.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join((asked.stdout or asked.stderr).split())
    trouble = said if asked.returncode else ""
    yield Finding("models", said, trouble, "make models-pull fetches them; until then the sketch engine stands in.")


def _certificate(patient: Patient) -> Iterator[Finding]:
    certificate = patient.settings.tls_certificate
    if patient.settings.tls == "off" or certificate is None:
        return
    try:
        until = expires(certificate.expanduser())
    except BoxError as error:
        yield Finding("certificate", trouble=error.message, remedy="Check TLS_CERTIFICATE and TLS_KEY.")
        return
    trouble = f"It ends on {until:%Y-%m-%d}." if until < datetime.now(UTC) + RENEW_WITHIN else ""
    remedy = "make restart renews it." if patient.settings.tls == "lan" else "Renew it, and restart the studio."
    yield Finding("certificate", f"until {until:%Y-%m-%d}", trouble, remedy)


CHECKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    _folder, _disk, _memory, _ports, _clock, _database, _ledger, _store, _card, _models, _certificate,
)  # fmt: skip
