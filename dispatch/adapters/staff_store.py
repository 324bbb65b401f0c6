"""Dated rows about the staff in a relational database: added, ended, never edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.tables import by_code, staff_rows
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.organisation import (
    Absence,
    Charge,
    Extra,
    Fact,
    FactKind,
    Hours,
    Mark,
    Person,
    StaffRow,
    StandIn,
)
from dispatch.domain.staff_book import StaffBook

ENDED = "この行は、すでに終わりが決まっています。開き直してください"
KINDS: Mapping[FactKind, type[Fact]] = MappingProxyType(
    {
        FactKind.PERSON: Person,
        FactKind.CHARGE: Charge,
        FactKind.STAND_IN: StandIn,
        FactKind.HOURS: Hours,
        FactKind.ABSENCE: Absence,
        FactKind.EXTRA: Extra,
    }
)
Stamp = tuple[int, int]


class SqlStaff:
    """
    The `Staff` port of `dispatch.organisation_desk` on SQLAlchemy Core.

    The rows are few and asked for on many pages: they are held in memory, and read
    again when their number or the number of ended ones differs, which only grow.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: tuple[Stamp, StaffBook] | None = None

    def book(self) -> StaffBook:
        """Every row; as it is now, also after a change by another process."""
        with reading(self._engine) as connection:
            stamp = _stamp(connection)
            kept = self._kept
            if kept is not None and kept[0] == stamp:
                return kept[1]
            query = select(staff_rows).order_by(
                staff_rows.c.valid_from,
                staff_rows.c.opened_at,
                by_code(staff_rows.c.id),
            )
            found = connection.execute(query).all()
        book = StaffBook(rows=tuple(_row_of(row) for row in found))
        self._kept = (stamp, book)
        return book

    def get(self, row_id: str) -> StaffRow:
        """Return a row; NotFoundError when there is none."""
        query = select(staff_rows).where(staff_rows.c.id == row_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError("staff row", row_id)
        return _row_of(row)

    def change(
        self, *, add: Sequence[StaffRow] = (), end: Sequence[StaffRow] = ()
    ) -> None:
        """
        Add rows and give others their end, in one transaction.

        Raises
        ------
        ConflictError
            When one of them was ended by somebody else meanwhile.
        """
        with writing(self._engine) as connection:
            for row in end:
                _end(connection, row)
            if add:
                connection.execute(insert(staff_rows), [_values(row) for row in add])


def _end(connection: Connection, row: StaffRow) -> None:
    ended = row.ended
    if ended is None:
        message = "a row without its end"
        raise ValueError(message)
    changed = connection.execute(
        update(staff_rows)
        .where(staff_rows.c.id == row.id, staff_rows.c.ended_at.is_(None))
        .values(
            valid_to=row.valid_to,
            ended_at=ended.at,
            ended_by=ended.who,
            ended_why=ended.why,
        )
    )
    if changed.rowcount != 1:
        raise ConflictError(ENDED)


def _stamp(connection: Connection) -> Stamp:
    query = select(func.count(), func.count(staff_rows.c.ended_at))
    rows, ended = connection.execute(query.select_from(staff_rows)).one()
    return int(rows), int(ended)


def _values(row: StaffRow) -> dict[str, object]:
    return {
        "id": row.id,
        "kind": str(row.fact.kind),
        "staff_id": row.fact.staff_id,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "body": to_json(row.fact),
        "opened_at": row.opened.at,
        "opened_by": row.opened.who,
        "opened_why": row.opened.why,
    }


def _row_of(row: Row[Any]) -> StaffRow:
    ended = None
    if row.ended_at is not None:
        ended = Mark(at=row.ended_at, who=row.ended_by, why=row.ended_why)
    return StaffRow(
        id=row.id,
        fact=from_json(KINDS[FactKind(row.kind)], row.body),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        opened=Mark(at=row.opened_at, who=row.opened_by, why=row.opened_why),
        ended=ended,
    )
