"""First tables: charts, history, reporters, plans."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "charts",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("duty", sa.String(length=16), nullable=False),
        sa.Column("urgency", sa.String(length=1), nullable=False),
        sa.Column("category_code", sa.String(length=16), nullable=False),
        sa.Column("office_id", sa.String(length=40), nullable=True),
        sa.Column("team_id", sa.String(length=40), nullable=True),
        sa.Column("onsite_s", sa.Integer(), nullable=False),
        sa.Column("ward_code", sa.String(length=16), nullable=False),
        sa.Column("district_id", sa.String(length=40), nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("hold_until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint(
            "source", "external_id", name="uq_charts_source_external_id"
        ),
    )
    with op.batch_alter_table("charts", schema=None) as batch_op:
        batch_op.create_index("ix_charts_received_at", ["received_at"], unique=False)
        batch_op.create_index(
            "ix_charts_status_office", ["status", "office_id"], unique=False
        )

    op.create_table(
        "number_counters",
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prefix"),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("published_at", sa.DateTime(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("date", "version", name="uq_plans_date_version"),
    )
    op.create_table(
        "chart_entries",
        sa.Column("chart_id", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("chart_id", "seq"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("chart_id", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("client", "key"),
    )
    op.create_table(
        "reporters",
        sa.Column("chart_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("chart_id"),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("reporters")
    op.drop_table("idempotency_keys")
    op.drop_table("chart_entries")
    op.drop_table("plans")
    op.drop_table("number_counters")
    with op.batch_alter_table("charts", schema=None) as batch_op:
        batch_op.drop_index("ix_charts_status_office")
        batch_op.drop_index("ix_charts_received_at")

    op.drop_table("charts")
