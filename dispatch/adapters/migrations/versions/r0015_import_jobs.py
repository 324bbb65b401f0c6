"""Import jobs and the rows that they refused."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

JOBS = "import_jobs"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        JOBS,
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("num_bytes", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.String(60), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("idempotency_key", sa.String(200)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer()),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime()),
        sa.Column("run_at", sa.DateTime()),
        sa.Column("run_done", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime()),
        sa.Column("ended_at", sa.DateTime()),
        sa.Column("runner", sa.String(16)),
        sa.Column("has_file", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "owner", "idempotency_key", name="uq_import_jobs_owner_key"
        ),
    )
    op.create_index("ix_import_jobs_state", JOBS, ["state", "created_at"])
    op.create_table(
        "import_refusals",
        sa.Column("job_id", sa.String(16), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("field", sa.String(60), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], [f"{JOBS}.id"]),
        sa.PrimaryKeyConstraint("job_id", "row"),
    )


def downgrade() -> None:
    """Undo the change; jobs are forgotten, the charts that they made stay."""
    op.drop_table("import_refusals")
    op.drop_table(JOBS)
