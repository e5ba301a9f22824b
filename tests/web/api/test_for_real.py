"""A call of the seed, from its headers to a file that can be heard, made by the worker's own recipe."""

import io
import threading

import httpx
import soundfile
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.database import transaction
from appliance.queue import something_waits
from appliance.settings import load_settings
from appliance.storage import Storage
from appliance.tables import Song
from tests.web.api.conftest import KeyMaker
from tests.web.api.serving import served
from tests.worker.making import SECONDS, make
from worker.engines import load_engines


def test_the_worker_makes_what_a_program_asks_for(key: KeyMaker, session: Session, object_store: Storage) -> None:
    engines = load_engines(load_settings({}, None))
    body = {
        "prompt": "bossa nova, nylon guitar",
        "lyrics": "[verse]\nLamplight on the water",
        "audio_duration": SECONDS,
    }
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            with transaction() as waiting:
                waits = something_waits(waiting)
            if waits:
                make(engines)

    worker = threading.Thread(target=work, name="worker")
    worker.start()
    try:
        with served() as address:
            answer = httpx.post(f"{address}/generate_with_lyrics", json=body, headers=key(), timeout=120)
    finally:
        over.set()
        worker.join()
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["categories"]
    samples, rate = soundfile.read(io.BytesIO(b"".join(object_store.read(told["s3_key"]))))
    assert abs(len(samples) / rate - SECONDS) < 2
    assert abs(samples).max() > 0.1
    assert b"".join(object_store.read(told["cover_image_s3_key"]))[8:12] == b"WEBP"
    song = session.scalars(select(Song)).one()
    assert (song.status, song.take) == ("processed", 1)
    assert "Lamplight on the water" in song.lyrics
