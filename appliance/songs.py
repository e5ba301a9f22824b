"""Songs as people see them: asking for them, looking at them, and everything that can be done with one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from appliance import credits
from appliance.briefs import LARGEST_SEED, SHORTEST, Brief
from appliance.database import notify
from appliance.diskspace import refuse_when_full
from appliance.errors import Conflict, InvalidInput, NotAllowed, NotFound, said
from appliance.settings import settings
from appliance.tables import Like, Listen, Song, SongRequest, User
from appliance.tables.songs import OPEN

# What the takes of a request ask in turn of a model that has guidance, unless the brief says one for all.
GUIDANCE_SCALES = (7.5, 15.0)
LISTEN_COUNTS_AGAIN_AFTER = timedelta(minutes=30)


def announce(session: Session, user_id: UUID, request_id: UUID) -> None:
    """Tell the pages of this person that something about this request has changed."""
    notify(session, user=user_id, request=request_id)


def request_songs(
    session: Session,
    user: User,
    brief: Brief,
    guidance_scales: Sequence[float] | None = None,
    steps: int | None = None,
) -> SongRequest:
    """Return the new request with its takes in line. Ring the bell after the commit.

    There is one take for each of `guidance_scales`; without them, as many as the brief says, which differ in guidance. `steps`
    is how many the model shall take, where it lets one choose. Where the credits do not suffice for all takes, none is in
    line: their status is "no_credits".

    Raises Conflict when this person has as many requests waiting as the studio allows, and DiskFull when there is no room.
    """
    refuse_when_full()
    # Two browsers of one person take turns here, or both would slip under the limit.
    # (Not the whole lock: a ledger entry that is written meanwhile must still be able to see that the person exists.)
    session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    waiting = session.scalar(
        select(func.count(func.distinct(Song.request_id))).where(Song.user_id == user.id, Song.status.in_(OPEN))
    )
    if (waiting or 0) >= settings().max_waiting:
        raise Conflict(
            said("You have %(number)s songs in the making. Wait for one of them, or cancel one.", number=waiting)
        )
    request = SongRequest(
        user_id=user.id,
        mode=brief.mode,
        full_description=brief.full_description,
        prompt=brief.prompt,
        lyrics=brief.lyrics,
        described_lyrics=brief.described_lyrics,
        title=brief.title,
        instrumental=brief.instrumental,
        duration=brief.duration,
        bpm=brief.bpm,
        key=brief.key,
        time_signature=brief.time_signature,
        language=brief.language,
        voice=brief.voice,
        seed=brief.seed,
        songs=[
            Song(
                take=number,
                price=credits.price_of_take(),
                # The first take sounds as the seed says; the next ones are neighbours, so one seed repeats the whole request.
                seed=(brief.seed + number - 1) % (LARGEST_SEED + 1),
                guidance_scale=guidance_scale,
                steps=steps or brief.steps,
                title=brief.title,
                prompt=brief.prompt,
                lyrics="" if brief.instrumental else brief.lyrics,
                instrumental=brief.instrumental,
                duration=brief.duration,
                bpm=brief.bpm,
                key=brief.key,
                language=brief.language,
                categories=[],
            )
            for number, guidance_scale in enumerate(guidance_scales or _guidance_of(brief), 1)
        ],
    )
    session.add(request)
    session.flush()
    if not credits.hold_songs(session, user.id, request.songs):
        for song in request.songs:
            song.status = "no_credits"
    announce(session, user.id, request.id)
    return request


def _guidance_of(brief: Brief) -> list[float]:
    """Return the guidance of each take: the one that was chosen, or one after the other of the two that differ well."""
    in_turn = (brief.guidance_scale,) if brief.guidance_scale else GUIDANCE_SCALES
    return [in_turn[number % len(in_turn)] for number in range(brief.takes)]


def get_request(session: Session, request_id: UUID, viewer: User | None) -> SongRequest:
    """Return one of the viewer's own requests with its songs, or raise NotFound; what is in the bin is not there."""
    request = session.scalar(select(SongRequest).where(SongRequest.id == request_id).options(with_songs()))
    if request is None or viewer is None or request.user_id != viewer.id or not request.songs:
        raise NotFound
    return request


def with_songs() -> ExecutableOption:
    """Load requests with their songs that are not in the bin, and those with their categories."""
    return selectinload(SongRequest.songs.and_(Song.deleted_at.is_(None))).selectinload(Song.categories)


def list_songs(
    session: Session, viewer: User, before: tuple[datetime, UUID] | None = None, limit: int = 30
) -> list[Song]:
    """Return the viewer's own songs, newest first, from behind the one that was made at this moment and has this id."""
    wanted = (
        select(Song)
        .where(Song.user_id == viewer.id, Song.deleted_at.is_(None))
        .order_by(Song.created_at.desc(), Song.id.desc())
        .limit(limit)
        .options(joinedload(Song.request).joinedload(SongRequest.user), selectinload(Song.categories))
    )
    if before:
        wanted = wanted.where(tuple_(Song.created_at, Song.id) < tuple_(*before))
    return list(session.scalars(wanted))


def get_song(session: Session, song_id: UUID, viewer: User | None) -> Song:
    """Return a song that is the viewer's own or published, with its request, owner and categories; else NotFound."""
    song = session.scalar(
        select(Song)
        .where(Song.id == song_id)
        .options(joinedload(Song.request).joinedload(SongRequest.user), selectinload(Song.categories))
    )
    if song is None or song.deleted_at or not (song.published or (viewer is not None and song.user_id == viewer.id)):
        raise NotFound
    return song


