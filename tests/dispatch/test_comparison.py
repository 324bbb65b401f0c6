"""What changes between two plans: each number worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from dispatch.domain.catalogue import Urgency
from dispatch.domain.comparison import PlanChanges, changed_visits, compared
from dispatch.domain.levels import Level
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.domain.told_plan import told_plan
from dispatch.domain.visit import TimeWindow
from dispatch.ports import SearchParams
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit
from tests.fake_solver import GreedySolver
from tests.strategies import problems

PARAMS = SearchParams(iterations=1)
BARE = shift(lunch=None)
TWO = (team_day(team("t1", shift=BARE)), team_day(team("t2", shift=BARE)))


def street(count: int = 4) -> DayProblem:
    """Visits a, b, c ... of 30 minutes, 10, 20, 30 ... minutes down the road."""
    visits = [(visit("abcdefghijkl"[i]), 10 * (i + 1)) for i in range(count)]
    return day_problem(visits, days=TWO)


def changes(
    problem: DayProblem, before: list[Order], after: list[Order]
) -> PlanChanges:
    return compared(told_plan(problem, before), told_plan(problem, after), problem)


@given(problems(timed=True))
def test_a_plan_beside_itself_changes_nothing(problem: DayProblem) -> None:
    orders = GreedySolver().search(problem, PARAMS, lambda _: None).orders
    plan = told_plan(problem, orders)
    found = compared(plan, plan, problem)
    assert found.is_nothing
    assert found == replace(
        found,
        team_changes=(),
        order_inversions=0,
        shift_median_min=0,
        shift_p90_min=0,
        promises_broken=(),
        visits_in=(),
        visits_out=(),
        sheets=(),
        drive_saved_s=0,
    )
    assert all(level.before == level.after for level in found.levels)


def test_a_visit_with_another_team_is_counted_and_both_sheets_are_printed_anew() -> (
    None
):
    found = changes(street(), [(0, 1), (2, 3)], [(0,), (1, 2, 3)])
    assert found.team_changes == ("b",)
    assert found.sheets == ("t1", "t2")
    assert not found.is_nothing
    # t1 drives 2 x 10 instead of 2 x 20 minutes; t2 goes past b anyway
    assert found.drive_saved_s == 20 * MIN


def test_pairs_that_change_places_are_counted_once_each() -> None:
    # a b c d -> d a c b: d passes a, b and c; c passes b
    found = changes(street(), [(0, 1, 2, 3), ()], [(3, 0, 2, 1), ()])
    assert found.order_inversions == 4
    assert found.team_changes == ()
    # a pair that comes to different teams is no inversion
    assert changes(street(), [(0, 1), ()], [(1,), (0,)]).order_inversions == 0


def test_shifts_are_those_that_half_and_nine_tenths_of_the_visits_keep_within() -> None:
    problem = street(10)
    before = told_plan(problem, [tuple(range(10)), ()])
    # visit i begins i minutes later: 0 to 9; the 5th of ten is 4, the 9th is 8
    after = _later(before, {"abcdefghij"[i]: i * MIN for i in range(10)})
    found = compared(before, after, problem)
    assert (found.shift_median_min, found.shift_p90_min) == (4, 8)
    # without the two that are under way 2 to 9 are left: the 4th is 5, the 8th is 9
    under_way = compared(before, after, problem, committed=frozenset("ab"))
    assert (under_way.shift_median_min, under_way.shift_p90_min) == (5, 9)


def test_a_sheet_is_printed_anew_from_a_quarter_of_an_hour_on() -> None:
    problem = street(2)
    before = told_plan(problem, [(0,), (1,)])
    assert compared(before, _later(before, {"a": 899}), problem).sheets == ()
    assert compared(before, _later(before, {"a": 900}), problem).sheets == ("t1",)
    assert compared(before, _later(before, {"b": -900}), problem).sheets == ("t2",)


def test_a_team_that_is_in_one_plan_only_needs_a_sheet() -> None:
    problem = street(2)
    plan = told_plan(problem, [(0,), (1,)])
    alone = replace(plan, routes=plan.routes[:1])
    assert compared(plan, alone, problem).sheets == ("t2",)
    assert compared(plan, alone, problem).visits_out == ("b",)
    assert compared(alone, plan, problem).sheets == ("t2",)
    assert compared(alone, plan, problem).visits_in == ("b",)


def test_visits_under_way_are_neither_in_nor_out_nor_moved() -> None:
    problem = street(2)
    plan, other = told_plan(problem, [(0,), ()]), told_plan(problem, [(1,), ()])
    found = compared(plan, other, problem, committed=frozenset("ab"))
    assert (found.visits_in, found.visits_out) == ((), ())
    moved = compared(
        told_plan(problem, [(0,), ()]),
        told_plan(problem, [(), (0,)]),
        problem,
        committed=frozenset("a"),
    )
    assert moved.team_changes == ()


def test_a_promise_is_broken_when_it_was_kept_and_is_not() -> None:
    ten = TimeWindow(start_s=at("10:00"), end_s=at("11:00"))
    visits = [
        (visit("promised", windows=(ten,)), 10),
        (visit("A", urgency=Urgency.A, due_s=at("10:00")), 10),
        (visit("B", due_s=at("10:00")), 10),
    ]
    problem = day_problem(visits, days=TWO)
    kept = told_plan(problem, [(0,), (1, 2)])
    assert compared(
        kept, told_plan(problem, [(), (1, 2)]), problem
    ).promises_broken == ("promised",)
    # B first: 9:10-9:40; A then begins at 9:40, in time
    early = told_plan(problem, [(0,), (2, 1)])
    assert compared(kept, early, problem).promises_broken == ()
    late = _later(kept, {"promised": 3601, "A": 3600, "B": 3600})
    assert compared(kept, late, problem).promises_broken == ("promised", "A")
    # what was broken before is not broken anew
    assert compared(late, late, problem).promises_broken == ()
    assert compared(late, told_plan(problem, [(), ()]), problem).promises_broken == ()


def test_levels_are_told_in_the_order_of_the_problem() -> None:
    turned = tuple(reversed(Level))
    problem = replace(street(2), levels=turned)
    found = changes(problem, [(0,), ()], [(0, 1), ()])
    assert tuple(one.level for one in found.levels) == turned
    by_level = {one.level: (one.before, one.after) for one in found.levels}
    # b is served: one B less is left out, and 20 minutes more are driven
    assert by_level[Level.SERVED] == ((0, 0, 1, 0), (0, 0, 0, 0))
    assert by_level[Level.DRIVING] == ((20 * MIN,), (40 * MIN,))


def test_a_visit_of_two_teams_is_told_by_both_and_begins_with_the_last() -> None:
    problem = day_problem([(visit("two", num_teams=2), 10)], days=TWO)
    before = told_plan(problem, [(0,), (0,)])
    assert compared(before, before, problem).is_nothing
    one_left = told_plan(problem, [(0,), ()])
    assert compared(before, one_left, problem).team_changes == ("two",)
    second = before.routes[1]
    stop = replace(second.stops[0], start_s=second.stops[0].start_s + 5 * MIN)
    apart = replace(before, routes=(before.routes[0], replace(second, stops=(stop,))))
    assert compared(before, apart, problem).shift_median_min == 5


def _later(plan: Plan, by_s: dict[str, int]) -> Plan:
    """Copy a plan in which some visits begin so many seconds later."""
    return replace(
        plan,
        routes=tuple(
            replace(
                route,
                stops=tuple(
                    replace(stop, start_s=stop.start_s + by_s.get(stop.visit_id, 0))
                    for stop in route.stops
                ),
            )
            for route in plan.routes
        ),
    )


def test_a_start_counts_as_changed_from_a_quarter_of_an_hour() -> None:
    before = told_plan(street(2), [(0, 1), ()])

    def later(seconds: int) -> frozenset[str]:
        first, second = before.routes[0].stops
        moved = replace(second, start_s=second.start_s + seconds)
        route = replace(before.routes[0], stops=(first, moved))
        return changed_visits(before, replace(before, routes=(route,)))

    assert later(0) == later(899) == later(-899) == frozenset()
    assert later(900) == later(-900) == {"b"}


def test_other_teams_or_a_new_visit_count_as_changed() -> None:
    before = told_plan(street(1), [(0,), ()])
    other = replace(before, routes=(replace(before.routes[0], team_id="t2"),))
    assert changed_visits(before, other) == {"a"}
    assert changed_visits(replace(before, routes=()), before) == {"a"}


def test_a_visit_of_two_teams_is_unchanged_and_counted_once() -> None:
    both = day_problem([(visit("a", num_teams=2), 10)], days=TWO)
    plan = told_plan(both, [(0,), (0,)])
    assert changed_visits(plan, plan) == frozenset()
    assert plan.num_served == 1
