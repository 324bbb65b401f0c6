"""The day's problem out of open charts, teams and the plan in force."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatch.domain.assignment import SharingPolicy, allowed_offices
from dispatch.domain.bundling import with_bundles
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Catalogue, Duty
from dispatch.domain.deadlines import wall_seconds
from dispatch.domain.levels import DEFAULT_LEVELS, Level
from dispatch.domain.life_cycle import BEYOND_PLANNING
from dispatch.domain.place import LonLat, WorksOffice
from dispatch.domain.plan import (
    Plan,
    Route,
    Stop,
    Unassigned,
    UnassignedReason,
)
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order
from dispatch.domain.site_conditions import SiteConditions
from dispatch.domain.team import HORIZON_MAX_S, MobileTeam
from dispatch.domain.told_plan import orders_of, starts_in
from dispatch.domain.travel import TravelMatrix
from dispatch.domain.visit import TimeWindow, Visit
from dispatch.earlier_work import EarlierWork, Turns
from dispatch.ports import (
    TravelTimes,
)

NEVER_DUE_S = HORIZON_MAX_S  # a deadline further off does not steer a plan


@dataclass(frozen=True, slots=True, kw_only=True)
class DayInput:
    """
    What a day is planned from: the city's people and rules, and the open charts.

    `tools` is the stock of shared tools, `skill_names` names skills and tools;
    `earlier` holds what charts wait for, by id.
    """

    date: dt.date
    timezone: dt.tzinfo
    offices: Sequence[WorksOffice]
    teams: Sequence[MobileTeam]
    catalogue: Catalogue
    sharing: SharingPolicy
    charts: Sequence[CaseChart]
    skill_names: Mapping[str, str] = field(default_factory=dict)
    now_s: int = 0  # seconds after midnight of the date; nothing before it is planned
    in_force: Plan | None = None
    levels: tuple[Level, ...] = DEFAULT_LEVELS
    work_before_s: Mapping[str, int] = field(default_factory=dict)  # by team
    bundle_m: float = 0.0  # places so close are one stop; 0: none are
    walk_m_per_s: float = 1.0
    tools: tuple[tuple[str, int], ...] = ()
    earlier: Mapping[str, EarlierWork] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDay:
    """
    A checked problem, what cannot be done yet, and the assignments' first teams.

    `on_hold` are visits that never reach the planner: on legal hold, or waiting for
    other work that is not done that day.
    """

    problem: DayProblem
    on_hold: tuple[Unassigned, ...]
    first_team_ids: Mapping[str, str | None]
    names: Mapping[str, str]
    orders_in_force: tuple[Order, ...] | None = None
    starts_in_force: Mapping[int, int] = field(default_factory=dict)


def prepare_day(day: DayInput, travel_times: TravelTimes) -> PreparedDay:
    """
    Turn open charts into the day's problem.

    Field charts that are placed and assigned become visits; one on legal hold past
    the date is told apart and never reaches the planner, and so does one that waits
    for other work that is not done that day. When a plan is in force and the day has
    begun, stops done, under way or being driven to stay as they are.

    Parameters
    ----------
    day
        Charts, teams, rules and the moment from which to plan.
    travel_times
        Asked once, for all places of the day, from the moment on that is planned.
    """
    places: list[LonLat] = []
    index: dict[LonLat, int] = {}

    def node(place: LonLat) -> int:
        if place not in index:
            index[place] = len(places)
            places.append(place)
        return index[place]

    charts = {chart.id: chart for chart in day.charts}
    fixed = _committed_by_team(day, charts)
    team_days = tuple(
        _team_day(day, team, fixed.get(team.id, ()), charts, node) for team in day.teams
    )
    visits, not_yet = _visits(day, charts, _end_s_by_visit(team_days))
    problem = DayProblem(
        date=day.date,
        visits=tuple(visits),
        team_days=team_days,
        visit_nodes=tuple(node(visit.place) for visit in visits),
        travel=_travel(day, places, travel_times),
        tools=day.tools,
        levels=day.levels,
    )
    return PreparedDay(
        problem=problem,
        orders_in_force=(
            orders_of(problem, day.in_force) if day.in_force is not None else None
        ),
        starts_in_force=(
            starts_in(problem, day.in_force) if day.in_force is not None else {}
        ),
        on_hold=not_yet,
        first_team_ids={
            chart.id: chart.assignment.team_id
            for chart in day.charts
            if chart.assignment is not None
        },
        names={
            **day.skill_names,
            **{office.id: office.name for office in day.offices},
        },
    )


def _visits(
    day: DayInput, charts: Mapping[str, CaseChart], committed_end_s: Mapping[str, int]
) -> tuple[list[Visit], tuple[Unassigned, ...]]:
    """Visits that can be done on the date, and those that cannot yet."""
    offices = {office.id: office for office in day.offices}
    visits: list[Visit] = []
    on_hold: list[Unassigned] = []
    for chart in day.charts:
        if chart.id in committed_end_s or not _is_open_field_work(chart, offices):
            continue
        if chart.hold_until is not None and chart.hold_until > day.date:
            on_hold.append(_held(chart, chart.hold_until))
            continue
        visit = _visit(day, chart, offices)
        if visit is not None:
            visits.append(visit)
    turns = Turns(
        date=day.date,
        timezone=day.timezone,
        catalogue=day.catalogue,
        earlier=day.earlier,
        committed_end_s=committed_end_s,
    )
    ready, waiting = turns.in_turn(visits, charts)
    return ready, (*on_hold, *waiting)


def _travel(
    day: DayInput, places: Sequence[LonLat], travel_times: TravelTimes
) -> TravelMatrix:
    """Ask for the times between all places; those close together are walked."""
    travel = travel_times.matrix(places, at=_planned_from(day))
    if day.bundle_m <= 0:
        return travel
    return with_bundles(
        travel, places, bundle_m=day.bundle_m, walk_m_per_s=day.walk_m_per_s
    )


def _planned_from(day: DayInput) -> dt.datetime:
    """Moment from which the day is planned: its midnight, or now when it has begun."""
    midnight = dt.datetime.combine(day.date, dt.time(), day.timezone)
    return midnight + dt.timedelta(seconds=day.now_s)


def _is_open_field_work(chart: CaseChart, offices: Mapping[str, WorksOffice]) -> bool:
    return (
        chart.duty is Duty.FIELD
        and chart.status not in BEYOND_PLANNING
        and chart.is_mappable
        and chart.assignment is not None
        and chart.assignment.office_id in offices
    )


def _held(chart: CaseChart, until: dt.date) -> Unassigned:
    return Unassigned(
        visit_id=chart.id,
        reason=UnassignedReason.ON_HOLD,
        sentence=f"法定待機中です。{until.month}月{until.day}日から撤去できます。",
    )


def _visit(
    day: DayInput, chart: CaseChart, offices: Mapping[str, WorksOffice]
) -> Visit | None:
    """Visit of a chart on this date; None when it is promised for a later day."""
    assignment, placement = chart.assignment, chart.placement
    if assignment is None or placement is None or placement.place is None:
        return None
    category = day.catalogue.get(chart.category_code)
    received = chart.consultation.received_at
    windows: tuple[TimeWindow, ...] = ()
    appointment = chart.consultation.appointment
    if appointment is not None:
        start = appointment.start_at.astimezone(day.timezone)
        if start.date() > day.date:
            return None
        if start.date() == day.date:
            promised = TimeWindow(
                start_s=wall_seconds(appointment.start_at, day.date, day.timezone),
                end_s=wall_seconds(appointment.end_at, day.date, day.timezone),
            )
            windows = (promised,)
    bound = assignment.by == "dispatcher"
    office = offices[assignment.office_id]
    own = frozenset({office.id})
    plain = Visit(
        id=chart.id,
        category_code=category.code,
        urgency=chart.urgency,
        place=placement.place,
        service_s=category.onsite_s,
        office_id=office.id,
        allowed_office_ids=(
            own if bound else allowed_offices(office, day.sharing, day.offices)
        ),
        skills=category.skills,
        crew=category.crew,
        num_teams=category.num_teams,
        load_kg=category.load_kg,
        tools=category.tools,
        release_s=max(0, wall_seconds(received, day.date, day.timezone)),
        due_s=_due_s(chart.due_at, day),
        windows=windows,
        not_before=chart.hold_until,
        team_id=assignment.team_id if bound else None,
        district_id=placement.district_id or None,
    )
    return _with_conditions(plain, chart.conditions)


def _with_conditions(visit: Visit, conditions: SiteConditions) -> Visit:
    """Add what the site asks for; other hours count on the promised day only."""
    return replace(
        visit,
        num_teams=conditions.num_teams or visit.num_teams,
        tools=visit.tools.union(conditions.tools),
        materials=conditions.materials,
        max_width_cm=conditions.max_width_cm,
        forbidden=conditions.forbidden,
        windows=visit.windows and (*visit.windows, *conditions.windows),
    )


def _due_s(due_at: dt.datetime | None, day: DayInput) -> int | None:
    if due_at is None:
        return None
    seconds = wall_seconds(due_at, day.date, day.timezone)
    return max(0, min(seconds, NEVER_DUE_S))


def _team_day(
    day: DayInput,
    team: MobileTeam,
    committed: tuple[Stop, ...],
    charts: Mapping[str, CaseChart],
    to_node: Callable[[LonLat], int],
) -> TeamDay:
    """One team from the moment it is free, with what it can no longer leave undone."""
    base = to_node(team.base)
    routes = day.in_force.routes if day.in_force is not None else ()
    route = next((r for r in routes if r.team_id == team.id), None)
    shift = team.shift
    if route is None or (day.now_s < route.depart_s and not committed):
        return _fresh_team_day(day, team, base)
    lunch_start_s = _lunch_already(route, committed, day.now_s)
    free_s = max(day.now_s, shift.start_s)
    if committed:
        free_s = max(free_s, committed[-1].end_s)
    if lunch_start_s is not None and shift.lunch is not None:
        lunch_end_s = lunch_start_s + shift.lunch.duration_s
        if lunch_end_s > day.now_s:
            free_s = max(free_s, lunch_end_s)
    last = charts.get(committed[-1].visit_id) if committed else None
    start = base
    if last is not None and last.placement is not None and last.placement.place:
        start = to_node(last.placement.place)
    known = [charts[stop.visit_id] for stop in committed if stop.visit_id in charts]
    categories = [day.catalogue.get(one.category_code) for one in known]
    pieces: Counter[str] = Counter()
    for one in known:
        pieces.update(dict(one.conditions.materials))
    return TeamDay(
        team=team,
        start_node=start,
        end_node=base,
        free_from_s=free_s,
        lunch_start_s=lunch_start_s,
        committed=committed,
        committed_load_kg=sum(category.load_kg for category in categories),
        committed_materials=tuple(sorted(pieces.items())),
        committed_tools=frozenset[str]().union(
            *(category.tools for category in categories),
            *(one.conditions.tools for one in known),
        ),
        departed_s=route.depart_s if committed else None,
        work_before_s=day.work_before_s.get(team.id, 0),
    )


def _fresh_team_day(day: DayInput, team: MobileTeam, base: int) -> TeamDay:
    """Build a team's day with no route; past its nominal lunch it has eaten."""
    now_s = day.now_s
    free_s, lunch = max(now_s, team.shift.start_s), team.shift.lunch
    lunch_start_s: int | None = None
    if lunch is not None and now_s >= lunch.nominal_s:
        lunch_start_s = lunch.nominal_s
        free_s = max(free_s, lunch.nominal_s + lunch.duration_s)
    return TeamDay(
        team=team,
        start_node=base,
        end_node=base,
        free_from_s=free_s,
        lunch_start_s=lunch_start_s,
        work_before_s=day.work_before_s.get(team.id, 0),
    )


