"""Where a visit costs least, and putting it there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dispatch.adapters.engine.compiled import compiled
from dispatch.adapters.engine.day import (
    DROP,
    END,
    FORBIDDEN,
    KIND,
    LEAST,
    NEVER_S,
    NODE,
    OFFICE,
    SERVICE_CLASS,
    START,
    TOOLS,
    TOOLS_HELD,
    TYPICAL,
    EngineDay,
)
from dispatch.adapters.engine.driving import drive_at
from dispatch.adapters.engine.placing import (
    ILLEGAL,
    end_cost,
    fed_arrival,
    fed_by_then,
    first_start,
    late_cost,
    lunch_of,
    order_cost,
)
from dispatch.adapters.engine.state import (
    BY,
    CLOCK_COST,
    COUNT,
    FED,
    FED_BY,
    LEAVE,
    OUT,
    PAUSE,
    ROUTE_TOOLS,
    SPENT,
    WORK,
    SearchState,
    new_district_cost,
    refresh,
    work_spread_s,
)
from dispatch.domain.travel import UNREACHABLE_S

KILOGRAMS = 0  # column of the weight in loads; the others are pieces
LOOK_NEAR = 12  # near visits whose routes are tried first


class Place(NamedTuple):
    """Where a visit costs least: added cost, team, place in its order; -1: nowhere."""

    cost: int
    team: int
    at: int


@compiled
def insert(day: EngineDay, state: SearchState, team: int, at: int, visit: int) -> None:
    """Put a visit into a route."""
    order = state.order[team]
    for k in range(state.fact[team, COUNT], at, -1):
        order[k] = order[k - 1]
    order[at] = visit
    state.fact[team, COUNT] += 1
    state.team_of[visit] = team
    refresh(day, state, team)


@compiled
def take_out(day: EngineDay, state: SearchState, visit: int) -> None:
    """Take a visit out of its route."""
    team = state.team_of[visit]
    order, kept = state.order[team], 0
    for k in range(state.fact[team, COUNT]):
        if order[k] != visit:
            order[kept] = order[k]
            kept += 1
    state.fact[team, COUNT] = kept
    state.team_of[visit] = -1
    refresh(day, state, team)


@compiled
def fill(day: EngineDay, state: SearchState, seed: int) -> None:
    """
    Make every route legal, then put in what is missing where it costs least.

    The dearest first, of these those with the least work: on a day that is too full
    this serves the most.
    """
    np.random.seed(seed % (1 << 32))
    for team in range(day.team.shape[0]):
        while state.fact[team, CLOCK_COST] >= ILLEGAL or _is_overloaded(
            day, state, team
        ):
            if state.fact[team, COUNT] == 0:
                break
            take_out(day, state, _least_wanted(day, state, team))
    visits = day.visit.shape[0]
    rank = np.zeros(visits, dtype=np.float64)
    for visit in range(visits):
        rank[visit] = -float(day.visit[visit, DROP]) * 1e5 + day.service[0, visit]
    for visit in np.argsort(rank, kind="mergesort"):
        if state.team_of[visit] >= 0:
            continue
        place = cheapest(day, state, visit, 0.0)
        if place.team >= 0 and place.cost < day.visit[visit, DROP]:
            insert(day, state, place.team, place.at, visit)


@compiled
def _is_overloaded(day: EngineDay, state: SearchState, team: int) -> bool:
    """Whether a route has a visit that is not the team's, or too much to bring."""
    for at in range(state.fact[team, COUNT]):
        if day.extra[team, state.order[team, at]] >= FORBIDDEN:
            return True
    for part in range(day.room.shape[1]):
        load = state.load[team, part]
        counts = load > 0 or part == KILOGRAMS
        if counts and state.fact[team, COUNT] > 0 and load > day.room[team, part]:
            return True
    for tool in range(day.tool_stock.shape[0]):
        bit = 1 << tool
        own = state.fact[team, ROUTE_TOOLS] & ~day.team[team, TOOLS_HELD] & bit
        if own and state.tool_used[tool] > day.tool_stock[tool]:
            return True
    return False


@compiled
def _least_wanted(day: EngineDay, state: SearchState, team: int) -> int:
    """Stop that a route gives up first: one that is not its own, else the cheapest."""
    least, found = NEVER_S * NEVER_S, state.order[team, 0]
    for at in range(state.fact[team, COUNT]):
        visit = state.order[team, at]
        if day.extra[team, visit] >= FORBIDDEN:
            return visit
        if day.visit[visit, DROP] < least:
            least, found = day.visit[visit, DROP], visit
    return found


