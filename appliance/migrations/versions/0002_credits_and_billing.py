"""Credits and billing.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The ledger is append-only for everybody, the owner of the table included (who would first have to disable the trigger).
APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON credit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON credit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.create_table(
        "credit_packs",
        sa.Column("product_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(length=3), server_default="usd", nullable=False),
        sa.Column("credits", sa.Integer(), nullable=True),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("credits > 0", name=op.f("ck_credit_packs_credits")),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_credit_packs")),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("webhook_id", sa.String(length=120), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("state", sa.String(length=10), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(length=300), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('pending', 'done', 'parked')", name=op.f("ck_webhook_messages_state")),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhook_messages")),
    )
    op.create_index(op.f("ix_webhook_messages_state"), "webhook_messages", ["state"], unique=False)
    op.create_table(
        "billing_orders",
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("product_id", sa.String(length=64), nullable=True),
        sa.Column("checkout_id", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=30), server_default="", nullable=False),
        sa.Column("paid", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("billing_reason", sa.String(length=40), server_default="", nullable=False),
        sa.Column("payable", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refunded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("credits", sa.Integer(), nullable=True),
        sa.Column("applied", sa.Integer(), server_default="0", nullable=False),
        sa.Column("steps", sa.Integer(), server_default="0", nullable=False),
        sa.Column("snapshot_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint("applied >= 0 AND applied <= coalesce(credits, 0)", name=op.f("ck_billing_orders_applied")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_billing_orders_user_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_billing_orders")),
    )
    op.create_index(op.f("ix_billing_orders_checkout_id"), "billing_orders", ["checkout_id"], unique=False)
    op.create_index(op.f("ix_billing_orders_user_id"), "billing_orders", ["user_id"], unique=False)
    op.create_table(
        "checkout_intents",
        sa.Column("checkout_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.String(length=64), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_checkout_intents_user_id")),
        sa.PrimaryKeyConstraint("checkout_id", name=op.f("pk_checkout_intents")),
    )
    op.create_index(op.f("ix_checkout_intents_user_id"), "checkout_intents", ["user_id"], unique=False)
    op.create_table(
        "credit_accounts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("balance", sa.Integer(), server_default="0", nullable=False),
        sa.Column("held", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seq", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_credit_accounts_held")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_credit_accounts_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_credit_accounts")),
    )
    op.create_table(
        "credit_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("song_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="held", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'held') = (resolved_at IS NULL)", name=op.f("ck_credit_holds_resolved")),
        sa.CheckConstraint("state IN ('held', 'captured', 'released')", name=op.f("ck_credit_holds_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_holds_amount")),
        sa.ForeignKeyConstraint(["user_id"], ["credit_accounts.user_id"], name=op.f("fk_credit_holds_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_holds")),
    )
    op.create_index(op.f("ix_credit_holds_user_id"), "credit_holds", ["user_id"], unique=False)
    op.create_index(
        "uq_credit_holds_charge",
        "credit_holds",
        ["song_id"],
        unique=True,
        postgresql_where=sa.text("state = 'captured'"),
    )
    op.create_index(
        "uq_credit_holds_open", "credit_holds", ["song_id"], unique=True, postgresql_where=sa.text("state = 'held'")
    )
    op.create_table(
        "credit_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("balance_after", sa.Integer(), nullable=False),
        sa.Column("once", sa.String(length=120), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("hold_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("(kind = 'capture') = (hold_id IS NOT NULL)", name=op.f("ck_credit_entries_hold")),
        sa.CheckConstraint(
            "(kind IN ('purchase', 'clawback', 'refund_reversal')) = (order_id IS NOT NULL)",
            name=op.f("ck_credit_entries_order"),
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'signup' THEN amount > 0 WHEN 'allowance' THEN amount > 0 WHEN 'purchase' THEN amount > 0 WHEN 'refund_reversal' THEN amount > 0 WHEN 'clawback' THEN amount < 0 WHEN 'capture' THEN amount < 0 WHEN 'admin' THEN amount <> 0 ELSE false END",
            name=op.f("ck_credit_entries_sign"),
        ),
        sa.CheckConstraint(
            "kind <> 'admin' OR (actor_id IS NOT NULL AND note <> '')", name=op.f("ck_credit_entries_admin_says_why")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_credit_entries_actor_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["credit_holds.id"], name=op.f("fk_credit_entries_hold_id")),
        sa.ForeignKeyConstraint(["user_id"], ["credit_accounts.user_id"], name=op.f("fk_credit_entries_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entries")),
        sa.UniqueConstraint("once", name=op.f("uq_credit_entries_once")),
        sa.UniqueConstraint("user_id", "seq", name=op.f("uq_credit_entries_user_id_seq")),
    )
    op.create_index(op.f("ix_credit_entries_order_id"), "credit_entries", ["order_id"], unique=False)
    op.add_column(
        "song_requests", sa.Column("start_when_paid", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.add_column("songs", sa.Column("price", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_songs_price"), "songs", "price >= 0")
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.drop_column("songs", "price")
    op.drop_column("song_requests", "start_when_paid")
    op.drop_index(op.f("ix_credit_entries_order_id"), table_name="credit_entries")
    op.drop_table("credit_entries")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_index("uq_credit_holds_open", table_name="credit_holds", postgresql_where=sa.text("state = 'held'"))
    op.drop_index("uq_credit_holds_charge", table_name="credit_holds", postgresql_where=sa.text("state = 'captured'"))
    op.drop_index(op.f("ix_credit_holds_user_id"), table_name="credit_holds")
    op.drop_table("credit_holds")
    op.drop_table("credit_accounts")
    op.drop_index(op.f("ix_checkout_intents_user_id"), table_name="checkout_intents")
    op.drop_table("checkout_intents")
    op.drop_index(op.f("ix_billing_orders_user_id"), table_name="billing_orders")
    op.drop_index(op.f("ix_billing_orders_checkout_id"), table_name="billing_orders")
    op.drop_table("billing_orders")
    op.drop_index(op.f("ix_webhook_messages_state"), table_name="webhook_messages")
    op.drop_table("webhook_messages")
    op.drop_table("credit_packs")
