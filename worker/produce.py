"""The recipe: carries a claimed request from its brief to songs that can be played."""

import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast
from uuid import UUID

from PIL.Image import Image

from appliance.categories import CATEGORIES
from appliance.errors import StudioError, Unavailable, said
from appliance.log import about
from appliance.queue import (
    MOST_TRIES,
    OUT_OF_MEMORY,
    LeaseLost,
    MadeSong,
    SongCancelled,
    fail_song,
    finish_song,
    keep_sheet,
    release_request,
    start_song,
)
from appliance.storage import storage
from appliance.tables import Song, SongRequest
from appliance.tables.songs import OPEN
from models.failures import EngineStopped, ModelFailure
from models.roles import Brief, Mode, OnProgress, Recording, SongSheet, Take, Voice
from worker.encoding import AUDIO_TYPE, MASTER_TYPE, PICTURE_TYPE, cover_files, encode_flac, encode_mp3, waveform
from worker.engines import Engines
from worker.leftovers import delete_leftovers, folder_of
from worker.mastering import master
from worker.sheets import tidied
from worker.watch import Watch

log = logging.getLogger(__name__)

REASONS = {
    "writing": said("The words could not be written. The studio's log says why."),
    "composing": said("The music could not be composed. The studio's log says why."),
    "mastering": said("The recording could not be mastered. The studio's log says why."),
    "painting": said("The song could not be finished. The studio's log says why."),
    "storing": said("The finished song could not be stored. The studio's log says why."),
}

LONGEST_LOG = 10_000  # characters; the end says most
SHORTEST_WORDS = 4  # characters of a line that are left out of logs: shorter ones tell nothing, and stand in every log


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a take was not made, and where, as Python tells it; `hopeless` when another try would end in the same way.

    The error itself is not kept: it would keep the recording, which is in a frame of its traceback.
    """

    reason: str
    hopeless: bool
    told: str


Troubles = dict[UUID, Trouble]


def produce(request: SongRequest, engines: Engines, watch: Watch) -> None:
    """Make the songs of a claimed request (its songs loaded) that are still open, and end the lease.

    The songwriter works once for all takes. While one take is mastered, encoded, painted and stored, the next is composed;
    where the engines make takes together, all of them are composed, and their covers painted, at once.
    A take that fails goes back in line; it fails for good after three tries, or at once where another try is hopeless.
    Raises LeaseLost when another attempt has taken over, and then leaves nothing behind.
    """
    songs = [song for song in request.songs if song.status in OPEN]
    sheet = _kept_sheet(request)
    troubles: Troubles = {}
    with ThreadPoolExecutor(max(1, 2 * len(songs)) if engines.together else 1, thread_name_prefix="finish") as beside:
        finishing = []
        for song in songs:
            with _noting(troubles, song.id, watch):
                watch.insist(partial(delete_leftovers, song.id))
                if not watch.call(start_song, song.id):
                    continue
                sheet = sheet or write(request, song, engines, watch)
                if engines.together:
                    picture = beside.submit(engines.illustrator.paint, sheet, song.seed)
                    finishing.append(beside.submit(_make_noting, troubles, song, sheet, picture, engines, watch))
                    continue
                recording = compose(song, sheet, engines, watch)
                finishing.append(beside.submit(_finish_noting, troubles, song, sheet, recording, engines, watch))
                del recording  # a hundred megabytes that are better gone while the next take is composed
    for done in finishing:
        done.result()
    for song_id, trouble in troubles.items():
        if trouble.hopeless or request.tries >= MOST_TRIES:
            with suppress(SongCancelled):
                watch.call(fail_song, song_id, trouble.reason, _without_words(trouble.told, request, sheet))
    watch.call(release_request)


def write(request: SongRequest, song: Song, engines: Engines, watch: Watch) -> SongSheet:
    """Return the words and everything else that the takes share, kept in the request for further attempts."""
    watch.report(song.id, "writing", 0.0)
    sheet = tidied(engines.songwriter.write(brief_of(request), CATEGORIES, partial(watch.show_words, song.id)))
    watch.call(keep_sheet, asdict(sheet))
    return sheet


def compose(song: Song, sheet: SongSheet, engines: Engines, watch: Watch) -> Recording:
    """Return the recording of one take."""
    watch.report(song.id, "composing", 0.0)
    take = Take(song.seed, song.guidance_scale, song.steps)
    return engines.composer.compose(sheet, take, partial(watch.report, song.id, "composing"))


def finish(
    song: Song,
    sheet: SongSheet,
    recording: Recording,
    engines: Engines,
    watch: Watch,
    picture: Future[Image] | None = None,
) -> None:
    """Master, encode, paint and store one take, and make it ready. Whatever stops this, no object is left behind.

    `picture` is the cover where it is being painted already.
    """

    def report(start: float, stop: float) -> OnProgress:
        return lambda share: watch.report(song.id, "mastering", start + (stop - start) * share)

    mastered = master(recording.samples, recording.sample_rate, report(0.0, 0.4))
    flac = encode_flac(mastered, sheet, report(0.4, 0.5))
    mp3 = encode_mp3(mastered, sheet, report(0.5, 1.0))

    watch.report(song.id, "painting", 0.0)
    cover, thumbnail = _cover(song, sheet, engines, picture)

    watch.report(song.id, "storing", 0.0)
    folder = f"{folder_of(song.id)}{watch.lease.attempt}/"
    made = MadeSong(
        master_key=f"{folder}master.flac",
        audio_key=f"{folder}audio.mp3",
        cover_key=f"{folder}cover.webp" if cover else "",
        thumbnail_key=f"{folder}thumbnail.webp" if thumbnail else "",
        peaks=waveform(mastered.samples),
        loudness=mastered.loudness,
        duration=mastered.duration,
        bpm=recording.bpm,
        key=recording.key,
        sections=[asdict(section) for section in recording.sections],
        model=engines.composer.name,
        categories=sheet.categories,
        steps=recording.steps,
        guidance_scale=recording.guidance_scale,
    )
    try:
        for number, (key, data, content_type) in enumerate(
            (
                (made.audio_key, mp3, AUDIO_TYPE),
                (made.master_key, flac, MASTER_TYPE),
                (made.cover_key, cover, PICTURE_TYPE),
                (made.thumbnail_key, thumbnail, PICTURE_TYPE),
            )
        ):
            if key:
                watch.insist(partial(storage().write, key, data, content_type))
            watch.report(song.id, "storing", (number + 1) / 4)
        watch.call(finish_song, song.id, made)
    except BaseException:
        with suppress(Exception):  # the hourly sweep deletes what cannot be deleted now
            delete_leftovers(song.id, watch.lease.attempt)
        raise


def brief_of(request: SongRequest) -> Brief:
    """Return what somebody asked for as the songwriter takes it."""
    return Brief(
        mode=cast(Mode, request.mode),
        description=request.full_description,
        prompt=request.prompt,
        lyrics=request.lyrics,
        described_lyrics=request.described_lyrics,
        title=request.title,
        instrumental=request.instrumental,
        duration=request.duration,
        seed=request.seed,
        bpm=request.bpm,
        key=request.key,
        time_signature=request.time_signature,
        language=request.language,
        voice=cast(Voice, request.voice),
    )


def _without_words(told: str, request: SongRequest, sheet: SongSheet | None) -> str:
    """Return the end of a log for admins. They are to mend what failed and not to read somebody's words: those are left out."""
    written = [request.full_description, request.prompt, request.lyrics, request.described_lyrics]
    if sheet:
        written += [sheet.prompt, sheet.lyrics]
    lines = {line.strip() for text in written for line in text.splitlines() if len(line.strip()) >= SHORTEST_WORDS}
    for line in sorted(lines, key=len, reverse=True):
        # Python gives an apostrophe a stroke where the whole text has both kinds of quotes.
        quoted = repr(line)[1:-1]
        for form in (line, quoted, quoted.replace("'", "\\'")):
            told = told.replace(form, "…")
    return told[-LONGEST_LOG:]


