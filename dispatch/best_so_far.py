"""A solver whose running search a person may end with the best orders so far."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

from dispatch.domain.errors import CancelledError
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.told_plan import starts_in, told_plan
from dispatch.ports import OnProgress, Progress, SearchOutcome, SearchParams, Solver

TAKEN = "best so far, taken by a person"


class BestSoFarSolver:
    """
    Passes everything on to another solver, and remembers the orders that it tells.

    Parameters
    ----------
    inner
        The solver that searches; its `cancel` ends a search at once.
    """

    def __init__(self, inner: Solver) -> None:
        self._inner = inner
        self._taken = threading.Event()
        self._told = threading.Event()  # there is something to take

    def search(
        self,
        problem: DayProblem,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
    ) -> SearchOutcome:
        """Search within the limits; see `dispatch.ports.Solver`."""
        self._taken.clear()
        self._told.clear()
        best: _Ranked | None = None
        lock = threading.Lock()  # searches side by side tell their orders each

        def told(progress: Progress) -> None:
            nonlocal best
            found = None
            if progress.orders is not None:
                found = _ranked(problem, progress.orders)
            if found is not None:
                with lock:
                    best = found if best is None else min(best, found)
                self._told.set()
                if self._taken.is_set():
                    self._inner.cancel()
            on_progress(progress)

        try:
            return self._inner.search(problem, params, told, start=start)
        except CancelledError:
            if best is None or not self._taken.is_set():
                raise
            return best.outcome(problem)

    def cancel(self) -> None:
        """Stop the running search; nothing is taken."""
        self._taken.clear()
        self._inner.cancel()

    def take_best(self) -> None:
        """End the running search with the best orders so far, or the first to come."""
        self._taken.set()
        if self._told.is_set():
            self._inner.cancel()


class _Ranked(NamedTuple):
    """Legal orders with their levels; the better ones come first."""

    key: tuple[int, ...]
    orders: tuple[Order, ...]

    def outcome(self, problem: DayProblem) -> SearchOutcome:
        """Hand the orders over as a search does."""
        starts = starts_in(problem, told_plan(problem, self.orders))
        return SearchOutcome(
            orders=self.orders, method=TAKEN, starts=starts, cut_short=True
        )


def _ranked(problem: DayProblem, orders: tuple[Order, ...]) -> _Ranked | None:
    """Judge orders by the problem's levels; None when they are not legal."""
    starts = starts_in(problem, told_plan(problem, orders))
    score = score_of(DayScheduler(problem, starts), orders)
    return None if score is None else _Ranked(score.key(problem.levels), orders)
