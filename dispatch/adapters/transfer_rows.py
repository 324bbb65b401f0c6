"""Rows of a chart's transfers, written beside the chart in the same transaction."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert

from dispatch.adapters.tables import transfers
from dispatch.domain.case_chart import CaseChart


def put_transfers(connection: Connection, chart: CaseChart) -> None:
    """Write the rows of a chart's transfers anew; a chart never loses any."""
    if not chart.transfers:
        return
    connection.execute(delete(transfers).where(transfers.c.chart_id == chart.id))
    last = len(chart.transfers)
    rows = [
        {
            "id": one.id,
            "chart_id": chart.id,
            "seq": seq,
            "is_last": seq == last,
            "state": str(one.state),
            "sender": one.sender,
            "receiver": one.receiver,
            "ward_code": one.ward_code,
            "sent_at": one.sent_at,
            "due_at": one.due_at,
            "settled_at": one.settled_at,
            "ended_at": one.ended_at,
        }
        for seq, one in enumerate(chart.transfers, start=1)
    ]
    connection.execute(insert(transfers), rows)
