"""Changes of charts in one order, receivers of webhooks, and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

FILL = """
INSERT INTO changes (chart_id, at, kinds, status, source)
SELECT e.chart_id, e.at, e.kind, COALESCE(e.status, c.status), c.source
FROM chart_entries e JOIN charts c ON c.id = e.chart_id
ORDER BY e.at, e.chart_id, e.seq
"""


def upgrade() -> None:
    """Apply the change; what happened before is in the log, a line each."""
    op.create_table(
        "changes",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("chart_id", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer()),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["chart_id"], ["charts.id"]),
        sa.PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_chart_id", "changes", ["chart_id"])
    op.create_index("ix_changes_source_position", "changes", ["source", "position"])
    op.execute(FILL)
    # Loads of the teams are asked for with every consultation that comes in.
    op.create_index(
        "ix_charts_team_load", "charts", ["team_id", "status", "duty", "onsite_s"]
    )


def downgrade() -> None:
    """Undo the change; receivers and what they have not got yet are lost."""
    op.drop_index("ix_charts_team_load", "charts")
    op.drop_table("changes")
