"""Repair and improve orders of visits on the exact schedule (ruin and recreate)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from dispatch.domain.catalogue import Urgency
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of

Orders = list[Order]
MAX_REMOVED = 10  # visits taken out in one step; planning study §6 used the same


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
    the least urgent visits are taken out until it does.
    """
    legal: Orders = []
    seen: set[int] = set()
    for team_index, order in enumerate(orders):
        kept = tuple(
            index
            for index in dict.fromkeys(order)
            if index not in seen and scheduler.allows(team_index, index)
        )
        while kept and scheduler.timing(team_index, kept) is None:
            kept = _without_least_urgent(scheduler, team_index, kept)
        legal.append(kept)
        seen.update(kept)
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
    """Insert each visit where it costs least, in the given order, while in time."""
    result = list(orders)
    for index in visits:
        if not in_time():
            break
        best: tuple[tuple[int, ...], int, Order] | None = None
        for team_index, order in enumerate(result):
            if not scheduler.allows(team_index, index):
                continue
            found = _best_insertion(scheduler, team_index, order, index)
            if found is not None and (best is None or found < (*best[:2], found[2])):
                best = found
        if best is not None:
            result[best[1]] = best[2]
    return result


def improved(
    scheduler: DayScheduler,
    orders: Sequence[Order],
    *,
    seed: int,
    iterations: int,
    in_time: Callable[[], bool] = always,
) -> Orders:
    """
    Ruin and recreate on the exact schedule, keeping what is not worse.

    Each step takes out a few visits near each other (and room for one that is left
    out, when there is one), puts them back where they cost least in a shuffled order
    of equal urgency, and keeps the result when its score is not worse. The same
    input, seed and number of iterations give the same orders.

    Parameters
    ----------
    scheduler
        Exact placement for the day.
    orders
        Legal orders, one per team.
    seed
        Of the pseudo-random choices.
    iterations
        Steps to take.
    in_time
        Asked before each step and each insertion; a guard against time.
    """
    current = list(orders)
    score = score_of(scheduler, current)
    if score is None or not scheduler.problem.visits:
        return current
    chance = random.Random(seed)  # noqa: S311 - a reproducible search, not a secret
    for _ in range(iterations):
        if not in_time():
            break
        ruined = _ruined(scheduler, current, chance)
        left = missing(scheduler, ruined)
        chance.shuffle(left)
        left.sort(key=lambda index: scheduler.problem.visits[index].urgency.rank)
        candidate = with_inserted(scheduler, ruined, left, in_time=in_time)
        candidate_score = score_of(scheduler, candidate)
        if candidate_score is None or candidate_score.key() > score.key():
            continue
        current, score = candidate, candidate_score
    return current


def _insertion_rank(scheduler: DayScheduler, index: int) -> tuple[int, int, int, int]:
    visit = scheduler.problem.visits[index]
    due_s = visit.due_s if visit.due_s is not None else 10**9
    return (visit.urgency.rank, visit.window is None, due_s, index)


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
) -> tuple[tuple[int, ...], int, Order] | None:
    """Cheapest place for a visit in one order: (added cost, team, new order)."""
    before = scheduler.timing(team_index, order)
    if before is None:
        return None
    base = before.cost()
    best: tuple[tuple[int, ...], int, Order] | None = None
    for at in range(len(order) + 1):
        longer = (*order[:at], index, *order[at:])
        timing = scheduler.timing(team_index, longer)
        if timing is None:
            continue
        added = tuple(new - old for new, old in zip(timing.cost(), base, strict=True))
        if best is None or added < best[0]:
            best = (added, team_index, longer)
    return best


def _ruined(
    scheduler: DayScheduler, orders: Sequence[Order], chance: random.Random
) -> Orders:
    """Take out a few visits near a seed visit (near by travel time)."""
    problem = scheduler.problem
    served = [index for order in orders for index in order]
    if not served:
        return list(orders)
    wanting = _wanting(scheduler, orders, set(served))
    centre = chance.choice(wanting if wanting and chance.random() < 0.5 else served)  # noqa: PLR2004 - even odds
    away_s = scheduler.typical_s[problem.visit_nodes[centre]]
    nearest = sorted(served, key=lambda i: (int(away_s[problem.visit_nodes[i]]), i))
    count = chance.randint(1, min(MAX_REMOVED, len(served)))
    pool = nearest[: 3 * count]
    removed = set(chance.sample(pool, min(count, len(pool))))
    return [tuple(i for i in order if i not in removed) for order in orders]


def _wanting(
    scheduler: DayScheduler, orders: Sequence[Order], served: set[int]
) -> list[int]:
    """Visits that are left out, or S and A that start late: where to look first."""
    visits = scheduler.problem.visits
    wanting = [index for index in range(len(visits)) if index not in served]
    for team_index, order in enumerate(orders):
        timing = scheduler.timing(team_index, order)
        if timing is None or not (timing.s_late or timing.promises_late):
            continue
        wanting += [
            index
            for index, start_s in zip(order, timing.starts_s, strict=True)
            if visits[index].urgency in {Urgency.S, Urgency.A}
            and visits[index].late_s(start_s)
        ]
    return wanting
