"""Rows of a chart's history and of the log of changes, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select

from dispatch.adapters.codec import to_json
from dispatch.adapters.tables import changes, charts, entries
from dispatch.domain.case_chart import CaseChart, ChartEntry
from dispatch.domain.chart_facts import facts_of

# Made once: building a statement takes longer than the database takes for it.
_LAST_SEQ = select(func.max(entries.c.seq)).where(
    entries.c.chart_id == bindparam("chart_id")
)
_CHART = select(charts.c.version, charts.c.status, charts.c.source).where(
    charts.c.id == bindparam("chart_id")
)
_ENTER = insert(entries)
_CHANGE = insert(changes)


def append_entries(
    connection: Connection,
    chart_id: str,
    new_entries: Sequence[ChartEntry],
    after: CaseChart | None = None,
) -> None:
    """
    Append lines, each with where the chart stands after its change.

    Beside the last line stand the chart's facts, from which numbers are counted. The
    log of changes gets one row for all of them: it is what other systems are told, and
    since it is written here, nothing that is stored goes untold.

    Parameters
    ----------
    connection
        Of the write transaction. Writers wait for each other, so positions of the log
        come in the order in which readers get to see them.
    chart_id
        Of a chart that is stored.
    new_entries
        In their order; nothing happens for none.
    after
        The chart as this transaction leaves it; None when it stays as it is.
    """
    if not new_entries:
        return
    status = str(after.status) if after is not None else ""
    last = 0
    if after is None or after.version > 1:
        last = connection.execute(_LAST_SEQ, {"chart_id": chart_id}).scalar() or 0
    rows = [
        {
            "chart_id": chart_id,
            "seq": last + offset,
            "at": entry.at,
            "who": entry.who,
            "kind": str(entry.kind),
            "text": entry.text,
            "about": entry.about or None,
            "status": str(entry.status or status or "") or None,
            "facts": None,
        }
        for offset, entry in enumerate(new_entries, start=1)
    ]
    if after is not None:
        rows[-1]["facts"] = to_json(facts_of(after))
    connection.execute(_ENTER, rows)
    connection.execute(_CHANGE, _change(connection, chart_id, new_entries, after))


def _change(
    connection: Connection,
    chart_id: str,
    new_entries: Sequence[ChartEntry],
    after: CaseChart | None,
) -> dict[str, object]:
    if after is not None:
        version, status = after.version, str(after.status)
        source = after.consultation.source
    else:
        row = connection.execute(_CHART, {"chart_id": chart_id}).one()
        version, status, source = row.version, row.status, row.source
    kinds = dict.fromkeys(str(entry.kind) for entry in new_entries)
    return {
        "chart_id": chart_id,
        "version": version,
        "at": new_entries[-1].at,
        "kinds": ",".join(kinds),
        "status": status,
        "source": source,
    }
