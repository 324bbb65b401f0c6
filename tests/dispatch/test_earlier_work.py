"""Conditions of a site in the day's problem: what waits, what is free, what is left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.domain.assignment import SharingPolicy
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.consultation import Appointment
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Plan, UnassignedReason
from dispatch.domain.site_conditions import AfterChart, SiteConditions
from dispatch.domain.team import Vehicle
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow
from dispatch.earlier_work import EarlierWork
from dispatch.planning import plan_day
from dispatch.ports import SearchParams, Solver
from dispatch.prepared_day import DayInput, PreparedDay, prepare_day
from tests.builders import (
    DAY,
    TOKYO,
    StraightTravel,
    at,
    catalogue,
    category,
    chart,
    consultation,
    moment,
    placement,
    silent,
    town,
)
from tests.fake_solver import GreedySolver

PARAMS = SearchParams(iterations=5)
JETTED = category("W03", tools=frozenset({"jetter"}))
BEFORE = moment("16:00", DAY - dt.timedelta(days=5))


def known(chart_id: str, step: int = 1, **overrides: Any) -> CaseChart:  # noqa: ANN401
    """Build a chart received days ago, `step` of about 460 m east of the yard."""
    plain = chart(
        chart_id,
        consultation=consultation(received_at=BEFORE),
        placement=placement(LonLat(135.50 + 0.005 * step, 34.70)),
    )
    return replace(plain, **overrides)


def waiting(chart_id: str, after: str = "a", **gap: int) -> CaseChart:
    """Build a chart whose work comes after another's."""
    first = AfterChart(chart_id=after, **gap)
    return known(chart_id, conditions=SiteConditions(after=(first,)))


def done(chart_id: str = "a", ended_at: dt.datetime | None = None) -> EarlierWork:
    return EarlierWork(
        chart=known(chart_id, status=ChartStatus.DONE), ended_at=ended_at
    )


def prepared(
    charts: Sequence[CaseChart],
    earlier: Sequence[EarlierWork] = (),
    **overrides: Any,  # noqa: ANN401 - keyword overrides
) -> PreparedDay:
    where = town()
    plain = DayInput(
        date=DAY,
        timezone=TOKYO,
        offices=where.offices,
        teams=where.teams,
        catalogue=catalogue(JETTED),
        sharing=SharingPolicy.OWN,
        charts=charts,
        earlier={one.chart.id: one for one in earlier},
    )
    return prepare_day(replace(plain, **overrides), StraightTravel())


def sentences(day: PreparedDay) -> Mapping[str, str]:
    assert all(one.reason is UnassignedReason.WAITS for one in day.on_hold)
    return {one.visit_id: one.sentence for one in day.on_hold}


def planned(day: PreparedDay, solver: Solver | None = None) -> Plan:
    """Plan a day; `plan_day` refuses whatever the independent checker faults."""
    return plan_day(day, solver or GreedySolver(), PARAMS, silent).plan


@pytest.fixture(scope="module")
def searching() -> Iterator[PortfolioSolver]:
    """Search as in service: it alone places visits that wait for another route."""
    solver = PortfolioSolver(1)
    yield solver
    solver.close()


# -- what the site asks for ------------------------------------------------------------


def test_conditions_and_the_catalogues_tools_become_the_visits_needs() -> None:
    stated = SiteConditions(
        num_teams=2,
        max_width_cm=200,
        forbidden=(ForbiddenHours(start_s=at("8:00"), end_s=at("9:00")),),
        tools=("lift",),
        materials=(("合材", 3),),
        windows=(TimeWindow(start_s=at("15:00"), end_s=at("16:00")),),
    )
    said = consultation(category_code="W03", received_at=BEFORE)
    stock = (("jetter", 4), ("lift", 1))
    day = prepared([known("a", consultation=said, conditions=stated)], tools=stock)
    (one,) = day.problem.visits
    assert (one.num_teams, one.max_width_cm) == (2, 200)
    assert one.tools == {"jetter", "lift"}
    assert one.materials == (("合材", 3),)
    assert one.forbidden == stated.forbidden
    assert one.windows == ()  # no promise, so nothing is offered beside it
    assert day.problem.tools == stock


