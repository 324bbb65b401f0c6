"""Pooling: one month of many years as the pile of a single day."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType

import pytest

from api.import_file import Row
from api.import_mapping import ImportMapping
from api.pooling import pooled
from dispatch.domain.errors import InvalidInputError
from tests.builders import office_hours

MAPPING = ImportMapping(
    time_format="%Y/%m/%d %H:%M",
    columns=MappingProxyType({"received_at": "日時", "description": "内容"}),
    is_native=False,
)
HOURS = office_hours()  # 9:00-17:30, so that the night has 15.5 hours
ONTO = dt.date(2026, 11, 24)


def row(moment: str, text: str = "穴") -> Row:
    return {"日時": moment, "内容": text}


def test_rows_of_the_month_of_every_year_arrive_in_one_night() -> None:
    rows = [
        row("2019/11/30 23:59"),
        row("2021/10/31 12:00"),
        row("2023/11/01 00:00"),
        row("2020/11/15 12:00"),
        row("2023/12/01 00:00"),
    ]
    kept = pooled(rows, MAPPING, month=11, onto=ONTO, hours=HOURS)
    # 24 hours become the 15.5 from closing to opening: 0:00 → 17:30,
    # 12:00 → 7:45 later, 23:59 → 39 seconds before nine.
    assert [item["日時"] for item in kept] == [
        "2026/11/24 08:59",
        "2026/11/23 17:30",
        "2026/11/24 01:15",
    ]


def test_everything_but_the_date_stays_and_the_rows_given_are_untouched() -> None:
    given = row("2019/11/30 10:15", "街灯")
    # 10:15 is 36,900 of 86,400 s; of 55,800 s that is 6:37:11 after 17:30
    kept = pooled([given], MAPPING, month=11, onto=dt.date(2026, 1, 1), hours=HOURS)
    assert kept == [{"日時": "2026/01/01 00:07", "内容": "街灯"}]
    assert given["日時"] == "2019/11/30 10:15"


def test_month_without_rows_is_an_empty_pile() -> None:
    assert (
        pooled([row("2019/11/30 10:15")], MAPPING, month=2, onto=ONTO, hours=HOURS)
        == []
    )


@pytest.mark.parametrize("bad", [row("30.11.2019"), row(""), {"内容": "穴"}])
def test_row_without_a_readable_time_is_named(bad: Row) -> None:
    with pytest.raises(InvalidInputError) as caught:
        pooled(
            [row("2019/11/30 10:15"), bad], MAPPING, month=11, onto=ONTO, hours=HOURS
        )
    assert (caught.value.field, caught.value.row) == ("日時", 3)  # header is row 1


@pytest.mark.parametrize(
    "mapping",
    [
        ImportMapping(),  # native files say an offset, not a format
        ImportMapping(time_format="%Y", columns={"description": "内容"}),
    ],
)
def test_mapping_that_cannot_read_times_is_refused(mapping: ImportMapping) -> None:
    with pytest.raises(InvalidInputError, match="received_at"):
        pooled([], mapping, month=11, onto=ONTO, hours=HOURS)
