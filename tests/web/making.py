"""Songs for the tests of the pages, carried through the queue as a worker would, in less time."""

import io

import numpy as np
import soundfile
from PIL import Image
from sqlalchemy.orm import Session

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
from appliance.songs import get_request
from appliance.storage import Storage
from appliance.tables import SongRequest, User
from tests.appliance.people import ask

WORDS = "[Verse]\nThe kettle is quiet\nThe lamp burns low\n\n[Chorus]\nLeave a light for the late ones"
SECTIONS = [
    {"name": "Verse 1", "kind": "verse", "start": 0.0, "duration": 18.0, "energy": 0.6},
    {"name": "Chorus 1", "kind": "chorus", "start": 18.0, "duration": 12.0, "energy": 1.0},
]


def _a_second(**kind: object) -> bytes:
    """Return a second of an octave of A in stereo, encoded."""
    moments = np.arange(48_000) / 48_000
    samples = 0.2 * np.stack([np.sin(2 * np.pi * 440 * moments), np.sin(2 * np.pi * 220 * moments)], axis=1)
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 48_000, 2, **kind) as encoder:
        encoder.write(samples)
    return file.getvalue()


def _a_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (240, 170, 60)).save(file, "WEBP")
    return file.getvalue()


SOUND = _a_second(format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.45)
MASTER = _a_second(format="FLAC", subtype="PCM_24")
PICTURE = _a_picture()
SHEET = {
    "title": "Salt on the Window", "prompt": "indie folk, harmonium", "lyrics": WORDS, "bpm": 84.0, "key": "D major",
    "language": "en", "instrumental": False,
}  # fmt: skip


def begin(session: Session, user: User, **fields: object) -> SongRequest:
    """Ask for a song and have a worker claim it; the words are written and the first take is begun."""
    ask(session, user, **fields)
    session.commit()
    request = claim_request(session, "tests")
    assert request is not None
    lease, first = lease_of(request), request.songs[0].id
    keep_sheet(session, lease, SHEET | {"title": fields.get("title") or SHEET["title"]})
    start_song(session, lease, first)
    session.commit()
    return get_request(session, request.id, user)


def make(session: Session, store: Storage, user: User, fail: str = "", **fields: object) -> SongRequest:
    """Return a request that is done: both takes ready, or the second one failed for the reason in `fail`."""
    request = begin(session, user, **fields)
    lease = lease_of(request)
    for song in list(request.songs):
        start_song(session, lease, song.id)
        if fail and song.take == 2:
            fail_song(session, lease, song.id, fail)
            continue
        store.write(f"songs/{song.id}/audio.mp3", SOUND, "audio/mpeg")
        store.write(f"songs/{song.id}/master.flac", MASTER, "audio/flac")
        store.write(f"songs/{song.id}/cover.webp", PICTURE, "image/webp")
        made = MadeSong(
            master_key=f"songs/{song.id}/master.flac",
            audio_key=f"songs/{song.id}/audio.mp3",
            cover_key=f"songs/{song.id}/cover.webp",
            thumbnail_key=f"songs/{song.id}/cover.webp",
            peaks=bytes(n % 256 for n in range(800)),
            loudness=-14.1,
            duration=30.0,
            bpm=84.0,
            key="D major",
            sections=SECTIONS,
            model="sketch",
            categories=("Folk",),
        )
        finish_song(session, lease, song.id, made)
    release_request(session, lease)
    session.commit()
    session.expire_all()
    return get_request(session, request.id, user)
