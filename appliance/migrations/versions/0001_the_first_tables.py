"""The first tables.

Revision: 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CATEGORIES = [
    (1, "Pop", "pop"),
    (2, "Rock", "rock"),
    (3, "Hip hop", "hip-hop"),
    (4, "R&B", "r-and-b"),
    (5, "Soul", "soul"),
    (6, "Funk", "funk"),
    (7, "Disco", "disco"),
    (8, "Electronic", "electronic"),
    (9, "House", "house"),
    (10, "Techno", "techno"),
    (11, "Drum and bass", "drum-and-bass"),
    (12, "Trap", "trap"),
    (13, "Synthwave", "synthwave"),
    (14, "Lo-fi", "lo-fi"),
    (15, "Ambient", "ambient"),
    (16, "Jazz", "jazz"),
    (17, "Blues", "blues"),
    (18, "Country", "country"),
    (19, "Folk", "folk"),
    (20, "Acoustic", "acoustic"),
    (21, "Indie", "indie"),
    (22, "Punk", "punk"),
    (23, "Metal", "metal"),
    (24, "Reggae", "reggae"),
    (25, "Latin", "latin"),
    (26, "World", "world"),
    (27, "Gospel", "gospel"),
    (28, "Classical", "classical"),
    (29, "Cinematic", "cinematic"),
    (30, "Children", "children"),
    (31, "Chill", "chill"),
    (32, "Energetic", "energetic"),
    (33, "Happy", "happy"),
    (34, "Sad", "sad"),
    (35, "Romantic", "romantic"),
    (36, "Dark", "dark"),
    (37, "Dreamy", "dreamy"),
    (38, "Epic", "epic"),
    (39, "Focus", "focus"),
    (40, "Party", "party"),
    (41, "Workout", "workout"),
    (42, "Sleep", "sleep"),
]


def upgrade() -> None:
    op.create_table(
        "categories",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("name", name=op.f("uq_categories_name")),
        sa.UniqueConstraint("slug", name=op.f("uq_categories_slug")),
    )
    op.bulk_insert(
        sa.table("categories", sa.column("id"), sa.column("name"), sa.column("slug")),
        [{"id": number, "name": name, "slug": slug} for number, name, slug in CATEGORIES],
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('setup')", name=op.f("ck_one_time_tokens_purpose")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_one_time_tokens")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=10), server_default="user", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_served_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('user', 'admin')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("uq_users_name", "users", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("about", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "login_sessions",
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("browser", sa.String(length=200), server_default="", nullable=False),
        sa.Column("address", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"], unique=False)
    op.create_table(
        "song_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("full_description", sa.Text(), server_default="", nullable=False),
        sa.Column("prompt", sa.Text(), server_default="", nullable=False),
        sa.Column("lyrics", sa.Text(), server_default="", nullable=False),
        sa.Column("described_lyrics", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.String(length=80), server_default="", nullable=False),
        sa.Column("instrumental", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("duration", sa.Double(), nullable=False),
        sa.Column("bpm", sa.Double(), nullable=True),
        sa.Column("key", sa.String(length=20), nullable=True),
        sa.Column("time_signature", sa.String(length=5), nullable=True),
        sa.Column("language", sa.String(length=20), nullable=True),
        sa.Column("voice", sa.String(length=10), server_default="robot", nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("sheet", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_worker", sa.String(length=120), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("mode IN ('description', 'lyrics', 'described_lyrics')", name=op.f("ck_song_requests_mode")),
        sa.CheckConstraint("voice IN ('robot', 'choir', 'none')", name=op.f("ck_song_requests_voice")),
        sa.CheckConstraint("(lease_worker IS NULL) = (lease_until IS NULL)", name=op.f("ck_song_requests_lease")),
        sa.CheckConstraint("duration BETWEEN 5 AND 600", name=op.f("ck_song_requests_duration")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_song_requests_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_song_requests")),
        sa.UniqueConstraint("id", "user_id", name="uq_song_requests_id_user_id"),
    )
    op.create_index("ix_song_requests_user_id_created_at", "song_requests", ["user_id", "created_at"], unique=False)
    op.create_index(
        "uq_song_requests_running",
        "song_requests",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("lease_worker IS NOT NULL"),
    )
    op.create_table(
        "songs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("take", sa.SmallInteger(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("status", sa.String(length=12), server_default="queued", nullable=False),
        sa.Column("stage", sa.String(length=12), nullable=True),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("guidance_scale", sa.Double(), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=80), server_default="", nullable=False),
        sa.Column("prompt", sa.Text(), server_default="", nullable=False),
        sa.Column("lyrics", sa.Text(), server_default="", nullable=False),
        sa.Column("instrumental", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("duration", sa.Double(), nullable=False),
        sa.Column("bpm", sa.Double(), nullable=True),
        sa.Column("key", sa.String(length=20), nullable=True),
        sa.Column("language", sa.String(length=20), nullable=True),
        sa.Column("model", sa.String(length=80), server_default="", nullable=False),
        sa.Column("sections", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("master_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("audio_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("cover_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("thumbnail_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=True),
        sa.Column("loudness", sa.Double(), nullable=True),
        sa.Column("published", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("listen_count", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("NOT published OR status = 'processed'", name=op.f("ck_songs_published_is_ready")),
        sa.CheckConstraint(
            "stage IN ('writing', 'composing', 'mastering', 'painting', 'storing')", name=op.f("ck_songs_stage")
        ),
        sa.CheckConstraint("status <> 'failed' OR reason <> ''", name=op.f("ck_songs_failed_has_reason")),
        sa.CheckConstraint(
            "status <> 'processed' OR (master_key <> '' AND audio_key <> '')", name=op.f("ck_songs_processed_has_audio")
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'processing', 'processed', 'failed', 'no_credits', 'cancelled')",
            name=op.f("ck_songs_status"),
        ),
        sa.CheckConstraint("listen_count >= 0", name=op.f("ck_songs_listen_count")),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("ck_songs_progress")),
        sa.CheckConstraint("published = (published_at IS NOT NULL)", name=op.f("ck_songs_published_at")),
        sa.ForeignKeyConstraint(
            ["request_id", "user_id"],
            ["song_requests.id", "song_requests.user_id"],
            name="fk_songs_request_id_user_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_songs")),
        sa.UniqueConstraint("request_id", "take", name=op.f("uq_songs_request_id_take")),
    )
    op.create_index(
        "ix_songs_open",
        "songs",
        ["request_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'processing')"),
    )
    op.create_index(
        "ix_songs_published_at", "songs", ["published_at"], unique=False, postgresql_where=sa.text("published")
    )
    op.create_index("ix_songs_user_id_created_at", "songs", ["user_id", "created_at"], unique=False)
    op.create_table(
        "likes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("song_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_likes_song_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_likes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "song_id", name=op.f("pk_likes")),
    )
    op.create_index(op.f("ix_likes_song_id"), "likes", ["song_id"], unique=False)
    op.create_table(
        "listens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("song_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_listens_song_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_listens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listens")),
    )
    op.create_index(
        "ix_listens_song_id_user_id_created_at", "listens", ["song_id", "user_id", "created_at"], unique=False
    )
    op.create_index(op.f("ix_listens_user_id"), "listens", ["user_id"], unique=False)
    op.create_table(
        "song_categories",
        sa.Column("song_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name=op.f("fk_song_categories_category_id")),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_song_categories_song_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("song_id", "category_id", name=op.f("pk_song_categories")),
    )
    op.create_index(op.f("ix_song_categories_category_id"), "song_categories", ["category_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_song_categories_category_id"), table_name="song_categories")
    op.drop_table("song_categories")
    op.drop_index(op.f("ix_listens_user_id"), table_name="listens")
    op.drop_index("ix_listens_song_id_user_id_created_at", table_name="listens")
    op.drop_table("listens")
    op.drop_index(op.f("ix_likes_song_id"), table_name="likes")
    op.drop_table("likes")
    op.drop_index("ix_songs_user_id_created_at", table_name="songs")
    op.drop_index("ix_songs_published_at", table_name="songs", postgresql_where=sa.text("published"))
    op.drop_index("ix_songs_open", table_name="songs", postgresql_where=sa.text("status IN ('queued', 'processing')"))
    op.drop_table("songs")
    op.drop_index(
        "uq_song_requests_running", table_name="song_requests", postgresql_where=sa.text("lease_worker IS NOT NULL")
    )
    op.drop_index("ix_song_requests_user_id_created_at", table_name="song_requests")
    op.drop_table("song_requests")
    op.drop_index(op.f("ix_login_sessions_user_id"), table_name="login_sessions")
    op.drop_index(op.f("ix_login_sessions_expires_at"), table_name="login_sessions")
    op.drop_table("login_sessions")
    op.drop_table("workers")
    op.drop_index("uq_users_name", table_name="users")
    op.drop_index("uq_users_email", table_name="users")
    op.drop_table("users")
    op.drop_table("one_time_tokens")
    op.drop_table("categories")
