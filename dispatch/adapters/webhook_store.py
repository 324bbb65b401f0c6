"""Subscribers of webhooks and deliveries to them, in a relational database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from dispatch.adapters.change_store import CHANGES, change_of, head_of
from dispatch.adapters.database import glance, writing
from dispatch.adapters.tables import changes, charts
from dispatch.adapters.webhook_tables import deliveries, subscribers
from dispatch.domain.case_chart import EntryKind
from dispatch.domain.change import fits
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.ids import new_id
from dispatch.domain.webhook import (
    Delivery,
    DeliveryState,
    Subscriber,
    SubscriberState,
    delivery_id,
)
from dispatch.webhook_desk import Claimed, SubscriberLoad

SPREAD_AT_ONCE = 500  # changes a transaction, while other writers wait
KEPT = dt.timedelta(days=30)  # what was delivered, to be looked at; a proposal
WAITING = DeliveryState.WAITING
_BEHIND = select(subscribers.c.id).where(
    subscribers.c.state == SubscriberState.ACTIVE,
    subscribers.c.position
    < select(func.coalesce(func.max(changes.c.position), 0)).scalar_subquery(),
)
_DELIVERY = (
    select(
        deliveries,
        changes.c.version,
        changes.c.at,
        changes.c.kinds,
        changes.c.status,
        changes.c.source,
        charts.c.number,
        charts.c.external_id,
    )
    .join_from(deliveries, changes)
    .join(charts, charts.c.id == changes.c.chart_id)
)


class SqlWebhooks:
    """
    The `Webhooks` port on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, subscriber: Subscriber) -> None:
        """Store a new subscriber."""
        with writing(self._engine) as connection:
            connection.execute(insert(subscribers).values(_row_of(subscriber)))

    def get(self, subscriber_id: str) -> Subscriber:
        """Return a subscriber; NotFoundError when there is none."""
        query = select(subscribers).where(subscribers.c.id == subscriber_id)
        rows = glance(self._engine, query, {})
        if not rows:
            raise NotFoundError("webhook", subscriber_id)
        return _subscriber(rows[0])

    def listed(self) -> list[Subscriber]:
        """All subscribers, by name."""
        query = select(subscribers).order_by(subscribers.c.name, subscribers.c.id)
        return [_subscriber(row) for row in glance(self._engine, query, {})]

    def set_state(
        self, subscriber_id: str, state: SubscriberState, *, reason: str = ""
    ) -> None:
        """Send to a subscriber, or no longer."""
        self._change(subscriber_id, {"state": state, "reason": reason})

    def set_secret(
        self, subscriber_id: str, generation: int, *, old_until: dt.datetime
    ) -> None:
        """Sign with the next secret; ConflictError when another call was faster."""
        changed = self._change(
            subscriber_id,
            {"generation": generation, "old_until": old_until},
            only_after=generation - 1,
        )
        if not changed:
            message = "同時にほかの人が署名の鍵を替えました。開き直してください"
            raise ConflictError(message)

    def remove(self, subscriber_id: str) -> None:
        """Take a subscriber away with all that is on its way to it."""
        own = deliveries.c.subscriber_id == subscriber_id
        with writing(self._engine) as connection:
            connection.execute(delete(deliveries).where(own))
            connection.execute(
                delete(subscribers).where(subscribers.c.id == subscriber_id)
            )

    def _change(
        self,
        subscriber_id: str,
        values: Mapping[str, object],
        *,
        only_after: int | None = None,
    ) -> bool:
        query = update(subscribers).where(subscribers.c.id == subscriber_id)
        if only_after is not None:
            query = query.where(subscribers.c.generation == only_after)
        with writing(self._engine) as connection:
            return connection.execute(query.values(values)).rowcount == 1

    def loads(self) -> dict[str, SubscriberLoad]:
        """Count what is on its way, by subscriber; none where nothing is."""
        query = (
            select(
                deliveries.c.subscriber_id,
                deliveries.c.state,
                func.count().label("num"),
                func.min(changes.c.at).label("oldest"),
            )
            .join_from(deliveries, changes)
            .where(deliveries.c.state != DeliveryState.DELIVERED)
            .group_by(deliveries.c.subscriber_id, deliveries.c.state)
        )
        found: dict[str, SubscriberLoad] = {}
        for row in glance(self._engine, query, {}):
            load = found.setdefault(row.subscriber_id, SubscriberLoad())
            if row.state == WAITING:
                load.num_waiting, load.oldest_at = row.num, row.oldest
            else:
                load.num_dead = row.num
        return found

    def deliveries(
        self, subscriber_id: str, *, state: DeliveryState | None, limit: int
    ) -> list[Delivery]:
        """Deliveries to a subscriber, the newest first."""
        query = _DELIVERY.where(deliveries.c.subscriber_id == subscriber_id)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        query = query.order_by(deliveries.c.position.desc()).limit(limit)
        return [_delivery(row) for row in glance(self._engine, query, {})]

    def replay(self, subscriber_id: str, delivery: str, *, at: dt.datetime) -> None:
        """Send one event again, whatever became of it; see `Webhooks`."""
        with writing(self._engine) as connection:
            again = update(deliveries).where(
                deliveries.c.id == delivery, deliveries.c.subscriber_id == subscriber_id
            )
            if connection.execute(again.values(_anew(at))).rowcount == 0:
                raise NotFoundError("delivery", delivery)

    def replay_after(
        self, subscriber_id: str, position: int, *, at: dt.datetime
    ) -> None:
        """Send all events after a position again; see `Webhooks`."""
        with writing(self._engine) as connection:
            connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.subscriber_id == subscriber_id,
                    deliveries.c.position > position,
                )
                .values(_anew(at))
            )
            connection.execute(
                update(subscribers)
                .where(
                    subscribers.c.id == subscriber_id, subscribers.c.position > position
                )
                .values(position=position)
            )

    def spread(self, at: dt.datetime) -> bool:
        """Turn new changes into deliveries; whether there is more to turn."""
        if not glance(self._engine, _BEHIND, {}):
            return False
        more = False
        with writing(self._engine) as connection:
            behind = select(subscribers).where(subscribers.c.id.in_(_BEHIND))
            for row in connection.execute(behind).all():
                more |= _spread_to(connection, _subscriber(row), at)
            connection.execute(
                delete(deliveries).where(
                    deliveries.c.state == DeliveryState.DELIVERED,
                    deliveries.c.done_at < at - KEPT,
                )
            )
        return more

    def claim(
        self, at: dt.datetime, *, until: dt.datetime, at_once: int
    ) -> list[Claimed]:
        """Take what is due, so that no other process sends it; see `Webhooks`."""
        any_due = _due(at).where(
            deliveries.c.subscriber_id.in_(
                select(subscribers.c.id).where(
                    subscribers.c.state == SubscriberState.ACTIVE
                )
            )
        )
        if not glance(self._engine, any_due.limit(1), {}):
            return []
        with writing(self._engine) as connection:
            active = select(subscribers).where(
                subscribers.c.state == SubscriberState.ACTIVE
            )
            return [
                Claimed(subscriber=subscriber, delivery=taken, lease=lease)
                for subscriber in map(_subscriber, connection.execute(active).all())
                for taken, lease in _taken(
                    connection, subscriber, at, until=until, at_once=at_once
                )
            ]

    def settle(self, after: Delivery, *, lease: str) -> bool:
        """Write down an attempt; False when the lease was over and another's."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(deliveries)
                .where(deliveries.c.id == after.id, deliveries.c.lease == lease)
                .values(
                    state=after.state,
                    attempts=after.attempts,
                    next_at=after.next_at,
                    first_at=after.first_at,
                    done_at=after.done_at,
                    reason=after.reason,
                    lease=None,
                    lease_until=None,
                )
            )
        return changed.rowcount == 1


def _anew(at: dt.datetime) -> dict[str, object]:
    return {
        "state": WAITING,
        "attempts": 0,
        "next_at": at,
        "first_at": None,
        "done_at": None,
        "reason": "",
        "lease": None,
        "lease_until": None,
    }


def _spread_to(connection: Connection, subscriber: Subscriber, at: dt.datetime) -> bool:
    """Add one subscriber's deliveries of the next changes; whether more are left."""
    known = exists().where(
        deliveries.c.subscriber_id == subscriber.id,
        deliveries.c.position == changes.c.position,
    )
    head = head_of(connection)
    end = min(head, subscriber.position + SPREAD_AT_ONCE)
    new = CHANGES.where(
        changes.c.position > subscriber.position, changes.c.position <= end, ~known
    ).order_by(changes.c.position)
    rows = [
        {
            "id": delivery_id(subscriber.id, change.position),
            "subscriber_id": subscriber.id,
            "position": change.position,
            "chart_id": change.chart_id,
            "state": WAITING,
            "attempts": 0,
            "next_at": at,
            "reason": "",
        }
        for change in map(change_of, connection.execute(new).all())
        if fits(change, kinds=subscriber.kinds, source=subscriber.source)
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber.id)
        .values(position=end)
    )
    return end < head


