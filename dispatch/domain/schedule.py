"""Exact placement: the best legal times for one team's order of visits."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Route, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.travel import UNREACHABLE_S
from dispatch.domain.visit import Visit

CACHE_MAX = 50_000  # timings, some 30 MB; a long search would keep every order it saw
LATE_STEP_S = 900  # lateness counts in 15-minute steps, so no minute outranks a visit

Order = tuple[int, ...]  # visit indices of one team, in driving order


class Timing(NamedTuple):
    """
    Times of one order: when each visit starts, lunch, return, and what it costs.

    `arrives_s` is when the team is at the place, after a lunch taken on that leg.
    """

    starts_s: tuple[int, ...]
    arrives_s: tuple[int, ...]
    lunch_start_s: int | None
    return_s: int
    s_late: int
    promises_late: int
    s_late_steps: int
    late_steps: int
    drive_s: int
    overtime_s: int
    work_s: int

    def cost(self) -> tuple[int, int, int, int, int]:
        """Soft levels of this route alone, in the plan's order of importance."""
        return (
            self.s_late,
            self.promises_late,
            self.s_late_steps,
            self.late_steps,
            self.drive_s + self.overtime_s,
        )


class DayScheduler:
    """
    Places orders of visits exactly: windows, lunch, shift, load, lateness.

    Lunch is tried on every leg where it can begin; a leg is skipped when the visit
    after it ends before lunch may begin anyway, because taking lunch later is then at
    least as good. Timings are cached, since a search asks for the same orders often.

    Parameters
    ----------
    problem
        The day; nothing in it is changed.
    """

    def __init__(self, problem: DayProblem) -> None:
        self.problem = problem
        self._drive_s: list[list[int]] = problem.travel.duration_s.tolist()
        self._visits = problem.visits
        self._nodes = problem.visit_nodes
        self._cache: dict[tuple[int, Order], Timing | None] = {}

    def timing(self, team_index: int, order: Order) -> Timing | None:
        """Best legal times of this order, or None when there are none."""
        key = (team_index, order)
        if key not in self._cache:
            if len(self._cache) >= CACHE_MAX:
                self._cache.clear()
            self._cache[key] = self._place(self.problem.team_days[team_index], order)
        return self._cache[key]

    def allows(self, team_index: int, visit_index: int) -> bool:
        """Whether this team may and can do the visit, time aside."""
        day = self.problem.team_days[team_index]
        return self._visits[visit_index].allows(day.team)

    def _place(self, day: TeamDay, order: Order) -> Timing | None:
        visits = [self._visits[index] for index in order]
        if sum(visit.load_kg for visit in visits) > day.load_left_kg:
            return None
        nodes = [day.start_node, *(self._nodes[i] for i in order), day.end_node]
        legs = [self._drive_s[here][there] for here, there in itertools.pairwise(nodes)]
        if not order and not day.committed:
            legs = [0]
        if max(legs) >= UNREACHABLE_S:
            return None
        if not day.lunch_owed:
            return _drive(day, visits, legs, lunch_leg=None)
        return _best_with_lunch(day, visits, legs)

    def route(self, team_index: int, order: Order) -> Route:
        """
        Turn an order into a route with its committed stops in front.

        Raises
        ------
        ValueError
            When the order has no legal times; ask `timing` first.
        """
        timing = self.timing(team_index, order)
        if timing is None:
            message = f"order of team {team_index} has no legal times"
            raise ValueError(message)
        day = self.problem.team_days[team_index]
        stops = list(day.committed)
        here = day.start_node
        for index, arrive_s, start_s in zip(
            order, timing.arrives_s, timing.starts_s, strict=True
        ):
            visit, there = self._visits[index], self._nodes[index]
            stops.append(
                Stop(
                    visit_id=visit.id,
                    arrive_s=arrive_s,
                    start_s=start_s,
                    end_s=start_s + visit.service_s,
                    drive_s=self._drive_s[here][there],
                    drive_m=int(self.problem.travel.distance_m[here, there]),
                    late_s=visit.late_s(start_s),
                )
            )
            here = there
        moved = bool(stops)
        lunch = day.team.shift.lunch
        lunch_start_s = (
            day.lunch_start_s if day.lunch_start_s is not None else timing.lunch_start_s
        )
        lunch_end_s = None
        if lunch is not None and lunch_start_s is not None:
            lunch_end_s = lunch_start_s + lunch.duration_s
        distance_m = self.problem.travel.distance_m
        return Route(
            team_id=day.team.id,
            stops=tuple(stops),
            depart_s=day.free_from_s if day.departed_s is None else day.departed_s,
            return_s=timing.return_s,
            return_drive_s=self._drive_s[here][day.end_node] if moved else 0,
            return_drive_m=int(distance_m[here, day.end_node]) if moved else 0,
            lunch_start_s=lunch_start_s,
            lunch_end_s=lunch_end_s,
            overtime_s=timing.overtime_s,
        )


