"""A song that takes too long is failed with a reason, and what it held is free for the next one, even where the engine hangs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.box.waiting import wait_until
from appliance.queue import LeaseLost
from appliance.settings import settings
from appliance.storage import Storage
from tests.worker.making import ask_for_song, look, make, making
from worker.engines import Engines
from worker.watch import TOOK_TOO_LONG

ROOT = Path(__file__).parents[2]
A_SECOND = 1 / 60  # as SONG_MINUTES

# A worker whose composer never comes back from its first step, as a card that has fallen off the bus.
HANGS = """
import os, threading, time
from appliance.settings import settings
from worker import watch
from worker.engines import Engines, load_engines
from worker.studio import Studio

class Hangs:
    name = "hangs"
    def compose(self, sheet, take, on_progress):
        os.environ["SONG_MINUTES"] = "60"  # for whatever begins from now on
        settings.cache_clear()
        threading.Event().wait()

watch._LETS_GO = 0.2
sketch = load_engines(settings())
studio = Studio(Engines(sketch.songwriter, Hangs(), sketch.illustrator, at_once=2))
studio.open()

def serve():
    while True:
        studio.answer()
        time.sleep(0.1)

threading.Thread(target=serve).start()
serve()
"""


def test_a_song_that_takes_too_long_fails_with_a_reason_and_the_engine_goes_on(
    session: Session, object_store: Storage, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONG_MINUTES", str(A_SECOND))
    settings.cache_clear()
    ask_for_song(session, duration=300)
    with making(engines) as (request, raised):
        assert wait_until(lambda: look(request.id).songs[0].status == "failed", seconds=60)
    assert [type(error) for error in raised] == [LeaseLost]
    after = look(request.id)
    reason = TOOK_TOO_LONG.format(minutes=A_SECOND)
    assert {(song.status, song.stage, song.reason) for song in after.songs} == {("failed", None, reason)}
    assert after.lease_worker is None
    assert object_store.list() == []

    monkeypatch.delenv("SONG_MINUTES")
    settings.cache_clear()
    ask_for_song(session, takes=1)
    assert make(engines).songs[0].status == "processed"


def test_a_worker_whose_engine_hangs_ends_and_gives_back_what_else_it_was_at(
    session: Session, object_store: Storage, tmp_path: Path
) -> None:
    late = ask_for_song(session)
    environment = os.environ | {"DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), "SONG_MINUTES": "0.2"}
    with subprocess.Popen([sys.executable, "-c", HANGS], cwd=tmp_path, env=environment) as worker:
        assert wait_until(lambda: look(late.id).songs[0].stage == "composing", seconds=120)
        other = ask_for_song(session)
        assert wait_until(lambda: look(other.id).songs[0].stage == "composing", seconds=60)
        assert worker.wait(timeout=60) == -signal.SIGKILL  # the guard starts anew what was shot
    assert {song.status for song in look(late.id).songs} == {"failed"}
    after = look(other.id)
    assert (after.attempt, after.tries, after.lease_worker) == (1, 0, None)
    assert {song.status for song in after.songs} == {"queued"}
