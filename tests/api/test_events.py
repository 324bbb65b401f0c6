"""Server-sent events of a real server: live, resumed, limited, and ended with it."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from api import change_watch
from api.app import create_app
from api.routes import changes
from api.serving import _Server
from dispatch.adapters.clocks import FixedClock
from tests.api.installation import AUTH, NOW, consultation_body, settings_for

END_LIMIT_S = 10


@dataclass
class Running:
    """A server in a thread of this process."""

    url: str
    app: FastAPI
    server: uvicorn.Server
    thread: threading.Thread

    def end(self) -> None:
        self.server.handle_exit(signal.SIGTERM, None)
        self.thread.join(END_LIMIT_S)
        assert not self.thread.is_alive(), "the server waits for its streams"

    def add(self) -> str:
        answer = httpx2.post(
            f"{self.url}/v1/consultations", json=consultation_body(), headers=AUTH
        )
        return str(answer.json()["id"])


@pytest.fixture
def served(
    tmp_path: Path, geodata_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    monkeypatch.setattr(changes, "HEARTBEAT_S", 0.3)
    monkeypatch.setattr(change_watch, "LOOK_EVERY_S", 0.05)
    app = create_app(settings_for(tmp_path, geodata_dir), FixedClock(NOW))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", ws="none", http="h11")
    server = _Server(config, app.state.watch)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    while not server.started:
        time.sleep(0.05)
    running = Running(f"http://127.0.0.1:{port}", app, server, thread)
    yield running
    if thread.is_alive():
        running.end()
    listener.close()


def events(lines: Iterator[str], count: int) -> list[tuple[str, dict[str, object]]]:
    """Read so many events: cursor and data."""
    found: list[tuple[str, dict[str, object]]] = []
    cursor = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            cursor = value
        elif name == "data":
            found.append((cursor, json.loads(value)))
            if len(found) == count:
                return found
    return found


def test_changes_come_as_they_happen_and_a_stream_is_resumed(served: Running) -> None:
    url = f"{served.url}/v1/events"
    with httpx2.stream("GET", url, headers=AUTH, timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        lines = answer.iter_lines()
        assert next(lines) == "retry: 3000"
        first, second = served.add(), served.add()
        (one, two) = events(lines, 2)
        beat = next(line for line in lines if line.startswith(":"))
        assert beat == ": still here"
    told = [data["chart"]["id"] for _, data in (one, two)]  # type: ignore[index]
    assert told == [first, second]
    again = {**AUTH, "Last-Event-ID": one[0]}
    with httpx2.stream("GET", url, headers=again, timeout=20) as answer:
        assert events(answer.iter_lines(), 1) == [two]


def test_a_long_log_is_streamed_in_parts(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AT_ONCE", 1)
    made = [served.add() for _ in range(3)]
    page = httpx2.get(f"{served.url}/v1/changes", params={"limit": 1}, headers=AUTH)
    start = page.json()["next"]
    url = f"{served.url}/v1/events?after={start}"
    with httpx2.stream("GET", url, headers=AUTH, timeout=20) as answer:
        found = events(answer.iter_lines(), 2)
    assert [data["chart"]["id"] for _, data in found] == made[1:]  # type: ignore[index]


def test_a_key_has_so_many_streams_and_the_server_ends_them(served: Running) -> None:
    url = f"{served.url}/v1/events"
    with httpx2.Client(headers=AUTH, timeout=20) as client:
        opened = [
            client.send(client.build_request("GET", url), stream=True) for _ in range(5)
        ]
        bodies = [answer.iter_lines() for answer in opened]
        for lines in bodies:
            assert next(lines).startswith("retry")
        refused = client.get(url)
        assert refused.status_code == 429
        served.end()
        for lines in bodies:
            assert all(not line.startswith("data") for line in lines)
        for answer in opened:
            answer.close()