def _best_with_lunch(
    day: TeamDay, visits: list[Visit], legs: list[int]
) -> Timing | None:
    """Try lunch on each leg (and after the return) and keep the best."""
    lunch = day.team.shift.lunch
    if lunch is None:  # pragma: no cover - guarded by lunch_owed
        return None
    best: tuple[tuple[object, ...], Timing] | None = None
    clock = day.free_from_s
    for leg in range(len(legs) + 1):
        if clock > lunch.latest_start_s:
            break
        if leg < len(visits):
            visit = visits[leg]
            start_s = max(clock + legs[leg], visit.earliest_start_s())
            finish_s = start_s + visit.service_s
        elif leg == len(visits):
            finish_s = clock + legs[leg]
        else:
            finish_s = clock
        if leg == len(legs) or finish_s > lunch.earliest_s:
            timing = _drive(day, visits, legs, lunch_leg=leg)
            if timing is not None:
                away_s = abs((timing.lunch_start_s or 0) - lunch.nominal_s)
                key = (*timing.cost(), timing.return_s, away_s)
                if best is None or key < best[0]:
                    best = (key, timing)
        clock = finish_s
    return None if best is None else best[1]


def _lunch_on_leg(day: TeamDay, clock: int, drive_s: int) -> tuple[int, int] | None:
    """Start of a lunch taken on this leg and the arrival after it."""
    lunch = day.team.shift.lunch
    if lunch is None or clock > lunch.latest_start_s:
        return None
    if clock >= lunch.earliest_s:
        return clock, clock + lunch.duration_s + drive_s
    arrive_s = clock + drive_s
    if arrive_s <= lunch.latest_start_s:  # drive first, eat there: never later
        start_s = max(arrive_s, lunch.earliest_s)
        return start_s, start_s + lunch.duration_s
    return lunch.earliest_s, lunch.earliest_s + lunch.duration_s + drive_s


def _drive(
    day: TeamDay, visits: list[Visit], legs: list[int], *, lunch_leg: int | None
) -> Timing | None:
    """Walk the order once with lunch on the given leg; None when it breaks a rule."""
    clock = day.free_from_s
    starts: list[int] = []
    arrives: list[int] = []
    lunch_start_s: int | None = None
    for leg, drive_s in enumerate(legs):
        if leg == lunch_leg:
            taken = _lunch_on_leg(day, clock, drive_s)
            if taken is None:
                return None
            lunch_start_s, clock = taken
        else:
            clock += drive_s
        if leg == len(visits):
            break
        visit = visits[leg]
        start_s = max(clock, visit.earliest_start_s())
        if visit.window is not None and start_s > visit.window.end_s:
            return None
        arrives.append(clock)
        starts.append(start_s)
        clock = start_s + visit.service_s
    return_s = clock
    if lunch_leg is not None and lunch_leg == len(legs):
        lunch = day.team.shift.lunch
        if lunch is None or clock > lunch.latest_start_s:
            return None
        lunch_start_s = max(clock, lunch.earliest_s)
    limit_s = day.team.shift.limit_s
    if visits and return_s > limit_s:
        return None  # with no new visit a late return is a fact, not a choice
    drive_total_s = sum(legs)
    # Lateness by urgency, in begun steps.
    late = [
        (visit.urgency, -(-visit.late_s(start_s) // LATE_STEP_S))
        for visit, start_s in zip(visits, starts, strict=True)
        if visit.due_s is not None and start_s > visit.due_s
    ]
    return Timing(
        starts_s=tuple(starts),
        arrives_s=tuple(arrives),
        lunch_start_s=lunch_start_s,
        return_s=return_s,
        s_late=sum(urgency is Urgency.S for urgency, _ in late),
        promises_late=sum(urgency is Urgency.A for urgency, _ in late),
        s_late_steps=sum(steps for urgency, steps in late if urgency is Urgency.S),
        late_steps=sum(steps for urgency, steps in late if urgency is not Urgency.S),
        drive_s=drive_total_s,
        overtime_s=max(0, return_s - day.team.shift.end_s),
        work_s=drive_total_s + sum(visit.service_s for visit in visits),
    )
