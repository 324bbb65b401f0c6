"""A left-out visit that seeks a place in a plan: what is tried, counted and offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from types import MappingProxyType
from typing import NamedTuple

from dispatch.domain.problem import DayProblem
from dispatch.domain.relaxation import (
    RELAXATION_COST,
    NewOrder,
    Price,
    Relaxation,
    RelaxationKind,
    is_urgent,
)
from dispatch.domain.schedule import DayScheduler, Order, Timing
from dispatch.domain.trial import (
    Block,
    Seat,
    Trial,
    seat_cost,
    trial_of,
    who_blocks,
)
from dispatch.domain.visit import Visit

NO_TIMINGS: Mapping[int, Timing] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNotParams:
    """
    Limits of the search for relaxations; the same input and limits answer the same.

    Parameters
    ----------
    max_timings
        Orders that may be placed for one visit, some 50 microseconds each.
    max_offers
        Offers to tell, each of another kind.
    overtime_step_s, overtime_max_s
        Overtime is granted in such steps, and no more.
    window_step_s, window_max_s
        A promise is shifted in such steps, and no further.
    max_swaps, max_moves
        Visits that are tried as the one that makes room.
    prices
        What changes cost, to order the offers.
    """

    max_timings: int = 5_000
    max_offers: int = 3
    overtime_step_s: int = 300
    overtime_max_s: int = 7_200
    window_step_s: int = 900
    window_max_s: int = 14_400
    max_swaps: int = 40
    max_moves: int = 25
    prices: Mapping[RelaxationKind, Price] = field(
        default_factory=lambda: RELAXATION_COST
    )


class Work:
    """How many orders were placed, and how many may be."""

    def __init__(self, params: WhyNotParams) -> None:
        self.params = params
        self.num_timings = 0
        self.cut_short = False

    def seats(self, trial: Trial) -> list[Seat]:
        """Legal places that make no other S, A or promised visit late."""
        more = len(trial.hopeful()) + 1  # each place, and the order as it is
        if self.num_timings + more > self.params.max_timings:
            self.cut_short = True
            return []
        self.num_timings += more
        before = trial.scheduler.timing(0, trial.others)
        late = before.s_late + before.promises_late if before is not None else 0
        urgent = is_urgent(trial.visit)
        return [
            seat
            for seat in trial.seats()
            if seat.timing.s_late + seat.timing.promises_late
            <= late + (urgent and trial.visit.late_s(seat.start_s) > 0)
        ]

    def best(self, trial: Trial) -> Seat | None:
        """Such a place that costs the route least."""
        return min(self.seats(trial), key=seat_cost, default=None)

    def least(
        self, most: int, seats_at: Callable[[int], list[Seat]]
    ) -> tuple[int, Seat] | None:
        """Fewest steps, 1 to `most`, that give a place; more steps never take one."""
        seats = seats_at(most)
        if not seats:
            return None
        low, high = 1, most
        while low < high:
            middle = (low + high) // 2
            fewer = seats_at(middle)
            if fewer:
                seats, high = fewer, middle
            else:
                low = middle + 1
        return None if self.cut_short else (high, min(seats, key=seat_cost))


class Seeking(NamedTuple):
    """
    A plan, and the visit that seeks a place in it.

    Parameters
    ----------
    scheduler
        Exact placement of the plan's day.
    problem
        The day, with the end of what comes before the visit as its release.
    plan
        Orders of the plan as it is.
    orders, starts
        Orders on trial, and moments of linked visits.
    visit_index
        The visit.
    work
        Counts what is tried.
    joined
        Times of the teams that go to the visit already; it seeks one team more, for
        the moment in `starts`.
    """

    scheduler: DayScheduler
    problem: DayProblem
    plan: tuple[Order, ...]
    orders: tuple[Order, ...]
    starts: Mapping[int, int]
    visit_index: int
    work: Work
    joined: Mapping[int, Timing] = NO_TIMINGS

    @property
    def visit(self) -> Visit:
        """The visit that seeks a place."""
        return self.problem.visits[self.visit_index]

    @property
    def num_missing(self) -> int:
        """How many teams it still seeks."""
        return self.visit.num_teams - len(self.joined)

    @property
    def free_teams(self) -> list[int]:
        """Teams that do not go to it yet."""
        return [at for at in range(len(self.orders)) if at not in self.joined]

    def trial(self, team_index: int, visit_index: int | None = None) -> Trial:
        """Try the visit, or another, in a team's order."""
        index = self.visit_index if visit_index is None else visit_index
        order = self.orders[team_index]
        return trial_of(self.problem, self.starts, team_index, order, index)

    def blocks(
        self, team_index: int, visit_index: int | None = None
    ) -> tuple[Block, ...]:
        """Rules of who may go that a team breaks with the visit, or with another."""
        index = self.visit_index if visit_index is None else visit_index
        return who_blocks(self.problem, self.orders, team_index, index)

    def emptied(self) -> Seeking:
        """Take all that is new from the day."""
        return self._replace(orders=((),) * len(self.orders))

    def with_order(self, team_index: int, order: Order) -> Seeking:
        """Change one team's order."""
        orders = list(self.orders)
        orders[team_index] = order
        return self._replace(orders=tuple(orders))

    def joined_by(self, team_index: int, seat: Seat) -> Seeking:
        """Let one team go to the visit, at a moment that then holds for all."""
        order = seat.order(self.orders[team_index], self.visit_index)
        return self.with_order(team_index, order)._replace(
            starts={**self.starts, self.visit_index: seat.start_s},
            joined={**self.joined, team_index: seat.timing},
        )

    def offer(
        self,
        kind: RelaxationKind,
        team_index: int,
        seat: Seat,
        *,
        minutes: int = 0,
        also: Sequence[tuple[int, Order, Timing]] = (),
    ) -> Relaxation:
        """
        Make an offer of a place that was found, with its price.

        `also` are other teams whose orders the change touches.
        """
        problem = self.problem
        order = seat.order(self.orders[team_index], self.visit_index)
        new = {at: (self.orders[at], timing) for at, timing in self.joined.items()}
        new |= {at: (other, timing) for at, other, timing in also}
        new[team_index] = (order, seat.timing)
        drive_s = sum(timing.drive_s for _, timing in new.values())
        now = (self.scheduler.timing(at, self.plan[at]) for at in new)
        drive_s -= sum(timing.drive_s for timing in now if timing is not None)
        price = self.work.params.prices[kind]
        asked_min = price.once_min + price.per_min * minutes
        return Relaxation(
            kind=kind,
            visit_id=self.visit.id,
            team_id=problem.team_days[team_index].team.id,
            start_s=seat.start_s,
            price_min=ceil(asked_min + max(0, drive_s) / 60),
            drive_s=drive_s,
            new_orders=tuple(
                NewOrder(
                    team_id=problem.team_days[at].team.id,
                    visit_ids=tuple(problem.visits[index].id for index in other),
                )
                for at, (other, _) in sorted(new.items())
            ),
            minutes=minutes,
            with_team_ids=tuple(problem.team_days[at].team.id for at in self.joined),
        )
