"""A plan is kept unless a search is truly better; only checked plans are handed on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatch.domain.errors import SolverError
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.told_plan import told_plan
from dispatch.kept_plan import Found, checked_plan, given_work, plan_now, searched
from dispatch.planning import plan_day
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay
from tests.builders import MIN, at, day_problem, shift, silent, team, team_day, visit
from tests.fake_solver import GreedySolver

PARAMS = SearchParams(iterations=1)
BARE = shift(lunch=None)


def street(*minutes: int) -> DayProblem:
    visits = [(visit(f"v{i}"), far) for i, far in enumerate(minutes)]
    return day_problem(visits, days=[team_day(team(shift=BARE))])


def kept(problem: DayProblem, *orders: Order) -> Found:
    return Found(scheduler=DayScheduler(problem), orders=orders, method="kept")


def chosen(problem: DayProblem, old: Order, new: Order) -> str:
    solver = GreedySolver(orders=(new,), cut_short=True)
    return searched(problem, kept(problem, old), solver, PARAMS, silent).method


def test_serving_more_wins_also_when_it_is_farther() -> None:
    assert chosen(street(10, 10), (0,), (0, 1)) == "greedy (time guard)"
    assert chosen(street(10, 60), (0,), (0, 1)) == "greedy (time guard)"


def test_serving_less_never_wins() -> None:
    assert chosen(street(10, 60), (0, 1), (0,)) == "kept"


def test_driving_wins_when_it_is_far_less() -> None:
    assert chosen(street(10, 20), (0, 1), (1, 0)) == "kept"  # a tie
    # v1, back to v0, on to v2: 100 + 14 + 14 + 100 = 228 minutes instead of 200;
    # 1.15 x 200 = 230. Two minutes nearer it is 232.
    assert chosen(street(86, 100, 100), (1, 0, 2), (0, 1, 2)) == "kept"
    assert chosen(street(84, 100, 100), (1, 0, 2), (0, 1, 2)) == "greedy (time guard)"


def test_an_answer_without_legal_times_is_an_error() -> None:
    with pytest.raises(SolverError, match="no legal times"):
        chosen(street(10), (0,), (0,) * 30)


def test_a_plan_that_breaks_a_rule_is_not_handed_on() -> None:
    problem = street(10, 10)
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    assert checked_plan(day, kept(problem, (0, 1)), seed=9).seed == 9
    short = team_day(team(shift=shift(lunch=None, end_s=at("9:45"))))
    late = replace(problem, team_days=(short,))
    with pytest.raises(SolverError, match="1 rules broken, first: shift"):
        checked_plan(replace(day, problem=late), kept(problem, (0, 1)), seed=9)


def test_a_plan_is_told_as_it_stands_now() -> None:
    problem = street(10, 10)
    plan = replace(told_plan(problem, [(0,)]), seed=4, method="the morning's")
    later = team_day(team(shift=BARE), free_from_s=at("10:00"))
    now = replace(problem, team_days=(later,))
    day = PreparedDay(problem=now, on_hold=(), first_team_ids={}, names={})
    told = plan_now(day, plan)
    assert (told.seed, told.method) == (4, "the morning's")
    assert told.routes[0].stops[0].start_s == at("10:10")
    assert told.score.drive_s == 20 * MIN


def test_given_orders_are_placed_again_without_a_search() -> None:
    problem = street(10, 20)
    day = PreparedDay(
        problem=problem,
        on_hold=(),
        first_team_ids={},
        names={},
        orders_in_force=((1, 0),),
    )
    solver = GreedySolver(orders=((0, 1),))
    params = replace(PARAMS, work=given_work("edited by hand"))
    planned = plan_day(day, solver, params, silent)
    stops = [stop.visit_id for stop in planned.plan.routes[0].stops]
    assert stops == ["v1", "v0"]
    assert planned.plan.method == "edited by hand"
    assert planned.work == params.work
