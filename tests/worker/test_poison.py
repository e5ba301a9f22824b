"""A song that ends its worker every time is failed after three tries, and does not end the worker for ever."""

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy.orm import Session

from appliance.queue import GAVE_UP, MOST_TRIES
from appliance.storage import Storage
from tests.worker.making import ask_for_song, look

ROOT = Path(__file__).parents[2]
DIED = 9

# A worker that serves what waits and ends; its composer takes the whole process with it, as a broken driver does.
POISONED = f"""
import os
from appliance.settings import settings
from worker.engines import Engines, load_engines
from worker.studio import Studio

class Dies:
    name = "dies"
    def compose(self, sheet, take, on_progress):
        os._exit({DIED})

sketch = load_engines(settings())
studio = Studio(Engines(sketch.songwriter, Dies(), sketch.illustrator))
studio.open()
studio.answer()
"""


def test_a_song_that_kills_its_worker_fails_after_three_tries(
    session: Session, object_store: Storage, tmp_path: Path
) -> None:
    request = ask_for_song(session)
    environment = os.environ | {"DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ends = [
        subprocess.run(
            [sys.executable, "-c", POISONED], cwd=tmp_path, env=environment, timeout=120, check=False
        ).returncode
        for _ in range(MOST_TRIES + 1)
    ]
    assert ends == [DIED] * MOST_TRIES + [0]
    after = look(request.id)
    assert {(song.status, song.reason) for song in after.songs} == {("failed", GAVE_UP)}
    assert (after.lease_worker, after.tries) == (None, MOST_TRIES)
    assert object_store.list() == []