def test_a_chart_without_conditions_follows_its_category() -> None:
    twice = catalogue(category("R09", num_teams=2))
    said = consultation(category_code="R09", received_at=BEFORE)
    alone = known("b", consultation=said, conditions=SiteConditions(num_teams=1))
    day = prepared([known("a", consultation=said), alone], catalogue=twice)
    assert [one.num_teams for one in day.problem.visits] == [2, 1]


@pytest.mark.parametrize("days_off", [0, -1])
def test_other_hours_are_offered_on_the_promised_day_only(days_off: int) -> None:
    promised = DAY + dt.timedelta(days=days_off)
    slot = Appointment(
        start_at=moment("10:00", promised), end_at=moment("11:00", promised)
    )
    other = TimeWindow(start_s=at("15:00"), end_s=at("16:00"))
    said = consultation(appointment=slot, received_at=BEFORE)
    stated = SiteConditions(windows=(other,))
    day = prepared([known("a", consultation=said, conditions=stated)])
    (one,) = day.problem.visits
    first = TimeWindow(start_s=at("10:00"), end_s=at("11:00"))
    assert one.windows == ((first, other) if days_off == 0 else ())


def test_a_plan_sends_two_teams_at_once_and_no_more_tools_than_there_are(
    searching: PortfolioSolver,
) -> None:
    said = consultation(category_code="W03", received_at=BEFORE)
    jets = [known(name, step, consultation=said) for step, name in enumerate("ab", 1)]
    both = known("c", 3, conditions=SiteConditions(num_teams=2))
    plan = planned(prepared([*jets, both], tools=(("jetter", 1),)), searching)
    assert plan.unassigned == ()
    where: dict[str, list[tuple[str, int]]] = {}
    for route, _, stop in plan.stops():
        where.setdefault(stop.visit_id, []).append((route.team_id, stop.start_s))
    # one jetter: the team that brings it does both
    assert where["a"][0][0] == where["b"][0][0]
    (first, start_s), (second, again_s) = where["c"]
    assert {first, second} == {"n1", "n2"}
    assert start_s == again_s


def test_without_a_tool_in_stock_the_visit_is_left_out_with_that_reason() -> None:
    said = consultation(category_code="W03", received_at=BEFORE)
    plan = planned(prepared([known("a", consultation=said)]))
    (left,) = plan.unassigned
    assert left.reason is UnassignedReason.NO_TOOL


# -- what comes first ------------------------------------------------------------------


def test_work_of_the_same_day_is_done_in_turn_with_its_gap(
    searching: PortfolioSolver,
) -> None:
    day = prepared([waiting("b", gap_min=30), known("a", 2)])
    assert day.problem.visits_by_id["b"].after == (After(visit_id="a", gap_s=1_800),)
    plan = planned(day, searching)
    stops = {stop.visit_id: stop for _, _, stop in plan.stops()}
    assert stops["b"].start_s >= stops["a"].end_s + 1_800


def test_what_waits_for_undone_work_is_left_out_and_whatever_waits_for_that() -> None:
    open_one = EarlierWork(chart=known("a", number="R8-27127-000001"))
    day = prepared([waiting("c", after="b"), waiting("b")], [open_one])
    assert day.problem.visits == ()
    told = sentences(day)
    assert told["b"] == "先に行う「分類R01」(R8-27127-000001)が済んでいません。"
    assert told["c"] == "先に行う相談が済んでいません。"  # nothing was looked up of b
    assert {one.visit_id for one in planned(day).unassigned} == {"b", "c"}


