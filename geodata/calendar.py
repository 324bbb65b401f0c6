"""The calendar of a city: weekends, public holidays and days closed besides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache

import holidays

from dispatch.domain.deadlines import IsWorkingDay
from dispatch.domain.errors import SourceError

SATURDAY = 5


def working_days(
    country: str, *, subdivision: str = "", closed_days: Iterable[str] = ()
) -> IsWorkingDay:
    """
    Return the question "is this a working day (開庁日)?" for a city.

    Parameters
    ----------
    country
        ISO 3166-1 code, e.g. `JP`.
    subdivision
        ISO 3166-2 part after the dash, where it has holidays of its own.
    closed_days
        Days of every year, `MM-DD`, on which the offices are closed besides.

    Raises
    ------
    SourceError
        When the country, its part or a day is unknown.

    Notes
    -----
    Public holidays come from the `holidays` package. A year that it does not reach
    has weekends and closed days only.
    """
    closed = frozenset(_month_and_day(text) for text in closed_days)
    try:
        holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as error:
        message = f"calendar: no public holidays known for {country} {subdivision}"
        raise SourceError(message) from error

    # Whole years at a time: the package's own table grows while it is asked, which
    # two threads must not see.
    @lru_cache(maxsize=32)
    def holidays_of(year: int) -> frozenset[dt.date]:
        table = holidays.country_holidays(
            country, subdiv=subdivision or None, years=year
        )
        return frozenset(table)

    def is_working_day(day: dt.date) -> bool:
        if day.weekday() >= SATURDAY or (day.month, day.day) in closed:
            return False
        return day not in holidays_of(day.year)

    return is_working_day


def _month_and_day(text: str) -> tuple[int, int]:
    try:
        day = dt.date.fromisoformat(f"2000-{text}")  # a leap year, so that 02-29 is one
    except ValueError as error:
        message = f"calendar: closed day {text!r} is not MM-DD"
        raise SourceError(message) from error
    return day.month, day.day
