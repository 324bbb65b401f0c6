"""One piece of solving work, as a solving process does it from start to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from dispatch.adapters.ortools_model import RoutingDay
from dispatch.domain.improve import improved, repaired
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of

SEARCH_SHARE = 0.6  # of the time guard; the rest is for the exact improvement
PROGRESS_EVERY = 10
BEAT_S = 0.5  # between two signs of life


class Method(StrEnum):
    """How the orders are found."""

    SOFT = "soft"  # lateness costs
    HARD = "hard"  # S and A due times are windows; a visit may be dropped instead
    EXACT = "exact"  # improvement of given orders only, no OR-Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveTask:
    """What to solve, how, and within which limits."""

    problem: DayProblem
    method: Method
    solution_limit: int
    time_limit_s: float
    iterations: int
    seed: int
    start: tuple[Order, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveResult:
    """Legal orders with their score key, and whether the time guard cut in."""

    orders: tuple[Order, ...]
    key: tuple[int, ...]
    cut_short: bool


def solve(task: SolveTask, told: Callable[[float], None]) -> SolveResult:
    """
    Search on the compressed clock, repair, then improve on the exact schedule.

    Parameters
    ----------
    task
        What to do.
    told
        Called with the share done, 0 to 1.
    """
    began = time.monotonic()
    scheduler = DayScheduler(task.problem)
    cut_short = False
    if task.start is None:
        search_limit_s = task.time_limit_s * SEARCH_SHARE

        def on_solution(count: int) -> None:
            if count % PROGRESS_EVERY == 0:
                told(min(1.0, count / task.solution_limit) * SEARCH_SHARE)

        day = RoutingDay(task.problem, hard_due=task.method is Method.HARD)
        found = day.search(
            solution_limit=task.solution_limit,
            time_limit_s=search_limit_s,
            on_solution=on_solution,
        )
        cut_short = time.monotonic() - began >= search_limit_s
    else:
        found = list(task.start)

    last_told = began

    def in_time() -> bool:
        """Show that we live, and stop at the time guard."""
        nonlocal cut_short, last_told
        now = time.monotonic()
        if now - last_told > BEAT_S:
            last_told = now
            spent = min(1.0, (now - began) / task.time_limit_s)
            told(max(SEARCH_SHARE, spent))
        if now - began > task.time_limit_s:
            cut_short = True
            return False
        return True

    told(SEARCH_SHARE)
    orders = repaired(scheduler, found, in_time=in_time)
    orders = improved(
        scheduler,
        orders,
        seed=task.seed,
        iterations=task.iterations,
        in_time=in_time,
    )
    score = score_of(scheduler, orders)
    if score is None:  # pragma: no cover - repaired() leaves only legal orders
        message = "repaired orders have no legal times"
        raise AssertionError(message)
    told(1.0)
    return SolveResult(orders=tuple(orders), key=score.key(), cut_short=cut_short)
