"""How many people a studio serves: `make bench-load`. Virtual ones look, listen and ask for songs with real HTTP, and are timed.

Client, web app, worker, store and Postgres share this machine's cores, which is what a small studio's box looks like. First
Discover and the bare handler (tests/bench/floor.py) are asked in turns by a few people who never pause: that is what each can do.
Then people arrive at half of Discover's rate, whether or not the ones before are served, while the worker composes.
"""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from sqlalchemy.orm import Session

from appliance.box.layout import PROJECT, as_variables
from appliance.box.waiting import wait_until
from appliance.database import build_engine
from tests.bench.crowd import gather_crowd
from tests.box.studio import Studio, free_port
from tests.web.browser import Browser

PEOPLE, SONGS = 10_000, 100_000
AT_ONCE = 4  # people who never pause
TURNS, TURN = 5, 4.0  # how often each is asked in turns, and for how many seconds
ARRIVING = 60.0  # seconds
LEAST, MOST = 0.60, 5.0  # of the bare handler's rate; times the median that the slowest hundredth may take
PIECE = 512 * 1024  # bytes of a song that a player asks for at once
SONG = {"mode": "described_lyrics", "prompt": "piano", "instrumental": "on", "duration": "30", "takes": "2"}
# What people do, and how often.
DEEDS = {
    "Discover": ("/", 8),
    "more of it": ("/?sort=new&more=true", 2),
    "a search": ("/?q=bossa", 3),
    "a song's page": ("/songs/{song}", 3),
    "my songs": ("/create", 2),
    "a piece of a song": ("/songs/{song}/audio", 4),
}


@dataclass
class Timed:
    """What became of the requests for one thing: seconds of each good answer, what the others were, and bytes in all."""

    seconds: list[float] = field(default_factory=list)
    bad: Counter[str] = field(default_factory=Counter)
    size: int = 0


def main() -> int:
    """Measure, print, and return 0 where the studio does what is asked of it."""
    with tempfile.TemporaryDirectory(prefix="backline-load-") as name:
        home = Path(name)
        home.chmod(0o755)
        studio = Studio(home / "data")
        try:
            studio.start().until_ready(120)
            with studio.browser() as browser:
                studio.set_up(browser)
                song = _a_song(browser)
                print(f"Filling it with {SONGS:,} songs of {PEOPLE:,} people ...", flush=True)
                engine = build_engine(studio.settings.database_url.get_secret_value())
                with Session(engine) as session:
                    gather_crowd(session, PEOPLE, SONGS)
                engine.dispose()
                with _floor(studio) as floor:
                    return asyncio.run(_measure(studio, browser, floor, song))
        finally:
            studio.end()


def _a_song(browser: Browser) -> str:
    """Have a song made, and return its id."""
    browser.open("/create")
    assert browser.send("/create", SONG).status_code == 303
    found: list[str] = []

    def is_there() -> bool:
        for part in browser.open("/create").text.split('href="/songs/')[1:]:
            song = part[:36]
            if browser.get(f"/songs/{song}/audio").status_code == 200:
                found.append(song)
        return bool(found)

    assert wait_until(is_there, 120, every=1)
    return found[0]


@contextmanager
def _floor(studio: Studio) -> Iterator[str]:
    """Run the bare handler on the studio's database, and yield its address."""
    port = free_port()
    full = studio.settings
    url = full.web_database_url if full.web_database_url.get_secret_value() else full.database_url
    known = as_variables(full.model_copy(update={"database_url": url}))
    command = [sys.executable, "-m", "uvicorn", "tests.bench.floor:create_app", "--factory", "--no-access-log"]
    with subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning"], cwd=PROJECT, env=os.environ | known
    ) as program:
        try:
            address = f"http://127.0.0.1:{port}/"
            assert wait_until(lambda: _answers(address), 60)
            yield address
        finally:
            program.terminate()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False


async def _measure(studio: Studio, browser: Browser, floor: str, song: str) -> int:
    address = f"http://127.0.0.1:{studio.port}"
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(cookies=browser.cookies, timeout=60, limits=limits) as client:
        both: dict[str, list[float]] = {floor: [], f"{address}/": []}
        for place in both:
            await _never_pausing(client, place, 2)  # so that everything is loaded
        for _ in range(TURNS):
            for place, rates in both.items():
                rates.append(await _never_pausing(client, place, TURN))
        bare, page = (statistics.median(rates) for rates in both.values())
        print(f"\n{AT_ONCE} people who never pause, {TURNS} turns of {TURN:.0f} s each, at {SONGS:,} songs")
        print(f"  bare handler, the same rows as JSON {bare:8.1f} requests/s")
        print(f"  Discover, signed in                 {page:8.1f} requests/s  {page / bare:.0%}", _least(page / bare))
        heard = await _hear(client, f"{address}/songs/{song}/audio")
        print(f"  a piece of a song, through the web app {heard:5.1f} requests/s, {heard * PIECE / 1e6:.0f} MB/s")

        rate = page / 2
        print(f"\nPeople arriving at {rate:.1f} requests/s for {ARRIVING:.0f} s, while the worker composes", flush=True)
        asked = _ask_for_songs(browser)
        done = await _arrive(client, address, song, rate)
    good = _print(done)
    programs = studio.programs()
    for name in ("web", "worker"):
        process = psutil.Process(programs[name])
        size = sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])
        print(f"  memory of {name:<8}{size / (1 << 20):8.0f} MiB")
    print(f"  songs asked for meanwhile: {asked}")
    return 0 if good and page / bare >= LEAST else 1


