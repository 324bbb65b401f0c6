"""Repair orders of visits on the exact schedule, and insert what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from dispatch.domain.schedule import DayScheduler, Order, Timing
from dispatch.domain.together import broken_together, has_tools_for, linked

Orders = list[Order]
_Insertion = tuple[tuple[int, ...], int, Order]  # added cost, team, new order


def always() -> bool:
    """Go on until the work is done."""
    return True


def repaired(
    scheduler: DayScheduler,
    orders: Sequence[Order],
    *,
    in_time: Callable[[], bool] = always,
) -> Orders:
    """
    Make every order legal, then insert what is left out where it fits best.

    A search on the compressed clock may give an order whose real lunch does not fit;
    the least urgent visits are taken out until it does. So are those for which routes
    do not keep what they owe each other.
    """
    legal: Orders = []
    seen: Counter[int] = Counter()
    visits = scheduler.problem.visits
    for team_index, order in enumerate(orders):
        kept = tuple(
            index
            for index in dict.fromkeys(order)
            if seen[index] < visits[index].num_teams
            and scheduler.allows(team_index, index)
        )
        kept = _made_legal(scheduler, team_index, kept)
        legal.append(kept)
        seen.update(kept)
    legal = _made_to_keep_together(scheduler, legal)
    left = missing(scheduler, legal)
    return with_inserted(scheduler, legal, left, in_time=in_time)


def missing(scheduler: DayScheduler, orders: Sequence[Order]) -> list[int]:
    """Visits that are in no order, most urgent and earliest due first."""
    served = {index for order in orders for index in order}
    left = [i for i in range(len(scheduler.problem.visits)) if i not in served]
    return sorted(left, key=lambda index: _insertion_rank(scheduler, index))


def with_inserted(
    scheduler: DayScheduler,
    orders: Sequence[Order],
    visits: Sequence[int],
    *,
    in_time: Callable[[], bool] = always,
) -> Orders:
    """
    Insert each visit where it costs least, in the given order, while in time.

    One that is linked with another route is inserted only when the scheduler pins its
    start, and a visit that it waits for must be in an order by then. An order that
    holds a linked visit with no pinned start stays as it is: another visit in it would
    move that start away from those of the other routes.

    Parameters
    ----------
    scheduler
        Exact placement of the day.
    orders
        Legal orders, one per team.
    visits
        What to insert, by index.
    in_time
        Asked before each insertion; a guard against time.
    """
    problem, result = scheduler.problem, list(orders)
    held = linked(problem)
    loose = held - scheduler.starts.keys()
    for index in visits:
        if not in_time():
            break
        if index in loose:
            continue
        fitting: list[_Insertion] = []
        for team_index, order in enumerate(result):
            if (
                scheduler.allows(team_index, index)
                and has_tools_for(problem, result, team_index, index)
                and loose.isdisjoint(order)
            ):
                found = _best_insertion(scheduler, team_index, order, index)
                fitting += [found] if found is not None else []
        teams = problem.visits[index].num_teams
        if len(fitting) < teams:
            continue
        longer = list(result)
        for _, team_index, order in sorted(fitting)[:teams]:
            longer[team_index] = order
        if index not in held or not _broken(scheduler, longer):
            result = longer
    return result


def _broken(scheduler: DayScheduler, orders: Orders) -> frozenset[int]:
    """Visits for which legal orders do not keep what they owe each other."""
    timings = [scheduler.timing(at, order) for at, order in enumerate(orders)]
    legal: list[Timing] = [timing for timing in timings if timing is not None]
    return broken_together(scheduler.problem, orders, legal)


def _insertion_rank(scheduler: DayScheduler, index: int) -> tuple[int, int, int, int]:
    visit = scheduler.problem.visits[index]
    due_s = visit.due_s if visit.due_s is not None else 10**9
    return (visit.urgency.rank, not visit.is_promised, due_s, index)


def _made_legal(scheduler: DayScheduler, team_index: int, order: Order) -> Order:
    """Take out the least urgent visits until the order has legal times."""
    while order and scheduler.timing(team_index, order) is None:
        order = _without_least_urgent(scheduler, team_index, order)
    return order


def _made_to_keep_together(scheduler: DayScheduler, orders: Orders) -> Orders:
    """Take out the least urgent of the visits that break what routes owe each other."""
    while broken := _broken(scheduler, orders):
        worst = max(broken, key=lambda index: _insertion_rank(scheduler, index))
        orders = [
            _made_legal(
                scheduler, at, tuple(index for index in order if index != worst)
            )
            for at, order in enumerate(orders)
        ]
    return orders


def _without_least_urgent(
    scheduler: DayScheduler, team_index: int, order: Order
) -> Order:
    """Drop one visit: the least urgent whose removal makes the order legal, if any."""
    by_rank = sorted(
        range(len(order)),
        key=lambda at: _insertion_rank(scheduler, order[at]),
        reverse=True,
    )
    for at in by_rank:
        shorter = order[:at] + order[at + 1 :]
        if scheduler.timing(team_index, shorter) is not None:
            return shorter
    worst = by_rank[0]
    return order[:worst] + order[worst + 1 :]


def _best_insertion(
    scheduler: DayScheduler, team_index: int, order: Order, index: int
) -> _Insertion | None:
    """Cheapest place for a visit in one order: (added cost, team, new order)."""
    before = scheduler.timing(team_index, order)
    if before is None:
        return None
    base = before.cost()
    best: _Insertion | None = None
    for at in range(len(order) + 1):
        longer = (*order[:at], index, *order[at:])
        timing = scheduler.timing(team_index, longer)
        if timing is None:
            continue
        added = tuple(new - old for new, old in zip(timing.cost(), base, strict=True))
        if best is None or added < best[0]:
            best = (added, team_index, longer)
    return best
