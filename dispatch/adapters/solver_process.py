"""A pre-warmed solving process, and how to talk to it.

Every solve runs in a child process: OR-Tools holds the interpreter lock while it
solves, ignores signals, and bad input can end its process (planning study §5). The
child is a program of its own, so that it loads the solver and nothing of the service.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
from typing import IO, Final, Protocol

from dispatch.domain.errors import CancelledError, SolverError
from dispatch.domain.schedule import Order

MODULE: Final = "dispatch.adapters.solver_process"
END_WAIT_S: Final = 2.0
READY: Final = "ready"
SHARE: Final = "share"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "planning was cancelled"

START_WAIT_S: Final = 900.0  # a first start on a new machine compiles the search


class Told(Protocol):
    """Hears the share done, and the best orders when they are new."""

    def __call__(self, share: float, orders: tuple[Order, ...] | None) -> None:
        """Hear it."""
        ...


class SilentError(Exception):
    """The solving process hung and was ended; the task may be solved another way."""


class _Watch:
    """Ends a process that is silent for too long."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._timer: threading.Timer | None = None
        self.ended_it = False

    def restart(self, silence_s: float) -> None:
        """Begin to count anew."""
        self.stop()
        self._timer = threading.Timer(silence_s, self._end)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Count no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self.ended_it = True
        self._process.kill()


class SolverProcess:
    """One child process; `run` waits for a task, `stop` ends it at once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False

    @property
    def pid(self) -> int | None:
        """Process id while the child lives."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the child, unless it lives; nobody waits until it has loaded."""
        if self.pid is not None:
            return
        self._release()
        self._is_ready = False
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def await_ready(self) -> None:
        """Wait until the child can begin at once; start it when it does not live."""
        if self.pid is None:
            self.start()
        process = self._process
        if process is None or process.stdout is None:
            message = "solving process has no pipes"  # pragma: no cover
            raise SolverError(message)  # pragma: no cover
        watch = _Watch(process)
        try:
            self._await_ready(process.stdout, watch)
        except (EOFError, OSError, pickle.UnpicklingError) as gone:
            message = f"the solving process did not start ({process.wait(END_WAIT_S)})"
            raise SolverError(message) from gone
        finally:
            watch.stop()

    def run(
        self, task: object, told: Told, *, cancelled: threading.Event, silence_s: float
    ) -> object:
        """
        Solve one task and wait for its result.

        Parameters
        ----------
        task
            What to solve.
        told
            Told the share done.
        cancelled
            Set before `stop` by whoever cancels.
        silence_s
            A child that says nothing for so long hangs, and is ended.

        Raises
        ------
        CancelledError
            When the task was cancelled meanwhile.
        SilentError
            When the child hung: OR-Tools 9.15 heeds no limit on a few small days.
        SolverError
            When the child reports a failure or dies.
        """
        if self.pid is None:
            self.start()
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            message = "solving process has no pipes"  # pragma: no cover
            raise SolverError(message)  # pragma: no cover
        if cancelled.is_set():  # before or while the child started
            self.stop()
            raise CancelledError(CANCELLED)
        watch = _Watch(process)
        try:
            self._await_ready(process.stdout, watch)
            watch.restart(silence_s)
            _send(process.stdin, task)
            return self._answer(process.stdout, told, watch, silence_s)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as gone:
            if cancelled.is_set():
                raise CancelledError(CANCELLED) from gone
            code = process.wait(END_WAIT_S)
            if watch.ended_it:
                message = f"the solving process said nothing for {silence_s:.0f} s"
                raise SilentError(message) from gone
            message = f"the solving process ended by itself (exit code {code})"
            raise SolverError(message) from gone
        finally:
            watch.stop()

    def _await_ready(self, pipe: IO[bytes], watch: _Watch) -> None:
        """Wait until the child has loaded the solver, or compiled it the first time."""
        if not self._is_ready:
            watch.restart(START_WAIT_S)
            pickle.load(pipe)  # noqa: S301 - our own child
            self._is_ready = True

    def _answer(
        self, pipe: IO[bytes], told: Told, watch: _Watch, silence_s: float
    ) -> object:
        """Read what the child says until it is done."""
        while True:
            kind, value = pickle.load(pipe)  # noqa: S301 - our own child
            watch.restart(silence_s)
            if kind == SHARE:
                self._tell(told, value)
            elif kind == DONE:
                return value
            elif kind == FAILED:
                message = f"the solving process refused the day: {value}"
                raise SolverError(message)

    def _tell(self, told: Told, news: tuple[float, tuple[Order, ...] | None]) -> None:
        """Tell progress; a listener that fails ends the run and the child with it."""
        try:
            told(*news)
        except BaseException:
            self.stop()  # its unread answer would be taken for the next task's
            raise

    def ask_to_end(self) -> None:
        """Tell the child to end, without waiting until its memory is given back."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End the child at once; the next `run` starts a new one."""
        self.ask_to_end()
        process = self._process
        if process is not None and process.poll() is None:
            try:
                process.wait(END_WAIT_S)
            except subprocess.TimeoutExpired:  # pragma: no cover - takes about 10 ms
                process.kill()
                process.wait(END_WAIT_S)

    def close(self) -> None:
        """End the child and free its pipes."""
        self.stop()
        self._release()

    def _release(self) -> None:
        process = self._process
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # a write that the dead child never took
                    continue
        process.wait(END_WAIT_S)
        self._process = None


def _send(pipe: IO[bytes], message: object) -> None:
    pickle.dump(message, pipe)
    pipe.flush()


def serve_tasks(tasks: IO[bytes], answers: IO[bytes]) -> None:
    """Body of the child: load the solver once, then solve what comes."""
    from dispatch.adapters import solve_task  # noqa: PLC0415 - loads OR-Tools here only

    solve_task.warm_up()
    _send(answers, (READY, None))
    while True:
        try:
            task = pickle.load(tasks)  # noqa: S301 - from our own parent
        except EOFError:
            return
        try:
            result = solve_task.solve(
                task, lambda share, orders: _send(answers, (SHARE, (share, orders)))
            )
        except Exception as problem:  # noqa: BLE001 - told to the parent, which raises
            _send(answers, (FAILED, f"{type(problem).__name__}: {problem}"))
        else:
            _send(answers, (DONE, result))


def main() -> None:
    """Run as the child: answers go out on the first pipe, prints to the second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not break the answers
    serve_tasks(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