def _due(at: dt.datetime) -> Select[Any]:
    """Deliveries whose time has come and whose chart waits for nothing earlier."""
    earlier = deliveries.alias()
    waits = exists().where(
        earlier.c.subscriber_id == deliveries.c.subscriber_id,
        earlier.c.chart_id == deliveries.c.chart_id,
        earlier.c.state == WAITING,
        earlier.c.position < deliveries.c.position,
    )
    free = or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= at)
    return _DELIVERY.where(
        and_(deliveries.c.state == WAITING, deliveries.c.next_at <= at, free, ~waits)
    )


def _taken(
    connection: Connection,
    subscriber: Subscriber,
    at: dt.datetime,
    *,
    until: dt.datetime,
    at_once: int,
) -> Iterator[tuple[Delivery, str]]:
    own = deliveries.c.subscriber_id == subscriber.id
    busy = select(func.count()).where(
        own, deliveries.c.state == WAITING, deliveries.c.lease_until > at
    )
    num_free = at_once - int(connection.execute(busy).scalar_one())
    due = _due(at).where(own).order_by(deliveries.c.position)
    for row in connection.execute(due.limit(max(0, num_free))).all():
        lease = new_id()
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id)
            .values(lease=lease, lease_until=until)
        )
        yield _delivery(row), lease


def _row_of(subscriber: Subscriber) -> dict[str, object]:
    return {
        "id": subscriber.id,
        "name": subscriber.name,
        "url": subscriber.url,
        "kinds": ",".join(sorted(subscriber.kinds)),
        "source": subscriber.source,
        "state": subscriber.state,
        "reason": subscriber.reason,
        "position": subscriber.position,
        "generation": subscriber.generation,
        "old_until": subscriber.old_until,
        "created_at": subscriber.created_at,
        "created_by": subscriber.created_by,
    }


def _subscriber(row: Row[Any]) -> Subscriber:
    return Subscriber(
        id=row.id,
        name=row.name,
        url=row.url,
        kinds=frozenset(map(EntryKind, filter(None, row.kinds.split(",")))),
        source=row.source,
        state=SubscriberState(row.state),
        reason=row.reason,
        position=row.position,
        generation=row.generation,
        old_until=row.old_until,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        subscriber_id=row.subscriber_id,
        change=change_of(row),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_at=row.next_at,
        first_at=row.first_at,
        done_at=row.done_at,
        reason=row.reason,
    )
