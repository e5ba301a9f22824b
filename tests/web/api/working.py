"""A worker for the tests of the API: takes whatever is in line through the real queue, and hands over a second of sound."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import soundfile

from appliance.database import transaction
from appliance.queue import (
    MadeSong,
    claim_request,
    fail_song,
    finish_song,
    keep_sheet,
    lease_of,
    release_request,
    start_song,
)
from appliance.storage import storage
from tests.web.making import SHEET, SOUND


def _flac() -> bytes:
    file = io.BytesIO()
    tone = np.sin(np.arange(8000) / 10).astype("float32")
    soundfile.write(file, np.stack([tone, -tone], 1), 8000, format="FLAC")
    return file.getvalue()


FLAC = _flac()


def make_next(fail: str = "") -> bool:
    """Make the next request in line, or have it fail for this reason; return False when none waits."""
    with transaction() as session:
        request = claim_request(session, "tests")
        if request is None:
            return False
        lease, songs = lease_of(request), list(request.songs)
    with transaction() as session:
        keep_sheet(session, lease, SHEET | {"instrumental": request.instrumental})
    for song in songs:
        with transaction() as session:
            if not start_song(session, lease, song.id):
                continue
            if fail:
                fail_song(session, lease, song.id, fail)
                continue
            folder = f"songs/{song.id}"
            storage().write(f"{folder}/audio.mp3", SOUND, "audio/mpeg")
            storage().write(f"{folder}/master.flac", FLAC, "audio/flac")
            storage().write(f"{folder}/cover.webp", b"a picture", "image/webp")
            made = MadeSong(
                master_key=f"{folder}/master.flac",
                audio_key=f"{folder}/audio.mp3",
                cover_key=f"{folder}/cover.webp",
                thumbnail_key=f"{folder}/cover.webp",
                peaks=bytes(800),
                loudness=-14.0,
                duration=song.duration,
                bpm=84.0,
                key="D major",
                sections=[],
                model="sketch",
                categories=("Folk", "Acoustic"),
                steps=song.steps,
                guidance_scale=song.guidance_scale,
            )
            finish_song(session, lease, song.id, made)
    with transaction() as session:
        release_request(session, lease)
    return True


@contextmanager
def working(fail: str = "") -> Iterator[None]:
    """Keep making whatever is asked for, until the end of the block."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            while make_next(fail):
                pass

    thread = threading.Thread(target=work, name="working")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
