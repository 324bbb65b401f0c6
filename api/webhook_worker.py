"""The thread that sends webhooks for as long as the service runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from dispatch.webhook_desk import WebhookDesk

LOOK_EVERY_S = 1.0
THREADS = 16  # attempts at all subscribers together
logger = logging.getLogger(__name__)


@contextmanager
def sending(desk: WebhookDesk, *, every_s: float = LOOK_EVERY_S) -> Iterator[None]:
    """
    Send what is due until the end of the block; attempts under way are waited for.

    Parameters
    ----------
    desk
        Of the webhooks.
    every_s
        Seconds between two looks at the log.
    """
    ending = threading.Event()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:

        def begin(attempt: Callable[[], None]) -> None:
            pool.submit(_guarded, attempt)

        def work() -> None:
            while not ending.is_set():
                _guarded(lambda: desk.step(begin))
                ending.wait(every_s)

        thread = threading.Thread(target=work, name="webhooks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()


def _guarded(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:  # what is not noted is sent again when its lease is over
        logger.exception("webhooks: one round failed")
