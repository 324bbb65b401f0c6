"""Open office time against a count minute by minute, and holidays as published."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.catalogue import ResponseUnit
from dispatch.domain.deadlines import OfficeHours, due_after
from dispatch.domain.open_time import add_open_seconds, open_seconds_between
from geodata.calendar import working_days
from tests.builders import at, moment, office_hours

TOKYO = ZoneInfo("Asia/Tokyo")
CITY = OfficeHours(
    opens_s=at("9:00"),
    closes_s=at("17:30"),
    is_working_day=working_days(
        "JP", closed_days=("12-29", "12-30", "12-31", "01-01", "01-02", "01-03")
    ),
)
MIN = 60
DAY_S = at("17:30") - at("9:00")  # 30,600: eight and a half hours
moments = st.datetimes(
    dt.datetime(2026, 11, 1),  # noqa: DTZ001 - the zone is given below
    dt.datetime(2027, 1, 20),  # noqa: DTZ001
    timezones=st.just(TOKYO),
).map(lambda one: one.replace(second=0, microsecond=0))


def minutes_open(start: dt.datetime, end: dt.datetime) -> int:
    """Count the minutes one by one."""
    count, step = 0, dt.timedelta(minutes=1)
    while start < end:
        of_day = start.hour * 60 + start.minute
        if CITY.is_working_day(start.date()) and 540 <= of_day < 1050:
            count += 1
        start += step
    return count


@given(start=moments, length=st.integers(0, 6 * 24 * 60))
def test_open_time_is_what_a_count_of_minutes_gives(
    start: dt.datetime, length: int
) -> None:
    end = start + dt.timedelta(minutes=length)
    assert open_seconds_between(start, end, CITY) == minutes_open(start, end) * MIN


@given(start=moments, minutes=st.integers(0, 5_000))
def test_adding_open_time_passes_exactly_so_much(
    start: dt.datetime, minutes: int
) -> None:
    later = add_open_seconds(start, minutes * MIN, CITY)
    assert later >= start
    assert open_seconds_between(start, later, CITY) == minutes * MIN


def test_a_deadline_at_closing_time_stays_one_when_whole_days_are_added() -> None:
    friday = moment("17:30", dt.date(2026, 11, 27))
    assert add_open_seconds(friday, DAY_S, office_hours()) == moment(
        "17:30", dt.date(2026, 11, 30)
    )
    assert add_open_seconds(friday, 0, office_hours()) == friday
    # half an hour after closing time is half an hour after the next opening
    assert add_open_seconds(friday, 30 * MIN, office_hours()) == moment(
        "9:30", dt.date(2026, 11, 30)
    )


def test_nothing_has_passed_before_it_began() -> None:
    ten = moment("10:00")
    assert open_seconds_between(ten, ten, CITY) == 0
    assert open_seconds_between(ten, moment("9:00"), CITY) == 0


PUBLISHED = {  # Cabinet Office's list of national holidays, its own words aside
    1989: ("02-24",),  # 大喪の礼
    1990: ("01-01", "11-12", "11-23", "12-24"),  # 即位礼正殿の儀; 24: substitute
    1993: ("06-09",),  # 皇太子の結婚の儀
    2019: (
        *("04-29", "04-30", "05-01", "05-02", "05-03", "05-04", "05-06"),  # ten days
        "10-22",
    ),
    2021: ("07-22", "07-23", "08-08", "08-09"),  # moved for the Games
    2026: ("05-03", "05-04", "05-05", "05-06", "09-21", "09-22", "09-23", "11-23"),
}


@pytest.mark.parametrize(
    "day",
    [dt.date.fromisoformat(f"{y}-{d}") for y, days in PUBLISHED.items() for d in days],
    ids=str,
)
def test_a_published_holiday_is_no_working_day(day: dt.date) -> None:
    assert not CITY.is_working_day(day)


@given(
    start=st.dates(dt.date(1990, 1, 1), dt.date(2040, 12, 31)), days=st.integers(0, 40)
)
def test_deadlines_in_working_days_end_where_the_published_list_says(
    start: dt.date, days: int
) -> None:
    # Written differently: the list of open days ahead, and an index into it.
    listed = holidays.country_holidays("JP", years=range(start.year, start.year + 2))
    ahead = (start + dt.timedelta(days=n) for n in range(120))
    open_days = [
        d
        for d in ahead
        if d.isoweekday() <= 5
        and d not in listed
        and not (d.month == 12 and d.day >= 29)
        and not (d.month == 1 and d.day <= 3)
    ]
    received = dt.datetime.combine(start, dt.time(8), TOKYO)
    due = due_after(ResponseUnit.WORKING_DAYS, days, received, CITY)
    assert due.date() == open_days[days]
    assert (due.hour, due.minute) == (17, 30)
