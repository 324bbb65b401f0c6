"""The road engine as a child process: started, watched, started again, shut down."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import urllib3

from dispatch.domain.errors import SourceError
from geodata.roads.programs import OsrmPrograms

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
MAX_TABLE_PLACES = 1000  # blocks of 300 × 300 ask for 600 places
READY_TIMEOUT_S = 30.0
READY_POLL_S = 0.02
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
STEADY_S = 30.0  # up so long, it has earned a quick restart again
STOP_TIMEOUT_S = 3.0
# The shell between us ends the engine when our end of the pipe closes, however we die.
GUARD = (
    'exec 3<&0; "$@" </dev/null 3<&- & child=$!; '
    "{ cat >/dev/null; kill -9 $child; } <&3 2>/dev/null & watch=$!; "
    "exec 3<&-; wait $child; code=$?; kill $watch 2>/dev/null; exit $code"
)


class OsrmProcess:
    """
    One `osrm-routed` on a loopback port, kept alive until `close`.

    Parameters
    ----------
    programs
        The engine.
    base
        Base path of the prepared data.
    algorithm
        `CH` or `MLD`.
    port
        Port to listen on; 0 takes a free one.
    on_down
        Told when the engine has gone by itself.

    Raises
    ------
    SourceError
        When the port is in use, or the engine does not come up with this data.
    """

    def __init__(
        self,
        programs: OsrmPrograms,
        base: Path,
        *,
        algorithm: str,
        port: int = 0,
        on_down: Callable[[], None] | None = None,
    ) -> None:
        self._programs = programs
        self._base = base
        self.algorithm = algorithm
        self._fixed_port = port
        self._on_down = on_down
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.num_restarts = 0
        self._start()
        self._watcher = threading.Thread(
            target=self._watch, name="osrm-watch", daemon=True
        )
        self._watcher.start()

    @property
    def url(self) -> str:
        """Address under which the engine answers now."""
        return f"http://{LOOPBACK}:{self.port}"

    def is_up(self) -> bool:
        """Whether the process runs (it may still be loading)."""
        process = self._process
        return process is not None and process.poll() is None

    def restart(self) -> None:
        """End the engine as it is; the watching starts it again."""
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()  # the guard ends the engine

    def close(self) -> None:
        """Stop the engine and the watching; may be called twice."""
        self._closing.set()
        with self._lock:
            self._stop()
        if threading.current_thread() is not self._watcher:
            self._watcher.join(STOP_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self.port = self._fixed_port or _free_port()
        _require_free(self.port)
        routed = self._programs.path("routed")
        shell = shutil.which("sh")
        if shell is None:
            message = "no sh on this machine; the road engine runs on Linux only"
            raise SourceError(message)
        words = [
            *("--algorithm", self.algorithm),
            *("--ip", LOOPBACK, "--port", str(self.port), "--threads", "2"),
            *("--max-table-size", str(MAX_TABLE_PLACES)),
            # Requests hold positions of residents' reports: they are never logged.
            *("--verbosity", "ERROR"),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own program and words
            [shell, "-c", GUARD, "sh", str(routed), *words, str(self._base)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C reaches us first: we end it in order
        )
        try:
            self._wait_ready(self._process)
        except SourceError:
            self._stop()
            raise

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it answers: loading takes a fraction of a second to some."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        pool = urllib3.PoolManager(retries=False, timeout=1.0)
        while time.monotonic() < deadline and not self._closing.is_set():
            if process.poll() is not None:
                message = (
                    f"{self._base}: the road engine ended at once (code "
                    f"{process.returncode}); is the data whole? kidohan roads check"
                )
                raise SourceError(message)
            try:
                pool.request("GET", f"{self.url}/nearest/v1/driving/0,0")
            except urllib3.exceptions.HTTPError:
                self._closing.wait(READY_POLL_S)
            else:
                return
        message = f"{self._base}: the road engine did not answer in time"
        raise SourceError(message)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # the guard ends the engine
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # pragma: no cover - the guard hangs
            process.kill()
            process.wait()

    def _watch(self) -> None:
        """Start the engine again when it goes, each time a little later."""
        wait_s = FIRST_WAIT_S
        while not self._closing.is_set():
            process, began = self._process, time.monotonic()
            if process is not None:
                process.wait()
            if self._closing.is_set():
                return
            logger.warning("road engine has ended; it is started again")
            if self._on_down is not None:
                self._on_down()
            if time.monotonic() - began > STEADY_S:
                wait_s = FIRST_WAIT_S
            self._closing.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            with self._lock:
                if self._closing.is_set():
                    return
                self._stop()
                self._restart()

    def _restart(self) -> None:
        try:
            self._start()
        except SourceError as problem:
            if not self._closing.is_set():
                logger.warning("road engine does not start again: %s", problem)
        else:
            self.num_restarts += 1
            logger.info("road engine is back on port %d", self.port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as problem:
            message = (
                f"port {port} for the road engine is in use by another program; "
                "choose another in KIDOHAN_ROADS_PORT, or 0 for any free one"
            )
            raise SourceError(message) from problem
