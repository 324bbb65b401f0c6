"""The log of changes and webhooks as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Self

from pydantic import BaseModel, Field

from api.schemas import Strict
from dispatch.domain.case_chart import ChartStatus, EntryKind
from dispatch.domain.change import MAX_CURSOR, Change, cursor_of
from dispatch.domain.webhook import (
    MAX_NAME,
    MAX_SOURCE,
    MAX_URL,
    AttemptResult,
    Delivery,
    DeliveryState,
    Subscriber,
    SubscriberState,
)
from dispatch.webhook_desk import SubscriberLoad


class ChangedChart(BaseModel):
    """Which chart has changed, and where it stood after it."""

    id: str
    number: str
    version: int | None = Field(description="null for changes of before the log")
    status: ChartStatus
    external_id: str | None = Field(description="the reader's own; else null")
    url: str


class ChangeOut(BaseModel):
    """One change; it holds no words and no person."""

    cursor: str = Field(description="to go on after it")
    at: dt.datetime
    kinds: list[str] = Field(description="codes of the history's lines")
    chart: ChangedChart

    @classmethod
    def from_domain(cls, change: Change, *, mark: str, client: str) -> Self:
        """Build the answer from a change, for one reader."""
        is_own = change.source == client and change.external_id
        return cls(
            cursor=cursor_of(change.position, mark),
            at=change.at,
            kinds=list(change.told_kinds),
            chart=ChangedChart(
                id=change.chart_id,
                number=change.number,
                version=change.version,
                status=ChartStatus(change.status),
                external_id=change.external_id if is_own else None,
                url=f"/v1/consultations/{change.chart_id}",
            ),
        )


class ChangesOut(BaseModel):
    """Changes in the order of storing, and where to go on."""

    changes: list[ChangeOut]
    next: str = Field(description="`after` of the next call, also when this is empty")
    more: bool = Field(description="whether the next call finds something at once")


class SubscriberIn(Strict):
    """A subscriber to be added."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    url: str = Field(min_length=1, max_length=MAX_URL)
    kinds: list[EntryKind] = Field([], description="only these; empty: all")
    source: str = Field(
        "", max_length=MAX_SOURCE, description="charts of one system; empty: all"
    )
    after: str | None = Field(
        None, max_length=MAX_CURSOR, description="cursor; null: from now on"
    )


class SubscriberOut(BaseModel):
    """A subscriber, and what is on its way to it."""

    id: str
    name: str
    url: str
    kinds: list[EntryKind]
    source: str
    state: SubscriberState
    reason: str
    waiting: int
    oldest_waiting_at: dt.datetime | None
    dead: int
    old_secret_until: dt.datetime | None
    created_at: dt.datetime

    @classmethod
    def from_domain(cls, subscriber: Subscriber, load: SubscriberLoad) -> Self:
        """Build the answer from a subscriber."""
        return cls(**_fields_of(subscriber, load))


class NewSubscriberOut(SubscriberOut):
    """The same with its secret, which is shown this once."""

    secret: str = Field(description="whsec_ and Base64, as Standard Webhooks has it")

    @classmethod
    def with_secret(
        cls, subscriber: Subscriber, load: SubscriberLoad, secret: str
    ) -> Self:
        """Build the answer from a subscriber whose secret is new."""
        return cls(**_fields_of(subscriber, load), secret=secret)


def _fields_of(subscriber: Subscriber, load: SubscriberLoad) -> dict[str, object]:
    return {
        "id": subscriber.id,
        "name": subscriber.name,
        "url": subscriber.url,
        "kinds": sorted(subscriber.kinds),
        "source": subscriber.source,
        "state": subscriber.state,
        "reason": subscriber.reason,
        "waiting": load.num_waiting,
        "oldest_waiting_at": load.oldest_at,
        "dead": load.num_dead,
        "old_secret_until": subscriber.old_until,
        "created_at": subscriber.created_at,
    }


class DeliveryOut(BaseModel):
    """One event on its way to a subscriber."""

    id: str = Field(description="`webhook-id`; the same over all attempts")
    chart_id: str
    version: int | None
    kinds: list[str]
    state: DeliveryState
    attempts: int
    next_at: dt.datetime
    done_at: dt.datetime | None
    reason: str

    @classmethod
    def from_domain(cls, delivery: Delivery) -> Self:
        """Build the answer from a delivery."""
        return cls(
            id=delivery.id,
            chart_id=delivery.change.chart_id,
            version=delivery.change.version,
            kinds=list(delivery.change.told_kinds),
            state=delivery.state,
            attempts=delivery.attempts,
            next_at=delivery.next_at,
            done_at=delivery.done_at,
            reason=delivery.reason,
        )


class TrialOut(BaseModel):
    """What came of an event that tells nothing."""

    delivered: bool
    status: int | None
    reason: str

    @classmethod
    def from_domain(cls, answer: AttemptResult) -> Self:
        """Build the answer from an attempt."""
        return cls(delivered=answer.is_good, status=answer.status, reason=answer.reason)
