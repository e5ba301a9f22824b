"""Secrets of webhooks are their own, and sealed, so that they outlive a change of the secret key; and a webhook can be tried.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _events(*names: str) -> None:
    constraint = op.f("ck_webhook_deliveries_event")
    op.drop_constraint(constraint, "webhook_deliveries")
    listed = ", ".join(f"'{name}'" for name in names)
    op.create_check_constraint(constraint, "webhook_deliveries", f"event IN ({listed})")


def upgrade() -> None:
    op.add_column("webhook_endpoints", sa.Column("secret", sa.LargeBinary(), nullable=True))
    _events("song.ready", "song.failed", "webhook.test")


def downgrade() -> None:
    op.execute("DELETE FROM webhook_deliveries WHERE event = 'webhook.test'")
    _events("song.ready", "song.failed")
    op.drop_column("webhook_endpoints", "secret")
