"""Use case of the monthly numbers: a month, a dimension, and the day to count for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.statistics import (
    ChartStory,
    Dimension,
    HandOver,
    Numbers,
    Period,
    hand_overs,
    numbers_by,
    total,
)
from dispatch.ports import Clock

YEARS = range(2000, 2200)


class ChartStories(Protocol):
    """The history of all charts, without anybody's words."""

    def stories(self, *, before: dt.datetime) -> Sequence[ChartStory]:
        """Charts with a change before a moment, each with those changes only."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyNumbers:
    """A table of numbers: rows by code or id, their total, and the hand-overs."""

    month: dt.date
    as_of: dt.date
    dimension: Dimension
    rows: Mapping[str, Numbers]
    total: Numbers
    hand_overs: tuple[HandOver, ...]


class StatisticsDesk:
    """
    Counts what happened in a month, as it was known on a day.

    Parameters
    ----------
    stories
        Store of histories.
    clock
        For the day, where none is asked for.
    timezone
        Of the city: months and days begin at its midnight.
    """

    def __init__(
        self, stories: ChartStories, clock: Clock, timezone: dt.tzinfo
    ) -> None:
        self._stories = stories
        self._clock = clock
        self._timezone = timezone

    @property
    def today(self) -> dt.date:
        """Day of the city."""
        return self._clock.now().astimezone(self._timezone).date()

    def month(
        self,
        month: dt.date,
        dimension: Dimension,
        *,
        as_of: dt.date | None = None,
    ) -> MonthlyNumbers:
        """
        Count a month.

        Parameters
        ----------
        month
            Any day of it.
        dimension
            What the rows stand for.
        as_of
            Day at whose end it is counted; today when absent. The same day gives the
            same numbers for ever.

        Raises
        ------
        InvalidInputError
            When the day lies ahead or before the month, or the year is none.
        """
        day = as_of or self.today
        first = month.replace(day=1)
        if month.year not in YEARS or day.year not in YEARS:
            raise InvalidInputError("month", "年を確かめてください")
        if day > self.today:
            raise InvalidInputError("as_of", "これから先の日は数えられません")
        if day < first:
            raise InvalidInputError("as_of", "数える日が、その月より前です")
        period = Period(
            start=self._midnight(first),
            end=self._midnight((first + dt.timedelta(days=31)).replace(day=1)),
            as_of=self._midnight(day + dt.timedelta(days=1)),
        )
        stories = self._stories.stories(before=period.as_of)
        rows = numbers_by(stories, period, dimension)
        return MonthlyNumbers(
            month=first,
            as_of=day,
            dimension=dimension,
            rows=rows,
            total=total(rows.values()),
            hand_overs=hand_overs(stories, period),
        )

    def _midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self._timezone)
