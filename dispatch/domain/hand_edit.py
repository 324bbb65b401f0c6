"""Edits by hand: the plan after each, what it breaks and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatch.domain.checks import Violation, violations
from dispatch.domain.comparison import PlanChanges, compared
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.plan import Plan, Unassigned
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.domain.told_plan import NO_NAMES, orders_of, starts_in, told_plan
from dispatch.domain.visit import TimeWindow, Visit

LOCK_S = 900  # a lock keeps the start within a quarter of an hour
METHOD = "edited by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """
    Give a visit to a team, or another place in its order.

    `position` counts from 0 among the stops still to come, with the visit taken out.
    `from_team_id` says which of two teams lets a visit of two teams go.
    """

    visit_id: str
    team_id: str
    position: int
    from_team_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder:
    """Put all stops that a team has still to do into another order."""

    team_id: str
    visit_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """Put a visit that the team does not have into its order."""

    visit_id: str
    team_id: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Take a visit out of the plan."""

    visit_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Keep a visit with its team and near its hour, whatever is planned later."""

    visit_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """Let a visit move again; `team_id` is the team that its chart binds it to."""

    visit_id: str
    team_id: str | None = None


Edit = Move | Reorder | Insert | Drop | Lock | Unlock


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedDay:
    """
    A plan under a person's hands.

    Parameters
    ----------
    problem, orders
        What was planned from (with locks), and the orders as they stand.
    base
        The plan that the edits began with; its score is that of the present moment.
    plan
        The plan as it stands, told also where it breaks rules.
    names, on_hold
        For sentences, and visits that must wait for their day.
    violations
        Every rule that it breaks. All are shown; with any, it is never published.
    changes
        What it changes and costs against `base`.
    """

    problem: DayProblem
    orders: tuple[Order, ...]
    base: Plan
    plan: Plan
    names: Mapping[str, str] = field(default_factory=dict)
    on_hold: tuple[Unassigned, ...] = ()
    violations: tuple[Violation, ...] = field(init=False)
    changes: PlanChanges = field(init=False)

    def __post_init__(self) -> None:
        days = self.problem.team_days
        committed = frozenset(stop.visit_id for day in days for stop in day.committed)
        changes = compared(self.base, self.plan, self.problem, committed=committed)
        object.__setattr__(self, "violations", violations(self.problem, self.plan))
        object.__setattr__(self, "changes", changes)

    @property
    def may_be_published(self) -> bool:
        """Whether the plan keeps every rule."""
        return not self.violations


def opened(
    problem: DayProblem,
    plan: Plan,
    *,
    names: Mapping[str, str] = NO_NAMES,
    on_hold: Sequence[Unassigned] = (),
) -> EditedDay:
    """Take a plan into the hands: nothing is changed yet."""
    orders, starts = orders_of(problem, plan), starts_in(problem, plan)
    now = told_plan(problem, orders, starts=starts, names=names, on_hold=on_hold)
    return EditedDay(
        problem=problem,
        orders=orders,
        base=replace(plan, score=now.score),
        plan=replace(now, seed=plan.seed, method=plan.method),
        names=names,
        on_hold=tuple(on_hold),
    )


def edited(day: EditedDay, edit: Edit) -> EditedDay:
    """
    Make one edit.

    Raises
    ------
    NotFoundError
        When there is no such visit or team to plan.
    InvalidInputError
        When the edit makes no sense with the plan as it stands (a position beyond the
        end, a visit that is there already); an edit that breaks a rule makes sense.
    """
    problem, orders = day.problem, day.orders
    if isinstance(edit, Lock | Unlock):
        problem = _with_lock(day, edit)
    else:
        orders = _orders_after(day, edit)
    plan = told_plan(
        problem,
        orders,
        starts=starts_in(problem, day.base),  # an edit taken back leaves no trace
        names=day.names,
        on_hold=day.on_hold,
        method=METHOD,
    )
    return replace(
        day, problem=problem, orders=orders, plan=replace(plan, seed=day.base.seed)
    )


def _orders_after(
    day: EditedDay, edit: Move | Reorder | Insert | Drop
) -> tuple[Order, ...]:
    match edit:
        case Move():
            return _moved(day, edit)
        case Reorder():
            return _reordered(day, edit)
        case Insert():
            return _inserted(day, edit)
        case Drop():
            return _dropped(day, edit)


def _moved(day: EditedDay, edit: Move) -> tuple[Order, ...]:
    visit, team = _visit_at(day, edit.visit_id), _team_at(day, edit.team_id)
    holders = _holders(day, visit)
    if not holders:
        raise InvalidInputError("visit_id", "計画に入っていない訪問は移せません")
    source = team if team in holders else holders[0]
    if edit.from_team_id is not None:
        source = _team_at(day, edit.from_team_id)
        if source not in holders or (team in holders and team != source):
            raise InvalidInputError("from_team_id", "この班からは移せません")
    orders = [*day.orders]
    orders[source] = tuple(index for index in orders[source] if index != visit)
    orders[team] = _with_at(orders[team], visit, edit.position)
    return tuple(orders)


def _reordered(day: EditedDay, edit: Reorder) -> tuple[Order, ...]:
    team = _team_at(day, edit.team_id)
    order = tuple(_visit_at(day, visit_id) for visit_id in edit.visit_ids)
    if sorted(order) != sorted(day.orders[team]):
        raise InvalidInputError(
            "visit_ids", "班の残りの訪問をすべて1回ずつ並べてください"
        )
    return (*day.orders[:team], order, *day.orders[team + 1 :])


def _inserted(day: EditedDay, edit: Insert) -> tuple[Order, ...]:
    visit, team = _visit_at(day, edit.visit_id), _team_at(day, edit.team_id)
    holders = _holders(day, visit)
    if team in holders or len(holders) >= day.problem.visits[visit].num_teams:
        raise InvalidInputError("visit_id", "この訪問はもう計画に入っています")
    orders = [*day.orders]
    orders[team] = _with_at(orders[team], visit, edit.position)
    return tuple(orders)


def _dropped(day: EditedDay, edit: Drop) -> tuple[Order, ...]:
    visit = _visit_at(day, edit.visit_id)
    if not _holders(day, visit):
        raise InvalidInputError("visit_id", "この訪問は計画に入っていません")
    return tuple(
        tuple(index for index in order if index != visit) for order in day.orders
    )


def _with_lock(day: EditedDay, edit: Lock | Unlock) -> DayProblem:
    """Lock or unlock a visit; where it stands in the plan does not change."""
    index = _visit_at(day, edit.visit_id)
    visits = day.problem.visits
    visit = visits[index]
    if isinstance(edit, Lock):
        visit = _locked(day, visit)
    elif visit.start_between is None:
        raise InvalidInputError("visit_id", "この訪問は固定されていません")
    else:
        visit = replace(visit, start_between=None, team_id=edit.team_id)
    return replace(day.problem, visits=(*visits[:index], visit, *visits[index + 1 :]))


def _locked(day: EditedDay, visit: Visit) -> Visit:
    """Bind a visit to its hour and its team; two teams cannot be bound by one name."""
    found = [
        (route.team_id, stop.start_s)
        for route, _, stop in day.plan.stops()
        if stop.visit_id == visit.id
    ]
    if not found:
        raise InvalidInputError("visit_id", "計画に入っていない訪問は固定できません")
    team_id, start_s = found[0]
    hours = TimeWindow(start_s=max(0, start_s - LOCK_S), end_s=start_s + LOCK_S)
    return replace(
        visit,
        team_id=team_id if visit.num_teams == 1 else visit.team_id,
        start_between=hours,
    )


def _with_at(order: Order, visit: int, position: int) -> Order:
    if not 0 <= position <= len(order):
        raise InvalidInputError("position", "順番が班の訪問の数を超えています")
    return (*order[:position], visit, *order[position:])


def _holders(day: EditedDay, visit: int) -> list[int]:
    return [at for at, order in enumerate(day.orders) if visit in order]


def _visit_at(day: EditedDay, visit_id: str) -> int:
    for index, visit in enumerate(day.problem.visits):
        if visit.id == visit_id:
            return index
    raise NotFoundError("visit", visit_id)


def _team_at(day: EditedDay, team_id: str) -> int:
    for index, one in enumerate(day.problem.team_days):
        if one.team.id == team_id:
            return index
    raise NotFoundError("team", team_id)