def _kept_sheet(request: SongRequest) -> SongSheet | None:
    if request.sheet is None:
        return None
    return SongSheet(**request.sheet | {"categories": tuple(request.sheet["categories"])})


def _cover(song: Song, sheet: SongSheet, engines: Engines, picture: Future[Image] | None) -> tuple[bytes, bytes]:
    """Return the cover and its thumbnail; empty where painting fails, since a song can be heard without."""
    try:
        return cover_files(picture.result() if picture else engines.illustrator.paint(sheet, song.seed))
    except Exception:
        log.exception("Song %s gets no cover.", song.id)
        return b"", b""


def _finish_noting(
    troubles: Troubles, song: Song, sheet: SongSheet, recording: Recording, engines: Engines, watch: Watch
) -> None:
    with _noting(troubles, song.id, watch):
        finish(song, sheet, recording, engines, watch)


def _make_noting(
    troubles: Troubles, song: Song, sheet: SongSheet, picture: Future[Image], engines: Engines, watch: Watch
) -> None:
    with _noting(troubles, song.id, watch):
        finish(song, sheet, compose(song, sheet, engines, watch), engines, watch, picture)


@contextmanager
def _noting(troubles: Troubles, song_id: UUID, watch: Watch) -> Iterator[None]:
    """Note what goes wrong with one take, so that the others go on. A cancel is no trouble, and a lost lease ends it all."""
    try:
        with about(song_request=watch.lease.request_id, song=song_id):  # in whichever thread this is
            yield
    except LeaseLost:
        raise
    except SongCancelled:
        log.info("Song %s was cancelled.", song_id)
    except Exception as error:
        stage, told = watch.stage(song_id), traceback.format_exc()
        log.exception("Song %s failed while %s.", song_id, stage)
        if isinstance(error, MemoryError):
            troubles[song_id] = Trouble(OUT_OF_MEMORY, False, told)
        elif isinstance(error, StudioError):
            troubles[song_id] = Trouble(error.message, not isinstance(error, Unavailable), told)
        elif isinstance(error, ModelFailure):
            troubles[song_id] = Trouble(str(error), not isinstance(error, EngineStopped), told)
        else:
            troubles[song_id] = Trouble(REASONS[stage], False, told)