def test_done_work_frees_the_visit_once_the_gap_is_over() -> None:
    free = prepared([waiting("b")], [done()])
    assert free.problem.visits_by_id["b"].release_s == 0
    assert free.problem.visits_by_id["b"].after == ()
    today = prepared([waiting("b", gap_min=45)], [done(ended_at=moment("9:30"))])
    assert today.problem.visits_by_id["b"].release_s == at("10:15")
    yesterday = done(ended_at=moment("9:30", DAY - dt.timedelta(days=1)))
    over = prepared([waiting("b", gap_min=45)], [yesterday])
    assert over.problem.visits_by_id["b"].release_s == 0


def test_a_gap_of_days_is_over_on_its_day_and_not_the_day_before() -> None:
    ended = [done(ended_at=moment("16:00", DAY - dt.timedelta(days=7)))]
    (one,) = prepared([waiting("b", gap_days=7)], ended).problem.visits
    assert one.release_s == 0
    late = prepared([waiting("b", gap_days=8)], ended)
    assert late.problem.visits == ()
    assert "11月25日から行えます" in sentences(late)["b"]


def test_days_must_lie_between_so_both_are_never_of_one_day() -> None:
    day = prepared([known("a"), waiting("b", gap_days=1)])
    assert [one.id for one in day.problem.visits] == ["a"]
    assert "1日後から行えます" in sentences(day)["b"]


def test_a_stop_under_way_counts_with_the_end_that_the_plan_gives_it() -> None:
    first = prepared([known("a")])
    in_force = planned(first)
    ((_, _, stop),) = in_force.stops()
    now_s = stop.start_s + 60
    charts = [known("a", status=ChartStatus.PLANNED), waiting("b", gap_min=30)]
    earlier = [EarlierWork(chart=charts[0])]
    day = prepared(charts, earlier, in_force=in_force, now_s=now_s)
    (one,) = day.problem.visits
    assert (one.id, one.release_s) == ("b", stop.end_s + 1_800)
    days_between = [charts[0], waiting("b", gap_days=1)]
    tomorrow = prepared(days_between, earlier, in_force=in_force, now_s=now_s)
    assert "11月25日から行えます" in sentences(tomorrow)["b"]


# -- the running day -------------------------------------------------------------------


def test_tools_and_pieces_of_stops_under_way_are_out_with_their_team() -> None:
    said = consultation(category_code="W03", received_at=BEFORE)
    stated = SiteConditions(tools=("lift",), materials=(("合材", 3),))
    one = known("a", consultation=said, conditions=stated)
    truck = Vehicle(name="2t", load_kg=500, materials=(("合材", 5),))
    teams = [replace(team, vehicle=truck) for team in town().teams]
    rules: dict[str, Any] = {"teams": teams, "tools": (("jetter", 1), ("lift", 1))}
    in_force = planned(prepared([one], **rules))
    ((route, _, stop),) = in_force.stops()
    day = prepared([one], in_force=in_force, now_s=stop.start_s, **rules)
    (out,) = [t for t in day.problem.team_days if t.team.id == route.team_id]
    assert out.committed_tools == {"jetter", "lift"}
    assert out.pieces_left("合材") == 2  # 5 on board, 3 for the stop under way


def test_when_one_of_two_teams_has_set_off_the_other_is_bound_too() -> None:
    both = known("c", 9, conditions=SiteConditions(num_teams=2))
    near = known("a", 1)
    day = prepared([both, near])
    solver = GreedySolver(orders=((1, 0), (0,), (), ()), starts={0: at("11:00")})
    in_force = plan_day(day, solver, PARAMS, silent).plan
    routes = {route.team_id: route for route in in_force.routes}
    # n2 drives straight to c; n1 is still at a, or has not left at all
    now_s = routes["n2"].depart_s + 60
    again = prepared([both, near], in_force=in_force, now_s=now_s)
    committed = {
        one.team.id: [stop.visit_id for stop in one.committed]
        for one in again.problem.team_days
    }
    assert committed["n2"] == ["c"]
    assert committed["n1"] == ["a", "c"]
    assert again.problem.visits == ()
    assert {stop.visit_id for _, _, stop in planned(again).stops()} == {"a", "c"}
