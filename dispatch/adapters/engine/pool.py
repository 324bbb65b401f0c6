"""Good routes that a search has seen, for the recombination."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.adapters.engine.compiled import compiled
from dispatch.adapters.engine.day import KIND, EngineDay, Ints
from dispatch.adapters.engine.state import (
    CLOCK_COST,
    COUNT,
    OTHER_COST,
    WORK,
    SearchState,
)

POOL_STOPS = 64  # longest route that is kept; longer ones occur in benchmarks only
POOL_ROUTES = 60_000  # 16 MB
POOL_SLOTS = 1 << 18  # of the table that finds a route again; mostly empty


class Pool(NamedTuple):
    """
    Routes seen, each set of visits of a kind of team once, at its least cost.

    Attributes
    ----------
    order, stops, team, cost, work_s
        (p, s) visits, and (p) how many, whose, cost of clock and extras, seconds of
        driving and work.
    key, slot
        (p) hash of team kind and visits, and the table that finds it again.
    used
        (1) how many there are.
    mark
        (n + t) random bits of each visit and each kind of team.
    """

    order: NDArray[np.int32]
    stops: NDArray[np.int32]
    team: NDArray[np.int32]
    cost: Ints
    work_s: Ints
    key: NDArray[np.uint64]
    slot: NDArray[np.int32]
    used: Ints
    mark: NDArray[np.uint64]


def new_pool(day: EngineDay, *, seed: int) -> Pool:
    """Return a pool with nothing in it."""
    chance = np.random.default_rng(seed)
    marks = len(day.visit) + len(day.team)
    return Pool(
        order=np.zeros((POOL_ROUTES, POOL_STOPS), dtype=np.int32),
        stops=np.zeros(POOL_ROUTES, dtype=np.int32),
        team=np.zeros(POOL_ROUTES, dtype=np.int32),
        cost=np.zeros(POOL_ROUTES, dtype=np.int64),
        work_s=np.zeros(POOL_ROUTES, dtype=np.int64),
        key=np.zeros(POOL_ROUTES, dtype=np.uint64),
        slot=np.full(POOL_SLOTS, -1, dtype=np.int32),
        used=np.zeros(1, dtype=np.int64),
        mark=chance.integers(1, 1 << 63, size=marks, dtype=np.uint64),
    )


@compiled
def empty_pool(pool: Pool) -> None:
    """Forget all routes: they were of other hours."""
    pool.used[0] = 0
    pool.slot[:] = -1


@compiled
def put_into_pool(day: EngineDay, state: SearchState, pool: Pool, team: int) -> None:
    """Keep a route as it stands now."""
    count = state.fact[team, COUNT]
    if count == 0 or count > pool.order.shape[1]:
        return
    key = pool.mark[day.visit.shape[0] + day.team[team, KIND]]
    for at in range(count):
        key ^= pool.mark[state.order[team, at]]
    cost = state.fact[team, CLOCK_COST] + state.fact[team, OTHER_COST]
    slots = pool.slot.shape[0]
    at_slot = np.int64(key & np.uint64(slots - 1))
    while pool.slot[at_slot] >= 0 and pool.key[pool.slot[at_slot]] != key:
        at_slot = (at_slot + 1) % slots
    row = np.int64(pool.slot[at_slot])
    if row < 0:
        if pool.used[0] >= pool.order.shape[0]:
            return
        row = pool.used[0]
        pool.used[0] += 1
        pool.slot[at_slot] = row
        pool.key[row] = key
    elif pool.cost[row] <= cost:
        return
    pool.cost[row] = cost
    pool.work_s[row] = state.fact[team, WORK]
    pool.team[row] = team
    pool.stops[row] = count
    for at in range(count):
        pool.order[row, at] = state.order[team, at]
