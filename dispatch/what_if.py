"""What-if (仮の条件): a copy of the day with something changed, planned beside it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dispatch.domain.catalogue import Urgency
from dispatch.domain.comparison import PlanChanges, compared
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.improve import repaired
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.told_plan import orders_of, starts_in
from dispatch.domain.travel import TravelMatrix
from dispatch.domain.visit import Visit
from dispatch.kept_plan import Found, checked_plan, plan_now, searched
from dispatch.ports import OnProgress, SearchParams, Solver
from dispatch.prepared_day import PreparedDay

KEPT = "the plan as far as it holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamAbsent:
    """A team is not there; what it has done stays done."""

    team_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraTeam:
    """One more team at an office: a copy of one of its teams, from its base on."""

    like_team_id: str
    team_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadClosed:
    """Other travel times: the function gives a day's times with the road closed."""

    travel: Callable[[DayProblem], TravelMatrix]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineRule:
    """
    Another deadline for all visits of one urgency.

    `shift_s` moves it; `hard` says whether it is never missed (None: as it is); a class
    that is `dropped` is not planned at all.
    """

    urgency: Urgency
    shift_s: int = 0
    hard: bool | None = None
    dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtime:
    """Overtime granted to some teams, on top of what they have."""

    team_ids: frozenset[str]
    extra_s: int

    def __post_init__(self) -> None:
        if self.extra_s < 0:
            raise InvalidInputError("extra_s", "残業の追加は0以上が必要です")


Supposition = TeamAbsent | ExtraTeam | RoadClosed | DeadlineRule | Overtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """
    What a plan comes to, as people read it in a table.

    Parameters
    ----------
    served, late, left_out
        Visits by urgency: in a route, of these after they were due, and in none. Stops
        done or under way are not counted.
    drive_s, overtime_s
        Of all teams; driving from the present moment on.
    spread_s
        By office: seconds between the most and the least working team, those of the
        last weeks included.
    """

    served: tuple[tuple[Urgency, int], ...]
    late: tuple[tuple[Urgency, int], ...]
    left_out: tuple[tuple[Urgency, int], ...]
    drive_s: int
    overtime_s: int
    spread_s: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The supposed day beside the real one; nothing of it is stored."""

    plan: Plan
    changes: PlanChanges
    before: Figures
    after: Figures


def what_if(
    prepared: PreparedDay,
    plan: Plan,
    suppositions: Sequence[Supposition],
    solver: Solver,
    params: SearchParams,
    told: OnProgress,
) -> WhatIf:
    """
    Plan a copy of the day under other conditions and compare.

    The search begins with the plan's own orders, as far as they still hold, and they
    are kept unless it is truly better: what changes is due to the other conditions.

    Parameters
    ----------
    prepared, plan
        The real day and its plan.
    suppositions
        What is different; applied one after another.
    solver, params, told
        Who searches, how long, and who is told of it.

    Raises
    ------
    NotFoundError, InvalidInputError
        See `supposed`.
    SolverError, CancelledError
        When the search fails, gives an illegal plan, or is stopped.
    """
    copy = supposed(prepared, suppositions)
    scheduler = DayScheduler(copy.problem, starts_in(copy.problem, plan))
    kept = Found(
        scheduler=scheduler,
        orders=tuple(repaired(scheduler, orders_of(copy.problem, plan))),
        method=KEPT,
    )
    found = searched(copy.problem, kept, solver, params, told)
    after = checked_plan(copy, found, seed=params.seed)
    now = plan_now(prepared, plan)
    days = prepared.problem.team_days
    committed = frozenset(stop.visit_id for day in days for stop in day.committed)
    return WhatIf(
        plan=after,
        changes=compared(
            replace(plan, score=now.score), after, copy.problem, committed=committed
        ),
        before=figures(prepared.problem, now),
        after=figures(copy.problem, after),
    )


def supposed(prepared: PreparedDay, suppositions: Sequence[Supposition]) -> PreparedDay:
    """
    Copy a day with other conditions.

    Raises
    ------
    NotFoundError
        When a supposition names a team that is not on duty.
    InvalidInputError
        When the new team's id is taken, or a change makes no valid day.
    """
    problem = prepared.problem
    for supposition in suppositions:
        problem = _under(problem, supposition)
    # The orders in force are of the real day: here they are numbered otherwise.
    return replace(prepared, problem=problem, orders_in_force=None)


def figures(problem: DayProblem, plan: Plan) -> Figures:
    """Count what a plan comes to; its driving and overtime are those of its score."""
    served: Counter[Urgency] = Counter()
    late: Counter[Urgency] = Counter()
    late_s = {stop.visit_id: stop.late_s for _, _, stop in plan.stops()}
    for visit in problem.visits:
        if visit.id in late_s:
            served[visit.urgency] += 1
            late[visit.urgency] += late_s[visit.id] > 0
    wanted = Counter(visit.urgency for visit in problem.visits)
    return Figures(
        served=tuple((urgency, served[urgency]) for urgency in Urgency),
        late=tuple((urgency, late[urgency]) for urgency in Urgency),
        left_out=tuple((u, wanted[u] - served[u]) for u in Urgency),
        drive_s=plan.score.drive_s,
        overtime_s=plan.score.overtime_s,
        spread_s=_spread_s(problem, plan),
    )


def _spread_s(problem: DayProblem, plan: Plan) -> tuple[tuple[str, int], ...]:
    """Spread of work in each office, counted as the score's balance counts it."""
    routes = {route.team_id: route for route in plan.routes}
    work_s: dict[str, list[int]] = defaultdict(list)
    for day in problem.team_days:
        done_s = sum(stop.drive_s + stop.end_s - stop.start_s for stop in day.committed)
        new_s = routes[day.team.id].work_s - done_s
        work_s[day.team.office_id].append(day.work_before_s + new_s)
    return tuple((office, max(each) - min(each)) for office, each in work_s.items())


