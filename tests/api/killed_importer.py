"""A process that imports what waits until it is killed."""

from __future__ import annotations

from multiprocessing.connection import Connection

from api.import_wiring import import_desk
from api.settings import Settings
from api.wiring import open_services
from dispatch.adapters.clocks import FixedClock
from tests.api.installation import NOW


def import_on(settings: Settings, told: Connection) -> None:
    """Go on with what waits; say "begun", "step" after each step, and "ended"."""
    with open_services(settings, FixedClock(NOW)) as services:
        desk = import_desk(services)
        desk.begin()
        told.send("begun")

        def has_stepped() -> bool:
            told.send("step")
            return False  # go on

        while desk.run_next(has_stepped):
            pass
        told.send("ended")
