"""Who gets in: tokens that are replaced, when a password was last given, and letters that wait.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name in ("issued_at", "confirmed_at"):
        op.add_column("login_sessions", sa.Column(name, MOMENT, server_default=sa.text("now()"), nullable=False))
    op.add_column("login_sessions", sa.Column("replaced_at", MOMENT, nullable=True))
    op.create_table(
        "reset_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("next_try_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_requests")),
    )
    op.create_index(op.f("ix_reset_requests_next_try_at"), "reset_requests", ["next_try_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_reset_requests_next_try_at"), table_name="reset_requests")
    op.drop_table("reset_requests")
    for name in ("replaced_at", "confirmed_at", "issued_at"):
        op.drop_column("login_sessions", name)
