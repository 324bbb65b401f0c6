"""Charts and plans for feature services: only what may be seen, only ever read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, and_, func, or_, select

from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading
from dispatch.adapters.tables import by_code, charts, plans
from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.place import BoundingBox, LonLat
from dispatch.domain.public_chart import ALL_PUBLIC, PublicChart, PublicQuery
from dispatch.ports import PlanStatus, StoredPlan

QUERY_BATCH = 500  # below every database's limit of bound parameters
FEW = 2_000  # from here on, reading all charts is faster than asking for each
COLUMNS = (
    charts.c.id,
    charts.c.number,
    charts.c.status,
    charts.c.urgency,
    charts.c.category_code,
    charts.c.received_at,
    charts.c.due_at,
    charts.c.ward_code,
    charts.c.district_id,
    charts.c.office_id,
    charts.c.team_id,
    charts.c.lon,
    charts.c.lat,
)
# A place that no crew can go to (the middle of a ward) has got no office, either.
VISIBLE = and_(
    charts.c.duty == str(Duty.FIELD),
    charts.c.status.not_in([str(ChartStatus.REFERRED), str(ChartStatus.UNPLACED)]),
    charts.c.office_id.is_not(None),
    charts.c.lon.is_not(None),
)


class SqlFeatures:
    """
    Reads what feature services show, on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self,
        query: PublicQuery,
        *,
        limit: int,
        after: tuple[dt.datetime, str] | None = None,
    ) -> tuple[list[PublicChart], int]:
        """
        Charts by time of receipt, at most so many, and how many there are in all.

        Parameters
        ----------
        query
            Which charts.
        limit
            At most so many.
        after
            Time of receipt and id of the last chart that was read before. Neither
            ever changes, so what comes in between moves no page.
        """
        order = charts.c.received_at, by_code(charts.c.id)
        rows = _where(select(*COLUMNS), query).order_by(*order).limit(limit)
        if after is not None:
            received_at, chart_id = after
            later = and_(order[0] == received_at, order[1] > chart_id)
            rows = rows.where(
                order[0] >= received_at, or_(order[0] > received_at, later)
            )
        count = _where(select(func.count()).select_from(charts), query)
        with reading(self._engine) as connection:
            found = connection.execute(rows).all()
            matched = int(connection.execute(count).scalar_one())
        return [_chart(row) for row in found], matched

    def one(self, chart_id: str) -> PublicChart | None:
        """Return a chart by its id; None where there is none that may be seen."""
        return self.some([chart_id]).get(chart_id)

    def some(self, chart_ids: Iterable[str]) -> dict[str, PublicChart]:
        """Charts by id; those that may not be seen are left out."""
        wanted = list(dict.fromkeys(chart_ids))
        every = _where(select(*COLUMNS), ALL_PUBLIC)
        found: dict[str, PublicChart] = {}
        with reading(self._engine) as connection:
            for query in _few(every, wanted) if len(wanted) <= FEW else (every,):
                for row in connection.execute(query):
                    found[row.id] = _chart(row)
        return found

    def received(self) -> tuple[dt.datetime, dt.datetime] | None:
        """When the first and the last of all charts that may be seen came in."""
        ends = func.min(charts.c.received_at), func.max(charts.c.received_at)
        with reading(self._engine) as connection:
            first, last = connection.execute(select(*ends).where(VISIBLE)).one()
        return None if first is None else (first, last)

    def plan_days(
        self, first: dt.date | None = None, last: dt.date | None = None
    ) -> list[tuple[dt.date, str]]:
        """Days that have a plan in force, with its id, in order; both ends included."""
        query = select(plans.c.date, plans.c.id).where(
            plans.c.status == str(PlanStatus.PUBLISHED)
        )
        if first is not None:
            query = query.where(plans.c.date >= first)
        if last is not None:
            query = query.where(plans.c.date <= last)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(plans.c.date)).all()
        return [(day, plan_id) for day, plan_id in rows]

    def plan(self, plan_id: str) -> StoredPlan | None:
        """Return a plan that is in force; None where there is none."""
        query = select(plans.c.body).where(
            plans.c.id == plan_id, plans.c.status == str(PlanStatus.PUBLISHED)
        )
        with reading(self._engine) as connection:
            body = connection.execute(query).scalar()
        return None if body is None else from_json(StoredPlan, body)


def _few(every: Select[Any], wanted: list[str]) -> Iterator[Select[Any]]:
    for at in range(0, len(wanted), QUERY_BATCH):
        yield every.where(charts.c.id.in_(wanted[at : at + QUERY_BATCH]))


def _where(rows: Select[Any], query: PublicQuery) -> Select[Any]:
    return rows.where(VISIBLE, *_equal(query), *_between(query))


def _equal(query: PublicQuery) -> Iterator[ColumnElement[bool]]:
    columns = charts.c
    for column, wanted in (
        (columns.status, query.status),
        (columns.urgency, query.urgency),
        (columns.category_code, query.category_code),
        (columns.ward_code, query.ward_code),
        (columns.district_id, query.district_id),
        (columns.office_id, query.office_id),
    ):
        if wanted:
            yield column == wanted


def _between(query: PublicQuery) -> Iterator[ColumnElement[bool]]:
    if query.received_from is not None:
        yield charts.c.received_at >= query.received_from
    if query.received_to is not None:
        yield charts.c.received_at <= query.received_to
    if query.boxes:
        yield or_(*map(_inside, query.boxes))


def _inside(box: BoundingBox) -> ColumnElement[bool]:
    return and_(
        charts.c.lon.between(box.west, box.east),
        charts.c.lat.between(box.south, box.north),
    )


def _chart(row: Row[Any]) -> PublicChart:
    return PublicChart(
        id=row.id,
        number=row.number,
        status=ChartStatus(row.status),
        urgency=Urgency(row.urgency),
        category_code=row.category_code,
        received_at=row.received_at,
        due_at=row.due_at,
        ward_code=row.ward_code,
        district_id=row.district_id,
        office_id=row.office_id,
        team_id=row.team_id,
        place=LonLat(row.lon, row.lat),
    )
