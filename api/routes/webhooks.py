"""The page of webhooks: who is told, what waits, what was given up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.dependencies import WhoDep
from api.event_wiring import EventParts, EventsDep
from api.pages import page
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.webhook import AttemptResult, DeliveryState, SubscriberState

router = APIRouter(prefix="/admin/webhooks", include_in_schema=False)
SEE_OTHER = 303
SHOWN_DEAD = 50  # of one subscriber
STATE_TEXT = {
    SubscriberState.ACTIVE: "送信中",
    SubscriberState.PAUSED: "停止中",
    SubscriberState.GONE: "相手が終了",
}


@router.get("")
def listing(request: Request, events: EventsDep) -> HTMLResponse:
    """List the subscribers, with the form for a new one."""
    return _page(request, events)


@router.post("")
def add(
    request: Request,
    events: EventsDep,
    name: Annotated[str, Form(max_length=500)],
    url: Annotated[str, Form(max_length=2_000)],
    who: WhoDep,
) -> HTMLResponse:
    """Add a subscriber; its secret is shown on this answer alone."""
    typed = {"name": name, "url": url}
    try:
        _, secret = events.webhooks.add(name, url, who=who)
    except InvalidInputError as problem:
        return _page(request, events, typed=typed, problem=problem.problem)
    return _page(request, events, secret=secret)


@router.post("/{webhook_id}/disable")
def disable(webhook_id: str, events: EventsDep) -> Response:
    """Send no more for now."""
    events.webhooks.disable(webhook_id)
    return _back()


@router.post("/{webhook_id}/enable")
def enable(webhook_id: str, events: EventsDep) -> Response:
    """Send again, from where it stopped."""
    events.webhooks.enable(webhook_id)
    return _back()


@router.post("/{webhook_id}/test")
def test(request: Request, webhook_id: str, events: EventsDep) -> HTMLResponse:
    """Send an event that tells nothing, and say what came of it."""
    return _page(request, events, trial=events.webhooks.test(webhook_id))


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
def replay(webhook_id: str, delivery_id: str, events: EventsDep) -> Response:
    """Send one event again."""
    events.webhooks.replay(webhook_id, delivery_id)
    return _back()


def _back() -> Response:
    return RedirectResponse("/admin/webhooks", SEE_OTHER)


def _page(
    request: Request,
    events: EventParts,
    *,
    typed: dict[str, str] | None = None,
    problem: str = "",
    secret: str = "",
    trial: AttemptResult | None = None,
) -> HTMLResponse:
    subscribers = events.webhooks.listed()
    dead = [
        (
            subscriber,
            events.webhooks.deliveries(
                subscriber.id, state=DeliveryState.DEAD, limit=SHOWN_DEAD
            ),
        )
        for subscriber, load in subscribers
        if load.num_dead
    ]
    return page(
        request,
        "webhooks.html",
        {
            "tab": "webhooks",
            "subscribers": subscribers,
            "dead": dead,
            "shown_dead": SHOWN_DEAD,
            "state_text": STATE_TEXT,
            "typed": typed or {"name": "", "url": ""},
            "problem": problem,
            "secret": secret,
            "trial": trial,
        },
        status=422 if problem else 200,
    )
