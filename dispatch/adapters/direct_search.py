"""A search by given weights in warm processes, for measuring the planner."""

from __future__ import annotations

from typing import Self

from dispatch.adapters.portfolio_solver import PortfolioSolver
from dispatch.domain.levels import SearchWeights
from dispatch.domain.problem import DayProblem
from dispatch.ports import Progress, SearchOutcome, SearchParams


class DirectSearch:
    """
    The planner's search, judged by its weights instead of the levels.

    Parameters
    ----------
    processes
        Solving processes.
    """

    def __init__(self, processes: int = 1) -> None:
        self._solver = PortfolioSolver(processes)

    def warm(self) -> Self:
        """Start the processes and wait until they are ready."""
        self._solver.warm().await_ready()
        return self

    def search(
        self, problem: DayProblem, *, weights: SearchWeights, seconds: float, seed: int
    ) -> SearchOutcome:
        """Search for some seconds of wall time."""

        def quiet(_: Progress) -> None:
            """Nobody listens."""

        params = SearchParams(time_limit_s=seconds, seed=seed)
        return self._solver.search_by(problem, weights, params, quiet)

    def close(self) -> None:
        """End the processes."""
        self._solver.close()
