"""Relaxations (条件の緩和): one change of the rules that lets a left-out visit in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.errors import ConflictError
from dispatch.domain.plan import Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import NO_STARTS, DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.together import linked
from dispatch.domain.told_plan import plan_of_routes
from dispatch.domain.trial import with_overtime
from dispatch.domain.visit import TimeWindow, Visit


class RelaxationKind(StrEnum):
    """What is changed, so that a visit can be served today."""

    NOTHING = "nothing"  # it fits as the day is
    MOVE_OVER = "move_over"  # another visit goes to another team
    OVERTIME = "overtime"  # a team may work longer
    UNLOCK = "unlock"  # the dispatcher's team and hours are lifted
    WINDOW = "window"  # another time is promised
    OFFICE = "office"  # a team of another office may go (応援)
    HARD_DUE = "hard_due"  # it may be late
    TOOL = "tool"  # one more of a shared tool
    PERSON = "person"  # a team has one person more
    SWAP_OUT = "swap_out"  # another visit waits for another day
    SKILL = "skill"  # a team can do what it cannot now


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Minutes that asking for a change is worth: once, and for each minute of it."""

    once_min: float
    per_min: float = 0.0


# What a change costs the people who make it, in minutes of a team's time; proposals of
# this project, to be settled with the city. The driving that the change adds is on top.
# "Each minute" is of overtime, of the shift of a promise, of lateness after a hard due
# time, of work that waits for another day.
RELAXATION_COST: Mapping[RelaxationKind, Price] = MappingProxyType(
    {
        RelaxationKind.NOTHING: Price(once_min=0),
        RelaxationKind.MOVE_OVER: Price(once_min=5),  # word to two teams
        RelaxationKind.OVERTIME: Price(
            once_min=10, per_min=1.25
        ),  # paid a quarter more
        RelaxationKind.UNLOCK: Price(once_min=20),  # the dispatcher had a reason
        RelaxationKind.WINDOW: Price(once_min=20, per_min=0.25),  # a call to a resident
        RelaxationKind.OFFICE: Price(once_min=30),  # two offices agree
        RelaxationKind.HARD_DUE: Price(once_min=60, per_min=0.5),
        RelaxationKind.TOOL: Price(once_min=60),  # hire or borrow
        RelaxationKind.PERSON: Price(once_min=90),  # someone from another team
        RelaxationKind.SWAP_OUT: Price(once_min=60, per_min=1.0),
        RelaxationKind.SKILL: Price(once_min=120),  # instruction, equipment
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """New visits of a team, in driving order; what it is committed to is not in it."""

    team_id: str
    visit_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """
    One change that lets a visit in, and where the visit then goes.

    Parameters
    ----------
    kind, visit_id
        What is changed, for which visit.
    team_id, with_team_ids, start_s
        Who then serves it, with which others when it needs several, and when.
    price_min
        What it costs by `RELAXATION_COST`, driving included, in minutes.
    drive_s
        Seconds of driving that the whole plan then has more.
    new_orders
        Orders of the teams that the change touches.
    minutes
        Overtime that is granted, shift of the promise, lateness, or work that waits.
    window
        The time to promise instead.
    other_visit_id, other_team_id
        The visit that makes room, and the team that it goes to, if to any.
    names
        Skills or tools that are missing.
    """

    kind: RelaxationKind
    visit_id: str
    team_id: str
    start_s: int
    price_min: int
    drive_s: int
    new_orders: tuple[NewOrder, ...]
    minutes: int = 0
    window: TimeWindow | None = None
    other_visit_id: str | None = None
    other_team_id: str | None = None
    names: tuple[str, ...] = ()
    with_team_ids: tuple[str, ...] = ()


class Applied(NamedTuple):
    """A day on which a relaxation was granted, with its new orders and moments."""

    problem: DayProblem
    orders: tuple[Order, ...]
    starts: Mapping[int, int]


def applied(
    problem: DayProblem,
    orders: Sequence[Order],
    relaxation: Relaxation,
    *,
    starts: Mapping[int, int] = NO_STARTS,
) -> Applied:
    """
    Grant a relaxation: the changed day, its orders, and moments of linked visits.

    Parameters
    ----------
    problem, orders, starts
        The day and the plan that the relaxation was found for.
    relaxation
        What is granted.

    Raises
    ------
    ConflictError
        When the orders are no longer those that it was found for.
    """
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    new_orders = {new.team_id: new.visit_ids for new in relaxation.new_orders}
    changed = []
    for day, order in zip(problem.team_days, orders, strict=True):
        ids = new_orders.pop(day.team.id, None)
        known = ids is not None and all(visit_id in index_of for visit_id in ids)
        changed.append(tuple(index_of[i] for i in ids or ()) if known else order)
    visit = problem.visits_by_id.get(relaxation.visit_id)
    if visit is None or new_orders or not _fits(problem, orders, changed, relaxation):
        raise ConflictError("提案の後に計画が変わりました。もう一度調べてください。")
    pinned = dict(starts)
    if index_of[visit.id] in linked(problem):
        pinned[index_of[visit.id]] = relaxation.start_s
    return Applied(_granted(problem, visit, relaxation), tuple(changed), pinned)


def _fits(
    problem: DayProblem,
    before: Sequence[Order],
    after: Sequence[Order],
    relaxation: Relaxation,
) -> bool:
    """Whether the new orders hold the visit and all that were served before."""
    counts = Counter(problem.visits[index].id for order in before for index in order)
    visit = problem.visits_by_id[relaxation.visit_id]
    if visit.id in counts:
        return False
    counts[visit.id] = visit.num_teams
    if relaxation.kind is RelaxationKind.SWAP_OUT:
        counts -= Counter([relaxation.other_visit_id or ""])
    return counts == Counter(problem.visits[index].id for o in after for index in o)


def _granted(problem: DayProblem, visit: Visit, relaxation: Relaxation) -> DayProblem:
    """Change the rule that the relaxation is about, and nothing else."""
    day = next(d for d in problem.team_days if d.team.id == relaxation.team_id)
    new_day = _granted_day(day, relaxation)
    stock = dict(problem.tools)
    if relaxation.kind is RelaxationKind.TOOL:
        stock |= {name: stock.get(name, 0) + 1 for name in relaxation.names}
    new = replace(
        problem,
        team_days=tuple(new_day if one is day else one for one in problem.team_days),
        tools=tuple(stock.items()),
    )
    return with_visit(new, _granted_visit(visit, relaxation, day.team.office_id))


def _granted_visit(visit: Visit, relaxation: Relaxation, office_id: str) -> Visit:
    match relaxation.kind:
        case RelaxationKind.OFFICE:
            offices = visit.allowed_office_ids | {office_id}
            return replace(visit, allowed_office_ids=offices)
        case RelaxationKind.WINDOW:
            windows = () if relaxation.window is None else (relaxation.window,)
            return replace(visit, windows=windows)
        case RelaxationKind.HARD_DUE:
            return replace(visit, hard_due=False)
        case RelaxationKind.UNLOCK:
            return unlocked(visit)
        case _:
            return visit


def _granted_day(day: TeamDay, relaxation: Relaxation) -> TeamDay:
    team = day.team
    match relaxation.kind:
        case RelaxationKind.OVERTIME:
            return with_overtime(day, relaxation.minutes * 60)
        case RelaxationKind.PERSON:
            return replace(day, team=replace(team, crew_size=team.crew_size + 1))
        case RelaxationKind.SKILL:
            skills = team.skills.union(relaxation.names)
            return replace(day, team=replace(team, skills=skills))
        case _:
            return day


def unlocked(visit: Visit) -> Visit:
    """Lift the dispatcher's team and hours."""
    return replace(visit, team_id=None, start_between=None)


def with_visit(problem: DayProblem, new: Visit) -> DayProblem:
    """Change one visit of a day."""
    visits = tuple(new if visit.id == new.id else visit for visit in problem.visits)
    return replace(problem, visits=visits)


def is_sound(
    scheduler: DayScheduler, orders: Sequence[Order], relaxation: Relaxation
) -> bool:
    """
    Whether a plan with the relaxation keeps every rule, asked of the checker.

    Nor may it make an S, an A or a promised visit late that is on time now.
    """
    problem, starts = scheduler.problem, scheduler.starts
    done = applied(problem, orders, relaxation, starts=starts)
    after = DayScheduler(done.problem, done.starts)
    score = score_of(after, done.orders)
    if score is None:
        return False
    routes = tuple(after.route(at, order) for at, order in enumerate(done.orders))
    served = {index for order in done.orders for index in order}
    left_out = tuple(
        Unassigned(visit_id=visit.id, reason=UnassignedReason.NO_TIME, sentence="")
        for index, visit in enumerate(problem.visits)
        if index not in served
    )
    plan = plan_of_routes(problem, routes, unassigned=left_out, score=score)
    late = _urgent_late(after, done.orders) - _urgent_late(scheduler, orders)
    return late <= {relaxation.visit_id} and not violations(done.problem, plan)


def is_urgent(visit: Visit) -> bool:
    """Whether a visit is S, A or promised: it makes room for no other."""
    return visit.urgency in {Urgency.S, Urgency.A} or visit.is_promised


def _urgent_late(scheduler: DayScheduler, orders: Sequence[Order]) -> set[str]:
    """Ids of S, A and promised visits that begin after they are due."""
    visits, late = scheduler.problem.visits, set()
    for team_index, order in enumerate(orders):
        timing = scheduler.timing(team_index, order)
        for index, start_s in zip(
            order, timing.starts_s if timing else (), strict=True
        ):
            if is_urgent(visits[index]) and visits[index].late_s(start_s):
                late.add(visits[index].id)
    return late
