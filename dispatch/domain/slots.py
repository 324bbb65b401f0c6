"""Slots (約束できる時間帯): windows that a day can still keep, and what each costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import Appointment
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.gaps import Gap, gaps_for
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import LATE_STEP_S, NO_STARTS, DayScheduler, Order, Timing
from dispatch.domain.together import has_tools_for
from dispatch.domain.visit import TimeWindow, Visit

MINUTE_S = 60
NOT_LATE = frozenset({Urgency.S, Urgency.A})  # never promised after they are due


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """
    A window that was offered to a client, and the visit it was found for.

    Parameters
    ----------
    client
        Who asked, and who alone may hold it.
    chart
        The chart that the consultation would become: place and category, and not a
        word of what was said.
    appointment
        The window, in the city's time zone.
    price_min
        Minutes that it cost when it was offered; see `PricedWindow`.
    """

    id: str
    client: str
    chart: CaseChart
    appointment: Appointment
    price_min: int

    @property
    def date(self) -> dt.date:
        """Day of the window."""
        return self.appointment.start_at.date()

    def promised_chart(self) -> CaseChart:
        """Chart as it will be when the window is promised, under the slot's id."""
        consultation = replace(self.chart.consultation, appointment=self.appointment)
        return replace(self.chart, id=self.id, consultation=consultation)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotParams:
    """
    Which windows are looked at.

    Parameters
    ----------
    window_s
        How long a window is.
    step_s
        From the beginning of a window to that of the next one.
    margin_s
        Seconds that every promise keeps to spare: work begins so much before the end
        of its window by the plan.
    """

    window_s: int = 120 * MINUTE_S
    step_s: int = 60 * MINUTE_S
    margin_s: int = 10 * MINUTE_S


