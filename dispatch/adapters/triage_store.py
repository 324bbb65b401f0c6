"""Charts that triage and the technical adviser look at, found by their columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, or_, select

from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading
from dispatch.adapters.tables import by_code, charts, entries
from dispatch.domain.case_chart import CaseChart, EntryKind
from dispatch.domain.catalogue import Urgency
from dispatch.domain.life_cycle import WORK_OVER, Act, ChartStatus

_WAITING = (ChartStatus.RECEIVED, ChartStatus.RETURNED, ChartStatus.UNPLACED)
_OVER = (ChartStatus.CLOSED, ChartStatus.WITHDRAWN, ChartStatus.DUPLICATE)
_OWED = tuple(sorted(set(ChartStatus) - WORK_OVER - {ChartStatus.REFERRED}))


class SqlTriageCharts:
    """
    What `dispatch.triage_desk` and `dispatch.adviser_desk` ask the store.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def to_look_at(
        self, *, unclear_codes: Collection[str], urgent_since: dt.datetime
    ) -> list[CaseChart]:
        """Charts that wait for a decision; see `dispatch.triage_desk`."""
        status = charts.c.status
        unclear = charts.c.category_code.in_(sorted(unclear_codes))
        urgent = charts.c.urgency == str(Urgency.S)
        return self._found(
            or_(
                status.in_(_WAITING),
                and_(unclear, status == str(ChartStatus.ASSIGNED)),
                and_(
                    urgent,
                    charts.c.received_at >= urgent_since,
                    status.not_in(_OVER),
                ),
            )
        )

    def open_in(
        self, ward_codes: Collection[str], category_codes: Collection[str]
    ) -> list[CaseChart]:
        """Charts whose work is owed; see `dispatch.adviser_desk`."""
        return self._found(
            charts.c.ward_code.in_(sorted(ward_codes)),
            charts.c.category_code.in_(sorted(category_codes)),
            charts.c.status.in_(_OWED),
        )

    def received_between(
        self, start: dt.datetime, end: dt.datetime, category_codes: Collection[str]
    ) -> list[CaseChart]:
        """Charts received in a time; see `dispatch.adviser_desk`."""
        codes = charts.c.category_code.in_(sorted(category_codes))
        return self._found(*_received(start, end), codes)

    def returned_between(self, start: dt.datetime, end: dt.datetime) -> set[str]:
        """Which charts received in a time an office sent back at least once."""
        query = (
            select(entries.c.chart_id)
            .join_from(entries, charts)
            .where(
                *_received(start, end),
                or_(
                    entries.c.kind == str(EntryKind.RETURNED),
                    entries.c.about == str(Act.RETURN),
                ),
            )
            .distinct()
        )
        with reading(self._engine) as connection:
            return set(connection.execute(query).scalars())

    def _found(self, *conditions: ColumnElement[bool]) -> list[CaseChart]:
        query = select(charts.c.body).where(*conditions)
        ordered = query.order_by(charts.c.received_at, by_code(charts.c.number))
        with reading(self._engine) as connection:
            bodies: list[Any] = list(connection.execute(ordered).scalars())
        return [from_json(CaseChart, body) for body in bodies]


def _received(start: dt.datetime, end: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    return charts.c.received_at >= start, charts.c.received_at < end
