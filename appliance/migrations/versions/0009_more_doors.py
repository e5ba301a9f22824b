"""More doors: passkeys, accounts elsewhere, and what a browser came in by.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passkeys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkeys")),
    )
    op.create_index(op.f("ix_passkeys_user_id"), "passkeys", ["user_id"])
    op.create_table(
        "used_challenges",
        sa.Column("challenge_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("used_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("challenge_sha256", name=op.f("pk_used_challenges")),
    )
    op.create_index(op.f("ix_used_challenges_used_at"), "used_challenges", ["used_at"])
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
        sa.UniqueConstraint("user_id", "issuer", name=op.f("uq_identities_user_id_issuer")),
    )
    op.add_column(
        "login_sessions", sa.Column("came_by", sa.String(length=10), server_default="password", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_login_sessions_came_by"), "login_sessions", "came_by IN ('password', 'passkey', 'oidc')"
    )
    op.add_column("audit_entries", sa.Column("session", sa.String(length=16), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("audit_entries", "session")
    op.drop_constraint(op.f("ck_login_sessions_came_by"), "login_sessions")
    op.drop_column("login_sessions", "came_by")
    op.drop_table("identities")
    op.drop_table("used_challenges")
    op.drop_table("passkeys")
