"""One look a second at the log of changes, for all that listen to it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from fastapi import HTTPException
from starlette.concurrency import run_in_threadpool

LOOK_EVERY_S = 1.0
MAX_STREAMS = 5  # of one key at the same time
TOO_MANY = f"同時に開ける流れは、鍵ひとつに{MAX_STREAMS}本までです"
logger = logging.getLogger(__name__)


class ChangeWatch:
    """
    Wakes listeners when the log has grown, and when the service ends.

    Each reads the log itself, as fast as it can: a slow one fills no queue.

    Parameters
    ----------
    newest
        Position of the last change.
    """

    def __init__(self, newest: Callable[[], int]) -> None:
        self._look = newest
        self._newest = 0
        self._open: Counter[str] = Counter()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_ending = False

    @contextmanager
    def listening(self, client: str) -> Iterator[None]:
        """Count a listener for as long as it listens."""
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1

    def require_room(self, client: str) -> None:
        """
        Refuse one more stream than a key may have.

        Raises
        ------
        HTTPException
            429.
        """
        if self._open[client] >= MAX_STREAMS:
            raise HTTPException(
                status_code=429, detail=TOO_MANY, headers={"Retry-After": "60"}
            )

    async def beyond(self, position: int, *, wait_s: float) -> bool:
        """Wait until the log goes on after a position; whether it does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self._newest <= position and not self.is_ending:
                    await self._woken.wait()
        return self._newest > position

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at the log until the end of the block, while anybody listens."""
        self._loop = asyncio.get_running_loop()
        looks = asyncio.create_task(self._looks())
        try:
            yield
        finally:
            self._end()
            looks.cancel()
            with suppress(asyncio.CancelledError):
                await looks

    def end_soon(self) -> None:
        """End all streams; may be called by a signal's handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.is_ending = True
        self._wake()

    def _wake(self) -> None:
        woken, self._woken = self._woken, asyncio.Event()
        woken.set()

    async def _looks(self) -> None:
        while True:
            if self._open.total():
                try:
                    newest = await run_in_threadpool(self._look)
                except Exception:  # the next look shall come whatever it was
                    logger.exception("the log of changes could not be read")
                else:
                    if newest > self._newest:
                        self._newest = newest
                        self._wake()
            await asyncio.sleep(LOOK_EVERY_S)
