"""Lists of charts: counted and ordered by the database, only shown rows are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
)

from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading
from dispatch.adapters.export_rows import EXPORT_COLUMNS, exported_chart
from dispatch.adapters.tables import by_code, changes, charts, entries
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.chart_query import (
    ChartColumn,
    ChartOrder,
    ChartQuery,
    PageMark,
    PageOrder,
    Reach,
    Tally,
)
from dispatch.domain.exported import ExportedChart
from dispatch.domain.life_cycle import NOT_DONE, WORK_OVER
from dispatch.domain.owed import FORGOTTEN

EXPORT_BATCH = 2_000  # rows of a file that are in memory at once
QUERY_BATCH = 500  # below every database's limit of bound parameters
# Nobody is late with these: the work is over, somebody else's, or held by law.
NEVER_OVERDUE = WORK_OVER | {ChartStatus.REFERRED, ChartStatus.ON_HOLD}
COLUMNS = {
    ChartColumn.STATUS: charts.c.status,
    ChartColumn.CATEGORY: charts.c.category_code,
    ChartColumn.URGENCY: charts.c.urgency,
    ChartColumn.DUTY: charts.c.duty,
    ChartColumn.SCHEME: charts.c.scheme,
    ChartColumn.WARD: charts.c.ward_code,
    ChartColumn.DISTRICT: charts.c.district_id,
    ChartColumn.OFFICE: charts.c.office_id,
    ChartColumn.TEAM: charts.c.team_id,
    ChartColumn.SOURCE: charts.c.source,
    ChartColumn.EXTERNAL_ID: charts.c.external_id,
    ChartColumn.NUMBER: charts.c.number,
}


class SqlChartLists:
    """
    Lists of charts on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(
        self,
        query: ChartQuery,
        *,
        order: ChartOrder = ChartOrder.DUE,
        limit: int | None = None,
    ) -> list[CaseChart]:
        """Charts of a list in an order, at most so many of them."""
        rows = _where(select(charts.c.body), query).order_by(*_order(order))
        if limit is not None:
            rows = rows.limit(limit)
        with reading(self._engine) as connection:
            bodies = connection.execute(rows).scalars().all()
        return [from_json(CaseChart, body) for body in bodies]

    def page(
        self,
        query: ChartQuery,
        *,
        order: PageOrder,
        after: PageMark | None,
        limit: int,
    ) -> list[CaseChart]:
        """
        Charts of a list behind a mark, at most so many.

        A mark is a place in the order, not a count: what comes in meanwhile makes no
        chart come twice, and none be left out.
        """
        rows = _where(select(charts.c.body), query).order_by(*_page_order(order))
        if after is not None:
            rows = rows.where(_behind(order, after))
        with reading(self._engine) as connection:
            bodies = connection.execute(rows.limit(limit)).scalars().all()
        return [from_json(CaseChart, body) for body in bodies]

    def count(self, query: ChartQuery) -> int:
        """How many charts a list has."""
        rows = _where(select(func.count()).select_from(charts), query)
        with reading(self._engine) as connection:
            return int(connection.execute(rows).scalar_one())

    def count_of(self, query: ChartQuery, chart_ids: Iterable[str]) -> int:
        """How many of some charts are in a list."""
        wanted = list(dict.fromkeys(chart_ids))
        found = 0
        with reading(self._engine) as connection:
            for at in range(0, len(wanted), QUERY_BATCH):
                rows = select(func.count()).select_from(charts)
                rows = rows.where(charts.c.id.in_(wanted[at : at + QUERY_BATCH]))
                found += int(connection.execute(_where(rows, query)).scalar_one())
        return found

    def exported(self, query: ChartQuery) -> Iterator[ExportedChart]:
        """
        Charts of a list as files hold them, oldest first, read in parts.

        Each part is a read of its own: what changes meanwhile may stand in the file as
        it was or as it is, but no chart comes twice or is left out.
        """
        order = charts.c.received_at, by_code(charts.c.id)
        rows = _where(select(*EXPORT_COLUMNS), query).order_by(*order)
        part = rows.limit(EXPORT_BATCH)
        while True:
            with reading(self._engine) as connection:
                found = connection.execute(part).all()
            yield from map(exported_chart, found)
            if len(found) < EXPORT_BATCH:
                return
            last = found[-1]
            later = and_(order[0] == last.received_at, order[1] > last.id)
            part = rows.where(
                order[0] >= last.received_at, or_(order[0] > last.received_at, later)
            ).limit(EXPORT_BATCH)

    def exported_some(
        self, query: ChartQuery, chart_ids: Iterable[str]
    ) -> dict[str, ExportedChart]:
        """Those of some charts that are in a list, by id, as files hold them."""
        wanted = list(dict.fromkeys(chart_ids))
        every = _where(select(*EXPORT_COLUMNS), query)
        found: dict[str, ExportedChart] = {}
        with reading(self._engine) as connection:
            for at in range(0, len(wanted), QUERY_BATCH):
                some = every.where(charts.c.id.in_(wanted[at : at + QUERY_BATCH]))
                for row in connection.execute(some):
                    found[row.id] = exported_chart(row)
        return found

    def count_by_district(self, query: ChartQuery) -> dict[str, int]:
        """How many charts of a list each school district has, by its id."""
        rows = _where(select(charts.c.district_id, func.count()), query)
        with reading(self._engine) as connection:
            found = connection.execute(rows.group_by(charts.c.district_id)).all()
        return {district_id: int(count) for district_id, count in found}

    def tallied(self, query: ChartQuery) -> tuple[Tally, ...]:
        """Count a list by status, duty, urgency and works office."""
        alike = (
            charts.c.status,
            charts.c.duty,
            charts.c.urgency,
            func.coalesce(charts.c.office_id, ""),
        )
        rows = _where(select(*alike, func.count()), query).group_by(*alike)
        with reading(self._engine) as connection:
            found = connection.execute(rows).all()
        return tuple(
            Tally(
                status=ChartStatus(status),
                duty=Duty(duty),
                urgency=Urgency(urgency),
                office_id=office_id,
                count=int(count),
            )
            for status, duty, urgency, office_id, count in found
        )


