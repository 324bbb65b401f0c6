"""What would break a planner: bad input, starved and killed processes, odd limits."""

from __future__ import annotations

import io
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch.adapters import portfolio_solver, solve_task
from dispatch.adapters.engine.day import engine_input
from dispatch.adapters.engine.exact_search import ExactSearch
from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.adapters.solve_messages import Opening, SolveTask
from dispatch.adapters.solver_process import SolverProcess, serve_tasks
from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.errors import InvalidInputError, SolverError
from dispatch.domain.levels import DEFAULT_LEVELS, weights_of
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.team import Lunch
from dispatch.domain.told_plan import told_plan
from dispatch.domain.travel import TravelLevel, TravelMatrix
from dispatch.domain.visit import After, TimeWindow, Visit
from dispatch.ports import Progress, SearchParams
from tests.builders import at, day_problem, shift, silent, team, team_day, visit

QUICK = SearchParams(iterations=400, time_limit_s=60.0)
WEIGHTS = weights_of(DEFAULT_LEVELS)


@pytest.fixture(scope="module")
def solver() -> Iterator[PortfolioSolver]:
    """Two processes for all tests of this file; some of them are killed on the way."""
    warmed = PortfolioSolver().warm()
    yield warmed
    warmed.close()


def nobody(share: float, orders: tuple[Order, ...] | None) -> None:
    """Nobody listens to a child."""


def small_day(count: int = 6) -> DayProblem:
    days = [team_day(team("t1")), team_day(team("t2"))]
    return day_problem([(visit(f"v{k}"), 4 * k + 3) for k in range(count)], days=days)


def searched(problem: DayProblem, iterations: int = 300) -> ExactSearch:
    search = ExactSearch(problem, weights_of(problem.levels), seed=1)
    search.begin(())
    search.improve(seconds=600, iterations=iterations, counts=None, told=lambda _: None)
    return search


# -- what the planning study lists as input that ends the wheel's process --------------


def matrix(duration_s: Any) -> TravelMatrix:  # noqa: ANN401 - any rubbish
    return TravelMatrix(
        duration_s=duration_s, distance_m=duration_s, level=TravelLevel.ROAD
    )


def refused(make: Callable[[], object]) -> str:
    with pytest.raises(InvalidInputError) as caught:
        make()
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"visit_nodes": (1, 2, 3, 4, 5, 99)},  # a place outside the matrix
        {"visit_nodes": (1, 2, 3, 4, 5, -1)},
        {"visit_nodes": (1, 2)},  # fewer places than visits
        {"travel": matrix(np.zeros((3, 3), dtype=np.int64))},  # a matrix too small
        {"team_days": (team_day(start_node=7),)},  # a base outside the matrix
        {"team_days": (team_day(), team_day())},  # the same team twice
        {"visits": (visit("v"),) * 6},  # the same visit twice
        {"levels": DEFAULT_LEVELS[1:]},  # a level too few
    ],
)
def test_a_day_that_does_not_fit_together_is_refused_by_its_constructor(
    change: dict[str, Any],
) -> None:
    assert refused(lambda: replace(small_day(), **change))


def test_visits_that_wait_for_each_other_are_refused() -> None:
    circle = (
        visit("a", after=(After(visit_id="b"),)),
        visit("b", after=(After(visit_id="a"),)),
    )
    assert "循環" in refused(lambda: day_problem([(circle[0], 5), (circle[1], 6)]))


@pytest.mark.parametrize(
    "table",
    [
        np.array([[0, -60], [60, 0]]),  # a negative drive
        np.array([[0, 60, 60], [60, 0, 60]]),  # not square
        np.array([[5, 60], [60, 0]]),  # a diagonal that is not zero
        np.array([[0.0, 60.0], [60.0, 0.0]]),  # floats
    ],
)
def test_a_matrix_that_is_none_is_refused_by_its_constructor(table: Any) -> None:  # noqa: ANN401
    assert refused(lambda: matrix(table))


