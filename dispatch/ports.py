"""Ports: what the core asks of the outside, as Protocols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus
from dispatch.domain.closure import Closure, ClosureEntry
from dispatch.domain.consultation import Consultation
from dispatch.domain.local_place import LocalPlace
from dispatch.domain.place import LonLat
from dispatch.domain.placing import Placement
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.reporter import Reporter
from dispatch.domain.schedule import Order
from dispatch.domain.slots import Slot
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
class WorkStep:
    """
    What one step of a search did, so that it can be done again exactly.

    `name` says which step of which part ("ortools soft", "exact 2 tsumori"); `counts`
    how many units of work it took: solutions, or iterations of each round.
    """

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParams:
    """
    Limits of a search.

    Parameters
    ----------
    time_limit_s
        Wall time of the search. The work that was done in it is recorded.
    iterations
        Iterations of the exact search in each process, instead of the time limit
        (which stays as a guard); None: as many as the time allows.
    seed
        Of every pseudo-random choice.
    work
        Record of an earlier search of the same problem: do exactly that again.
    """

    time_limit_s: float = 10.0
    iterations: int | None = None
    seed: int = 20261124
    work: tuple[WorkStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """
    One line of progress: what is being done, how far (0 to 1), the best so far.

    `orders` holds the best legal orders so far, when they are better than those told
    before; a person may stop the search and take them.
    """

    step: str
    done: float
    served: int | None = None
    orders: tuple[Order, ...] | None = None


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOutcome:
    """
    Legal orders, one per team day; visits that are in none are left out.

    Parameters
    ----------
    orders
        Visit indices by team day. A visit of two teams is in two orders.
    method
        How they were found, for people who read plans.
    starts
        Moments at which linked visits (two teams, one after another) begin.
    cut_short
        A guard ended the search: not promised to repeat.
    work
        What every step did; `SearchParams.work` repeats it.
    """

    orders: tuple[Order, ...]
    method: str
    starts: Mapping[int, int] = field(default_factory=dict)
    cut_short: bool = False
    work: tuple[WorkStep, ...] = ()


class Solver(Protocol):
    """Finds orders of visits, one per team day."""

    def search(
        self,
        problem: DayProblem,
        params: SearchParams,
        on_progress: OnProgress,
        *,
        start: Sequence[Order] = (),
    ) -> SearchOutcome:
        """
        Search within the limits.

        Parameters
        ----------
        problem
            The day.
        params
            Limits, seed, and a record to repeat.
        on_progress
            Told from time to time.
        start
            Orders to begin with beside a start from nothing (the plan in force); the
            better one wins. Without linked visits the outcome is never worse.

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
    """The store of charts and their history; reporters go in, and never out here."""

    def add_all(self, new: Sequence[NewChart]) -> list[AddedChart]:
        """
        Store charts in one transaction and give them their running numbers.

        One that carries a known idempotency key, or a known source and external id,
        is returned as it stands and nothing is added; a known key with another body
        raises ConflictError and the whole transaction is undone.
        """
        ...

    def known(self, keys: Iterable[IdempotencyKey]) -> dict[IdempotencyKey, CaseChart]:
        """Charts of keys seen before; ConflictError when one's body was another."""
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

    def team_loads_s(self, team_ids: Iterable[str]) -> dict[str, int]:
        """Seconds of work on site that are assigned and open, by team."""
        ...


class PlanStatus(StrEnum):
    """Life of a stored plan."""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """
    How a plan was found, so that it can be made again.

    `versions` holds the versions of our own code and of the libraries that search, by
    name; the hashes are of the problem as JSON text and of its travel matrix.
    """

    problem_sha256: str
    matrix_sha256: str
    params: SearchParams
    work: tuple[WorkStep, ...]
    versions: Mapping[str, str]


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
    record: PlanRecord | None = None  # None: made before there were records


class Plans(Protocol):
    """The store of plans."""

    def add_plan(self, plan: StoredPlan, problem_json: str | None = None) -> StoredPlan:
        """
        Store a draft and give it the day's next version number.

        `problem_json` is what it was made from, stored in the same transaction.
        """
        ...

    def problem_of(self, plan_id: str) -> str | None:
        """JSON text of what a plan was made from; None when none was stored."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSlot:
    """A slot in the store, and until when it is held (None: only offered)."""

    slot: Slot
    held_until: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSlots:
    """Slots of a day that nobody else may have, and how many holds came before."""

    number: int
    slots: tuple[Slot, ...]


class SlotHolds(Protocol):
    """The store of slots that were offered, and who holds which of them."""

    def offer(
        self, slots: Sequence[Slot], *, at: dt.datetime, until: dt.datetime
    ) -> None:
        """Store slots that can be held until a moment; forget those long over."""
        ...

    def get(self, slot_id: str, *, client: str, at: dt.datetime) -> KeptSlot:
        """
        Return a slot of a client that can still be held or claimed.

        NotFoundError when the client was offered no such slot; ConflictError when its
        time to be held is over, or a consultation has it.
        """
        ...

    def held_on(self, date: dt.date, *, at: dt.datetime) -> HeldSlots:
        """Slots of a day that are held and have no chart yet."""
        ...

    def hold(self, slot_id: str, *, number: int, until: dt.datetime) -> bool:
        """
        Hold an offered slot as the hold of its day with this number.

        False when another hold has the number, or the slot is held already: then
        whoever asked must look at the day again.
        """
        ...

    def claim(
        self, slot_id: str, *, client: str, by: str, at: dt.datetime, until: dt.datetime
    ) -> Slot:
        """
        Take a held slot for one consultation, which `by` names; again for the same.

        It stays held until the moment given, at least. NotFoundError and ConflictError
        as for `get`; ConflictError also when it is not held.
        """
        ...

    def release(self, slot_id: str, *, by: str) -> None:
        """Undo a claim that came to nothing; the hold goes on as it was."""
        ...

    def settle(self, slot_id: str, *, by: str, chart_id: str) -> None:
        """Write down the chart that has the window now; the hold is over."""
        ...
