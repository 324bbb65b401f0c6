"""Hostile days, drawn by chance: the search answers legally, counts and repeats."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from dispatch.adapters import solve_task
from dispatch.adapters.engine.exact_search import ExactSearch
from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.adapters.solve_messages import SolveResult, SolveTask
from dispatch.adapters.solver_process import SolverProcess, Told
from dispatch.domain.bound import bound_of
from dispatch.domain.checks import violations
from dispatch.domain.horizon import horizon_problem, next_days
from dispatch.domain.improve import missing, with_inserted
from dispatch.domain.levels import DEFAULT_LEVELS, Level, SearchWeights, weights_of
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.team import DAY_S, HORIZON_MAX_S
from dispatch.domain.told_plan import told_plan
from dispatch.domain.visit import After, TimeWindow, Visit
from dispatch.ports import Progress, SearchParams
from tests.builders import MIN, at, is_working_day, silent
from tests.problem_strategies import LIFT, rich_problems
from tests.strategies import problems, timed_matrices

WEEK_DAYS = 7
PARAMS = SearchParams(iterations=240, time_limit_s=600.0, seed=3)
Twist = Callable[[st.DrawFn, DayProblem], DayProblem]


# -- twists: what makes an ordinary day a hostile one ----------------------------------


@pytest.fixture(autouse=True, scope="module")
def _brief_opening() -> Iterator[None]:
    """One solution of OR-Tools: in this process nobody could end it when it hangs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solve_task, "OPENING_SOLUTIONS", 1)
        yield


def of_visits(problem: DayProblem, change: Callable[[int, Visit], Visit]) -> DayProblem:
    visits = tuple(change(at_, one) for at_, one in enumerate(problem.visits))
    return replace(problem, visits=visits)


