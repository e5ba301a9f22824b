"""The files of a song as people save them: what stands in their tags, and Opus made of the master."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any

import soundfile
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TBPM, TCON, TIT2, TKEY, TPE1, TSSE, TXXX, USLT
from mutagen.oggopus import OggOpus
from PIL import Image

from appliance.errors import Conflict, said

ENCODER = "Backline"
_FRONT_COVER = 3  # the kind of picture, in ID3 and FLAC alike
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz; RFC 7845 knows no others


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says of its song; what is empty or None is left out. `cover` is a JPEG, `bpm` beats a minute."""

    title: str
    artist: str = ""
    genres: tuple[str, ...] = field(default_factory=tuple)
    bpm: float | None = None
    key: str = ""
    lyrics: str = ""
    seed: int | None = None
    cover: bytes = b""

    def vorbis(self) -> dict[str, list[str]]:
        """Return the tags as Vorbis comments, which FLAC and Opus share."""
        told: dict[str, Iterable[str]] = {
            "title": [self.title],
            "artist": [self.artist],
            "genre": self.genres,
            "bpm": [f"{self.bpm:.0f}"] if self.bpm else [],
            "key": [self.key],
            "lyrics": [self.lyrics],
            "seed": [] if self.seed is None else [str(self.seed)],
            "encoder": [ENCODER],
        }
        return {name: kept for name, values in told.items() if (kept := [value for value in values if value])}


def tag_flac(file: IO[bytes], tags: Tags) -> None:
    """Replace the tags of the FLAC in `file`, which can be read, written and sought in."""
    file.seek(0)
    flac: Any = FLAC(file)
    if flac.tags is None:
        flac.add_tags()
    flac.tags.clear()
    flac.clear_pictures()
    flac.tags.update(tags.vorbis())
    if tags.cover:
        flac.add_picture(_picture(tags.cover))
    file.seek(0)
    flac.save(file)
    file.seek(0)


def tag_opus(file: IO[bytes], tags: Tags) -> None:
    """Replace the tags of the Ogg Opus in `file`; the cover travels as a FLAC picture in base64, as players expect."""
    file.seek(0)
    opus: Any = OggOpus(file)
    opus.tags.clear()
    opus.tags.update(tags.vorbis())
    if tags.cover:
        opus.tags["metadata_block_picture"] = [base64.b64encode(_picture(tags.cover).write()).decode()]
    file.seek(0)
    opus.save(file)
    file.seek(0)


def tag_mp3(file: IO[bytes], tags: Tags) -> None:
    """Replace the tags of the MP3 in `file`."""
    file.seek(0)
    id3 = ID3()
    id3.add(TIT2(text=tags.title))
    if tags.artist:
        id3.add(TPE1(text=tags.artist))
    id3.add(TCON(text=list(tags.genres)))
    if tags.bpm:
        id3.add(TBPM(text=f"{tags.bpm:.0f}"))
    if tags.key:
        id3.add(TKEY(text=tags.key.replace(" major", "").replace(" minor", "m")))
    if tags.lyrics:
        # The field wants ISO 639-2, our tags are BCP 47, and no player looks at it.
        id3.add(USLT(lang="und", desc="", text=tags.lyrics))
    if tags.seed is not None:
        id3.add(TXXX(desc="seed", text=str(tags.seed)))
    if tags.cover:
        id3.add(APIC(mime="image/jpeg", type=_FRONT_COVER, desc="Cover", data=tags.cover))
    id3.add(TSSE(text=ENCODER))
    id3.save(file)
    file.seek(0)


def encode_opus(flac: IO[bytes], opus: IO[bytes]) -> None:
    """Write the sound of a FLAC as Ogg Opus, a second at a time: the encoder does not bear a whole song at once.

    Raises Conflict where the FLAC has a sample rate that Opus does not know.
    """
    flac.seek(0)
    with soundfile.SoundFile(flac) as sound:
        if sound.samplerate not in _OPUS_RATES:
            raise Conflict(said("Opus knows no sound of %(rate)s Hz. Take the FLAC instead.", rate=sound.samplerate))
        with soundfile.SoundFile(opus, "w", sound.samplerate, sound.channels, format="OGG", subtype="OPUS") as encoder:
            while len(block := sound.read(sound.samplerate, dtype="float32", always_2d=True)):
                encoder.write(block)
    opus.seek(0)


def as_jpeg(picture: bytes) -> bytes:
    """Return a picture as JPEG, which every player shows."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


def _picture(jpeg: bytes) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.desc, picture.data = _FRONT_COVER, "image/jpeg", "Cover", jpeg
    with Image.open(io.BytesIO(jpeg)) as image:
        picture.width, picture.height, picture.depth = *image.size, 24
    return picture
