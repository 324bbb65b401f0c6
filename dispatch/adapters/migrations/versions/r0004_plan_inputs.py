"""Inputs of plans: what each plan was made from, so that it can be made again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "plan_inputs",
        sa.Column("plan_id", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"]),
        sa.PrimaryKeyConstraint("plan_id"),
    )


def downgrade() -> None:
    """Undo the change; plans stay, and cannot be made again."""
    op.drop_table("plan_inputs")
