"""The independent checker: one valid plan, and each rule broken alone."""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.domain import checks
from dispatch.domain.checks import violations
from dispatch.domain.plan import Plan, Route, Stop, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem
from dispatch.domain.team import Lunch, Vehicle
from dispatch.domain.travel import UNREACHABLE_S, TravelLevel
from dispatch.domain.visit import TimeWindow, Visit
from tests.builders import (
    DAY,
    MIN,
    at,
    day_problem,
    plan_of,
    road,
    shift,
    team,
    team_day,
    visit,
)

Broken = tuple[DayProblem, Plan]

DONE = Stop(
    visit_id="done",
    arrive_s=at("9:10"),
    start_s=at("9:10"),
    end_s=at("9:40"),
    drive_s=600,
    drive_m=4_000,
)


def valid() -> Broken:
    """
    Two teams and three visits.

    t1: a 9:10-9:40, b 9:50-10:20 (due 9:45: 5 min late), back 10:40, lunch 11:30.
    t2: done 9:10-9:40 (committed), then c 10:00-10:30, back 11:00, lunch 11:30.
    """
    visits = [
        (visit("a", window=TimeWindow(start_s=at("9:00"), end_s=at("9:30"))), 10),
        (visit("b", due_s=at("9:45"), release_s=at("9:00")), 20),
        (visit("c", skills=frozenset({"sewer"}), crew=2, load_kg=100), 30),
    ]
    t2 = team("t2", skills=frozenset({"sewer"}))
    under_way = team_day(
        t2,
        start_node=1,
        free_from_s=at("9:40"),
        committed=(DONE,),
        committed_load_kg=400,
    )
    problem = day_problem(visits, days=[team_day(team("t1")), under_way])
    return problem, plan_of(problem, [(0, 1), (2,)])


def with_route(plan: Plan, at_route: int, route: Route) -> Plan:
    routes = list(plan.routes)
    routes[at_route] = route
    return replace(plan, routes=tuple(routes))


def with_stop(plan: Plan, at_route: int, at_stop: int, stop: Stop) -> Plan:
    route = plan.routes[at_route]
    stops = list(route.stops)
    stops[at_stop] = stop
    return with_route(plan, at_route, replace(route, stops=tuple(stops)))


def with_visit(problem: DayProblem, index: int, changed: Visit) -> DayProblem:
    visits = list(problem.visits)
    visits[index] = changed
    return replace_problem(problem, visits=tuple(visits))


def replace_problem(
    problem: DayProblem,
    *,
    visits: tuple[Visit, ...] | None = None,
    date: dt.date | None = None,
) -> DayProblem:
    return DayProblem(
        date=date or problem.date,
        visits=visits or problem.visits,
        team_days=problem.team_days,
        travel=problem.travel,
        visit_nodes=problem.visit_nodes,
    )


def moved(stop: Stop, by_s: int) -> Stop:
    """Shift a stop as a whole; its lateness stays."""
    return replace(
        stop,
        arrive_s=stop.arrive_s + by_s,
        start_s=stop.start_s + by_s,
        end_s=stop.end_s + by_s,
    )


def other_date() -> Broken:
    problem, plan = valid()
    return problem, replace(plan, date=DAY + dt.timedelta(days=1))


def route_twice() -> Broken:
    problem, plan = valid()
    empty = plan_of(day_problem(days=[problem.team_days[0]]), [()]).routes[0]
    return problem, replace(plan, routes=(*plan.routes, empty))


def unknown_team() -> Broken:
    problem, plan = valid()
    stranger = plan_of(day_problem(days=[team_day(team("t9"))]), [()]).routes[0]
    return problem, replace(plan, routes=(*plan.routes, stranger))


def visit_twice() -> Broken:
    problem, plan = valid()
    again = Unassigned(visit_id="a", reason=UnassignedReason.NO_TIME, sentence="")
    return problem, replace(plan, unassigned=(again,))


def visit_lost() -> Broken:
    problem, plan = valid()
    extra = visit("lost")
    bigger = DayProblem(
        date=problem.date,
        visits=(*problem.visits, extra),
        team_days=problem.team_days,
        travel=problem.travel,
        visit_nodes=(*problem.visit_nodes, 1),
    )
    return bigger, plan


