"""Deadlines (期限): when the first response to a consultation is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from dispatch.domain.catalogue import ResponseUnit, Urgency, WorkCategory
from dispatch.domain.team import DAY_S

IsWorkingDay = Callable[[dt.date], bool]
LONGEST_CLOSURE_DAYS = 31  # a calendar without a working day in a month is a mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeHours:
    """Opening hours (seconds after midnight) and working days of the city's offices."""

    opens_s: int
    closes_s: int
    is_working_day: IsWorkingDay


def wall_seconds(moment: dt.datetime, day: dt.date, timezone: dt.tzinfo) -> int:
    """
    Seconds after a day's midnight as a clock on the wall shows them.

    On a day when clocks change this is not the time elapsed: 10:00 stays 36,000.
    """
    local = moment.astimezone(timezone)
    days = (local.date() - day).days
    return days * DAY_S + local.hour * 3600 + local.minute * 60 + local.second


def next_working_day(day: dt.date, is_working_day: IsWorkingDay) -> dt.date:
    """First working day on or after the day."""
    for ahead in range(LONGEST_CLOSURE_DAYS + 1):
        candidate = day + dt.timedelta(days=ahead)
        if is_working_day(candidate):
            return candidate
    message = f"no working day within {LONGEST_CLOSURE_DAYS} days after {day}"
    raise ValueError(message)


def add_working_days(day: dt.date, count: int, is_working_day: IsWorkingDay) -> dt.date:
    """Day that lies `count` working days after the first working day from `day` on."""
    current = next_working_day(day, is_working_day)
    for _ in range(count):
        current = next_working_day(current + dt.timedelta(days=1), is_working_day)
    return current


def first_due_at(
    category: WorkCategory,
    urgency: Urgency,
    received_at: dt.datetime,
    hours: OfficeHours,
) -> dt.datetime:
    """
    Deadline of the first response.

    A consultation that arrives while the offices are closed counts from the next
    opening; what is urgent then is the night duty's until the teams start. An urgency
    raised to S or A brings that class's target: 60 minutes, or the same day.

    Parameters
    ----------
    category
        Its target, in minutes, working days or days.
    urgency
        Of this consultation, which may be above the category's.
    received_at
        Aware, in the city's time zone.
    hours
        Opening hours and calendar.
    """
    unit, value = category.response_unit, category.response_value
    if urgency.rank < category.urgency.rank:
        if urgency is Urgency.S:
            unit, value = ResponseUnit.MINUTES, 60
        elif urgency is Urgency.A:
            unit, value = ResponseUnit.TODAY, 0
        else:
            unit, value = ResponseUnit.WORKING_DAYS, 3
    return due_after(unit, value, received_at, hours)


def completion_due_at(
    category: WorkCategory, received_at: dt.datetime, hours: OfficeHours
) -> dt.datetime | None:
    """Deadline of the work on site (完了目標); None where the category has none."""
    if category.completion_unit is ResponseUnit.NONE:
        return None
    unit, value = category.completion_unit, category.completion_value
    return due_after(unit, value, received_at, hours)


def due_after(
    unit: ResponseUnit, value: int, received_at: dt.datetime, hours: OfficeHours
) -> dt.datetime:
    """
    Moment at which a target of a category or scheme ends.

    Days end at closing time; a day on which the offices are closed gives way to the
    next on which they are open.
    """
    open_at = counted_from(received_at, hours)
    close = dt.timedelta(seconds=hours.closes_s)
    midnight = open_at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit is ResponseUnit.MINUTES:
        return open_at + dt.timedelta(minutes=value)
    if unit is ResponseUnit.TODAY:
        return midnight + close
    if unit is ResponseUnit.WORKING_DAYS:
        last = add_working_days(open_at.date(), value, hours.is_working_day)
    else:
        after = received_at.date() + dt.timedelta(days=value)
        # 0 days on a closed evening would end before the opening it counts from
        last = next_working_day(max(after, open_at.date()), hours.is_working_day)
    return midnight + (last - midnight.date()) + close


def counted_from(received_at: dt.datetime, hours: OfficeHours) -> dt.datetime:
    """Moment from which a deadline runs: now if open, else the next opening."""
    midnight = received_at.replace(hour=0, minute=0, second=0, microsecond=0)
    second = (received_at - midnight).total_seconds()
    day = received_at.date()
    if hours.is_working_day(day) and second < hours.closes_s:
        opening = midnight + dt.timedelta(seconds=hours.opens_s)
        return max(received_at, opening)
    day = next_working_day(day + dt.timedelta(days=1), hours.is_working_day)
    return midnight + (day - received_at.date()) + dt.timedelta(seconds=hours.opens_s)
