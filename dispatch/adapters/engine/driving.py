"""Driving seconds at a moment, as `dispatch.domain.travel.TravelMatrix` tells them."""

from __future__ import annotations

from dispatch.adapters.engine.compiled import compiled
from dispatch.adapters.engine.day import (
    FIRST_PERIOD,
    NUM_BANS,
    NUM_PERIODS,
    OPEN,
    SHUT,
    TYPICAL,
    UNIT,
    Ints,
)
from dispatch.domain.travel import FACTOR_STEPS, UNREACHABLE_S


@compiled
def drive_at(travel: Ints, hours: Ints, here: int, there: int, depart_s: int) -> int:
    """Seconds from leaving to arriving at the earliest (`TravelMatrix.drive_s`)."""
    if hours.shape[0] == 1:
        return travel[TYPICAL, here, there]
    return _timed(travel, hours, here, there, depart_s)


@compiled
def _timed(travel: Ints, hours: Ints, here: int, there: int, depart_s: int) -> int:
    """Seconds of a drive on a day with traffic or bans."""
    open_s = travel[OPEN, here, there]
    drive_s = _in_traffic(hours, open_s, depart_s)
    if hours[NUM_BANS] == 0:
        return drive_s
    best = UNREACHABLE_S
    if not _is_banned(hours, depart_s, depart_s + drive_s):
        best = drive_s
    best = min(best, _in_traffic(hours, travel[SHUT, here, there], depart_s))
    first = FIRST_PERIOD + 4 * hours[NUM_PERIODS]
    for k in range(hours[NUM_BANS]):
        leave_s = hours[first + 2 * k + 1]
        wait_s = leave_s - depart_s
        if wait_s <= 0 or wait_s >= best:
            continue
        later_s = _in_traffic(hours, open_s, leave_s)
        if wait_s + later_s < best and not _is_banned(
            hours, leave_s, leave_s + later_s
        ):
            best = wait_s + later_s
    return best


@compiled
def _in_traffic(hours: Ints, base_s: int, depart_s: int) -> int:
    """Seconds of a free-flow drive from a moment on (`Traffic.drive_s`)."""
    if base_s >= UNREACHABLE_S:
        return UNREACHABLE_S
    at = FIRST_PERIOD
    last = FIRST_PERIOD + 4 * (hours[NUM_PERIODS] - 1)
    while at < last and hours[at + 4] <= depart_s:
        at += 4
    drive_s = -((-base_s * hours[at + 1]) // FACTOR_STEPS)
    if at == last or depart_s + drive_s <= hours[at + 4]:
        return min(drive_s, UNREACHABLE_S)
    goal = hours[at + 3] + (depart_s - hours[at]) * hours[at + 2]
    goal += base_s * hours[UNIT]
    while at < last and hours[at + 7] <= goal:
        at += 4
    arrive_s = hours[at] - (hours[at + 3] - goal) // hours[at + 2]
    return min(arrive_s - depart_s, UNREACHABLE_S)


@compiled
def _is_banned(hours: Ints, start_s: int, end_s: int) -> bool:
    """Whether a time on the road meets hours in which closures hold."""
    if start_s >= end_s:
        return False
    first = FIRST_PERIOD + 4 * hours[NUM_PERIODS]
    for k in range(hours[NUM_BANS]):
        if start_s < hours[first + 2 * k + 1] and hours[first + 2 * k] < end_s:
            return True
    return False
