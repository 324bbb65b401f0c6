"""How dates, numbers and deadlines are written for people."""

from __future__ import annotations

import datetime as dt

import pytest

from api.wording import (
    CHANNEL_TEXT,
    DUTY_TEXT,
    ENTRY_TEXT,
    LEVEL_TEXT,
    PLACING_TEXT,
    PLAN_STATUS_TEXT,
    REASON_TEXT,
    STATUS_TEXT,
    URGENCY_TEXT,
    WARNING_TEXT,
    deadline_text,
    elapsed_text,
    era_date,
    moment_text,
    number_prefix,
)
from dispatch.domain.case_chart import ChartStatus, EntryKind
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.consultation import Channel
from dispatch.domain.placing import PlaceLevel, PlacingStatus, PlacingWarning
from dispatch.domain.plan import UnassignedReason
from dispatch.ports import PlanStatus
from tests.api.installation import NOW, TOKYO


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (dt.date(2026, 11, 22), "令和8年11月22日(日)"),
        (dt.date(2019, 5, 1), "令和元年5月1日(水)"),  # first day of the era
        (dt.date(2019, 4, 30), "平成31年4月30日(火)"),  # last day before
        (dt.date(1989, 1, 8), "平成元年1月8日(日)"),
        (dt.date(1989, 1, 7), "昭和64年1月7日(土)"),
        (dt.date(1926, 12, 25), "昭和元年12月25日(土)"),
        (dt.date(1926, 12, 24), "1926年12月24日(金)"),  # no table further back
    ],
)
def test_date_carries_the_era_of_its_day(day: dt.date, text: str) -> None:
    assert era_date(day) == text


@pytest.mark.parametrize(
    ("day", "ward", "prefix"),
    [
        (dt.date(2011, 6, 1), "271225", "H23-27122"),
        (dt.date(2012, 3, 31), "271225", "H23-27122"),  # 年度 ends in March
        (dt.date(2012, 4, 1), "271225", "H24-27122"),
        (dt.date(2019, 4, 1), "271225", "R1-27122"),  # 平成31年度 is called R1
        (dt.date(2019, 3, 31), "271225", "H30-27122"),
        (dt.date(2020, 3, 31), "271225", "R1-27122"),
        (dt.date(2026, 11, 24), "27122", "R8-27122"),
        (dt.date(2026, 11, 24), "", "R8-00000"),  # the place is not known yet
    ],
)
def test_number_begins_with_fiscal_year_and_ward(
    day: dt.date, ward: str, prefix: str
) -> None:
    assert number_prefix("era", day, ward) == prefix


def test_number_of_a_city_without_eras_begins_with_the_calendar_year() -> None:
    assert number_prefix("year", dt.date(2026, 3, 1), "25025") == "2026-25025"


def after(**amount: int) -> dt.datetime:
    return NOW + dt.timedelta(**amount)


# now is Tuesday 2026-11-24 8:50
@pytest.mark.parametrize(
    ("due_at", "text"),
    [
        (None, "期限なし"),
        (after(minutes=59), "あと59分(9:49)"),
        (after(minutes=60), "あと1時間(9:50)"),
        (after(hours=2, minutes=10), "あと2時間10分(11:00)"),
        (after(hours=23, minutes=59), "あと23時間(11月25日(水))"),
        (after(days=1), "あと1日(11月25日(水))"),
        (after(days=14), "あと14日(12月8日(火))"),
        (after(), "あと0分(8:50)"),
        (after(minutes=-1), "▲期限超過 1分(8:49)"),
        (after(days=-4), "▲期限超過 4日(11月20日(金))"),
    ],
)
def test_deadline_says_how_long_is_left_and_until_when(
    due_at: dt.datetime | None, text: str
) -> None:
    assert deadline_text(due_at, NOW, TOKYO) == text


def test_deadline_stored_in_another_zone_is_told_in_local_time() -> None:
    due_at = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)  # 11:00 in Osaka
    assert deadline_text(due_at, NOW, TOKYO) == "あと2時間10分(11:00)"
    assert moment_text(due_at, TOKYO) == "11月24日(火) 11:00"


def test_no_moment_is_written_as_nothing() -> None:
    assert moment_text(None, TOKYO) == ""


@pytest.mark.parametrize(
    ("kinds", "texts"),
    [
        (ChartStatus, STATUS_TEXT),
        (EntryKind, ENTRY_TEXT),
        (Urgency, URGENCY_TEXT),
        (Duty, DUTY_TEXT),
        (Channel, CHANNEL_TEXT),
        (PlaceLevel, LEVEL_TEXT),
        (PlacingStatus, PLACING_TEXT),
        (PlacingWarning, WARNING_TEXT),
        (UnassignedReason, REASON_TEXT),
        (PlanStatus, PLAN_STATUS_TEXT),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_state_has_its_own_word(
    kinds: type[ChartStatus], texts: dict[ChartStatus, str]
) -> None:
    assert set(texts) == set(kinds)
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(-5, "0分"), (0, "0分"), (59, "59分"), (125, "2時間5分"), (3 * 1440, "3日")],
)
def test_time_that_has_passed_is_told_in_its_fitting_unit(
    minutes: int, text: str
) -> None:
    assert elapsed_text(NOW - dt.timedelta(minutes=minutes), NOW) == text
