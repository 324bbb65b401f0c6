"""Use cases of planning: from charts to a checked plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dispatch.domain.assignment import SharingPolicy, allowed_offices
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Catalogue, Duty
from dispatch.domain.checks import violations
from dispatch.domain.deadlines import wall_seconds
from dispatch.domain.errors import SolverError
from dispatch.domain.explain import feasible_alone, why_unassigned
from dispatch.domain.improve import repaired
from dispatch.domain.place import LonLat, WorksOffice
from dispatch.domain.plan import (
    CUT_SHORT,
    Plan,
    Route,
    Score,
    Stop,
    Unassigned,
    UnassignedReason,
    level_of_legs,
)
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import level_text, worst
from dispatch.domain.visit import TimeWindow, Visit
from dispatch.ports import (
    OnProgress,
    Progress,
    SearchOutcome,
    SearchParams,
    Solver,
    TravelTimes,
)

NEVER_DUE_S = 10 * 86_400
KEPT_DRIVE_FACTOR = 1.15  # driving that stability may cost: a judgement, to be tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class DayInput:
    """What a day is planned from: the city's people and rules, and the open charts."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDay:
    """A checked problem, what is on hold, and the first teams of the assignments."""

    problem: DayProblem
    on_hold: tuple[Unassigned, ...]
    first_team_ids: Mapping[str, str | None]
    names: Mapping[str, str]
    orders_in_force: tuple[Order, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """A plan that passed the checker, with the reason of each moved visit."""

    plan: Plan
    num_feasible: int
    num_violations: int
    reasons: Mapping[str, str] = field(default_factory=dict)


def prepare_day(day: DayInput, travel_times: TravelTimes) -> PreparedDay:
    """
    Turn open charts into the day's problem.

    Field charts that are placed and assigned become visits; one on legal hold past
    the date is told apart and never reaches the planner. When a plan is in force and
    the day has begun, stops done, under way or being driven to stay as they are.

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
    team_days = tuple(_team_day(day, team, charts, node) for team in day.teams)
    committed = {stop.visit_id for one in team_days for stop in one.committed}
    offices = {office.id: office for office in day.offices}
    visits: list[Visit] = []
    on_hold: list[Unassigned] = []
    for chart in day.charts:
        if chart.id in committed or not _is_open_field_work(chart, offices):
            continue
        if chart.hold_until is not None and chart.hold_until > day.date:
            on_hold.append(_held(chart, chart.hold_until))
            continue
        visit = _visit(day, chart, offices)
        if visit is not None:
            visits.append(visit)
    problem = DayProblem(
        date=day.date,
        visits=tuple(visits),
        team_days=team_days,
        visit_nodes=tuple(node(visit.place) for visit in visits),
        travel=travel_times.matrix(places, at=_planned_from(day)),
    )
    return PreparedDay(
        problem=problem,
        orders_in_force=(
            _orders_of(day.in_force, problem) if day.in_force is not None else None
        ),
        on_hold=tuple(on_hold),
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


def _planned_from(day: DayInput) -> dt.datetime:
    """Moment from which the day is planned: its midnight, or now when it has begun."""
    midnight = dt.datetime.combine(day.date, dt.time(), day.timezone)
    return midnight + dt.timedelta(seconds=day.now_s)


def plan_day(
    prepared: PreparedDay, solver: Solver, params: SearchParams, told: OnProgress
) -> PlannedDay:
    """
    Search, place exactly, explain what is left out, and check.

    Raises
    ------
    SolverError
        When the solver fails, or the independent checker finds a broken rule: such a
        plan is never handed on.
    CancelledError
        When a person stopped the search.
    """
    problem = prepared.problem
    outcome = solver.search(problem, params, told)
    told(Progress(step="計画を確かめています", done=1.0))
    scheduler = DayScheduler(problem)
    orders, score, method = _chosen(scheduler, outcome, prepared.orders_in_force)
    routes = tuple(scheduler.route(index, order) for index, order in enumerate(orders))
    served = {index for order in orders for index in order}
    left_out = [i for i in range(len(problem.visits)) if i not in served]
    unassigned = tuple(
        why_unassigned(scheduler, index, routes, prepared.names) for index in left_out
    )
    plan = Plan(
        date=problem.date,
        routes=routes,
        unassigned=(*unassigned, *prepared.on_hold),
        score=score,
        travel_level=level_of_legs(routes, without_legs=problem.travel.level),
        seed=params.seed,
        method=method,
    )
    broken = violations(problem, plan)
    if broken:
        first = broken[0]
        message = f"{len(broken)} rules broken, first: {first.rule} ({first.detail})"
        raise SolverError(message)
    return PlannedDay(
        plan=plan,
        num_violations=len(broken),
        num_feasible=sum(
            index in served or feasible_alone(scheduler, index)
            for index in range(len(problem.visits))
        ),
        reasons=moved_reasons(scheduler, plan, prepared.first_team_ids),
    )


def _chosen(
    scheduler: DayScheduler,
    outcome: SearchOutcome,
    orders_in_force: tuple[Order, ...] | None,
) -> tuple[tuple[Order, ...], Score, str]:
    """
    Keep the plan in force, with what is new put in, unless the search is truly better.

    What is printed and promised is worth more than a few minutes of driving: the
    search wins only when it serves or is in time for more, or drives far less.
    """
    method = outcome.method + (CUT_SHORT if outcome.cut_short else "")
    found = score_of(scheduler, outcome.orders)
    if found is None:
        message = "the solver returned an order that has no legal times"
        raise SolverError(message)
    if orders_in_force is not None:
        kept = tuple(repaired(scheduler, orders_in_force))
        score = score_of(scheduler, kept)
        if (
            score is not None
            and score.promises_key() <= found.promises_key()
            and score.drive_s <= found.drive_s * KEPT_DRIVE_FACTOR
        ):
            return kept, score, "plan in force, new visits inserted"
    return outcome.orders, found, method


def _orders_of(plan: Plan, problem: DayProblem) -> tuple[Order, ...]:
    """Orders of a plan by team day, as far as its visits are in the problem."""
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    routes = {route.team_id: route for route in plan.routes}
    return tuple(
        tuple(
            index_of[stop.visit_id]
            for stop in (routes[day.team.id].stops if day.team.id in routes else ())
            if stop.visit_id in index_of
        )
        for day in problem.team_days
    )


def moved_reasons(
    scheduler: DayScheduler, plan: Plan, first_team_ids: Mapping[str, str | None]
) -> dict[str, str]:
    """Why a visit goes with another team than the assignment's first, by visit id."""
    problem = scheduler.problem
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    team_at = {day.team.id: at for at, day in enumerate(problem.team_days)}
    orders = _orders_of(plan, problem)
    reasons: dict[str, str] = {}
    for route, _, stop in plan.stops():
        first = first_team_ids.get(stop.visit_id)
        if first is None or first == route.team_id or stop.visit_id not in index_of:
            continue
        name = problem.team_days[team_at[route.team_id]].team.name
        if first not in team_at:
            reasons[stop.visit_id] = f"最初の候補の班が出勤していないため、{name}です。"
            continue
        visit = index_of[stop.visit_id]
        first_name = problem.team_days[team_at[first]].team.name
        first_at, own_at = team_at[first], team_at[route.team_id]
        added_s = _added_drive_s(scheduler, first_at, orders[first_at], visit)
        if added_s is None and scheduler.is_cut_off(first_at):
            reasons[stop.visit_id] = (
                f"最初の候補の{first_name}には戻る道がないため、{name}です。"
            )
        elif added_s is None:
            reasons[stop.visit_id] = (
                f"最初の候補の{first_name}にはこの時間の空きがないため、{name}です。"
            )
        else:
            rest = tuple(index for index in orders[own_at] if index != visit)
            own_s = _added_drive_s(scheduler, own_at, rest, visit)
            own_mark = _mark(scheduler, own_at, orders[own_at])
            first_mark = _mark(scheduler, first_at, (*orders[first_at], visit))
            reasons[stop.visit_id] = (
                f"{name}の経路に入れると移動の増加は"
                f"約{round((own_s or 0) / 60)}分{own_mark}、"
                f"最初の候補の{first_name}では"
                f"約{round(added_s / 60)}分{first_mark}です。"
                "全体の期限と移動を比べて決めました。"
            )
    return reasons


def _added_drive_s(
    scheduler: DayScheduler, team_index: int, order: tuple[int, ...], visit: int
) -> int | None:
    """
    Least extra driving when a visit joins an order; None when it fits nowhere.

    By the typical times: on a timed day another departure changes every later drive,
    and what a visit adds would be told with the morning peak in it.
    """
    base = scheduler.timing(team_index, order)
    if base is None or not scheduler.allows(team_index, visit):
        return None
    base_s = scheduler.typical_drive_s(team_index, order)
    longer = [(*order[:at], visit, *order[at:]) for at in range(len(order) + 1)]
    return min(
        (
            scheduler.typical_drive_s(team_index, candidate) - base_s
            for candidate in longer
            if scheduler.timing(team_index, candidate) is not None
        ),
        default=None,
    )


def _mark(scheduler: DayScheduler, team_index: int, order: Order) -> str:
    """Say how the times of an order were found: by the worst of its legs."""
    travel, nodes = scheduler.problem.travel, scheduler.nodes(team_index, order)
    levels = (travel.leg_level(node, node) for node in nodes)
    return f"[{level_text(worst(levels))}]"


def _is_open_field_work(chart: CaseChart, offices: Mapping[str, WorksOffice]) -> bool:
    return (
        chart.duty is Duty.FIELD
        and chart.status is not ChartStatus.DONE
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
    category = day.catalogue.get(chart.consultation.category_code)
    received = chart.consultation.received_at
    window = None
    appointment = chart.consultation.appointment
    if appointment is not None:
        start = appointment.start_at.astimezone(day.timezone)
        if start.date() > day.date:
            return None
        if start.date() == day.date:
            window = TimeWindow(
                start_s=wall_seconds(appointment.start_at, day.date, day.timezone),
                end_s=wall_seconds(appointment.end_at, day.date, day.timezone),
            )
    bound = assignment.by == "dispatcher"
    office = offices[assignment.office_id]
    own = frozenset({office.id})
    return Visit(
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
        load_kg=category.load_kg,
        release_s=max(0, wall_seconds(received, day.date, day.timezone)),
        due_s=_due_s(chart.due_at, day),
        window=window,
        not_before=chart.hold_until,
        team_id=assignment.team_id if bound else None,
    )


def _due_s(due_at: dt.datetime | None, day: DayInput) -> int | None:
    if due_at is None:
        return None
    seconds = wall_seconds(due_at, day.date, day.timezone)
    return max(0, min(seconds, NEVER_DUE_S))


def _team_day(
    day: DayInput,
    team: MobileTeam,
    charts: Mapping[str, CaseChart],
    to_node: Callable[[LonLat], int],
) -> TeamDay:
    """One team from the moment it is free, with what it can no longer leave undone."""
    base = to_node(team.base)
    routes = day.in_force.routes if day.in_force is not None else ()
    route = next((r for r in routes if r.team_id == team.id), None)
    shift = team.shift
    if route is None or day.now_s < route.depart_s:
        return _fresh_team_day(team, base, day.now_s)
    committed = _without_overridden(
        committed_stops(route, day.now_s), team, charts, day.now_s
    )
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
    load_kg = sum(
        day.catalogue.get(charts[stop.visit_id].consultation.category_code).load_kg
        for stop in committed
        if stop.visit_id in charts
    )
    return TeamDay(
        team=team,
        start_node=start,
        end_node=base,
        free_from_s=free_s,
        lunch_start_s=lunch_start_s,
        committed=committed,
        committed_load_kg=load_kg,
        departed_s=route.depart_s if committed else None,
    )


def _fresh_team_day(team: MobileTeam, base: int, now_s: int) -> TeamDay:
    """Build a team's day with no route; past its nominal lunch it has eaten."""
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
    )


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