def _least(share: float) -> str:
    return f"(at least {LEAST:.0%} is wanted)" if share >= LEAST else f"(LESS THAN {LEAST:.0%})"


async def _never_pausing(client: httpx.AsyncClient, place: str, seconds: float) -> float:
    """Return how many answers a second AT_ONCE people get from one place."""
    until, answers = time.perf_counter() + seconds, 0

    async def one() -> None:
        nonlocal answers
        while time.perf_counter() < until:
            answer = await client.get(place)
            assert answer.status_code == 200, place
            answers += 1

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return answers / (time.perf_counter() - began)


async def _hear(client: httpx.AsyncClient, place: str) -> float:
    """Return how many pieces of a song a second AT_ONCE listeners get."""
    until, pieces = time.perf_counter() + TURN, 0

    async def one() -> None:
        nonlocal pieces
        while time.perf_counter() < until:
            answer = await client.get(place, headers={"Range": f"bytes=0-{PIECE - 1}"})
            assert answer.status_code == 206
            pieces += 1

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return pieces / (time.perf_counter() - began)


def _ask_for_songs(browser: Browser) -> int:
    """Ask for more songs than can be made in the time, and return how many."""
    for _ in range(6):
        browser.open("/create")
        assert browser.send("/create", SONG | {"duration": "180"}).status_code == 303
    return 6 * int(SONG["takes"])


async def _arrive(client: httpx.AsyncClient, address: str, song: str, rate: float) -> dict[str, Timed]:
    """Let people arrive at random moments, `rate` a second, and return what became of what each did."""
    done = {name: Timed() for name in DEEDS}
    chance = random.Random(7)
    names, often = list(DEEDS), [count for _, count in DEEDS.values()]

    async def one(name: str) -> None:
        place = address + DEEDS[name][0].format(song=song)
        headers = {"Range": f"bytes=0-{PIECE - 1}"} if "piece" in name else {}
        began = time.perf_counter()
        try:
            answer = await client.get(place, headers=headers)
        except httpx.TransportError as failure:
            done[name].bad[type(failure).__name__] += 1
            return
        if answer.status_code not in (200, 206):
            done[name].bad[str(answer.status_code)] += 1
            return
        done[name].seconds.append(time.perf_counter() - began)
        done[name].size += len(answer.content)

    tasks, began, moment = [], time.perf_counter(), 0.0
    while moment < ARRIVING:
        await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
        tasks.append(asyncio.create_task(one(chance.choices(names, often)[0])))
        moment += chance.expovariate(rate)
    await asyncio.gather(*tasks)
    return done


def _print(done: dict[str, Timed]) -> bool:
    """Print the table, and return whether Discover's slowest are within reason and nothing failed."""
    print(f"  {'':<20}{'requests':>9}{'p50':>10}{'p95':>10}{'p99':>10}{'errors':>8}{'a piece':>10}")
    good = True
    for name, timed in done.items():
        cuts = statistics.quantiles(timed.seconds, n=100)
        bad = timed.bad.total()
        share = bad / (bad + len(timed.seconds))
        times = "".join(f"{cuts[place - 1] * 1000:>7.0f} ms" for place in (50, 95, 99))
        size = timed.size / max(1, len(timed.seconds)) / 1000
        kinds = ", ".join(f"{count} × {kind}" for kind, count in timed.bad.items())
        print(f"  {name:<20}{bad + len(timed.seconds):>9}{times}{share:>8.1%}{size:>7.0f} kB  {kinds}")
        good = good and not bad
        if name == "Discover":
            ratio = cuts[98] / cuts[49]
            verdict = f"at most {MOST:g} is wanted" if ratio <= MOST else f"MORE THAN {MOST:g}"
            print(f"  {'':<20}  p99 is {ratio:.1f} times p50: {verdict}")
            good = good and ratio <= MOST
    return good


if __name__ == "__main__":
    raise SystemExit(main())
