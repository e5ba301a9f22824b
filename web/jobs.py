"""Requests as the Studio shows them: one job each, with its state in a sentence, how far it is and what can be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance import credits
from appliance.briefs import SHORTEST
from appliance.languages import gettext as _
from appliance.languages import ngettext, translated
from appliance.queue import GAVE_UP, OUT_OF_MEMORY
from appliance.tables import Song, SongRequest
from appliance.tables.songs import OPEN
from appliance.turns import is_paused, places_in_line
from web.house import about, pace

_WORDS, _MUSIC, _COVER = ("on", "", ""), ("done", "on", ""), ("done", "done", "on")


@dataclass(frozen=True, slots=True)
class Job:
    """A request. `state`: queued, words, music, cover, ready, failed, partly (some takes ready, some not), cancelled, held.

    `song` is the take that the job speaks of: the one in the making, or the first. `progress` is 0 to 1, None where nothing
    moves. `steps` are the states of words, music and cover. `open` tells whether anything is still in the making,
    `starts_itself` whether a held request starts by itself after a top-up, `affordable` how many of its takes there are
    credits for.
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
    affordable: int = 0

    @property
    def ready(self) -> list[Song]:
        """The takes that can be played."""
        return [song for song in self.songs if song.status == "processed"]

    @property
    def lost(self) -> list[Song]:
        """The takes that can be tried again."""
        return [song for song in self.songs if song.status in ("failed", "cancelled")]

    @property
    def failed(self) -> list[Song]:
        """The takes that could not be made."""
        return [song for song in self.songs if song.status == "failed"]

    @property
    def shorter(self) -> int:
        """The length in seconds at which another try may do what this one could not; 0 where length is not to blame."""
        if not any(song.reason in (OUT_OF_MEMORY, GAVE_UP) for song in self.lost):
            return 0
        return max(int(SHORTEST), int(self.lost[0].duration * 0.7) // 5 * 5)

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
        _affordable(session, request) if state == "held" else 0,
    )


def _affordable(session: Session, request: SongRequest) -> int:
    left = credits.account_of(session, request.user_id).available
    return max(0, left) // max(1, credits.price_of_take())


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
    # Which take is meant is said once there are words, and only where there are several.
    take = song.take if len(songs) > 1 and request.sheet else 0
    if song.status == "queued" or song.stage in (None, "writing"):
        if not request.sheet:
            return "words", _("Deciding on the sound") if request.instrumental else _("Writing the words"), None, _WORDS
        said = _("Getting ready for the music of take %(take)s.") if take else _("Getting ready for the music.")
        return "music", said % {"take": take} + _listen(songs), 0.0, _MUSIC
    if song.stage == "composing":
        said = _("Making the music of take %(take)s") if take else _("Making the music")
        told = (said % {"take": take}, f"{round(song.progress * 100)}%", _time_left(song))
        return "music", " · ".join(filter(None, told)), song.progress, _MUSIC
    if song.stage == "mastering":
        said = _("Mastering take %(take)s") if take else _("Mastering")
        return "music", said % {"take": take}, 1.0, _MUSIC
    if song.stage == "painting":
        said = _("Painting the cover of take %(take)s.") if take else _("Painting the cover.")
        return "cover", said % {"take": take} + _listen(songs), 1.0, _COVER
    said = _("Putting take %(take)s on the shelf") if take else _("Putting it on the shelf")
    return "cover", said % {"take": take}, 1.0, _COVER


def _listen(songs: list[Song]) -> str:
    return " " + _("You can listen already.") if any(song.status == "processed" for song in songs) else ""


def _in_line(session: Session, request: SongRequest, place: int, paused: bool) -> str:
    ordinals = (
        _("In line"), _("Next in line"), _("Second in line"), _("Third in line"), _("Fourth in line"),
        _("Fifth in line"), _("Sixth in line"), _("Seventh in line"), _("Eighth in line"), _("Ninth in line"),
        _("Tenth in line"),
    )  # fmt: skip
    said = ordinals[place] if place < len(ordinals) else _("Number %(place)s in line") % {"place": place}
    if not place:
        return said
    if paused:
        return f"{said} · {_('the queue is paused')}"
    # Nobody's requests are looked into: those before this one are taken to be as long as it.
    each = pace(session)
    if not each:
        return said
    wait = about(each * request.duration * len(request.songs) * (place - 0.5))
    return f"{said} · {_('starts in %(time)s') % {'time': wait}}"


def _time_left(song: Song) -> str:
    if not song.started_at or not 0.05 < song.progress < 1:
        return ""
    gone = (datetime.now(UTC) - song.started_at).total_seconds()
    return _("%(time)s left") % {"time": about(gone * (1 - song.progress) / song.progress)}


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
    back = " " + _("Your credits are back.") if any(song.price for song in failed) else ""
    if ready and len(ready) == len(songs):
        return ready[0].prompt
    if ready:
        lost = (failed or [song for song in songs if song.status != "processed"])[0]
        if failed:
            ended = (
                _("Take %(take)s stopped: %(reason)s") % {"take": lost.take, "reason": translated(lost.reason)} + back
            )
        else:
            ended = _("Take %(take)s waits for credits.") if held else _("Take %(take)s was cancelled.")
            ended = ended % {"take": lost.take}
        return f"{_takes_ready(ready)} {ended}"
    if failed:
        return _("Stopped. %(reason)s") % {"reason": translated(failed[0].reason)} + back
    if held:
        needs = sum(song.price or credits.price_of_take() for song in held)
        has = max(0, credits.account_of(session, held[0].user_id).available)
        said = ngettext(
            "This needs %(num)s credit and you have %(has)s.", "This needs %(num)s credits and you have %(has)s.", needs
        )
        return _("Not started.") + " " + said % {"num": needs, "has": has}
    return _("Cancelled.")


def _takes_ready(songs: list[Song]) -> str:
    numbers = [str(song.take) for song in songs]
    if len(numbers) == 1:
        return _("Take %(take)s is ready.") % {"take": numbers[0]}
    return _("Takes %(takes)s and %(last)s are ready.") % {"takes": ", ".join(numbers[:-1]), "last": numbers[-1]}
