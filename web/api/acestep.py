"""The core of ACE-Step 1.5's REST server, so that its clients can use this box: with a key of one's own, and no paths."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Router, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from litestar.response import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.api_keys import read_key
from appliance.briefs import MAX_LYRICS, MAX_PROMPT, Brief, read_brief
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.settings import settings
from appliance.songs import get_request, get_song, request_songs
from appliance.tables import ApiKey, Song, SongRequest, User, WorkerSeen
from appliance.tables.songs import OPEN
from appliance.taskqueue import ring
from appliance.turns import place_in_line
from web.api.acestep_reading import BadTask, QueueFull, metas, read_fields, read_list, read_task
from web.api.keys import let_in, provide_caller, require_key
from web.database import after_commit
from web.media import MediaAnswer, deliver, ready

AceRequest = Request[User, ApiKey, Any]
RUNNING, DONE, FAILED = 0, 1, 2
LARGEST_BODY = 64 * 1024  # bytes
ALIVE = timedelta(minutes=2)  # a worker that was not heard of for longer is not counted on
_TASK = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\.flac)?")
_AUDIO = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(mp3|flac)")


def _wrapped(data: Any) -> dict[str, Any]:
    """Return an answer in the envelope that clients look into."""
    return {"data": data, "code": 200, "error": None, "timestamp": int(time.time() * 1000), "extra": None}


async def require_key_or_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: the key may also come as the field `ai_token`, where there is none in the headers."""
    headers = connection.headers
    if isinstance(connection, Request) and not any(
        name in headers for name in ("authorization", "modal-key", "modal-secret")
    ):
        token = (await read_fields(connection)).get("ai_token")
        if isinstance(token, str) and token:
            await let_in(connection, handler, *read_key(token))
            return
    await require_key(connection, handler)


async def provide_fields(request: AceRequest) -> dict[str, Any]:
    """Return the fields of the body."""
    return await read_fields(request)


@post("/release_task", status_code=200, scope="generate", sync_to_thread=True)
def release_task(
    session: NamedDependency[Session], viewer: NamedDependency[User], fields: NamedDependency[dict[str, Any]]
) -> dict[str, Any]:
    """Put a task in line. Its id ends in `.flac` where that is the format that was asked for."""
    brief, guidance_scales, steps, audio_format = read_task(fields)
    try:
        made = request_songs(session, viewer, brief, guidance_scales, steps)
    except Conflict as full:
        raise QueueFull(full.message) from None
    if made.songs[0].status == "no_credits":
        raise BadTask("There are not enough credits for this.")
    after_commit(session, ring)
    task_id = f"{made.id}{'.flac' if audio_format == 'flac' else ''}"
    session.flush()
    return _wrapped({"task_id": task_id, "status": "queued", "queue_position": place_in_line(session, made)})


@post("/query_result", status_code=200, scope="songs:read", sync_to_thread=True)
def query_result(
    session: NamedDependency[Session], viewer: NamedDependency[User], fields: NamedDependency[dict[str, Any]]
) -> dict[str, Any]:
    """Say how far tasks are, and where their songs are. A task that is not the caller's has failed, as far as they know."""
    return _wrapped([_result(session, viewer, task_id) for task_id in read_list(fields.get("task_id_list", []))])


def _result(session: Session, viewer: User, task_id: str) -> dict[str, Any]:
    found = _TASK.fullmatch(task_id)
    try:
        request = get_request(session, UUID(found[1]), viewer) if found else None
    except NotFound:
        request = None
    if request is None or found is None:
        return {"task_id": task_id[:60], "status": FAILED, "result": "[]", "progress_text": "There is no such task."}
    statuses = {song.status for song in request.songs}
    status = RUNNING if statuses & set(OPEN) else DONE if "processed" in statuses else FAILED
    ending = "flac" if found[2] else "mp3"
    items = [_item(song, request, ending) for song in request.songs]
    text = next((f"{song.stage} {song.progress:.0%}" for song in request.songs if song.stage), "")
    reason = next((song.reason for song in request.songs if song.reason), "")
    return {
        "task_id": task_id,
        "status": status,
        "result": json.dumps(items),
        "progress_text": reason if status == FAILED else text,
    }


def _item(song: Song, request: SongRequest, ending: str) -> dict[str, Any]:
    done = song.status == "processed"
    return {
        "file": f"/v1/audio?path={song.id}.{ending}" if done else "",
        "wave": "",
        "status": RUNNING if song.status in OPEN else DONE if done else FAILED,
        "create_time": int(song.created_at.timestamp()),
        "env": "production",
        "prompt": song.prompt,
        "lyrics": song.lyrics,
        "metas": {
            "bpm": song.bpm,
            "duration": song.duration,
            "genres": ", ".join(category.name for category in song.categories),
            "keyscale": song.key or "",
            "timesignature": (request.time_signature or "").partition("/")[0],
        },
        "generation_info": "",
        "seed_value": str(song.seed),
        "lm_model": settings().songwriter,
        "dit_model": song.model,
        "progress": 1.0 if done else song.progress,
        "stage": song.stage or song.status,
        "error": song.reason or None,
    }


