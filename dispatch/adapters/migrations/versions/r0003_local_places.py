"""The local gazetteer: what people settled about ways of writing a place."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "local_places",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=600), nullable=False),
        sa.Column("ward_code", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "key", "ward_code", "active", name="uq_local_places_key_ward_active"
        ),
    )
    with op.batch_alter_table("local_places", schema=None) as batch_op:
        batch_op.create_index(
            "ix_local_places_settled_at_id", ["settled_at", "id"], unique=False
        )


def downgrade() -> None:
    """Undo the change; what people settled is lost."""
    with op.batch_alter_table("local_places", schema=None) as batch_op:
        batch_op.drop_index("ix_local_places_settled_at_id")

    op.drop_table("local_places")
