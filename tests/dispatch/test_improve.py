"""Repair and insertion: the least urgent goes first, and routes keep together."""

from __future__ import annotations

from dispatch.domain.catalogue import Urgency
from dispatch.domain.improve import missing, repaired, with_inserted
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.visit import After, TimeWindow, Visit
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit

NINE = TimeWindow(start_s=at("9:10"), end_s=at("9:10"))
TWO_HOURS = team_day(team(shift=shift(lunch=None, end_s=at("11:00"))))


def full_morning() -> DayProblem:
    """Room for two of three visits of 50 minutes (10 min away: 20 + 100 = 120)."""
    return day_problem(
        [
            (visit("b", urgency=Urgency.B, service_s=50 * MIN), 10),
            (visit("c", urgency=Urgency.C, service_s=50 * MIN), 10),
            (visit("s", urgency=Urgency.S, service_s=50 * MIN), 10),
        ],
        days=[TWO_HOURS],
    )


def test_repair_takes_out_the_least_urgent_until_the_order_is_legal() -> None:
    scheduler = DayScheduler(full_morning())
    assert scheduler.timing(0, (0, 1, 2)) is None
    assert repaired(scheduler, [(0, 1, 2)]) == [(0, 2)]


def test_repair_drops_several_when_one_does_not_suffice() -> None:
    visits = [
        (visit(f"v{i}", urgency=u, service_s=50 * MIN), 10)
        for i, u in enumerate((Urgency.C, Urgency.S, Urgency.C, Urgency.A, Urgency.B))
    ]
    scheduler = DayScheduler(day_problem(visits, days=[TWO_HOURS]))
    assert repaired(scheduler, [(0, 1, 2, 3, 4)]) == [(1, 3)]


def test_repair_fills_what_is_left_out_most_urgent_first() -> None:
    scheduler = DayScheduler(full_morning())
    (order,) = repaired(scheduler, [()])
    assert set(order) == {0, 2}  # S, then B; C finds no room


def test_repair_keeps_a_visit_in_one_team_and_drops_what_a_team_may_not_do() -> None:
    sewer = visit("sewer", skills=frozenset({"sewer"}))
    days = [team_day(team("t1")), team_day(team("t2", skills=frozenset({"sewer"})))]
    scheduler = DayScheduler(day_problem([(visit("a"), 5), (sewer, 6)], days=days))
    # a is listed twice in t1 and once in t2; t1 may not do the sewer
    assert repaired(scheduler, [(0, 0, 1), (0,)]) == [(0,), (1,)]


def test_missing_lists_the_most_urgent_then_promised_then_earliest_due() -> None:
    window = TimeWindow(start_s=at("9:00"), end_s=at("10:00"))
    visits = [
        (visit("b-late", due_s=at("12:00")), 1),
        (visit("b-never"), 1),
        (visit("b-early", due_s=at("10:00")), 1),
        (visit("b-promised", windows=(window,)), 1),
        (visit("s", urgency=Urgency.S), 1),
        (visit("served", urgency=Urgency.S), 1),
    ]
    scheduler = DayScheduler(day_problem(visits))
    assert missing(scheduler, [(5,)]) == [4, 3, 2, 0, 1]


def test_insertion_takes_the_place_that_adds_least_driving() -> None:
    visits = [(visit("far"), 40), (visit("near"), 10), (visit("between"), 25)]
    scheduler = DayScheduler(
        day_problem(visits, days=[team_day(), team_day(team("x"))])
    )
    # on the road between the two it costs nothing; alone with team x it costs 50 min
    assert with_inserted(scheduler, [(1, 0), ()], [2]) == [(1, 2, 0), ()]


def test_insertion_leaves_out_what_fits_nowhere() -> None:
    scheduler = DayScheduler(full_morning())
    assert with_inserted(scheduler, [(0, 2)], [1]) == [(0, 2)]


def test_insertion_stops_when_it_is_told_to() -> None:
    scheduler = DayScheduler(full_morning())
    answers = iter([True, False])
    found = with_inserted(scheduler, [()], [2, 0, 1], in_time=lambda: next(answers))
    assert found == [(2,)]


def test_nothing_is_inserted_into_an_order_that_has_no_times() -> None:
    problem = day_problem([(visit(f"v{i}"), 10) for i in range(4)], days=[TWO_HOURS])
    # three visits are 20 + 90 = 110 minutes of 120, four would be 140
    overfull = DayScheduler(problem)
    assert with_inserted(overfull, [(0, 1, 2, 3)], [0]) == [(0, 1, 2, 3)]


