"""Transfers beside the charts, and notices; what was referred before waits, too."""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 10
BEFORE = "以前の版で移管"


def upgrade() -> None:
    """Apply the change; a chart that somebody else has gets its first transfer."""
    transfers = op.create_table(
        "transfers",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column(
            "chart_id", sa.String(16), sa.ForeignKey("charts.id"), nullable=False
        ),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("is_last", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("sender", sa.String(120), nullable=False),
        sa.Column("receiver", sa.String(120), nullable=False),
        sa.Column("ward_code", sa.String(16), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime()),
        sa.Column("settled_at", sa.DateTime()),
        sa.Column("ended_at", sa.DateTime()),
    )
    op.create_index("ix_transfers_chart_id", "transfers", ["chart_id"])
    op.create_index(
        "ix_transfers_last_state", "transfers", ["is_last", "state", "receiver"]
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column(
            "chart_id", sa.String(16), sa.ForeignKey("charts.id"), nullable=False
        ),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("desk", sa.String(120), nullable=False),
        sa.Column("ward_code", sa.String(16), nullable=False),
        sa.Column("district_id", sa.String(40), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.Column("act_by", sa.Date()),
        sa.Column("read_at", sa.DateTime()),
        sa.Column("read_by", sa.String(120)),
        sa.Column("settled_at", sa.DateTime()),
        sa.Column("settled_by", sa.String(120)),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_notices_chart_id", "notices", ["chart_id"])
    op.create_index("ix_notices_open", "notices", ["settled_at", "side", "ward_code"])
    _fill(transfers)


def _fill(transfers: sa.Table) -> None:
    """Write the rows of all bodies; who only had a receiver gets a first transfer."""
    charts = sa.table(
        "charts",
        sa.column("id"),
        sa.column("status"),
        sa.column("receiver"),
        sa.column("ward_code"),
        sa.column("received_at", sa.DateTime()),
        sa.column("body"),
    )
    connection = op.get_bind()
    handed = sa.or_(
        charts.c.status == "referred", charts.c.body.like('%"transfers":[{%')
    )
    for row in connection.execute(sa.select(charts).where(handed)).all():
        body = json.loads(row.body)
        if not body.get("transfers") and row.receiver:
            body["transfers"] = [_first(row)]
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            change = sa.update(charts).where(charts.c.id == row.id)
            connection.execute(change.values(body=text))
        last = len(body.get("transfers", ()))
        for seq, one in enumerate(body.get("transfers", ()), start=1):
            values = _row(one) | {"chart_id": row.id, "seq": seq}
            values["is_last"] = seq == last
            connection.execute(sa.insert(transfers).values(**values))


def _first(row: sa.Row[Any]) -> dict[str, str]:
    """Make the transfer of a chart that was only given a receiver: without a clock."""
    return {
        "id": "".join(secrets.choice(LETTERS) for _ in range(ID_LENGTH)),
        "sender": "受付",
        "receiver": row.receiver,
        "state": "sent",
        "sent_at": row.received_at.replace(tzinfo=UTC).isoformat(),
        "why": BEFORE,
        "ward_code": row.ward_code,
    }


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a transfer out of a chart's body."""
    clock = {"sent": "accept_by", "returned": "return_by"}.get(one["state"], "")
    moments = {"sent_at": "sent_at", "settled_at": "settled_at", "ended_at": "ended_at"}
    return {
        **{name: one[name] for name in ("id", "sender", "receiver", "state")},
        "ward_code": one.get("ward_code", ""),
        **{
            column: _utc(one.get(name))
            for column, name in (*moments.items(), ("due_at", clock))
        },
    }


def _utc(text: str | None) -> datetime | None:
    if not text:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def downgrade() -> None:
    """Undo the change; the transfers stay in each chart's body, notices are gone."""
    op.drop_table("notices")
    op.drop_table("transfers")
