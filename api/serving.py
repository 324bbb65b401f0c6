"""The web server around the application: what it reads, and what it never writes."""

from __future__ import annotations

from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.change_watch import ChangeWatch

# Open311 clients ask for all their open reports in one address: 5,000 are 80 kB. The
# other parser of uvicorn ends at 64 kB.
MAX_HEAD_BYTES = 1_048_576


def run_server(app: FastAPI, *, host: str, port: int) -> None:
    """Serve an application until it is told to end."""
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
    with suppress(KeyboardInterrupt):
        _Server(config, app.state.watch).run()


class _Server(uvicorn.Server):
    """A server that tells streams without end to end: else it would wait for them."""

    def __init__(self, config: uvicorn.Config, watch: ChangeWatch) -> None:
        super().__init__(config)
        self._watch = watch

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, and have streams end too."""
        self._watch.end_soon()
        super().handle_exit(sig, frame)
