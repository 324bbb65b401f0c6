"""A city in a process of its own, for clients that speak HTTP themselves."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx2

from api.app import create_app
from api.serving import run_server
from api.settings import Settings
from dispatch.adapters.clocks import FixedClock
from tests.acceptance.command import free_port
from tests.api.installation import NOW

START_LIMIT_S = 90
END_LIMIT_S = 30


@contextmanager
def on_socket(settings: Settings) -> Iterator[str]:
    """
    Serve an installation; yields its address.

    GDAL holds Python still while it waits for an answer: a server in a thread beside
    it would never give one.
    """
    port = free_port()
    spawned = multiprocessing.get_context("spawn")
    process = spawned.Process(target=_serve, args=(settings, port), daemon=False)
    process.start()
    url = f"http://127.0.0.1:{port}"
    try:
        _await_answer(process, f"{url}/healthz")
        yield url
    finally:
        process.terminate()
        process.join(END_LIMIT_S)
        if process.is_alive():
            process.kill()
            process.join()


def _await_answer(process: multiprocessing.process.BaseProcess, url: str) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until and process.is_alive():
        with suppress(httpx2.TransportError):
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    message = "the server did not start"
    raise AssertionError(message)


def _serve(settings: Settings, port: int) -> None:
    app = create_app(settings, FixedClock(NOW))
    run_server(app, host="127.0.0.1", port=port)
