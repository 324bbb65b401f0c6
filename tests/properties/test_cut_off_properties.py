"""Crews that are out when roads are lost: the day is planned all the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dispatch.domain.checks import violations
from dispatch.domain.plan import Plan, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.travel import UNREACHABLE_S, TravelMatrix
from dispatch.planning import plan_day
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay
from tests.builders import MIN, at, silent
from tests.fake_solver import GreedySolver
from tests.strategies import minutes, problems, timed_matrices

PARAMS = SearchParams(seed=5)


@st.composite
def out_days(draw: st.DrawFn, day: TeamDay, size: int) -> TeamDay:
    """Draw a team that has committed stops and is free somewhere, at some time."""
    count = draw(st.integers(0, 2))
    if not count:
        return day
    free_s = day.team.shift.start_s + draw(minutes(0, 10 * 60))
    stops = [
        Stop(
            visit_id=f"{day.team.id}-{index}",
            arrive_s=free_s - 20 * MIN,
            start_s=free_s - 20 * MIN,
            end_s=free_s,
            drive_s=draw(minutes(0, 60)),
            drive_m=1_000,
        )
        for index in range(count)
    ]
    eaten = day.team.shift.lunch is not None and draw(st.booleans())
    return replace(
        day,
        start_node=draw(st.integers(0, size - 1)),
        free_from_s=free_s,
        lunch_start_s=at("11:30") if eaten else None,
        committed=tuple(stops),
        committed_load_kg=draw(st.integers(0, 600)),
        departed_s=day.team.shift.start_s,
    )


@st.composite
def torn(draw: st.DrawFn, travel: TravelMatrix) -> TravelMatrix:
    """Lose about a third of the ways, each direction by itself."""
    size = len(travel)
    dice = st.lists(st.integers(0, 2), min_size=size * size, max_size=size * size)

    def without(duration_s: np.ndarray) -> np.ndarray:
        lost = np.array(draw(dice)).reshape(size, size) == 0
        np.fill_diagonal(lost, val=False)
        return np.where(lost, UNREACHABLE_S, duration_s)

    closed = travel.restricted
    if closed is not None:
        closed = replace(closed, duration_s=without(closed.duration_s))
    return replace(travel, duration_s=without(travel.duration_s), restricted=closed)


@st.composite
def torn_days(draw: st.DrawFn, *, max_visits: int = 6) -> DayProblem:
    """Draw a running day on torn roads, timed or not."""
    plain = draw(problems(max_visits=max_visits))
    travel = plain.travel
    if draw(st.booleans()):
        travel = draw(timed_matrices(len(travel)))
    return DayProblem(
        date=plain.date,
        visits=plain.visits,
        team_days=tuple(draw(out_days(day, len(travel))) for day in plain.team_days),
        travel=draw(torn(travel)),
        visit_nodes=plain.visit_nodes,
    )


def planned(problem: DayProblem) -> Plan:
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    return plan_day(day, GreedySolver(), PARAMS, silent).plan


@settings(max_examples=150, deadline=None)
@given(problem=torn_days())
def test_a_team_with_nothing_new_has_times_on_any_roads(problem: DayProblem) -> None:
    scheduler = DayScheduler(problem)
    for team_index, day in enumerate(problem.team_days):
        timing = scheduler.timing(team_index, ())
        assert timing is not None
        home_s = problem.travel.drive_s(day.start_node, day.end_node, day.free_from_s)
        lost = bool(day.committed) and home_s >= UNREACHABLE_S
        event("cut off" if lost else "not cut off")
        route = scheduler.route(team_index, ())
        assert route.no_way_back is lost
        assert route.stops == day.committed
        if lost:
            assert (route.return_s, route.return_drive_s) == (day.free_from_s, 0)


@settings(max_examples=120, deadline=None)
@given(problem=torn_days())
def test_every_plan_on_torn_roads_is_legal(problem: DayProblem) -> None:
    plan = planned(problem)
    assert violations(problem, plan) == ()
    for route, day in zip(plan.routes, problem.team_days, strict=True):
        event("cut off" if route.no_way_back else "not cut off")
        if route.no_way_back:
            assert route.stops == day.committed
        assert 0 <= route.return_held_s <= route.return_drive_s
        for stop in route.stops:
            assert 0 <= stop.held_s <= stop.drive_s


@settings(max_examples=200, deadline=None)
@given(
    travel=timed_matrices(3),
    here=st.integers(0, 2),
    there=st.integers(0, 2),
    depart_s=st.integers(0, 26 * 3600),
)
def test_a_wait_ends_with_a_closure_and_the_rest_is_driving_on_the_open_network(
    travel: TravelMatrix, here: int, there: int, depart_s: int
) -> None:
    held_s = travel.held_s(here, there, depart_s)
    event("waits" if held_s else "does not wait")
    if not held_s:
        return
    assert travel.restricted is not None
    assert depart_s + held_s in {end_s for _, end_s in travel.restricted.windows}
    open_s = int(travel.duration_s[here, there])
    driven_s = travel.traffic.drive_s(open_s, depart_s + held_s)
    assert travel.drive_s(here, there, depart_s) == held_s + driven_s
