"""What Prometheus reads: the queue, songs, workers, credits, disk and backups, asked for at each reading."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from appliance.box import lock, runs, supervisor
from appliance.box.alerts import alerts
from appliance.box.layout import Layout
from appliance.database import engine, transaction
from appliance.diskspace import folder_sizes, room
from appliance.settings import Settings
from appliance.tables import Song, SongRequest, User, WorkerSeen
from appliance.tables.songs import OPEN, STATUSES


class StudioCollector(Collector):
    """Everything about the studio that is a row, a file or a question to another part; nothing names a person or a song."""

    def __init__(self, wanted: Settings) -> None:
        self._wanted = wanted

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment. With the database away those that it would know are left out."""
        told = alerts(self._wanted)
        firing = GaugeMetricFamily("backline_alert", "An alert that is on, 1 for each.", labels=["name", "severity"])
        for alert in told:
            firing.add_metric([alert.name, alert.severity], 1)
        yield firing
        away = {alert.name for alert in told}
        yield _gauge("backline_database_up", "Whether the database answers.", "database" not in away)
        yield _gauge("backline_store_up", "Whether the object store answers.", "object_store" not in away)
        found = room(self._wanted)
        yield _gauge("backline_disk_free_bytes", "Room on the disk of the data folder.", found.free)
        yield _gauge("backline_disk_reserve_bytes", "Below so much free room new songs are refused.", found.reserve)
        yield from _folders(self._wanted)
        yield from _restarts(self._wanted)
        yield from _backups(self._wanted)
        yield from _pool()
        if "database" not in away:
            with transaction() as session:
                yield from _rows(session)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _folders(wanted: Settings) -> Iterator[Metric]:
    sizes = GaugeMetricFamily(
        "backline_data_bytes",
        "What the folders in the data folder take; s3 is the bundled object store.",
        labels=["folder"],
    )
    for folder, size in folder_sizes(wanted.data_dir.expanduser().absolute()).items():
        sizes.add_metric([folder], size)
    yield sizes


def _restarts(wanted: Settings) -> Iterator[Metric]:
    restarts = CounterMetricFamily(
        "backline_program_restarts",
        "How often a program came back after it had ended, since the start.",
        labels=["program"],
    )
    data = wanted.data_dir.expanduser().absolute()
    if who := lock.holder(Layout(data, data).lock):
        counted = supervisor.restarts(Layout(data, Path(who.runtime)))
        for program, count in counted.items():
            restarts.add_metric([program], count)
    yield restarts


def _backups(wanted: Settings) -> Iterator[Metric]:
    memory = runs.remember(wanted.data_dir)
    if memory.last_good and memory.good:
        age = (datetime.now(UTC) - memory.last_good) / timedelta(seconds=1)
        yield _gauge("backline_backup_age_seconds", "How old the last good backup is.", age)
        for name in ("objects", "object_bytes", "written_bytes"):
            yield _gauge(f"backline_backup_{name}", "Of the last good backup.", float(str(memory.good[name])))
    yield _gauge(
        "backline_restore_drill_failed", "Whether the newest backup could not be restored.", bool(memory.drill_failure)
    )
    yield _gauge("backline_backup_failed", "Whether the last try at a backup failed.", bool(memory.failure))


def _pool() -> Iterator[Metric]:
    pool = engine().pool
    if isinstance(pool, QueuePool):
        yield _gauge("backline_database_pool_in_use", "Connections of this web app that are in use.", pool.checkedout())
        yield _gauge(
            "backline_database_pool_idle", "Connections of this web app that are open and idle.", pool.checkedin()
        )


def _rows(session: Session) -> Iterator[Metric]:
    counted = session.execute(select(Song.status, func.count()).group_by(Song.status))
    by_status = {status: count for status, count in counted}  # noqa: C416 - rows are no pairs to `dict`
    songs = GaugeMetricFamily("backline_songs", "Songs by status.", labels=["status"])
    for status in STATUSES:
        songs.add_metric([status], by_status.get(status, 0))
    yield songs
    oldest = (
        select(func.extract("epoch", func.clock_timestamp() - func.min(SongRequest.created_at)))
        .join(Song, Song.request_id == SongRequest.id)
        .where(Song.status.in_(OPEN), SongRequest.lease_worker.is_(None))
    )
    waiting = select(func.count(func.distinct(Song.request_id))).where(Song.status.in_(OPEN))
    yield _gauge("backline_queue_requests", "Requests that wait or are being made.", session.scalar(waiting) or 0)
    yield _gauge("backline_queue_oldest_seconds", "How long the oldest request waits.", session.scalar(oldest) or 0)
    size = session.scalar(select(func.pg_database_size(func.current_database())))
    yield _gauge("backline_database_bytes", "The size of the database.", size or 0)
    yield _gauge("backline_people", "Accounts.", session.scalar(select(func.count()).select_from(User)) or 0)
    revision = GaugeMetricFamily("backline_tables_info", "The revision of the tables.", labels=["revision"])
    revision.add_metric([str(session.scalar(text("SELECT version_num FROM alembic_version")))], 1)
    yield revision
    yield from _workers(session)


def _workers(session: Session) -> Iterator[Metric]:
    silent = GaugeMetricFamily("backline_worker_silent_seconds", "Since a worker was last heard.", labels=["worker"])
    spent = CounterMetricFamily(
        "backline_stage_seconds", "Time that workers spent in a stage.", labels=["worker", "stage"]
    )
    passed = CounterMetricFamily("backline_stage_songs", "Songs that left a stage.", labels=["worker", "stage"])
    memory = GaugeMetricFamily("backline_gpu_memory_bytes", "Memory of a worker's card.", labels=["worker", "kind"])
    busy = GaugeMetricFamily(
        "backline_gpu_busy_ratio", "For what share of the last moments a card computed.", labels=["worker", "card"]
    )
    now = session.scalar(select(func.clock_timestamp())) or datetime.now(UTC)
    for worker in session.scalars(select(WorkerSeen)):
        silent.add_metric([worker.name], (now - worker.last_seen).total_seconds())
        for stage, (count, seconds) in worker.about.get("stages", {}).items():
            spent.add_metric([worker.name, stage], seconds)
            passed.add_metric([worker.name, stage], count)
        for kind, size in worker.about.get("gpu_memory", {}).items():
            memory.add_metric([worker.name, kind], size)
        for card, share in enumerate(worker.about.get("gpu_busy", ())):
            busy.add_metric([worker.name, str(card)], share)
    yield from (silent, spent, passed, memory, busy)
