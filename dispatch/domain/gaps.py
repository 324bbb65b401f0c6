"""Gaps: where one more visit may fit into a team's order, before it is placed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import NEVER_S, DayScheduler, Order, spans_of
from dispatch.domain.team import Lunch
from dispatch.domain.travel import FACTOR_STEPS, UNREACHABLE_S, TravelMatrix
from dispatch.domain.visit import Visit

Leg = Callable[[int, int], int]  # seconds from one row of the travel matrix to another


class Gap(NamedTuple):
    """
    One position in a team's order where a visit may fit.

    Parameters
    ----------
    added_s
        Driving that it adds, by the typical times.
    team_index, at
        The team day, and how many of its visits come before.
    spans
        When its service may begin, both ends inclusive: at no other time does any
        placement keep the rules; inside, the exact placement decides.
    """

    added_s: int
    team_index: int
    at: int
    spans: tuple[tuple[int, int], ...]

    def may_hold(self, spans: tuple[tuple[int, int], ...]) -> bool:
        """Whether service may begin in one of these spans."""
        return any(
            max(first_s, start_s) <= min(last_s, end_s)
            for first_s, last_s in self.spans
            for start_s, end_s in spans
        )


def gaps_for(
    scheduler: DayScheduler, team_index: int, order: Order, visit_index: int
) -> list[Gap]:
    """
    Positions of a team's order at which a visit may fit, whatever its own times.

    Everything here is worked out once and holds for every window that the visit may be
    given. Earliest moments go forward through the order and latest ones backward, both
    with lunch still owed and with lunch eaten. As who leaves later never arrives
    earlier, no placement begins before the earliest or after the latest; holes in the
    times of the others (forbidden hours, several windows) are not looked at.
    """
    problem = scheduler.problem
    day = problem.team_days[team_index]
    nodes, there = scheduler.nodes(team_index, order), problem.visit_nodes[visit_index]
    works = [_work(problem, problem.visits[index], day) for index in order]
    walk = _Walk(day, nodes, works)
    service_s = problem.visits[visit_index].service_for_s(day.team)
    leaving = _earliest_leaving(walk, problem.travel)
    least_s = _least_drives(problem.travel)
    arriving = _latest_arriving(walk, least_s)
    lunch = walk.lunch
    found = []
    for at, (here, onward) in enumerate(itertools.pairwise(nodes)):
        typical_s = scheduler.typical_s
        legs = typical_s[here, there], typical_s[there, onward], typical_s[here, onward]
        if max(legs) >= UNREACHABLE_S:
            continue
        first = _driven(leaving[at], problem.travel, here, there).then_lunch(lunch)
        last = arriving[at].earlier(least_s(there, onward)).lunch_first(lunch)
        last = last.earlier(service_s)
        spans = tuple(
            (start_s, end_s)
            for start_s, end_s in zip(first, last, strict=True)
            if start_s <= end_s
        )
        if spans:
            added_s = int(legs[0] + legs[1] - legs[2])
            found.append(Gap(added_s, team_index, at, spans))
    return found


class _Moments(NamedTuple):
    """A moment for a team that has lunch before it, and for one that has eaten."""

    owed_s: int
    eaten_s: int

    def then_lunch(self, lunch: Lunch | None) -> _Moments:
        """Earliest moments when lunch may also be taken now."""
        if lunch is None or self.owed_s > lunch.latest_start_s:
            return _Moments(NEVER_S, self.eaten_s)
        after_s = max(self.owed_s, lunch.earliest_s) + lunch.duration_s
        return _Moments(self.owed_s, min(self.eaten_s, after_s))

    def lunch_first(self, lunch: Lunch | None) -> _Moments:
        """Latest moments when lunch may also be taken now."""
        if lunch is None or lunch.earliest_s + lunch.duration_s > self.eaten_s:
            return self
        before_s = min(lunch.latest_start_s, self.eaten_s - lunch.duration_s)
        return _Moments(max(self.owed_s, before_s), self.eaten_s)

    def earlier(self, seconds: int) -> _Moments:
        """Moments so much before."""
        return _Moments(self.owed_s - seconds, self.eaten_s - seconds)


class _Work(NamedTuple):
    """When service of a visit may begin at the earliest and latest, and its length."""

    first_s: int
    last_s: int
    service_s: int


class _Walk(NamedTuple):
    """A team, the rows of the matrix it passes, and its visits in order."""

    day: TeamDay
    nodes: tuple[int, ...]
    works: list[_Work]

    @property
    def lunch(self) -> Lunch | None:
        """Lunch that is still to come."""
        return self.day.team.shift.lunch if self.day.lunch_owed else None


def _work(problem: DayProblem, visit: Visit, day: TeamDay) -> _Work:
    service_s = visit.service_for_s(day.team)
    spans = spans_of(problem, visit, service_s)
    if not spans:
        return _Work(NEVER_S, -NEVER_S, service_s)
    return _Work(spans[0][0], spans[-1][1], service_s)


def _driven(moments: _Moments, travel: TravelMatrix, here: int, there: int) -> _Moments:
    """Earliest arrivals of who leaves at the earliest."""
    return _Moments(
        *(
            leave_s + travel.drive_s(here, there, leave_s)
            if leave_s < NEVER_S
            else NEVER_S
            for leave_s in moments
        )
    )


def _earliest_leaving(walk: _Walk, travel: TravelMatrix) -> list[_Moments]:
    """Earliest moments at which each row but the last is left."""
    free_s, lunch = walk.day.free_from_s, walk.lunch
    moments = _Moments(NEVER_S, free_s) if lunch is None else _Moments(free_s, NEVER_S)
    leaving = [moments.then_lunch(lunch)]
    legs = itertools.pairwise(walk.nodes[:-1])
    for (here, there), work in zip(legs, walk.works, strict=True):
        arrive = _driven(leaving[-1], travel, here, there).then_lunch(lunch)
        ends = (
            max(arrive_s, work.first_s) + work.service_s
            if arrive_s <= work.last_s
            else NEVER_S
            for arrive_s in arrive
        )
        leaving.append(_Moments(*ends).then_lunch(lunch))
    return leaving


def _latest_arriving(walk: _Walk, least_s: Leg) -> list[_Moments]:
    """Latest moments to reach each row but the first, so that the rest fits."""
    limit_s, lunch = walk.day.team.shift.limit_s, walk.lunch
    # Lunch after the return begins in its time, too.
    owed_s = -NEVER_S if lunch is None else min(limit_s, lunch.latest_start_s)
    arriving = [_Moments(owed_s, limit_s)]
    legs = itertools.pairwise(walk.nodes[1:])
    for (here, there), work in zip(
        reversed([*legs]), reversed(walk.works), strict=True
    ):
        leave = arriving[-1].earlier(least_s(here, there)).lunch_first(lunch)
        starts = (min(work.last_s, leave_s - work.service_s) for leave_s in leave)
        latest = _Moments(
            *(start_s if start_s >= work.first_s else -NEVER_S for start_s in starts)
        )
        arriving.append(latest.lunch_first(lunch))
    return arriving[::-1]


def _least_drives(travel: TravelMatrix) -> Leg:
    """Seconds that no drive of the day is under, by leg."""
    closed, step = travel.restricted, min(travel.traffic.numbers().steps)

    def least_s(here: int, there: int) -> int:
        base_s = int(travel.duration_s[here, there])
        if closed is not None:
            base_s = min(base_s, int(closed.duration_s[here, there]))
        return base_s * step // FACTOR_STEPS

    return least_s
