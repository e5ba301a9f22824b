"""How long each stage of a song takes, how long a whole request does, and how much memory."""

import multiprocessing
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import BytesIO
from typing import TypeVar

import psutil
from PIL import Image
from sqlalchemy import func, select

from appliance import database
from appliance.box.postgres import temporary_cluster
from appliance.box.store import temporary_store
from appliance.briefs import read_brief
from appliance.categories import CATEGORIES
from appliance.queue import claim_request, lease_of
from appliance.settings import settings
from appliance.songs import request_songs
from appliance.storage import storage
from appliance.tables import Song, User
from models.roles import Brief, Take
from worker.encoding import cover_files, encode_flac, encode_mp3, waveform
from worker.engines import Engines, load_engines
from worker.mastering import master
from worker.produce import produce
from worker.watch import Watch

Result = TypeVar("Result")

DESCRIPTION = "a hopeful indie pop song about leaving the city at dawn"
DURATIONS = (180, 30)  # seconds
MEBIBYTE = 1 << 20
Row = tuple[str, float | None, str]  # what was measured, seconds or None, and what else there is to say


def bench_songs() -> None:
    """Measure requests of 180 s and 30 s, stage by stage and as a whole, and print the tables."""
    cores = len(os.sched_getaffinity(0))
    print(f"Python {platform.python_version()} on {cores} cores; load of others before: {os.getloadavg()[0]:.1f}")
    with _studio():
        engines = load_engines(settings())
        _whole(engines, 10)  # so that the first figures are not those of starting
        for duration in DURATIONS:
            _print(f"One take of {duration} s, stage by stage, nothing beside it", duration, _stages(engines, duration))
            _print(f"A request of {duration} s: two takes", duration, _whole(engines, duration))


@contextmanager
def _studio() -> Iterator[None]:
    """Run a database and a store of our own."""
    with temporary_cluster() as url, temporary_store() as store:
        os.environ |= {
            "DATABASE_URL": url,
            "OBJECT_STORE": "s3",
            "S3_ENDPOINT": store.endpoint,
            "S3_ACCESS_KEY": store.access_key,
            "S3_SECRET_KEY": store.secret_key,
        }
        database.migrate(url)
        storage().ensure_bucket()
        try:
            yield
        finally:
            database.engine().dispose()


def _stages(engines: Engines, duration: int) -> list[Row]:
    """Carry one take through the stages, one after the other."""
    rows: list[Row] = []

    def timed(name: str, work: Callable[[], Result], remark: Callable[[Result], str] = lambda _result: "") -> Result:
        start = time.perf_counter()
        result = work()
        rows.append((name, time.perf_counter() - start, remark(result)))
        return result

    brief = Brief("description", description=DESCRIPTION, duration=duration, seed=1)
    sheet = timed(
        "words", lambda: engines.songwriter.write(brief, CATEGORIES), lambda it: f"{len(it.lyrics.split())} words"
    )
    recording = timed("composing", lambda: engines.composer.compose(sheet, Take(1), lambda _share: None))
    mastered = timed(
        "mastering",
        lambda: master(recording.samples, recording.sample_rate, lambda _share: None),
        lambda it: f"{it.loudness:.1f} LUFS, {it.true_peak:.1f} dBTP",
    )
    flac = timed("FLAC", lambda: encode_flac(mastered, sheet, lambda _share: None), _size)
    mp3 = timed("MP3", lambda: encode_mp3(mastered, sheet, lambda _share: None), _size)
    timed("waveform", lambda: waveform(mastered.samples))
    cover, thumbnail = timed(
        "cover",
        lambda: cover_files(engines.illustrator.paint(sheet, 1)),
        lambda it: str(Image.open(BytesIO(it[0])).size[0]),
    )
    files = {"a.flac": flac, "a.mp3": mp3, "a.webp": cover, "b.webp": thumbnail}

    def store() -> None:
        for name, data in files.items():
            storage().write(f"bench/{name}", data, "application/octet-stream")

    timed("storing", store)
    return rows


def _size(data: bytes) -> str:
    return f"{len(data) / 1e6:.1f} MB"


def _whole(engines: Engines, duration: int) -> list[Row]:
    """Carry a request through the recipe as the worker does, from the click to two ready takes."""
    with database.transaction() as session:
        user = User(name=f"bench {duration}", password_hash="!")
        session.add(user)
        session.flush()
        brief = {"full_description": DESCRIPTION, "duration": duration, "seed": 1}
        request_id = request_songs(session, user, read_brief(brief)).id
        asked = session.scalar(select(func.clock_timestamp()))
    with _memory() as most:
        with database.transaction() as session:
            request = claim_request(session, "bench")
        assert request is not None
        with Watch(lease_of(request)) as watch:
            produce(request, engines, watch)
    with database.transaction() as session:
        songs = session.scalars(select(Song).where(Song.request_id == request_id).order_by(Song.take)).all()
    assert asked is not None
    assert [song.status for song in songs] == ["processed", "processed"]
    first, both = (_seconds(asked, song) for song in songs)
    peak = f"{most[0] / MEBIBYTE:,.0f} MiB at the most"
    return [("first take playable", first, ""), ("both takes ready", both, ""), ("memory", None, peak)]


def _seconds(asked: datetime, song: Song) -> float:
    assert song.finished_at is not None
    return (song.finished_at - asked).total_seconds()


@contextmanager
def _memory() -> Iterator[list[int]]:
    """Yield a list whose one value is the most memory that this program and the composer's processes had together.

    Pages that several of them share count once (the proportional set size), as they do for the machine.
    """
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            total = 0
            ours = [
                psutil.Process(),
                *(psutil.Process(child.pid) for child in multiprocessing.active_children() if child.pid),
            ]
            for process in ours:
                with suppress(psutil.Error):
                    total += process.memory_full_info().pss
            most[0] = max(most[0], total)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def _print(title: str, duration: int, rows: list[Row]) -> None:
    print(f"\n{title}")
    for name, seconds, remark in rows:
        figures = "" if seconds is None else f"{seconds:7.2f} s {duration / seconds:9,.1f}×"
        print(f"  {name:<20} {figures:<20}  {remark}".rstrip())