class PricedWindow(NamedTuple):
    """
    A window that can be kept, and its price.

    The price is the driving that the visit adds, by the typical times, and a quarter
    of an hour for each step by which others start later after they are due.
    """

    window: TimeWindow
    price_s: int

    @property
    def price_min(self) -> int:
        """Begun minutes of the price."""
        return -(-self.price_s // MINUTE_S)


class DayPromises(NamedTuple):
    """
    One day as far as it is settled, before the visit that is asked about.

    Parameters
    ----------
    problem
        The day with the visit that is asked about, all promised ones, and all that are
        planned.
    orders
        Plan of the day so far, one order per team day.
    asked
        Index of the visit that is asked about; it is in no order.
    promised
        Indices of visits that were promised for the day and are in no order yet.
    starts
        Moments of visits that are bound to those of other teams.
    """

    problem: DayProblem
    orders: tuple[Order, ...]
    asked: int
    promised: tuple[int, ...] = ()
    starts: Mapping[int, int] = NO_STARTS


def window_grid(hours: OfficeHours, params: SlotParams) -> tuple[TimeWindow, ...]:
    """Windows of one day, one step apart, that begin and end while offices are open."""
    last_s = hours.closes_s - params.window_s
    return tuple(
        TimeWindow(start_s=start_s, end_s=start_s + params.window_s)
        for start_s in range(hours.opens_s, last_s + 1, params.step_s)
    )


def priced_windows(
    day: DayPromises, windows: Sequence[TimeWindow], *, margin_s: int
) -> tuple[PricedWindow, ...]:
    """
    Windows that the day can keep, each with its price.

    First the promised visits that are in no order yet are put where they cost least,
    then the visit that is asked about is tried in each window. Nothing that is in an
    order is pushed out, no S or A comes late or later, and every promise keeps its
    margin. What is answered for one window does not hold any more when another is
    taken.

    Parameters
    ----------
    day
        The day so far; nothing in it is changed.
    windows
        When service may begin, both ends inclusive.
    margin_s
        What every promise keeps to spare. One that has less in the orders already
        keeps what it has.
    """
    tried = _with_windows(day, windows, margin_s)
    scheduler = DayScheduler(tried, day.starts)
    filler = _Filler(scheduler, day.orders)
    for index in sorted(day.promised, key=lambda i: tried.visits[i].windows[0].start_s):
        filler.put(index)
    gaps = filler.gaps(day.asked)
    first = len(day.problem.visits)
    found = []
    for index, window in enumerate(windows, start=first):
        best = filler.cheapest(index, gaps)
        if best is not None:
            found.append(PricedWindow(window, best.price_s))
    return tuple(found)


def spread(
    days: Iterable[tuple[dt.date, Sequence[PricedWindow]]], limit: int
) -> list[tuple[dt.date, PricedWindow]]:
    """
    Choose some of the windows of several days, in the order of their beginnings.

    The cheapest of every day come first, then the second ones: a day that is empty
    yet, and therefore cheap, does not take all the places.
    """
    ranked = [
        (rank, one.price_s, date, one.window.start_s, one)
        for date, priced in days
        for rank, one in enumerate(sorted(priced, key=lambda one: one.price_s))
    ]
    ranked.sort(key=lambda row: row[:4])
    chosen = [(date, one) for _, _, date, _, one in ranked[:limit]]
    return sorted(chosen, key=lambda row: (row[0], row[1].window.start_s))


class _Insertion(NamedTuple):
    """A team's order with one visit more, and what that costs."""

    price_s: int
    team_index: int
    order: Order


class _Filler:
    """Puts visits into orders one after another, each where it costs least."""

    def __init__(self, scheduler: DayScheduler, orders: Sequence[Order]) -> None:
        self._scheduler = scheduler
        self._problem = scheduler.problem
        self._visits = scheduler.problem.visits
        self._orders = list(orders)

    def put(self, index: int) -> None:
        """Put a visit in; it stays out when it fits nowhere."""
        best = self.cheapest(index, self.gaps(index))
        if best is not None:
            self._orders[best.team_index] = best.order

    def gaps(self, index: int) -> list[Gap]:
        """Where a visit may fit at some time, the least driving first."""
        return sorted(
            gap
            for team_index, order in enumerate(self._orders)
            if self._may_go(team_index, index)
            for gap in gaps_for(self._scheduler, team_index, order, index)
        )

    def _may_go(self, team_index: int, index: int) -> bool:
        """Whether a team may and can go alone; two teams are for a person to find."""
        return (
            self._visits[index].num_teams == 1
            and self._scheduler.allows(team_index, index)
            and has_tools_for(self._problem, self._orders, team_index, index)
        )

    def cheapest(self, index: int, gaps: Sequence[Gap]) -> _Insertion | None:
        """Cheapest legal one of these gaps that does nobody any harm."""
        windows = tuple((one.start_s, one.end_s) for one in self._visits[index].windows)
        best: _Insertion | None = None
        for gap in gaps:
            if best is not None and gap.added_s >= best.price_s:
                break
            if not gap.may_hold(windows):
                continue
            found = self._inserted(index, gap)
            if found is not None and (best is None or found.price_s < best.price_s):
                best = found
        return best

    def _inserted(self, index: int, gap: Gap) -> _Insertion | None:
        order = self._orders[gap.team_index]
        longer = (*order[: gap.at], index, *order[gap.at :])
        before = self._scheduler.timing(gap.team_index, order)
        after = self._scheduler.timing(gap.team_index, longer)
        if before is None or after is None or _harms(before, after):
            return None
        later = max(0, after.late_steps - before.late_steps)
        price_s = max(0, gap.added_s) + later * LATE_STEP_S
        return _Insertion(price_s, gap.team_index, longer)


def _harms(before: Timing, after: Timing) -> bool:
    """Whether an S or A comes late that did not, or an S later."""
    return (
        after.s_late > before.s_late
        or after.promises_late > before.promises_late
        or after.s_late_steps > before.s_late_steps
    )


def _with_windows(
    day: DayPromises, windows: Sequence[TimeWindow], margin_s: int
) -> DayProblem:
    """Day with the margins kept, and the asked visit once more for each window."""
    problem = day.problem
    scheduler = DayScheduler(problem, day.starts)
    starts: dict[int, int] = {}
    for team_index, order in enumerate(day.orders):
        timing = scheduler.timing(team_index, order)
        if timing is not None:
            starts.update(zip(order, timing.starts_s, strict=True))
    asked = problem.visits[day.asked]
    node = problem.visit_nodes[day.asked]
    return replace(
        problem,
        visits=(
            *(
                _with_margin(visit, starts.get(index), margin_s)
                for index, visit in enumerate(problem.visits)
            ),
            *(
                replace(_asked_in(asked, window, margin_s), id=f"{asked.id}@{number}")
                for number, window in enumerate(windows)
            ),
        ),
        visit_nodes=(*problem.visit_nodes, *(node for _ in windows)),
    )


def _with_margin(visit: Visit, start_s: int | None, margin_s: int) -> Visit:
    """Visit whose promised times end earlier, where its start leaves room for that."""
    if not visit.windows:
        return visit
    windows = tuple(
        kept
        if start_s is not None and kept.end_s - margin_s < start_s <= kept.end_s
        else _shorter(kept, margin_s)
        for kept in visit.windows
    )
    return replace(visit, windows=windows)


def _asked_in(visit: Visit, window: TimeWindow, margin_s: int) -> Visit:
    """Visit promised for a window; its own lateness counts for S and A alone."""
    return replace(
        visit,
        windows=(_shorter(window, margin_s),),
        due_s=visit.due_s if visit.hard_due or visit.urgency in NOT_LATE else None,
    )


def _shorter(window: TimeWindow, margin_s: int) -> TimeWindow:
    end_s = max(window.start_s, window.end_s - margin_s)
    return TimeWindow(start_s=window.start_s, end_s=end_s)
