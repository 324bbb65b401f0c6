"""Working days: weekends, public holidays, and the days between the years."""

from __future__ import annotations

import datetime as dt

import pytest

from dispatch.domain.deadlines import next_working_day
from dispatch.domain.errors import SourceError
from geodata.calendar import working_days
from geodata.city import load_city

YEAR_END = ("12-29", "12-30", "12-31", "01-01", "01-02", "01-03")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (dt.date(2026, 11, 20), True),  # Friday
        (dt.date(2026, 11, 21), False),  # Saturday
        (dt.date(2026, 11, 22), False),  # Sunday
        (dt.date(2026, 11, 23), False),  # 勤労感謝の日, a Monday
        (dt.date(2026, 11, 24), True),
        (dt.date(2026, 9, 22), False),  # 国民の休日, between two holidays
        (dt.date(2026, 5, 6), False),  # 振替休日
        (dt.date(2026, 12, 28), True),  # 仕事納め
        (dt.date(2026, 12, 29), False),  # no public holiday, yet closed
        (dt.date(2027, 1, 4), True),  # 仕事始め
    ],
)
def test_a_day_in_japan(day: dt.date, *, works: bool) -> None:
    assert working_days("JP", closed_days=YEAR_END)(day) is works


def test_closed_days_are_the_offices_own() -> None:
    day = dt.date(2026, 12, 29)
    assert working_days("JP")(day)
    assert not working_days("JP", closed_days=("12-29",))(day)


def test_the_first_working_day_after_the_new_year_is_found() -> None:
    is_working_day = working_days("JP", closed_days=YEAR_END)
    assert next_working_day(dt.date(2026, 12, 29), is_working_day) == dt.date(
        2027, 1, 4
    )


def test_a_state_has_holidays_of_its_own() -> None:
    patriots_day = dt.date(2026, 4, 20)
    assert working_days("US")(patriots_day)
    assert not working_days("US", subdivision="MA")(patriots_day)


def test_each_profile_keeps_its_own_calendar() -> None:
    labour_thanksgiving = dt.date(2026, 11, 23)
    assert not load_city("osaka").hours.is_working_day(labour_thanksgiving)
    assert load_city("boston").hours.is_working_day(labour_thanksgiving)


@pytest.mark.parametrize("text", ["12-32", "29 December", ""])
def test_a_closed_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="MM-DD"):
        working_days("JP", closed_days=(text,))


@pytest.mark.parametrize(("country", "subdivision"), [("XX", ""), ("US", "QQ")])
def test_an_unknown_country_or_part_is_refused(country: str, subdivision: str) -> None:
    with pytest.raises(SourceError, match=country):
        working_days(country, subdivision=subdivision)
