"""The files of a song: the FLAC that is kept, the MP3 that is played, the waveform, the cover and its thumbnail.

Why MP3 and not Opus: docs/decisions/0006-flac-kept-mp3-played.md.
"""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from appliance.soundfiles import Tags, tag_flac, tag_mp3
from models.roles import OnProgress, SongSheet
from worker.mastering import Master

MASTER_TYPE, AUDIO_TYPE, PICTURE_TYPE = "audio/flac", "audio/mpeg", "image/webp"

PEAKS = 800  # values of the waveform over the length of any song
COVER_SIDE, THUMBNAIL_SIDE = (
    1024,
    384,
)  # pixels; cards show the thumbnail at up to 176, and screens may be twice as dense
# libsndfile names MP3's constant bit rates by a share of the way from 320 to 32 kbit/s; this is 192.
_MP3_LEVEL = 0.45


def encode_flac(master: Master, sheet: SongSheet, on_progress: OnProgress) -> bytes:
    """Return the lossless master, 24 bit, with tags. `on_progress` is called for each second of sound."""
    file = _encode(master, {"format": "FLAC", "subtype": "PCM_24"}, on_progress)
    tag_flac(file, _tags(sheet))
    return file.getvalue()


def encode_mp3(master: Master, sheet: SongSheet, on_progress: OnProgress) -> bytes:
    """Return the file that is played, 192 kbit/s, with tags. `on_progress` is called for each second of sound."""
    kind = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": _MP3_LEVEL}
    file = _encode(master, kind, on_progress)
    tag_mp3(file, _tags(sheet))
    return file.getvalue()


def _tags(sheet: SongSheet) -> Tags:
    """Return what the stored files say; who made the song and how it looks joins when somebody saves it."""
    return Tags(title=sheet.title, genres=sheet.categories, bpm=sheet.bpm, key=sheet.key, lyrics=sheet.lyrics)


def _encode(master: Master, kind: dict[str, object], on_progress: OnProgress) -> io.BytesIO:
    """Encode in blocks of a second: the encoders of libsndfile do not all bear a whole song at once."""
    channels, length = master.samples.shape
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", master.sample_rate, channels, **kind) as encoder:
        for start in range(0, length, master.sample_rate):
            on_progress(start / length)
            encoder.write(np.ascontiguousarray(master.samples[:, start : start + master.sample_rate].T))
    file.seek(0)
    return file


def waveform(samples: NDArray[np.float32]) -> bytes:
    """Return the waveform of `[channels, samples]`: 800 loudest values over its length, a byte each, 255 being full scale."""
    loudest = np.abs(samples).max(axis=0)
    edges = np.linspace(0, len(loudest), PEAKS, endpoint=False).astype(np.int64)
    values = np.maximum.reduceat(loudest, edges)
    return np.clip(np.round(values * 255), 0, 255).astype(np.uint8).tobytes()


def cover_files(picture: Image) -> tuple[bytes, bytes]:
    """Return a cover and its thumbnail as WebP, from a square RGB picture."""
    return _webp(picture, COVER_SIDE, 88), _webp(picture, THUMBNAIL_SIDE, 82)


def _webp(picture: Image, side: int, quality: int) -> bytes:
    if picture.size != (side, side):
        picture = picture.resize((side, side), Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()
