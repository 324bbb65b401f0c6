"""One searching job at a time: progress, cancel, best so far, results for a while."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from dispatch.domain.errors import CancelledError, ConflictError, DispatchError
from dispatch.domain.ids import new_id
from dispatch.ports import OnProgress, Progress, StoredPlan

logger = logging.getLogger(__name__)
MAX_RESULTS = 16  # kept in memory, the oldest goes; a plan of 1,500 visits is some 2 MB

Work = Callable[[OnProgress], object]


class JobState(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanJob:
    """
    A planning job as a page shows it.

    `page` is where its result is shown, if not with the day's plans; `has_best` tells
    whether there is a plan to take, `has_result` whether there is something to show.
    """

    id: str
    date: dt.date
    state: JobState
    page: str = ""
    step: str = ""
    done: float = 0.0
    has_best: bool = False
    has_result: bool = False
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
    take_best
        Ends the solver's search with the best orders so far.
    """

    def __init__(
        self,
        make: Callable[[dt.date, OnProgress, str], StoredPlan],
        cancel: Callable[[], None],
        take_best: Callable[[], None],
    ) -> None:
        self._make = make
        self._cancel = cancel
        self._take_best = take_best
        self._lock = threading.Lock()
        self._job: PlanJob | None = None
        self._thread: threading.Thread | None = None
        self._stop_asked = threading.Event()
        self._results: dict[str, object] = {}

    def start(self, date: dt.date, *, who: str) -> PlanJob:
        """Start a job that makes a draft; ConflictError when a job is running."""
        return self.begin(date, lambda told: self._make(date, told, who))

    def begin(self, date: dt.date, work: Work, *, page: str = "") -> PlanJob:
        """
        Start a job.

        Parameters
        ----------
        date
            The day that it is about.
        work
            Told the progress; what it returns is kept as the result of the page.
        page
            Path of the page that shows the result; without one it is not kept.

        Raises
        ------
        ConflictError
            When one is running: two planners at once would undo each other's work.
        """
        job = self._claimed(date, page)
        self._thread = threading.Thread(
            target=self._run, args=(job, work), name="plan-job", daemon=True
        )
        self._thread.start()
        return job

    def answer(self, date: dt.date, work: Work) -> object:
        """
        Do a job here and now, and return its result.

        Raises
        ------
        ConflictError
            When one is running.
        DispatchError
            That the work ended with.
        """
        return self._done(self._claimed(date, ""), work)

    def result(self, page: str) -> object | None:
        """Return the last result of a page, while it is kept."""
        with self._lock:
            return self._results.get(page)

    def show(self, page: str, result: object) -> None:
        """Keep a result of a page, also a first one while the job runs on."""
        with self._lock:
            self._results[page] = result
            if self._job is not None and self._job.page == page:
                self._job = replace(self._job, has_result=True)
            while len(self._results) > MAX_RESULTS:
                del self._results[next(iter(self._results))]

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

    def take_best(self) -> None:
        """End the running job's search with the best that it has found so far."""
        job = self.current()
        if job is not None and job.state is JobState.RUNNING:
            self._take_best()

    def wait(self, timeout_s: float) -> PlanJob | None:
        """Wait for the running job to end and return it."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self.current()

    def _claimed(self, date: dt.date, page: str) -> PlanJob:
        """Make the only running job, or refuse."""
        with self._lock:
            if self._job is not None and self._job.state is JobState.RUNNING:
                message = "計画を作っている最中です。終わるまで待つか、中止してください"
                raise ConflictError(message)
            self._job = PlanJob(
                id=new_id(), date=date, state=JobState.RUNNING, page=page
            )
            self._stop_asked.clear()
            self._results.pop(page, None)
            return self._job

    def _run(self, job: PlanJob, work: Work) -> None:
        with suppress(Exception):  # told and logged already
            self._done(job, work)

    def _done(self, job: PlanJob, work: Work) -> object:
        """Do the work and tell how it goes and ends."""

        def told(progress: Progress) -> None:
            if self._stop_asked.is_set():
                message = "planning was cancelled"
                raise CancelledError(message)
            changes: dict[str, object] = {"step": progress.step, "done": progress.done}
            if progress.orders is not None:
                changes["has_best"] = True
            self._update(job.id, **changes)

        try:
            result = work(told)
        except CancelledError:
            self._update(job.id, state=JobState.CANCELLED, step="中止しました")
            raise
        except DispatchError as problem:
            logger.warning("planning failed: %s", type(problem).__name__)
            self._update(
                job.id,
                state=JobState.FAILED,
                step="計画を作れませんでした",
                problem=type(problem).__name__,
            )
            raise
        except Exception:
            logger.exception("planning broke")
            self._update(job.id, state=JobState.FAILED, step="計画を作れませんでした")
            raise
        if job.page:
            self.show(job.page, result)
        self._update(
            job.id,
            state=JobState.DONE,
            step="計画ができました",
            done=1.0,
            plan_id=result.id if isinstance(result, StoredPlan) else None,
        )
        return result

    def _update(self, job_id: str, **changes: object) -> None:
        with self._lock:
            if self._job is not None and self._job.id == job_id:
                self._job = replace(self._job, **changes)  # type: ignore[arg-type]
