"""The log of changes in a relational database, as others read it."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, literal, or_, select

from dispatch.adapters.database import glance, reading
from dispatch.adapters.tables import changes, charts
from dispatch.domain.change import UNTOLD, Change, ChangePage, ChangeQuery

_HEAD = select(func.max(changes.c.position).label("head"))
_FIRST = select(changes.c.chart_id).order_by(changes.c.position).limit(1)
MARK_LENGTH = 8
CHANGES = select(changes, charts.c.number, charts.c.external_id).join_from(
    changes, charts
)


class SqlChanges:
    """
    The `Changes` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self) -> int:
        """Position of the last change; 0 while there is none."""
        return int(glance(self._engine, _HEAD, {})[0].head or 0)

    def mark(self) -> str:
        """Name of this log: of its first line, which is never taken away."""
        rows = glance(self._engine, _FIRST, {})
        first = rows[0].chart_id if rows else ""
        return hashlib.sha256(first.encode()).hexdigest()[:MARK_LENGTH]

    def page(self, query: ChangeQuery) -> ChangePage:
        """Return changes after a position, in their order."""
        wanted = CHANGES.where(changes.c.position > query.after)
        if query.source is not None:
            wanted = wanted.where(changes.c.source == query.source)
        if query.kinds:
            codes = literal(",") + changes.c.kinds + ","
            wanted = wanted.where(
                or_(
                    *(
                        codes.contains(f",{kind},", autoescape=True)
                        for kind in sorted(query.kinds)
                    )
                )
            )
        else:
            wanted = wanted.where(changes.c.kinds.not_in(sorted(UNTOLD)))
        wanted = wanted.order_by(changes.c.position).limit(query.limit + 1)
        with reading(self._engine) as connection:
            head = head_of(connection)
            found = [change_of(row) for row in connection.execute(wanted)]
        shown = tuple(found[: query.limit])
        has_more = len(found) > query.limit
        position = shown[-1].position if has_more else max(head, query.after)
        return ChangePage(changes=shown, position=position, has_more=has_more)


def head_of(connection: Connection) -> int:
    """Position of the last change, inside a transaction."""
    return int(connection.execute(_HEAD).scalar() or 0)


def change_of(row: Row[Any]) -> Change:
    """Read one row of `CHANGES`."""
    return Change(
        position=row.position,
        chart_id=row.chart_id,
        number=row.number,
        version=row.version,
        at=row.at,
        kinds=tuple(row.kinds.split(",")),
        status=row.status,
        source=row.source,
        external_id=row.external_id or "",
    )
