"""The compiled search: it counts as the scheduler does, and its plans are legal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatch.adapters.engine.day import engine_input
from dispatch.adapters.engine.driving import drive_at
from dispatch.adapters.engine.exact_search import ExactSearch
from dispatch.adapters.recombination import recombined
from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.levels import DEFAULT_LEVELS, Level, SearchWeights, weights_of
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.told_plan import told_plan
from dispatch.domain.travel import TravelMatrix
from dispatch.domain.visit import After, TimeWindow
from tests.builders import at, day_problem, team, team_day, visit
from tests.problem_strategies import rich_problems
from tests.strategies import problems, timed_matrices

ZERO = dict.fromkeys(Urgency, 0)
# Driving alone, so that a cost can be worked out by hand; a visit left out costs a day.
DRIVING = SearchWeights(
    drop=dict.fromkeys(Urgency, 86_400),
    promise_drop=0,
    late_at_all=ZERO,
    late_step=ZERO,
    late_s=ZERO,
    drive_s=1,
    overtime_s=0,
    balance_s=0,
    team_district=0,
)


def searched(
    problem: DayProblem, *, iterations: int = 300, seed: int = 1
) -> tuple[tuple[Order, ...], dict[int, int], ExactSearch]:
    """Search from nothing by the problem's own levels."""
    search = ExactSearch(problem, weights_of(problem.levels), seed=seed)
    search.begin(())
    search.improve(
        seconds=60.0, iterations=iterations, counts=None, told=lambda _: None
    )
    orders, starts = search.best()
    return orders, starts, search


