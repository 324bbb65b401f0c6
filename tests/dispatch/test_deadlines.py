"""Deadlines around closing time, long weekends and the turn of the year."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatch.domain.catalogue import ResponseUnit, Urgency
from dispatch.domain.deadlines import (
    OfficeHours,
    add_working_days,
    counted_from,
    first_due_at,
    next_working_day,
)
from tests.builders import TOKYO, category, is_working_day, moment, office_hours

FRIDAY = dt.date(2026, 11, 20)  # Saturday 21, Sunday 22, Monday 23 holiday
TUESDAY = dt.date(2026, 11, 24)


def due(
    received: dt.datetime,
    unit: ResponseUnit,
    value: int,
    *,
    urgency: Urgency = Urgency.B,
    own: Urgency = Urgency.B,
) -> dt.datetime:
    work = category(urgency=own, response_unit=unit, response_value=value)
    return first_due_at(work, urgency, received, office_hours())


def test_minutes_run_from_now_while_the_offices_are_open() -> None:
    received = moment("10:07", FRIDAY)
    assert due(received, ResponseUnit.MINUTES, 60) == moment("11:07", FRIDAY)


def test_minutes_run_from_the_opening_before_it() -> None:
    early = moment("6:00", FRIDAY)
    assert due(early, ResponseUnit.MINUTES, 60) == moment("10:00", FRIDAY)


def test_friday_evening_counts_from_tuesday_after_the_long_weekend() -> None:
    evening = moment("17:30", FRIDAY)  # closing time itself is closed
    assert counted_from(evening, office_hours()) == moment("9:00", TUESDAY)
    assert due(evening, ResponseUnit.MINUTES, 60) == moment("10:00", TUESDAY)
    assert due(evening, ResponseUnit.TODAY, 0) == moment("17:30", TUESDAY)
    # three working days after Tuesday 24: Wednesday, Thursday, Friday 27
    friday = dt.date(2026, 11, 27)
    assert due(evening, ResponseUnit.WORKING_DAYS, 3) == moment("17:30", friday)


def test_one_minute_before_closing_still_counts_as_today() -> None:
    late = moment("17:29", FRIDAY)
    assert due(late, ResponseUnit.TODAY, 0) == moment("17:30", FRIDAY)
    # working days: Tuesday 24, Wednesday 25, Thursday 26
    thursday = dt.date(2026, 11, 26)
    assert due(late, ResponseUnit.WORKING_DAYS, 3) == moment("17:30", thursday)


def test_year_end_skips_the_closure() -> None:
    monday = dt.date(2026, 12, 28)
    # closed 29 December-3 January; working days: 4, 5, 6 January
    received = moment("10:00", monday)
    assert due(received, ResponseUnit.WORKING_DAYS, 3) == moment(
        "17:30", dt.date(2027, 1, 6)
    )
    new_year = moment("12:00", dt.date(2027, 1, 1))
    first = dt.date(2027, 1, 4)
    assert due(new_year, ResponseUnit.MINUTES, 30) == moment("9:30", first)


def test_days_run_from_the_day_of_receipt_and_end_on_a_working_day() -> None:
    # 14 days after Saturday 21 November: Saturday 5 December → Monday 7
    saturday = moment("12:00", dt.date(2026, 11, 21))
    assert due(saturday, ResponseUnit.DAYS, 14) == moment("17:30", dt.date(2026, 12, 7))


def test_zero_days_on_a_closed_evening_end_with_the_next_open_day() -> None:
    evening = moment("18:00", FRIDAY)
    assert due(evening, ResponseUnit.DAYS, 0) == moment("17:30", TUESDAY)


@pytest.mark.parametrize(
    ("urgency", "expected"),
    [
        (Urgency.S, moment("11:00", FRIDAY)),  # 60 minutes
        (Urgency.A, moment("17:30", FRIDAY)),  # the same day
        (Urgency.B, moment("17:30", dt.date(2026, 11, 26))),  # three working days
        (Urgency.C, moment("17:30", dt.date(2026, 12, 4))),  # its own 14 days
    ],
)
def test_a_raised_urgency_brings_that_class_target(
    urgency: Urgency, expected: dt.datetime
) -> None:
    received = moment("10:00", FRIDAY)
    assert (
        due(received, ResponseUnit.DAYS, 14, urgency=urgency, own=Urgency.C) == expected
    )


def test_a_calendar_without_working_days_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no working day"):
        next_working_day(FRIDAY, lambda _day: False)


def test_zero_working_days_from_a_closed_day_is_the_next_open_one() -> None:
    assert add_working_days(dt.date(2026, 11, 21), 0, is_working_day) == TUESDAY


received_times = st.datetimes(
    min_value=dt.datetime(2026, 10, 1),  # noqa: DTZ001 - given its zone below
    max_value=dt.datetime(2027, 2, 28),  # noqa: DTZ001
    timezones=st.just(TOKYO),
)


@given(
    received=received_times,
    unit=st.sampled_from([u for u in ResponseUnit if u is not ResponseUnit.NONE]),
    value=st.integers(0, 20),
    own=st.sampled_from(Urgency),
    urgency=st.sampled_from(Urgency),
)
@example(
    received=moment("18:00", FRIDAY),
    unit=ResponseUnit.DAYS,
    value=0,
    own=Urgency.C,
    urgency=Urgency.C,
)
def test_a_deadline_is_never_before_receipt_and_lies_on_a_working_day(
    received: dt.datetime,
    unit: ResponseUnit,
    value: int,
    own: Urgency,
    urgency: Urgency,
) -> None:
    found = due(received, unit, value, urgency=urgency, own=own)
    assert found >= received
    assert found >= counted_from(received, office_hours())
    assert is_working_day(found.date())
    assert found.tzinfo is TOKYO


@given(received=received_times)
def test_counting_begins_while_open(received: dt.datetime) -> None:
    hours = office_hours()
    begins = counted_from(received, hours)
    assert begins >= received
    assert is_working_day(begins.date())
    second = begins.hour * 3600 + begins.minute * 60 + begins.second
    assert hours.opens_s <= second < hours.closes_s


def test_counting_is_the_receipt_itself_while_open() -> None:
    received = moment("12:34", TUESDAY)
    always = OfficeHours(opens_s=0, closes_s=86_400, is_working_day=lambda _day: True)
    assert counted_from(received, always) == received
