"""The server says when it can be called, and ends in good order when that fails."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx2
import pytest
from fastapi import FastAPI

from api.serving import run_server
from tests.acceptance.command import free_port

LIMIT_S = 30


class Small:
    """An application of one address, which notes how it begins and ends."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.app = FastAPI(lifespan=self._life)
        self.app.state.watch = SimpleNamespace(end_soon=lambda: None)
        self.app.get("/")(lambda: "here")

    @asynccontextmanager
    async def _life(self, _app: FastAPI) -> AsyncIterator[None]:
        self.notes.append("begun")
        yield
        self.notes.append("ended")


def test_who_is_told_can_call_at_once() -> None:
    small, port, told = Small(), free_port(), threading.Event()

    def serve() -> None:
        run_server(small.app, host="127.0.0.1", port=port, on_ready=told.set)

    threading.Thread(target=serve, daemon=True).start()
    assert told.wait(LIMIT_S)
    answer = httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=LIMIT_S)
    assert answer.json() == "here"
    assert small.notes == ["begun"]


def test_a_server_that_cannot_say_so_ends_and_tells_why() -> None:
    small = Small()

    def fail() -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        run_server(small.app, host="127.0.0.1", port=free_port(), on_ready=fail)
    assert small.notes == ["begun", "ended"]
