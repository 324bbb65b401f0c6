"""The real OR-Tools model in this process: legal, repeatable, and never surprised."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from dispatch.adapters.ortools_model import (
    CompressedClock,
    RoutingDay,
    compressed_clock,
)
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import SolverError
from dispatch.domain.improve import repaired
from dispatch.domain.plan import Score, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.team import Vehicle
from dispatch.domain.visit import After, TimeWindow, Visit
from dispatch.planning import plan_day
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay
from tests.builders import (
    LUNCH,
    MIN,
    at,
    day_problem,
    shift,
    silent,
    team,
    team_day,
    visit,
)
from tests.fake_solver import GreedySolver

BARE = shift(lunch=None)


def run(problem: DayProblem, *, hard_due: bool = False) -> tuple[Order, ...]:
    """Search, and repair on the exact schedule what the compressed clock gave."""
    return tuple(repaired(DayScheduler(problem), searched(problem, hard_due=hard_due)))


def searched(problem: DayProblem, *, hard_due: bool = False) -> list[Order]:
    model = RoutingDay(problem, hard_due=hard_due)
    return model.search(
        solution_limit=60, time_limit_s=20.0, on_solution=lambda _: None
    )


def check(problem: DayProblem, orders: tuple[Order, ...]) -> Score:
    """Put the orders through the planner, which refuses what the checker faults."""
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    solver = GreedySolver(orders=orders)
    return plan_day(day, solver, SearchParams(), silent).plan.score


def mixed_day() -> DayProblem:
    """Two teams and twelve visits: an emergency, appointments, a skill, loads."""
    days = [
        team_day(team("t1")),
        team_day(team("t2", skills=frozenset({"sewer"}))),
    ]
    slot = TimeWindow(start_s=at("11:00"), end_s=at("12:00"))
    late = TimeWindow(start_s=at("15:00"), end_s=at("15:30"))
    visits = [
        (visit("s", urgency=Urgency.S, due_s=at("10:00")), 25),
        (visit("a1", urgency=Urgency.A, due_s=at("17:30")), 5),
        (visit("a2", urgency=Urgency.A, due_s=at("17:30"), windows=(slot,)), 30),
        (visit("w", skills=frozenset({"sewer"}), service_s=90 * MIN), 12),
        (visit("late", windows=(late,)), 18),
        *((visit(f"b{i}", load_kg=150), 3 + 4 * i) for i in range(7)),
    ]
    return day_problem(visits, days=days)


@pytest.mark.parametrize("hard_due", [False, True])
def test_a_mixed_day_is_planned_legally_and_on_time(
    hard_due: bool,  # noqa: FBT001 - a row of the table
) -> None:
    problem = mixed_day()
    score = check(problem, run(problem, hard_due=hard_due))
    # loads: 7 x 150 = 1,050 kg, the two vehicles carry 3 x 150 each: one stays behind
    not_on_time, promises, *unserved = score.key()[:6]
    assert (not_on_time, promises) == (0, 0)
    assert unserved == [0, 0, 1, 0]


def test_the_same_limits_give_the_same_orders_and_tell_each_solution() -> None:
    problem, counts = mixed_day(), list[int]()
    model = RoutingDay(problem, hard_due=False)
    once = model.search(solution_limit=60, time_limit_s=20.0, on_solution=counts.append)
    assert once == searched(problem)
    assert counts == list(range(1, len(counts) + 1))
    assert counts


def test_soft_serves_late_what_hard_drops() -> None:
    # Two emergencies due at 9:20, 15 minutes away in opposite directions, one team:
    # only one can be on time (9:15); the other at 9:15 + 30 + 30 = 10:15.
    visits = [
        (visit("s1", urgency=Urgency.S, due_s=at("9:20")), 15),
        (visit("s2", urgency=Urgency.S, due_s=at("9:20")), -15),
    ]
    problem = day_problem(visits, days=[team_day(team(shift=BARE))])
    soft = run(problem)
    assert sorted(soft[0]) == [0, 1]
    assert check(problem, soft).s_not_on_time == 1
    assert len(searched(problem, hard_due=True)[0]) == 1
    # the exact insertion puts the dropped one back: no worse than the soft plan
    hard = run(problem, hard_due=True)
    assert check(problem, hard) == check(problem, soft)


def test_a_window_outside_the_shift_is_left_out_without_an_error() -> None:
    early = TimeWindow(start_s=at("6:00"), end_s=at("7:00"))
    night = TimeWindow(start_s=at("20:00"), end_s=at("21:00"))
    visits = [
        (visit("early", windows=(early,)), 5),
        (visit("night", windows=(night,)), 5),
        (visit("released too late", release_s=at("23:00")), 5),
        (visit("nobody", skills=frozenset({"sewer"})), 5),
        (visit("fine"), 5),
    ]
    problem = day_problem(visits)
    orders = run(problem)
    assert orders == ((4,),)
    check(problem, orders)


def test_a_place_without_a_way_is_left_out() -> None:
    problem = day_problem([(visit("a"), 5), (visit("b"), 9)], unreachable=[2])
    assert run(problem) == ((0,),)


@pytest.mark.parametrize(("visits", "teams"), [(1, 2), (2, 3), (3, 12)])
def test_fewer_visits_than_teams_end_and_are_all_served(
    visits: int, teams: int
) -> None:
    """OR-Tools 9.15 would search for ever here, whatever its limits."""
    days = [team_day(team(f"t{i}")) for i in range(teams)]
    problem = day_problem([(visit(f"v{i}"), 5 + i) for i in range(visits)], days=days)
    orders = run(problem)
    check(problem, orders)
    assert sorted(i for order in orders for i in order) == list(range(visits))


def test_an_empty_day_gives_empty_orders() -> None:
    problem = day_problem(days=[team_day(team("t1")), team_day(team("t2"))])
    orders = run(problem)
    assert orders == ((), ())
    check(problem, orders)


def test_a_full_vehicle_during_the_day_takes_nothing_more() -> None:
    done = Stop(
        visit_id="done",
        arrive_s=at("9:10"),
        start_s=at("9:10"),
        end_s=at("9:40"),
        drive_s=600,
        drive_m=4_000,
    )
    full = team_day(
        team(vehicle=Vehicle(name="車", load_kg=500)),
        start_node=1,
        free_from_s=at("9:40"),
        committed=(done,),
        committed_load_kg=500,
    )
    visits = [(visit("light"), 10), (visit("heavy", load_kg=1), 12)]
    problem = day_problem(visits, days=[full])
    orders = run(problem)
    assert orders == ((0,),)
    check(problem, orders)


@pytest.mark.parametrize("free_from", ["12:10", "12:44"])
def test_a_short_day_with_a_late_lunch_still_to_come_does_not_raise(
    free_from: str,
) -> None:
    # half a day until 13:00; the crew comes free after noon and has not eaten
    half = shift(end_s=at("13:00"))
    day = team_day(team(shift=half), free_from_s=at(free_from))
    problem = day_problem([(visit(service_s=5 * MIN), 1)], days=[day])
    check(problem, run(problem))


def test_a_team_that_is_free_only_after_its_shift_stays_where_it_is() -> None:
    day = team_day(team(shift=BARE), free_from_s=at("18:00"))
    problem = day_problem([(visit(), 5)], days=[day])
    assert run(problem) == ((),)


# -- demands of one visit, as the search itself sees them ------------------------------


def alone(one: Visit, **of_team: Any) -> list[Order]:  # noqa: ANN401
    """Search with one visit 10 minutes away and an easy one, for one team."""
    days = [team_day(team(shift=BARE, **of_team))]
    problem = day_problem([(one, 10), (visit("easy"), 20)], days=days)
    return searched(problem)


def test_a_visit_with_two_promised_times_is_served_in_one_of_them() -> None:
    hours = (
        TimeWindow(start_s=at("8:00"), end_s=at("9:05")),  # over when the team arrives
        TimeWindow(start_s=at("16:30"), end_s=at("16:40")),
    )
    assert alone(visit(windows=hours)) == [(1, 0)]
    assert alone(visit(windows=hours[:1])) == [(1,)]


def test_a_hole_between_promised_times_is_not_used() -> None:
    # 9:10 is promised, and then 16:00; the urgent visit takes the team until 9:50
    hours = (
        TimeWindow(start_s=at("9:00"), end_s=at("9:15")),
        TimeWindow(start_s=at("16:00"), end_s=at("16:10")),
    )
    urgent = visit("s", urgency=Urgency.S, due_s=at("9:20"), service_s=30 * MIN)
    last = visit("l", windows=(TimeWindow(start_s=at("10:30"), end_s=at("11:00")),))
    problem = day_problem(
        [(visit("a", windows=hours), 10), (urgent, 20), (last, -10)],
        days=[team_day(team(shift=BARE))],
    )
    (order,) = searched(problem)
    # s is first, 9:20-9:50; on the way to l the team passes a at 10:00, in the hole
    assert order == (1, 2, 0)


def test_overlapping_promised_times_are_one() -> None:
    hours = (
        TimeWindow(start_s=at("9:00"), end_s=at("9:30")),
        TimeWindow(start_s=at("9:00"), end_s=at("9:20")),
        TimeWindow(start_s=at("9:31") - 60, end_s=at("9:40")),
    )
    assert sorted(alone(visit(windows=hours))[0]) == [0, 1]


def test_a_hard_due_time_that_is_over_leaves_the_visit_out() -> None:
    assert alone(visit(due_s=at("9:05"), hard_due=True)) == [(1,)]
    assert sorted(alone(visit(due_s=at("9:10"), hard_due=True))[0]) == [0, 1]


def test_an_s_visit_released_after_it_is_due_is_out_of_the_hard_model() -> None:
    late = visit(urgency=Urgency.S, release_s=at("11:00"), due_s=at("10:00"))
    problem = day_problem([(late, 10), (visit("easy"), 20)])
    assert searched(problem, hard_due=True) == [(1,)]


def test_pieces_of_each_material_fill_the_vehicle() -> None:
    vehicle = Vehicle(name="", load_kg=500, materials=(("cone", 3),))
    visits = [(visit(f"v{i}", materials=(("cone", 2),)), 10) for i in range(3)]
    days = [team_day(team(shift=BARE, vehicle=vehicle))]
    (order,) = searched(day_problem(visits, days=days))
    assert len(order) == 1  # 2 of 3 pieces


def test_visits_linked_with_other_routes_are_left_to_the_exact_search() -> None:
    waits = visit("b", after=(After(visit_id="a"),))
    visits = [(visit("a"), 5), (waits, 6), (visit("both", num_teams=2), 7)]
    visits += [(visit(f"v{i}"), 8 + i) for i in range(2)]
    days = [team_day(team(f"t{i}", shift=BARE)) for i in range(2)]
    orders = searched(day_problem(visits, days=days))
    assert sorted(index for order in orders for index in order) == [3, 4]


def test_teams_that_are_quick_at_a_category_are_reckoned_with() -> None:
    # 8 x 60 minutes do not fit into 510; the team itself takes 30 minutes for each
    days = [team_day(team(shift=BARE, service_times=(("R01", 30 * MIN),)))]
    visits = [(visit(f"v{i}", service_s=60 * MIN), 1) for i in range(9)]
    (order,) = searched(day_problem(visits, days=days))
    assert len(order) == 9


# -- the compressed clock --------------------------------------------------------------


def test_the_clock_cuts_the_lunch_that_most_teams_owe() -> None:
    later = replace(LUNCH, nominal_s=at("12:30"))
    days: list[TeamDay] = [
        team_day(team("t1")),
        team_day(team("t2")),
        team_day(team("t3", shift=shift(lunch=later))),
        team_day(team("t4", shift=BARE)),
    ]
    clock = compressed_clock(day_problem(days=days))
    assert clock == CompressedClock(at("12:00"), 45 * MIN)
    # 11:59 stays; 12:00-12:45 is one moment; 13:00 becomes 12:15
    squeezed = [clock.squeeze(at(c)) for c in ("11:59", "12:00", "12:45", "13:00")]
    assert squeezed == [at(c) for c in ("11:59", "12:00", "12:00", "12:15")]


def test_nothing_is_cut_when_nobody_owes_a_lunch() -> None:
    eaten = team_day(lunch_start_s=at("11:30"))
    clock = compressed_clock(day_problem(days=[eaten, team_day(team("x", shift=BARE))]))
    assert clock.cut_s is None
    assert clock.squeeze(at("13:00")) == at("13:00")


def late_team(name: str) -> TeamDay:
    """Make a team that is out until after its limit: it takes nothing more."""
    out = shift(lunch=None)
    return team_day(team(name, shift=out), start_node=1, free_from_s=out.limit_s + MIN)


def test_a_team_that_cannot_be_back_in_time_does_not_spoil_the_search() -> None:
    visits = [(visit(f"v{k}"), 3 * k) for k in range(1, 7)]
    days = [team_day(team("t1", shift=BARE)), late_team("t2")]
    problem = day_problem(visits, days=days)
    model = RoutingDay(problem, hard_due=False)
    orders = model.search(
        solution_limit=20, time_limit_s=10, on_solution=lambda _: None
    )
    assert sorted(orders[0]) == list(range(6))  # the search itself, not a repair
    assert orders[1] == ()


def test_with_no_team_that_could_be_back_there_is_nothing_to_search() -> None:
    problem = day_problem([(visit("a"), 5)], days=[late_team("t1"), late_team("t2")])
    model = RoutingDay(problem, hard_due=False)
    assert model.search(
        solution_limit=5, time_limit_s=2, on_solution=lambda _: None
    ) == [(), ()]


def test_fewer_visits_that_can_be_served_than_teams_end_at_once() -> None:
    # Five visits for three teams, but four of them cannot be reached: below one visit a
    # team the iterated local search of OR-Tools 9.15 never returns.
    visits = [(visit(f"v{k}"), 4 * k) for k in range(1, 6)]
    days = [team_day(team(f"t{k}", shift=BARE)) for k in range(3)]
    problem = day_problem(visits, days=days, unreachable=[2, 3, 4, 5])
    began = time.monotonic()
    model = RoutingDay(problem, hard_due=False)
    found = model.search(solution_limit=5, time_limit_s=2, on_solution=lambda _: None)
    assert found == [(), (), ()]  # left to the exact insertion
    assert time.monotonic() - began < 10


def six_visits() -> DayProblem:
    late = shift(lunch=None, end_s=at("11:00"), overtime_max_s=60 * MIN)
    return day_problem(
        [(visit(f"v{k}"), 2) for k in range(6)], days=[team_day(team(shift=late))]
    )


def test_overtime_that_is_granted_is_used_for_work() -> None:
    # 4 minutes of road and 6 x 30 of work: 184 minutes, 120 without overtime, 180 with
    (order,) = searched(six_visits())
    assert len(order) == 5


def test_limits_that_make_no_sense_are_refused() -> None:
    model = RoutingDay(six_visits(), hard_due=False)
    with pytest.raises(SolverError, match="refused"):
        model.search(solution_limit=5, time_limit_s=-1, on_solution=lambda _: None)


def test_a_search_with_no_time_at_all_gives_empty_orders() -> None:
    model = RoutingDay(six_visits(), hard_due=False)
    assert model.search(
        solution_limit=5, time_limit_s=0, on_solution=lambda _: None
    ) == [()]