@compiled
def cheapest(
    day: EngineDay,
    state: SearchState,
    visit: int,
    pass_over: float,
) -> Place:
    """Find the place where a visit adds least cost."""
    best = Place(ILLEGAL, -1, -1)
    # Routes of near visits first: what they cost leaves little to try in the others.
    first, second = -1, -1
    for k in range(min(LOOK_NEAR, day.near.shape[1])):
        team = state.team_of[day.near[visit, k]]
        if team < 0 or team == first:
            continue
        best = _cheapest_of(day, state, team, visit, pass_over, best)
        if first >= 0:
            second = team
            break
        first = team
    idle_seen = -1
    for team in range(day.team.shape[0]):
        if team == first or team == second:
            continue
        if state.fact[team, COUNT] == 0:
            if day.team[team, KIND] == idle_seen:
                continue
            idle_seen = day.team[team, KIND]
        best = _cheapest_of(day, state, team, visit, pass_over, best)
    return best


@compiled
def _cheapest_of(
    day: EngineDay,
    state: SearchState,
    team: int,
    visit: int,
    pass_over: float,
    best: Place,
) -> Place:
    """Find the cheapest place in one route, when the team may and can bring all."""
    if day.extra[team, visit] >= FORBIDDEN or not _may_bring(day, state, team, visit):
        return best
    return cheapest_in(day, state, team, visit, pass_over, best)


@compiled
def _may_bring(day: EngineDay, state: SearchState, team: int, visit: int) -> bool:
    """Whether load and shared tools allow a visit."""
    for part in range(day.room.shape[1]):
        load = day.load[visit, part]
        # An overweight vehicle takes no stop at all, even one that brings nothing.
        counts = load > 0 or part == KILOGRAMS
        if counts and state.load[team, part] + load > day.room[team, part]:
            return False
    lacking = day.visit[visit, TOOLS] & ~state.fact[team, ROUTE_TOOLS]
    if lacking == 0:
        return True
    for tool in range(day.tool_stock.shape[0]):
        if lacking & (1 << tool) and state.tool_used[tool] >= day.tool_stock[tool]:
            return False
    return True


@compiled
def cheapest_in(
    day: EngineDay,
    state: SearchState,
    team: int,
    visit: int,
    pass_over: float,
    best: Place,
) -> Place:
    """Find the cheapest place in one route, when it beats the best so far."""
    travel, hours, spans, visits = day.travel, day.hours, day.spans, day.visit
    order, times = state.order[team], state.times[team]
    count = state.fact[team, COUNT]
    kind, lunch = day.team[team, SERVICE_CLASS], lunch_of(day.team, team)
    node, service_s = visits[visit, NODE], day.service[kind, visit]
    fixed = day.extra[team, visit] + new_district_cost(day, order, count, visit)
    here = day.team[team, START]
    for at in range(count + 1):
        there = day.team[team, END] if at == count else visits[order[at], NODE]
        detour_s = travel[TYPICAL, here, node] + travel[TYPICAL, node, there]
        if count > 0:
            detour_s -= travel[TYPICAL, here, there]
        before, here = here, there
        cost = detour_s * day.drive_weight + fixed
        if cost >= best.cost:
            continue
        if pass_over > 0.0 and np.random.random() < pass_over:
            continue
        # When may service begin with lunch eaten, or still owed, and does the rest fit?
        on_s = travel[LEAST, node, there]
        out_s, fed_s, fed_by_s = times[OUT, at], times[FED, at], times[FED_BY, at]
        arrive_s = NEVER_S
        if fed_s < NEVER_S:
            arrive_s = fed_s + drive_at(travel, hours, before, node, fed_s)
        late = -1
        if out_s < NEVER_S:
            eaten_s = fed_arrival(travel, hours, lunch, (before, node), out_s)
            arrive_s = min(arrive_s, eaten_s)
            open_s = out_s + drive_at(travel, hours, before, node, out_s)
            start_s = first_start(spans, kind, visit, open_s)
            if start_s >= 0:
                leave_s = start_s + service_s
                fits = leave_s + on_s <= times[BY, at]
                if fits or _eats_in_time(lunch, leave_s, on_s, fed_by_s):
                    late = late_cost(visits, visit, start_s)
        start_s = first_start(spans, kind, visit, arrive_s)
        if start_s >= 0 and start_s + service_s + on_s <= fed_by_s:
            own = late_cost(visits, visit, start_s)
            late = own if late < 0 else min(late, own)
        if late < 0 or cost + late >= best.cost:
            continue
        if day.must_walk:
            added = _added(day, state, team, visit, at, best.cost - fixed)
            if added >= ILLEGAL and best.team < 0:  # else it would be left out
                added = _added_anew(day, state, team, visit, at)
            cost = fixed + added
        if day.balance_weight > 0 and cost < best.cost:
            cost += _unbalanced(day, state, team, detour_s + service_s)
        if cost < best.cost:
            best = Place(cost, team, at)
    return best


