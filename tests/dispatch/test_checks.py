"""The independent checker: one valid plan, and each rule broken alone.

Rules that an ordinary day does not need are broken in `test_checks_rich`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.domain.checks import Rule, violations
from dispatch.domain.checks_score import counted_score
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
from tests.dispatch.test_checks_rich import CASES as RICH_CASES

Broken = tuple[DayProblem, Plan]
RULES_PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "planning-rules.md"

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
        (visit("a", windows=(TimeWindow(start_s=at("9:00"), end_s=at("9:30")),)), 10),
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
    return replace(problem, visits=tuple(visits))


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
    visits, nodes = (*problem.visits, extra), (*problem.visit_nodes, 1)
    return replace(problem, visits=visits, visit_nodes=nodes), plan


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


def committed_team_without_route() -> Broken:
    """Leave c out, and the team with it that has done its first stop."""
    problem, plan = valid()
    left = Unassigned(visit_id="c", reason=UnassignedReason.NO_TIME, sentence="")
    return problem, replace(plan, routes=plan.routes[:1], unassigned=(left,))


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
    return with_visit(problem, 0, replace(problem.visits[0], windows=(window,))), plan


def before_the_appointment() -> Broken:
    problem, plan = valid()
    window = TimeWindow(start_s=at("9:10") + 1, end_s=at("9:30"))
    return with_visit(problem, 0, replace(problem.visits[0], windows=(window,))), plan


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
    lost = replace(problem, travel=road([0, 10, 20, 30], unreachable=[3]))
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
    travel = road([0, 10], unreachable=[1])
    problem = replace(empty, team_days=(out,), travel=travel)
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
    lost = replace(problem, travel=replace(problem.travel, duration_s=duration_s))
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
    eaten = replace(problem.team_days[0], lunch_start_s=at("12:00"))
    return replace(problem, team_days=(eaten, problem.team_days[1])), plan


CASES: list[tuple[Rule, Callable[[], Broken]]] = [
    (Rule.DATE, other_date),
    (Rule.ONE_ROUTE, route_twice),
    (Rule.KNOWN_TEAM, unknown_team),
    (Rule.EACH_VISIT, visit_twice),
    (Rule.EACH_VISIT, visit_lost),
    (Rule.KNOWN_VISIT, unknown_visit),
    (Rule.COMMITTED, committed_changed),
    (Rule.COMMITTED, committed_team_without_route),
    (Rule.VEHICLE_LOAD, too_heavy),
    (Rule.SKILLS, no_skill),
    (Rule.TEAM_SIZE, too_few),
    (Rule.ALLOWED_OFFICE, wrong_office),
    (Rule.DISPATCHERS_TEAM, bound_elsewhere),
    (Rule.LEGAL_HOLD, held),
    (Rule.RELEASE, before_received),
    (Rule.RELEASE, before_arrival),
    (Rule.APPOINTMENT, after_the_appointment),
    (Rule.APPOINTMENT, before_the_appointment),
    (Rule.SERVICE_TIME, shortened),
    (Rule.LATENESS_TOLD, lateness_hidden),
    (Rule.REACHABLE, no_way),
    (Rule.DRIVE_TOLD, drive_untrue),
    (Rule.DRIVE_TOLD, way_back_untrue),
    (Rule.DRIVE_TOLD, wait_untrue),
    (Rule.DRIVE_TOLD, wait_on_the_way_back_untrue),
    (Rule.DRIVE_TOLD, cut_off_with_seconds),
    (Rule.LEVEL_TOLD, level_of_a_drive_untrue),
    (Rule.LEVEL_TOLD, level_of_the_way_back_untrue),
    (Rule.LEVEL_TOLD, level_of_the_plan_untrue),
    (Rule.LUNCH_UNDISTURBED, lunch_in_service),
    (Rule.LUNCH_UNDISTURBED, service_in_lunch),
    (Rule.TIME_TO_DRIVE, too_fast),
    (Rule.WAY_BACK, back_too_early),
    (Rule.WAY_BACK, way_back_denied),
    (Rule.WAY_BACK, no_way_back_hidden),
    (Rule.WAY_BACK, cut_off_and_back_later),
    (Rule.WAY_BACK, cut_off_and_back_earlier),
    (Rule.WAY_BACK, cut_off_with_metres),
    (Rule.WAY_BACK, cut_off_by_a_new_stop),
    (Rule.SHIFT, past_the_shift),
    (Rule.OVERTIME_TOLD, overtime_hidden),
    (Rule.LUNCH, no_lunch),
    (Rule.LUNCH, short_lunch),
    (Rule.LUNCH, early_lunch),
    (Rule.LUNCH, late_lunch),
    (Rule.LUNCH, eaten_lunch_moved),
]
# What cannot be broken alone: ten days of driving also leave the shift, and the way
# back, which is lost too, was told as it had been; work that begins within lunch also
# leaves too little time before it.
ALSO = {
    "no_way": {Rule.SHIFT, Rule.DRIVE_TOLD, Rule.WAY_BACK},
    "service_in_lunch": {Rule.TIME_TO_DRIVE},
}


def with_its_score(problem: DayProblem, plan: Plan) -> Plan:
    """Tell the score that the changed routes have, as a true plan would."""
    return replace(plan, score=counted_score(problem, plan))


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
    rule: Rule, broken: Callable[[], Broken]
) -> None:
    problem, plan = broken()
    plan = with_its_score(problem, plan)
    found = {violation.rule for violation in violations(problem, plan)}
    assert found - ALSO.get(broken.__name__, set()) == {rule}


def test_every_rule_of_the_checker_is_broken_by_a_case() -> None:
    assert {rule for rule, _ in (*CASES, *RICH_CASES)} == set(Rule)


def test_the_page_of_rules_tells_each_rule_with_its_cases() -> None:
    page = RULES_PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|.*\|.*\|(.*)\|$", page, flags=re.MULTILINE)
    told = {
        rule: set(re.findall(r"`(\w+)`", cases))
        for rule, cases in rows
        if rule in set(Rule)
    }
    broken_by: dict[str, set[str]] = {rule: set() for rule in Rule}
    for rule, build in (*CASES, *RICH_CASES):
        broken_by[rule].add(build.__name__)
    assert told == broken_by


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
    problem, plan = wait_untrue()
    (found,) = violations(problem, with_its_score(problem, plan))
    assert found.detail == "600 s instead of 600 s, 1 s of them waiting instead of 0 s"
    problem, plan = drive_untrue()
    (found,) = violations(problem, with_its_score(problem, plan))
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


def test_a_lunch_that_is_eaten_already_stays_where_it_was() -> None:
    problem, plan = eaten_lunch_moved()
    at_noon = replace(
        plan.routes[0], lunch_start_s=at("12:00"), lunch_end_s=at("12:45")
    )
    assert violations(problem, with_route(plan, 0, at_noon)) == ()


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
