"""The program as its users start it: in a folder of its own, with its own settings."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx2
import pytest

from tests.city_data import OSAKA_DATA, prepared
from tests.shared_data import REPO

NODE_MODULES = REPO / "node_modules"
SMALL_SEARCH = {
    "KIDOHAN_PLAN_ITERATIONS": "1000",
    # Work is bound by steps alone: a slow machine plans the same.
    "KIDOHAN_PLAN_TIME_LIMIT_S": "300",
}
DEMO_DATE = "2026-11-24"
DEMO_NOW = f"{DEMO_DATE}T08:50:00+09:00"
API_KEY = "acceptance-key"
RUN_LIMIT_S = 300
START_LIMIT_S = 90
END_LIMIT_S = 30


def need_assets() -> Path:
    """Web assets; the test is skipped loudly without them."""
    if not NODE_MODULES.is_dir():
        pytest.skip("NOT TESTED FROM THE OUTSIDE: no node_modules here (make setup)")
    return NODE_MODULES


def environment(geodata: Path, **settings: str) -> dict[str, str]:
    """Variables of a program: ours without strangers, then the given settings."""
    city = settings.get("KIDOHAN_CITY", "osaka")
    prepared(geodata, city)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KIDOHAN_")}
    return {
        **clean,
        "COLUMNS": "120",
        "PYTHONPATH": str(REPO),
        "KIDOHAN_ASSETS_DIR": str(need_assets()),
        "KIDOHAN_GEODATA_DIR": str(geodata),
        "KIDOHAN_SIGN_IN": "none",
        **settings,
    }


def run_cli(
    folder: Path, variables: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end in a folder."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "api.main", *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(pid: int) -> set[int]:
    """Find a process and all that it started, by /proc (Linux)."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                after_name = (entry / "stat").read_text().rpartition(")")[2]
                parents[int(entry.name)] = int(after_name.split()[1])
    found = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def is_running(pid: int) -> bool:
    """Whether a process lives; one that waits to be collected does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@dataclass
class Served:
    """A server of its own on a free loopback port; ended on leaving `with`."""

    folder: Path
    variables: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.folder / f"server-{self.port}.log"

    def client(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.url,
            timeout=60,
            trust_env=False,
            headers={"X-API-Key": API_KEY},
        )

    def start(self) -> Self:
        """Start, and wait until the service says that it is well."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "api.main", "serve", "--port", str(self.port)],
                cwd=self.folder,
                env={**self.variables, "KIDOHAN_BASE_URL": self.url},
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_LIMIT_S
        with self.client() as client:
            while time.monotonic() < until and self.process.poll() is None:
                with suppress(httpx2.TransportError):
                    if client.get("/healthz").status_code == 200:
                        return self
                time.sleep(0.1)
        self.end()
        pytest.fail(f"the server did not start:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End it as a power cut does: no handler runs."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(END_LIMIT_S)

    def end(self) -> None:
        """End it as an administrator does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()


def served_settings(database: Path, **settings: str) -> dict[str, str]:
    """Variables of a server for the demonstration's day on some database."""
    return environment(
        OSAKA_DATA,
        KIDOHAN_DATABASE_URL=f"sqlite:///{database}",
        KIDOHAN_DEMO_NOW=DEMO_NOW,
        KIDOHAN_API_KEYS=f"acceptance:{API_KEY}",
        **{**SMALL_SEARCH, **settings},
    )
