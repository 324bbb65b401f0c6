"""Pooling: one month's rows of many years as the pile of a single day."""

from __future__ import annotations

import datetime as dt

from api.import_file import Row
from api.import_mapping import ImportMapping
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.team import DAY_S


def pooled(
    rows: list[Row],
    mapping: ImportMapping,
    *,
    month: int,
    onto: dt.date,
    hours: OfficeHours,
) -> list[Row]:
    """
    Keep a month's rows of any year, received in the night before `onto`.

    Their times of day are squeezed, in order, into the hours between the closing of
    the day before and the opening of `onto`: the pile that the morning plan meets,
    with every deadline counted from the opening. What was late in truth is not late
    here: such a day is a what-if on real demand, and must be called so.

    Parameters
    ----------
    rows
        Of the file.
    mapping
        Must name the column of `received_at` and its time format.
    month
        1 to 12.
    onto
        The day that is planned.
    hours
        Opening and closing of the offices.

    Raises
    ------
    InvalidInputError
        When the mapping has no time column or a row's time cannot be read.
    """
    column, time_format = mapping.columns.get("received_at"), mapping.time_format
    if column is None or not time_format:
        raise InvalidInputError("--month", "the mapping names no received_at column")
    closing = dt.datetime.combine(onto - dt.timedelta(days=1), dt.time())
    closing += dt.timedelta(seconds=hours.closes_s)
    night_s = DAY_S - hours.closes_s + hours.opens_s
    kept: list[Row] = []
    for number, row in enumerate(rows, start=2):
        try:
            moment = dt.datetime.strptime(row[column], time_format)  # noqa: DTZ007
        except (KeyError, ValueError):
            raise InvalidInputError(
                column, "cannot be read as a time", row=number
            ) from None
        if moment.month == month:
            midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
            share = (moment - midnight).total_seconds() / DAY_S
            moved = closing + dt.timedelta(seconds=int(share * night_s))
            kept.append({**row, column: moved.strftime(time_format)})
    return kept
