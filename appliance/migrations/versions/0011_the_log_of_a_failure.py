"""What the log says of a song that failed, for admins.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("songs", sa.Column("failure_log", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("songs", "failure_log")