def _committed_by_team(
    day: DayInput, charts: Mapping[str, CaseChart]
) -> dict[str, tuple[Stop, ...]]:
    """
    Find what each team can no longer leave undone.

    When one of two teams that begin together has set off, the other is bound too,
    by all that it does before.
    """
    teams = {team.id: team for team in day.teams}
    routes = day.in_force.routes if day.in_force is not None else ()
    own = [route for route in routes if route.team_id in teams]
    fixed = {
        route.team_id: _without_overridden(
            committed_stops(route, day.now_s), teams[route.team_id], charts, day.now_s
        )
        for route in own
    }
    num_before = -1
    while (num := sum(map(len, fixed.values()))) != num_before:
        num_before = num
        bound = {stop.visit_id for stops in fixed.values() for stop in stops}
        for route in own:
            last = max(
                (
                    at
                    for at, stop in enumerate(route.stops, 1)
                    if stop.visit_id in bound
                ),
                default=0,
            )
            if last > len(fixed[route.team_id]):
                fixed[route.team_id] = route.stops[:last]
    return fixed


def _end_s_by_visit(team_days: Sequence[TeamDay]) -> dict[str, int]:
    """When each committed visit ends; of two teams, the later one."""
    ends_s: dict[str, int] = {}
    for day in team_days:
        for stop in day.committed:
            ends_s[stop.visit_id] = max(stop.end_s, ends_s.get(stop.visit_id, 0))
    return ends_s


