"""Queues of transfers in a relational database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, func, or_, select

from dispatch.adapters.chart_list_store import reached
from dispatch.adapters.codec import from_json
from dispatch.adapters.database import reading
from dispatch.adapters.tables import by_code, charts, transfers
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.transfer import WITH_RECEIVER, TransferState
from dispatch.domain.transfer_query import ReceiverCount, TransferOrder, TransferQuery


class SqlTransfers:
    """
    Queues of the charts' last transfers on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(
        self,
        query: TransferQuery,
        *,
        order: TransferOrder = TransferOrder.DUE,
        limit: int | None = None,
    ) -> list[CaseChart]:
        """Charts whose last transfer is in a queue, at most so many of them."""
        rows = _where(select(charts.c.body), query).order_by(*_order(order))
        if limit is not None:
            rows = rows.limit(limit)
        with reading(self._engine) as connection:
            bodies = connection.execute(rows).scalars().all()
        return [from_json(CaseChart, body) for body in bodies]

    def count(self, query: TransferQuery) -> int:
        """How many transfers are in a queue."""
        rows = _where(select(func.count()), query)
        with reading(self._engine) as connection:
            return int(connection.execute(rows).scalar_one())

    def by_receiver(
        self, query: TransferQuery, *, at: dt.datetime
    ) -> tuple[ReceiverCount, ...]:
        """Count a queue by receiver, in the order of their names."""
        late = func.sum(case((transfers.c.due_at < at, 1), else_=0))
        alike = (transfers.c.receiver, transfers.c.state)
        rows = _where(select(*alike, func.count(), late), query).group_by(*alike)
        found: dict[str, ReceiverCount] = {}
        with reading(self._engine) as connection:
            for receiver, state, count, num_late in connection.execute(rows):
                before = found.get(receiver, ReceiverCount(receiver=receiver))
                found[receiver] = _counted(before, state, int(count), int(num_late))
        return tuple(found[name] for name in sorted(found))


def _counted(
    before: ReceiverCount, state: str, count: int, num_late: int
) -> ReceiverCount:
    after = replace(before, late=before.late + num_late)
    if state == TransferState.SENT:
        return replace(after, waiting=count)
    if state == TransferState.ACCEPTED:
        return replace(after, accepted=count)
    return replace(after, returned=count)


def _where(rows: Select[Any], query: TransferQuery) -> Select[Any]:
    joined = rows.join_from(charts, transfers, transfers.c.chart_id == charts.c.id)
    return joined.where(transfers.c.is_last, _runs(), *_conditions(query))


def _runs() -> ColumnElement[bool]:
    """Whether somebody still has to act on it: the chart has not gone another way."""
    with_them = [str(state) for state in sorted(WITH_RECEIVER)]
    return or_(
        and_(
            transfers.c.state.in_(with_them),
            charts.c.status == str(ChartStatus.REFERRED),
        ),
        and_(
            transfers.c.state == str(TransferState.RETURNED),
            charts.c.status == str(ChartStatus.RETURNED),
        ),
    )


def _conditions(query: TransferQuery) -> Iterator[ColumnElement[bool]]:
    if query.state is not None:
        yield transfers.c.state == str(query.state)
    if query.receiver:
        yield transfers.c.receiver == query.receiver
    if query.ward_code:
        yield charts.c.ward_code == query.ward_code
    if query.late_at is not None:
        yield transfers.c.due_at < query.late_at
    if not query.reach.is_unlimited:
        yield reached(query.reach)


def _order(order: TransferOrder) -> tuple[ColumnElement[Any], ...]:
    number = by_code(charts.c.number)
    if order is TransferOrder.SENT:
        return transfers.c.sent_at, number
    due = transfers.c.due_at
    return case((due.is_(None), 1), else_=0), due, number