def with_hours_of_the_day(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    return replace(problem, travel=draw(timed_matrices(len(problem.travel))))


def with_a_team_too_late_for_lunch(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    free_s = draw(st.sampled_from((at("12:46"), at("13:31"), at("23:00"), 10**8)))
    days = tuple(
        replace(day, free_from_s=free_s) if at_ == 0 else day
        for at_, day in enumerate(problem.team_days)
    )
    return replace(problem, team_days=days)


def with_moments_as_windows(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    clocks = ("9:00", "12:00", "13:00", "17:30")
    moment_s = at(draw(st.sampled_from(clocks)))
    only = (TimeWindow(start_s=moment_s, end_s=moment_s),)
    return of_visits(
        problem, lambda k, one: one if k % 3 else replace(one, windows=only)
    )


def with_endless_work(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    work_s = draw(st.sampled_from((at("9:00"), DAY_S, 10**9, 10**12)))
    return of_visits(
        problem, lambda k, one: one if k % 3 else replace(one, service_s=work_s)
    )


def with_far_moments(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    far = st.sampled_from((-(10**12), -HORIZON_MAX_S, -1, 10**9, 10**12))
    due_s, release_s, edge_s = draw(far), draw(far), draw(far)
    whole = (TimeWindow(start_s=min(0, edge_s), end_s=max(0, edge_s)),)

    def change(k: int, one: Visit) -> Visit:
        changes = (
            replace(one, due_s=due_s),
            replace(one, release_s=release_s),
            replace(one, windows=whole),
        )
        return changes[k % 3]

    return of_visits(problem, change)


def without_visits(_draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    return replace(problem, visits=(), visit_nodes=())


def without_teams(_draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    return replace(problem, team_days=())


def at_one_place(_draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    days = tuple(replace(day, start_node=0, end_node=0) for day in problem.team_days)
    return replace(problem, team_days=days, visit_nodes=(0,) * len(problem.visits))


def with_many_alike(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    count = draw(st.sampled_from((30, 150))) if problem.visits else 0
    alike = tuple(
        replace(problem.visits[0], id=f"alike{k}", num_teams=1) for k in range(count)
    )
    return replace(
        problem,
        visits=(*problem.visits, *alike),
        visit_nodes=(*problem.visit_nodes, *problem.visit_nodes[:1] * count),
    )


def judged_otherwise(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    return replace(problem, levels=tuple(draw(st.permutations(list(Level)))))


def with_few_lifts(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    few = replace(problem, tools=((LIFT, draw(st.integers(0, 1))),))
    lift = frozenset({LIFT})
    return of_visits(few, lambda k, one: replace(one, tools=lift) if k % 2 else one)


def in_chains_of_four(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    gap_s, of_two = draw(st.sampled_from((0, 30 * MIN))), draw(st.integers(0, 3))
    ids = [one.id for one in problem.visits]

    def change(k: int, one: Visit) -> Visit:
        before = (After(visit_id=ids[k - 1], gap_s=gap_s),) if k % 4 else ()
        return replace(one, after=before, num_teams=2 if k % 4 == of_two else 1)

    return of_visits(problem, change)


def with_teams_slow_and_quick(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    own_s = draw(st.sampled_from((10 * MIN, 90 * MIN, 180 * MIN)))
    own = (("R01", own_s),)
    days = tuple(
        replace(day, team=replace(day.team, service_times=own)) if k % 2 else day
        for k, day in enumerate(problem.team_days)
    )
    return replace(problem, team_days=days)


def with_hard_due_times_past(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    due_s = draw(st.sampled_from((-DAY_S, 0, at("8:00"), at("9:30"))))
    return of_visits(
        problem,
        lambda k, one: one if k % 3 else replace(one, due_s=due_s, hard_due=True),
    )


def with_twins(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    first = problem.team_days[:1]
    twins = tuple(
        replace(day, team=replace(day.team, id=f"twin{k}"), committed=())
        for k in range(draw(st.integers(1, 3)))
        for day in first
    )
    return replace(problem, team_days=(*problem.team_days, *twins))


def with_loads_at_the_limit(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    load_kg = draw(st.sampled_from((100, 150, 300, 301)))
    return of_visits(problem, lambda _, one: replace(one, load_kg=load_kg))


def with_unequal_weeks(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    before_s = draw(st.sampled_from((600_000, 31 * DAY_S)))
    days = tuple(
        replace(day, work_before_s=before_s * (k % 2))
        for k, day in enumerate(problem.team_days)
    )
    return replace(problem, team_days=days)


def with_a_plan_in_force(_draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    ids = [day.team.id for day in problem.team_days] or ["gone"]
    return of_visits(
        problem, lambda k, one: replace(one, team_in_force_id=ids[k % len(ids)])
    )


def on_later_days(draw: st.DrawFn, problem: DayProblem) -> DayProblem:
    num_days = draw(st.sampled_from((1, 2, 6)))
    days = next_days(problem, is_working_day, num_days=num_days)
    return horizon_problem(problem, days, problem.visits_by_id, ends_s={})


TWISTS: tuple[Twist, ...] = (
    with_hours_of_the_day,
    with_a_team_too_late_for_lunch,
    with_moments_as_windows,
    with_endless_work,
    with_far_moments,
    at_one_place,
    with_many_alike,
    judged_otherwise,
    with_few_lifts,
    in_chains_of_four,
    with_teams_slow_and_quick,
    with_hard_due_times_past,
    with_twins,
    with_loads_at_the_limit,
    with_unequal_weeks,
    with_a_plan_in_force,
    on_later_days,
    without_visits,
    without_teams,
)


@st.composite
def hostile_days(draw: st.DrawFn) -> DayProblem:
    """Draw a day with every rule in it, and do up to three things to it."""
    problem = draw(
        st.one_of(
            rich_problems(), problems(max_visits=8), problems(max_visits=8, timed=True)
        )
    )
    for twist in draw(st.lists(st.sampled_from(TWISTS), max_size=3, unique=True)):
        event(twist.__name__)
        problem = twist(draw, problem)
    return problem


# -- the planner without child processes -----------------------------------------------


class InProcess(SolverProcess):
    """Solves in this process what a child would solve."""

    def run(
        self, task: object, told: Told, *, cancelled: threading.Event, silence_s: float
    ) -> SolveResult:
        """Solve one task."""
        del cancelled, silence_s
        assert isinstance(task, SolveTask)
        return solve_task.solve(task, told)


def planner() -> PortfolioSolver:
    """Portfolio of two searches, both in this process."""
    solver = PortfolioSolver(2)
    solver._processes[:] = [InProcess(), InProcess()]  # noqa: SLF001 - no children
    solver._idle[:] = solver._processes  # noqa: SLF001
    return solver


def counted_cost(
    problem: DayProblem,
    orders: Sequence[Order],
    starts: dict[int, int],
    weights: SearchWeights,
) -> int:
    """Count by the schedule, not by the search, what orders cost by the weights."""
    scheduler = DayScheduler(problem, starts)
    served = {index for order in orders for index in order}
    late: dict[int, int] = {}
    work: dict[str, list[int]] = {}
    total = 0
    for team, (day, order) in enumerate(zip(problem.team_days, orders, strict=True)):
        timing = scheduler.timing(team, order)
        assert timing is not None
        total += timing.drive_s * weights.drive_s
        total += timing.overtime_s * weights.overtime_s
        begun = dict(zip(order, timing.starts_s, strict=True))
        late |= {index: problem.visits[index].late_s(s) for index, s in begun.items()}
        for index in order:
            one, day_at = problem.visits[index], day.team.shift.start_s // DAY_S
            is_changed = one.team_in_force_id not in {None, day.team.id}
            total += weights.team_change * is_changed
            total += weights.wait_day * max(0, day_at - max(0, one.release_s) // DAY_S)
        districts = {problem.visits[index].district_id for index in order} - {None}
        total += len(districts) * weights.team_district
        drive_s = scheduler.typical_drive_s(team, order) if order else timing.drive_s
        work_s = sum(problem.visits[index].service_for_s(day.team) for index in order)
        own_s = day.work_before_s + drive_s + work_s
        work.setdefault(day.team.office_id, []).append(own_s)
    for index, one in enumerate(problem.visits):
        if index not in served:
            drop = weights.drop[one.urgency] + weights.promise_drop * one.is_promised
            rows = min(one.num_teams, len(problem.team_days) + 1)
            total += drop // one.num_teams * rows
        elif late[index]:
            total += weights.late_at_all[one.urgency]
            steps = -(-late[index] // 900) - lost_steps(problem, one)
            total += weights.late_step[one.urgency] * steps
    spread_s = sum(max(own) - min(own) for own in work.values())
    return total + spread_s * weights.balance_s


# -- what must hold on every day -------------------------------------------------------


def refuse_to_mend(*_: object, **__: object) -> None:
    message = "the compiled clock and the scheduler disagree"
    raise AssertionError(message)


def lost_steps(problem: DayProblem, one: Visit) -> int:
    """Quarters of an hour that a visit is late whoever goes: the search leaves one."""
    first_s = min(day.free_from_s for day in problem.team_days)
    due_s = one.due_s
    assert due_s is not None
    lost_s = max(one.earliest_start_s(), first_s) - due_s
    return max(0, -(-lost_s // 900) - 1)


def weights_follow_levels(problem: DayProblem) -> bool:
    """
    Whether a visit left out is worse than all that serving it can cost.

    Not where lateness or driving stands above what is served, and not where lateness
    counts for more than a week (`weights_of` holds 1,000 quarters of an hour).
    """
    levels = problem.levels
    below = levels[levels.index(Level.SERVED) :]
    days = [day.team.shift.start_s // DAY_S for day in problem.team_days]
    return {*DEFAULT_LEVELS[3:]} <= {*below} and max(days, default=0) <= WEEK_DAYS


def holds_on(problem: DayProblem) -> None:
    """Ask for everything that is promised of an outcome, whatever the day is."""
    solver, told = planner(), list[Progress]()
    outcome = solver.search(problem, PARAMS, told.append)
    scheduler = DayScheduler(problem, outcome.starts)
    score = score_of(scheduler, outcome.orders)
    assert score is not None
    plan = told_plan(problem, outcome.orders, starts=outcome.starts)
    assert violations(problem, plan) == ()
    for level in bound_of(problem, score).levels:
        assert level.lower is None or level.lower <= level.value
    if weights_follow_levels(problem):  # then what fits as it is, is not left out
        left = missing(scheduler, outcome.orders)
        fuller = with_inserted(scheduler, outcome.orders, left)
        better = score_of(scheduler, fuller)
        levels = problem.levels
        assert better is None or better.key(levels) >= score.key(levels)
    for one in told:
        if one.orders is not None:
            assert score_of(DayScheduler(problem), one.orders) is not None
    repeat = replace(PARAMS, work=outcome.work)
    assert solver.search(problem, repeat, silent) == outcome
    is_counted_on(problem)


def is_counted_on(problem: DayProblem) -> None:
    """Compare the search's own cost with what the schedule says."""
    if not problem.visits or not problem.team_days:
        return
    weights = weights_of(problem.levels)
    search = ExactSearch(problem, weights, seed=2)
    search.begin(())
    search.improve(seconds=600, iterations=120, counts=None, told=lambda _: None)
    orders, starts = search.best()
    # The scheduler chooses lunch by levels, the search by weights: never dearer.
    assert search.cost <= counted_cost(problem, orders, starts, weights)


@pytest.fixture(autouse=True)
def nothing_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it an error when a result has to be made legal afterwards."""
    monkeypatch.setattr(solve_task, "repaired", refuse_to_mend)


@given(hostile_days())
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_twenty_hostile_days_are_planned_legally(problem: DayProblem) -> None:
    holds_on(problem)


@pytest.mark.slow
@given(hostile_days())
@settings(
    max_examples=1_000,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking a thousand takes an hour
    suppress_health_check=list(HealthCheck),
)
def test_a_thousand_hostile_days_are_planned_legally(problem: DayProblem) -> None:
    holds_on(problem)


# -- tiny days against every possibility -----------------------------------------------

# Without the spread of work, the cost of a plan is the sum of its routes' costs: the
# best order of each set of visits, then the best split into sets, is the optimum.
APART = replace(weights_of(DEFAULT_LEVELS), balance_s=0)


def least_cost(problem: DayProblem) -> int:
    """Least cost of all plans, by looking at every order of every set of visits."""
    count = len(problem.visits)
    drop = [
        APART.drop[one.urgency] + APART.promise_drop * one.is_promised
        for one in problem.visits
    ]
    least = {0: 0}  # by set of visits, as bits, that the teams so far serve
    for team in range(len(problem.team_days)):
        routes = {
            sum(1 << index for index in chosen): cost
            for size in range(count + 1)
            for chosen in itertools.combinations(range(count), size)
            if (cost := least_route_cost(problem, team, chosen)) is not None
        }
        longer: dict[int, int] = {}
        for (one, before), (other, cost) in itertools.product(
            least.items(), routes.items()
        ):
            if not one & other:
                both, sum_ = one | other, before + cost
                longer[both] = min(sum_, longer.get(both, sum_))
        least = longer
    return min(
        cost + sum(drop[index] for index in range(count) if not served >> index & 1)
        for served, cost in least.items()
    )


def least_route_cost(
    problem: DayProblem, team: int, chosen: tuple[int, ...]
) -> int | None:
    scheduler = DayScheduler(problem)
    if not all(scheduler.allows(team, index) for index in chosen):
        return None
    costs = []
    for order in itertools.permutations(chosen):
        timing = scheduler.timing(team, order)
        if timing is None:
            continue
        cost = timing.drive_s * APART.drive_s + timing.overtime_s * APART.overtime_s
        for index, start_s in zip(order, timing.starts_s, strict=True):
            one = problem.visits[index]
            if late_s := one.late_s(start_s):
                cost += APART.late_at_all[one.urgency]
                cost += APART.late_step[one.urgency] * -(-late_s // 900)
        costs.append(cost)
    return min(costs, default=None)


@given(problems(max_visits=5, max_teams=2, timed=True))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_on_a_tiny_day_the_search_finds_the_least_cost(problem: DayProblem) -> None:
    if not problem.visits:
        return
    search = ExactSearch(problem, APART, seed=1)
    search.begin(())
    search.improve(seconds=600, iterations=1_000, counts=None, told=lambda _: None)
    least = least_cost(problem)
    event("optimum" if search.cost == least else "dearer")
    # The scheduler chooses lunch by levels: by weights it may be a little cheaper.
    assert search.cost <= least * 1.001
