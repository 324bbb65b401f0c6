"""A solver in this process that inserts greedily, or answers as it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatch.domain.errors import CancelledError
from dispatch.domain.improve import repaired
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.ports import OnProgress, SearchOutcome, SearchParams


@dataclass(slots=True, kw_only=True)
class GreedySolver:
    """
    Inserts from nothing and into the start, and hands back the better orders.

    Parameters
    ----------
    orders, starts
        Answer that with these orders instead.
    cut_short, cancelled
        The search ends early; it is stopped.
    asked
        Problems and starts of all searches so far.
    """

    orders: tuple[Order, ...] | None = None
    starts: Mapping[int, int] = field(default_factory=dict)
    cut_short: bool = False
    cancelled: bool = False
    asked: list[tuple[DayProblem, tuple[Order, ...]]] = field(default_factory=list)

    def search(
        self,
        problem: DayProblem,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
    ) -> SearchOutcome:
        """Return the told orders, or the better of the inserted ones."""
        del params, on_progress
        if self.cancelled:
            message = "planning was cancelled"
            raise CancelledError(message)
        self.asked.append((problem, tuple(start)))
        return SearchOutcome(
            orders=self._found(problem, start) if self.orders is None else self.orders,
            method="greedy",
            starts=self.starts,
            cut_short=self.cut_short,
        )

    def cancel(self) -> None:
        """Refuse the next search."""
        self.cancelled = True

    def _found(self, problem: DayProblem, start: Sequence[Order]) -> tuple[Order, ...]:
        scheduler = DayScheduler(problem, self.starts)
        nothing = tuple(() for _ in problem.team_days)
        tried = [
            (score.key(problem.levels), tuple(orders))
            for first in (tuple(start) or nothing, nothing)
            if (score := score_of(scheduler, orders := repaired(scheduler, first)))
        ]
        return min(tried)[1]
