"""Topics, duplicates, photos: charts found by their place, and the pictures' table."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_index("ix_charts_lon_lat", "charts", ["lon", "lat"])
    op.create_table(
        "photos",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("chart_id", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("num_bytes", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("stored_at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(length=120), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_photos_chart_id", "photos", ["chart_id"])
    op.create_index("ix_photos_sha256", "photos", ["sha256"])


def downgrade() -> None:
    """Undo the change; the rows of the photos are lost, their files stay."""
    op.drop_table("photos")
    op.drop_index("ix_charts_lon_lat", "charts")
