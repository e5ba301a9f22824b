"""Songs that somebody says should not be here, and what an admin does about them."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from appliance.audit import record, require_admin
from appliance.errors import InvalidInput, NotFound, said
from appliance.songs import announce, get_song
from appliance.tables import Song, SongReport, SongRequest, User

LONGEST_REASON = 300


def report_song(session: Session, song_id: UUID, viewer: User, reason: str) -> None:
    """Tell the admins about a published song; saying it twice is saying it once. Raises NotFound, InvalidInput."""
    song = get_song(session, song_id, viewer)
    if not song.published:
        raise NotFound
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise InvalidInput.about(
            reason=said("Say in up to %(most)s characters what is wrong with it.", most=LONGEST_REASON)
        )
    told = insert(SongReport).values(song_id=song.id, user_id=viewer.id, reason=reason)
    session.execute(told.on_conflict_do_nothing())


def open_reports(session: Session, viewer: User, limit: int = 100) -> list[SongReport]:
    """Return what nobody has looked at yet, the oldest first, with songs, their owners and who said it. Raises NotAllowed."""
    require_admin(viewer)
    wanted = select(SongReport).where(SongReport.settled_at.is_(None)).order_by(SongReport.created_at).limit(limit)
    owner = joinedload(SongReport.song).joinedload(Song.request).joinedload(SongRequest.user)
    return list(session.scalars(wanted.options(owner, joinedload(SongReport.user))))


def settle_report(session: Session, admin: User, report_id: UUID, take_down: bool, address: str = "") -> None:
    """Close every open report of the same song; with `take_down` nobody but its owner sees the song any more.

    Raises NotAllowed, NotFound.
    """
    require_admin(admin)
    report = session.get(SongReport, report_id, options=[joinedload(SongReport.song)])
    if report is None or report.settled_at:
        raise NotFound
    song = report.song
    everybody = update(SongReport).where(SongReport.song_id == song.id, SongReport.settled_at.is_(None))
    session.execute(everybody.values(settled_at=datetime.now(UTC)))
    if take_down and song.published:
        song.published, song.published_at = False, None
        announce(session, song.user_id, song.request_id)
    action = said("take song down") if take_down else said("leave song up")
    record(session, admin, action, str(song.id), after={"title": song.title, "reason": report.reason}, address=address)