# -- what routes owe each other --------------------------------------------------------


def two_teams(*visits: tuple[Visit, int], lifts: int = 0) -> DayProblem:
    bare = shift(lunch=None)
    days = [team_day(team("t1", shift=bare)), team_day(team("t2", shift=bare))]
    return day_problem(visits, days=days, tools=(("lift", lifts),))


def test_a_visit_of_two_teams_waits_for_a_moment_and_then_goes_to_both() -> None:
    problem = two_teams((visit("both", num_teams=2), 10), (visit("a"), 10))
    assert with_inserted(DayScheduler(problem), [(), ()], [0]) == [(), ()]
    pinned = DayScheduler(problem, {0: at("10:00")})
    assert with_inserted(pinned, [(1,), ()], [0]) == [(0, 1), (0,)]


def test_a_visit_of_two_teams_is_left_out_when_only_one_can_come() -> None:
    # t1 is at `a` from 9:10 to 9:40, and not at `both` at 9:10
    problem = two_teams(
        (visit("both", num_teams=2), 10), (visit("a", start_between=NINE), 10)
    )
    pinned = DayScheduler(problem, {0: at("9:10")})
    assert with_inserted(pinned, [(1,), ()], [0]) == [(1,), ()]


def test_a_visit_that_waits_is_inserted_only_after_what_it_waits_for() -> None:
    waits = visit("repair", after=(After(visit_id="safe"),))
    problem = two_teams((visit("safe"), 10), (waits, 10))
    # safe 9:10-9:40
    pinned = DayScheduler(problem, {0: at("9:10"), 1: at("9:40")})
    assert with_inserted(pinned, [(), ()], [1]) == [(), ()]
    assert with_inserted(pinned, [(0,), ()], [1]) == [(0, 1), ()]
    too_early = DayScheduler(problem, {0: at("9:10"), 1: at("9:39")})
    assert with_inserted(too_early, [(0,), ()], [1]) == [(0,), ()]


def test_nothing_is_put_before_a_linked_visit_whose_start_would_move() -> None:
    problem = two_teams((visit("both", num_teams=2), 10), (visit("a"), 5))
    orders: list[Order] = [(0,), (0,)]
    assert with_inserted(DayScheduler(problem), orders, [1]) == orders
    pinned = DayScheduler(problem, {0: at("10:00")})
    # on the way it costs nothing, and both still begin at 10:00
    assert with_inserted(pinned, orders, [1]) == [(1, 0), (0,)]


def test_a_shared_tool_goes_with_one_team_for_the_whole_day() -> None:
    lift = frozenset({"lift"})
    visits = [(visit("a", tools=lift), 30), (visit("b", tools=lift), -30)]
    days = [team_day(team("t1")), team_day(team("t2"), start_node=2, end_node=2)]
    # t2 is at b, but when there is one lift only, it is with t1
    for lifts, expected in ((1, [(1, 0), ()]), (2, [(0,), (1,)])):
        problem = day_problem(visits, days=days, tools=(("lift", lifts),))
        assert with_inserted(DayScheduler(problem), [(0,), ()], [1]) == expected
    none = DayScheduler(two_teams((visit("a", tools=lift), 30)))
    assert with_inserted(none, [(), ()], [0]) == [(), ()]


def test_repair_takes_a_visit_of_two_teams_from_both_when_they_do_not_meet() -> None:
    problem = two_teams((visit("both", num_teams=2), 10), (visit("a"), 10))
    # t2 comes half an hour after t1
    assert repaired(DayScheduler(problem), [(0,), (1, 0)]) == [(), (1,)]
    assert repaired(DayScheduler(problem), [(0,), (0,)]) == [(0,), (0,)]


def test_repair_takes_out_the_least_urgent_that_bring_one_tool_too_many() -> None:
    lift = frozenset({"lift"})
    visits = [
        (visit("c", urgency=Urgency.C, tools=lift, service_s=240 * MIN), 10),
        (visit("a", urgency=Urgency.A, tools=lift, service_s=300 * MIN), 10),
    ]
    # one lift: C goes; beside A (300 of 510 minutes) it does not fit any more
    problem = two_teams(*visits, lifts=1)
    assert repaired(DayScheduler(problem), [(0,), (1,)]) == [(), (1,)]
