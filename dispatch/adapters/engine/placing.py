"""One team's order on the exact clock: what it costs, and what still fits into it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dispatch.adapters.engine.compiled import compiled
from dispatch.adapters.engine.day import (
    DUE,
    EMPTY_COST,
    END,
    FREE,
    LATE,
    LATE_AT_ALL,
    LATE_STEP,
    LIMIT,
    LUNCH,
    LUNCH_FROM,
    LUNCH_TO,
    NEVER_S,
    NODE,
    OWES_LUNCH,
    SERVICE_CLASS,
    SHIFT_END,
    START,
    EngineDay,
    Ints,
)
from dispatch.adapters.engine.driving import drive_at
from dispatch.domain.schedule import LATE_STEP_S
from dispatch.domain.travel import UNREACHABLE_S

Row = NDArray[np.int32]
ILLEGAL = 1 << 60  # cost of an order that has no legal times
NO_PAUSE = -2


@compiled
def first_start(spans: Ints, kind: int, visit: int, arrive_s: int) -> int:
    """First moment from an arrival on at which service may begin; -1 for none."""
    for k in range(spans.shape[2]):
        if arrive_s <= spans[kind, visit, k, 1]:
            return max(arrive_s, spans[kind, visit, k, 0])
    return -1


@compiled
def last_arrival(spans: Ints, kind: int, visit: int, start_s: int) -> int:
    """Latest arrival whose service begins by a moment; -1 for none."""
    for k in range(spans.shape[2] - 1, -1, -1):
        if spans[kind, visit, k, 0] <= start_s:
            return min(spans[kind, visit, k, 1], start_s)
    return -1


@compiled
def late_cost(visits: Ints, visit: int, start_s: int) -> int:
    """Cost of a start after the due time."""
    late_s = start_s - visits[visit, DUE]
    if late_s <= 0:
        return 0
    steps = -(-late_s // LATE_STEP_S)
    return (
        visits[visit, LATE_AT_ALL]
        + visits[visit, LATE_STEP] * steps
        + visits[visit, LATE] * late_s
    )


@compiled
def walk(
    day: EngineDay,
    team: int,
    order: Row,
    count: int,
    pause: int,
    leave_s: Ints,
    spent: Ints,
) -> int:
    """
    Cost of an order with lunch at a pause; `ILLEGAL` when it breaks a rule.

    Pause 2·leg is before driving a leg, 2·leg + 1 after it, as in the scheduler; the
    leg after the last is rest at the base. `leave_s` and `spent` take the moment of
    leaving the start and each stop, and the cost until then.
    """
    travel, hours, visits, spans = day.travel, day.hours, day.visit, day.spans
    teams, drive_weight = day.team, day.drive_weight
    kind, lunch = teams[team, SERVICE_CLASS], lunch_of(teams, team)
    clock, here = teams[team, FREE], teams[team, START]
    cost = 0
    for leg in range(count + 1):
        leave_s[leg], spent[leg] = clock, cost
        there = teams[team, END] if leg == count else visits[order[leg], NODE]
        if pause == 2 * leg:
            clock = fed_by_then(lunch, clock)
        drive_s = drive_at(travel, hours, here, there, clock)
        if drive_s >= UNREACHABLE_S:
            return ILLEGAL
        clock += drive_s
        if pause == 2 * leg + 1:
            clock = fed_by_then(lunch, clock)
        cost += drive_s * drive_weight
        if leg == count:
            break
        visit = order[leg]
        start_s = first_start(spans, kind, visit, clock)
        if start_s < 0:
            return ILLEGAL
        cost += late_cost(visits, visit, start_s)
        clock = start_s + day.service[kind, visit]
        here = there
    if pause == 2 * count + 2 and clock > lunch[1]:
        return ILLEGAL
    return cost + end_cost(teams, team, clock, day.overtime_weight)


@compiled
def end_cost(teams: Ints, team: int, clock: int, overtime_weight: int) -> int:
    """Cost of coming back at a moment; `ILLEGAL` after the limit."""
    if clock > teams[team, LIMIT]:
        return ILLEGAL
    return max(0, clock - teams[team, SHIFT_END]) * overtime_weight


@compiled
def lunch_of(teams: Ints, team: int) -> tuple[int, int, int]:
    """First and last start, and length, of a team's lunch."""
    return teams[team, LUNCH_FROM], teams[team, LUNCH_TO], teams[team, LUNCH]


