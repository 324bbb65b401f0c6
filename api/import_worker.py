"""The thread that imports files for as long as the service runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from api.import_desk import ImportDesk
from dispatch.domain.errors import SourceError

LOOK_EVERY_S = 2.0  # for a job that another process queued
TIDY_EVERY_S = 3_600.0
logger = logging.getLogger(__name__)


@contextmanager
def importing(desk: ImportDesk, *, every_s: float = LOOK_EVERY_S) -> Iterator[None]:
    """
    Import what waits until the end of the block; the step under way is waited for.

    Parameters
    ----------
    desk
        Of the imports.
    every_s
        Seconds between two looks when nobody calls.
    """
    ending, called = threading.Event(), threading.Event()

    def work() -> None:
        tidied_s, has_begun = 0.0, False
        while not ending.is_set():
            called.clear()
            try:
                if not has_begun or tidied_s >= TIDY_EVERY_S:
                    desk.begin()
                    tidied_s, has_begun = 0.0, True
                if desk.run_next(ending.is_set):
                    continue
            except SourceError:  # the database is away
                logger.exception("imports: one round failed")
                has_begun = False
            called.wait(every_s)
            tidied_s += every_s

    desk.on_new = called.set
    thread = threading.Thread(target=work, name="imports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        called.set()
        thread.join()
