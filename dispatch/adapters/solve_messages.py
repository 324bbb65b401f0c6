"""What is asked of a solving process, and what it answers; loads no solver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.levels import SearchWeights
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.ports import WorkStep


@dataclass(frozen=True, slots=True)
class Column:
    """A route seen: whose, which visits in which order, its cost and work."""

    team: int
    rows: Order  # of the engine's day
    cost: int
    work_s: int


class Opening(StrEnum):
    """How a search begins."""

    SOFT = "soft"  # OR-Tools; lateness costs
    HARD = "hard"  # OR-Tools; S and A due times are windows, or the visit is left out
    NONE = "none"  # from given orders and from nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveTask:
    """
    What to solve, how, and within which limits.

    Parameters
    ----------
    problem, weights
        The day and what the search counts.
    name
        Of this piece of work in the record.
    opening
        How it begins.
    starts
        Orders to begin with; the best of them and of the opening is improved.
    columns
        Routes that others have seen, for the recombination.
    time_limit_s, iterations, seed
        See `dispatch.ports.SearchParams`.
    is_good
        Whether the starts are good already: cool from near the end.
    hands_on
        Whether its own routes are wanted by others.
    work
        Record of all pieces of an earlier search, to do the same again.
    """

    problem: DayProblem
    weights: SearchWeights
    name: str
    opening: Opening = Opening.NONE
    starts: tuple[tuple[Order, ...], ...] = ()
    columns: tuple[Column, ...] = ()
    time_limit_s: float
    iterations: int | None = None
    seed: int
    is_good: bool = False
    hands_on: bool = False
    work: tuple[WorkStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveResult:
    """Legal orders with what they cost, and how they were found."""

    orders: tuple[Order, ...]
    starts: dict[int, int]
    cost: int
    key: tuple[int, ...]
    columns: tuple[Column, ...] = ()
    work: tuple[WorkStep, ...] = ()
    cut_short: bool = False
