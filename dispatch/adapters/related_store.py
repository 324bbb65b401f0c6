"""Charts that belong together, found by their columns: near, merged, of one call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import ColumnElement, Engine, select

from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading
from dispatch.adapters.tables import by_code, charts
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.place import BoundingBox


class SqlRelated:
    """
    What `dispatch.merge_desk` and `dispatch.topic_desk` ask the store.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def near(
        self,
        box: BoundingBox,
        *,
        since: dt.datetime,
        until: dt.datetime,
        without: Collection[ChartStatus],
        limit: int,
    ) -> list[CaseChart]:
        """Charts placed in a rectangle and received in a time, the newest first."""
        place = charts.c
        query = (
            select(charts.c.body)
            .where(
                place.lon.between(box.west, box.east),
                place.lat.between(box.south, box.north),
                charts.c.received_at.between(since, until),
                charts.c.status.not_in(sorted(without)),
            )
            .order_by(charts.c.received_at.desc(), by_code(charts.c.number).desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            bodies = connection.execute(query).scalars().all()
        return [from_json(CaseChart, body) for body in bodies]

    def merged_into(self, chart_id: str) -> list[CaseChart]:
        """Charts whose visit was merged into a chart's, oldest first."""
        return self._found(charts.c.duplicate_of == chart_id)

    def topics_of(self, chart_id: str) -> list[CaseChart]:
        """Charts of the other topics of a call, in the order of their numbers."""
        return self._found(charts.c.parent_id == chart_id)

    def _found(self, condition: ColumnElement[bool]) -> list[CaseChart]:
        query = select(charts.c.body).where(condition)
        ordered = query.order_by(charts.c.received_at, by_code(charts.c.number))
        with reading(self._engine) as connection:
            bodies = connection.execute(ordered).scalars().all()
        return [from_json(CaseChart, body) for body in bodies]