@pytest.mark.parametrize(
    "make",
    [
        lambda: TimeWindow(start_s=at("10:00"), end_s=at("9:00")),
        lambda: visit(service_s=0),
        lambda: visit(load_kg=-1),
        lambda: visit(num_teams=0),
        lambda: visit(hard_due=True),
        lambda: shift(end_s=at("8:00")),
        lambda: Lunch(nominal_s=0, duration_s=0, earliest_s=0, latest_end_s=0),
    ],
    ids=["window", "service", "load", "teams", "hard due", "shift", "lunch"],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_constructor(
    make: Callable[[], object],
) -> None:
    assert refused(make)


def test_promised_times_outside_every_shift_leave_a_visit_out(
    solver: PortfolioSolver,
) -> None:
    night = (TimeWindow(start_s=at("22:00"), end_s=at("23:00")),)
    never = (TimeWindow(start_s=10**9, end_s=10**12),)
    visits = [(visit("n", windows=night), 5), (visit("x", windows=never), 6)]
    problem = day_problem([*visits, (visit("day"), 7)])
    assert solver.search(problem, QUICK, silent).orders == ((2,),)


# -- seconds, seeds and counts that are too large --------------------------------------


@pytest.mark.parametrize("far_s", [-(10**15), -(10**9), 10**9, 10**15])
def test_moments_far_away_neither_overflow_nor_make_a_plan_illegal(far_s: int) -> None:
    def changed(k: int, one: Visit) -> Visit:
        kinds: list[Visit] = [
            replace(one, due_s=far_s, urgency=Urgency.S),
            replace(one, release_s=far_s),
            replace(one, service_s=max(1, far_s)),
        ]
        return kinds[k % 3]

    plain = small_day()
    problem = replace(
        plain, visits=tuple(changed(k, one) for k, one in enumerate(plain.visits))
    )
    orders, starts = searched(problem).best()
    assert violations(problem, told_plan(problem, orders, starts=starts)) == ()


@pytest.mark.parametrize("seed", [-1, -(2**70), 2**32, 2**63, 2**70])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    task = SolveTask(
        problem=small_day(),
        weights=WEIGHTS,
        name="seed",
        time_limit_s=60.0,
        iterations=48,
        seed=seed,
    )
    served = [i for order in solve_task.solve(task, nobody).orders for i in order]
    assert sorted(served) == list(range(6))


def test_more_kinds_of_shared_tools_than_bits_are_refused_with_the_reason() -> None:
    names = [f"tool{k}" for k in range(63)]
    problem = replace(
        day_problem([(visit("v", tools=frozenset(names)), 5)]),
        tools=tuple((name, 1) for name in names),
    )
    assert "62種類" in refused(lambda: engine_input(problem, WEIGHTS))
    fewer = frozenset(names[1:])
    possible = replace(problem, visits=(visit("v", tools=fewer),))
    assert searched(possible, 24).best()[0] == ((0,),)


def test_a_visit_that_asks_for_many_teams_takes_little_room_and_is_left_out() -> None:
    many = visit("many", num_teams=1_000_000)
    problem = day_problem([(many, 5), (visit("own"), 6)])
    search = searched(problem)
    # One team is there: two rows can never both be served. The other visit has one.
    assert search.input.visit_of == (0, 0, 1)
    assert search.best() == (((1,),), {})


# -- days that an earlier search got wrong ---------------------------------------------


@pytest.mark.parametrize("iterations", [0, 300])
def test_a_promise_that_only_lunch_on_arrival_keeps_is_kept(iterations: int) -> None:
    # 30 minutes away, lunch of an hour from 12:00 on, done by 13:45, promised for 13:00
    # sharp. Lunch before driving arrives at 13:30, lunch after the work begins at
    # 13:30, too late by 45 minutes: the team has to eat at the place before it begins.
    lunch = Lunch(
        nominal_s=at("12:00"),
        duration_s=at("1:00"),
        earliest_s=at("12:00"),
        latest_end_s=at("13:45"),
    )
    sharp = (TimeWindow(start_s=at("13:00"), end_s=at("13:00")),)
    promised = visit("p", windows=sharp, due_s=at("14:00"))
    days = [team_day(team(shift=shift(lunch=lunch)))]
    problem = day_problem([(promised, 30)], days=days)
    assert searched(problem, iterations).best()[0] == ((0,),)


def test_work_that_has_waited_for_two_months_is_done_today() -> None:
    old = visit("old", urgency=Urgency.C, release_s=-62 * 86_400)
    assert searched(day_problem([(old, 30)]), 24).best()[0] == ((0,),)


def test_whoever_is_waited_for_does_not_pass_to_a_slower_team() -> None:
    # Work of A takes the slow team three hours; whoever waits for it waits as long as
    # the team takes that goes there at last.
    teams = [
        team("quick"),
        team("slow1", service_times=(("A", at("3:00")),)),
        team("slow2", service_times=(("A", at("1:00")),)),
    ]
    chain = [
        visit("first", category_code="A", num_teams=2),
        visit("then", category_code="A", after=(After(visit_id="first"),)),
        visit("last", category_code="B", after=(After(visit_id="then", gap_s=1800),)),
    ]
    others = [visit(f"o{k}", due_s=at("10:30")) for k in range(7)]
    problem = day_problem(
        [(one, 5 * k - 20) for k, one in enumerate([*chain, *others])],
        days=[team_day(one) for one in teams],
    )
    for seed in range(8):
        search = ExactSearch(problem, WEIGHTS, seed=seed)
        search.begin(())
        search.improve(seconds=600, iterations=500, counts=None, told=lambda _: None)
        orders, starts = search.best()
        assert score_of(DayScheduler(problem, starts), orders) is not None


def test_routes_of_two_searches_of_a_linked_day_are_joined_legally(
    solver: PortfolioSolver,
) -> None:
    days = [team_day(team(f"t{k}")) for k in range(4)]
    visits = [
        visit(
            f"v{k}",
            num_teams=2 if k % 4 == 1 else 1,
            after=(After(visit_id=f"v{k - 2}"),) if k % 3 == 2 else (),
            due_s=at("10:30") if k % 2 else None,
        )
        for k in range(14)
    ]
    spread = [((17 * k) % 80) - 40 for k in range(14)]
    problem = day_problem(list(zip(visits, spread, strict=True)), days=days)
    outcome = solver.search(problem, replace(QUICK, iterations=1_200), silent)
    plan = told_plan(problem, outcome.orders, starts=outcome.starts)
    assert violations(problem, plan) == ()
    assert not plan.unassigned  # four teams have time for all of them


def test_a_large_day_with_an_office_that_has_nothing_to_do_is_searched(
    solver: PortfolioSolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portfolio_solver, "CITY_MODEL_MAX_VISITS", 2)
    idle = team_day(team("idle", office_id="south"))
    problem = day_problem(
        [(visit(f"v{k}"), 5 * k) for k in range(4)], days=[team_day(), idle]
    )
    outcome = solver.search(problem, QUICK, silent)
    assert sorted(outcome.orders[0]) == [0, 1, 2, 3]
    assert outcome.orders[1] == ()
    # And where no office has visits of its own, all are shared from the beginning.
    guests = replace(visit("x"), office_id="east")
    shared = replace(problem, visits=tuple(replace(guests, id=str(k)) for k in "abcd"))
    assert sorted(solver.search(shared, QUICK, silent).orders[0]) == [0, 1, 2, 3]


# -- processes that are starved, killed or talk rubbish --------------------------------


class StarvedProcess(SolverProcess):
    """A child with too little memory to load the solver, until it is fed."""

    is_starved = True

    def start(self) -> None:
        """Start the child under a limit of its address space."""
        before = resource.getrlimit(resource.RLIMIT_AS)
        if self.is_starved:
            # The child takes the limit over; this process asks for nothing meanwhile.
            resource.setrlimit(resource.RLIMIT_AS, (200 << 20, before[1]))
        try:
            super().start()
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)


