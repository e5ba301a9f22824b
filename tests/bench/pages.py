"""How long pages take in a studio with a thousand songs and in one with a hundred thousand: it must be the same time.

The two studios run side by side and are asked in turns, and of many answers the fastest quarter counts: so whatever else the
machine does meets both alike.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
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
ROUNDS = 40
MOST = 1.3  # times as long in the large studio as in the small one
PAGES = {
    "Discover": "/",
    "Discover, next page": "",  # wherever the first one leads to
    "newest": "/?sort=new",
    "a category": "/?category=jazz",
    "a filter": "/?show=slow",
    "search, a style": "/?q=bossa",
    "search, a person": "/?q=person+7",
    "search, no match": "/?q=xylograph",
    "my songs": "/create",
    "my songs, search": "/create?q=xylograph",
    "a song": "/songs/{song}",
    "a person": "/people/{user}",
}


def bench_pages() -> None:
    """Measure every page in both studios and print the times, the slowest query of each, and the ratio."""
    context = multiprocessing.get_context("spawn")
    doors, programs = [], []
    for people, songs in SIZES:
        door, other_end = context.Pipe()
        programs.append(context.Process(target=_answer, args=(people, songs, other_end)))
        programs[-1].start()
        doors.append(door)
    for door in doors:
        door.recv()  # it is ready
    print("\nA page, from the question to the last byte: 1,000 songs, 100,000 songs, ratio, slowest query at 100,000")
    sums = [0.0, 0.0]
    for name in PAGES:
        found: list[list[tuple[float, float]]] = [[], []]
        for _ in range(ROUNDS):
            for door, seen in zip(doors, found, strict=True):
                door.send(name)
                seen.append(door.recv())
        small, large = (statistics.quantiles([took for took, _ in seen], n=4)[0] for seen in found)
        slowest = statistics.quantiles([query for _, query in found[1]], n=4)[0]
        sums = [sums[0] + small, sums[1] + large]
        print(
            f"  {name:<20} {small * 1000:7.1f} ms {large * 1000:7.1f} ms {large / small:7.2f}× {slowest * 1000:9.1f} ms"
        )
    ratio = sums[1] / sums[0]
    verdict = f"at most {MOST} is wanted" if ratio <= MOST else f"MORE THAN {MOST}"
    print(f"  {'all of them':<20} {sums[0] * 1000:7.1f} ms {sums[1] * 1000:7.1f} ms {ratio:7.2f}×  {verdict}")
    for door, program in zip(doors, programs, strict=True):
        door.send(None)
        program.join()


def _answer(people: int, songs: int, door: Connection) -> None:
    """Run a studio of this size, and for every page that is named on `door` say how long it and its slowest query took."""
    with _studio(people, songs) as client:
        user, song = client.headers.pop("x-user"), client.headers.pop("x-song")
        paths = {name: address.format(user=user, song=song) or _next(client) for name, address in PAGES.items()}
        longest = _watch_queries()
        for path in paths.values():
            client.get(path)
        door.send("ready")
        while name := door.recv():
            longest.clear()
            start = time.perf_counter()
            answer = client.get(paths[name])
            took = time.perf_counter() - start
            assert answer.status_code == 200, name
            door.send((took, max(longest)))


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
            # Somebody else's, with more by them and what sounds like it.
            song = session.scalars(select(Song.id).where(Song.published, Song.user_id != user.id).limit(1)).one()
            session.execute(text("UPDATE users SET role = 'admin' WHERE name = 'Person 1'"))
            token = open_login_session(session, user, "bench", "")
            session.commit()
        with TestClient(create_app(), base_url=settings().public_url) as client:
            client.cookies.set("login", token)
            client.headers.update({"x-user": str(user.id), "x-song": str(song)})
            yield client
        database.engine().dispose()


def _watch_queries() -> list[float]:
    """Return a list that the time of every query from now on is added to, in seconds."""
    longest: list[float] = []

    def begin(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        context.begun = time.perf_counter()

    def end(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        longest.append(time.perf_counter() - context.begun)

    event.listen(database.engine(), "before_cursor_execute", begin)
    event.listen(database.engine(), "after_cursor_execute", end)
    return longest


def _next(client: TestClient[Litestar]) -> str:
    page = client.get("/").text
    return page.split('class="more-songs"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