def unknown_visit() -> Broken:
    problem, plan = valid()
    last = plan.routes[1].stops[-1]
    stranger = replace(
        last, visit_id="x", arrive_s=at("10:30"), start_s=at("10:30"), end_s=at("11:00")
    )
    route = replace(plan.routes[1], stops=(*plan.routes[1].stops, stranger))
    return problem, with_route(plan, 1, route)


def committed_changed() -> Broken:
    problem, plan = valid()
    return problem, with_stop(plan, 1, 0, replace(DONE, start_s=at("9:11")))


def too_heavy() -> Broken:
    problem, plan = valid()  # 400 kg on the vehicle already, 500 kg allowed
    return with_visit(problem, 2, replace(problem.visits[2], load_kg=101)), plan


def no_skill() -> Broken:
    problem, plan = valid()
    return (
        with_visit(problem, 0, replace(problem.visits[0], skills=frozenset({"river"}))),
        plan,
    )


def too_few() -> Broken:
    problem, plan = valid()
    return with_visit(problem, 0, replace(problem.visits[0], crew=3)), plan


def wrong_office() -> Broken:
    problem, plan = valid()
    south = replace(problem.visits[0], allowed_office_ids=frozenset({"south"}))
    return with_visit(problem, 0, south), plan


def bound_elsewhere() -> Broken:
    problem, plan = valid()
    return with_visit(problem, 0, replace(problem.visits[0], team_id="t2")), plan


def held() -> Broken:
    """Hold a visit behind the problem's back, which itself would refuse it."""
    problem, plan = valid()
    a = replace(problem.visits[0])
    problem = with_visit(problem, 0, a)
    object.__setattr__(a, "not_before", DAY + dt.timedelta(days=1))
    return problem, plan


def before_received() -> Broken:
    problem, plan = valid()
    later = replace(problem.visits[1], release_s=at("9:51"))
    return with_visit(problem, 1, later), plan


def before_arrival() -> Broken:
    problem, plan = valid()
    stop = plan.routes[0].stops[1]
    return problem, with_stop(plan, 0, 1, replace(stop, arrive_s=stop.start_s + 1))


def after_the_appointment() -> Broken:
    problem, plan = valid()
    window = TimeWindow(start_s=at("9:00"), end_s=at("9:10") - 1)
    return with_visit(problem, 0, replace(problem.visits[0], window=window)), plan


def before_the_appointment() -> Broken:
    problem, plan = valid()
    window = TimeWindow(start_s=at("9:10") + 1, end_s=at("9:30"))
    return with_visit(problem, 0, replace(problem.visits[0], window=window)), plan


def shortened() -> Broken:
    problem, plan = valid()
    return with_visit(problem, 0, replace(problem.visits[0], service_s=31 * MIN)), plan


def lateness_hidden() -> Broken:
    problem, plan = valid()
    stop = plan.routes[0].stops[1]
    assert stop.late_s == 5 * MIN
    return problem, with_stop(plan, 0, 1, replace(stop, late_s=0))


def no_way() -> Broken:
    """Lose the road to c after the plan was made; all its times would fit."""
    problem, plan = valid()
    lost = DayProblem(
        date=problem.date,
        visits=problem.visits,
        team_days=problem.team_days,
        travel=road([0, 10, 20, 30], unreachable=[3]),
        visit_nodes=problem.visit_nodes,
    )
    far = replace(
        moved(plan.routes[1].stops[1], 2 * UNREACHABLE_S), drive_s=UNREACHABLE_S
    )
    route = replace(
        plan.routes[1],
        stops=(DONE, far),
        return_s=4 * UNREACHABLE_S,
        overtime_s=4 * UNREACHABLE_S - at("17:30"),
    )
    # (the shift is of course broken as well; see ALSO)
    return lost, with_route(plan, 1, route)


def drive_untrue() -> Broken:
    problem, plan = valid()
    stop = plan.routes[0].stops[0]
    return problem, with_stop(plan, 0, 0, replace(stop, drive_s=stop.drive_s - 1))


def way_back_untrue() -> Broken:
    problem, plan = valid()
    route = plan.routes[0]
    told = replace(route, return_drive_s=route.return_drive_s - 1)
    return problem, with_route(plan, 0, told)


def wait_untrue() -> Broken:
    """Tell a wait for the end of a closure on a day that has none."""
    problem, plan = valid()
    stop = plan.routes[0].stops[0]
    return problem, with_stop(plan, 0, 0, replace(stop, held_s=1))


