"""The daily round that erases personal fields whose time is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

DAY_S = 86_400
logger = logging.getLogger(__name__)


@asynccontextmanager
async def erasing_daily(
    erase_due: Callable[[], Sequence[str]], *, every_s: float = DAY_S
) -> AsyncIterator[None]:
    """
    Erase at the start and once a day for as long as the service runs.

    Parameters
    ----------
    erase_due
        Erases what is due; returns the charts.
    every_s
        Seconds between two rounds.
    """
    rounds = asyncio.create_task(_rounds(erase_due, every_s))
    try:
        yield
    finally:
        rounds.cancel()
        with suppress(asyncio.CancelledError):
            await rounds


async def _rounds(erase_due: Callable[[], Sequence[str]], every_s: float) -> None:
    while True:
        try:
            erased = await run_in_threadpool(erase_due)
        except Exception:  # the next round shall come whatever it was
            logger.exception("personal fields that are due could not be erased")
        else:
            if erased:
                logger.info("erased the personal fields of %d charts", len(erased))
        await asyncio.sleep(every_s)
