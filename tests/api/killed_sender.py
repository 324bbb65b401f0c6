"""A process that moves charts and sends webhooks until it is killed."""

from __future__ import annotations

import datetime as dt
from multiprocessing.connection import Connection

from api.event_wiring import EventParts, event_parts
from api.settings import Settings
from api.webhook_worker import sending
from api.wiring import Services, open_services
from dispatch.adapters.clocks import FixedClock
from tests.api.killed_writer import steps

EVERY_S = 0.01


def events_of(services: Services) -> EventParts:
    """Log and webhooks of a service that no application is around."""
    return event_parts(
        services.settings, services.database, services.keyring, services.clock
    )


def write_and_send(
    settings: Settings, told: Connection, first: int, at: dt.datetime
) -> None:
    """Write charts without end, and send what befalls them; say when it has begun."""
    with (
        open_services(settings, FixedClock(at)) as services,
        sending(events_of(services).webhooks, every_s=EVERY_S),
    ):
        number = first
        while True:
            for chart in steps(services, number):
                told.send(chart.version)
            number += 1
