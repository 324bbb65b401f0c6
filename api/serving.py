"""The web server around the application: what it reads, and what it never writes."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

# Open311 clients ask for all their open reports in one address: 5,000 are 80 kB. The
# other parser of uvicorn ends at 64 kB.
MAX_HEAD_BYTES = 1_048_576


def run_server(app: FastAPI, *, host: str, port: int) -> None:
    """Serve an application until it is told to end."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        http="h11",
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws="none",
        log_level="warning",
        access_log=False,  # a URL in a log is a leak waiting for a query string
    )
