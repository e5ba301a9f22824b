"""Whether a studio that works without a pause for a day is at its end what it was at its beginning: `make bench-endurance`.

A day's songs, the shortest that the studio takes, go through one worker as fast as it can, while somebody looks at pages and
listens. What is compared is the second quarter with the last: in the first one everything is still being loaded.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import psycopg

from appliance.box import postgres
from tests.box.studio import Studio
from tests.web.browser import Browser

# Four takes of the shortest length share one page of words: the least work for a song that the studio has.
SONG = {"mode": "described_lyrics", "prompt": "piano", "instrumental": "on", "duration": "10", "takes": "4"}
TAKES = 4
IN_LINE = 10  # requests that always wait, so that the worker never does
LOOKED_AT = ("/", "/create", "/?q=piano", "/songs/{song}", "/songs/{song}/audio", "/songs/{song}/cover")
ALLOWED = 1.10  # how much more memory the last quarter may take than the second
LOOSE = 3  # files, connections or temporary files more that are no growth: the sampling meets some in use
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What the studio holds at a moment, beside how many songs it has made: memory in bytes, the rest counted."""

    songs: int
    web_memory: int
    worker_memory: int
    web_files: int
    worker_files: int
    connections: int
    temporary_files: int


def main() -> int:
    """Run it, print the quarters and the verdict, and return 0 where nothing grows."""
    asked = argparse.ArgumentParser(prog="python -m tests.bench.endurance")
    asked.add_argument("songs", type=int, nargs="?", default=2000, help="how many songs (2000)")
    asked.add_argument("--minutes", type=float, default=24 * 60, help="stop after so many minutes, whatever is done")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="backline-endurance-") as name:
        home = Path(name)
        home.chmod(0o755)
        (home / "tmp").mkdir(mode=0o777)
        (home / "tmp").chmod(0o1777)
        studio = Studio(home / "data", TMPDIR=str(home / "tmp"), MAX_WAITING=str(IN_LINE + 1))
        began = time.monotonic()
        try:
            studio.start().until_ready()
            samples = _wear(studio, home / "tmp", given.songs, time.monotonic() + 60 * given.minutes)
        finally:
            studio.end()
    took = time.monotonic() - began
    print(f"\n{samples[-1].songs} songs of {given.songs} in {took / 60:.0f} min, {len(samples)} looks")
    return _judge(samples)


def _wear(studio: Studio, temporary: Path, songs: int, until: float) -> list[Sample]:
    """Have so many songs made, or as many as there are until then; return what was seen after every request."""
    samples: list[Sample] = []
    programs = studio.programs()
    with studio.browser() as browser, postgres.connect(studio.settings.database_url.get_secret_value()) as connection:
        studio.set_up(browser)
        asked = ready = 0
        while ready < songs and time.monotonic() < until:
            rows = connection.execute("SELECT status, count(*), min(id::text) FROM songs GROUP BY status").fetchall()
            counts = {status: count for status, count, _ in rows}
            assert not counts.get("failed"), "A song failed; the studio's log says why."
            some = next((song for status, _, song in rows if status == "processed"), "")
            while asked < songs and asked - counts.get("processed", 0) < TAKES * IN_LINE:
                browser.open("/create")
                assert browser.send("/create", SONG).status_code == 303
                asked += TAKES
            if counts.get("processed", 0) >= ready + TAKES:
                ready = counts["processed"]
                _look_around(browser, some)
                assert studio.programs() == programs, "A program was started anew."
                samples.append(_look(ready, programs, connection, temporary, studio.data))
                if len(samples) % 10 == 1:
                    _say(samples[-1])
            time.sleep(0.5)
    return samples


def _look_around(browser: Browser, song: str) -> None:
    """Look at a few pages, and hear a song to its end."""
    for page in LOOKED_AT:
        assert browser.get(page.format(song=song)).status_code == 200, page


def _look(songs: int, programs: dict[str, int], connection: psycopg.Connection, temporary: Path, data: Path) -> Sample:
    held = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'").fetchone()
    assert held
    left = [path for folder in (temporary, data / "tmp") for path in folder.rglob("*") if path.is_file()]
    web, worker = (_family(programs[name]) for name in ("web", "worker"))
    return Sample(
        songs,
        sum(each.memory_info().rss for each in web),
        sum(each.memory_info().rss for each in worker),
        sum(each.num_fds() for each in web),
        sum(each.num_fds() for each in worker),
        held[0],
        len(left),
    )


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _say(sample: Sample) -> None:
    said = asdict(sample) | {
        name: f"{getattr(sample, name) / MEBIBYTE:.0f} MiB" for name in ("web_memory", "worker_memory")
    }
    print("  ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items()), flush=True)


def _judge(samples: list[Sample]) -> int:
    """Print each quantity's median in every quarter, and whether it grew; return 1 where one did."""
    if len(samples) < 8:
        print("Too few songs for quarters.")
        return 1
    size = len(samples) / 4
    quarters = [samples[round(size * number) : round(size * (number + 1))] for number in range(4)]
    print(f"{'median of a quarter':<20}{'first':>10}{'second':>10}{'third':>10}{'last':>10}")
    grew = 0
    for name in Sample.__slots__[1:]:
        in_bytes = name.endswith("memory")
        medians = [statistics.median(getattr(each, name) for each in quarter) for quarter in quarters]
        limit = medians[1] * ALLOWED if in_bytes else medians[1] + LOOSE
        show: Callable[[float], str] = (lambda it: f"{it / MEBIBYTE:.0f} MiB") if in_bytes else (lambda it: f"{it:g}")
        verdict = "flat" if medians[3] <= limit else "GROWS"
        grew += verdict != "flat"
        print(f"{name.replace('_', ' '):<20}" + "".join(f"{show(each):>10}" for each in medians) + f"  {verdict}")
    return 1 if grew else 0


if __name__ == "__main__":
    raise SystemExit(main())