@get("/v1/audio", scope="songs:read", sync_to_thread=True)
def audio(request: AceRequest, session: NamedDependency[Session], viewer: NamedDependency[User]) -> MediaAnswer:
    """Return a song by the name that `query_result` gave it: an id and an ending, which is no path on any disk."""
    found = _AUDIO.fullmatch(request.query_params.get("path", ""))
    if found is None:
        raise NotFound
    song = ready(get_song(session, UUID(found[1]), viewer))
    if found[2] == "mp3":
        return deliver(request, song.audio_key)
    if song.user_id != viewer.id:
        raise NotFound
    return deliver(request, song.master_key)


@post("/format_input", status_code=200, sync_to_thread=True)
def format_input(fields: NamedDependency[dict[str, Any]]) -> dict[str, Any]:
    """Return a prompt and words as the studio will read them: cleaned, and with the values of `param_obj` checked.

    Nothing is made up here; what is left open is filled in by the songwriter when the song is made.
    """
    params = fields.get("param_obj") or {}
    try:
        params = json.loads(params) if isinstance(params, str) else params
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict):
        raise BadTask("param_obj is an object, or the text of one.")
    known = metas({"audio_duration": params.get("duration"), **_renamed(params)})
    brief = _checked({"mode": "lyrics", "prompt": fields.get("prompt"), "lyrics": fields.get("lyrics"), **known})
    return _wrapped(
        {
            "caption": brief.prompt,
            "lyrics": brief.lyrics,
            "bpm": brief.bpm,
            "key_scale": brief.key or "",
            "time_signature": (brief.time_signature or "").partition("/")[0],
            "duration": brief.duration,
            "vocal_language": brief.language or "unknown",
        }
    )


def _renamed(params: dict[str, Any]) -> dict[str, Any]:
    names = {"bpm": "bpm", "key": "key_scale", "key_scale": "key_scale", "time_signature": "time_signature"}
    names |= {"language": "vocal_language", "vocal_language": "vocal_language"}
    return {names[name]: value for name, value in params.items() if name in names}


def _checked(fields: dict[str, Any]) -> Brief:
    if not fields.get("lyrics"):
        fields["instrumental"] = True
    try:
        return read_brief(fields)
    except InvalidInput as error:
        raise BadTask(
            f"{error.message} (A prompt has up to {MAX_PROMPT} characters, words up to {MAX_LYRICS}.)"
        ) from None


@get("/v1/models", sync_to_thread=True)
def models(session: NamedDependency[Session]) -> dict[str, Any]:
    """Say which models make the songs; loaded are those that a worker has at hand now."""
    recent = select(WorkerSeen).where(WorkerSeen.last_seen > datetime.now(UTC) - ALIVE)
    worker = session.scalars(recent.order_by(WorkerSeen.last_seen.desc()).limit(1)).first()
    about = worker.about if worker else {}
    composer, songwriter = (str(about.get(role) or getattr(settings(), role)) for role in ("composer", "songwriter"))
    loaded = worker is not None
    model = {"name": composer, "is_default": True, "is_loaded": loaded, "supported_task_types": ["text2music"]}
    return _wrapped(
        {
            "models": [model],
            "default_model": composer,
            "lm_models": [{"name": songwriter, "is_loaded": loaded}],
            "loaded_lm_model": songwriter if loaded else None,
            "llm_initialized": loaded,
        }
    )


@get("/v1/stats", sync_to_thread=True)
def stats(session: NamedDependency[Session], viewer: NamedDependency[User]) -> dict[str, Any]:
    """Count the caller's own tasks, take by take; other people's are theirs to know."""
    counted = select(Song.status, func.count()).where(Song.user_id == viewer.id).group_by(Song.status)
    counts = dict(session.execute(counted).all())
    took = func.avg(func.extract("epoch", Song.finished_at - Song.started_at))
    average = session.scalar(select(took).where(Song.user_id == viewer.id, Song.status == "processed"))
    jobs = {
        "total": sum(counts.values()),
        "queued": counts.get("queued", 0),
        "running": counts.get("processing", 0),
        "succeeded": counts.get("processed", 0),
        "failed": counts.get("failed", 0),
    }
    return _wrapped(
        {
            "jobs": jobs,
            "queue_size": counts.get("queued", 0),
            "queue_maxsize": settings().max_waiting,
            "avg_job_seconds": round(float(average or 0.0), 1),
        }
    )


@get("/health", sync_to_thread=False)
def health() -> Response[dict[str, Any]]:
    """Say that the server is there, to anybody."""
    told = _wrapped({"status": "ok", "service": "ACE-Step API", "version": "1.5"})
    return Response(told, headers={"cache-control": "no-store"})


ACE_STEP = Router(
    "/",
    route_handlers=[release_task, query_result, audio, format_input, models, stats],
    dependencies={
        "viewer": Provide(provide_caller, sync_to_thread=False),
        "fields": Provide(provide_fields),
    },
    guards=[require_key_or_token],
    opt={"by_key": True, "signed_by_sender": True, "failures_as_detail": True},
    request_max_body_size=LARGEST_BODY,
)
