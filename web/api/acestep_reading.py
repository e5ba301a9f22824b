"""What clients of ACE-Step 1.5's REST server send: JSON or forms, in snake_case or camelCase, under several names."""

import io
import json
import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from multipart import MultipartError, MultipartParser

from appliance.briefs import KEYS, Brief, read_brief
from appliance.errors import InvalidInput, StudioError
from web.forms import MOST_FIELDS

MOST_TAKES = 2  # what the studio's models make at once
FORMATS = ("mp3", "flac")
ALIASES = {
    "caption": "prompt", "keyscale": "key_scale", "key": "key_scale", "language": "vocal_language",
    "duration": "audio_duration", "target_duration": "audio_duration", "description": "sample_query",
    "desc": "sample_query", "timesignature": "time_signature", "format": "use_format",
}  # fmt: skip
FILES = {"src_audio", "ctx_audio", "reference_audio", "ref_audio"}
FLATS = {"Db": "C#", "D#": "Eb", "Gb": "F#", "G#": "Ab", "A#": "Bb"}
BEATS = {"3": "3/4", "4": "4/4", "6": "6/8", "3/4": "3/4", "4/4": "4/4", "6/8": "6/8"}
INSTRUMENTAL = re.compile(r"\s*(\[\s*(instrumental|inst)\s*\]\s*)?", re.IGNORECASE)


class BadTask(StudioError):
    """The task cannot be done here, or its fields cannot be read."""

    status = 400


class QueueFull(StudioError):
    """The caller has as many tasks waiting as the studio allows: clients wait and try again."""

    status = 429


class OtherBody(StudioError):
    """The body is of a kind that is not read here."""

    status = 415


async def read_fields(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the fields of a body under their usual names. Raises BadTask, OtherBody. Read once for a request."""
    kept: dict[str, Any] | None = request.scope["state"].get("acestep")
    if kept is None:
        kept = request.scope["state"]["acestep"] = _fields(request.content_type, await request.body())
    return kept


def _fields(content_type: tuple[str, dict[str, str]], body: bytes) -> dict[str, Any]:
    kind, _ = content_type
    try:
        if not body:
            found: dict[str, Any] = {}
        elif kind == "application/json":
            found = msgspec.json.decode(body, type=dict[str, Any])
        elif kind == "application/x-www-form-urlencoded":
            found = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        elif kind == "multipart/form-data":
            found = _multipart(content_type[1].get("boundary", ""), body)
        else:
            raise OtherBody("Send JSON or a form.")
    except (msgspec.DecodeError, UnicodeDecodeError, MultipartError, RecursionError, ValueError) as error:
        raise BadTask(f"This body cannot be read: {error}.") from None
    return {_usual(name): value for name, value in found.items()}


def _multipart(boundary: str, body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in MultipartParser(io.BytesIO(body), boundary, part_limit=MOST_FIELDS, strict=True):
        if part.filename:
            raise BadTask("This studio takes no audio files yet.")
        found[part.name] = part.value
    return found


def _usual(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name[:60]).lower()
    return ALIASES.get(snake, snake)


def read_task(fields: dict[str, Any]) -> tuple[Brief, list[float], int | None, str]:
    """Return what a task asks for: the brief, the guidance of each take, the steps where they are named, and the format.

    Raises BadTask with a sentence about what cannot be done here.
    """
    task = str(fields.get("task_type") or "text2music")
    if task != "text2music":
        raise BadTask(f"This studio does text2music, and no {task[:40]!r} yet.")
    if any(fields.get(name) for name in fields if name in FILES or name.endswith("_path")):
        raise BadTask("This studio takes no audio files and no paths.")
    takes = _number(fields, "batch_size", 1, MOST_TAKES, MOST_TAKES)
    audio_format = str(fields.get("audio_format") or "mp3").lower()
    if audio_format not in FORMATS:
        raise BadTask(f"audio_format is one of {', '.join(FORMATS)}.")
    guidance = _number(fields, "guidance_scale", 0, 30, 7.0)
    steps = int(_number(fields, "inference_steps", 1, 200, 0))
    try:
        brief = read_brief(_brief_fields(fields))
    except InvalidInput as error:
        raise BadTask(error.message) from None
    return brief, [guidance] * int(takes), steps or None, audio_format


def _brief_fields(fields: dict[str, Any]) -> dict[str, object]:
    wish, lyrics = str(fields.get("sample_query") or ""), str(fields.get("lyrics") or "")
    words = {"mode": "description", "full_description": wish} if wish else {"mode": "lyrics", "lyrics": lyrics}
    random = str(fields.get("use_random_seed", "true")).lower() not in ("false", "0", "no")
    return {
        **words,
        "prompt": fields.get("prompt"),
        "instrumental": fields.get("instrumental") or (not wish and bool(INSTRUMENTAL.fullmatch(lyrics))),
        **metas(fields),
        "seed": "-1" if random else str(fields.get("seed") or "-1").split(",")[0].strip(),
    }


def metas(fields: dict[str, Any]) -> dict[str, object]:
    """Return length, tempo, key, beat and language as a brief has them. Raises BadTask."""
    duration = _number(fields, "audio_duration", -1, 600, 0)
    beat = str(fields.get("time_signature") or "").strip()
    language = str(fields.get("vocal_language") or "").strip().lower()
    if beat and beat not in BEATS:
        raise BadTask("time_signature is one of 3, 4 and 6.")
    return {
        "duration": duration if duration > 0 else None,
        "bpm": fields.get("bpm") or None,
        "key": _key(str(fields.get("key_scale") or "").strip()),
        "time_signature": BEATS.get(beat),
        "language": None if language in ("", "unknown", "auto") else language,
    }


def _key(said: str) -> str | None:
    """Return a key as the studio names it: `Db Major` is `C# major`."""
    if not said:
        return None
    tonic, _, mode = said.partition(" ")
    tonic = tonic[:1].upper() + tonic[1:]
    key = f"{FLATS.get(tonic, tonic)} {mode.strip().lower() or 'major'}"
    if key not in KEYS:
        raise BadTask("key_scale is a tonic and major or minor, such as F# minor.")
    return key


def _number(fields: dict[str, Any], name: str, least: float, most: float, otherwise: float) -> float:
    raw = fields.get(name)
    if raw is None or raw == "":
        return otherwise
    try:
        value = float(raw) if isinstance(raw, str | int | float) else least - 1
    except (ValueError, OverflowError):
        value = least - 1
    if not least <= value <= most:
        raise BadTask(f"{name} is a number from {least:g} to {most:g}.")
    return value


def read_list(raw: object) -> list[str]:
    """Return the ids of tasks, sent as a list or as the text of one. Raises BadTask."""
    try:
        found = json.loads(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) > 100 or not all(isinstance(each, str) for each in found):
        raise BadTask("task_id_list is a list of up to 100 ids.")
    return found
