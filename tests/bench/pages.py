"""How long pages take in a studio with a thousand songs and in one with a hundred thousand: it must be the same time."""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import event, select, text

from appliance import database
from appliance.accounts import open_login_session
from appliance.box.postgres import temporary_cluster
from appliance.settings import settings
from appliance.tables import Song, User
from tests.bench.crowd import gather_crowd
from web.app import create_app

SIZES = ((100, 1_000), (10_000, 100_000))  # people and songs
ROUNDS = 25
PAGES = {
    "Discover": "/",
    "Discover, next page": "",  # wherever the first one leads to
    "newest": "/?sort=new",
    "a category": "/?category=jazz",
    "a filter": "/?show=slow",
    "search, a style": "/?q=bossa",
    "search, a person": "/?q=person+77",
    "search, no match": "/?q=xylograph",
    "my songs": "/create",
    "a person": "/people/{user}",
}


def bench_pages() -> None:
    """Measure every page at both sizes and print the medians, the slowest query of each, and the ratio."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in PAGES}
    for people, songs in SIZES:
        with _studio(people, songs) as client:
            for name, (median, slowest) in _measure(client).items():
                times[name].append((median, slowest))
    print("\nA page, from the question to the last byte: 1,000 songs, 100,000 songs, ratio, slowest query at 100,000")
    for name, ((small, _), (large, slowest)) in times.items():
        print(
            f"  {name:<20} {small * 1000:7.1f} ms {large * 1000:7.1f} ms {large / small:7.2f}× {slowest * 1000:9.1f} ms"
        )
    whole = [sum(each[size][0] for each in times.values()) for size in (0, 1)]
    print(f"  {'all of them':<20} {whole[0] * 1000:7.1f} ms {whole[1] * 1000:7.1f} ms {whole[1] / whole[0]:7.2f}×")


@contextmanager
def _studio(people: int, songs: int) -> Iterator[TestClient[Litestar]]:
    """Run a studio of this size on a database of its own, somebody who has made songs signed in."""
    with temporary_cluster() as url:
        os.environ |= {
            "DATABASE_URL": url,
            "SECRET_KEY": "bench",
            "OBJECT_STORE": "s3",
            "S3_ENDPOINT": "http://127.0.0.1:9",
        }
        os.environ |= {"S3_ACCESS_KEY": "none", "S3_SECRET_KEY": "none"}
        for cached in (settings, database.engine, database.session_factory):
            cached.cache_clear()
        database.migrate(url)
        with database.session_factory()() as session:
            gather_crowd(session, people, songs)
            user = session.scalars(select(User).join(Song, Song.user_id == User.id).order_by(User.id).limit(1)).one()
            session.execute(text("UPDATE users SET role = 'admin' WHERE name = 'Person 1'"))
            token = open_login_session(session, user, "bench", "")
            session.commit()
        with TestClient(create_app(), base_url=settings().public_url) as client:
            client.cookies.set("login", token)
            client.headers["x-user"] = str(user.id)
            yield client
        database.engine().dispose()


def _measure(client: TestClient[Litestar]) -> dict[str, tuple[float, float]]:
    """Return each page's median time, and that of its slowest query, in seconds."""
    user = client.headers.pop("x-user")
    longest: list[float] = []

    def begin(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        context.begun = time.perf_counter()

    def end(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        longest.append(time.perf_counter() - context.begun)

    event.listen(database.engine(), "before_cursor_execute", begin)
    event.listen(database.engine(), "after_cursor_execute", end)
    measured = {}
    for name, address in PAGES.items():
        path = address.format(user=user) or _next(client)
        took, slowest = [], []
        for _ in range(ROUNDS):
            longest.clear()
            start = time.perf_counter()
            answer = client.get(path)
            took.append(time.perf_counter() - start)
            assert answer.status_code == 200, path
            slowest.append(max(longest))
        measured[name] = statistics.median(took), statistics.median(slowest)
    return measured


def _next(client: TestClient[Litestar]) -> str:
    page = client.get("/").text
    return page.split('class="more-songs"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
