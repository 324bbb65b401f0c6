"""Planning jobs: one at a time, with progress, cancel and a known end."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass, field

import pytest

from api.jobs import MAX_RESULTS, JobState, PlanJobs
from dispatch.domain.errors import (
    CancelledError,
    ConflictError,
    NotFoundError,
    SolverError,
)
from dispatch.ports import OnProgress, PlanStatus, Progress, StoredPlan
from tests.api.installation import NOW
from tests.builders import DAY, day_problem, plan_of

WAIT_S = 5.0
PAGE = "/plan/p1/what-if"
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

    def take_best(self) -> None:
        """End with what there is."""
        self.go.set()


def idle(planner: Planner) -> PlanJobs:
    """Jobs of a planner, with none running."""
    return PlanJobs(planner.make, planner.cancel, planner.take_best)


def started(planner: Planner) -> PlanJobs:
    """Start a job and wait until it works."""
    jobs = idle(planner)
    jobs.start(DAY, who="山田")
    assert planner.begun.wait(WAIT_S)
    return jobs


def test_before_the_first_job_there_is_none() -> None:
    jobs = idle(Planner())
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
    jobs = idle(planner)
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


def test_the_best_so_far_is_taken_from_a_running_job_alone() -> None:
    planner = Planner()
    jobs = started(planner)
    jobs.take_best()
    ended = jobs.wait(WAIT_S)
    assert ended is not None
    assert (ended.state, ended.plan_id) == (JobState.DONE, "plan-1")
    planner.go.clear()
    jobs.take_best()
    assert not planner.go.is_set()


def test_job_tells_when_there_is_a_plan_to_take() -> None:
    planner = Planner()
    jobs = idle(planner)

    def work(told: OnProgress) -> None:
        told(Progress(step="はじめ", done=0.0))
        before = jobs.current()
        told(Progress(step="探索", done=0.5, orders=((0,),)))
        told(Progress(step="探索", done=0.6))
        after = jobs.current()
        assert before is not None
        assert after is not None
        assert (before.has_best, after.has_best) == (False, True)

    jobs.answer(DAY, work)


def test_result_is_kept_for_its_page_until_the_page_asks_again() -> None:
    jobs = idle(Planner())
    assert jobs.result(PAGE) is None
    jobs.begin(DAY, lambda _: "結果", page=PAGE)
    ended = jobs.wait(WAIT_S)
    assert ended is not None
    assert (ended.page, ended.has_result, ended.plan_id) == (PAGE, True, None)
    assert jobs.result(PAGE) == "結果"
    jobs.begin(DAY, lambda _: jobs.result(PAGE), page=PAGE)
    jobs.wait(WAIT_S)
    assert jobs.result(PAGE) is None


def test_first_result_is_shown_while_the_job_runs_on() -> None:
    jobs = idle(Planner())
    seen: list[object] = []

    def work(_told: OnProgress) -> object:
        jobs.show(PAGE, "はじめの案")
        jobs.show("/elsewhere", "別の結果")
        running = jobs.current()
        assert running is not None
        seen.extend((jobs.result(PAGE), running.has_result, running.state))
        return "全部の案"

    jobs.begin(DAY, work, page=PAGE)
    jobs.wait(WAIT_S)
    assert seen == ["はじめの案", True, JobState.RUNNING]
    assert jobs.result(PAGE) == "全部の案"


def test_oldest_results_make_room() -> None:
    jobs = idle(Planner())
    for number in range(MAX_RESULTS + 1):
        jobs.show(f"/{number}", number)
    assert jobs.result("/0") is None
    assert jobs.result("/1") == 1


def test_answer_is_the_works_own_and_so_is_its_error() -> None:
    planner = Planner()
    jobs = idle(planner)
    assert jobs.answer(DAY, lambda _: 42) == 42

    def fails(_told: OnProgress) -> object:
        with pytest.raises(ConflictError):
            jobs.answer(DAY, lambda _: 43)
        raise NotFoundError("plan", "p1")

    with pytest.raises(NotFoundError):
        jobs.answer(DAY, fails)
    ended = jobs.current()
    assert ended is not None
    assert ended.state is JobState.FAILED


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

    jobs = PlanJobs(make, go.set, go.set)  # the solver had nothing to stop yet
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
