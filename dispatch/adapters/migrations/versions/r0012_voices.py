"""Voices: batches and the charts of each; the library of case examples."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "voice_batches",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ward_code", sa.String(16), nullable=False),
        sa.Column("district_id", sa.String(300), nullable=False),
        sa.Column("meeting_on", sa.Date()),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("num_rows", sa.Integer(), nullable=False),
        sa.Column("num_added", sa.Integer(), nullable=False),
        sa.Column("num_known", sa.Integer(), nullable=False),
        sa.Column("num_refused", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_voice_batches_ward_code_meeting_on",
        "voice_batches",
        ["ward_code", "meeting_on"],
    )
    op.create_table(
        "voices",
        sa.Column("chart_id", sa.String(16), nullable=False),
        sa.Column("batch_id", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.ForeignKeyConstraint(["batch_id"], ["voice_batches.id"]),
        sa.PrimaryKeyConstraint("chart_id"),
    )
    op.create_index("ix_voices_batch_id", "voices", ["batch_id"])
    op.create_table(
        "examples",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("chart_id", sa.String(16), nullable=False),
        sa.Column("category_code", sa.String(16), nullable=False),
        sa.Column("ward_code", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("chart_id", name="uq_examples_chart_id"),
    )
    op.create_index("ix_examples_category_code", "examples", ["category_code"])


def downgrade() -> None:
    """Undo the change; batches and examples are lost, charts stay."""
    op.drop_table("examples")
    op.drop_table("voices")
    op.drop_table("voice_batches")
