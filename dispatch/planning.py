"""Use cases of planning: from the day's problem to a checked plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.domain.explain import feasible_alone
from dispatch.domain.improve import repaired
from dispatch.domain.plan import (
    Plan,
)
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.told_plan import orders_of
from dispatch.domain.travel import level_text, worst
from dispatch.kept_plan import (
    INSERTED,
    Found,
    checked_plan,
    given_method,
    searched,
)
from dispatch.ports import (
    OnProgress,
    Progress,
    SearchParams,
    Solver,
    WorkStep,
)
from dispatch.prepared_day import PreparedDay


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """
    A plan, with what was found out about it.

    Parameters
    ----------
    plan
        From a search it has passed the checker; one made by hand may break rules.
    num_feasible
        Visits that it serves, or that could be served alone.
    num_violations
        Rules that it breaks.
    reasons
        Why a visit goes with another team than the first of its assignment, by id.
    work
        What a search did.
    """

    plan: Plan
    num_feasible: int
    num_violations: int
    reasons: Mapping[str, str] = field(default_factory=dict)
    work: tuple[WorkStep, ...] = ()


def plan_day(
    prepared: PreparedDay, solver: Solver, params: SearchParams, told: OnProgress
) -> PlannedDay:
    """
    Search, place exactly, explain what is left out, and check.

    The plan in force, with what is new put in, stays unless the search is truly better
    (`dispatch.kept_plan.searched`).

    Raises
    ------
    SolverError
        When the solver fails, or the independent checker finds a broken rule: such a
        plan is never handed on.
    CancelledError
        When a person stopped the search.
    """
    problem = prepared.problem
    found = _given(prepared, params)
    if found is None:
        found = searched(problem, _kept(prepared), solver, params, told)
    told(Progress(step="計画を確かめています", done=1.0))
    plan = checked_plan(prepared, found, seed=params.seed)
    return PlannedDay(
        plan=plan,
        num_violations=0,
        num_feasible=num_feasible(found.scheduler, plan),
        reasons=moved_reasons(found.scheduler, plan, prepared.first_team_ids),
        work=found.work,
    )


def _given(prepared: PreparedDay, params: SearchParams) -> Found | None:
    """Return the orders that a person gave, when that is how the plan was made."""
    method, orders = given_method(params.work), prepared.orders_in_force
    if method is None or orders is None:
        return None
    scheduler = DayScheduler(prepared.problem, prepared.starts_in_force)
    return Found(scheduler=scheduler, orders=orders, method=method, work=params.work)


def _kept(prepared: PreparedDay) -> Found | None:
    """Return the plan in force with what is new put in; None when there is no plan."""
    orders = prepared.orders_in_force
    if orders is None:
        return None
    scheduler = DayScheduler(prepared.problem, prepared.starts_in_force)
    return Found(
        scheduler=scheduler,
        orders=tuple(repaired(scheduler, orders)),
        method=INSERTED,
    )


def num_feasible(scheduler: DayScheduler, plan: Plan) -> int:
    """Count the visits that a plan serves, or that could be served alone."""
    served = {stop.visit_id for _, _, stop in plan.stops()}
    return len(served) + sum(
        visit.id not in served and feasible_alone(scheduler, index)
        for index, visit in enumerate(scheduler.problem.visits)
    )


def moved_reasons(
    scheduler: DayScheduler, plan: Plan, first_team_ids: Mapping[str, str | None]
) -> dict[str, str]:
    """Why a visit goes with another team than the assignment's first, by visit id."""
    problem = scheduler.problem
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    team_at = {day.team.id: at for at, day in enumerate(problem.team_days)}
    orders = orders_of(problem, plan)
    reasons: dict[str, str] = {}
    for route, _, stop in plan.stops():
        first = first_team_ids.get(stop.visit_id)
        if first is None or stop.visit_id not in index_of:
            continue
        visit = index_of[stop.visit_id]
        if first in team_at and visit in orders[team_at[first]]:
            continue
        name = problem.team_days[team_at[route.team_id]].team.name
        if first not in team_at:
            reasons[stop.visit_id] = f"最初の候補の班が出勤していないため、{name}です。"
            continue
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
