"""A plan told for any orders: with legal times, or the times that come nearest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.explain import why_unassigned
from dispatch.domain.plan import Plan, Route, Score, Unassigned, level_of_legs
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import NO_STARTS, DayScheduler, Order, Timing
from dispatch.domain.score import score_of_timings
from dispatch.domain.team import DAY_S, HORIZON_MAX_S
from dispatch.domain.together import linked, starts_of
from dispatch.domain.travel import UNREACHABLE_S, TravelMatrix
from dispatch.domain.visit import TimeWindow, Visit

NO_NAMES: Mapping[str, str] = MappingProxyType({})
MAX_PASSES = 10  # orders that wait for each other in a circle never come to rest


def orders_of(problem: DayProblem, plan: Plan) -> tuple[Order, ...]:
    """Orders of a plan by team day, as far as its visits are in the problem."""
    index_of = {visit.id: index for index, visit in enumerate(problem.visits)}
    stops = {route.team_id: route.stops for route in plan.routes}
    return tuple(
        tuple(
            index_of[stop.visit_id]
            for stop in stops.get(day.team.id, ())
            if stop.visit_id in index_of
        )
        for day in problem.team_days
    )


def starts_in(problem: DayProblem, plan: Plan) -> dict[int, int]:
    """Moments at which a plan begins the visits that are linked with other routes."""
    starts_s = {stop.visit_id: stop.start_s for _, _, stop in plan.stops()}
    return {
        index: starts_s[problem.visits[index].id]
        for index in sorted(linked(problem))
        if problem.visits[index].id in starts_s
    }


def told_plan(
    problem: DayProblem,
    orders: Sequence[Order],
    *,
    starts: Mapping[int, int] = NO_STARTS,
    names: Mapping[str, str] = NO_NAMES,
    on_hold: Sequence[Unassigned] = (),
    method: str = "",
) -> Plan:
    """
    Place orders as they are, also where a rule forbids it.

    Legal orders get their legal times. For one that has none, limits are set aside
    step by step until there are times: the end of the shift and the load, then promised
    times, locks and hard due times, then the hours of lunch, then what bars the way.
    Which rules such a plan breaks, `dispatch.domain.checks.violations` tells.

    Parameters
    ----------
    problem
        The day.
    orders
        Visit indices by team day.
    starts
        Moments of linked visits; they move later where their teams cannot keep them.
    names, on_hold
        For the sentences of visits left out, and visits that must wait for their day.
    method
        How the orders were found.
    """
    strict, placed = _at_rest(problem, orders, starts)
    routes = tuple(
        scheduler.route(team_index, order)
        for team_index, (order, (scheduler, _)) in enumerate(
            zip(orders, placed, strict=True)
        )
    )
    served = {index for order in orders for index in order}
    left_out = tuple(
        why_unassigned(strict, index, routes, names)
        for index in range(len(problem.visits))
        if index not in served
    )
    timings = [timing for _, timing in placed]
    plan = plan_of_routes(
        problem,
        routes,
        unassigned=(*left_out, *on_hold),
        score=score_of_timings(strict, orders, timings),
    )
    return replace(plan, method=method)


def plan_of_routes(
    problem: DayProblem,
    routes: tuple[Route, ...],
    *,
    unassigned: tuple[Unassigned, ...],
    score: Score,
) -> Plan:
    """Put placed routes together to a plan that tells the worst level of its times."""
    return Plan(
        date=problem.date,
        routes=routes,
        unassigned=unassigned,
        score=score,
        travel_level=level_of_legs(routes, without_legs=problem.travel.level),
        seed=0,
    )


_Placed = list[tuple[DayScheduler, Timing]]


def _at_rest(
    problem: DayProblem, orders: Sequence[Order], starts: Mapping[int, int]
) -> tuple[DayScheduler, _Placed]:
    """Place all orders, and again while linked visits have to wait for each other."""
    pinned = dict(starts)
    placer = _Placer(problem, pinned)
    for _ in range(MAX_PASSES):
        timings = [timing for _, timing in placer.placed_all(orders)]
        wanted = _starts_wanted(problem, orders, timings)
        if wanted.items() <= pinned.items():
            break
        pinned |= wanted
        placer = _Placer(problem, pinned)
    return placer.strict, placer.placed_all(orders)


def _starts_wanted(
    problem: DayProblem, orders: Sequence[Order], timings: Sequence[Timing]
) -> dict[int, int]:
    """When each linked visit could begin: its last team is there, others have ended."""
    begins_s = starts_of(problem, orders, timings)
    ends_s: dict[str, int] = {}
    for day, order in zip(problem.team_days, orders, strict=True):
        for index in begins_s.keys() & set(order):
            visit = problem.visits[index]
            end_s = begins_s[index] + visit.service_for_s(day.team)
            ends_s[visit.id] = max(end_s, ends_s.get(visit.id, end_s))
    return {
        index: max(
            [
                start_s,
                *(
                    ends_s[one.visit_id] + one.gap_s
                    for one in problem.visits[index].after
                    if one.visit_id in ends_s
                ),
            ]
        )
        for index, start_s in begins_s.items()
    }


class _Placer:
    """Places orders by the rules, or with as few of them set aside as it takes."""

    def __init__(self, problem: DayProblem, starts: Mapping[int, int]) -> None:
        self.strict = DayScheduler(problem, starts)
        self._problem = problem
        self._starts = starts
        self._schedulers = [self.strict]

    def placed_all(self, orders: Sequence[Order]) -> _Placed:
        """Place the orders of all team days."""
        return [self._placed(at, order) for at, order in enumerate(orders)]

    def _placed(self, team_index: int, order: Order) -> tuple[DayScheduler, Timing]:
        """Return the first scheduler that has times for the order, and the times."""
        for step in range(len(_STEPS) + 1):
            scheduler = self._after(step)
            timing = scheduler.timing(team_index, order)
            if timing is not None:
                return scheduler, timing
        message = f"order of team {team_index} has no times at all"  # pragma: no cover
        raise ValueError(message)  # pragma: no cover - the last step leaves no limit

    def _after(self, step: int) -> DayScheduler:
        while len(self._schedulers) <= step:
            relax = _STEPS[len(self._schedulers) - 1]
            self._problem = relax(self._problem, self._starts)
            # From the second step on a start is a limit of the copy, not a moment.
            starts = self._starts if len(self._schedulers) == 1 else NO_STARTS
            self._schedulers.append(DayScheduler(self._problem, starts))
        return self._schedulers[step]


def _any_length(problem: DayProblem, _starts: Mapping[int, int]) -> DayProblem:
    """Let every team work on for as long as it takes, with whatever load."""
    return replace(
        problem,
        visits=tuple(replace(v, load_kg=0, materials=()) for v in problem.visits),
        team_days=tuple(
            replace(
                _with_shift(day, overtime_max_s=HORIZON_MAX_S),
                committed_load_kg=0,
                committed_materials=(),
            )
            for day in problem.team_days
        ),
    )


def _any_lateness(problem: DayProblem, starts: Mapping[int, int]) -> DayProblem:
    """Let service begin after the last promised time; never before the first."""
    return replace(
        problem,
        visits=tuple(
            _open_ended(visit, starts.get(index, 0))
            for index, visit in enumerate(problem.visits)
        ),
    )


def _open_ended(visit: Visit, from_s: int) -> Visit:
    windows = tuple(sorted(visit.windows, key=lambda window: window.end_s))
    lock = visit.start_between
    return replace(
        visit,
        release_s=max(visit.release_s, from_s),
        windows=(*windows[:-1], *(_endless(window) for window in windows[-1:])),
        start_between=None if lock is None else _endless(lock),
        hard_due=False,
    )


def _endless(window: TimeWindow) -> TimeWindow:
    return TimeWindow(start_s=window.start_s, end_s=max(window.end_s, HORIZON_MAX_S))


def _any_lunch(problem: DayProblem, _starts: Mapping[int, int]) -> DayProblem:
    """Let lunch begin at any time from its first moment on."""
    days = []
    for day in problem.team_days:
        lunch = day.team.shift.lunch
        if lunch is not None:
            late = max(lunch.latest_end_s, HORIZON_MAX_S)
            days.append(_with_shift(day, lunch=replace(lunch, latest_end_s=late)))
        else:
            days.append(day)
    return replace(problem, team_days=tuple(days))


def _any_way(problem: DayProblem, _starts: Mapping[int, int]) -> DayProblem:
    """Let a drive that is not possible take a day, and work begin at any hour."""
    return replace(
        problem,
        travel=_passable(problem.travel),
        visits=tuple(
            replace(
                visit,
                release_s=0,
                windows=(),
                forbidden=(),
                start_between=None,
                after=(),
            )
            for visit in problem.visits
        ),
    )


def _passable(travel: TravelMatrix) -> TravelMatrix:
    closed = travel.restricted
    return replace(
        travel,
        duration_s=_at_most_a_day(travel.duration_s),
        restricted=(
            None
            if closed is None
            else replace(closed, duration_s=_at_most_a_day(closed.duration_s))
        ),
    )


def _at_most_a_day(duration_s: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(duration_s >= UNREACHABLE_S, DAY_S, duration_s)


def _with_shift(day: TeamDay, **changes: object) -> TeamDay:
    shift = replace(day.team.shift, **changes)  # type: ignore[arg-type]
    return replace(day, team=replace(day.team, shift=shift))


_STEPS: tuple[Callable[[DayProblem, Mapping[int, int]], DayProblem], ...] = (
    _any_length,
    _any_lateness,
    _any_lunch,
    _any_way,
)
