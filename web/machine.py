"""The machine in the admins' words: how full it is, what runs on it, and which models it has in memory."""

import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.box import health, runs
from appliance.box.alerts import alerts
from appliance.languages import gettext as _
from appliance.settings import Settings, settings
from appliance.tables import Song, User, WorkerSeen

_COLOURS = ("verse", "chorus", "lift")  # of words, music and covers


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that fills up, in bytes."""

    used: int
    total: int

    @property
    def share(self) -> float:
        """How full it is, 0 to 1."""
        return self.used / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A program that makes songs: `card` is the memory of its graphics card, `models` what plays each role and its bytes there.

    `alive` tells whether it was heard lately, `notes` are sentences of its own.
    """

    name: str
    alive: bool
    card: Measure | None
    models: list[tuple[str, str, int]]
    notes: list[str]

    @property
    def uses(self) -> list[tuple[str, str, int]]:
        """What the card's memory is used for: in words, the kind of section whose colour it is drawn in, and bytes."""
        if self.card is None:
            return []
        loaded = [(said, kind, size) for (said, _model, size), kind in zip(self.models, _COLOURS, strict=False) if size]
        working = max(0, self.card.used - sum(size for _said, _kind, size in loaded))
        return [
            *loaded,
            (_("Songs in the making"), "bridge", working),
            (_("Free"), "intro", self.card.total - self.card.used),
        ]


@dataclass(frozen=True, slots=True)
class Machine:
    """`workers` are the programs that make songs; `today` are names and figures."""

    disk: Measure
    memory: Measure
    load: float
    cores: int
    up: float
    parts: list[health.Part]
    workers: list[Worker]
    today: list[tuple[str, str]]


def machine(session: Session) -> Machine:
    """Look at the machine that the web app runs on. Takes some milliseconds."""
    # Before a folder is made, the disk that it will be on is the nearest one above it that is there.
    folder = settings().data_dir.resolve()
    while not folder.exists():
        folder = folder.parent
    disk = shutil.disk_usage(folder)
    memory = psutil.virtual_memory()
    lately = datetime.now(UTC) - health.WORKER_SILENCE
    workers = session.scalars(select(WorkerSeen).order_by(WorkerSeen.name)).all()
    return Machine(
        Measure(disk.used, disk.total),
        Measure(memory.total - memory.available, memory.total),
        os.getloadavg()[0],
        len(os.sched_getaffinity(0)),
        time.time() - psutil.boot_time(),
        health.parts(settings()),
        [_worker(seen, seen.last_seen > lately) for seen in workers],
        figures_of_today(session),
    )


def figures_of(session: Session) -> dict[str, Any]:
    """Return everything that the page of the machine shows."""
    wanted = settings()
    return {
        "machine": machine(session),
        "alerts": alerts(wanted),
        "backup": last_backup(wanted),
        "backups_are_set": bool(wanted.backup_target),
    }


def _worker(seen: WorkerSeen, alive: bool) -> Worker:
    """Return what a worker said of itself with its last sign of life; one of an earlier version may have said less."""
    about: dict[str, Any] = seen.about
    card, sizes = about.get("gpu_memory"), about.get("memory", {})
    roles = (("songwriter", _("Words")), ("composer", _("Music")), ("illustrator", _("Covers")))
    return Worker(
        seen.name,
        alive,
        Measure(card["used"], card["total"]) if card else None,
        [(said, about[role], sizes.get(about[role], 0)) for role, said in roles if role in about],
        about.get("notes", []),
    )


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last good backup: how long ago it began, what it holds, and how many bytes of songs and covers."""

    hours: int
    people: int
    songs: int
    size: int


def last_backup(wanted: Settings) -> LastBackup | None:
    """Return what is known of the last good backup, or None where there is none."""
    memory = runs.remember(wanted.data_dir)
    run = memory.run
    if run is None:
        return None
    hours = int((datetime.now(UTC) - run.when) / timedelta(hours=1))
    return LastBackup(hours, run.counts.get("users", 0), run.counts.get("songs", 0), run.object_bytes)


def figures_of_today(session: Session) -> list[tuple[str, str]]:
    """Return what was made in the last 24 hours, in names and figures."""
    since = datetime.now(UTC) - timedelta(days=1)
    ended = select(
        func.count().filter(Song.status == "processed"),
        func.count().filter(Song.status == "failed"),
        func.percentile_cont(0.5).within_group(func.extract("epoch", Song.started_at - Song.created_at)),
        func.percentile_cont(0.5).within_group(func.extract("epoch", Song.finished_at - Song.started_at)),
    ).where(Song.created_at > since)
    made, failed, wait, make = session.execute(ended).one()
    people = session.scalar(select(func.count()).select_from(User).where(User.disabled_at.is_(None))) or 0
    return [
        (_("Songs made"), str(made)),
        (_("Typical wait"), "–" if wait is None else f"{wait:.0f} s"),
        (_("Typical making"), "–" if make is None else f"{make:.0f} s"),
        (_("Stopped by a fault"), str(failed)),
        (_("People"), str(people)),
    ]