def wait_on_the_way_back_untrue() -> Broken:
    problem, plan = valid()
    return problem, with_route(plan, 0, replace(plan.routes[0], return_held_s=1))


def level_of_a_drive_untrue() -> Broken:
    problem, plan = valid()
    better = replace(plan.routes[0].stops[1], drive_level=TravelLevel.ROAD)
    return problem, with_stop(plan, 0, 1, better)


def level_of_the_way_back_untrue() -> Broken:
    problem, plan = valid()
    better = replace(plan.routes[0], return_drive_level=TravelLevel.ROAD_GRAPH)
    return problem, with_route(plan, 0, better)


def level_of_the_plan_untrue() -> Broken:
    problem, plan = valid()
    return problem, replace(plan, travel_level=TravelLevel.ROAD)


def lunch_in_service() -> Broken:
    """Work at c 11:20-11:50 and lunch from 11:30."""
    problem, plan = valid()
    late = moved(plan.routes[1].stops[1], 80 * MIN)
    back = replace(plan.routes[1], stops=(DONE, late), return_s=at("13:30"))
    return problem, with_route(plan, 1, back)


def service_in_lunch() -> Broken:
    """Lunch 11:30-12:15 and work at c from 12:00."""
    problem, plan = valid()
    late = moved(plan.routes[1].stops[1], 120 * MIN)
    back = replace(plan.routes[1], stops=(DONE, late), return_s=at("13:00"))
    return problem, with_route(plan, 1, back)


def too_fast() -> Broken:
    problem, plan = valid()
    stop = moved(plan.routes[0].stops[1], -1)
    return problem, with_stop(plan, 0, 1, replace(stop, late_s=5 * MIN - 1))


def back_too_early() -> Broken:
    problem, plan = valid()
    route = plan.routes[0]
    return problem, with_route(plan, 0, replace(route, return_s=route.return_s - 1))


def way_back_denied() -> Broken:
    problem, plan = valid()
    return problem, with_route(plan, 0, replace(plan.routes[0], no_way_back=True))


def cut_off() -> Broken:
    """One team, free at 9:40 at a place with no way to the yard; lunch there 11:30."""
    out = team_day(team("t2"), start_node=1, free_from_s=at("9:40"), committed=(DONE,))
    empty = day_problem(days=[replace(out, start_node=0)])
    problem = DayProblem(
        date=empty.date,
        visits=(),
        team_days=(out,),
        travel=road([0, 10], unreachable=[1]),
        visit_nodes=(),
    )
    return problem, plan_of(problem, [()])


def cut_off_told(**untrue: Any) -> Broken:  # noqa: ANN401 - fields of a route
    problem, plan = cut_off()
    return problem, with_route(plan, 0, replace(plan.routes[0], **untrue))


def no_way_back_hidden() -> Broken:
    return cut_off_told(no_way_back=False)


def cut_off_and_back_later() -> Broken:
    return cut_off_told(return_s=at("9:40") + 1)


def cut_off_and_back_earlier() -> Broken:
    return cut_off_told(return_s=at("9:40") - 1)


def cut_off_with_metres() -> Broken:
    return cut_off_told(return_drive_m=1)


def cut_off_with_seconds() -> Broken:
    return cut_off_told(return_drive_s=1)


def cut_off_by_a_new_stop() -> Broken:
    """Lose the way from c to the yard; the plan owns it, but c is new."""
    problem, plan = valid()
    duration_s = problem.travel.duration_s.copy()
    duration_s[3, 0] = UNREACHABLE_S
    lost = DayProblem(
        date=problem.date,
        visits=problem.visits,
        team_days=problem.team_days,
        travel=replace(problem.travel, duration_s=duration_s),
        visit_nodes=problem.visit_nodes,
    )
    route = plan.routes[1]
    there = replace(
        route,
        return_s=route.stops[-1].end_s,
        return_drive_s=0,
        return_drive_m=0,
        no_way_back=True,
    )
    return lost, with_route(plan, 1, there)


def past_the_shift() -> Broken:
    problem, plan = valid()
    late = replace(plan.routes[0], return_s=at("17:31"), overtime_s=MIN)
    return problem, with_route(plan, 0, late)


def overtime_hidden() -> Broken:
    problem, plan = valid()
    return problem, with_route(plan, 0, replace(plan.routes[0], overtime_s=1))


