"""Ports: what the core asks of the outside, as Protocols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus
from dispatch.domain.consultation import Consultation, Reporter
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Placement
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import Order
from dispatch.domain.travel import TravelMatrix


class Clock(Protocol):
    """The only way to know what time it is."""

    def now(self) -> dt.datetime:
        """Aware time in the city's time zone."""
        ...


class TravelTimes(Protocol):
    """Travel between places; road engines and straight lines both fit."""

    def matrix(self, places: Sequence[LonLat]) -> TravelMatrix:
        """Seconds and metres from each place to each, n × n."""
        ...


class Geocoder(Protocol):
    """Where a consultation is."""

    def place(self, consultation: Consultation) -> Placement:
        """Best answer for what the consultation says; never a guess."""
        ...

    def place_at(self, place: LonLat, *, radius_m: int) -> Placement:
        """Ward and district of a position that a person or a system gave."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParams:
    """
    Limits of a search.

    Parameters
    ----------
    solution_limit
        Solutions that OR-Tools may look at: the limit that makes a plan repeatable.
    time_limit_s
        A guard only; a plan that it cut short is not promised to repeat.
    iterations
        Steps of the exact improvement after OR-Tools.
    seed
        Of the exact improvement.
    """

    solution_limit: int = 400
    time_limit_s: float = 15.0
    iterations: int = 120
    seed: int = 20261124


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One line of progress: what is being done, how far (0 to 1), the best so far."""

    step: str
    done: float
    served: int | None = None


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOutcome:
    """Legal orders, one per team day; visits that are in none are left out."""

    orders: tuple[Order, ...]
    method: str
    cut_short: bool = False  # by the time guard: not promised to repeat


class Solver(Protocol):
    """Finds orders of visits, one per team day."""

    def search(
        self, problem: DayProblem, params: SearchParams, on_progress: OnProgress
    ) -> SearchOutcome:
        """
        Search within the limits.

        Raises
        ------
        SolverError
            When the model is refused or a solving process died.
        CancelledError
            When `cancel` was called meanwhile.
        """
        ...

    def cancel(self) -> None:
        """Stop the running search; its process ends at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan with what it was made from and its life in the store."""

    id: str
    version: int
    date: dt.date
    made_at: dt.datetime
    made_by: str
    problem: DayProblem
    plan: Plan
    published_at: dt.datetime | None = None
    reasons: Mapping[str, str] | None = None


class Charts(Protocol):
    """The store of charts, their history and their reporters."""

    def add(
        self, chart: CaseChart, entries: Sequence[ChartEntry], reporter: Reporter
    ) -> CaseChart:
        """Store a new chart and give it its running number."""
        ...

    def get(self, chart_id: str) -> CaseChart:
        """Return the chart; NotFoundError when there is none."""
        ...

    def find(
        self,
        *,
        statuses: Iterable[ChartStatus] | None = None,
        office_id: str | None = None,
    ) -> list[CaseChart]:
        """Charts in a status and of an office, oldest first."""
        ...

    def save(self, chart: CaseChart, entries: Sequence[ChartEntry]) -> None:
        """Store the next version; ConflictError when someone was faster."""
        ...

    def history(self, chart_id: str) -> list[ChartEntry]:
        """All entries, oldest first."""
        ...
