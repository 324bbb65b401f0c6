"""The exact search of one day in rounds: begin from orders, improve, tell the best."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.adapters.engine.day import DROP, NODE, TYPICAL, engine_input
from dispatch.adapters.engine.insertion import fill
from dispatch.adapters.engine.linked import LinkedVisits
from dispatch.adapters.engine.pool import empty_pool, new_pool
from dispatch.adapters.engine.search import run
from dispatch.adapters.engine.state import COUNT, back_to_best, new_state, restart
from dispatch.adapters.solve_messages import Column
from dispatch.domain.levels import SearchWeights
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order

NEIGHBOURS: Final = 10  # that the unit of heat is the mean detour of
HOT: Final = 1.0  # times the mean drive to a near visit; measured on bench/ families
COLD: Final = 0.02
FRACTION: Final = 1000  # of the way from hot to cold, as it is recorded
NEAR_COLD: Final = 600  # where a search begins that is good already
FIRST_ROUND: Final = 200  # iterations, to learn how fast this day goes
ROUND_S: Final = 0.25  # between two looks at the clock and at who is listening
ROUNDS: Final = 24  # at least, when iterations are given instead of time
ROUND_MAX: Final = 1000  # iterations of such a round: a fraction of a second
COURSES: Final = ((60, 4), (120, 2))  # up to so many visits; measured, see ADR 0013
COURSE_MIN: Final = 1000  # iterations: fewer are not worth a course of their own
RELINK_EVERY: Final = 6  # rounds between two attempts to begin linked visits otherwise


Listener = Callable[[float], None]


class ExactSearch:
    """
    Ruin and recreate on the exact clock, in rounds.

    Parameters
    ----------
    problem
        At least one visit and one team.
    weights
        What is counted.
    seed
        Of every choice by chance.
    """

    def __init__(
        self, problem: DayProblem, weights: SearchWeights, *, seed: int
    ) -> None:
        self._problem = problem
        self._seed = seed % (1 << 32)  # what the compiled choices take
        self.input = engine_input(problem, weights)
        self.day = self.input.day
        self._state = new_state(self.day)
        self._pool = new_pool(self.day, seed=self._seed)
        self._links = LinkedVisits(problem, self.input)
        self._unit = self._mean_near_cost()
        self._rounds = 0
        self._reached = 0  # fraction of the cooling
        self.cut_short = False  # the guard ended it: its limits do not repeat it

    def _mean_near_cost(self) -> float:
        """Cost of the mean drive to a near visit: the unit of heat."""
        nodes = self.day.visit[:, NODE]
        near = nodes[self.day.near[:, :NEIGHBOURS]]
        if near.size == 0:
            return float(self.day.drive_weight)
        mean_s = float(np.mean(self.day.travel[TYPICAL][nodes[:, None], near]))
        return max(1.0, mean_s) * self.day.drive_weight

    @property
    def cost(self) -> int:
        """Cost of the best routes so far."""
        return int(self._state.cost[1])

    def begin(self, orders: Sequence[Order]) -> int:
        """
        Stand at given orders, with what is missing put in where it costs least.

        A stop that makes its route illegal is left out. Returns the cost.
        """
        self._links.forget(self.day)
        self._reached = 0
        rows_of: dict[int, list[int]] = {}
        for row, visit in enumerate(self.input.visit_of):
            rows_of.setdefault(visit, []).append(row)
        state = self._state
        for team in range(len(self.day.team)):
            state.fact[team, COUNT] = 0
            for visit in orders[team] if orders else ():
                if self._links.is_linked(visit) or not rows_of.get(visit):
                    continue
                state.order[team, state.fact[team, COUNT]] = rows_of[visit].pop(0)
                state.fact[team, COUNT] += 1
        restart(self.day, state)
        fill(self.day, state, self._seed)
        self._links.place(self.day, state)
        restart(self.day, state)
        empty_pool(self._pool)
        return self.cost

    def improve(
        self,
        *,
        seconds: float,
        iterations: int | None,
        counts: Sequence[int] | None,
        told: Listener,
        cold_only: bool = False,
    ) -> tuple[int, ...]:
        """
        Take rounds until the time, the iterations or a record is used up.

        Parameters
        ----------
        seconds
            Wall time; the cooling follows it.
        iterations
            In place of the time, which stays as a guard.
        counts
            Record of an earlier search (iterations, from and to fraction of the
            cooling, of each round): do the same again. None: there is none.
        told
            Told the share done after each round.
        cold_only
            Begin near the end of the cooling: what stands there is good already.

        Returns
        -------
        tuple of int
            The record of this one.
        """
        first = NEAR_COLD if cold_only else 0
        if counts is not None:
            for at in range(0, len(counts), 3):
                self._round(*counts[at : at + 3])
                told(at / len(counts))
            return tuple(counts)
        if iterations is not None:
            return self._improve_by(iterations, seconds, first, told)
        return self._improve_for(seconds, first, told)

    def _courses(self, first: int, iterations: int | None) -> int:
        """
        How often the search is cooled down.

        One long course finds what many steps find; on a small day a short one finds it
        too, or ends in a dead end that another course does not.
        """
        if first > 0 or self._links:
            return 1
        visits = len(self.day.visit)
        courses = next((n for most, n in COURSES if visits <= most), 1)
        if iterations is None:
            return courses
        return max(1, min(courses, iterations // COURSE_MIN))

    def _improve_by(
        self, iterations: int, seconds: float, first: int, told: Listener
    ) -> tuple[int, ...]:
        """Take rounds of so many iterations in all, unless the time ends before."""
        courses = self._courses(first, iterations)
        rounds = max(min(ROUNDS, iterations), iterations // ROUND_MAX)
        in_course = max(1, rounds // courses)
        each = iterations // (courses * in_course)
        began = time.monotonic()
        record: list[int] = []
        for at in range(courses * in_course):
            if time.monotonic() - began > seconds:
                self.cut_short = True
                break
            done = at % in_course
            reached, ahead = (
                first + (FRACTION - first) * k // in_course for k in (done, done + 1)
            )
            self._round(each, reached, ahead)
            record += [each, reached, ahead]
            told((at + 1) / (courses * in_course))
        return tuple(record)

    def _improve_for(
        self, seconds: float, first: int, told: Listener
    ) -> tuple[int, ...]:
        """Take rounds for a time, as long as each of them takes a moment."""
        courses = self._courses(first, None)
        began, each_s = time.monotonic(), seconds / courses
        count, record = FIRST_ROUND, list[int]()
        for course in range(courses):
            ends, reached = began + each_s * (course + 1), first
            while (left_s := ends - time.monotonic()) > 0:
                # Where the cooling should be when this round ends.
                spent = 1 - max(0.0, left_s - ROUND_S) / each_s
                ahead = max(reached, first + int((FRACTION - first) * spent))
                started = time.monotonic()
                self._round(count, reached, ahead)
                record += [count, reached, ahead]
                reached = ahead
                now = time.monotonic()
                told(min(1.0, (now - began) / seconds))
                rate = count / max(1e-4, now - started)
                count = max(1, int(rate * min(ROUND_S, max(0.0, ends - now))))
            count = max(count, FIRST_ROUND)
        return tuple(record)

    def _round(self, iterations: int, from_: int, to: int) -> None:
        """Take one round of steps between two fractions of the cooling."""
        hot, cold = (
            HOT * (COLD / HOT) ** (at / FRACTION) * self._unit for at in (from_, to)
        )
        if from_ == 0 and self._reached > 0:
            self._begin_anew()
        self._reached = to
        self._rounds += 1
        if self._links and self._rounds % RELINK_EVERY == 0:
            back_to_best(self.day, self._state)
            if self._links.replace(self.day, self._state):
                empty_pool(self._pool)
        seed = (self._seed * 1_000_003 + self._rounds) % (1 << 32)
        run(self.day, self._state, self._pool, iterations, (hot, cold), seed)

    def _begin_anew(self) -> None:
        """Stand at a greedy plan; the best so far and all routes seen stay."""
        state, cost = self._state, self.cost
        order, count = state.best_order.copy(), state.best_count.copy()
        state.fact[: len(self.day.team), COUNT] = 0
        restart(self.day, state)
        fill(self.day, state, self._seed)
        restart(self.day, state)
        if cost <= self.cost:
            state.cost[1] = cost
            state.best_order[:], state.best_count[:] = order, count

    def take(self, columns: Sequence[Column]) -> int:
        """Stand at routes that were chosen among columns; returns the cost."""
        state = self._state
        state.fact[: len(self.day.team), COUNT] = 0
        for column in columns:
            count = len(column.rows)
            state.order[column.team, :count] = column.rows
            state.fact[column.team, COUNT] = count
        restart(self.day, state)
        return self.cost

    def seen_orders(self) -> tuple[Order, ...] | None:
        """Best orders so far by visit index; None on a day with linked visits."""
        if self._links:
            return None
        return self._orders(self._state.best_order, self._state.best_count)

    def _orders(
        self, order: NDArray[np.int32], count: NDArray[np.int32]
    ) -> tuple[Order, ...]:
        visit_of = self.input.visit_of
        return tuple(
            tuple(visit_of[row] for row in order[team, : count[team]].tolist())
            for team in range(len(self.day.team))
        )

    def best(self) -> tuple[tuple[Order, ...], dict[int, int]]:
        """Best orders by visit index, and when linked visits begin."""
        back_to_best(self.day, self._state)
        self._links.settle(self.day, self._state)
        state = self._state
        orders = self._orders(state.best_order, state.best_count)
        return orders, self._links.starts(self.day, self._state)

    def columns(self) -> list[Column]:
        """Routes of the pool, in the order in which they were seen first."""
        pool = self._pool
        return [
            Column(
                int(pool.team[row]),
                tuple(pool.order[row, : pool.stops[row]].tolist()),
                int(pool.cost[row]),
                int(pool.work_s[row]),
            )
            for row in range(int(pool.used[0]))
        ]

    def columns_for_others(self) -> list[Column]:
        """Routes with no linked visit: one has other hours in another search."""
        is_linked, visit_of = self._links.is_linked, self.input.visit_of
        return [
            column
            for column in self.columns()
            if not any(is_linked(visit_of[row]) for row in column.rows)
        ]

    def drops(self) -> list[int]:
        """Cost of leaving each row out."""
        values: list[int] = self.day.visit[:, DROP].tolist()
        return values
