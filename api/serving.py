"""The web server around the application: what it reads, and what it never writes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.change_watch import ChangeWatch

# Open311 clients ask for all their open reports in one address: 5,000 are 80 kB. The
# other parser of uvicorn ends at 64 kB.
MAX_HEAD_BYTES = 1_048_576


def run_server(
    app: FastAPI,
    *,
    host: str,
    port: int,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """
    Serve an application until it is told to end.

    Parameters
    ----------
    app
        What is served.
    host, port
        Where to listen.
    on_ready
        Called once when requests can come, before any is answered. The server ends, in
        good order, when it fails, and what it raised is raised here.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws="none",
        log_level="warning",
        access_log=False,  # a URL in a log is a leak waiting for a query string
    )
    server = _Server(config, app.state.watch, on_ready)
    with suppress(KeyboardInterrupt):
        server.run()
    if server.problem is not None:
        raise server.problem


class _Server(uvicorn.Server):
    """A server that says when it is ready, and tells streams without end to end."""

    def __init__(
        self,
        config: uvicorn.Config,
        watch: ChangeWatch,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._watch = watch
        self._on_ready = on_ready
        self.problem: Exception | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets=sockets)
        if not self.started:
            return
        try:
            self._on_ready()
        except Exception as problem:  # noqa: BLE001 - raised when all is put away
            self.problem = problem
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, and have streams end too: the server would wait for them."""
        self._watch.end_soon()
        super().handle_exit(sig, frame)
