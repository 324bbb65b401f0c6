"""Free places (空き): where a later day with a plan in force still takes a visit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from dispatch.domain.horizon import DayInForce, LaterDay
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order, Timing
from dispatch.domain.team import DAY_S, HORIZON_MAX_S
from dispatch.domain.together import linked
from dispatch.domain.told_plan import orders_of, starts_in
from dispatch.domain.trial import Seat, trial_of, who_blocks
from dispatch.domain.visit import Visit


class Promised(NamedTuple):
    """A visit of a later day's plan; its end counts from today's midnight."""

    later: LaterDay
    end_s: int


def promised_places(
    days: Iterable[DayInForce], visit_ids: Iterable[str], *, today: dt.date
) -> dict[str, Promised]:
    """Tell which of some visits the plan of a later day holds, by visit id."""
    wanted, found = set(visit_ids), dict[str, Promised]()
    for day in days:
        offset_s = _offset_s(day.plan.date, today)
        for route, _, stop in day.plan.stops():
            if stop.visit_id not in wanted:
                continue
            before = found.get(stop.visit_id)
            with_them = () if before is None else before.later.team_ids
            later = LaterDay(
                date=day.plan.date,
                team_ids=(*with_them, route.team_id),
                start_s=stop.start_s,
                on_time=stop.late_s == 0,
            )
            found[stop.visit_id] = Promised(later, offset_s + stop.end_s)
    return found


def with_free_places(
    today: DayProblem,
    days: Sequence[DayInForce],
    asked: Iterable[str],
    *,
    found: Mapping[str, LaterDay],
    ends_s: Mapping[str, int],
) -> dict[str, LaterDay]:
    """
    Put visits left out today into days that are planned, where that is sooner.

    The most urgent and the first due choose first, each the first day that takes it and
    there the place that costs the route least. What the day holds keeps its team and
    its order, and begins no later than it is due, or than planned where it is late
    already. It is judged by what that day's plan was made from.

    Parameters
    ----------
    today
        The day whose visits are left out.
    days
        Later days with a plan, in order.
    asked
        Ids of visits of today. One of several teams, or bound to other visits that
        are not done by then, is for a person to place.
    found
        What is known of a later day already.
    ends_s
        When visits of today and of plans in force end, from today's midnight, for
        those that wait for them.

    Returns
    -------
    dict of str to LaterDay
        `found`, with each day that is sooner or new.
    """
    best, rooms = dict(found), [_Room(day) for day in days]
    wanted = set(asked)
    waiting = [visit for visit in today.visits if visit.id in wanted]
    for visit in sorted(waiting, key=_first_come):
        if any(one.visit_id in wanted for one in visit.after):
            continue
        ready_s = max(
            (ends_s[a.visit_id] + a.gap_s for a in visit.after if a.visit_id in ends_s),
            default=0,
        )
        for room in rooms:
            known = best.get(visit.id)
            if known is not None and known.date < room.date:
                break
            offset_s = _offset_s(room.date, today.date)
            place = room.taken_in(visit.id, ready_s=ready_s - offset_s)
            if place is not None:
                best[visit.id] = place
                break
    return best


def _first_come(visit: Visit) -> tuple[int, int]:
    due_s = HORIZON_MAX_S if visit.due_s is None else visit.due_s
    return visit.urgency.rank, due_s


class _Room:
    """One planned day, which fills up as it takes visits in."""

    def __init__(self, day: DayInForce) -> None:
        self.date = day.problem.date
        self._problem = day.problem
        self._starts = starts_in(day.problem, day.plan)
        self._orders = list(orders_of(day.problem, day.plan))
        scheduler = DayScheduler(day.problem, self._starts)
        self._timings = [scheduler.timing(at, o) for at, o in enumerate(self._orders)]
        self._linked = linked(day.problem)
        self._index_of = {v.id: index for index, v in enumerate(day.problem.visits)}

    def taken_in(self, visit_id: str, *, ready_s: int) -> LaterDay | None:
        """Take a visit in where it costs least, no sooner than it is ready."""
        index = self._index_of.get(visit_id)
        if index is None or index in self._linked:
            return None
        self._make_wait(index, ready_s)
        seats = [
            (_added(before, seat), at, seat)
            for at, before in enumerate(self._timings)
            if before is not None
            and not who_blocks(self._problem, self._orders, at, index)
            for seat in self._seats(at, index, before)
        ]
        if not seats:
            return None
        at, seat = min(seats, key=lambda one: one[:2])[1:]
        self._orders[at] = seat.order(self._orders[at], index)
        self._timings[at] = seat.timing
        team_id = self._problem.team_days[at].team.id
        return LaterDay(
            date=self.date,
            team_ids=(team_id,),
            start_s=seat.start_s,
            on_time=self._problem.visits[index].late_s(seat.start_s) == 0,
        )

    def _make_wait(self, index: int, ready_s: int) -> None:
        visits = list(self._problem.visits)
        if visits[index].release_s < ready_s:
            visits[index] = replace(visits[index], release_s=ready_s)
            self._problem = replace(self._problem, visits=tuple(visits))

    def _seats(self, at: int, index: int, before: Timing) -> list[Seat]:
        """List legal places in a route that make nothing in it late, or later."""
        order = self._orders[at]
        trial = trial_of(self._problem, self._starts, at, order, index)
        return [
            seat
            for seat in trial.seats()
            if not self._is_later(order, before, _without(seat))
        ]

    def _is_later(
        self, order: Order, before: Timing, starts_s: tuple[int, ...]
    ) -> bool:
        return any(
            self._problem.visits[index].late_s(now_s)
            > self._problem.visits[index].late_s(was_s)
            for index, was_s, now_s in zip(
                order, before.starts_s, starts_s, strict=True
            )
        )


def _without(seat: Seat) -> tuple[int, ...]:
    """Return the starts of the others."""
    starts_s = seat.timing.starts_s
    return (*starts_s[: seat.position], *starts_s[seat.position + 1 :])


def _added(before: Timing, seat: Seat) -> tuple[int, ...]:
    """Tell what a place adds to its route; the first place of equals is less."""
    pairs = zip(seat.timing.cost(), before.cost(), strict=True)
    return (*(now - was for now, was in pairs), seat.position)


def _offset_s(date: dt.date, today: dt.date) -> int:
    return (date - today).days * DAY_S
