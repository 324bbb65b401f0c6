"""Why not today (なぜ今日ではないか): what stops a visit, and what would let it in."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from dispatch.domain.making_room import moved, swapped
from dispatch.domain.relaxation import (
    Relaxation,
    RelaxationKind,
    is_sound,
    unlocked,
    with_visit,
)
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.seeking import Seeking, WhyNotParams, Work
from dispatch.domain.trial import (
    Block,
    Rule,
    Seat,
    Trial,
    seat_cost,
    time_blocks,
    with_overtime,
)
from dispatch.domain.visit import TimeWindow, Visit

DEFAULT_PARAMS = WhyNotParams()
PARTNERS_MAX = 3  # teams that are tried as the sure one, when a visit needs two

# Rules of who may go that can be lifted when one alone holds, and what lifts them.
_LIFTS = {
    Rule.OFFICE: RelaxationKind.OFFICE,
    Rule.TEAM: RelaxationKind.UNLOCK,
    Rule.SKILL: RelaxationKind.SKILL,
    Rule.CREW: RelaxationKind.PERSON,
    Rule.TOOL: RelaxationKind.TOOL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """
    What stops a left-out visit, and what would let it in.

    Parameters
    ----------
    blocks
        Rules that stop it on a day with nothing else, too; none: the day is full.
    offers
        Changes that let it in, the cheapest first; each was applied and checked.
    num_timings, cut_short
        Orders that were placed, and whether the limit on them ended the search.
    """

    visit_id: str
    blocks: tuple[Block, ...]
    offers: tuple[Relaxation, ...]
    num_timings: int
    cut_short: bool


def why_not(
    scheduler: DayScheduler,
    orders: Sequence[Order],
    visit_index: int,
    params: WhyNotParams = DEFAULT_PARAMS,
) -> WhyNot:
    """
    Say what stops a visit, and the cheapest changes that would let it in.

    One change is tried at a time, and of each kind the cheapest that was found is
    told. Every offer has been applied: with it the visit is served, so are all others
    but the one that the offer names, and the checker finds nothing.

    Parameters
    ----------
    scheduler
        Exact placement of the day, with the moments of linked visits.
    orders
        Legal orders of the plan, one per team day.
    visit_index
        A visit that is in none of them.
    params
        Limits and prices.
    """
    work, problem = Work(params), scheduler.problem
    visit = problem.visits[visit_index]
    ready_s, left_out = _ready_s(scheduler, orders, visit)
    blocks: tuple[Block, ...] = (Block(rule=Rule.LINKED, names=left_out),)
    offers: tuple[Relaxation, ...] = ()
    if not left_out:
        ready = replace(visit, release_s=max(ready_s, visit.release_s))
        seeking = Seeking(
            scheduler=scheduler,
            problem=with_visit(problem, ready),
            plan=tuple(orders),
            orders=tuple(orders),
            starts={at: s for at, s in scheduler.starts.items() if at != visit_index},
            visit_index=visit_index,
            work=work,
        )
        blocks = _hard_blocks(seeking)
        offers = _cheapest(seeking)
    return WhyNot(
        visit_id=visit.id,
        blocks=blocks,
        offers=offers,
        num_timings=work.num_timings,
        cut_short=work.cut_short,
    )


def _ready_s(
    scheduler: DayScheduler, orders: Sequence[Order], visit: Visit
) -> tuple[int, tuple[str, ...]]:
    """When what comes before a visit has ended, and what of it is left out."""
    if not visit.after:
        return 0, ()
    problem = scheduler.problem
    ends_s = {
        stop.visit_id: stop.end_s for day in problem.team_days for stop in day.committed
    }
    for at, order in enumerate(orders):
        route = scheduler.route(at, order)
        for stop in route.stops:
            ends_s[stop.visit_id] = max(stop.end_s, ends_s.get(stop.visit_id, 0))
    left_out, ready_s = [], 0
    for before in visit.after:
        if before.visit_id in ends_s:
            ready_s = max(ready_s, ends_s[before.visit_id] + before.gap_s)
        elif before.visit_id in problem.visits_by_id:
            left_out.append(before.visit_id)
    return ready_s, tuple(left_out)


def _hard_blocks(seeking: Seeking) -> tuple[Block, ...]:
    """Rules that stop the visit even on a day with nothing else."""
    empty, visit = seeking.emptied(), seeking.visit
    rows = {at: empty.blocks(at) for at in range(len(seeking.orders))}
    dispatched = {Rule.OFFICE, Rule.TEAM}
    near = {
        at: row
        for at, row in rows.items()
        if not any(block.rule in dispatched for block in row)
    }
    able = [at for at, row in near.items() if not row]
    if not able:
        return _shared_blocks(visit, list((near or rows).values()))
    if len(able) < visit.num_teams:
        return (Block(rule=Rule.TEAMS, needed=visit.num_teams, has=len(able)),)
    missed: dict[Rule, Block] = {}
    for at in able:
        trial = empty.trial(at)
        if trial.best() is not None:
            return ()
        for block in time_blocks(trial):
            known = missed.get(block.rule)
            if known is None or block.over_s < known.over_s:
                missed[block.rule] = block
    if len(missed) > 1:
        missed.pop(Rule.SEVERAL, None)
    return tuple(sorted(missed.values(), key=lambda block: block.over_s))


def _shared_blocks(visit: Visit, rows: list[tuple[Block, ...]]) -> tuple[Block, ...]:
    """Rules that every team breaks, each as the team that comes nearest has it."""
    offices = Block(rule=Rule.OFFICE, names=tuple(sorted(visit.allowed_office_ids)))
    if not rows:
        return (offices,)
    shared = set.intersection(*({block.rule for block in row} for row in rows))
    nearest: dict[Rule, Block] = {}
    for block in (block for row in rows for block in row if block.rule in shared):
        known = nearest.get(block.rule)
        if known is None or _far(block) < _far(known):
            nearest[block.rule] = block
    if Rule.OFFICE in nearest:
        nearest[Rule.OFFICE] = offices
    return tuple(nearest.values()) or (Block(rule=Rule.SEVERAL),)


def _far(block: Block) -> tuple[int, int]:
    return abs(block.needed - block.has), len(block.names)


def _cheapest(seeking: Seeking) -> tuple[Relaxation, ...]:
    """Sound relaxations of different kinds, the cheapest first."""
    heap: list[tuple[int, int, Relaxation, Iterator[Relaxation]]] = []
    for at, stream in enumerate(_streams(seeking)):
        for first in stream:
            heapq.heappush(heap, (first.price_min, at, first, stream))
            break
    offers: dict[RelaxationKind, Relaxation] = {}
    while heap and len(offers) < seeking.work.params.max_offers:
        _, at, found, stream = heapq.heappop(heap)
        if found.kind in offers:
            continue
        if is_sound(seeking.scheduler, seeking.plan, found):
            offers[found.kind] = found
            continue
        for another in stream:
            heapq.heappush(heap, (another.price_min, at, another, stream))
            break
    as_it_is = offers.get(RelaxationKind.NOTHING)
    return tuple(offers.values()) if as_it_is is None else (as_it_is,)


def _streams(seeking: Seeking) -> Iterator[Iterator[Relaxation]]:
    """Find changes that give it its last team, kind by kind, the best first."""
    if seeking.num_missing > 1:
        for team_index, seat in _partners(seeking):
            yield from _streams(seeking.joined_by(team_index, seat))
        return
    trials = {at: seeking.trial(at) for at in _able(seeking)}
    as_it_is = list(_as_it_is(seeking, trials))
    if as_it_is:
        yield _by_price(as_it_is)
        return
    yield from _lifted(seeking)
    yield _by_price(_unlocked(seeking, trials))
    yield _by_price(_late(seeking, trials))
    yield _by_price(_overtime(seeking, trials))
    yield _by_price(_windows(seeking, trials))
    yield swapped(seeking)
    yield moved(seeking)


def _as_it_is(seeking: Seeking, trials: Mapping[int, Trial]) -> Iterator[Relaxation]:
    """Change nothing: a plan that could have served the visit."""
    for at, trial in trials.items():
        seat = seeking.work.best(trial)
        if seat is not None:
            yield seeking.offer(RelaxationKind.NOTHING, at, seat)


def _able(seeking: Seeking) -> list[int]:
    return [at for at in seeking.free_teams if not seeking.blocks(at)]


def _by_price(offers: Iterable[Relaxation]) -> Iterator[Relaxation]:
    return iter(sorted(offers, key=lambda offer: offer.price_min))


def _partners(seeking: Seeking) -> list[tuple[int, Seat]]:
    """Teams that could be the sure one of several, the cheapest first."""
    tried = [(at, seeking.work.best(seeking.trial(at))) for at in _able(seeking)]
    found = [(at, seat) for at, seat in tried if seat is not None]
    return sorted(found, key=lambda partner: seat_cost(partner[1]))[:PARTNERS_MAX]


def _lifted(seeking: Seeking) -> Iterator[Iterator[Relaxation]]:
    """Lift the one rule of who may go that stops a team."""
    found = defaultdict(list)
    for at in seeking.free_teams:
        blocks = seeking.blocks(at)
        kind = _LIFTS.get(blocks[0].rule) if len(blocks) == 1 else None
        if kind is None or blocks[0].needed - blocks[0].has > 1:
            continue
        trial = seeking.trial(at)
        if kind is RelaxationKind.UNLOCK:
            trial = trial.with_visit(unlocked(seeking.visit))
        seat = seeking.work.best(trial)
        if seat is not None:
            named = kind in {RelaxationKind.SKILL, RelaxationKind.TOOL}
            names = blocks[0].names if named else ()
            found[kind].append(replace(seeking.offer(kind, at, seat), names=names))
    for offers in found.values():
        yield _by_price(offers)


def _unlocked(seeking: Seeking, trials: Mapping[int, Trial]) -> Iterator[Relaxation]:
    """Lift the hours that the dispatcher keeps the start in."""
    if seeking.visit.start_between is None:
        return
    free = unlocked(seeking.visit)
    for at, trial in trials.items():
        seat = seeking.work.best(trial.with_visit(free))
        if seat is not None:
            yield seeking.offer(RelaxationKind.UNLOCK, at, seat)


def _late(seeking: Seeking, trials: Mapping[int, Trial]) -> Iterator[Relaxation]:
    """Let the visit be late."""
    if not seeking.visit.hard_due:
        return
    soft = replace(seeking.visit, hard_due=False)
    for at, trial in trials.items():
        seat = seeking.work.best(trial.with_visit(soft))
        if seat is not None:
            minutes = ceil(soft.late_s(seat.start_s) / 60)
            yield seeking.offer(RelaxationKind.HARD_DUE, at, seat, minutes=minutes)


def _overtime(seeking: Seeking, trials: Mapping[int, Trial]) -> Iterator[Relaxation]:
    """Grant each team the least overtime that is enough."""
    work = seeking.work
    step_s = work.params.overtime_step_s
    for at, trial in trials.items():

        def seats_at(steps: int, trial: Trial = trial) -> list[Seat]:
            longer = with_overtime(trial.day, steps * step_s)
            return work.seats(trial.with_day(longer))

        found = work.least(work.params.overtime_max_s // step_s, seats_at)
        if found is not None:
            steps, seat = found
            minutes = steps * step_s // 60
            yield seeking.offer(RelaxationKind.OVERTIME, at, seat, minutes=minutes)


def _windows(seeking: Seeking, trials: Mapping[int, Trial]) -> Iterator[Relaxation]:
    """Shift each promised time as little as is enough, later and earlier."""
    for window in seeking.visit.windows:
        for later in (True, False):
            yield from _shifted(seeking, trials, window, later=later)


def _shifted(
    seeking: Seeking, trials: Mapping[int, Trial], window: TimeWindow, *, later: bool
) -> Iterator[Relaxation]:
    """
    Shift a promise by the fewest steps with which any team can keep it.

    A time that is stretched by more steps never fits worse, so the fewest steps are
    found by halving. With one step less there is no place; the place that was found
    lies in what the last step added, and the shifted time has all of that.
    """
    work, visit = seeking.work, seeking.visit
    step_s = work.params.window_step_s
    most, best = work.params.window_max_s // step_s, None
    for at, trial in trials.items():

        def seats_at(steps: int, trial: Trial = trial) -> list[Seat]:
            stretched = _stretched(window, steps * step_s, later=later)
            return work.seats(trial.with_visit(replace(visit, windows=(stretched,))))

        found = work.least(most, seats_at) if most else None
        if found is not None:
            best, most = (at, *found), found[0] - 1
    if best is not None:
        at, steps, seat = best
        minutes = steps * step_s // 60
        offer = seeking.offer(RelaxationKind.WINDOW, at, seat, minutes=minutes)
        yield replace(offer, window=_moved(window, steps, step_s, later=later))


def _stretched(window: TimeWindow, more_s: int, *, later: bool) -> TimeWindow:
    if later:
        return replace(window, end_s=window.end_s + more_s)
    return replace(window, start_s=window.start_s - more_s)


def _moved(window: TimeWindow, steps: int, step_s: int, *, later: bool) -> TimeWindow:
    """Shift a promise, and let it be as long as a step at least."""
    longer_s = max(0, step_s - (window.end_s - window.start_s))
    by_s = steps * step_s
    if later:
        return TimeWindow(
            start_s=window.start_s + by_s - longer_s, end_s=window.end_s + by_s
        )
    return TimeWindow(
        start_s=window.start_s - by_s, end_s=window.end_s - by_s + longer_s
    )
