"""Rules of a day restated for brute force in tests; nothing is shared with the code."""

from __future__ import annotations

from dispatch.domain.visit import Visit


def may_begin(visit: Visit, service_s: int, start_s: int) -> bool:
    """Whether service of a length may begin at a moment."""
    lock, due_s = visit.start_between, visit.due_s
    windows = [(window.start_s, window.end_s) for window in visit.windows]
    shut = [(hours.start_s, hours.end_s) for hours in visit.forbidden]
    return (
        start_s >= visit.release_s
        and (not windows or any(a <= start_s <= b for a, b in windows))
        and (lock is None or lock.start_s <= start_s <= lock.end_s)
        and not (visit.hard_due and due_s is not None and start_s > due_s)
        and all(start_s + service_s <= a or start_s >= b for a, b in shut)
    )


def first_start_s(visit: Visit, service_s: int, arrive_s: int) -> int | None:
    """First moment from an arrival on at which service may begin."""
    moments = [arrive_s, visit.release_s]
    moments += [window.start_s for window in visit.windows]
    moments += [hours.end_s for hours in visit.forbidden]
    if visit.start_between is not None:
        moments.append(visit.start_between.start_s)
    return min(
        (
            moment
            for moment in moments
            if moment >= arrive_s and may_begin(visit, service_s, moment)
        ),
        default=None,
    )