def own_song(session: Session, song_id: UUID, viewer: User) -> Song:
    """Return the viewer's own song, its row locked until the end of the transaction; NotFound where it is in the bin."""
    song = session.scalar(
        select(Song)
        .where(Song.id == song_id, Song.user_id == viewer.id, Song.deleted_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if song is None:
        raise NotFound
    return song


def cancel_song(session: Session, song_id: UUID, viewer: User) -> Song:
    """Stop a song that is not ready yet; the worker lets go of it at its next step. No error when it is cancelled."""
    song = own_song(session, song_id, viewer)
    if song.status == "cancelled":
        return song
    if song.status not in (*OPEN, "no_credits"):
        raise Conflict("This song is not in the making any more.")
    song.status, song.stage, song.finished_at = "cancelled", None, datetime.now(UTC)
    session.flush()
    credits.release_hold(session, song)
    announce(session, song.user_id, song.request_id)
    return song


def retry_song(session: Session, song_id: UUID, viewer: User) -> Song:
    """Put a failed or cancelled song in line again, with the same words and seed. Ring the bell after the commit.

    Where the credits do not suffice its status becomes "no_credits".
    """
    refuse_when_full()
    song = own_song(session, song_id, viewer)
    if song.status not in ("failed", "cancelled"):
        raise Conflict("Only a song that failed or was cancelled can be tried again.")
    song.status, song.stage, song.progress, song.reason, song.failure_log = "queued", None, 0.0, "", ""
    song.started_at = song.finished_at = None
    song.price = credits.price_of_take()
    session.flush()
    if not credits.hold_songs(session, song.user_id, [song]):
        song.status = "no_credits"
    session.execute(update(SongRequest).where(SongRequest.id == song.request_id).values(tries=0, front_at=None))
    announce(session, song.user_id, song.request_id)
    return song


def shorten_request(session: Session, request: SongRequest, duration: float) -> None:
    """Have the takes of `request` that are not ready be `duration` seconds long, which must be less than they were to be.

    New words are written for that, unless a take is ready with those that there are. Raises InvalidInput.
    """
    if not SHORTEST <= duration < request.duration:
        raise InvalidInput.about(
            duration=said(
                "Give a number from %(least)s to %(most)s seconds.", least=f"{SHORTEST:g}", most=f"{request.duration:g}"
            )
        )
    request.duration = duration
    is_known = any(song.status == "processed" for song in request.songs)
    request.sheet = request.sheet | {"duration": duration} if request.sheet and is_known else None
    for song in request.songs:
        if song.status != "processed":
            song.duration = duration
    session.flush()


def rename_song(session: Session, song_id: UUID, viewer: User, title: str) -> Song:
    """Give a song another title."""
    song = own_song(session, song_id, viewer)
    title = " ".join(title.split())
    if not 1 <= len(title) <= 80 or not title.isprintable():
        raise InvalidInput.about(title="A title has 1 to 80 characters.")
    song.title = title
    announce(session, song.user_id, song.request_id)
    return song


def publish_song(session: Session, song_id: UUID, viewer: User, published: bool) -> Song:
    """Show a ready song to everybody in the studio, or take it back."""
    song = own_song(session, song_id, viewer)
    if published and song.status != "processed":
        raise Conflict("Only a song that is ready can be published.")
    if published != song.published:
        song.published, song.published_at = published, datetime.now(UTC) if published else None
        announce(session, song.user_id, song.request_id)
        if published:
            notify(session, published=True)
    return song


def like_song(session: Session, song_id: UUID, viewer: User) -> None:
    """Like a song that the viewer can see; liking it twice is liking it once."""
    song = get_song(session, song_id, viewer)
    session.execute(insert(Like).values(user_id=viewer.id, song_id=song.id).on_conflict_do_nothing())


def unlike_song(session: Session, song_id: UUID, viewer: User) -> None:
    """Take a like back."""
    session.execute(delete(Like).where(Like.user_id == viewer.id, Like.song_id == song_id))


def liked_songs(session: Session, viewer: User, song_ids: list[UUID]) -> set[UUID]:
    """Return which of these songs the viewer likes."""
    return set(session.scalars(select(Like.song_id).where(Like.user_id == viewer.id, Like.song_id.in_(song_ids))))


def record_listen(session: Session, song_id: UUID, viewer: User) -> bool:
    """Count that the viewer heard a song, and return whether it counted.

    One's own songs never count, nor does the same song again within half an hour.
    """
    song = get_song(session, song_id, viewer)
    if song.user_id == viewer.id:
        return False
    if song.status != "processed":
        raise NotAllowed("This song cannot be heard yet.")
    # Listens to one song take turns, so that two tabs at the same moment count once.
    session.execute(select(Song.id).where(Song.id == song.id).with_for_update())
    recent = datetime.now(UTC) - LISTEN_COUNTS_AGAIN_AFTER
    heard = exists().where(Listen.song_id == song.id, Listen.user_id == viewer.id, Listen.created_at > recent)
    if session.scalar(select(heard)):
        return False
    session.add(Listen(song_id=song.id, user_id=viewer.id))
    session.execute(update(Song).where(Song.id == song.id).values(listen_count=Song.listen_count + 1))
    return True
