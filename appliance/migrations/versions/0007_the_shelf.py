"""The shelf: the bin, kept and new takes, drafts of words, and the player's state.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("songs", sa.Column("kept", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("songs", sa.Column("heard_at", MOMENT, nullable=True))
    op.add_column("songs", sa.Column("deleted_at", MOMENT, nullable=True))
    op.add_column("songs", sa.Column("was_published", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    # What was made before there was a mark is not new.
    op.execute("UPDATE songs SET heard_at = finished_at WHERE status = 'processed'")
    op.create_check_constraint(op.f("ck_songs_published_is_kept"), "songs", "NOT published OR deleted_at IS NULL")
    op.create_index("ix_songs_deleted_at", "songs", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL"))
    op.create_table(
        "word_drafts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("brief", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.String(length=80), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'writing', 'done', 'failed', 'stopped')", name=op.f("ck_word_drafts_state")
        ),
        sa.CheckConstraint("state <> 'failed' OR reason <> ''", name=op.f("ck_word_drafts_failed_has_reason")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_word_drafts_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_word_drafts")),
    )
    op.create_index(op.f("ix_word_drafts_user_id"), "word_drafts", ["user_id"])
    op.create_index("ix_word_drafts_created_at", "word_drafts", ["created_at"])
    op.create_index(
        "uq_word_drafts_open",
        "word_drafts",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'writing')"),
    )
    op.create_table(
        "player_states",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("saved_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_player_states_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_player_states")),
    )


def downgrade() -> None:
    op.drop_table("player_states")
    op.drop_table("word_drafts")
    op.drop_index("ix_songs_deleted_at", table_name="songs")
    op.drop_constraint(op.f("ck_songs_published_is_kept"), "songs")
    for column in ("was_published", "deleted_at", "heard_at", "kept"):
        op.drop_column("songs", column)
