"""Planning jobs: one at a time, with progress, cancel and a known end."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass, field

import pytest

from api.jobs import JobState, PlanJobs
from dispatch.domain.errors import CancelledError, ConflictError, SolverError
from dispatch.ports import OnProgress, PlanStatus, Progress, StoredPlan
from tests.api.installation import NOW
from tests.builders import DAY, day_problem, plan_of

WAIT_S = 5.0
SECRET = "内部の事情"  # noqa: S105 - a text that must not be told


@dataclass(slots=True)
class Planner:
    """A planner that waits until it is let go, then ends as it was told."""

    error: Exception | None = None
    begun: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    made: list[tuple[dt.date, str]] = field(default_factory=list)

    def make(self, date: dt.date, told: OnProgress, who: str) -> StoredPlan:
        """Make an empty plan."""
        told(Progress(step="経路を探しています", done=0.5))
        self.begun.set()
        assert self.go.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        self.made.append((date, who))
        return StoredPlan(
            id=f"plan-{len(self.made)}",
            version=1,
            status=PlanStatus.DRAFT,
            made_at=NOW,
            made_by=who,
            plan=plan_of(day_problem(), [()]),
            num_feasible=0,
            num_violations=0,
            reasons={},
        )

    def cancel(self) -> None:
        """Stop, as the solver does."""
        self.error = CancelledError("planning was cancelled")
        self.go.set()


def started(planner: Planner) -> PlanJobs:
    """Start a job and wait until it works."""
    jobs = PlanJobs(planner.make, planner.cancel)
    jobs.start(DAY, who="山田")
    assert planner.begun.wait(WAIT_S)
    return jobs


def test_before_the_first_job_there_is_none() -> None:
    jobs = PlanJobs(Planner().make, Planner().cancel)
    jobs.cancel()
    assert jobs.current() is None
    assert jobs.wait(0.0) is None


def test_running_job_tells_its_progress_and_ends_with_its_plan() -> None:
    planner = Planner()
    jobs = started(planner)
    running = jobs.current()
    assert running is not None
    assert (running.state, running.step, running.done) == (
        JobState.RUNNING,
        "経路を探しています",
        0.5,
    )
    planner.go.set()
    ended = jobs.wait(WAIT_S)
    assert ended is not None
    assert (ended.id, ended.state, ended.done) == (running.id, JobState.DONE, 1.0)
    assert ended.plan_id == "plan-1"
    assert planner.made == [(DAY, "山田")]


def test_second_job_is_refused_while_one_runs_and_the_first_goes_on() -> None:
    planner = Planner()
    jobs = started(planner)
    before = jobs.current()
    with pytest.raises(ConflictError, match="最中"):
        jobs.start(DAY, who="佐藤")
    assert jobs.current() == before
    planner.go.set()
    jobs.wait(WAIT_S)
    assert planner.made == [(DAY, "山田")]


def test_of_many_who_press_at_once_one_gets_the_job() -> None:
    planner = Planner()
    jobs = PlanJobs(planner.make, planner.cancel)
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def press() -> None:
        barrier.wait(WAIT_S)
        try:
            jobs.start(DAY, who="山田")
        except ConflictError:
            outcomes.append("refused")
        else:
            outcomes.append("started")

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    planner.go.set()
    jobs.wait(WAIT_S)
    assert sorted(outcomes) == ["refused"] * 7 + ["started"]


def test_cancelled_job_ends_without_a_plan() -> None:
    planner = Planner()
    jobs = started(planner)
    jobs.cancel()
    ended = jobs.wait(WAIT_S)
    assert ended is not None
    assert (ended.state, ended.plan_id) == (JobState.CANCELLED, None)
    assert planner.made == []


def test_cancel_that_comes_before_the_search_is_not_lost() -> None:
    begun, go = threading.Event(), threading.Event()

    def make(_date: dt.date, told: OnProgress, _who: str) -> StoredPlan:
        begun.set()
        assert go.wait(WAIT_S)
        told(Progress(step="経路を探しています", done=0.0))
        raise AssertionError  # nobody may search now

    jobs = PlanJobs(make, go.set)  # the solver had nothing to stop yet
    jobs.start(DAY, who="山田")
    assert begun.wait(WAIT_S)
    jobs.cancel()
    ended = jobs.wait(WAIT_S)
    assert ended is not None
    assert ended.state is JobState.CANCELLED


def test_job_that_has_ended_cannot_be_cancelled() -> None:
    planner = Planner()
    planner.go.set()
    jobs = started(planner)
    jobs.wait(WAIT_S)
    jobs.cancel()
    assert planner.error is None
    ended = jobs.current()
    assert ended is not None
    assert ended.state is JobState.DONE


@pytest.mark.parametrize("error", [SolverError(SECRET), ZeroDivisionError(SECRET)])
def test_failed_job_tells_no_internals_and_another_may_start(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    planner = Planner(error=error)
    planner.go.set()
    with caplog.at_level(logging.CRITICAL, logger="api.jobs"):
        jobs = started(planner)
        failed = jobs.wait(WAIT_S)
    assert failed is not None
    assert (failed.state, failed.plan_id) == (JobState.FAILED, None)
    assert SECRET not in f"{failed}"
    planner.error = None
    again = jobs.start(DAY, who="佐藤")
    ended = jobs.wait(WAIT_S)
    assert ended is not None
    assert (ended.id, ended.state) == (again.id, JobState.DONE)