def no_lunch() -> Broken:
    problem, plan = valid()
    hungry = replace(plan.routes[0], lunch_start_s=None, lunch_end_s=None)
    return problem, with_route(plan, 0, hungry)


def short_lunch() -> Broken:
    problem, plan = valid()
    route = replace(plan.routes[0], lunch_end_s=at("12:14"))
    return problem, with_route(plan, 0, route)


def early_lunch() -> Broken:
    problem, plan = valid()
    route = replace(plan.routes[0], lunch_start_s=at("11:29"), lunch_end_s=at("12:14"))
    return problem, with_route(plan, 0, route)


def late_lunch() -> Broken:
    problem, plan = valid()
    route = replace(plan.routes[0], lunch_start_s=at("12:46"), lunch_end_s=at("13:31"))
    return problem, with_route(plan, 0, route)


def eaten_lunch_moved() -> Broken:
    problem, plan = valid()
    days = (replace(problem.team_days[0], lunch_start_s=at("12:00")),)
    eaten = DayProblem(
        date=problem.date,
        visits=problem.visits,
        team_days=(*days, problem.team_days[1]),
        travel=problem.travel,
        visit_nodes=problem.visit_nodes,
    )
    return eaten, plan


CASES: list[tuple[str, Callable[[], Broken]]] = [
    ("date", other_date),
    ("one route per team", route_twice),
    ("known team", unknown_team),
    ("each visit once", visit_twice),
    ("each visit once", visit_lost),
    ("known visit", unknown_visit),
    ("committed stops stay", committed_changed),
    ("vehicle load", too_heavy),
    ("skills", no_skill),
    ("team size", too_few),
    ("allowed office", wrong_office),
    ("dispatcher's team", bound_elsewhere),
    ("legal hold", held),
    ("release", before_received),
    ("release", before_arrival),
    ("appointment", after_the_appointment),
    ("appointment", before_the_appointment),
    ("service time", shortened),
    ("lateness told", lateness_hidden),
    ("reachable", no_way),
    ("drive told", drive_untrue),
    ("drive told", way_back_untrue),
    ("drive told", wait_untrue),
    ("drive told", wait_on_the_way_back_untrue),
    ("drive told", cut_off_with_seconds),
    ("level told", level_of_a_drive_untrue),
    ("level told", level_of_the_way_back_untrue),
    ("level told", level_of_the_plan_untrue),
    ("lunch undisturbed", lunch_in_service),
    ("lunch undisturbed", service_in_lunch),
    ("time to drive", too_fast),
    ("way back", back_too_early),
    ("way back", way_back_denied),
    ("way back", no_way_back_hidden),
    ("way back", cut_off_and_back_later),
    ("way back", cut_off_and_back_earlier),
    ("way back", cut_off_with_metres),
    ("way back", cut_off_by_a_new_stop),
    ("shift", past_the_shift),
    ("overtime told", overtime_hidden),
    ("lunch", no_lunch),
    ("lunch", short_lunch),
    ("lunch", early_lunch),
    ("lunch", late_lunch),
    ("lunch", eaten_lunch_moved),
]
# What cannot be broken alone: ten days of driving also leave the shift, and the way
# back, which is lost too, was told as it had been; work that begins within lunch also
# leaves too little time before it.
ALSO = {
    "no_way": {"shift", "drive told", "way back"},
    "service_in_lunch": {"time to drive"},
}


def test_the_valid_plan_breaks_no_rule() -> None:
    problem, plan = valid()
    assert violations(problem, plan) == ()
    assert plan.routes[0].stops[1].late_s == 5 * MIN
    assert plan.routes[0].return_s == at("10:40")
    assert plan.routes[1].return_s == at("11:00")


@pytest.mark.parametrize(
    ("rule", "broken"), CASES, ids=[build.__name__ for _, build in CASES]
)
def test_a_broken_rule_is_reported_and_no_other(
    rule: str, broken: Callable[[], Broken]
) -> None:
    found = {violation.rule for violation in violations(*broken())}
    assert found - ALSO.get(broken.__name__, set()) == {rule}


def test_every_rule_of_the_checker_is_broken_above() -> None:
    tree = ast.parse(Path(checks.__file__).read_text(encoding="utf-8"))
    named = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            position = {"_violation": 0, "_at": 2}.get(call.func.id)
            if position is None:
                continue
            rule = call.args[position]
            if isinstance(rule, ast.Constant):
                named.add(rule.value)
    assert named == {rule for rule, _ in CASES}


