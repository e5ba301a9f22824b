"""The endpoints of the music generator that this studio grew out of, to the letter, so that its front end can point here.

Its `Modal-Key` and `Modal-Secret` are the halves of an API key. One call makes one take and is answered when that is ready.
`s3_key` and `cover_image_s3_key` name objects in the studio's own bucket, as its front end asks the store for them itself: the
only place where object keys leave the studio, and only for the caller's own new song.
"""

import base64
import io
from typing import Annotated, Any, TypeVar

import msgspec
import soundfile
from litestar import Request, Router, post
from litestar.concurrency import sync_to_thread
from litestar.params import RawBody
from msgspec import Meta, Struct

from appliance.briefs import LARGEST_SEED, Brief, read_brief
from appliance.errors import InvalidInput
from appliance.storage import storage
from appliance.tables import ApiKey, Song, User
from web.api.keys import require_key
from web.api.reading import NotJson
from web.api.waiting import make_one_song

SeedRequest = Request[User, ApiKey, Any]
Wanted = TypeVar("Wanted", bound="AudioGeneration")
LARGEST_BODY = 64 * 1024  # bytes


class AudioGeneration(Struct):
    """What all bodies have, with the defaults of the original. Duration in seconds; seed -1 is a new one."""

    audio_duration: Annotated[float, Meta(ge=10, le=600)] = 180.0
    seed: Annotated[int, Meta(ge=-1, le=LARGEST_SEED)] = -1
    guidance_scale: Annotated[float, Meta(ge=0, le=30)] = 15.0
    infer_step: Annotated[int, Meta(ge=1, le=200)] = 60
    instrumental: bool = False


class FromDescription(AudioGeneration, kw_only=True):
    """A song from a description of all of it."""

    full_described_song: str


class WithLyrics(AudioGeneration, kw_only=True):
    """A song with the caller's own words."""

    prompt: str
    lyrics: str


class WithDescribedLyrics(AudioGeneration, kw_only=True):
    """A song whose words are described."""

    prompt: str
    described_lyrics: str


class MadeSong(Struct):
    """Where the song and its cover lie, and what it was filed under."""

    s3_key: str
    cover_image_s3_key: str
    categories: list[str]


class MadeAudio(Struct):
    """The song itself: a WAV file in Base64."""

    audio_data: str


# What the demonstration sings; words of our own.
DEMO = {
    "prompt": "electronic rap",
    "lyrics": "[verse]\nLate bus, last seat, city in the glass\nBasement full of voltage and a kick drum pass\n\n"
    "[chorus]\nTurn it up, turn it over, let the low end run\nWe are wires in the dark till the night is done",
}


@post("/generate_from_description", status_code=200)
async def generate_from_description(request: SeedRequest, body: RawBody) -> MadeSong:
    """Make a song from a description."""
    wanted = _read(request, body, FromDescription)
    return await _make(request, wanted, mode="description", full_description=wanted.full_described_song)


@post("/generate_with_lyrics", status_code=200)
async def generate_with_lyrics(request: SeedRequest, body: RawBody) -> MadeSong:
    """Make a song with these words; without any it is instrumental."""
    wanted = _read(request, body, WithLyrics)
    wanted.instrumental = wanted.instrumental or not wanted.lyrics.strip()
    return await _make(request, wanted, mode="lyrics", prompt=wanted.prompt, lyrics=wanted.lyrics)


@post("/generate_with_described_lyrics", status_code=200)
async def generate_with_described_lyrics(request: SeedRequest, body: RawBody) -> MadeSong:
    """Make a song with words about this."""
    wanted = _read(request, body, WithDescribedLyrics)
    about = wanted.described_lyrics
    return await _make(request, wanted, mode="described_lyrics", prompt=wanted.prompt, described_lyrics=about)


@post("/generate", status_code=200)
async def generate(request: SeedRequest) -> MadeAudio:
    """Make the demonstration song and return it whole."""
    song = await _made(request, AudioGeneration(), mode="lyrics", **DEMO)
    return MadeAudio(await sync_to_thread(_wav_of, song))


def _read(request: SeedRequest, body: bytes, kind: type[Wanted]) -> Wanted:
    if request.content_type[0] != "application/json":
        raise NotJson("Send JSON, with Content-Type: application/json.")
    try:
        return msgspec.json.decode(body, type=kind, strict=False)  # numbers may come as text, as pydantic takes them
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"This body cannot be used: {error}.") from None


async def _make(request: SeedRequest, wanted: AudioGeneration, **fields: str) -> MadeSong:
    song = await _made(request, wanted, **fields)
    return MadeSong(song.audio_key, song.cover_key, [category.name for category in song.categories])


async def _made(request: SeedRequest, wanted: AudioGeneration, **fields: str) -> Song:
    brief: Brief = read_brief(
        {**fields, "duration": wanted.audio_duration, "seed": wanted.seed, "instrumental": wanted.instrumental}
    )
    newsroom = request.app.state.newsroom
    return await make_one_song(newsroom, request.user, brief, wanted.guidance_scale, wanted.infer_step)


def _wav_of(song: Song) -> str:
    samples, sample_rate = soundfile.read(io.BytesIO(b"".join(storage().read(song.master_key))), dtype="int16")
    wav = io.BytesIO()
    soundfile.write(wav, samples, sample_rate, format="WAV", subtype="PCM_16")
    return base64.b64encode(wav.getvalue()).decode()


SEED = Router(
    "/",
    route_handlers=[generate, generate_from_description, generate_with_described_lyrics, generate_with_lyrics],
    guards=[require_key],
    opt={
        "by_key": True,
        "signed_by_sender": True,
        "failures_as_detail": True,
        "scope": "generate",
        "waits_for_songs": True,
    },
    request_max_body_size=LARGEST_BODY,
)
