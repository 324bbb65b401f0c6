"""Visits that wait for another route: two teams at one place, one after another.

Each is given hours that depend on no other route, and the search keeps to them; from
time to time all of them are taken out and begun otherwise.
"""

from __future__ import annotations

from graphlib import TopologicalSorter

import numpy as np

from dispatch.adapters.engine.day import (
    DROP,
    FORBIDDEN,
    LIMIT,
    NEVER_S,
    SERVICE_CLASS,
    EngineDay,
    EngineInput,
    Ints,
)
from dispatch.adapters.engine.insertion import cheapest, insert, take_out
from dispatch.adapters.engine.placing import ILLEGAL
from dispatch.adapters.engine.state import (
    COUNT,
    LEAVE,
    SearchState,
    back_to_best,
    refresh,
    restart,
    routes_cost,
)
from dispatch.domain.problem import DayProblem
from dispatch.domain.together import linked

GRID_S = 900  # between two moments at which two teams may meet


class LinkedVisits:
    """The linked visits of a day, each before those that wait for it."""

    def __init__(self, problem: DayProblem, given: EngineInput) -> None:
        self._visits = problem.visits
        indices = linked(problem)
        self._rows = {
            index: [row for row, visit in enumerate(given.visit_of) if visit == index]
            for index in sorted(indices)
        }
        at = {visit.id: index for index, visit in enumerate(problem.visits)}
        self._waits_for = {
            index: [
                (at[one.visit_id], one.gap_s)
                for one in problem.visits[index].after
                if one.visit_id in at
            ]
            for index in self._rows
        }
        before = {
            index: [other for other, _ in waits]
            for index, waits in self._waits_for.items()
        }
        self._sorted = [
            i for i in TopologicalSorter(before).static_order() if i in self._rows
        ]
        self._free_spans = given.day.spans.copy() if self._rows else given.day.spans

    def __bool__(self) -> bool:
        return bool(self._rows)

    def is_linked(self, visit: int) -> bool:
        """Whether a visit waits for another route, or another for it."""
        return visit in self._rows

    def forget(self, day: EngineDay) -> None:
        """Give no linked visit any hours, so that the search leaves them out."""
        for rows in self._rows.values():
            for row in rows:
                self._close(day, row)

    def _close(self, day: EngineDay, row: int) -> None:
        day.spans[:, row, :, 0] = NEVER_S
        day.spans[:, row, :, 1] = -1

    def _open(self, day: EngineDay, row: int, first_s: int, last_s: Ints | int) -> None:
        """
        Give a row its own hours, as far as they lie between two moments.

        `last_s` may be one moment, or (k, 1) by class of teams that work alike.
        """
        spans = self._free_spans[:, row]
        day.spans[:, row, :, 0] = np.maximum(spans[..., 0], first_s)
        day.spans[:, row, :, 1] = np.minimum(spans[..., 1], last_s)
        empty = day.spans[:, row, :, 0] > day.spans[:, row, :, 1]
        day.spans[:, row, :, 0][empty] = NEVER_S
        day.spans[:, row, :, 1][empty] = -1

    def place(self, day: EngineDay, state: SearchState) -> None:
        """Put every linked visit where it costs least, each after what it waits for."""
        for index in self._sorted:
            first_s = self._first_s(day, state, index)
            if first_s is None:
                continue
            rows = self._rows[index]
            if len(rows) == 1:
                self._open(day, rows[0], first_s, NEVER_S)
                self._put_in(day, state, rows[0])
            else:
                self._meet(day, state, rows, first_s)
            if any(state.team_of[row] < 0 for row in rows):
                self._leave_out(day, state, index)
            else:
                self._hold(day, state, rows, first_s)

    def _first_s(self, day: EngineDay, state: SearchState, index: int) -> int | None:
        """When a visit may begin for the sake of others; None when one is left out."""
        first_s = 0
        for other, gap_s in self._waits_for[index]:
            for row in self._rows[other]:
                team = int(state.team_of[row])
                if team < 0:
                    return None
                end_s = _start_s(day, state, row) + _service_s(day, state, row)
                first_s = max(first_s, end_s + gap_s)
        return first_s

    def _put_in(self, day: EngineDay, state: SearchState, row: int) -> None:
        place = cheapest(day, state, row, 0.0)
        if place.team >= 0:
            insert(day, state, place.team, place.at, row)

    def _hold(
        self, day: EngineDay, state: SearchState, rows: list[int], first_s: int
    ) -> None:
        """
        Keep a visit to hours that end no later than now, whichever team goes.

        A slower team then has to begin earlier, or may not go: others wait for the end.
        """
        start_s = _start_s(day, state, rows[0])
        ends_s = [start_s + _service_s(day, state, row) for row in rows]
        latest_s = max(ends_s) - day.service[:, rows[0], None]
        if len(rows) > 1:  # and all of them begin at that moment
            first_s, latest_s = start_s, np.minimum(latest_s, start_s)
        for row in rows:
            self._open(day, row, first_s, latest_s)
        for row in rows:  # what is kept of the routes knows the wider hours
            refresh(day, state, state.team_of[row])

    def _meet(
        self, day: EngineDay, state: SearchState, rows: list[int], first_s: int
    ) -> None:
        """Let teams begin together at the moment that costs least."""
        least, best_s = ILLEGAL, -1
        for moment_s in self._moments(rows[0], first_s, day):
            cost = self._try_at(day, state, rows, moment_s)
            if cost < least:
                least, best_s = cost, moment_s
            self._take_out(day, state, rows)
        if best_s >= 0:
            self._try_at(day, state, rows, best_s)

    def _moments(self, row: int, first_s: int, day: EngineDay) -> list[int]:
        """Moments to try, a quarter of an hour apart, within what the visit allows."""
        latest_s = int(day.team[:, LIMIT].max())
        moments: set[int] = set()
        for start_s, end_s in self._free_spans[:, row].reshape(-1, 2).tolist():
            low, high = max(start_s, first_s), min(end_s, latest_s)
            moments.update(range(low, high + 1, GRID_S))
        return sorted(moments)

    def _try_at(
        self, day: EngineDay, state: SearchState, rows: list[int], moment_s: int
    ) -> int:
        total = 0
        for row in rows:
            self._open(day, row, moment_s, moment_s)
            place = cheapest(day, state, row, 0.0)
            if place.team < 0 or place.cost >= FORBIDDEN:
                return ILLEGAL
            insert(day, state, place.team, place.at, row)
            total += int(place.cost)
        return total

    def _take_out(self, day: EngineDay, state: SearchState, rows: list[int]) -> None:
        for row in rows:
            if state.team_of[row] >= 0:
                take_out(day, state, row)
            self._close(day, row)

    def _leave_out(self, day: EngineDay, state: SearchState, index: int) -> None:
        """Leave a visit out, and all that wait for it."""
        self._take_out(day, state, self._rows[index])
        for other, waits in self._waits_for.items():
            if any(one == index for one, _ in waits):
                self._leave_out(day, state, other)

    def replace(self, day: EngineDay, state: SearchState) -> bool:
        """Begin all linked visits otherwise; False when that is no better."""
        self.settle(day, state)
        before = int(state.cost[0])
        spans = day.spans.copy()
        for index in reversed(self._sorted):
            self._take_out(day, state, self._rows[index])
        self.place(day, state)
        restart_cost = _cost_now(day, state)
        if restart_cost < before:
            restart(day, state)
            return True
        day.spans[:] = spans
        back_to_best(day, state)
        return False

    def settle(self, day: EngineDay, state: SearchState) -> None:
        """Leave out what is served only in part, and what waits for it."""
        changed = False
        for index in self._sorted:
            rows = self._rows[index]
            lacking = any(state.team_of[row] < 0 for row in rows)
            if lacking and any(state.team_of[row] >= 0 for row in rows):
                self._leave_out(day, state, index)
                changed = True
            served = all(state.team_of[row] >= 0 for row in rows)
            if served and self._first_s(day, state, index) is None:
                self._leave_out(day, state, index)
                changed = True
        if changed:
            restart(day, state)

    def starts(self, day: EngineDay, state: SearchState) -> dict[int, int]:
        """When linked visits begin, by visit index."""
        return {
            index: _start_s(day, state, rows[0])
            for index, rows in self._rows.items()
            if state.team_of[rows[0]] >= 0
        }


def _start_s(day: EngineDay, state: SearchState, row: int) -> int:
    """When service begins at a visit that is in a route."""
    team = int(state.team_of[row])
    count = int(state.fact[team, COUNT])
    at = state.order[team, :count].tolist().index(row)
    return int(state.times[team, LEAVE, at + 1]) - _service_s(day, state, row)


def _service_s(day: EngineDay, state: SearchState, row: int) -> int:
    """Seconds of work of the team that goes there."""
    return int(day.service[day.team[state.team_of[row], SERVICE_CLASS], row])


def _cost_now(day: EngineDay, state: SearchState) -> int:
    """Cost of what stands there, without taking it as the best."""
    left_out = state.team_of < 0
    return int(routes_cost(day, state)) + int(day.visit[left_out, DROP].sum())