def _where(rows: Select[Any], query: ChartQuery) -> Select[Any]:
    return rows.where(
        *_plain_conditions(query),
        *_time_conditions(query),
        *_listed_conditions(query),
    )


def _plain_conditions(query: ChartQuery) -> Iterator[ColumnElement[bool]]:
    columns = charts.c
    if query.statuses is not None:
        yield columns.status.in_([str(status) for status in query.statuses])
    if query.duty is not None:
        yield columns.duty == str(query.duty)
    if query.urgency is not None:
        yield columns.urgency == str(query.urgency)
    if query.office_id:
        yield columns.office_id == query.office_id
    if query.ward_code:
        yield columns.ward_code == query.ward_code
    if query.district_ids:
        yield columns.district_id.in_(query.district_ids)
    if query.owing:
        yield _owing()
    if not query.reach.is_unlimited:
        yield reached(query.reach)


def _listed_conditions(query: ChartQuery) -> Iterator[ColumnElement[bool]]:
    """Narrow a list down as programs ask."""
    for column, values in query.among.items():
        yield COLUMNS[column].in_(sorted(values))
    if query.box is not None:
        yield charts.c.lon.between(query.box.west, query.box.east)
        yield charts.c.lat.between(query.box.south, query.box.north)
    if query.due_before is not None:
        yield charts.c.due_at < query.due_before
    if query.updated_from is not None:
        since = changes.c.at >= query.updated_from
        yield exists().where(changes.c.chart_id == charts.c.id, since)


def _time_conditions(query: ChartQuery) -> Iterator[ColumnElement[bool]]:
    if query.overdue_at is not None:
        yield _overdue(query.overdue_at)
    if query.urgent_or_overdue_at is not None:
        urgent = charts.c.urgency == str(Urgency.S)
        yield or_(urgent, _overdue(query.urgent_or_overdue_at))
    if query.received_from is not None:
        yield charts.c.received_at >= query.received_from
    if query.received_before is not None:
        yield charts.c.received_at < query.received_before
    if query.settled_from is not None:
        yield _settled(query.settled_from)


