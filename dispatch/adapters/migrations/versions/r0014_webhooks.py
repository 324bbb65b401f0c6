"""Subscribers of webhooks and what is on its way to them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DELIVERIES = "webhook_deliveries"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "webhook_subscribers",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("old_until", sa.DateTime()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        DELIVERIES,
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("subscriber_id", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("chart_id", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("first_at", sa.DateTime()),
        sa.Column("done_at", sa.DateTime()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lease", sa.String(16)),
        sa.Column("lease_until", sa.DateTime()),
        sa.ForeignKeyConstraint(["subscriber_id"], ["webhook_subscribers.id"]),
        sa.ForeignKeyConstraint(["position"], ["changes.position"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "subscriber_id",
            "position",
            name="uq_webhook_deliveries_subscriber_position",
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_due", DELIVERIES, ["subscriber_id", "state", "next_at"]
    )
    op.create_index(
        "ix_webhook_deliveries_chart",
        DELIVERIES,
        ["subscriber_id", "chart_id", "state", "position"],
    )


def downgrade() -> None:
    """Undo the change; subscribers and what they have not got yet are lost."""
    op.drop_table(DELIVERIES)
    op.drop_table("webhook_subscribers")
