"""Notices in a relational database; each is a line of its chart's history, too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    case,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.entry_rows import append_entries
from dispatch.adapters.tables import notices
from dispatch.domain.case_chart import ChartEntry
from dispatch.domain.chart_query import Reach
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.notice import (
    Notice,
    NoticeCount,
    NoticeQuery,
    NoticeSide,
    NoticeState,
)

SETTLED = "この対応連絡は、もう済んでいます"


class SqlNotices:
    """
    The `Notices` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def send(self, notice: Notice, entry: ChartEntry) -> None:
        """Store a notice and its line; what it answers is settled with it."""
        with writing(self._engine) as connection:
            connection.execute(insert(notices).values(**_values(notice)))
            append_entries(connection, notice.chart_id, (entry,))
            if notice.answers_id:
                before = _read(connection, notice.answers_id)
                answered = replace(before, answered_by_id=notice.id)
                _settle(connection, answered, by=notice.who, at=notice.sent_at)

    def get(self, notice_id: str) -> Notice:
        """Return the notice; NotFoundError when there is none."""
        with reading(self._engine) as connection:
            return _read(connection, notice_id)

    def mark_read(self, notice_id: str, *, by: str, at: dt.datetime) -> Notice:
        """Mark a notice as read; whoever read it first stays named."""
        with writing(self._engine) as connection:
            notice = _read(connection, notice_id)
            if notice.read_at is not None:
                return notice
            notice = replace(notice, read_at=at, read_by=by)
            _write(connection, notice)
        return notice

    def settle(
        self, notice_id: str, *, by: str, at: dt.datetime, entry: ChartEntry
    ) -> Notice:
        """End the task of a notice, with a line; ConflictError when it has ended."""
        with writing(self._engine) as connection:
            notice = _read(connection, notice_id)
            notice = _settle(connection, notice, by=by, at=at)
            append_entries(connection, notice.chart_id, (entry,))
        return notice

    def of_chart(self, chart_id: str) -> list[Notice]:
        """Notices of a chart, newest first."""
        return self._found(notices.c.chart_id == chart_id)

    def listed(self, query: NoticeQuery, *, limit: int | None = None) -> list[Notice]:
        """Notices of a list: what is due first, then the oldest."""
        return self._found(*_conditions(query), limit=limit, by_due=True)

    def count(self, query: NoticeQuery) -> int:
        """How many notices a list has."""
        rows = select(func.count()).select_from(notices).where(*_conditions(query))
        with reading(self._engine) as connection:
            return int(connection.execute(rows).scalar_one())

    def by_addressee(self, reach: Reach) -> tuple[NoticeCount, ...]:
        """Count what is open by whom it is for, in the order of names."""
        alike = (notices.c.side, notices.c.desk, notices.c.ward_code)
        unread = func.sum(case((notices.c.read_at.is_(None), 1), else_=0))
        query = NoticeQuery(state=NoticeState.OPEN, reach=reach)
        rows = select(*alike, unread, func.count()).where(*_conditions(query))
        sums: dict[tuple[str, str, str], tuple[int, int]] = {}
        with reading(self._engine) as connection:
            for side, desk, ward, num, total in connection.execute(
                rows.group_by(*alike)
            ):
                key = (side, desk, ward if side == str(NoticeSide.WARD) else "")
                before = sums.get(key, (0, 0))
                sums[key] = (before[0] + int(num), before[1] + int(total))
        return tuple(
            NoticeCount(
                side=NoticeSide(side), desk=desk, ward_code=ward, unread=num, open=total
            )
            for (side, desk, ward), (num, total) in sorted(sums.items())
        )

    def _found(
        self,
        *conditions: ColumnElement[bool],
        limit: int | None = None,
        by_due: bool = False,
    ) -> list[Notice]:
        rows = select(notices).where(*conditions)
        if by_due:
            due = notices.c.act_by
            rows = rows.order_by(case((due.is_(None), 1), else_=0), due)
            rows = rows.order_by(notices.c.sent_at, notices.c.id)
        else:
            rows = rows.order_by(notices.c.sent_at.desc(), notices.c.id)
        if limit is not None:
            rows = rows.limit(limit)
        with reading(self._engine) as connection:
            return [_notice(row) for row in connection.execute(rows)]


def _settle(
    connection: Connection, notice: Notice, *, by: str, at: dt.datetime
) -> Notice:
    if notice.settled_at is not None:
        raise ConflictError(SETTLED)
    notice = replace(
        notice,
        read_at=notice.read_at or at,
        read_by=notice.read_by or by,
        settled_at=at,
        settled_by=by,
    )
    _write(connection, notice)
    return notice


def _write(connection: Connection, notice: Notice) -> None:
    change = update(notices).where(notices.c.id == notice.id)
    connection.execute(change.values(**_values(notice)))


def _read(connection: Connection, notice_id: str) -> Notice:
    row = connection.execute(select(notices).where(notices.c.id == notice_id)).first()
    if row is None:
        raise NotFoundError("notice", notice_id)
    return _notice(row)


def _notice(row: Row[Any]) -> Notice:
    return from_json(Notice, row.body)


def _values(notice: Notice) -> dict[str, object]:
    return {
        "id": notice.id,
        "chart_id": notice.chart_id,
        "side": str(notice.side),
        "desk": notice.desk,
        "ward_code": notice.ward_code,
        "district_id": notice.district_id,
        "sent_at": notice.sent_at,
        "act_by": notice.act_by,
        "read_at": notice.read_at,
        "read_by": notice.read_by or None,
        "settled_at": notice.settled_at,
        "settled_by": notice.settled_by or None,
        "body": to_json(notice),
    }


def _conditions(query: NoticeQuery) -> Iterator[ColumnElement[bool]]:
    columns = notices.c
    if query.state is NoticeState.UNREAD:
        yield columns.read_at.is_(None)
    if query.state in {NoticeState.UNREAD, NoticeState.OPEN}:
        yield columns.settled_at.is_(None)
    if query.state is NoticeState.SETTLED:
        yield columns.settled_at.is_not(None)
    if query.side is not None:
        yield columns.side == str(query.side)
    for column, wanted in (
        (columns.ward_code, query.ward_code),
        (columns.district_id, query.district_id),
        (columns.desk, query.desk),
    ):
        if wanted:
            yield column == wanted
    if not query.reach.is_unlimited:
        yield _reached(query.reach)


def _reached(reach: Reach) -> ColumnElement[bool]:
    """Say in columns what `in_reach` of `dispatch.domain.notice` says."""
    columns = notices.c
    wards = {*reach.ward_codes, ""} if reach.without_ward else reach.ward_codes
    ways = [
        and_(columns.side == str(side), column.in_(sorted(wanted)))
        for side, column, wanted in (
            (NoticeSide.WARD, columns.ward_code, wards),
            (NoticeSide.OFFICE, columns.desk, reach.office_ids),
            (NoticeSide.RECEIVER, columns.desk, reach.receivers),
        )
        if wanted
    ]
    return or_(false(), *ways)
