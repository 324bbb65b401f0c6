"""A plan and what a search makes of it: kept unless the search is truly better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dispatch.domain.checks import violations
from dispatch.domain.errors import SolverError
from dispatch.domain.levels import Level
from dispatch.domain.plan import CUT_SHORT, Plan, Score
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.told_plan import orders_of, starts_in, told_plan
from dispatch.ports import OnProgress, SearchParams, Solver, WorkStep
from dispatch.prepared_day import PreparedDay

GIVEN = "given: "
INSERTED = "plan in force, new visits inserted"
KEPT_DRIVE_FACTOR = 1.15  # driving that stability may cost: a judgement, to be tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    Legal orders, and how they were found.

    Parameters
    ----------
    scheduler
        Places the orders; it knows the moments of linked visits.
    orders
        Visit indices by team day.
    method
        How they were found, for people who read plans.
    work
        What a search did, if there was one.
    """

    scheduler: DayScheduler
    orders: tuple[Order, ...]
    method: str
    work: tuple[WorkStep, ...] = ()


def given_work(method: str) -> tuple[WorkStep, ...]:
    """Record of a plan whose orders a person gave: there was no search to repeat."""
    return (WorkStep(name=f"{GIVEN}{method}", counts=()),)


def given_method(work: Sequence[WorkStep]) -> str | None:
    """Return the method of a plan whose orders were given; None for a search."""
    if len(work) == 1 and work[0].name.startswith(GIVEN):
        return work[0].name.removeprefix(GIVEN)
    return None


def searched(
    problem: DayProblem,
    kept: Found | None,
    solver: Solver,
    params: SearchParams,
    told: OnProgress,
) -> Found:
    """
    Search, from some orders on if there are any, and keep those unless it is better.

    What is printed is worth some driving: a search wins when it serves or is in time
    for more, or when it does as much and drives far less.

    Raises
    ------
    SolverError
        When the solver fails, or returns orders that have no legal times.
    CancelledError
        When a person stopped the search.
    """
    start = () if kept is None else kept.orders
    outcome = solver.search(problem, params, told, start=start)
    found = Found(
        scheduler=DayScheduler(problem, outcome.starts),
        orders=tuple(outcome.orders),
        method=outcome.method + (CUT_SHORT if outcome.cut_short else ""),
        work=outcome.work,
    )
    new = score_of(found.scheduler, found.orders)
    if new is None:
        message = "the solver returned orders that have no legal times together"
        raise SolverError(message)
    old = None if kept is None else score_of(kept.scheduler, kept.orders)
    if kept is None or old is None or _is_truly_better(new, old, problem.levels):
        return found
    return replace(kept, work=outcome.work)


def _is_truly_better(new: Score, old: Score, levels: Sequence[Level]) -> bool:
    news, olds = new.promises_key(levels), old.promises_key(levels)
    drives_far_less = old.drive_s > new.drive_s * KEPT_DRIVE_FACTOR
    return news < olds or (news == olds and drives_far_less)


def plan_now(prepared: PreparedDay, plan: Plan) -> Plan:
    """
    Tell a plan as it stands now: its orders in the present day, its present worth.

    Where the day has gone on otherwise than planned it may break rules.
    """
    problem = prepared.problem
    now = told_plan(
        problem,
        orders_of(problem, plan),
        starts=starts_in(problem, plan),
        names=prepared.names,
        on_hold=prepared.on_hold,
        method=plan.method,
    )
    return replace(now, seed=plan.seed)


def checked_plan(prepared: PreparedDay, found: Found, *, seed: int) -> Plan:
    """
    Make a plan of legal orders.

    Raises
    ------
    SolverError
        When the independent checker finds a broken rule.
    """
    plan = told_plan(
        prepared.problem,
        found.orders,
        starts=found.scheduler.starts,
        names=prepared.names,
        on_hold=prepared.on_hold,
        method=found.method,
    )
    broken = violations(prepared.problem, plan)
    if broken:
        first = broken[0]
        message = f"{len(broken)} rules broken, first: {first.rule} ({first.detail})"
        raise SolverError(message)
    return replace(plan, seed=seed)