def _overdue(at: dt.datetime) -> ColumnElement[bool]:
    never = [str(status) for status in sorted(NEVER_OVERDUE)]
    return and_(charts.c.due_at < at, charts.c.status.not_in(never))


def _owing() -> ColumnElement[bool]:
    columns = charts.c
    over = [str(status) for status in sorted(FORGOTTEN)]
    waits = and_(columns.answer_due_at.is_not(None), columns.status.not_in(over))
    return or_(columns.status.in_([str(status) for status in NOT_DONE]), waits)


def _settled(since: dt.datetime) -> ColumnElement[bool]:
    """Whether a chart came to its status then: the line before told another."""
    line, before = entries.alias("line"), entries.alias("before")
    same_before = exists().where(
        before.c.chart_id == line.c.chart_id,
        before.c.seq == line.c.seq - 1,
        before.c.status == line.c.status,
    )
    return exists().where(
        line.c.chart_id == charts.c.id,
        line.c.status == charts.c.status,
        line.c.at >= since,
        ~same_before,
    )


def reached(reach: Reach) -> ColumnElement[bool]:
    """Whether a chart belongs to whom a reach names."""
    columns = charts.c
    ways: list[ColumnElement[bool]] = [
        column.in_(sorted(wanted))
        for column, wanted in (
            (columns.ward_code, reach.ward_codes),
            (columns.office_id, reach.office_ids),
            (columns.team_id, reach.team_ids),
            (columns.receiver, reach.receivers),
            (columns.source, reach.sources),
            (columns.id, reach.chart_ids),
        )
        if wanted
    ]
    if reach.without_ward:
        ways.append(columns.ward_code == "")
    if reach.without_office:
        ways.append(columns.office_id.is_(None))
    reached = or_(false(), *ways)
    if reach.category_codes is None:
        return reached
    return and_(reached, columns.category_code.in_(sorted(reach.category_codes)))


def _order(order: ChartOrder) -> tuple[ColumnElement[Any], ...]:
    received, due = charts.c.received_at, charts.c.due_at
    by_due = func.coalesce(due, received)
    number = by_code(charts.c.number)
    match order:
        case ChartOrder.RECEIVED:
            return received, number
        case ChartOrder.URGENCY:
            ranks = {str(urgency): urgency.rank for urgency in Urgency}
            return case(ranks, value=charts.c.urgency), by_due, number
        case ChartOrder.DUE:
            return case((due.is_(None), 1), else_=0), by_due, number


def _page_order(order: PageOrder) -> tuple[ColumnElement[Any], ...]:
    received, chart_id = charts.c.received_at, by_code(charts.c.id)
    match order:
        case PageOrder.RECEIVED:
            return received, chart_id
        case PageOrder.NEWEST:
            return received.desc(), chart_id.desc()
        case PageOrder.DUE:
            due = charts.c.due_at
            return case((due.is_(None), 1), else_=0), due, chart_id


def _behind(order: PageOrder, mark: PageMark) -> ColumnElement[bool]:
    """Whether a chart comes after another one in an order."""
    chart_id = by_code(charts.c.id)
    column = charts.c.due_at if order is PageOrder.DUE else charts.c.received_at
    if mark.at is None:  # only deadlines are missing, and those come last
        return and_(column.is_(None), chart_id > mark.chart_id)
    if order is PageOrder.NEWEST:
        earlier = and_(column == mark.at, chart_id < mark.chart_id)
        return and_(column <= mark.at, or_(column < mark.at, earlier))
    later = and_(column == mark.at, chart_id > mark.chart_id)
    behind = and_(column >= mark.at, or_(column > mark.at, later))
    return or_(behind, column.is_(None)) if order is PageOrder.DUE else behind
