"""Charts as intake systems see them again: by number, time and status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    bindparam,
    func,
    or_,
    select,
)

from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.entry_rows import append_entries
from dispatch.adapters.tables import by_code, changes, charts, entries
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus
from dispatch.domain.catalogue import Duty
from dispatch.domain.shown_request import RequestQuery, ShownRequest, ShownUpdate

QUERY_BATCH = 500  # below every database's limit of bound parameters
# What the wards' own desks answer (福祉, 経営 …) is nobody else's business.
SHOWN = charts.c.duty != str(Duty.REFERRAL)
_LAST_CHANGE = (
    select(changes.c.chart_id, func.max(changes.c.at).label("at"))
    .group_by(changes.c.chart_id)
    .subquery()
)
_SAID = select(func.count()).where(
    entries.c.chart_id == bindparam("chart_id"), entries.c.about == bindparam("about")
)


class SqlRequests:
    """
    Reads charts for the systems that handed them in, on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(self, query: RequestQuery) -> tuple[list[ShownRequest], int]:
        """Return a page of requests, the newest first, and how many there are."""
        with reading(self._engine) as connection:
            if query.numbers:
                found = self._numbered(connection, query.numbers)
                first = (query.page - 1) * query.page_size
                return found[first : first + query.page_size], len(found)
            rows = _requests().where(*_conditions(query))
            every = rows.with_only_columns(charts.c.id, maintain_column_froms=True)
            counted = select(func.count()).select_from(every.subquery())
            count = int(connection.execute(counted).scalar_one())
            rows = rows.order_by(charts.c.received_at.desc(), by_code(charts.c.id))
            rows = rows.limit(query.page_size)
            rows = rows.offset((query.page - 1) * query.page_size)
            return self._shown(connection, connection.execute(rows).all()), count

    def one(self, number: str) -> ShownRequest | None:
        """Return the request of a number; None where there is none to show."""
        with reading(self._engine) as connection:
            found = self._numbered(connection, (number,))
        return found[0] if found else None

    def updates(
        self,
        first: dt.datetime,
        last: dt.datetime,
        *,
        source: str | None = None,
        limit: int,
    ) -> list[ShownUpdate]:
        """
        Return changes of status that were stored in a span, the oldest first.

        What a chart began with is no change, and neither is a line that leaves its
        status as it was.

        Parameters
        ----------
        first, last
            Both ends are included.
        source
            Only of charts that this system handed in; None for all.
        limit
            At most so many, the newest are left out.
        """
        touched = select(changes.c.chart_id).where(changes.c.at.between(first, last))
        rows = (
            select(changes, charts.c.number)
            .join_from(changes, charts)
            .where(SHOWN, changes.c.chart_id.in_(touched))
            .order_by(changes.c.chart_id, changes.c.position)
        )
        if source is not None:
            rows = rows.where(changes.c.source == source)
        with reading(self._engine) as connection:
            every = connection.execute(rows).all()
        told: list[ShownUpdate] = []
        for _, of_chart in groupby(every, key=lambda row: row.chart_id):
            told += _changed(list(of_chart), first, last)
        return sorted(told, key=lambda one: one.position)[:limit]

    def say_once(self, chart_id: str, entry: ChartEntry) -> bool:
        """
        Append what another system says; the same `about` a second time adds nothing.

        Returns
        -------
        bool
            Whether it was new.
        """
        with writing(self._engine) as connection:
            asked = {"chart_id": chart_id, "about": entry.about}
            if connection.execute(_SAID, asked).scalar_one():
                return False
            append_entries(connection, chart_id, [entry])
            return True

    def _numbered(
        self, connection: Connection, numbers: Sequence[str]
    ) -> list[ShownRequest]:
        """Return requests of numbers, in the order in which they were asked for."""
        found: list[Any] = []
        for at in range(0, len(numbers), QUERY_BATCH):
            part = numbers[at : at + QUERY_BATCH]
            rows = _requests().where(charts.c.number.in_(part))
            found += connection.execute(rows).all()
        shown = {one.chart.number: one for one in self._shown(connection, found)}
        return [shown[one] for one in numbers if one in shown]

    def _shown(self, connection: Connection, rows: Iterable[Any]) -> list[ShownRequest]:
        read = [(from_json(CaseChart, row.body), row.at) for row in rows]
        merged = sorted({chart.duplicate_of for chart, _ in read} - {""})
        mains: dict[str, CaseChart] = {}
        for at in range(0, len(merged), QUERY_BATCH):
            part = merged[at : at + QUERY_BATCH]
            query = select(charts.c.body).where(charts.c.id.in_(part))
            for body in connection.execute(query).scalars():
                main = from_json(CaseChart, body)
                mains[main.id] = main
        return [
            ShownRequest(
                chart=chart,
                updated_at=updated_at,
                followed=mains.get(chart.duplicate_of),
            )
            for chart, updated_at in read
        ]


def _requests() -> Select[Any]:
    at = func.coalesce(_LAST_CHANGE.c.at, charts.c.received_at)
    return (
        select(charts.c.body, at.label("at"))
        .join_from(
            charts, _LAST_CHANGE, charts.c.id == _LAST_CHANGE.c.chart_id, isouter=True
        )
        .where(SHOWN)
    )


def _conditions(query: RequestQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        charts.c.received_at.between(query.received_from, query.received_to)
    ]
    if query.category_codes:
        found.append(charts.c.category_code.in_(query.category_codes))
    if query.statuses:
        statuses = [str(one) for one in query.statuses]
        # A merged report stands where the one stands that it was merged into.
        main = select(charts.c.id).where(charts.c.status.in_(statuses))
        is_merged = charts.c.status == str(ChartStatus.DUPLICATE)
        found.append(
            or_(
                charts.c.status.in_(statuses) & ~is_merged,
                is_merged & charts.c.duplicate_of.in_(main.scalar_subquery()),
            )
        )
    if query.updated_from is not None:
        found.append(_LAST_CHANGE.c.at >= query.updated_from)
    if query.updated_to is not None:
        found.append(_LAST_CHANGE.c.at <= query.updated_to)
    return found


def _changed(
    rows: Sequence[Any], first: dt.datetime, last: dt.datetime
) -> list[ShownUpdate]:
    return [
        ShownUpdate(
            position=row.position,
            number=row.number,
            at=row.at,
            status=ChartStatus(row.status),
        )
        for before, row in pairwise(rows)
        if row.status != before.status and first <= row.at <= last
    ]
