"""Pooling: one month's rows of many years as the pile of a single day."""

from __future__ import annotations

import datetime as dt

from api.import_mapping import ImportMapping
from api.importer import Row
from dispatch.domain.errors import InvalidInputError


def pooled(
    rows: list[Row], mapping: ImportMapping, *, month: int, onto: dt.date
) -> list[Row]:
    """
    Keep a month's rows of any year, received on the day before `onto`.

    The time of day stays as it was, so that the pile has its real shape; only the date
    is set. What was late in truth is not late here: such a day is a what-if on real
    demand, and must be called so.

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

    Raises
    ------
    InvalidInputError
        When the mapping has no time column or a row's time cannot be read.
    """
    column, time_format = mapping.columns.get("received_at"), mapping.time_format
    if column is None or not time_format:
        raise InvalidInputError("--month", "the mapping names no received_at column")
    eve = onto - dt.timedelta(days=1)
    kept: list[Row] = []
    for number, row in enumerate(rows, start=2):
        try:
            moment = dt.datetime.strptime(row[column], time_format)  # noqa: DTZ007
        except (KeyError, ValueError):
            raise InvalidInputError(
                column, "cannot be read as a time", row=number
            ) from None
        if moment.month == month:
            moved = dt.datetime.combine(eve, moment.time())
            kept.append({**row, column: moved.strftime(time_format)})
    return kept
