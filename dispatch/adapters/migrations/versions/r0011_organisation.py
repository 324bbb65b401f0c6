"""Organisation: dated rows about the staff, and what the board counts by."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COUNTED = ["status", "duty", "urgency", "office_id", "ward_code", "due_at"]


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "staff_rows",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("staff_id", sa.String(40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("opened_by", sa.String(120), nullable=False),
        sa.Column("opened_why", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime()),
        sa.Column("ended_by", sa.String(120)),
        sa.Column("ended_why", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_staff_rows_staff_id", "staff_rows", ["staff_id"])
    op.create_index("ix_charts_counted", "charts", COUNTED)


def downgrade() -> None:
    """Undo the change; what was known of the staff is lost, charts stay."""
    op.drop_index("ix_charts_counted", "charts")
    op.drop_table("staff_rows")
