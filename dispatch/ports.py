"""Ports: what the core asks of the outside, as Protocols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus
from dispatch.domain.closure import Closure, ClosureEntry
from dispatch.domain.consultation import Consultation, Reporter
from dispatch.domain.local_place import LocalPlace
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

    def matrix(self, places: Sequence[LonLat], *, at: dt.datetime) -> TravelMatrix:
        """
        Seconds and metres from each place to each, n × n.

        `at` (aware) is the moment from which the times are wanted; the rest of that
        local day is covered, with its traffic and timed closures.
        """
        ...


class Geocoder(Protocol):
    """Where a consultation is."""

    def place(self, consultation: Consultation) -> Placement:
        """Best answer for what the consultation says; never a guess."""
        ...

    def place_at(
        self, place: LonLat, *, radius_m: int, on: dt.date | None = None
    ) -> Placement:
        """Ward and district of a position that a person or a system gave, on a day."""
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

    solution_limit: int = 200
    time_limit_s: float = 18.0
    iterations: int = 1000
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
class IdempotencyKey:
    """A sender's key for one request, and the fingerprint of the request's body."""

    client: str
    key: str
    body_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChart:
    """
    A chart to store, with everything that must be stored in the same transaction.

    `number_prefix` is the part of the running number before the counter.
    """

    chart: CaseChart
    entries: tuple[ChartEntry, ...]
    reporter: Reporter
    number_prefix: str
    idempotency: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedChart:
    """The stored chart, and whether it is new or was there already (a retry)."""

    chart: CaseChart
    is_new: bool


ChartChange = tuple[CaseChart, tuple[ChartEntry, ...]]


class Charts(Protocol):
    """The store of charts, their history and their reporters."""

    def add_all(self, new: Sequence[NewChart]) -> list[AddedChart]:
        """
        Store charts in one transaction and give them their running numbers.

        One that carries a known idempotency key, or a known source and external id,
        is returned as it stands and nothing is added; a known key with another body
        raises ConflictError and the whole transaction is undone.
        """
        ...

    def known(self, idempotency: IdempotencyKey) -> CaseChart | None:
        """Chart of a key seen before; ConflictError when its body was another."""
        ...

    def known_external(self, source: str, external_ids: Iterable[str]) -> set[str]:
        """Which external ids of a source are in the store."""
        ...

    def get(self, chart_id: str) -> CaseChart:
        """Return the chart; NotFoundError when there is none."""
        ...

    def get_by_number(self, number: str) -> CaseChart:
        """Return the chart of a running number; NotFoundError when there is none."""
        ...

    def get_many(self, chart_ids: Iterable[str]) -> dict[str, CaseChart]:
        """Charts by id; an id that does not exist is left out."""
        ...

    def find(
        self,
        *,
        statuses: Iterable[ChartStatus] | None = None,
        office_id: str | None = None,
    ) -> list[CaseChart]:
        """Charts in a status and of an office, oldest first."""
        ...

    def save_all(self, changes: Sequence[ChartChange]) -> None:
        """Store next versions in one transaction; ConflictError if one is stale."""
        ...

    def history(self, chart_id: str) -> list[ChartEntry]:
        """All entries of a chart, oldest first."""
        ...

    def append(self, chart_id: str, entries: Sequence[ChartEntry]) -> None:
        """Append to a chart's history without changing the chart."""
        ...

    def reporter(self, chart_id: str) -> Reporter:
        """Return the reporter; the caller records the reveal in the history first."""
        ...

    def team_loads_s(self) -> dict[str, int]:
        """Seconds of work on site that are assigned and open, by team."""
        ...


class PlanStatus(StrEnum):
    """Life of a stored plan."""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan as it was made: version of the day, by whom, from how many charts."""

    id: str
    version: int
    status: PlanStatus
    made_at: dt.datetime
    made_by: str
    plan: Plan
    num_feasible: int
    num_violations: int
    reasons: Mapping[str, str]
    published_at: dt.datetime | None = None
    changed_visit_ids: frozenset[str] = frozenset()
    based_on: str | None = None  # id of the plan in force when it was made


class Plans(Protocol):
    """The store of plans."""

    def add_plan(self, plan: StoredPlan) -> StoredPlan:
        """Store a draft and give it the day's next version number."""
        ...

    def get_plan(self, plan_id: str) -> StoredPlan:
        """Return the plan; NotFoundError when there is none."""
        ...

    def plans_on(self, date: dt.date) -> list[StoredPlan]:
        """All plans of a day, newest first."""
        ...

    def in_force(self, date: dt.date) -> StoredPlan | None:
        """Return the published plan of a day, if there is one."""
        ...

    def planned_elsewhere(self, date: dt.date, *, since: dt.date) -> set[str]:
        """Visits of the plans in force of other days, from a day on."""
        ...

    def publish(
        self,
        plan_id: str,
        *,
        at: dt.datetime,
        changes: Sequence[ChartChange],
        left_out: Sequence[tuple[str, ChartEntry]],
    ) -> StoredPlan:
        """
        Put a draft in force and change its charts, in one transaction.

        ConflictError when it is no draft, when another plan has come into force
        since it was made, or when a chart has changed since it was read.
        """
        ...


class Closures(Protocol):
    """The store of closures of roads; what was shut and lifted is kept."""

    def add(self, closure: Closure) -> None:
        """Store a new closure and the first entry of its history."""
        ...

    def get(self, closure_id: str) -> Closure:
        """Return the closure; NotFoundError when there is none."""
        ...

    def save(self, closure: Closure) -> None:
        """Store the next version with its entry; ConflictError when it is stale."""
        ...

    def that_hold_between(self, start: dt.datetime, end: dt.datetime) -> list[Closure]:
        """
        Closures whose time meets [start, end), in the order of their beginnings.

        `start` lies before `end`. A closure's time is from its beginning until its
        end or lifting, whichever is first; hours of the day and working days are for
        the caller to ask (`dispatch.domain.closure.hours_on`).
        """
        ...

    def all_closures(self, *, limit: int, before: str | None = None) -> list[Closure]:
        """
        Closures as they were made, newest first, those that are over too.

        `before` is the id of the last one of the page before; NotFoundError when
        there is none such.
        """
        ...

    def entries(self, closure_id: str) -> list[ClosureEntry]:
        """History of a closure, oldest first; empty when there is no such closure."""
        ...


class LocalPlaces(Protocol):
    """The store of the local gazetteer (地点辞書); withdrawn entries are kept."""

    def add(self, entry: LocalPlace) -> None:
        """Store an entry; ConflictError when its key and ward have one in force."""
        ...

    def withdraw(self, entry: LocalPlace) -> None:
        """Store an entry as withdrawn; ConflictError when it is already."""
        ...

    def get(self, entry_id: str) -> LocalPlace:
        """Return the entry; NotFoundError when there is none."""
        ...

    def listed(self, *, limit: int) -> list[LocalPlace]:
        """Entries newest first, withdrawn ones too."""
        ...

    def active(self, key: str) -> tuple[LocalPlace, ...]:
        """Entries of a key in force, at most one for each ward; quick."""
        ...
