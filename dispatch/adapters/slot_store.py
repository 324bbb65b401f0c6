"""Offered and held slots in a relational database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import reading, writing
from dispatch.adapters.tables import slots
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.slots import Slot
from dispatch.ports import HeldSlots, KeptSlot

KEPT_AFTER = dt.timedelta(days=1)  # so long a late client still learns why it is over
OVER = "時間帯の確保の期限が過ぎました。空いている時間帯を調べ直してください"
TAKEN = "この時間帯は、ほかの相談の約束になっています"
NOT_HELD = "時間帯が確保されていません。先に確保してください"


class SqlSlotHolds:
    """
    The `SlotHolds` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def offer(
        self, offered: Sequence[Slot], *, at: dt.datetime, until: dt.datetime
    ) -> None:
        """Store slots that can be held until a moment; forget those long over."""
        # A number of a day to come is kept: the next one must be higher.
        is_past = or_(slots.c.number.is_(None), slots.c.date < (at - KEPT_AFTER).date())
        rows = [
            {
                "id": slot.id,
                "client": slot.client,
                "date": slot.date,
                "expires_at": until,
                "body": to_json(slot),
            }
            for slot in offered
        ]
        with writing(self._engine) as connection:
            connection.execute(
                delete(slots).where(slots.c.expires_at < at - KEPT_AFTER, is_past)
            )
            if rows:
                connection.execute(insert(slots), rows)

    def get(self, slot_id: str, *, client: str, at: dt.datetime) -> KeptSlot:
        """Return a slot that can still be held or claimed; see `SlotHolds`."""
        with reading(self._engine) as connection:
            row = _row(connection, slot_id, client)
        if row.claimed_by is not None:
            raise ConflictError(TAKEN)
        if row.expires_at <= at:
            raise ConflictError(OVER)
        return KeptSlot(
            slot=from_json(Slot, row.body),
            held_until=None if row.number is None else row.expires_at,
        )

    def held_on(self, date: dt.date, *, at: dt.datetime) -> HeldSlots:
        """Slots of a day that are held and have no chart yet."""
        of_day = slots.c.date == date
        held = select(slots.c.body).where(
            of_day,
            slots.c.number.is_not(None),
            slots.c.expires_at > at,
            slots.c.chart_id.is_(None),
        )
        with reading(self._engine) as connection:
            last = connection.execute(select(func.max(slots.c.number)).where(of_day))
            number = last.scalar() or 0
            bodies = connection.execute(held.order_by(slots.c.number)).scalars().all()
        return HeldSlots(
            number=number, slots=tuple(from_json(Slot, body) for body in bodies)
        )

    def hold(self, slot_id: str, *, number: int, until: dt.datetime) -> bool:
        """Hold an offered slot, unless another hold was faster; see `SlotHolds`."""
        try:
            with writing(self._engine) as connection:
                changed = connection.execute(
                    update(slots)
                    .where(slots.c.id == slot_id, slots.c.number.is_(None))
                    .values(number=number, expires_at=until)
                )
        except IntegrityError:
            return False
        return changed.rowcount == 1

    def claim(
        self, slot_id: str, *, client: str, by: str, at: dt.datetime, until: dt.datetime
    ) -> Slot:
        """Take a held slot for one consultation; see `SlotHolds`."""
        with writing(self._engine) as connection:
            row = _row(connection, slot_id, client)
            if row.claimed_by not in {None, by}:
                raise ConflictError(TAKEN)
            if row.chart_id is None:
                _require_held(row, at)
                connection.execute(
                    update(slots)
                    .where(slots.c.id == slot_id)
                    .values(claimed_by=by, expires_at=max(row.expires_at, until))
                )
        return from_json(Slot, row.body)

    def release(self, slot_id: str, *, by: str) -> None:
        """Undo a claim that came to nothing; the hold goes on as it was."""
        with writing(self._engine) as connection:
            connection.execute(
                update(slots)
                .where(
                    slots.c.id == slot_id,
                    slots.c.claimed_by == by,
                    slots.c.chart_id.is_(None),
                )
                .values(claimed_by=None)
            )

    def settle(self, slot_id: str, *, by: str, chart_id: str) -> None:
        """Write down the chart that has the window now; the hold is over."""
        with writing(self._engine) as connection:
            connection.execute(
                update(slots)
                .where(slots.c.id == slot_id)
                .values(claimed_by=by, chart_id=chart_id)
            )


def _require_held(row: Row[tuple[object, ...]], at: dt.datetime) -> None:
    if row.number is None:
        raise ConflictError(NOT_HELD)
    if row.expires_at <= at:
        raise ConflictError(OVER)


def _row(connection: Connection, slot_id: str, client: str) -> Row[tuple[object, ...]]:
    query = select(slots).where(slots.c.id == slot_id, slots.c.client == client)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError("slot", slot_id)
    return row
