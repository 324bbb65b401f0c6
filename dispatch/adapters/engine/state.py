"""Where a compiled search stands: its routes, what they leave open, and the best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.adapters.engine.compiled import compiled
from dispatch.adapters.engine.day import (
    DISTRICT,
    DROP,
    EMPTY_WORK,
    END,
    FREE,
    LEAST,
    LIMIT,
    NEVER_S,
    NODE,
    OFFICE,
    OWES_LUNCH,
    SERVICE_CLASS,
    START,
    TOOLS,
    TOOLS_HELD,
    TYPICAL,
    WORK_BEFORE,
    EngineDay,
    Ints,
)
from dispatch.adapters.engine.driving import drive_at
from dispatch.adapters.engine.placing import (
    fed_arrival,
    first_start,
    last_arrival,
    last_leave_to_eat,
    lunch_of,
    order_cost,
)

# Columns of `SearchState.fact`.
COUNT, CLOCK_COST, OTHER_COST, WORK, ROUTE_TOOLS, PAUSE = range(6)
# Layers of `SearchState.times`.
OUT, FED, BY, FED_BY, LEAVE, SPENT = range(6)


class SearchState(NamedTuple):
    """
    A search between two steps; t teams, n visits.

    Rows t to 2t of the first four are copies of routes that the present step changes.

    Attributes
    ----------
    order
        (2t, n) visits of each route.
    fact
        (2t, 6) how many stops; cost of lateness, overtime and driving; cost of extras
        and districts; seconds of driving and work; shared tools; pause of the lunch.
    times
        (2t, 6, n + 1) leaving each stop at the earliest with lunch still owed, or
        eaten; arriving at each stop (last: the end) at the latest with lunch still
        owed, or eaten; leaving each stop with lunch at its pause, and cost until then.
    load
        (2t, d) material.
    team_of
        (n) team of each visit, -1 when it is left out.
    stamp
        (t) number of the step that changed a route last, to copy it once only.
    tool_used
        (y) teams that bring each shared tool.
    cost
        (2) of the routes now, and of the best.
    best_order, best_count
        (t, n), (t) the best routes so far.
    """

    order: NDArray[np.int32]
    fact: Ints
    times: Ints
    load: Ints
    team_of: Ints
    stamp: Ints
    tool_used: Ints
    cost: Ints
    best_order: NDArray[np.int32]
    best_count: NDArray[np.int32]


def new_state(day: EngineDay) -> SearchState:
    """State with no visit in any route."""
    teams, visits = len(day.team), len(day.visit)
    state = SearchState(
        order=np.zeros((2 * teams, visits), dtype=np.int32),
        fact=np.zeros((2 * teams, 6), dtype=np.int64),
        times=np.zeros((2 * teams, 6, visits + 1), dtype=np.int64),
        load=np.zeros((2 * teams, day.room.shape[1]), dtype=np.int64),
        team_of=np.full(visits, -1, dtype=np.int64),
        stamp=np.zeros(teams, dtype=np.int64),
        tool_used=np.zeros(len(day.tool_stock), dtype=np.int64),
        cost=np.zeros(2, dtype=np.int64),
        best_order=np.zeros((teams, visits), dtype=np.int32),
        best_count=np.zeros(teams, dtype=np.int32),
    )
    restart(day, state)
    return state


@compiled
def restart(day: EngineDay, state: SearchState) -> None:
    """Work out every route anew, and take what stands there as the best."""
    state.tool_used[:] = 0
    state.team_of[:] = -1
    for team in range(day.team.shape[0]):
        state.fact[team, ROUTE_TOOLS] = 0
        for at in range(state.fact[team, COUNT]):
            state.team_of[state.order[team, at]] = team
        refresh(day, state, team)
    state.cost[0] = routes_cost(day, state)
    for visit in range(day.visit.shape[0]):
        if state.team_of[visit] < 0:
            state.cost[0] += day.visit[visit, DROP]
    take_best(state)


@compiled
def take_best(state: SearchState) -> None:
    """Remember the routes that stand there now as the best."""
    state.cost[1] = state.cost[0]
    for team in range(state.best_count.shape[0]):
        state.best_count[team] = state.fact[team, COUNT]
        for at in range(state.fact[team, COUNT]):
            state.best_order[team, at] = state.order[team, at]


@compiled
def back_to_best(day: EngineDay, state: SearchState) -> None:
    """Stand at the best routes again."""
    for team in range(state.best_count.shape[0]):
        state.fact[team, COUNT] = state.best_count[team]
        for at in range(state.best_count[team]):
            state.order[team, at] = state.best_order[team, at]
    restart(day, state)


@compiled
def routes_cost(day: EngineDay, state: SearchState) -> int:
    """Cost of all routes, and of uneven work in each office."""
    total = 0
    offices = 0
    for team in range(day.team.shape[0]):
        total += state.fact[team, CLOCK_COST] + state.fact[team, OTHER_COST]
        offices = max(offices, day.team[team, OFFICE] + 1)
    if day.balance_weight > 0:
        for office in range(offices):
            spread_s = work_spread_s(day.team, state.fact, office, -1, 0)
            total += spread_s * day.balance_weight
    return total


@compiled
def work_spread_s(
    teams: Ints, fact: Ints, office: int, changed: int, work_s: int
) -> int:
    """Spread of work in an office, with other seconds of work for one team."""
    least, most = NEVER_S, -1
    for team in range(teams.shape[0]):
        if teams[team, OFFICE] != office:
            continue
        own_s = work_s if team == changed else fact[team, WORK]
        least = min(least, own_s)
        most = max(most, own_s)
    return most - least


@compiled
def refresh(day: EngineDay, state: SearchState, team: int) -> None:
    """Work out everything that is kept of a route after its order has changed."""
    order, fact, times = state.order[team], state.fact[team], state.times[team]
    count = fact[COUNT]
    fact[CLOCK_COST], fact[PAUSE] = order_cost(
        day, team, order, count, times[LEAVE], times[SPENT]
    )
    fact[OTHER_COST] = _other_cost(day, team, order, count)
    kind = day.team[team, SERVICE_CLASS]
    here = day.team[team, START]
    state.load[team, :] = 0
    work_s = 0
    tools = day.team[team, TOOLS_HELD]
    for at in range(count):
        visit = order[at]
        there = day.visit[visit, NODE]
        work_s += day.travel[TYPICAL, here, there] + day.service[kind, visit]
        for part in range(state.load.shape[1]):
            state.load[team, part] += day.load[visit, part]
        tools |= day.visit[visit, TOOLS]
        here = there
    if count > 0:
        work_s += day.travel[TYPICAL, here, day.team[team, END]]
    else:
        work_s = day.team[team, EMPTY_WORK]
    fact[WORK] = work_s + day.team[team, WORK_BEFORE]
    count_tools(state.tool_used, fact[ROUTE_TOOLS], tools)
    fact[ROUTE_TOOLS] = tools
    _forward(day, team, order, times, count)
    _backward(day, team, order, times, count)


@compiled
def count_tools(tool_used: Ints, before: int, after: int) -> None:
    """Count what a team brings now instead of what it brought before."""
    for tool in range(tool_used.shape[0]):
        bit = 1 << tool
        tool_used[tool] += int((after & bit) != 0) - int((before & bit) != 0)


@compiled
def _other_cost(day: EngineDay, team: int, order: NDArray[np.int32], count: int) -> int:
    """Cost of a route beside its clock: extras, and districts to go to."""
    total = 0
    for at in range(count):
        total += day.extra[team, order[at]]
        total += new_district_cost(day, order, at, order[at])
    return total


@compiled
def new_district_cost(
    day: EngineDay, order: NDArray[np.int32], count: int, visit: int
) -> int:
    """Cost of a visit's district when none of the first stops lies in it."""
    district = day.visit[visit, DISTRICT]
    if day.district_weight == 0 or district < 0:
        return 0
    for at in range(count):
        if day.visit[order[at], DISTRICT] == district:
            return 0
    return day.district_weight