class TooLarge:
    """What no memory holds: reading it is a MemoryError in the child."""

    def __reduce__(self) -> tuple[object, ...]:
        return bytearray, (1 << 60,)


def test_a_child_without_memory_is_a_solver_error_and_the_next_one_works() -> None:
    fed = PortfolioSolver(1)
    starved = StarvedProcess()
    fed._processes[:], fed._idle[:] = [starved], [starved]  # noqa: SLF001 - to starve it
    try:
        with pytest.raises(SolverError, match="ended by itself"):
            fed.search(small_day(), QUICK, silent)
        starved.is_starved = False
        assert sum(map(len, fed.search(small_day(), QUICK, silent).orders)) == 6
    finally:
        fed.close()


def test_a_task_that_no_memory_holds_ends_the_child_with_an_error() -> None:
    process = SolverProcess()
    try:
        with pytest.raises(SolverError, match="ended by itself"):
            process.run(TooLarge(), nobody, cancelled=threading.Event(), silence_s=60.0)
    finally:
        process.close()


def test_memory_that_ends_during_a_search_is_told_and_the_child_lives_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([MemoryError("no room for a matrix"), "a plan"])

    def solve(_task: object, _told: object) -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(solve_task, "warm_up", lambda: None)
    monkeypatch.setattr(solve_task, "solve", solve)
    tasks = io.BytesIO(pickle.dumps("one") + pickle.dumps("two"))
    told = io.BytesIO()
    serve_tasks(tasks, told)
    told.seek(0)
    said = [pickle.load(told) for _ in range(3)]  # noqa: S301 - written above
    assert said == [
        ("ready", None),
        ("failed", "MemoryError: no room for a matrix"),
        ("done", "a plan"),
    ]


