"""The local gazetteer in a relational database; entries in force are held in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.tables import by_code, local_places
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.local_place import ALREADY_WITHDRAWN, TAKEN, LocalPlace

REFRESH_S = 2.0  # how long another process may not know of a change
ByKey = Mapping[str, tuple[LocalPlace, ...]]
Stamp = tuple[int, int]


class SqlLocalPlaces:
    """
    The `LocalPlaces` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    monotonic_s
        Seconds that only go forward, to know how old the memory is.
    """

    def __init__(
        self, engine: Engine, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._by_key: ByKey = {}
        self._stamp: Stamp = (0, 0)
        self._looked_at_s: float | None = None

    def add(self, entry: LocalPlace) -> None:
        """Store an entry; ConflictError when its key and ward have one in force."""
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(local_places).values(**_row(entry)))
        except IntegrityError:
            raise ConflictError(TAKEN) from None
        self._forget()

    def withdraw(self, entry: LocalPlace) -> None:
        """Store an entry as withdrawn; ConflictError when it is already."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(local_places)
                .where(local_places.c.id == entry.id, local_places.c.active == 1)
                .values(**_row(entry))
            )
            if changed.rowcount != 1:
                raise ConflictError(ALREADY_WITHDRAWN)
        self._forget()

    def get(self, entry_id: str) -> LocalPlace:
        """Return the entry; NotFoundError when there is none."""
        query = select(local_places.c.body).where(local_places.c.id == entry_id)
        with reading(self._engine) as connection:
            body = connection.execute(query).scalar()
        if body is None:
            raise NotFoundError("local place", entry_id)
        return from_json(LocalPlace, body)

    def listed(self, *, limit: int) -> list[LocalPlace]:
        """Entries newest first, withdrawn ones too."""
        query = (
            select(local_places.c.body)
            .order_by(
                local_places.c.settled_at.desc(), by_code(local_places.c.id).desc()
            )
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).scalars().all()
        return [from_json(LocalPlace, body) for body in rows]

    def active(self, key: str) -> tuple[LocalPlace, ...]:
        """
        Entries of a key in force, at most one for each ward, from memory.

        A change made here counts at once; one of another process after `REFRESH_S`.
        """
        if not self._is_fresh():
            self._refresh()
        return self._by_key.get(key, ())

    def _is_fresh(self) -> bool:
        looked_at_s = self._looked_at_s
        return looked_at_s is not None and self._monotonic_s() - looked_at_s < REFRESH_S

    def _forget(self) -> None:
        """Look before the next answer; a look under way came too early."""
        with self._lock:
            self._looked_at_s = None

    def _refresh(self) -> None:
        """Read the entries in force again when there is any change."""
        with self._lock:
            if self._is_fresh():  # another thread was here before
                return
            began_s = self._monotonic_s()
            with reading(self._engine) as connection:
                stamp = _stamp(connection)
                if stamp != self._stamp:
                    self._by_key, self._stamp = _in_force(connection), stamp
            self._looked_at_s = began_s


def _stamp(connection: Connection) -> Stamp:
    """Count all entries and the withdrawn: neither falls, so each change shows."""
    every, in_force = func.count(), func.count(local_places.c.active)
    query = select(every, every - in_force).select_from(local_places)
    total, num_withdrawn = connection.execute(query).one()
    return int(total), int(num_withdrawn)


def _in_force(connection: Connection) -> ByKey:
    query = (
        select(local_places.c.body)
        .where(local_places.c.active == 1)
        .order_by(by_code(local_places.c.ward_code))
    )
    by_key: dict[str, tuple[LocalPlace, ...]] = {}
    for body in connection.execute(query).scalars():
        entry = from_json(LocalPlace, body)
        by_key[entry.key] = (*by_key.get(entry.key, ()), entry)
    return by_key


def _row(entry: LocalPlace) -> dict[str, object]:
    return {
        "id": entry.id,
        "key": entry.key,
        "ward_code": entry.ward_code,
        "active": 1 if entry.is_active else None,
        "settled_at": entry.settled_at,
        "body": to_json(entry),
    }