@compiled
def _forward(
    day: EngineDay, team: int, order: NDArray[np.int32], times: Ints, count: int
) -> None:
    """Earliest moments of leaving each stop, with lunch owed and with it eaten."""
    travel, hours, spans = day.travel, day.hours, day.spans
    kind, lunch = day.team[team, SERVICE_CLASS], lunch_of(day.team, team)
    owes = day.team[team, OWES_LUNCH] != 0
    out_s = day.team[team, FREE] if owes else NEVER_S
    fed_s = NEVER_S if owes else day.team[team, FREE]
    times[OUT, 0], times[FED, 0] = out_s, fed_s
    here = day.team[team, START]
    for at in range(count):
        visit = order[at]
        there, service_s = day.visit[visit, NODE], day.service[kind, visit]
        arrive_s = NEVER_S
        if fed_s < NEVER_S:
            arrive_s = fed_s + drive_at(travel, hours, here, there, fed_s)
        if out_s < NEVER_S:
            eaten_s = fed_arrival(travel, hours, lunch, (here, there), out_s)
            arrive_s = min(arrive_s, eaten_s)
            open_s = out_s + drive_at(travel, hours, here, there, out_s)
            start_s = first_start(spans, kind, visit, open_s)
            out_s = NEVER_S if start_s < 0 else start_s + service_s
        start_s = first_start(spans, kind, visit, arrive_s)
        fed_s = NEVER_S if start_s < 0 else start_s + service_s
        times[OUT, at + 1], times[FED, at + 1] = out_s, fed_s
        here = there


@compiled
def _backward(
    day: EngineDay, team: int, order: NDArray[np.int32], times: Ints, count: int
) -> None:
    """Latest moments of arriving at each stop, by the least drives of the day."""
    spans = day.spans
    kind, lunch = day.team[team, SERVICE_CLASS], lunch_of(day.team, team)
    owes = day.team[team, OWES_LUNCH] != 0
    fed_by_s = day.team[team, LIMIT]
    by_s = min(fed_by_s, lunch[1]) if owes else -1
    times[BY, count], times[FED_BY, count] = by_s, fed_by_s
    there = day.team[team, END]
    for at in range(count - 1, -1, -1):
        visit = order[at]
        here, service_s = day.visit[visit, NODE], day.service[kind, visit]
        drive_s = day.travel[LEAST, here, there]
        if owes:
            leave_s = last_leave_to_eat(lunch, fed_by_s, drive_s)
            leave_s = max(leave_s, by_s - drive_s)
            by_s = last_arrival(spans, kind, visit, leave_s - service_s)
        fed_by_s = last_arrival(spans, kind, visit, fed_by_s - drive_s - service_s)
        times[BY, at], times[FED_BY, at] = by_s, fed_by_s
        there = here


@compiled
def copy_route(state: SearchState, source: int, target: int) -> None:
    """Copy everything that is kept of one route from row to row."""
    count = state.fact[source, COUNT]
    for column in range(state.fact.shape[1]):
        state.fact[target, column] = state.fact[source, column]
    for at in range(count):
        state.order[target, at] = state.order[source, at]
    for layer in range(state.times.shape[1]):
        for at in range(count + 1):
            state.times[target, layer, at] = state.times[source, layer, at]
    for part in range(state.load.shape[1]):
        state.load[target, part] = state.load[source, part]
