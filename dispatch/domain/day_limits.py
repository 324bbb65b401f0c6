"""Limits of a day (限界): what no plan can do better, visit by visit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.travel import FACTOR_STEPS, UNREACHABLE_S, TravelMatrix
from dispatch.domain.tree_bound import Legs

NEVER_S = 1 << 40  # a start that no team can make
Seconds = NDArray[np.int64]


def least_drive_s(travel: TravelMatrix) -> Seconds:
    """
    Seconds that no drive of the day can undercut, whenever it begins.

    Returns
    -------
    ndarray of int64, shape (n, n)
        The quicker of the two networks at the least traffic, rounded down;
        `UNREACHABLE_S` where neither has a way.
    """
    base_s = travel.duration_s
    if travel.restricted is not None:
        base_s = np.minimum(base_s, travel.restricted.duration_s)
    least_step = min(travel.traffic.numbers().steps)
    quickest_s = base_s * least_step // FACTOR_STEPS
    return np.where(base_s >= UNREACHABLE_S, UNREACHABLE_S, quickest_s)


class DayLimits:
    """
    Earliest starts, seconds that a visit takes and seconds that teams have.

    Each visit is looked at as if it were alone in the day: drives are the least of the
    day by any way through the matrix, lunch may be taken anywhere. What is impossible
    here is impossible in every plan; what is possible here need not be.

    Parameters
    ----------
    problem
        The day; nothing in it is changed.
    """

    def __init__(self, problem: DayProblem) -> None:
        self.problem = problem
        self.least_s = least_drive_s(problem.travel)
        days = problem.team_days
        shape = len(days), len(problem.visits)
        self.nodes = np.array(problem.visit_nodes, dtype=np.int64)
        # By team and visit: first and last start, seconds of work, way home after it.
        self.first_s = np.full(shape, NEVER_S, dtype=np.int64)
        self.last_s = np.full(shape, -1, dtype=np.int64)
        self.service_s = np.zeros(shape, dtype=np.int64)
        self._out_s = np.zeros(shape, dtype=np.int64)
        into_s = {
            node: _shortest(self.least_s, node)[self.nodes]
            for node in {day.start_node for day in days}
        }
        out_s = {
            node: _shortest(self.least_s.T, node)[self.nodes]
            for node in {day.end_node for day in days}
        }
        for at, day in enumerate(days):
            self._out_s[at] = out_s[day.end_node]
            self._look_at(at, day, into_s[day.start_node].tolist())

    def _look_at(self, at: int, day: TeamDay, into_s: Sequence[int]) -> None:
        """Fill in the rows of one team."""
        for index, visit in enumerate(self.problem.visits):
            if not visit.allows(day.team):
                continue
            service_s = visit.service_for_s(day.team)
            self.service_s[at, index] = service_s
            out_s = int(self._out_s[at, index])
            until_s = day.team.shift.limit_s - service_s - out_s
            spans = visit.start_spans(service_s, until_s)
            first_s = _first_start(day, into_s[index], service_s, spans)
            if first_s is not None:
                self.first_s[at, index] = first_s
                self.last_s[at, index] = spans[-1][1]

    @cached_property
    def can_serve(self) -> NDArray[np.bool_]:
        """Which team may serve which visit, as far as this view tells."""
        return self.first_s < NEVER_S

    @cached_property
    def earliest_s(self) -> Seconds:
        """First start of each visit; with several teams, when the last can be there."""
        in_order_s = np.sort(self.first_s, axis=0)
        return np.array(
            [
                in_order_s[visit.num_teams - 1, index]
                if visit.num_teams <= len(in_order_s)
                else NEVER_S
                for index, visit in enumerate(self.problem.visits)
            ],
            dtype=np.int64,
        )

    @cached_property
    def feasible(self) -> NDArray[np.bool_]:
        """Visits that some plan may serve."""
        return self.earliest_s < NEVER_S

    @cached_property
    def latest_s(self) -> Seconds:
        """Last start of each visit by any team; -1 when there is none."""
        return np.array(self.last_s.max(axis=0, initial=-1), dtype=np.int64)

    @cached_property
    def work_s(self) -> Seconds:
        """Least seconds of work of one team at each visit."""
        known_s = np.where(self.can_serve, self.service_s, NEVER_S)
        return np.array(known_s.min(axis=0, initial=NEVER_S), dtype=np.int64)

    @cached_property
    def need_s(self) -> Seconds:
        """Least seconds of one team for each visit: the drive to it and the work."""
        days = self.problem.team_days
        starts = np.array([day.start_node for day in days], dtype=np.int64)
        sources = np.concatenate([starts, self.nodes])
        into_s = self.least_s[np.ix_(sources, self.nodes)]
        own = np.arange(len(self.nodes))
        into_s[len(days) + own, own] = UNREACHABLE_S  # not from itself
        least_into_s = into_s.min(axis=0, initial=UNREACHABLE_S)
        return np.array(self.work_s + least_into_s, dtype=np.int64)

    def room_s(self, at: int) -> int:
        """Most seconds that one team can drive to visits and work at them."""
        day = self.problem.team_days[at]
        served = self.can_serve[at]
        if not served.any():
            return 0
        room_s = day.team.shift.limit_s - day.free_from_s
        lunch = day.team.shift.lunch
        if lunch is not None and day.lunch_owed:
            # eaten on the way, or after a return before its latest start
            home_first_s = lunch.latest_start_s - day.free_from_s
            room_s = max(room_s - lunch.duration_s, home_first_s)
        return max(0, room_s - int(self._out_s[at][served].min()))

    @cached_property
    def groups(self) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
        """Teams and feasible visits that have nothing to do with the others."""
        label = list(range(len(self.problem.team_days)))
        for column in self.can_serve.T:
            joined = {label[at] for at in np.flatnonzero(column)}
            label = [min(joined) if one in joined else one for one in label]
        found: dict[int, tuple[list[int], list[int]]] = {}
        for at, one in enumerate(label):
            found.setdefault(one, ([], []))[0].append(at)
        for index in np.flatnonzero(self.feasible).tolist():
            first = int(np.flatnonzero(self.can_serve[:, index])[0])
            found[label[first]][1].append(index)
        return tuple((tuple(teams), tuple(rows)) for teams, rows in found.values())

    def legs(self) -> Legs:
        """
        Least seconds of each leg that a plan serving every feasible visit may have.

        A visit of several teams stands there once for each; `UNREACHABLE_S` is where
        no team can drive so. At least one visit must be feasible.
        """
        days = self.problem.team_days
        rows = [
            index
            for index in np.flatnonzero(self.feasible).tolist()
            for _ in range(self.problem.visits[index].num_teams)
        ]
        served = self.can_serve[:, rows]
        starts = np.array([day.start_node for day in days], dtype=np.int64)
        ends = np.array([day.end_node for day in days], dtype=np.int64)
        from_start_s = self.least_s[np.ix_(starts, self.nodes[rows])]
        to_end_s = self.least_s[np.ix_(self.nodes[rows], ends)].T
        return Legs(
            between_s=self._legs_between(rows),
            from_start_s=np.where(served, from_start_s, UNREACHABLE_S).min(axis=0),
            to_end_s=np.where(served, to_end_s, UNREACHABLE_S).min(axis=0),
            min_routes=self._fewest_routes(rows),
            max_routes=len(days),
        )

    def _fewest_routes(self, rows: Sequence[int]) -> int:
        """Fewest teams whose seconds suffice for the visits; at least one."""
        rooms_s = sorted(map(self.room_s, range(len(self.first_s))), reverse=True)
        filled_s = np.cumsum(np.array(rooms_s[:-1], dtype=np.int64))
        needed_s = int(self.need_s[rows].sum())
        return 1 + int(np.searchsorted(filled_s, needed_s, side="left"))

    def _legs_between(self, rows: Sequence[int]) -> Seconds:
        """Least seconds from visit to visit where one team can be in time for both."""
        legs_s = self.least_s[np.ix_(self.nodes[rows], self.nodes[rows])]
        may = np.zeros(legs_s.shape, dtype=np.bool_)
        for at in range(len(self.problem.team_days)):
            ends_s = self.first_s[at, rows] + self.service_s[at, rows]
            may |= ends_s[:, np.newaxis] + legs_s <= self.last_s[at, rows]
        visits = np.array(rows, dtype=np.int64)
        may &= visits[:, np.newaxis] != visits
        return np.where(may, legs_s, UNREACHABLE_S)

    def rest_drive_s(self) -> int:
        """Least driving when nothing new is served: who is out goes home."""
        travel = self.problem.travel
        return sum(
            int(self.least_s[day.start_node, day.end_node])
            for day in self.problem.team_days
            if day.committed
            # who is cut off stays where it is
            and travel.drive_s(day.start_node, day.end_node, day.free_from_s)
            < UNREACHABLE_S
        )


def _shortest(least_s: Seconds, source: int) -> Seconds:
    """Least seconds from a place to every place, by any way through others."""
    best_s: Seconds = least_s[source]
    while True:
        nearer_s = np.minimum(best_s, (best_s[:, np.newaxis] + least_s).min(axis=0))
        if (nearer_s == best_s).all():
            return best_s
        best_s = nearer_s


def _first_start(
    day: TeamDay, into_s: int, service_s: int, spans: Sequence[tuple[int, int]]
) -> int | None:
    """First start of one visit by one team, lunch before it or after it."""
    lunch = day.team.shift.lunch
    start_s = _in_spans(day.free_from_s + into_s, spans)
    if start_s is None or lunch is None or not day.lunch_owed:
        return start_s
    if day.free_from_s > lunch.latest_start_s:
        return None  # too late for lunch: the team gets nothing new
    if start_s + service_s <= lunch.latest_start_s:
        return start_s
    eaten_s = max(day.free_from_s, lunch.earliest_s) + lunch.duration_s
    driven_s = day.free_from_s + into_s + lunch.duration_s
    return _in_spans(max(eaten_s, driven_s), spans)


def _in_spans(moment_s: int, spans: Sequence[tuple[int, int]]) -> int | None:
    """First moment from one on that lies in a span."""
    return next(
        (max(moment_s, first_s) for first_s, last_s in spans if moment_s <= last_s),
        None,
    )


def least_num_left(needs_s: Sequence[int], room_s: int) -> int:
    """Fewest of some visits that do not fit into seconds, whichever are taken."""
    filled_s = np.cumsum(np.sort(np.array(needs_s, dtype=np.int64)))
    return len(needs_s) - int(np.searchsorted(filled_s, room_s, side="right"))