def test_one_of_two_children_killed_is_a_solver_error_and_the_next_search_works(
    solver: PortfolioSolver,
) -> None:
    solver.await_ready()
    first, killed = solver.process_ids()[0], threading.Event()

    def kill(told: Progress) -> None:
        if told.done > 0.05 and not killed.is_set():
            killed.set()
            os.kill(first, signal.SIGKILL)

    with pytest.raises(SolverError, match=r"ended by itself \(exit code -9\)"):
        solver.search(small_day(), SearchParams(time_limit_s=3.0), kill)
    outcome = solver.search(small_day(), QUICK, silent)
    assert sum(map(len, outcome.orders)) == 6
    assert first not in solver.process_ids()


# -- the same again, whatever else differs ---------------------------------------------

REPEAT = """
import pickle, sys
from dispatch.adapters import solve_task
from dispatch.adapters.solve_messages import Opening, SolveTask
task = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps(solve_task.solve(task, lambda s, o: None)))
"""


def solved_with_hash_seed(task: object, hash_seed: str) -> Any:  # noqa: ANN401 - unpickled
    given = dict(os.environ, PYTHONHASHSEED=hash_seed)
    done = subprocess.run(  # noqa: S603 - our own lines
        [sys.executable, "-c", REPEAT],
        input=pickle.dumps(task),
        stdout=subprocess.PIPE,
        env=given,
        check=True,
    )
    return pickle.loads(done.stdout)  # noqa: S301 - from our own child


def test_the_order_of_sets_and_a_busy_machine_change_no_plan() -> None:
    lift = frozenset({"lift", "pump", "saw"})
    visits = [
        visit(
            f"v{k}",
            tools=lift if k % 4 == 0 else frozenset(),
            allowed_office_ids=frozenset({"north", "south", "east"}),
            num_teams=2 if k == 5 else 1,
            district_id=f"d{k % 3}",
        )
        for k in range(12)
    ]
    days = [team_day(team("t1")), team_day(team("t2", office_id="south"))]
    problem = replace(
        day_problem([(one, 7 * k - 30) for k, one in enumerate(visits)], days=days),
        tools=tuple((name, 1) for name in sorted(lift)),
    )
    task = SolveTask(
        problem=problem,
        weights=WEIGHTS,
        name="repeat",
        opening=Opening.SOFT,
        time_limit_s=600.0,
        iterations=400,
        seed=4,
    )
    here = solve_task.solve(task, nobody)
    stop = threading.Event()

    def be_busy() -> None:
        while not stop.is_set():
            sum(range(1_000))

    busy = threading.Thread(target=be_busy)
    busy.start()
    try:
        others = [solved_with_hash_seed(task, one) for one in ("1", "4711")]
    finally:
        stop.set()
        busy.join()
    for other in others:
        assert (other.orders, other.starts, other.work) == (
            here.orders,
            here.starts,
            here.work,
        )
