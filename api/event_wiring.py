"""Composition of what goes out by itself: the log of changes, events, webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from api.change_watch import ChangeWatch
from api.settings import Settings
from api.webhook_sender import WebhookSender
from api.webhook_worker import sending
from api.wiring import Services
from dispatch.adapters.change_store import SqlChanges
from dispatch.adapters.database import Database
from dispatch.adapters.vault import Vault
from dispatch.adapters.webhook_store import SqlWebhooks
from dispatch.domain.change import position_of
from dispatch.ports import Clock
from dispatch.webhook_desk import WebhookDesk, WebhookTools


@dataclass(frozen=True, slots=True, kw_only=True)
class EventParts:
    """The log of changes and the desk of the webhooks."""

    changes: SqlChanges
    webhooks: WebhookDesk


def event_parts(
    settings: Settings, database: Database, keyring: Vault, clock: Clock
) -> EventParts:
    """Make what a service, or a command, needs of them."""
    changes = SqlChanges(database)
    tools = WebhookTools(
        store=SqlWebhooks(database),
        sender=WebhookSender(
            allow_loopback=settings.webhook_loopback,
            own_ports=frozenset({settings.port} - {0}),
        ),
        secret_of=lambda subscriber_id, generation: keyring.derived(
            f"webhook {subscriber_id} {generation}"
        ),
        newest=changes.newest,
        clock=clock,
    )
    return EventParts(changes=changes, webhooks=WebhookDesk(tools))


def install_events(app: FastAPI, services: Services) -> EventParts:
    """Let an application tell others of changes."""
    made = event_parts(
        services.settings, services.database, services.keyring, services.clock
    )
    app.state.events = made
    app.state.watch = ChangeWatch(made.changes.newest)
    return made


@asynccontextmanager
async def telling(app: FastAPI) -> AsyncIterator[None]:
    """Send events and webhooks for as long as the service runs."""
    events: EventParts = app.state.events
    watch: ChangeWatch = app.state.watch
    async with watch.running():
        with sending(events.webhooks):
            yield


def place_in_log(events: EventParts, cursor: str) -> int:
    """
    Position that a cursor of ours names.

    Raises
    ------
    InvalidInputError
        For a cursor that is none of ours.
    """
    log = events.changes
    return position_of(cursor, mark=log.mark(), newest=log.newest())


async def events_of(request: Request) -> EventParts:
    """Return the wired log and webhooks."""
    made: EventParts = request.app.state.events
    return made


EventsDep = Annotated[EventParts, Depends(events_of)]
