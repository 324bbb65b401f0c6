"""What leaves the house in a file: data sets, columns, rows as plain values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.life_cycle import NOT_DONE
from dispatch.domain.place import LonLat

MAX_DAYS = 366  # proposal: a year in one file; a spreadsheet holds a million rows
DECIMALS = 6  # of a degree: 0.1 m
CODE_DIGITS = 5  # 標準地域コード without its check digit
CHECK_MODULUS = 11

Value = str | int | float | dt.date | dt.datetime | None
Shape = Mapping[str, Any]  # GeoJSON geometry (RFC 7946), degrees (lon, lat)


class Dataset(StrEnum):
    """What a file holds."""

    CONSULTATIONS = "consultations"  # 相談
    VISITS = "visits"  # 訪問
    ROUTES = "routes"  # 巡回経路
    OFFICES = "offices"  # 公共施設
    DISTRICTS = "districts"  # 校区
    CLOSURES = "closures"  # 通行規制

    @property
    def has_days(self) -> bool:
        """Whether it holds what belongs to days; the others are as of now."""
        return self not in {Dataset.OFFICES, Dataset.DISTRICTS}


class ExportFormat(StrEnum):
    """How a file is written."""

    CSV = "csv"
    XLSX = "xlsx"
    GEOJSON = "geojson"
    GPKG = "gpkg"


class Standing(StrEnum):
    """Which consultations: those that are not done, the others, or all."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"

    @property
    def statuses(self) -> tuple[ChartStatus, ...] | None:
        """Statuses of such charts; None for all."""
        if self is Standing.ALL:
            return None
        is_open = self is Standing.OPEN
        return tuple(one for one in ChartStatus if (one in NOT_DONE) is is_open)


class Kind(StrEnum):
    """What a column holds; a code is a text, so that it keeps its zeros."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"  # by the city's clock, with its offset


class Geometry(StrEnum):
    """What a row of a data set is on a map."""

    POINT = "Point"
    LINE = "LineString"
    AREA = "MultiPolygon"
    MIXED = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a file: its heading and what stands under it."""

    name: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """A row: one value a column, and where it is (None: on no map)."""

    cells: tuple[Value, ...]
    shape: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTable:
    """A data set ready to be written; the rows can be read once."""

    dataset: Dataset
    columns: tuple[Column, ...]
    geometry: Geometry
    rows: Iterable[ExportRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedChart:
    """
    What of a chart goes into a file: no word of a resident, and no person.

    `town` and `block` are the data's, empty where the place is no crew's to go to.
    """

    id: str
    number: str
    status: ChartStatus
    urgency: Urgency
    duty: Duty
    category_code: str
    received_at: dt.datetime
    due_at: dt.datetime | None
    responded_at: dt.datetime | None
    work_done_at: dt.datetime | None
    answered_at: dt.datetime | None
    ward_code: str
    town: str
    block: str
    district_id: str
    office_id: str
    team_id: str
    receiver: str
    level: str
    place: LonLat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSpan:
    """
    Days of a file, both included.

    Raises
    ------
    InvalidInputError
        When the last comes before the first, or there are more than `MAX_DAYS`.
    """

    first: dt.date
    last: dt.date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise InvalidInputError("to", "終わりの日を始めの日より前にできません")
        if (self.last - self.first).days >= MAX_DAYS:
            raise InvalidInputError("to", f"一度に出せるのは{MAX_DAYS}日分までです")

    @property
    def days(self) -> tuple[dt.date, ...]:
        """Each day in order."""
        count = (self.last - self.first).days + 1
        return tuple(self.first + dt.timedelta(days=n) for n in range(count))

    def bounds(self, timezone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
        """First moment, and the first one after it, by the city's clock."""
        after = self.last + dt.timedelta(days=1)
        return (
            dt.datetime.combine(self.first, dt.time(), timezone),
            dt.datetime.combine(after, dt.time(), timezone),
        )


def month_span(month: dt.date) -> ExportSpan:
    """Days of the month that a day belongs to."""
    first = month.replace(day=1)
    following = (first + dt.timedelta(days=31)).replace(day=1)
    return ExportSpan(first=first, last=following - dt.timedelta(days=1))


def code_with_check(code: str) -> str:
    """
    全国地方公共団体コード of six digits; a code of another form stays as it is.

    The check digit is that of the Ministry of Internal Affairs' code table: digits
    weighted 6 to 2, the sum's rest by 11 taken from 11, its last digit.
    """
    if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
        return code
    total = sum(
        int(digit) * weight for digit, weight in zip(code, range(6, 1, -1), strict=True)
    )
    return f"{code}{(CHECK_MODULUS - total % CHECK_MODULUS) % 10}"


def rounded(degrees: float) -> float:
    """Degrees with as many decimals as leave the house."""
    return round(degrees, DECIMALS)


def point_shape(place: LonLat) -> Shape:
    """Return a place as a GeoJSON geometry."""
    return {"type": "Point", "coordinates": [rounded(place.lon), rounded(place.lat)]}
