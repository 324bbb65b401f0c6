"""Rows of a chart's history and of the log of changes, inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    last = 0
    if after is None or after.version > 1:
        last = connection.execute(_LAST_SEQ, {"chart_id": chart_id}).scalar() or 0
    connection.execute(_ENTER, _lines(chart_id, new_entries, after, last=last))
    connection.execute(_CHANGE, _change(connection, chart_id, new_entries, after))


def enter_new(
    connection: Connection,
    opened: Iterable[tuple[CaseChart, Sequence[ChartEntry]]],
) -> None:
    """Write the first lines of new charts; see `append_entries`."""
    told = [(chart, lines) for chart, lines in opened if lines]
    if not told:
        return
    rows = [row for chart, lines in told for row in _lines(chart.id, lines, chart)]
    connection.execute(_ENTER, rows)
    connection.execute(_CHANGE, [_changed(chart, lines) for chart, lines in told])


def _lines(
    chart_id: str,
    new_entries: Sequence[ChartEntry],
    after: CaseChart | None,
    *,
    last: int = 0,
) -> list[dict[str, object]]:
    status = str(after.status) if after is not None else ""
    rows: list[dict[str, object]] = [
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
    return rows


def _change(
    connection: Connection,
    chart_id: str,
    new_entries: Sequence[ChartEntry],
    after: CaseChart | None,
) -> dict[str, object]:
    if after is not None:
        return _changed(after, new_entries)
    row = connection.execute(_CHART, {"chart_id": chart_id}).one()
    return {
        **_told(chart_id, new_entries),
        "version": row.version,
        "status": row.status,
        "source": row.source,
    }


def _changed(chart: CaseChart, new_entries: Sequence[ChartEntry]) -> dict[str, object]:
    return {
        **_told(chart.id, new_entries),
        "version": chart.version,
        "status": str(chart.status),
        "source": chart.consultation.source,
    }


def _told(chart_id: str, new_entries: Sequence[ChartEntry]) -> dict[str, object]:
    kinds = dict.fromkeys(str(entry.kind) for entry in new_entries)
    return {
        "chart_id": chart_id,
        "at": new_entries[-1].at,
        "kinds": ",".join(kinds),
    }