@compiled
def _eats_in_time(
    lunch: tuple[int, int, int], leave_s: int, drive_s: int, arrive_by_s: int
) -> bool:
    """Whether lunch on a leg of a length still arrives in time."""
    first_s, last_s, lasts_s = lunch
    if leave_s <= last_s and max(leave_s, first_s) + lasts_s + drive_s <= arrive_by_s:
        return True
    there_s = leave_s + drive_s
    return there_s <= last_s and max(there_s, first_s) + lasts_s <= arrive_by_s


@compiled
def _unbalanced(day: EngineDay, state: SearchState, team: int, more_s: int) -> int:
    """Cost of work that becomes more uneven (or less: below 0)."""
    office, fact = day.team[team, OFFICE], state.fact
    after_s = work_spread_s(day.team, fact, office, team, fact[team, WORK] + more_s)
    before_s = work_spread_s(day.team, fact, office, -1, 0)
    return (after_s - before_s) * day.balance_weight


@compiled
def _added(
    day: EngineDay, state: SearchState, team: int, visit: int, at: int, enough: int
) -> int:
    """
    Clock cost that a visit adds at a place with lunch where it was, or beside it.

    Beside it: before and on arrival at the visit and at the stop after it. Another
    lunch may cost less: the route tells when it has been put in. `ILLEGAL` when the
    cost reaches `enough`, or when lunch would have to move (see `_added_anew`).
    """
    pause = state.fact[team, PAUSE]
    if pause // 2 != at or pause < 0:
        later = pause + 2 if pause // 2 > at else pause
        return _resumed(day, state, team, visit, at, later, enough)
    last = 2 * at + (4 if state.fact[team, COUNT] == 0 else 3)
    best = ILLEGAL
    for beside in range(2 * at, last + 1):
        cost = _resumed(day, state, team, visit, at, beside, min(best, enough))
        best = min(best, cost)
    return best


@compiled
def _added_anew(
    day: EngineDay, state: SearchState, team: int, visit: int, at: int
) -> int:
    """Clock cost that a visit adds at a place with lunch wherever it costs least."""
    count = state.fact[team, COUNT]
    order = np.empty(count + 1, dtype=np.int32)
    order[:at] = state.order[team, :at]
    order[at] = visit
    order[at + 1 :] = state.order[team, at:count]
    room = np.empty((2, count + 2), dtype=np.int64)
    cost, _ = order_cost(day, team, order, count + 1, room[0], room[1])
    return ILLEGAL if cost >= ILLEGAL else cost - state.fact[team, CLOCK_COST]


@compiled
def _resumed(
    day: EngineDay,
    state: SearchState,
    team: int,
    visit: int,
    at: int,
    pause: int,
    enough: int,
) -> int:
    """Walk on from a place with a visit put in: the clock cost that it adds."""
    travel, hours, visits, spans = day.travel, day.hours, day.visit, day.spans
    teams, service, order = day.team, day.service, state.order[team]
    leave_s, spent = state.times[team, LEAVE], state.times[team, SPENT]
    kind, lunch = teams[team, SERVICE_CLASS], lunch_of(teams, team)
    count, total = state.fact[team, COUNT], state.fact[team, CLOCK_COST]
    clock, cost = leave_s[at], spent[at]
    here = teams[team, START] if at == 0 else visits[order[at - 1], NODE]
    for leg in range(at, count + 2):
        stop = visit if leg == at else order[min(leg, count) - 1]
        there = teams[team, END] if leg == count + 1 else visits[stop, NODE]
        if pause == 2 * leg:
            clock = fed_by_then(lunch, clock)
        drive_s = drive_at(travel, hours, here, there, clock)
        if drive_s >= UNREACHABLE_S:
            return ILLEGAL
        clock += drive_s
        if pause == 2 * leg + 1:
            clock = fed_by_then(lunch, clock)
        cost += drive_s * day.drive_weight
        if leg == count + 1:
            break
        start_s = first_start(spans, kind, stop, clock)
        if start_s < 0:
            return ILLEGAL
        cost += late_cost(visits, stop, start_s)
        if cost - total >= enough:
            return ILLEGAL
        clock = start_s + service[kind, stop]
        if leg > at and clock == leave_s[leg] and pause <= 2 * leg + 1:
            return cost - spent[leg]  # from here on all is as it was
        here = there
    if pause == 2 * count + 4 and clock > lunch[1]:
        return ILLEGAL
    end = end_cost(teams, team, clock, day.overtime_weight)
    return ILLEGAL if end >= ILLEGAL else cost + end - total