def cost_by_scheduler(
    problem: DayProblem, orders: Sequence[Order], weights: SearchWeights
) -> int:
    """Cost of orders, counted from the exact schedule instead of the compiled one."""
    scheduler = DayScheduler(problem)
    served = {index for order in orders for index in order}
    total = sum(
        weights.drop[one.urgency] + weights.promise_drop * one.is_promised
        for index, one in enumerate(problem.visits)
        if index not in served
    )
    work: dict[str, list[int]] = {}
    for at_, (day, order) in enumerate(zip(problem.team_days, orders, strict=True)):
        timing = scheduler.timing(at_, order)
        assert timing is not None
        total += timing.drive_s * weights.drive_s
        total += timing.overtime_s * weights.overtime_s
        for index, start_s in zip(order, timing.starts_s, strict=True):
            one = problem.visits[index]
            late_s = one.late_s(start_s)
            if late_s:
                total += weights.late_at_all[one.urgency]
                total += weights.late_step[one.urgency] * -(-late_s // 900)
        districts = {problem.visits[i].district_id for i in order} - {None}
        total += len(districts) * weights.team_district
        typical_s = scheduler.typical_drive_s(at_, order) if order else timing.drive_s
        services_s = sum(problem.visits[i].service_for_s(day.team) for i in order)
        own_s = day.work_before_s + typical_s + services_s
        work.setdefault(day.team.office_id, []).append(own_s)
    spread_s = sum(max(own) - min(own) for own in work.values())
    return total + spread_s * weights.balance_s


@given(problems())
@settings(max_examples=60, deadline=None)
def test_what_is_found_is_legal_and_costs_what_the_scheduler_says(
    problem: DayProblem,
) -> None:
    if not problem.visits or not problem.team_days:
        return
    weights = weights_of(problem.levels)
    orders, _, search = searched(problem)
    assert score_of(DayScheduler(problem), orders) is not None
    # The scheduler chooses lunch level by level, the search by weight: the search is
    # never dearer, and on most days they are the same.
    assert search.cost <= cost_by_scheduler(problem, orders, weights)


@given(rich_problems())
@settings(max_examples=60, deadline=None)
def test_a_day_with_every_rule_passes_the_independent_checker(
    problem: DayProblem,
) -> None:
    if not problem.visits or not problem.team_days:
        return
    orders, starts, _ = searched(problem)
    plan = told_plan(problem, orders, starts=starts)
    assert violations(problem, plan) == ()


@given(timed_matrices(4), st.integers(0, 100_000))
@settings(max_examples=200, deadline=None)
def test_the_compiled_drive_is_the_drive_of_the_travel_matrix(
    travel: TravelMatrix, depart_s: int
) -> None:
    day = replace(team_day(team()), start_node=0, end_node=0)
    problem = DayProblem(
        date=dt.date(2026, 11, 24),
        visits=(visit(),),
        team_days=(day,),
        travel=travel,
        visit_nodes=(1,),
    )
    arrays = engine_input(problem, DRIVING).day
    # Factors whose products pass the machine's whole numbers are searched by typical
    # times, and placed exactly afterwards: nothing to compare.
    assume(arrays.hours.shape[0] > 1 or not travel.is_timed)
    for here in range(4):
        for there in range(4):
            told_s = drive_at(arrays.travel, arrays.hours, here, there, depart_s)
            assert told_s == travel.drive_s(here, there, depart_s)


def test_four_places_on_a_line_are_driven_there_and_back() -> None:
    # Places 10, 20, 30, 40 minutes from the base, one team: out and back is 80 minutes.
    problem = day_problem([(visit(f"v{k}"), 10 * k) for k in (3, 1, 4, 2)])
    search = ExactSearch(problem, DRIVING, seed=1)
    search.begin(())
    search.improve(seconds=60.0, iterations=200, counts=None, told=lambda _: None)
    assert search.cost == 80 * 60


def test_the_same_seed_and_rounds_give_the_same_orders() -> None:
    problem = day_problem([(visit(f"v{k}"), 3 * k + 2) for k in range(12)])
    assert searched(problem)[:2] == searched(problem)[:2]


def test_a_record_of_rounds_by_time_repeats_them() -> None:
    problem = day_problem([(visit(f"v{k}"), 3 * k + 2) for k in range(12)])
    first = ExactSearch(problem, DRIVING, seed=5)
    first.begin(())
    record = first.improve(
        seconds=0.5, iterations=None, counts=None, told=lambda _: None
    )
    assert len(record) % 3 == 0
    assert all(a <= b for a, b in pairwise(record[2::3]))
    again = ExactSearch(problem, DRIVING, seed=5)
    again.begin(())
    told: list[float] = []
    again.improve(seconds=0.0, iterations=None, counts=record, told=told.append)
    assert again.best() == first.best()
    assert len(told) == len(record) // 3


def test_two_teams_begin_together_and_another_waits_for_them() -> None:
    both = visit("both", num_teams=2)
    later = visit("later", after=(After(visit_id="both", gap_s=1800),))
    days = [team_day(team("t1")), team_day(team("t2"))]
    problem = day_problem([(both, 10), (later, 20), (visit("own"), 30)], days=days)
    orders, starts, _ = searched(problem)
    assert sorted(i for order in orders for i in order) == [0, 0, 1, 2]
    assert starts[1] >= starts[0] + both.service_s + 1800
    plan = told_plan(problem, orders, starts=starts)
    assert violations(problem, plan) == ()


def test_a_visit_of_two_teams_with_one_team_on_duty_is_left_out() -> None:
    problem = day_problem([(visit("both", num_teams=2), 10), (visit("own"), 20)])
    orders, starts, _ = searched(problem)
    assert orders == ((1,),)
    assert starts == {}


def test_one_high_lift_truck_goes_with_one_team_only() -> None:
    lamps = [
        (visit(f"lamp{k}", tools=frozenset({"lift"}), service_s=at("1:30")), 5 + k)
        for k in range(6)
    ]
    days = [team_day(team("t1")), team_day(team("t2"))]
    problem = replace(day_problem(lamps, days=days), tools=(("lift", 1),))
    orders, _, _ = searched(problem)
    assert sum(bool(order) for order in orders) == 1  # 8 hours hold four of them
    assert sum(map(len, orders)) == 4


def test_given_orders_that_break_rules_are_mended() -> None:
    sewer = visit("sewer", skills=frozenset({"sewer"}))
    days = [team_day(team("t1")), team_day(team("t2", skills=frozenset({"sewer"})))]
    problem = day_problem(
        [(sewer, 10), (visit("b", load_kg=400), 20), (visit("c", load_kg=400), 30)],
        days=days,
    )
    search = ExactSearch(problem, weights_of(problem.levels), seed=1)
    search.begin(((0, 1, 2), ()))  # a skill that is lacking, and 800 kg in 500
    orders, _ = search.best()
    assert score_of(DayScheduler(problem), orders) is not None
    assert sorted(i for order in orders for i in order) == [0, 1, 2]


def test_visits_keep_the_team_of_the_plan_in_force_for_little_driving() -> None:
    # Both teams start at one base: which of them goes is all the same, but for habit.
    days = [team_day(team("t1")), team_day(team("t2"))]
    visits = [(visit(f"v{k}", team_in_force_id="t2"), 10 + k) for k in range(4)]
    orders, _, _ = searched(day_problem(visits, days=days))
    assert orders[0] == ()
    assert len(orders[1]) == 4


def test_recombination_joins_the_better_halves_of_two_plans() -> None:
    # Four places: 10 and 12 minutes east, 10 and 12 west, for two teams. Routes of one
    # plan cross, of the other too, but one route of each is good: together 48 minutes.
    days = [team_day(team("t1")), team_day(team("t2"))]
    visits = [
        (visit("e1"), 10),
        (visit("e2"), 12),
        (visit("w1"), -10),
        (visit("w2"), -12),
    ]
    problem = day_problem(visits, days=days)
    search = ExactSearch(problem, DRIVING, seed=1)
    columns = []
    for orders in (((0, 1), (2,)), ((0,), (2, 3))):
        search.begin(orders)
        columns += search.columns()
    search.begin(((0, 2), (1, 3)))
    crossing = search.cost
    search.improve(seconds=60, iterations=100, counts=None, told=lambda _: None)
    columns += search.columns()
    found = recombined(search.day, columns, below=crossing, time_limit_s=10, seed=1)
    assert found.columns is not None
    assert search.take(found.columns) == 48 * 60


def test_no_column_or_no_better_plan_is_no_recombination() -> None:
    problem = day_problem([(visit("a"), 10)])
    search = ExactSearch(problem, DRIVING, seed=1)
    search.begin(())
    for columns in ([], search.columns()):
        found = recombined(
            search.day, columns, below=search.cost, time_limit_s=1, seed=1
        )
        assert found.columns is None


@pytest.mark.parametrize("first", list(Level))
def test_weights_follow_the_order_of_the_levels(first: Level) -> None:
    rest = [level for level in DEFAULT_LEVELS if level is not first]
    weights = weights_of((first, *rest))
    units = {
        Level.S_ON_TIME: weights.late_at_all[Urgency.S],
        Level.PROMISES: weights.promise_drop,
        Level.SERVED: weights.drop[Urgency.C],
        Level.LATENESS: weights.late_step[Urgency.B],
        Level.DRIVING: weights.drive_s,
        Level.OVERTIME: weights.overtime_s,
        Level.FAIRNESS: weights.balance_s,
        Level.COMPACTNESS: weights.team_district // 300,
    }
    assert all(units[first] > units[level] for level in rest)


def test_a_promised_window_is_kept_and_numbers_stay_whole() -> None:
    slot = TimeWindow(start_s=at("14:00"), end_s=at("14:30"))
    problem = day_problem([(visit("p", windows=(slot,)), 10), (visit("q"), 12)])
    orders, _, search = searched(problem)
    timing = DayScheduler(problem).timing(0, orders[0])
    assert timing is not None
    start_s = dict(zip(orders[0], timing.starts_s, strict=True))[0]
    assert slot.start_s <= start_s <= slot.end_s
    assert search.day.travel.dtype == np.int64