@compiled
def fed_by_then(lunch: tuple[int, int, int], clock: int) -> int:
    """End of a lunch that may begin from a moment on; `NEVER_S` when it is too late."""
    first_s, last_s, lasts_s = lunch
    return NEVER_S if clock > last_s else max(clock, first_s) + lasts_s


@compiled
def order_cost(
    day: EngineDay,
    team: int,
    order: Row,
    count: int,
    leave_s: Ints,
    spent: Ints,
) -> tuple[int, int]:
    """
    Least cost of an order over all lunches, and the pause of that lunch.

    A leg is not tried when the stop after it ends before lunch may begin: lunch later
    then starts nothing later. `leave_s` and `spent` are room for `walk`, and hold
    what it tells of the best.
    """
    if count == 0:
        leave_s[0], spent[0] = day.team[team, FREE], 0
        owes = day.team[team, OWES_LUNCH] != 0
        return day.team[team, EMPTY_COST], 0 if owes else NO_PAUSE
    if day.team[team, OWES_LUNCH] == 0:
        cost = walk(day, team, order, count, NO_PAUSE, leave_s, spent)
        return min(cost, ILLEGAL), NO_PAUSE
    first, last = _pauses(day, team, order, count)
    best, best_pause = ILLEGAL, first
    for pause in range(first, last + 1):
        cost = walk(day, team, order, count, pause, leave_s, spent)
        if cost < best:
            best, best_pause = cost, pause
    if best_pause != last:
        walk(day, team, order, count, best_pause, leave_s, spent)  # for what it tells
    return best, best_pause


@compiled
def _pauses(day: EngineDay, team: int, order: Row, count: int) -> tuple[int, int]:
    """First and last pause at which lunch is worth trying."""
    kind, lunch = day.team[team, SERVICE_CLASS], lunch_of(day.team, team)
    clock, here = day.team[team, FREE], day.team[team, START]
    first = -1
    for leg in range(count + 1):
        if clock > lunch[1]:
            return max(first, 0), max(2 * leg - 1, 0)
        there = day.team[team, END] if leg == count else day.visit[order[leg], NODE]
        clock += drive_at(day.travel, day.hours, here, there, clock)
        if leg < count:
            start_s = first_start(day.spans, kind, order[leg], clock)
            if start_s < 0:
                clock = NEVER_S
            else:
                clock = start_s + day.service[kind, order[leg]]
        if first < 0 and clock > lunch[0]:  # before, lunch later is as good
            first = 2 * leg
        here = there
    if clock > lunch[1]:
        return max(first, 0), 2 * count + 1
    return (2 * count + 2 if first < 0 else first), 2 * count + 2


@compiled
def fed_arrival(
    travel: Ints,
    hours: Ints,
    lunch: tuple[int, int, int],
    leg: tuple[int, int],
    leave_s: int,
) -> int:
    """
    Least arrival when lunch (first start, last start, length) is eaten on a leg.

    Before driving, or on arrival, whichever is earlier; `NEVER_S` when it is too late.
    """
    first_s, last_s, lasts_s = lunch
    here, there = leg
    best = NEVER_S
    there_s = leave_s + drive_at(travel, hours, here, there, leave_s)
    if there_s <= last_s:
        best = max(there_s, first_s) + lasts_s
    if leave_s <= last_s and (best == NEVER_S or hours.shape[0] > 1):
        eaten_s = max(leave_s, first_s) + lasts_s
        best = min(best, eaten_s + drive_at(travel, hours, here, there, eaten_s))
    return best


@compiled
def last_leave_to_eat(
    lunch: tuple[int, int, int], arrive_by_s: int, drive_s: int
) -> int:
    """Latest moment to leave when lunch is eaten on the leg; -1 for none."""
    first_s, last_s, lasts_s = lunch
    best = -1
    before_s = min(last_s, arrive_by_s - lasts_s - drive_s)
    if before_s >= first_s:
        best = before_s
    eaten_by_s = arrive_by_s - lasts_s
    if eaten_by_s >= first_s:
        best = max(best, min(eaten_by_s, last_s) - drive_s)
    return best
