"""Song requests (what somebody asked for) and songs (the takes of it)."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appliance.database import Table
from appliance.tables.categories import Category, song_categories
from appliance.tables.users import Moment, User

STATUSES = ("queued", "processing", "processed", "failed", "no_credits", "cancelled")
OPEN = ("queued", "processing")
STAGES = ("writing", "composing", "mastering", "painting", "storing")
# What Discover can be narrowed to; each has an index with its songs in order.
SHOWN = {
    "words": "published AND NOT instrumental",
    "instrumental": "published AND instrumental",
    "slow": "published AND bpm < 90",
    "moving": "published AND bpm >= 118",
    "languages": "published AND NOT instrumental AND language <> 'en'",
    "short": "published AND duration < 120",
}


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class SongRequest(Table):
    """The brief that the takes of one request share, and the lease of the worker that is at it.

    A request with a `lease_worker` is running (or was, when `lease_until` has passed). `attempt` grows with every claim and
    fences off a worker whose lease was taken over; `tries` counts claims since the request was last put in line.
    `sheet` is the songwriter's work, kept so that a second attempt sings the same words.
    """

    __tablename__ = "song_requests"
    __table_args__ = (
        CheckConstraint(_one_of("mode", ("description", "lyrics", "described_lyrics")), name="mode"),
        CheckConstraint(_one_of("voice", ("robot", "choir", "none")), name="voice"),
        CheckConstraint("duration BETWEEN 5 AND 600", name="duration"),
        CheckConstraint("(lease_worker IS NULL) = (lease_until IS NULL)", name="lease"),
        UniqueConstraint("id", "user_id", name="uq_song_requests_id_user_id"),
        # The belt to the claim's braces: nobody has two requests running.
        Index("uq_song_requests_running", "user_id", unique=True, postgresql_where=text("lease_worker IS NOT NULL")),
        Index("ix_song_requests_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # The moment of the row, not of its transaction: two requests of one transaction still have an order.
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())

    mode: Mapped[str] = mapped_column(String(20))
    full_description: Mapped[str] = mapped_column(Text, server_default="", default="")
    prompt: Mapped[str] = mapped_column(Text, server_default="", default="")
    lyrics: Mapped[str] = mapped_column(Text, server_default="", default="")
    described_lyrics: Mapped[str] = mapped_column(Text, server_default="", default="")
    title: Mapped[str] = mapped_column(String(80), server_default="", default="")
    instrumental: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    duration: Mapped[float] = mapped_column()
    bpm: Mapped[float | None] = mapped_column()
    key: Mapped[str | None] = mapped_column(String(20))
    time_signature: Mapped[str | None] = mapped_column(String(5))
    language: Mapped[str | None] = mapped_column(String(20))
    voice: Mapped[str] = mapped_column(String(10), server_default="robot", default="robot")
    seed: Mapped[int] = mapped_column(BigInteger)

    start_when_paid: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    """Whether songs that wait for credits start by themselves after a top-up."""

    sheet: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    attempt: Mapped[int] = mapped_column(server_default="0", default=0)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    lease_worker: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    front_at: Mapped[datetime | None] = mapped_column(Moment)
    """When an admin moved it to the front of the line."""

    user: Mapped[User] = relationship(lazy="raise")
    songs: Mapped[list["Song"]] = relationship(back_populates="request", lazy="raise", order_by="Song.take")


class Song(Table):
    """One take: its state, and when it is ready what was made."""

    __tablename__ = "songs"
    __table_args__ = (
        CheckConstraint(_one_of("status", STATUSES), name="status"),
        CheckConstraint(_one_of("stage", STAGES), name="stage"),
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress"),
        CheckConstraint("status <> 'processed' OR (master_key <> '' AND audio_key <> '')", name="processed_has_audio"),
        CheckConstraint("status <> 'failed' OR reason <> ''", name="failed_has_reason"),
        CheckConstraint("NOT published OR status = 'processed'", name="published_is_ready"),
        CheckConstraint("published = (published_at IS NOT NULL)", name="published_at"),
        # Whoever asks for what is published need not ask about the bin.
        CheckConstraint("NOT published OR deleted_at IS NULL", name="published_is_kept"),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("listen_count >= 0", name="listen_count"),
        # A song belongs to whoever made its request, and the database holds both to it.
        ForeignKeyConstraint(
            ["request_id", "user_id"],
            ["song_requests.id", "song_requests.user_id"],
            name="fk_songs_request_id_user_id",
            ondelete="CASCADE",
        ),
        UniqueConstraint("request_id", "take"),
        Index("ix_songs_open", "request_id", postgresql_where=text(_one_of("status", OPEN))),
        Index("ix_songs_user_id_created_at", "user_id", "created_at"),
        Index("ix_songs_deleted_at", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        Index("ix_songs_published_at_id", "published_at", "id", postgresql_where=text("published")),
        Index("ix_songs_heat", "heat", "id", postgresql_where=text("published")),
        *(Index(f"ix_songs_heat_{name}", "heat", "id", postgresql_where=text(shown)) for name, shown in SHOWN.items()),
        Index("ix_songs_user_id_published", "user_id", "heat", "id", postgresql_where=text("published")),
        Index("ix_songs_finished_at", "finished_at", postgresql_where=text("status = 'processed'")),
        Index("ix_songs_failed_at", "finished_at", postgresql_where=text("status = 'failed'")),
        Index("ix_songs_search", "search", postgresql_using="gin", postgresql_where=text("published")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    request_id: Mapped[UUID] = mapped_column()
    user_id: Mapped[UUID] = mapped_column()
    take: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=func.clock_timestamp())

    status: Mapped[str] = mapped_column(String(12), server_default="queued", default="queued")
    stage: Mapped[str | None] = mapped_column(String(12))
    progress: Mapped[float] = mapped_column(server_default="0", default=0.0)
    reason: Mapped[str] = mapped_column(Text, server_default="", default="")
    failure_log: Mapped[str] = mapped_column(
        Text, server_default="", default="", deferred=True, deferred_raiseload=True
    )
    """What the worker's log says of a failure, without anybody's words: for admins."""
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    price: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    """What this take costs, in credits, fixed when it was asked for; 0 where the studio counts none."""
    guidance_scale: Mapped[float | None] = mapped_column()
    steps: Mapped[int | None] = mapped_column()
    seed: Mapped[int] = mapped_column(BigInteger)

    title: Mapped[str] = mapped_column(String(80), server_default="", default="")
    prompt: Mapped[str] = mapped_column(Text, server_default="", default="")
    lyrics: Mapped[str] = mapped_column(Text, server_default="", default="")
    instrumental: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    duration: Mapped[float] = mapped_column()
    bpm: Mapped[float | None] = mapped_column()
    key: Mapped[str | None] = mapped_column(String(20))
    language: Mapped[str | None] = mapped_column(String(20))
    model: Mapped[str] = mapped_column(String(80), server_default="", default="")
    sections: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]", default=list)

    master_key: Mapped[str] = mapped_column(String(200), server_default="", default="")
    audio_key: Mapped[str] = mapped_column(String(200), server_default="", default="")
    cover_key: Mapped[str] = mapped_column(String(200), server_default="", default="")
    thumbnail_key: Mapped[str] = mapped_column(String(200), server_default="", default="")
    peaks: Mapped[bytes | None] = mapped_column(LargeBinary)
    """800 loudest values over the song's length, one byte each, 255 being full scale."""
    loudness: Mapped[float | None] = mapped_column()

    published: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    published_at: Mapped[datetime | None] = mapped_column(Moment)
    listen_count: Mapped[int] = mapped_column(server_default="0", default=0)
    like_count: Mapped[int] = mapped_column(server_default="0", default=0)
    heat: Mapped[float] = mapped_column(server_default="0", default=0.0)
    """How much it is played and liked now, as a logarithm: triggers keep it, see migration 0005."""
    search: Mapped[Any | None] = mapped_column(TSVECTOR, deferred=True, deferred_raiseload=True)
    """The words that find it, kept by a trigger; None while it is not published."""

    kept: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether its owner has chosen this take among the others."""
    heard_at: Mapped[datetime | None] = mapped_column(Moment)
    """When its owner first played it: until then it is new."""
    deleted_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it went to the bin, which is emptied after a month."""
    was_published: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether it was published when it went to the bin, and will be again when it comes back."""

    request: Mapped[SongRequest] = relationship(back_populates="songs", lazy="raise")
    categories: Mapped[list[Category]] = relationship(secondary=song_categories, lazy="raise", order_by=Category.id)
