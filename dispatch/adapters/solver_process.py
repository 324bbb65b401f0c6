"""A pre-warmed solving process, and how to talk to it.

Every solve runs in a child process: OR-Tools holds the interpreter lock while it
solves, ignores signals, and bad input can end its process (planning study §5).
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from dispatch.domain.errors import CancelledError, SolverError

END_WAIT_S: Final = 2.0

Told = Callable[[float], None]


def serve_tasks(pipe: Connection) -> None:
    """Body of the child: load the solver once, then solve what comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    from dispatch.adapters import solve_task  # noqa: PLC0415 - loads OR-Tools here only

    pipe.send(("ready", None))
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            result = solve_task.solve(task, lambda share: pipe.send(("share", share)))
        except Exception as problem:  # noqa: BLE001 - told to the parent, which raises
            pipe.send(("failed", f"{type(problem).__name__}: {problem}"))
        else:
            pipe.send(("done", result))


class SolverProcess:
    """One child process; `run` waits for a task, `stop` ends it at once."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """Process id while the child lives."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def start(self) -> None:
        """Start the child without waiting until it has loaded the solver."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve_tasks, args=(theirs,), name="kidohan-solver", daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._pipe, self._stopped = process, ours, False

    def run(self, task: object, told: Told) -> object:
        """
        Solve one task and wait for its result.

        Raises
        ------
        CancelledError
            When `stop` was called meanwhile.
        SolverError
            When the child reports a failure or dies.
        """
        if self._process is None or not self._process.is_alive():
            self.start()
        pipe = self._pipe
        if pipe is None:  # pragma: no cover - start() sets it
            message = "solving process has no pipe"
            raise SolverError(message)
        try:
            pipe.send(task)
            while True:
                kind, value = pipe.recv()
                if kind == "share":
                    told(value)
                elif kind == "done":
                    return value
                elif kind == "failed":
                    message = f"the solving process refused the day: {value}"
                    raise SolverError(message)
        except (EOFError, OSError) as gone:
            if self._stopped:
                message = "planning was cancelled"
                raise CancelledError(message) from gone
            code = self._exit_code()
            message = f"the solving process ended by itself (exit code {code})"
            raise SolverError(message) from gone

    def stop(self) -> None:
        """End the child at once; the next `run` starts a new one."""
        self._stopped = True
        process = self._process
        if process is not None and process.is_alive():
            process.terminate()
            process.join(END_WAIT_S)
            if process.is_alive():  # pragma: no cover - terminate takes about 10 ms
                process.kill()
                process.join(END_WAIT_S)

    def close(self) -> None:
        """End the child and free its pipe."""
        self.stop()
        if self._pipe is not None:
            self._pipe.close()

    def _exit_code(self) -> int | None:
        if self._process is None:  # pragma: no cover - run() started it
            return None
        self._process.join(END_WAIT_S)
        return self._process.exitcode
