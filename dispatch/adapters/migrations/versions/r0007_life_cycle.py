"""Life cycle: scheme, receiver, answer clock, relations; status behind each entry."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_charts_receiver_status": ["receiver", "status"],
    "ix_charts_parent_id": ["parent_id"],
    "ix_charts_duplicate_of": ["duplicate_of"],
    "ix_charts_ward_received": ["ward_code", "received_at"],
}


def upgrade() -> None:
    """Apply the change; what is in the store becomes a report (通報)."""
    # Column by column: a table made anew would break the keys that point to it.
    for column in (
        sa.Column("scheme", sa.String(24), nullable=False, server_default="report"),
        sa.Column("receiver", sa.String(120), nullable=False, server_default=""),
        sa.Column("answer_due_at", sa.DateTime()),
        sa.Column("parent_id", sa.String(16)),
        sa.Column("duplicate_of", sa.String(16)),
    ):
        op.add_column("charts", column)
    for name, columns in INDEXES.items():
        op.create_index(name, "charts", columns)
    _fill_receivers()
    op.add_column("chart_entries", sa.Column("about", sa.String(120)))
    op.add_column("chart_entries", sa.Column("status", sa.String(16)))
    op.add_column("chart_entries", sa.Column("facts", sa.Text()))
    op.create_index("ix_chart_entries_at", "chart_entries", ["at"])


def _fill_receivers() -> None:
    """Copy out of each body who has the chart: queues ask the column."""
    charts = sa.table(
        "charts", sa.column("id"), sa.column("body"), sa.column("receiver")
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(charts.c.id, charts.c.body)).all()
    found = [(row.id, json.loads(row.body).get("receiver")) for row in rows]
    for chart_id, receiver in found:
        if receiver:
            change = sa.update(charts).where(charts.c.id == chart_id)
            connection.execute(change.values(receiver=receiver))


def downgrade() -> None:
    """Undo the change; what the charts' columns held stays in each chart's body."""
    op.drop_index("ix_chart_entries_at", "chart_entries")
    op.drop_column("chart_entries", "facts")
    op.drop_column("chart_entries", "status")
    op.drop_column("chart_entries", "about")
    for name in INDEXES:
        op.drop_index(name, "charts")
    for column in ("duplicate_of", "parent_id", "answer_due_at", "receiver", "scheme"):
        op.drop_column("charts", column)