def test_a_violation_says_where_and_how_much() -> None:
    (found,) = violations(*too_fast())
    assert (found.team_id, found.visit_id) == ("t1", "b")
    assert found.detail == "1 s short"
    (found,) = violations(*no_skill())
    assert "river" in found.detail


def test_a_team_that_is_cut_off_stays_where_it_is_and_says_so() -> None:
    problem, plan = cut_off()
    (route,) = plan.routes
    assert violations(problem, plan) == ()
    assert route.no_way_back
    assert (route.stops, route.return_s) == ((DONE,), at("9:40"))
    assert (route.return_drive_s, route.return_drive_m) == (0, 0)
    assert (route.lunch_start_s, route.overtime_s) == (at("11:30"), 0)


def test_a_wait_that_is_told_wrongly_is_told_with_its_seconds() -> None:
    (found,) = violations(*wait_untrue())
    assert found.detail == "600 s instead of 600 s, 1 s of them waiting instead of 0 s"
    (found,) = violations(*drive_untrue())
    assert found.detail == "599 s instead of 600 s"


def test_lunch_that_committed_work_has_outlasted_is_no_fault() -> None:
    # latest start of lunch 11:30; the team is free at 11:31, with nothing new to do
    noon = Lunch(
        nominal_s=at("11:30"),
        duration_s=30 * MIN,
        earliest_s=at("11:30"),
        latest_end_s=at("12:00"),
    )
    late = team_day(team(shift=shift(lunch=noon)), free_from_s=at("11:31"))
    problem = day_problem(days=[late])
    plan = plan_of(problem, [()])
    assert plan.routes[0].lunch_start_s is None
    assert violations(problem, plan) == ()
    in_time = day_problem(days=[replace(late, free_from_s=at("11:30"))])
    assert [found.rule for found in violations(in_time, plan)] == ["lunch"]


def test_a_load_that_is_on_the_vehicle_already_is_no_fault() -> None:
    heavy = team_day(
        team("t2"), free_from_s=at("9:40"), committed=(DONE,), committed_load_kg=501
    )
    problem = day_problem(days=[heavy])
    assert violations(problem, plan_of(problem, [()])) == ()


def test_a_hold_told_in_the_plan_is_no_unknown_visit() -> None:
    problem, plan = valid()
    hold = Unassigned(visit_id="held", reason=UnassignedReason.ON_HOLD, sentence="")
    assert violations(problem, replace(plan, unassigned=(hold,))) == ()


def test_overtime_within_the_grant_is_legal_when_it_is_told() -> None:
    granted = team(shift=shift(lunch=None, end_s=at("9:30"), overtime_max_s=30 * MIN))
    problem = day_problem([(visit(), 10)], days=[team_day(granted)])
    plan = plan_of(problem, [(0,)])
    assert plan.routes[0].overtime_s == 20 * MIN
    assert violations(problem, plan) == ()


def test_a_team_without_lunch_needs_none() -> None:
    problem = day_problem(
        [(visit(), 10)], days=[team_day(team(shift=shift(lunch=None)))]
    )
    assert violations(problem, plan_of(problem, [(0,)])) == ()


def test_a_lunch_on_the_way_back_counts_as_time_on_the_way() -> None:
    noon = Lunch(
        nominal_s=at("9:40"),
        duration_s=45 * MIN,
        earliest_s=at("9:40"),
        latest_end_s=at("10:29"),
    )
    # a 9:10-9:40, eat there 9:40-10:25 (at the yard it would be 9:50, too late for a
    # latest start of 9:44), back 10:35
    problem = day_problem(
        [(visit(), 10)], days=[team_day(team(shift=shift(lunch=noon)))]
    )
    plan = plan_of(problem, [(0,)])
    assert plan.routes[0].return_s == at("10:35")
    assert violations(problem, plan) == ()
    early = with_route(plan, 0, replace(plan.routes[0], return_s=at("10:34")))
    assert [found.rule for found in violations(problem, early)] == ["way back"]


def test_the_vehicle_of_the_valid_plan_is_filled_to_the_last_kilogram() -> None:
    problem, plan = valid()
    assert problem.team_days[1].team.vehicle == Vehicle(name="軽トラック", load_kg=500)
    assert problem.team_days[1].load_left_kg == problem.visits[2].load_kg
    assert violations(problem, plan) == ()
