"""A day with traffic and closures: placed, checked and told, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatch.domain.checks import violations
from dispatch.domain.explain import why_unassigned
from dispatch.domain.plan import Plan, Route, Stop
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.travel import (
    RestrictedTravel,
    Traffic,
    TrafficPeriod,
    TravelLevel,
    TravelMatrix,
)
from dispatch.domain.visit import Visit
from dispatch.planning import plan_day
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay
from tests.builders import (
    MIN,
    at,
    day_problem,
    plan_of,
    road,
    shift,
    silent,
    team,
    team_day,
    visit,
)
from tests.fake_solver import GreedySolver

NO_LUNCH = team_day(team(shift=shift(lunch=None)))
ROAD, GRAPH, LINE = TravelLevel


def timed(problem: DayProblem, travel: TravelMatrix) -> DayProblem:
    return DayProblem(
        date=problem.date,
        visits=problem.visits,
        team_days=problem.team_days,
        travel=travel,
        visit_nodes=problem.visit_nodes,
    )


def with_traffic(
    visits: list[tuple[Visit, int]], *periods: tuple[str, float], lunch: bool = True
) -> DayProblem:
    plain = day_problem(visits, days=None if lunch else [NO_LUNCH])
    traffic = Traffic(
        periods=tuple(TrafficPeriod(start_s=at(c), factor=f) for c, f in periods)
    )
    return timed(plain, replace(plain.travel, traffic=traffic))


def test_each_leg_takes_what_its_own_departure_asks() -> None:
    visits = [(visit("a"), 10), (visit("b"), 25)]
    problem = with_traffic(visits, ("0:00", 2.0), ("9:30", 1.0), lunch=False)
    timing = DayScheduler(problem).timing(0, (0, 1))
    assert timing is not None
    # 9:00 + 20 (10 at half speed), work 9:20-9:50; from 9:30 on all is free: b at
    # 10:05, done 10:35, back 11:00
    assert timing.drives_s == (20 * MIN, 15 * MIN, 25 * MIN)
    assert timing.drive_s == 60 * MIN
    assert timing.starts_s == (at("9:20"), at("10:05"))
    assert timing.return_s == at("11:00")
    route = DayScheduler(problem).route(0, (0, 1))
    assert [stop.drive_s for stop in route.stops] == [20 * MIN, 15 * MIN]
    assert route.return_drive_s == 25 * MIN


def test_a_crew_eats_first_when_the_street_is_empty_after_lunch() -> None:
    visits = [(visit("a", service_s=120 * MIN), 10), (visit("b"), 40)]
    problem = with_traffic(visits, ("0:00", 1.0), ("11:00", 3.0), ("12:15", 1.0))
    route = DayScheduler(problem).route(0, (0, 1))
    # a 9:10-11:10. Driving at once, 65 min of 11:10-12:15 do 21:40 of the 30 min and
    # the rest takes 8:20: there 12:23:20, and lunch until 13:08:20. Waiting for lunch
    # at 11:30-12:15 and driving then, it is there at 12:45.
    assert (route.lunch_start_s, route.lunch_end_s) == (at("11:30"), at("12:15"))
    assert route.stops[1].drive_s == 30 * MIN
    assert route.stops[1].arrive_s == route.stops[1].start_s == at("12:45")
    assert violations(problem, plan_of(problem, [(0, 1)])) == ()


def test_a_crew_drives_first_when_the_street_fills_over_lunch() -> None:
    visits = [(visit("a", service_s=140 * MIN), 10), (visit("b"), 40)]
    problem = with_traffic(visits, ("0:00", 1.0), ("12:05", 3.0))
    route = DayScheduler(problem).route(0, (0, 1))
    # a 9:10-11:30. At once: b at 12:00, lunch there until 12:45. Eating 11:30-12:15
    # first, the drive takes 90 min.
    assert (route.lunch_start_s, route.lunch_end_s) == (at("12:00"), at("12:45"))
    assert route.stops[1].drive_s == 30 * MIN
    assert route.stops[1].start_s == at("12:45")
    assert violations(problem, plan_of(problem, [(0, 1)])) == ()


def round_the_school() -> DayProblem:
    """9:00-10:00 the street to a is closed: 30 min and 99 m per minute instead."""
    plain = day_problem([(visit("a", service_s=60 * MIN), 10)], days=[NO_LUNCH])
    far = road([0, 30], m_per_min=99)
    restricted = RestrictedTravel(
        windows=((at("9:00"), at("10:00")),),
        duration_s=far.duration_s,
        distance_m=far.distance_m,
    )
    return timed(plain, replace(plain.travel, restricted=restricted))


def test_a_route_tells_the_seconds_and_metres_of_the_way_it_takes() -> None:
    route = DayScheduler(round_the_school()).route(0, (0,))
    # round the closure 9:30, work until 10:30, then the open street: back 10:40
    (stop,) = route.stops
    assert (stop.drive_s, stop.drive_m) == (30 * MIN, 30 * 99)
    assert (route.return_drive_s, route.return_drive_m) == (10 * MIN, 4_000)
    assert route.return_s == at("10:40")


def test_a_team_out_with_nothing_new_drives_home_by_the_clock() -> None:
    problem = round_the_school()
    done = Stop(
        visit_id="done",
        arrive_s=at("8:30"),
        start_s=at("8:30"),
        end_s=at("9:20"),
        drive_s=0,
        drive_m=0,
    )
    out = replace(NO_LUNCH, start_node=1, free_from_s=at("9:20"), committed=(done,))
    problem = DayProblem(
        date=problem.date,
        visits=(),
        team_days=(out,),
        travel=problem.travel,
        visit_nodes=(),
    )
    plan = plan_of(problem, [()])
    assert plan.routes[0].return_s == at("9:50")
    assert plan.routes[0].return_drive_m == 30 * 99
    assert violations(problem, plan) == ()


def behind_the_school() -> DayProblem:
    """9:00-10:00 no street leads to a, nor back from it; else 10 min."""
    problem = round_the_school()
    nowhere = RestrictedTravel(
        windows=((at("9:00"), at("10:00")),),
        duration_s=road([0, 10], unreachable=[1]).duration_s,
        distance_m=road([0, 10]).distance_m,
    )
    return timed(problem, replace(problem.travel, restricted=nowhere))


def test_a_route_tells_the_wait_for_the_end_of_a_closure_apart() -> None:
    problem = behind_the_school()
    plan = plan_of(problem, [(0,)])
    (route,) = plan.routes
    # waits 9:00-10:00, there 10:10, work until 11:10, back at once: 11:20
    (stop,) = route.stops
    assert (stop.drive_s, stop.held_s) == (70 * MIN, 60 * MIN)
    assert (route.return_drive_s, route.return_held_s) == (10 * MIN, 0)
    assert violations(problem, plan) == ()
    for untrue_s in (0, 60 * MIN - 1, 70 * MIN):
        hidden = replace(route, stops=(replace(stop, held_s=untrue_s),))
        faults = violations(problem, told(plan, hidden))
        assert [fault.rule for fault in faults] == ["drive told"]


def test_a_wait_on_the_way_back_is_told_apart() -> None:
    problem = behind_the_school()
    done = Stop(
        visit_id="done",
        arrive_s=at("8:30"),
        start_s=at("8:30"),
        end_s=at("9:20"),
        drive_s=0,
        drive_m=0,
    )
    out = replace(NO_LUNCH, start_node=1, free_from_s=at("9:20"), committed=(done,))
    problem = DayProblem(
        date=problem.date,
        visits=(),
        team_days=(out,),
        travel=problem.travel,
        visit_nodes=(),
    )
    plan = plan_of(problem, [()])
    (route,) = plan.routes
    # a closure that ends is no reason to be cut off: 40 min of waiting, then 10
    assert not route.no_way_back
    assert (route.return_drive_s, route.return_held_s) == (50 * MIN, 40 * MIN)
    assert route.return_s == at("10:10")
    assert violations(problem, plan) == ()
    faults = violations(problem, told(plan, replace(route, return_held_s=0)))
    assert [fault.rule for fault in faults] == ["drive told"]


def test_an_order_that_only_closures_make_late_has_no_times() -> None:
    problem = round_the_school()
    short = team_day(team(shift=shift(lunch=None, end_s=at("10:39"))))
    late = DayProblem(
        date=problem.date,
        visits=problem.visits,
        team_days=(short,),
        travel=problem.travel,
        visit_nodes=problem.visit_nodes,
    )
    assert DayScheduler(late).timing(0, (0,)) is None  # back 10:40
    open_all_day = timed(late, replace(problem.travel, restricted=None))
    assert DayScheduler(open_all_day).timing(0, (0,)) is not None


# -- the checker -----------------------------------------------------------------------


def told(plan: Plan, route: Route) -> Plan:
    return replace(plan, routes=(route,))


def test_the_free_flow_time_told_on_a_busy_street_is_a_fault() -> None:
    problem = with_traffic([(visit(), 10)], ("0:00", 2.0), lunch=False)
    plan = plan_of(problem, [(0,)])
    assert violations(problem, plan) == ()
    (stop,) = plan.routes[0].stops
    free = replace(stop, drive_s=10 * MIN)
    faults = violations(problem, told(plan, replace(plan.routes[0], stops=(free,))))
    assert [fault.rule for fault in faults] == ["drive told", "score told"]
    early = replace(free, arrive_s=at("9:10"), start_s=at("9:10"), end_s=at("9:40"))
    faults = violations(problem, told(plan, replace(plan.routes[0], stops=(early,))))
    assert {fault.rule for fault in faults} >= {"drive told", "time to drive"}


def test_a_way_back_through_a_closure_is_a_fault() -> None:
    problem = round_the_school()
    plan = plan_of(problem, [(0,)])
    assert violations(problem, plan) == ()
    longer = replace(problem.travel.restricted, windows=((at("9:00"), at("11:00")),))  # type: ignore[type-var]
    closed = timed(problem, replace(problem.travel, restricted=longer))
    faults = violations(closed, plan)  # back 11:00 at the earliest, it says 10:40
    assert [fault.rule for fault in faults] == ["drive told", "way back"]


@pytest.mark.parametrize(
    ("drive_min", "rule"), [(90, "time to drive"), (31, "drive told")]
)
def test_a_drive_after_lunch_is_judged_by_the_end_of_lunch(
    drive_min: int, rule: str
) -> None:
    visits = [(visit("a", service_s=140 * MIN), 10), (visit("b"), 40)]
    problem = with_traffic(visits, ("0:00", 1.0), ("12:05", 3.0))
    plan = plan_of(problem, [(0, 1)])
    route = plan.routes[0]
    # Lunch 11:30-12:15 before the drive of 90 min would be there at 13:45, not 12:45;
    # nobody drives 31 min, neither at 11:30 nor at 12:15.
    lunch_first = replace(route, lunch_start_s=at("11:30"), lunch_end_s=at("12:15"))
    stops = (route.stops[0], replace(route.stops[1], drive_s=drive_min * MIN))
    faults = violations(problem, told(plan, replace(lunch_first, stops=stops)))
    assert rule in {fault.rule for fault in faults}


# -- levels ----------------------------------------------------------------------------


def mixed() -> DayProblem:
    """Snap a to the roads and leave b beside them; the yard has the engine."""
    plain = day_problem([(visit("a"), 10), (visit("b"), 25)], days=[NO_LUNCH])
    levels = (ROAD, GRAPH, LINE)
    return timed(plain, replace(plain.travel, level=ROAD, place_levels=levels))


def test_each_leg_tells_its_level_and_the_plan_the_worst() -> None:
    problem = mixed()
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    params = SearchParams(iterations=1)
    both = plan_day(day, GreedySolver(orders=((0, 1),)), params, silent).plan
    route = both.routes[0]
    assert [stop.drive_level for stop in route.stops] == [GRAPH, LINE]
    assert route.return_drive_level is LINE
    assert both.travel_level is LINE
    near = plan_day(day, GreedySolver(orders=((0,),)), params, silent).plan
    assert near.routes[0].return_drive_level is near.travel_level is GRAPH
    none = plan_day(day, GreedySolver(orders=((),)), params, silent).plan
    assert none.travel_level is ROAD  # nobody drives: the matrix's own


def test_a_reason_with_a_time_says_how_the_time_was_found() -> None:
    problem = mixed()
    short = team_day(team(shift=shift(lunch=None, end_s=at("10:00"))))
    full = DayProblem(
        date=problem.date,
        visits=problem.visits,
        team_days=(short,),
        travel=problem.travel,
        visit_nodes=problem.visit_nodes,
    )
    scheduler = DayScheduler(full)
    left = why_unassigned(scheduler, 1, (scheduler.route(0, ()),), {})
    assert "片道約25分[推定(直線)]" in left.sentence


def test_a_moved_visit_says_how_its_driving_was_found() -> None:
    problem = mixed()
    days = (NO_LUNCH, team_day(team("t2", shift=shift(lunch=None))))
    two = DayProblem(
        date=problem.date,
        visits=problem.visits,
        team_days=days,
        travel=problem.travel,
        visit_nodes=problem.visit_nodes,
    )
    day = PreparedDay(problem=two, on_hold=(), first_team_ids={"a": "t2"}, names={})
    solver = GreedySolver(orders=((0, 1), ()))
    reasons = plan_day(day, solver, SearchParams(), silent).reasons
    # with t1 it lies on the way to b, which has a straight line; t2 only knows a
    assert "移動の増加は約0分[推定(直線)]" in reasons["a"]
    assert "機動班t2では約20分[推定(道路・簡易)]" in reasons["a"]


def test_what_is_kept_of_a_long_search_is_bounded_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits = [(visit(f"v{minute}"), minute) for minute in (5, 10, 25, 40)]
    problem = with_traffic(visits, ("0:00", 2.0), ("9:30", 1.0))
    orders = [(0, 1), (0, 1, 2), (2, 1), (3, 0), (0, 1), (3, 0, 1, 2)]
    free = DayScheduler(problem)
    expected = [free.timing(0, order) for order in orders]
    monkeypatch.setattr("dispatch.domain.schedule.CACHE_MAX", 2)
    monkeypatch.setattr("dispatch.domain.leg_drives.DRIVES_MAX", 3)
    tight = DayScheduler(problem)
    assert [tight.timing(0, order) for order in orders] == expected
    assert len(tight._cache) <= 2  # noqa: SLF001 - its size is the point


def test_metres_of_a_drive_after_lunch_are_those_of_the_street_open_by_then() -> None:
    plain = day_problem([(visit("a", service_s=130 * MIN), 10), (visit("b"), 40)])
    restricted = RestrictedTravel(
        windows=((at("11:00"), at("12:00")),),
        duration_s=road([0, 100, 400]).duration_s,
        distance_m=road([0, 100, 400]).distance_m,
    )
    problem = timed(plain, replace(plain.travel, restricted=restricted))
    route = DayScheduler(problem).route(0, (0, 1))
    # a 9:10-11:20; the street to b opens at 12:00: eating 11:30-12:15 first, it is
    # there at 12:45 by 30 min of the open street (12 km), and not by 300 of detour
    assert (route.lunch_start_s, route.stops[1].start_s) == (at("11:30"), at("12:45"))
    assert (route.stops[1].drive_s, route.stops[1].drive_m) == (30 * MIN, 12_000)


def test_lunch_on_the_road_is_no_lunch() -> None:
    problem = day_problem([(visit("a", service_s=125 * MIN), 10), (visit("b"), 40)])
    plan = plan_of(problem, [(0, 1)])
    route = plan.routes[0]
    # a 9:10-11:15, at b 11:45, lunch there until 12:30: so it is planned.
    assert (route.lunch_start_s, route.stops[1].start_s) == (at("11:45"), at("12:30"))
    assert violations(problem, plan) == ()
    # Lunch 11:35-12:20 would be 20 minutes into the drive. Eaten before it, the team
    # is at b at 12:50 and not at 12:30.
    on_the_road = replace(route, lunch_start_s=at("11:35"), lunch_end_s=at("12:20"))
    faults = violations(problem, told(plan, on_the_road))
    assert [fault.rule for fault in faults] == ["time to drive"]
    assert faults[0].detail == "1200 s short"