def committed_stops(route: Route, now_s: int) -> tuple[Stop, ...]:
    """Return the stops done, under way or being driven to at a moment of the day."""
    committed: list[Stop] = []
    leaves_s = route.depart_s
    for stop in route.stops:
        if leaves_s > now_s:
            break
        committed.append(stop)
        leaves_s = stop.end_s
    return tuple(committed)


def _without_overridden(
    committed: tuple[Stop, ...],
    team: MobileTeam,
    charts: Mapping[str, CaseChart],
    now_s: int,
) -> tuple[Stop, ...]:
    """Leave out a stop not begun yet that a dispatcher has given to somebody else."""
    if not committed or committed[-1].start_s <= now_s:
        return committed
    chart = charts.get(committed[-1].visit_id)
    assignment = chart.assignment if chart is not None else None
    if assignment is None or assignment.by != "dispatcher":
        return committed
    elsewhere = assignment.office_id != team.office_id or (
        assignment.team_id is not None and assignment.team_id != team.id
    )
    return committed[:-1] if elsewhere else committed


def _lunch_already(route: Route, committed: Sequence[Stop], now_s: int) -> int | None:
    """Start of the lunch that is taken, begun, or lies before a committed stop."""
    start_s = route.lunch_start_s
    if start_s is None:
        return None
    before_stop = bool(committed) and start_s < committed[-1].start_s
    return start_s if start_s <= now_s or before_stop else None
