"""Subscribers of webhooks for other systems: add, look, rotate, test, send again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import ClientDep
from api.event_schemas import (
    DeliveryOut,
    NewSubscriberOut,
    SubscriberIn,
    SubscriberOut,
    TrialOut,
)
from api.event_wiring import EventParts, EventsDep, place_in_log
from api.routes.answers import BAD_BODY, BAD_FIELD, NO_KEY, Answers
from api.schemas import Problem
from dispatch.domain.change import MAX_CURSOR
from dispatch.domain.webhook import DeliveryState

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
NOT_FOUND: Answers = {**NO_KEY, 404: {"model": Problem}}
NOT_REPLAYED: Answers = {**NOT_FOUND, **BAD_FIELD}


@router.post("", status_code=201, responses=BAD_BODY)
def add(body: SubscriberIn, client: ClientDep, events: EventsDep) -> NewSubscriberOut:
    """
    Add a subscriber; its secret is in this answer and nowhere else.

    It is told of changes from now on, or after a cursor of the log.
    """
    after = None if body.after is None else place_in_log(events, body.after)
    subscriber, secret = events.webhooks.add(
        body.name,
        body.url,
        kinds=frozenset(body.kinds),
        source=body.source,
        after=after,
        who=f"API: {client}",
    )
    load = events.webhooks.load_of(subscriber.id)
    return NewSubscriberOut.with_secret(subscriber, load, secret)


@router.get("", responses=NO_KEY)
def listed(client: ClientDep, events: EventsDep) -> list[SubscriberOut]:
    """List the subscribers with what waits for them."""
    del client
    return [SubscriberOut.from_domain(*row) for row in events.webhooks.listed()]


@router.get("/{webhook_id}", responses=NOT_FOUND)
def show(webhook_id: str, client: ClientDep, events: EventsDep) -> SubscriberOut:
    """Show one subscriber."""
    del client
    return _shown(events, webhook_id)


@router.delete("/{webhook_id}", status_code=204, responses=NOT_FOUND)
def remove(webhook_id: str, client: ClientDep, events: EventsDep) -> Response:
    """Take a subscriber away, with all that is on its way to it."""
    del client
    events.webhooks.remove(webhook_id)
    return Response(status_code=204)


@router.post("/{webhook_id}/disable", responses=NOT_FOUND)
def disable(webhook_id: str, client: ClientDep, events: EventsDep) -> SubscriberOut:
    """Send no more for now; what happens meanwhile is sent after `enable`."""
    del client
    events.webhooks.disable(webhook_id)
    return _shown(events, webhook_id)


@router.post("/{webhook_id}/enable", responses=NOT_FOUND)
def enable(webhook_id: str, client: ClientDep, events: EventsDep) -> SubscriberOut:
    """Send again, from where it stopped."""
    del client
    events.webhooks.enable(webhook_id)
    return _shown(events, webhook_id)


@router.post("/{webhook_id}/rotate-secret", responses=NOT_FOUND)
def rotate(webhook_id: str, client: ClientDep, events: EventsDep) -> NewSubscriberOut:
    """Give another secret; for 24 hours the one before signs too."""
    del client
    subscriber, secret = events.webhooks.rotate_secret(webhook_id)
    load = events.webhooks.load_of(webhook_id)
    return NewSubscriberOut.with_secret(subscriber, load, secret)


@router.post("/{webhook_id}/test", responses=NOT_FOUND)
def test(webhook_id: str, client: ClientDep, events: EventsDep) -> TrialOut:
    """Send an event that tells nothing, once, and say what came of it."""
    del client
    return TrialOut.from_domain(events.webhooks.test(webhook_id))


@router.get("/{webhook_id}/deliveries", responses=NOT_REPLAYED)
def deliveries(
    webhook_id: str,
    client: ClientDep,
    events: EventsDep,
    state: Annotated[DeliveryState | None, Query(description="only these")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="at the most")] = 100,
) -> list[DeliveryOut]:
    """List events on their way to a subscriber, the newest first."""
    del client
    found = events.webhooks.deliveries(webhook_id, state=state, limit=limit)
    return [DeliveryOut.from_domain(one) for one in found]


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    responses=NOT_FOUND,
)
def replay(
    webhook_id: str, delivery_id: str, client: ClientDep, events: EventsDep
) -> SubscriberOut:
    """Send one event again, under the same `webhook-id`."""
    del client
    events.webhooks.replay(webhook_id, delivery_id)
    return _shown(events, webhook_id)


@router.post("/{webhook_id}/replay", status_code=202, responses=NOT_REPLAYED)
def replay_after(
    webhook_id: str,
    client: ClientDep,
    events: EventsDep,
    after: Annotated[
        str, Query(max_length=MAX_CURSOR, description="cursor; empty: the beginning")
    ],
) -> SubscriberOut:
    """Send everything after a cursor again, each under the same `webhook-id`."""
    del client
    events.webhooks.replay_after(webhook_id, place_in_log(events, after))
    return _shown(events, webhook_id)


def _shown(events: EventParts, webhook_id: str) -> SubscriberOut:
    subscriber = events.webhooks.get(webhook_id)
    return SubscriberOut.from_domain(subscriber, events.webhooks.load_of(webhook_id))
