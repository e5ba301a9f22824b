"""What must be true when a fault is over: no song lost, no object without a row and no row without its objects, the ledger exact."""

import json
import subprocess
import sys
from dataclasses import dataclass

from sqlalchemy.orm import Session

from appliance.box import postgres
from appliance.box.layout import PROJECT, environment
from appliance.credits import broken_invariants
from appliance.database import build_engine
from appliance.settings import Settings
from appliance.storage import Storage

# The sweep that the worker makes every hour: what a worker left that was killed while it stored is deleted by it.
SWEEP = "from worker.leftovers import sweep_leftovers; print(sweep_leftovers())"
NAMED = """
SELECT unnest(ARRAY[master_key, audio_key, cover_key, thumbnail_key]) FROM songs WHERE status = 'processed'
"""


@dataclass(frozen=True, slots=True)
class Count:
    """Songs by how they ended, and everything that is not as it must be, in words."""

    ready: int
    failed: int
    wrong: tuple[str, ...]


def open_songs(wanted: Settings) -> int:
    """Return how many songs wait or are being made."""
    with postgres.connect(wanted.database_url.get_secret_value()) as connection:
        found = connection.execute("SELECT count(*) FROM songs WHERE status IN ('queued', 'processing')").fetchone()
    return int(found[0]) if found else 0


def count_all(wanted: Settings, accepted: int) -> Count:
    """Count the songs of a studio in which nothing is being made; so many were accepted, which is to say answered with 303."""
    swept = subprocess.run(
        [sys.executable, "-c", SWEEP],
        cwd=PROJECT,
        env=environment(wanted),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert swept.returncode == 0, swept.stderr
    url = wanted.database_url.get_secret_value()
    with postgres.connect(url) as connection:
        rows = connection.execute("SELECT status, count(*) FROM songs GROUP BY status").fetchall()
        named = {key for (key,) in connection.execute(NAMED).fetchall() if key}
        silent = connection.execute("SELECT count(*) FROM songs WHERE status = 'failed' AND reason = ''").fetchone()
    counts: dict[str, int] = dict(rows)
    stored = set(Storage(wanted).list("songs/"))
    engine = build_engine(url)
    with Session(engine) as session:
        broken = broken_invariants(session)
    engine.dispose()
    ready, failed = counts.get("processed", 0), counts.get("failed", 0)
    wrong = []
    if sum(counts.values()) < accepted:
        wrong.append(f"{accepted - sum(counts.values())} songs LOST")
    if sum(counts.values()) != ready + failed:
        wrong.append(f"songs neither ready nor failed: {json.dumps(counts)}")
    if silent and silent[0]:
        wrong.append(f"{silent[0]} failed without a reason")
    if stored != named:
        wrong.append(f"{len(stored - named)} objects without a row, {len(named - stored)} rows without their object")
    if broken:
        wrong.append(f"ledger: {', '.join(broken)}")
    return Count(ready, failed, tuple(wrong))
