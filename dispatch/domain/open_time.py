"""Open office time (開庁時間): how much passed, and when so much more will have."""

from __future__ import annotations

import datetime as dt

from dispatch.domain.deadlines import OfficeHours, next_working_day

ONE_DAY = dt.timedelta(days=1)


def open_seconds_between(
    start: dt.datetime, end: dt.datetime, hours: OfficeHours
) -> int:
    """
    Seconds between two moments in which the offices were open.

    Parameters
    ----------
    start, end
        Aware, in the city's time zone; nothing has passed when `end` is not later.
    hours
        Opening hours and calendar.
    """
    total = 0.0
    day = start.date()
    while day <= end.date() and start < end:
        if hours.is_working_day(day):
            opens, closes = _opening(day, start, hours)
            inside = min(closes, end) - max(opens, start)
            total += max(0.0, inside.total_seconds())
        day += ONE_DAY
    return int(total)


def add_open_seconds(
    moment: dt.datetime, seconds: int, hours: OfficeHours
) -> dt.datetime:
    """
    Moment after so much more open time.

    A deadline at closing time stays one at closing time when whole days are added.

    Parameters
    ----------
    moment
        Aware, in the city's time zone.
    seconds
        Of open time, 0 or more; for 0 the moment itself.
    hours
        Opening hours and calendar.
    """
    left = dt.timedelta(seconds=seconds)
    day = moment.date()
    while left:
        day = next_working_day(day, hours.is_working_day)
        opens, closes = _opening(day, moment, hours)
        begin = max(opens, moment)
        if begin < closes:
            if left <= closes - begin:
                return begin + left
            left -= closes - begin
        day += ONE_DAY
    return moment


def _opening(
    day: dt.date, like: dt.datetime, hours: OfficeHours
) -> tuple[dt.datetime, dt.datetime]:
    """Give opening and closing time of a day, in the time zone of another moment."""
    midnight = dt.datetime.combine(day, dt.time(), like.tzinfo)
    return (
        midnight + dt.timedelta(seconds=hours.opens_s),
        midnight + dt.timedelta(seconds=hours.closes_s),
    )
