"""Closures of roads in a relational database, with their history."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, Engine, and_, insert, or_, select, update

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.tables import by_code, closure_entries, closures
from dispatch.domain.closure import Closure, ClosureEntry, ClosureEntryKind, entry_of
from dispatch.domain.errors import ConflictError, NotFoundError


class SqlClosures:
    """
    The `Closures` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, closure: Closure) -> None:
        """Store a new closure and the first entry of its history."""
        with writing(self._engine) as connection:
            connection.execute(insert(closures).values(**_row(closure)))
            _append(connection, closure)

    def get(self, closure_id: str) -> Closure:
        """Return the closure; NotFoundError when there is none."""
        query = select(closures.c.body).where(closures.c.id == closure_id)
        with reading(self._engine) as connection:
            body = connection.execute(query).scalar()
        if body is None:
            raise NotFoundError("closure", closure_id)
        return from_json(Closure, body)

    def save(self, closure: Closure) -> None:
        """Store the next version with its entry; ConflictError when it is stale."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(closures)
                .where(
                    closures.c.id == closure.id,
                    closures.c.version == closure.version - 1,
                )
                .values(**_row(closure))
            )
            if changed.rowcount != 1:
                query = select(closures.c.version).where(closures.c.id == closure.id)
                current = connection.execute(query).scalar()
                raise ConflictError(closure.stale_message, current=current)
            _append(connection, closure)

    def that_hold_between(self, start: dt.datetime, end: dt.datetime) -> list[Closure]:
        """Closures whose time meets [start, end), in the order of their beginnings."""
        over_at = closures.c.over_at
        query = (
            select(closures.c.body)
            .where(
                closures.c.starts_at < end,
                or_(
                    over_at.is_(None),
                    # one that was called off before its beginning never held
                    and_(over_at > start, over_at > closures.c.starts_at),
                ),
            )
            .order_by(closures.c.starts_at, by_code(closures.c.id))
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).scalars().all()
        return [from_json(Closure, body) for body in rows]

    def all_closures(self, *, limit: int, before: str | None = None) -> list[Closure]:
        """Closures as they were made, newest first; see `dispatch.ports.Closures`."""
        made_at, id_ = closures.c.made_at, by_code(closures.c.id)
        query = select(closures.c.body).order_by(made_at.desc(), id_.desc())
        if before is not None:
            last = self.get(before)
            query = query.where(
                or_(
                    made_at < last.made_at,
                    and_(made_at == last.made_at, id_ < last.id),
                )
            )
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(limit)).scalars().all()
        return [from_json(Closure, body) for body in rows]

    def entries(self, closure_id: str) -> list[ClosureEntry]:
        """History of a closure, oldest first."""
        query = (
            select(closure_entries)
            .where(closure_entries.c.closure_id == closure_id)
            .order_by(closure_entries.c.seq)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            ClosureEntry(
                at=row.at,
                who=row.who,
                kind=ClosureEntryKind(row.kind),
                closure=from_json(Closure, row.body),
            )
            for row in rows
        ]


def _row(closure: Closure) -> dict[str, object]:
    return {
        "id": closure.id,
        "version": closure.version,
        "starts_at": closure.starts_at,
        "over_at": closure.over_at,
        "made_at": closure.made_at,
        "body": to_json(closure),
    }


def _append(connection: Connection, closure: Closure) -> None:
    """Append the entry of this version; versions number the history."""
    entry = entry_of(closure)
    connection.execute(
        insert(closure_entries).values(
            closure_id=closure.id,
            seq=closure.version,
            at=entry.at,
            who=entry.who,
            kind=str(entry.kind),
            body=to_json(closure),
        )
    )
