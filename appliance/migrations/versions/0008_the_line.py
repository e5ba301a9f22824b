"""The line: pausing it, moving a request to its front; what failed lately; players that repeat one song.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("song_requests", sa.Column("front_at", MOMENT, nullable=True))
    op.create_table(
        "queue_pauses",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("paused_at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_queue_pauses_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_queue_pauses")),
    )
    op.create_index("ix_songs_failed_at", "songs", ["finished_at"], postgresql_where=sa.text("status = 'failed'"))
    # It was true or false.
    op.execute(
        "UPDATE player_states SET state ="
        " jsonb_set(state, '{repeat}', to_jsonb(CASE state->>'repeat' WHEN 'true' THEN 'all' ELSE 'off' END))"
    )


def downgrade() -> None:
    op.execute("UPDATE player_states SET state = jsonb_set(state, '{repeat}', to_jsonb(state->>'repeat' <> 'off'))")
    op.drop_index("ix_songs_failed_at", table_name="songs")
    op.drop_table("queue_pauses")
    op.drop_column("song_requests", "front_at")
