"""One planning job at a time: progress, cancel, result, with a lifetime."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.errors import CancelledError, ConflictError, DispatchError
from dispatch.domain.ids import new_id
from dispatch.ports import OnProgress, Progress, StoredPlan

logger = logging.getLogger(__name__)


class JobState(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanJob:
    """A planning job as a page shows it."""

    id: str
    date: dt.date
    state: JobState
    step: str = ""
    done: float = 0.0
    plan_id: str | None = None
    problem: str = ""


class PlanJobs:
    """
    Runs one planning job in a thread; the solver itself has its own processes.

    Parameters
    ----------
    make
        Makes and stores a draft for a date, told the progress.
    cancel
        Stops the solver.
    """

    def __init__(
        self,
        make: Callable[[dt.date, OnProgress, str], StoredPlan],
        cancel: Callable[[], None],
    ) -> None:
        self._make = make
        self._cancel = cancel
        self._lock = threading.Lock()
        self._job: PlanJob | None = None
        self._thread: threading.Thread | None = None
        self._stop_asked = threading.Event()

    def start(self, date: dt.date, *, who: str) -> PlanJob:
        """
        Start a job.

        Raises
        ------
        ConflictError
            When one is running: two planners at once would undo each other's work.
        """
        with self._lock:
            if self._job is not None and self._job.state is JobState.RUNNING:
                message = "計画を作っている最中です。終わるまで待つか、中止してください"
                raise ConflictError(message)
            job = PlanJob(id=new_id(), date=date, state=JobState.RUNNING)
            self._job = job
            self._stop_asked.clear()
        self._thread = threading.Thread(
            target=self._run, args=(job, who), name="plan-job", daemon=True
        )
        self._thread.start()
        return job

    def current(self) -> PlanJob | None:
        """Return the running job, or the last one."""
        with self._lock:
            return self._job

    def cancel(self) -> None:
        """Stop the running job; the plan in force stays."""
        with self._lock:
            if self._job is None or self._job.state is not JobState.RUNNING:
                return
            self._stop_asked.set()  # a search that has not begun hears of it when told
        self._cancel()

    def wait(self, timeout_s: float) -> PlanJob | None:
        """Wait for the running job to end and return it."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self.current()

    def _run(self, job: PlanJob, who: str) -> None:
        def told(progress: Progress) -> None:
            if self._stop_asked.is_set():
                message = "planning was cancelled"
                raise CancelledError(message)
            self._update(job.id, step=progress.step, done=progress.done)

        try:
            stored = self._make(job.date, told, who)
        except CancelledError:
            self._update(job.id, state=JobState.CANCELLED, step="中止しました")
        except DispatchError as problem:
            logger.warning("planning failed: %s", type(problem).__name__)
            self._update(
                job.id,
                state=JobState.FAILED,
                step="計画を作れませんでした",
                problem=type(problem).__name__,
            )
        except Exception:
            logger.exception("planning broke")
            self._update(job.id, state=JobState.FAILED, step="計画を作れませんでした")
        else:
            self._update(
                job.id,
                state=JobState.DONE,
                step="計画ができました",
                done=1.0,
                plan_id=stored.id,
            )

    def _update(self, job_id: str, **changes: object) -> None:
        with self._lock:
            if self._job is not None and self._job.id == job_id:
                self._job = replace(self._job, **changes)  # type: ignore[arg-type]
