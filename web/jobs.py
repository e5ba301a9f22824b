"""Requests as the Studio shows them: one job each, with its state in a sentence, how far it is and what can be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance import credits
from appliance.tables import Song, SongRequest
from appliance.tables.songs import OPEN
from appliance.turns import is_paused, places_in_line
from web.house import about, pace

ORDINALS = ("", "Next", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")
_WORDS, _MUSIC, _COVER = ("on", "", ""), ("done", "on", ""), ("done", "done", "on")


@dataclass(frozen=True, slots=True)
class Job:
    """A request. `state`: queued, words, music, cover, ready, failed, partly (some takes ready, some not), cancelled, held.

    `song` is the take that the job speaks of: the one in the making, or the first. `progress` is 0 to 1, None where nothing
    moves. `steps` are the states of words, music and cover. `open` tells whether anything is still in the making,
    `starts_itself` whether a held request starts by itself after a top-up.
    """

    id: UUID
    state: str
    title: str
    sentence: str
    song: Song
    songs: list[Song]
    progress: float | None
    steps: tuple[str, str, str] | None
    open: bool
    created_at: datetime
    starts_itself: bool

    @property
    def ready(self) -> list[Song]:
        """The takes that can be played."""
        return [song for song in self.songs if song.status == "processed"]

    @property
    def lost(self) -> list[Song]:
        """The takes that can be tried again."""
        return [song for song in self.songs if song.status in ("failed", "cancelled")]

    @property
    def new(self) -> bool:
        """Whether a take is ready that its owner has not played yet."""
        return any(song.heard_at is None for song in self.ready)

    @property
    def last_lines(self) -> list[str]:
        """The last two sung lines of words that are being written."""
        sung = [line.strip() for line in self.song.lyrics.splitlines() if line.strip() and not line.startswith("[")]
        return sung[-2:] if self.state == "words" and not self.song.instrumental else []


def job_of(session: Session, request: SongRequest) -> Job:
    """Return how `request` stands; its songs must be loaded."""
    return jobs_of(session, [request])[0]


def jobs_of(session: Session, requests: Sequence[SongRequest]) -> list[Job]:
    """Return how these requests stand, as `job_of` does for one."""
    waiting = [request for request in requests if _is_waiting(request)]
    places = places_in_line(session, waiting)
    paused = bool(waiting) and is_paused(session)
    return [_job(session, request, places.get(request.id, 0), paused) for request in requests]


def _is_waiting(request: SongRequest) -> bool:
    return not request.lease_worker and any(song.status in OPEN for song in request.songs)


def _job(session: Session, request: SongRequest, place: int, paused: bool) -> Job:
    songs = list(request.songs)
    waiting = [song for song in songs if song.status in OPEN]
    song = next((each for each in waiting if each.status == "processing"), waiting[0] if waiting else songs[0])
    state, sentence, progress, steps = (
        ("queued", _in_line(session, request, place, paused), None, ("done" if request.sheet else "", "", ""))
        if _is_waiting(request)
        else _standing(session, request, songs, song, bool(waiting))
    )
    return Job(
        request.id,
        state,
        _title(request, songs),
        sentence,
        song,
        songs,
        progress,
        steps,
        bool(waiting),
        request.created_at,
        request.start_when_paid,
    )


def _title(request: SongRequest, songs: list[Song]) -> str:
    title = next((song.title for song in songs if song.title), request.title)
    if title:
        return title
    said = request.full_description or request.prompt or request.described_lyrics
    return said if len(said) <= 48 else said[:47].rsplit(" ", 1)[0] + "…"


def _standing(
    session: Session, request: SongRequest, songs: list[Song], song: Song, is_open: bool
) -> tuple[str, str, float | None, tuple[str, str, str] | None]:
    if not is_open:
        return _ended(songs), _ending(session, songs), None, None
    which = f" of take {song.take}" if len(songs) > 1 and request.sheet else ""
    listen = " You can listen already." if any(each.status == "processed" for each in songs) else ""
    if song.status == "queued" or song.stage in (None, "writing"):
        if request.sheet:
            return "music", f"Getting ready for the music{which}.{listen}", 0.0, _MUSIC
        return "words", "Writing the words" if not request.instrumental else "Deciding on the sound", None, _WORDS
    if song.stage == "composing":
        left = _time_left(song)
        sentence = f"Making the music{which} · {round(song.progress * 100)}%" + (f" · {left}" if left else "")
        return "music", sentence, song.progress, _MUSIC
    if song.stage == "mastering":
        return "music", f"Mastering{which}", 1.0, _MUSIC
    return (
        "cover",
        f"Painting the cover{which}.{listen}" if song.stage == "painting" else f"Putting it on the shelf{which}",
        1.0,
        _COVER,
    )


def _in_line(session: Session, request: SongRequest, place: int, paused: bool) -> str:
    if not place:
        return "In line"
    said = ORDINALS[place] if place < len(ORDINALS) else f"Number {place}"
    if paused:
        return f"{said} in line · the queue is paused"
    # Nobody's requests are looked into: those before this one are taken to be as long as it.
    each = pace(session)
    return f"{said} in line" + (
        f" · starts in {about(each * request.duration * len(request.songs) * (place - 0.5))}" if each else ""
    )


def _time_left(song: Song) -> str:
    if not song.started_at or not 0.05 < song.progress < 1:
        return ""
    gone = (datetime.now(UTC) - song.started_at).total_seconds()
    return f"{about(gone * (1 - song.progress) / song.progress)} left"


def _ended(songs: list[Song]) -> str:
    states = {song.status for song in songs}
    if states == {"processed"}:
        return "ready"
    if "processed" in states:
        return "partly"
    return "held" if "no_credits" in states else "failed" if "failed" in states else "cancelled"


def _ending(session: Session, songs: list[Song]) -> str:
    ready = [song for song in songs if song.status == "processed"]
    failed = [song for song in songs if song.status == "failed"]
    held = [song for song in songs if song.status == "no_credits"]
    paid = any(song.price for song in failed)
    back = " Your credits are back." if paid else ""
    if ready and len(ready) == len(songs):
        return ready[0].prompt
    if ready:
        lost = (failed or [song for song in songs if song.status != "processed"])[0]
        ended = f"stopped: {lost.reason}{back}" if failed else "waits for credits." if held else "was cancelled."
        return f"{_takes(ready)} ready. Take {lost.take} {ended}"
    if failed:
        return f"Stopped. {failed[0].reason}{back}"
    if held:
        needs = sum(song.price or credits.price_of_take() for song in held)
        has = credits.account_of(session, held[0].user_id).available
        return f"Not started. This needs {needs} {'credit' if needs == 1 else 'credits'} and you have {max(0, has)}."
    return "Cancelled."


def _takes(songs: list[Song]) -> str:
    numbers = [str(song.take) for song in songs]
    if len(numbers) == 1:
        return f"Take {numbers[0]} is"
    return f"Takes {', '.join(numbers[:-1])} and {numbers[-1]} are"