def _under(problem: DayProblem, supposition: Supposition) -> DayProblem:
    match supposition:
        case TeamAbsent(team_id=team_id):
            gone = _team_day(problem, team_id)
            days = tuple(day for day in problem.team_days if day is not gone)
            return replace(problem, team_days=days)
        case ExtraTeam():
            extra = _copied(_team_day(problem, supposition.like_team_id), supposition)
            return replace(problem, team_days=(*problem.team_days, extra))
        case RoadClosed(travel=travel):
            return replace(problem, travel=travel(problem))
        case DeadlineRule():
            return _with_deadline(problem, supposition)
        case Overtime():
            return _with_overtime(problem, supposition)


def _copied(day: TeamDay, extra: ExtraTeam) -> TeamDay:
    """Copy a team that has done nothing yet; it begins when the other is free."""
    return TeamDay(
        team=replace(day.team, id=extra.team_id, name=extra.name),
        start_node=day.end_node,
        end_node=day.end_node,
        free_from_s=day.free_from_s,
        lunch_start_s=day.lunch_start_s,
        work_before_s=day.work_before_s,
    )


def _with_deadline(problem: DayProblem, rule: DeadlineRule) -> DayProblem:
    kept = [
        (_under_rule(visit, rule), node)
        for visit, node in zip(problem.visits, problem.visit_nodes, strict=True)
        if not (rule.dropped and visit.urgency is rule.urgency)
    ]
    return replace(
        problem,
        visits=tuple(visit for visit, _ in kept),
        visit_nodes=tuple(node for _, node in kept),
    )


def _under_rule(visit: Visit, rule: DeadlineRule) -> Visit:
    if visit.urgency is not rule.urgency or visit.due_s is None:
        return visit
    hard = visit.hard_due if rule.hard is None else rule.hard
    return replace(visit, due_s=visit.due_s + rule.shift_s, hard_due=hard)


def _with_overtime(problem: DayProblem, granted: Overtime) -> DayProblem:
    for team_id in sorted(granted.team_ids):
        _team_day(problem, team_id)
    return replace(
        problem,
        team_days=tuple(
            _longer(day, granted.extra_s) if day.team.id in granted.team_ids else day
            for day in problem.team_days
        ),
    )


def _longer(day: TeamDay, extra_s: int) -> TeamDay:
    shift = day.team.shift
    longer = replace(shift, overtime_max_s=shift.overtime_max_s + extra_s)
    return replace(day, team=replace(day.team, shift=longer))


def _team_day(problem: DayProblem, team_id: str) -> TeamDay:
    for day in problem.team_days:
        if day.team.id == team_id:
            return day
    raise NotFoundError("team", team_id)
