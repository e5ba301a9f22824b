"""A worker whose bell somebody else has heard: two machines share one, and a busy one hears it as well as an idle one."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from appliance.box.waiting import wait_until
from appliance.settings import settings
from appliance.storage import Storage
from tests.worker.making import ask_for_song, look
from worker import studio as studios
from worker.engines import Engines
from worker.studio import Studio


def test_an_idle_worker_serves_what_waits_though_no_bell_reaches_it(
    session: Session, object_store: Storage, engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(studios, "_SWEEP", 0.1)
    settings.cache_clear()
    request = ask_for_song(session, takes=1)
    studio = Studio(engines)  # nobody here takes anything from Huey
    try:
        studio.open()
        assert wait_until(lambda: look(request.id).songs[0].status == "processed", 120)
    finally:
        studio.close()
        studio._lock.close()  # which is otherwise the end of the process's to do
