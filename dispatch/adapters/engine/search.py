"""Ruin and recreate by strings (SISR), with annealing, on the exact clock.

The ruin takes out strings of stops from routes near each other; the recreate puts
visits back where they cost least and now and then passes a place over. After
Christiaens and Vanden Berghe, Slack Induction by String Removals, Transportation
Science 54 (2020), doi 10.1287/trsc.2019.0914, with visits that may stay out, exact
lunches and soft due times.
"""

from __future__ import annotations

import math

import numpy as np

from dispatch.adapters.engine.compiled import compiled
from dispatch.adapters.engine.day import (
    AWAY,
    DROP,
    DUE,
    EngineDay,
)
from dispatch.adapters.engine.insertion import cheapest, insert
from dispatch.adapters.engine.pool import Pool, put_into_pool
from dispatch.adapters.engine.ruin import Work, new_work, ruin, touch
from dispatch.adapters.engine.state import (
    COUNT,
    ROUTE_TOOLS,
    SearchState,
    copy_route,
    count_tools,
    refresh,
    routes_cost,
    take_best,
)

PASS_OVER = 0.01  # chance of not looking at a place ("blink")


@compiled
def run(
    day: EngineDay,
    state: SearchState,
    pool: Pool,
    iterations: int,
    heat: tuple[float, float],
    seed: int,
) -> int:
    """
    Take steps of ruin and recreate, cooling from one heat to another (units of cost).

    Returns
    -------
    int
        How often a step was kept.
    """
    np.random.seed(seed)
    work = new_work(day, state)
    hot, cold = heat
    cooling = (cold / hot) ** (1.0 / max(1, iterations - 1))
    kept = 0
    for _ in range(iterations):
        kept += _step(day, state, pool, work, hot)
        hot *= cooling
    return kept


@compiled
def _step(
    day: EngineDay, state: SearchState, pool: Pool, work: Work, heat: float
) -> int:
    """Take one step, and undo it when it is refused."""
    work.counts[0] = 0
    work.counts[1] = 0
    work.counts[2] += 1
    before = routes_cost(day, state)
    change = ruin(day, state, work)
    for k in range(work.counts[1]):
        refresh(day, state, work.touched[k])
    change -= _recreate(day, state, work)
    change += routes_cost(day, state) - before
    if change < -heat * math.log(1.0 - np.random.random()):
        state.cost[0] += change
        if change < 0:
            for k in range(work.counts[1]):
                put_into_pool(day, state, pool, work.touched[k])
            if state.cost[0] < state.cost[1]:
                take_best(state)
        return 1
    _undo(state, work)
    return 0


@compiled
def _undo(state: SearchState, work: Work) -> None:
    """Put every route back as it was before the step."""
    teams = state.stamp.shape[0]
    for k in range(work.counts[1]):
        team = work.touched[k]
        for at in range(state.fact[team, COUNT]):
            state.team_of[state.order[team, at]] = -1
    for k in range(work.counts[1]):
        team = work.touched[k]
        before = state.fact[team, ROUTE_TOOLS]
        copy_route(state, teams + team, team)
        count_tools(state.tool_used, before, state.fact[team, ROUTE_TOOLS])
        for at in range(state.fact[team, COUNT]):
            state.team_of[state.order[team, at]] = team


@compiled
def _recreate(day: EngineDay, state: SearchState, work: Work) -> int:
    """Put the wanted visits where they cost least; return what they no longer cost."""
    _rank(day, work)
    placed = 0
    for k in range(work.counts[0]):
        visit = work.wanted[k]
        place = cheapest(day, state, visit, PASS_OVER)
        if place.team < 0 or place.cost >= day.visit[visit, DROP]:
            continue
        touch(state, work, place.team)
        insert(day, state, place.team, place.at, visit)
        placed += day.visit[visit, DROP]
    return placed


@compiled
def _rank(day: EngineDay, work: Work) -> None:
    """Sort the wanted visits by one of several views, drawn by chance."""
    view = np.random.randint(14)
    count = work.counts[0]
    for k in range(count):
        visit = work.wanted[k]
        chance = np.random.random()
        if view < 4:
            rank = chance
        elif view < 7:
            rank = -day.visit[visit, DROP] * (0.5 + chance)
        elif view < 9:
            rank = -float(day.visit[visit, AWAY])
        elif view < 10:
            rank = float(day.visit[visit, AWAY])
        elif view < 12:
            rank = -day.visit[visit, DROP] / (day.service[0, visit] + 300.0 * chance)
        elif view < 13:
            rank = float(min(day.visit[visit, DUE], _span_end(day, visit)))
        else:
            rank = float(_span_end(day, visit) - day.spans[0, visit, 0, 0])
        work.rank[k] = rank
        at = k
        while at > 0 and work.rank[at - 1] > rank:
            work.rank[at] = work.rank[at - 1]
            work.wanted[at] = work.wanted[at - 1]
            at -= 1
        work.rank[at] = rank
        work.wanted[at] = visit


@compiled
def _span_end(day: EngineDay, visit: int) -> int:
    """Latest start of a visit by its own rules."""
    last = -1
    for k in range(day.spans.shape[2]):
        last = max(last, day.spans[0, visit, k, 1])
    return last
