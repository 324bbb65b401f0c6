"""Emergencies (緊急): which team could go, when it would begin, and at what price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dispatch.domain.catalogue import Urgency
from dispatch.domain.plan import Score
from dispatch.domain.schedule import DayScheduler, Order, Timing
from dispatch.domain.score import score_of
from dispatch.domain.together import linked
from dispatch.domain.visit import Visit

MAY_PUSH_OUT = (Urgency.S, Urgency.A)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyChoice:
    """
    One way to serve a visit that came in during the day.

    Parameters
    ----------
    team_id, team_index, order
        Who goes, and the new order of that team.
    start_s, late_s
        When service begins, and how late that is.
    drive_added_s
        Seconds on the road that it costs; negative when what is pushed out saves more.
    delays_s
        Visits of the team that begin later, and by how many seconds.
    pushed_out
        Less urgent visits of the team that lose their place.
    score
        Of the whole day with this choice.
    """

    team_id: str
    team_index: int
    order: Order
    start_s: int
    late_s: int
    drive_added_s: int
    delays_s: tuple[tuple[str, int], ...]
    pushed_out: tuple[str, ...]
    score: Score


def emergency(
    scheduler: DayScheduler, orders: Sequence[Order], visit_index: int
) -> tuple[EmergencyChoice, ...]:
    """
    Every team's choices for one visit that is in no order, the best first.

    A visit goes where it costs its team least. S and A that find no gap, or are late in
    it or make another S or A late, push out less urgent visits of the team, as few as
    it takes; never one with a promised
    time, a lock or a link to another route. Only when no team at all is in time may an
    S push out promised visits too, since S on time stands above promises. The best
    choice is that of the best day by the problem's levels. A visit that is linked with
    others needs a search: it has no choices here.

    Parameters
    ----------
    scheduler
        Exact placement of the day.
    orders
        Legal orders by team day.
    visit_index
        The emergency.
    """
    if visit_index in linked(scheduler.problem):
        return ()
    desk = _Desk(scheduler, orders, visit_index)
    choices = [one for at in desk.teams for one in desk.choices(at)]
    in_time = any(not choice.late_s for choice in choices)
    if desk.visit.urgency is Urgency.S and not in_time:
        bolder = _Desk(scheduler, orders, visit_index, spare_promises=False)
        choices += [one for at in bolder.teams for one in bolder.choices(at)]
    levels = scheduler.problem.levels
    by_orders = {(one.team_index, one.order): one for one in choices}
    return tuple(
        sorted(
            by_orders.values(),
            key=lambda one: (one.score.key(levels), one.start_s, one.team_index),
        )
    )


class _Desk:
    """Works out the choices of one visit, team by team."""

    def __init__(
        self,
        scheduler: DayScheduler,
        orders: Sequence[Order],
        visit_index: int,
        *,
        spare_promises: bool = True,
    ) -> None:
        self.visit = scheduler.problem.visits[visit_index]
        self.teams = [
            at for at in range(len(orders)) if scheduler.allows(at, visit_index)
        ]
        self._scheduler = scheduler
        self._orders = orders
        self._index = visit_index
        self._spare_promises = spare_promises
        self._linked = linked(scheduler.problem)

    def choices(self, team_index: int) -> Iterator[EmergencyChoice]:
        """Into a gap; and for S and A by pushing out, when somebody is late then."""
        before = self._scheduler.timing(team_index, self._orders[team_index])
        if before is None:
            return
        gap = self._best(team_index, self._longer(self._orders[team_index]))
        if gap is not None:
            yield from self._told(team_index, *gap)
            if gap[1].cost()[:2] <= before.cost()[:2]:
                return  # nobody is late for it: all others stay
        if self.visit.urgency in MAY_PUSH_OUT:
            limit = None if gap is None else gap[1].cost()[:2]
            room = self._best(team_index, self._pushing_out(team_index, limit))
            if room is None:
                return
            price = self._price(team_index, *room)
            if gap is None or price < self._price(team_index, *gap):
                yield from self._told(team_index, *room)

    def _longer(self, order: Order) -> Iterator[Order]:
        for at in range(len(order) + 1):
            yield (*order[:at], self._index, *order[at:])

    def _pushing_out(
        self, team_index: int, limit: tuple[int, ...] | None
    ) -> Iterator[Order]:
        """
        For each position, an order with the visit there and as many others as can be.

        What cannot be pushed out is there from the start; the others come back to
        their places, the most urgent first, unless that makes an S, an A or the
        emergency late that was not. Only positions with fewer S and A late than
        `limit` count.
        """
        visits, order = self._scheduler.problem.visits, self._orders[team_index]
        loose = sorted(
            (index for index in order if self._may_go(index)),
            key=lambda index: (
                visits[index].urgency.rank,
                _due_s(visits[index]),
                index,
            ),
        )
        for longer in self._longer(order):
            out = set(loose)
            floor = self._scheduler.timing(team_index, _without(longer, out))
            if floor is None or (limit is not None and floor.cost()[:2] >= limit):
                continue
            for index in loose:
                fuller = _without(longer, out - {index})
                timing = self._scheduler.timing(team_index, fuller)
                if timing is not None and timing.cost()[:2] <= floor.cost()[:2]:
                    out.discard(index)
            yield _without(longer, out)

    def _may_go(self, index: int) -> bool:
        visit = self._scheduler.problem.visits[index]
        return (
            visit.urgency.rank > self.visit.urgency.rank
            and index not in self._linked
            and visit.start_between is None
            and not (self._spare_promises and visit.is_promised)
        )

    def _best(
        self, team_index: int, candidates: Iterator[Order]
    ) -> tuple[Order, Timing] | None:
        """Return the order that costs its team least, and its times."""
        placed = [
            (order, timing)
            for order in candidates
            if (timing := self._scheduler.timing(team_index, order)) is not None
        ]
        return min(placed, key=lambda one: self._price(team_index, *one), default=None)

    def _price(
        self, team_index: int, order: Order, timing: Timing
    ) -> tuple[tuple[int, ...], ...]:
        """Levels of one team's order: S, promises, who is out by urgency, the rest."""
        cost = timing.cost()
        out = [self._scheduler.problem.visits[i] for i in self._out(team_index, order)]
        promises = sum(visit.is_promised or visit.urgency is Urgency.A for visit in out)
        by_urgency = tuple(
            sum(visit.urgency is urgency for visit in out) for urgency in Urgency
        )
        return (cost[:1], (cost[1] + promises,), by_urgency, cost[2:])

    def _out(self, team_index: int, order: Order) -> list[int]:
        return [index for index in self._orders[team_index] if index not in order]

    def _start_s(self, order: Order, timing: Timing) -> int:
        return timing.starts_s[order.index(self._index)]

    def _late_s(self, order: Order, timing: Timing) -> int:
        return self.visit.late_s(self._start_s(order, timing))

    def _told(
        self, team_index: int, order: Order, timing: Timing
    ) -> Iterator[EmergencyChoice]:
        """Tell the choice; nothing when it takes what other routes hold (tools)."""
        problem = self._scheduler.problem
        orders = [*self._orders]
        orders[team_index] = order
        score = score_of(self._scheduler, orders)
        before = self._scheduler.timing(team_index, self._orders[team_index])
        if score is None or before is None:
            return
        old_s = dict(zip(self._orders[team_index], before.starts_s, strict=True))
        moves_s = [
            (problem.visits[index].id, start_s - old_s[index])
            for index, start_s in zip(order, timing.starts_s, strict=True)
            if index in old_s
        ]
        yield EmergencyChoice(
            team_id=problem.team_days[team_index].team.id,
            team_index=team_index,
            order=order,
            start_s=self._start_s(order, timing),
            late_s=self._late_s(order, timing),
            drive_added_s=timing.drive_s - before.drive_s,
            delays_s=tuple((visit_id, by_s) for visit_id, by_s in moves_s if by_s > 0),
            pushed_out=tuple(
                problem.visits[index].id for index in self._out(team_index, order)
            ),
            score=score,
        )


def _due_s(visit: Visit) -> float:
    return float("inf") if visit.due_s is None else visit.due_s


def _without(order: Order, out: set[int]) -> Order:
    return tuple(index for index in order if index not in out)
