"""Hypothesis strategies for days with every rule in them, and plans told truthfully."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks_score import counted_score
from dispatch.domain.plan import (
    Plan,
    Route,
    Stop,
    Unassigned,
    UnassignedReason,
    level_of_legs,
)
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import MobileTeam, Vehicle
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow, Visit
from tests.builders import DAY, LUNCH, MIN, NO_SCORE, YARD, at, shift
from tests.strategies import matrices, minutes

OFFICES = ("north", "south")
CATEGORIES = ("R01", "R05")
ASPHALT, CONES = "合材", "コーン"
LIFT, PUMP = "高所作業車", "排水ポンプ"

# Visit indices of each team with the moment at which service begins, in driving order.
Starts = Sequence[Sequence[tuple[int, int]]]

pieces = st.dictionaries(
    st.sampled_from((ASPHALT, CONES)), st.integers(0, 4), max_size=2
).map(lambda counts: tuple(sorted(counts.items())))
tool_sets = st.frozensets(st.sampled_from((LIFT, PUMP)), max_size=1)
seldom = st.integers(0, 8).map(lambda number: number == 8)


@st.composite
def rich_teams(draw: st.DrawFn, team_id: str, *, lunch: bool) -> MobileTeam:
    """Draw a team whose vehicle, skills and own minutes of work differ."""
    vehicle = Vehicle(
        name="車",
        load_kg=300,
        materials=draw(pieces),
        width_cm=draw(st.sampled_from((None, 148, 170))),
        vehicle_class=draw(st.sampled_from(("軽", "普通"))),
    )
    own = st.tuples(st.sampled_from(CATEGORIES), minutes(10, 60)).map(
        lambda pair: (pair,)
    )
    return MobileTeam(
        id=team_id,
        office_id=draw(st.sampled_from(OFFICES)),
        name=team_id,
        letter="A",
        vehicle=vehicle,
        crew_size=draw(st.integers(1, 3)),
        skills=draw(st.sampled_from((frozenset(), frozenset({"sewer"})))),
        base=YARD,
        shift=shift(
            lunch=LUNCH if lunch else None,
            end_s=draw(st.sampled_from((at("14:00"), at("17:30")))),
            overtime_max_s=draw(st.sampled_from((0, 30 * MIN))),
        ),
        service_times=draw(st.just(()) | own),
    )


@st.composite
def rich_team_days(draw: st.DrawFn, member: MobileTeam, node: int) -> TeamDay:
    """Draw a team at its yard, or one that has done its first stop there."""
    plain = TeamDay(
        team=member,
        start_node=node,
        end_node=node,
        free_from_s=member.shift.start_s,
        work_before_s=draw(minutes(0, 600)),
    )
    if not draw(seldom):
        return plain
    free_s = member.shift.start_s + draw(minutes(30, 90))
    out = Stop(
        visit_id=f"{member.id}-out",
        arrive_s=free_s - 20 * MIN,
        start_s=free_s - 20 * MIN,
        end_s=free_s,
        drive_s=10 * MIN,
        drive_m=4_000,
    )
    return replace(
        plain,
        free_from_s=free_s,
        committed=(out,),
        committed_load_kg=draw(st.sampled_from((0, 100, 400))),
        committed_materials=draw(pieces),
        committed_tools=draw(tool_sets),
        departed_s=member.shift.start_s,
    )


@st.composite
def spans(draw: st.DrawFn, low: int, high: int) -> tuple[int, int]:
    """Draw the two ends of a span of the day, 1-3 hours long."""
    start_s = draw(minutes(low, high))
    return start_s, start_s + draw(minutes(60, 180))


@st.composite
def rich_visits(
    draw: st.DrawFn, visit_id: str, team_ids: Sequence[str], before: Sequence[str]
) -> Visit:
    """Draw work with a few of all demands; `before` are ids that it may wait for."""
    due_s = draw(st.none() | minutes(8 * 60, 14 * 60))
    waits = st.sampled_from(before).flatmap(
        lambda other: minutes(0, 60).map(
            lambda gap_s: (After(visit_id=other, gap_s=gap_s),)
        )
    )
    day = (8 * 60, 15 * 60)
    promised = spans(*day).map(lambda span: TimeWindow(start_s=span[0], end_s=span[1]))
    shut = spans(*day).map(lambda span: ForbiddenHours(start_s=span[0], end_s=span[1]))
    return Visit(
        id=visit_id,
        category_code=draw(st.sampled_from(CATEGORIES)),
        urgency=draw(st.sampled_from(tuple(Urgency))),
        place=YARD,
        service_s=draw(minutes(5, 60)),
        office_id="north",
        allowed_office_ids=frozenset({"north"} if draw(seldom) else OFFICES),
        skills=frozenset({"sewer"}) if draw(seldom) else frozenset(),
        crew=2 if draw(seldom) else 1,
        num_teams=draw(st.sampled_from((1, 1, 2))),
        load_kg=100 if draw(seldom) else 0,
        materials=draw(pieces) if draw(seldom) else (),
        tools=draw(tool_sets),
        max_width_cm=150 if draw(seldom) else None,
        vehicle_classes=frozenset({"軽"}) if draw(seldom) else frozenset(),
        release_s=draw(minutes(0, 12 * 60)) if draw(seldom) else 0,
        due_s=due_s,
        hard_due=due_s is not None and draw(seldom),
        windows=tuple(draw(st.lists(promised, max_size=2))) if draw(seldom) else (),
        forbidden=tuple(draw(st.lists(shut, max_size=2))) if draw(seldom) else (),
        after=draw(waits) if bool(before) and draw(st.booleans()) else (),
        team_id=draw(st.sampled_from(team_ids)) if draw(seldom) else None,
        start_between=draw(promised) if draw(seldom) else None,
        district_id=draw(st.sampled_from((None, "d1", "d2"))),
    )


@st.composite
def rich_problems(
    draw: st.DrawFn, *, max_visits: int = 7, lunch: bool = True
) -> DayProblem:
    """Draw two or three teams and a few visits that want everything there is."""
    team_ids = [f"t{index}" for index in range(draw(st.integers(2, 3)))]
    team_days = [
        draw(rich_team_days(draw(rich_teams(team_id, lunch=lunch)), node))
        for node, team_id in enumerate(team_ids)
    ]
    ids = [f"v{index}" for index in range(draw(st.integers(1, max_visits)))]
    others = ["gone", *(stop.visit_id for day in team_days for stop in day.committed)]
    first = len(team_ids)
    return DayProblem(
        date=DAY,
        visits=tuple(
            draw(rich_visits(visit_id, team_ids, [*others, *ids[:index]]))
            for index, visit_id in enumerate(ids)
        ),
        team_days=tuple(team_days),
        travel=draw(matrices(first + len(ids), cut_off=False)),
        visit_nodes=tuple(range(first, first + len(ids))),
        tools=((LIFT, draw(st.integers(0, 2))), (PUMP, 1)),
    )


def plan_at(problem: DayProblem, starts: Starts) -> Plan:
    """
    Tell truthfully what teams do that begin work at these moments, legal or not.

    For days without lunch. Teams leave as soon as they are free; who is in no route is
    left out.
    """
    routes = tuple(
        route_at(problem, day, going)
        for day, going in zip(problem.team_days, starts, strict=True)
    )
    going_to = {index for going in starts for index, _ in going}
    plan = Plan(
        date=problem.date,
        routes=routes,
        unassigned=tuple(
            Unassigned(visit_id=one.id, reason=UnassignedReason.NO_TIME, sentence="")
            for index, one in enumerate(problem.visits)
            if index not in going_to
        ),
        score=NO_SCORE,
        travel_level=level_of_legs(routes, without_legs=problem.travel.level),
        seed=1,
    )
    return replace(plan, score=counted_score(problem, plan))


def route_at(
    problem: DayProblem, day: TeamDay, going: Sequence[tuple[int, int]]
) -> Route:
    """Tell one team's drives and work, from where it is free to its end."""
    travel, here, free_s = problem.travel, day.start_node, day.free_from_s
    stops = list(day.committed)
    for index, start_s in going:
        one, there = problem.visits[index], problem.visit_nodes[index]
        drive_s = travel.drive_s(here, there, free_s)
        stops.append(
            Stop(
                visit_id=one.id,
                arrive_s=free_s + drive_s,
                start_s=start_s,
                end_s=start_s + service_of_s(day.team, one),
                drive_s=drive_s,
                drive_m=travel.drive_m(here, there, free_s),
                late_s=max(0, start_s - (start_s if one.due_s is None else one.due_s)),
                drive_level=travel.leg_level(here, there),
            )
        )
        here, free_s = there, stops[-1].end_s
    home_s = travel.drive_s(here, day.end_node, free_s) if stops else 0
    return Route(
        team_id=day.team.id,
        stops=tuple(stops),
        depart_s=day.free_from_s,
        return_s=free_s + home_s,
        return_drive_s=home_s,
        return_drive_m=travel.drive_m(here, day.end_node, free_s),
        lunch_start_s=None,
        lunch_end_s=None,
        overtime_s=max(0, free_s + home_s - day.team.shift.end_s),
        return_drive_level=travel.leg_level(here, day.end_node),
    )


def service_of_s(member: MobileTeam, one: Visit) -> int:
    """Seconds of work: the first own time of the category, else that of the visit."""
    own = [s for code, s in member.service_times if code == one.category_code]
    return own[0] if own else one.service_s
