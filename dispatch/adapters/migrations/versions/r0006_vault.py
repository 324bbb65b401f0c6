"""
The vault: personal fields encrypted, and the record of reveals.

The table `reporters` of older versions stays, empty: a migration has no key, so what
is in it is moved into the vault when the store is opened (`vault_opening`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "personal_vault",
        sa.Column("chart_id", sa.String(length=16), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("phone_hash", sa.String(length=64), nullable=True),
        sa.Column("fields", sa.String(length=80), nullable=False),
        sa.Column("stored_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("chart_id"),
    )
    op.create_index("ix_personal_vault_phone_hash", "personal_vault", ["phone_hash"])
    op.create_index("ix_personal_vault_key_id", "personal_vault", ["key_id"])
    op.create_table(
        "reveals",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(length=120), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("chart_id", sa.String(length=16), nullable=True),
        sa.Column("fields", sa.String(length=80), nullable=False),
        sa.Column("phone_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reveals_at_id", "reveals", ["at", "id"])
    op.create_index("ix_reveals_chart_id", "reveals", ["chart_id"])


def downgrade() -> None:
    """
    Undo the change; the personal fields and the record of reveals are lost.

    They cannot go back into `reporters`: a migration has no key, and what was
    encrypted shall not stand open again.
    """
    op.drop_table("reveals")
    op.drop_table("personal_vault")
