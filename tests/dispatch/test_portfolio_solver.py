"""The portfolio with real child processes: search, cancel, death, office by office."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from dispatch.adapters import portfolio_solver
from dispatch.adapters.portfolio_solver import PortfolioSolver, split_by_office
from dispatch.adapters.solver_process import SolverProcess
from dispatch.domain.errors import CancelledError, SolverError
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.planning import plan_day
from dispatch.ports import OnProgress, Progress, SearchOutcome, SearchParams
from dispatch.prepared_day import PreparedDay
from tests.builders import day_problem, silent, team, team_day, visit

QUICK = SearchParams(iterations=400, time_limit_s=60.0)
ENDLESS = SearchParams(iterations=10**9, time_limit_s=600.0)


@pytest.fixture(scope="module")
def solver() -> Iterator[PortfolioSolver]:
    """Two processes for all tests of this file; some of them are killed on the way."""
    warmed = PortfolioSolver().warm()
    yield warmed
    warmed.close()


def nobody(share: float, orders: tuple[Order, ...] | None) -> None:
    """Nobody listens to a child."""


def two_offices(count: int = 8) -> DayProblem:
    south = frozenset({"south"})
    days = [
        team_day(team("n1")),
        team_day(team("n2")),
        team_day(team("s1", office_id="south")),
    ]
    visits = [
        (visit(f"v{i}"), 2 + 3 * i)
        if i % 2
        else (visit(f"v{i}", office_id="south", allowed_office_ids=south), 2 + 3 * i)
        for i in range(count)
    ]
    return day_problem(visits, days=days)


def searched(
    solver: PortfolioSolver, problem: DayProblem, params: SearchParams = QUICK
) -> SearchOutcome:
    """Search through the planner, so that the checker sees the result."""
    found: list[SearchOutcome] = []

    class Listening:
        def search(
            self,
            problem: DayProblem,
            params: SearchParams,
            on_progress: OnProgress,
            *,
            start: Sequence[Order] = (),
        ) -> SearchOutcome:
            found.append(solver.search(problem, params, on_progress, start=start))
            return found[0]

        def cancel(self) -> None:
            solver.cancel()

    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    plan_day(day, Listening(), params, silent)
    return found[0]


def test_warming_twice_keeps_the_processes_that_are_loading() -> None:
    twice = PortfolioSolver().warm()
    try:
        first = twice.process_ids()
        assert twice.warm().process_ids() == first
        assert len(first) == 2
        twice.await_ready()
        assert twice.process_ids() == first
    finally:
        twice.close()


def test_a_day_is_searched_legally_and_repeats(solver: PortfolioSolver) -> None:
    problem = two_offices()
    once = searched(solver, problem)
    again = searched(solver, problem)
    assert once == again
    assert once.method.startswith("city-wide")
    assert not once.cut_short
    assert sorted(i for order in once.orders for i in order) == list(range(8))


def test_progress_is_told_and_ends_at_one(solver: PortfolioSolver) -> None:
    told: list[Progress] = []
    solver.search(two_offices(), QUICK, told.append)
    assert told[-1].done == pytest.approx(1.0)
    assert all(0.0 <= one.done <= 1.0 for one in told)


def test_an_empty_day_needs_no_process() -> None:
    cold = PortfolioSolver()
    problem = day_problem(days=[team_day()])
    outcome = cold.search(problem, QUICK, silent)
    assert (outcome.orders, outcome.method) == (((),), "empty")
    nobody = day_problem([(visit(), 5)], days=[])
    assert cold.search(nobody, QUICK, silent).orders == ()
    assert cold.process_ids() == []
    cold.close()


def test_cancelling_from_another_thread_ends_the_search_at_once(
    solver: PortfolioSolver,
) -> None:
    started = threading.Event()
    cancelled_at: list[float] = []

    def cancel() -> None:
        started.wait(20)
        cancelled_at.append(time.monotonic())
        solver.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(CancelledError):
        solver.search(two_offices(), ENDLESS, lambda _told: started.set())
    ended = time.monotonic()
    thread.join()
    assert ended - cancelled_at[0] < 1.5
    assert searched(solver, two_offices()).orders  # and the next search works


def test_a_killed_child_is_a_solver_error_and_the_next_search_works(
    solver: PortfolioSolver,
) -> None:
    searched(solver, two_offices())  # both children are alive now
    started = threading.Event()

    def kill() -> None:
        started.wait(20)
        for process in solver._processes:  # noqa: SLF001 - to kill it
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(SolverError, match="ended by itself"):
        solver.search(two_offices(), ENDLESS, lambda _told: started.set())
    thread.join()
    assert searched(solver, two_offices()).orders


def test_a_listener_that_fails_leaves_no_old_answer_behind(
    solver: PortfolioSolver,
) -> None:
    def fail(_told: Progress) -> None:
        message = "the listener went away"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="went away"):
        solver.search(two_offices(8), QUICK, fail)
    # the answers to eight visits must not be taken for those to two
    outcome = searched(solver, two_offices(2))
    assert sorted(i for order in outcome.orders for i in order) == [0, 1]


def test_what_the_child_refuses_is_a_solver_error_and_it_lives_on() -> None:
    process = SolverProcess()
    with pytest.raises(SolverError, match="refused the day: AttributeError"):
        process.run("no task at all", nobody, cancelled=threading.Event(), silence_s=60)
    with pytest.raises(SolverError, match="refused the day"):
        process.run(None, nobody, cancelled=threading.Event(), silence_s=60)
    process.close()


def test_a_large_day_goes_office_by_office_and_then_city_wide(
    solver: PortfolioSolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = two_offices()
    monkeypatch.setattr(portfolio_solver, "CITY_MODEL_MAX_VISITS", 7)
    outcome = searched(solver, problem)
    assert outcome.method == "by office, then city-wide"
    assert sorted(i for order in outcome.orders for i in order) == list(range(8))
    for index, day in enumerate(problem.team_days):
        own = {problem.visits[i].office_id for i in outcome.orders[index]}
        assert own <= {day.team.office_id}  # own teams only, by the visits' sharing
    assert searched(solver, problem) == outcome


def test_the_city_wide_search_serves_visits_of_an_office_without_teams(
    solver: PortfolioSolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portfolio_solver, "CITY_MODEL_MAX_VISITS", 1)
    shared = visit(
        "east", office_id="east", allowed_office_ids=frozenset({"east", "north"})
    )
    problem = day_problem([(shared, 5), (visit("own"), 9)])
    outcome = searched(solver, problem)
    assert sorted(outcome.orders[0]) == [0, 1]


def test_splitting_gives_each_office_its_own_visits_and_teams() -> None:
    parts = split_by_office(two_offices())
    assert [[day.team.id for day in part.team_days] for part in parts] == [
        ["n1", "n2"],
        ["s1"],
    ]
    assert [[one.id for one in part.visits] for part in parts] == [
        ["v1", "v3", "v5", "v7"],
        ["v0", "v2", "v4", "v6"],
    ]
    whole = two_offices()
    node_of = dict(
        zip((one.id for one in whole.visits), whole.visit_nodes, strict=True)
    )
    yard_of = {day.team.id: day.start_node for day in whole.team_days}
    for part in parts:
        # Its own rows only, and every drive as long as in the whole city.
        yards = {day.start_node for day in part.team_days}
        assert len(part.travel) == len(yards | set(part.visit_nodes))
        team = part.team_days[0]
        for one, node in zip(part.visits, part.visit_nodes, strict=True):
            there = whole.travel.duration_s[yard_of[team.team.id], node_of[one.id]]
            assert part.travel.duration_s[team.start_node, node] == there


def test_the_time_guard_is_told_in_the_plan(solver: PortfolioSolver) -> None:
    problem = two_offices()
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    short = replace(ENDLESS, time_limit_s=0.3)
    plan = plan_day(day, solver, short, silent).plan
    assert plan.method.endswith("(time guard)")


def test_a_search_by_time_is_repeated_by_the_record_of_its_work(
    solver: PortfolioSolver,
) -> None:
    problem = two_offices()
    by_time = SearchParams(time_limit_s=2.0)
    first = solver.search(problem, by_time, silent)
    assert {step.name.split()[0] for step in first.work} == {"first", "last"}
    assert not first.cut_short
    again = solver.search(problem, replace(by_time, work=first.work), silent)
    assert again == first


def test_one_process_alone_searches_too() -> None:
    alone = PortfolioSolver(processes=1)
    try:
        outcome = searched(alone, two_offices())
    finally:
        alone.close()
    assert sorted(i for order in outcome.orders for i in order) == list(range(8))


def test_the_outcome_is_never_worse_than_the_orders_given(
    solver: PortfolioSolver,
) -> None:
    problem = two_offices()
    best = solver.search(problem, QUICK, silent)
    hasty = SearchParams(iterations=1, time_limit_s=60.0, seed=3)
    kept = solver.search(problem, hasty, silent, start=best.orders)
    scheduler = DayScheduler(problem)
    before, after = (score_of(scheduler, one.orders) for one in (best, kept))
    assert before is not None
    assert after is not None
    assert after.key() <= before.key()


def test_the_best_orders_so_far_are_told_and_legal(solver: PortfolioSolver) -> None:
    told: list[Progress] = []
    problem = two_offices()
    solver.search(problem, SearchParams(time_limit_s=3.0), told.append)
    seen = [one.orders for one in told if one.orders is not None]
    assert seen
    scheduler = DayScheduler(problem)
    assert all(score_of(scheduler, orders) is not None for orders in seen)
