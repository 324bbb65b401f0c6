"""What is asked of the list of consultations, and a page of it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
    create_model,
)

from api.schemas import ChartOut, Strict
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.chart_query import (
    ChartColumn,
    ChartQuery,
    PageMark,
    PageOrder,
    Reach,
)
from dispatch.domain.life_cycle import NOT_DONE
from dispatch.domain.place import BoundingBox
from dispatch.domain.scheme import Scheme

MAX_PAGE = 200
PAGE = 50  # charts, where the address names no number
MAX_VALUES = 2_000  # characters of one filter
BEGINNING = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
LETTERS = {PageOrder.RECEIVED: "r", PageOrder.NEWEST: "n", PageOrder.DUE: "d"}
CURSOR = r"^([rnd])([0-2][0-9]{17}|-)\.([0-9a-z]{10})$"
BOX = r"^-?[0-9]{1,3}(\.[0-9]{1,12})?(,-?[0-9]{1,3}(\.[0-9]{1,12})?){3}$"
WORDS = r"^[^,\x00-\x1f\x7f]{1,120}(,[^,\x00-\x1f\x7f]{1,120})*$"
NOT_A_CURSOR = "前の答えの next にあった値を、そのまま入れてください"
NOT_A_BOX = "経度,緯度,経度,緯度 の4つの数にしてください"
NOT_A_LIST = "空の値か、使えない文字が入っています(カンマで区切ります)"
NOT_A_FLAG = "true か false にしてください"
WITH_SECONDS = "日時は秒まで、時差も書いてください(例: 2026-11-24T09:05:00+09:00)"


def _one_of(known: Iterable[str]) -> tuple[AfterValidator, WithJsonSchema]:
    """Words of a closed set, separated by commas; the refusal tells the set."""
    words = list(known)
    one = "|".join(map(re.escape, words))

    def check(text: str) -> str:
        _require_short(text)
        wrong = [word for word in text.split(",") if word not in words]
        if wrong:
            message = f"使えるもの: {'、'.join(words)}(複数はカンマで区切ります)"
            raise ValueError(message)
        return text

    return AfterValidator(check), _schema(f"^({one})(,({one}))*$")


def _shaped(pattern: str, message: str) -> tuple[AfterValidator, WithJsonSchema]:
    """Text of a shape; the refusal says it in words."""
    shape = re.compile(pattern)

    def check(text: str) -> str:
        _require_short(text)
        if not shape.fullmatch(text):
            raise ValueError(message)
        return text

    return AfterValidator(check), _schema(pattern)


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": pattern, "maxLength": MAX_VALUES}
    )


def _require_short(text: str) -> None:
    if len(text) > MAX_VALUES:
        message = f"{MAX_VALUES:,}文字までです"
        raise ValueError(message)


def _flag(value: object) -> object:
    """Refuse what only looks like yes or no."""
    if value not in {"true", "false"}:
        raise ValueError(NOT_A_FLAG)
    return value


def _in_reach(moment: dt.datetime) -> dt.datetime:
    """Moment in UTC; at an end of the calendar that end, as nothing lies beyond."""
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        return BEGINNING if moment.year == dt.MINYEAR else END


def _written(value: object) -> object:
    """Refuse a bare number, which would be read as seconds since 1970."""
    if isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", value):
        return value
    raise ValueError(WITH_SECONDS)


Since = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_reach)]
Words = Annotated[str, *_shaped(WORDS, NOT_A_LIST)]
Statuses = Annotated[str, *_one_of(ChartStatus)]
Urgencies = Annotated[str, *_one_of(Urgency)]
Duties = Annotated[str, *_one_of(Duty)]
Schemes = Annotated[str, *_one_of(Scheme)]
Fields = Annotated[str, *_one_of(ChartOut.model_fields)]
Box = Annotated[str, *_shaped(BOX, NOT_A_BOX)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Cursor = Annotated[str, *_shaped(CURSOR, NOT_A_CURSOR)]


class ListAsked(Strict):
    """Filters of a list of consultations; several values of one go with commas."""

    status: Statuses = ""
    category: Words = Field("", examples=["R02,R13"])
    urgency: Urgencies = ""
    duty: Duties = ""
    scheme: Schemes = ""
    ward: Words = Field("", description="code")
    district: Words = Field("", description="id")
    office: Words = Field("", description="id")
    team: Words = Field("", description="id")
    source: Words = Field("", description="a key's name")
    external_id: Words = ""
    number: Words = ""
    open: Flag | None = Field(None, description="whether the work is still to be done")
    received_from: Since | None = Field(None, description="included")
    received_before: Since | None = Field(None, description="not included")
    due_before: Since | None = Field(None, description="not included")
    updated_since: Since | None = Field(None, description="included")
    bbox: Box = Field(
        "",
        description="two opposite corners: lon,lat,lon,lat in degrees",
        examples=["135.46,34.62,135.50,34.66"],
    )
    fields: Fields = Field("", description="all: none")
    sort: PageOrder = PageOrder.RECEIVED
    limit: int = Field(PAGE, ge=1, le=MAX_PAGE)
    cursor: Cursor = Field(
        "", description="`next` of the page before; its order is kept"
    )

    def query(self, reach: Reach) -> ChartQuery:
        """Question to the store, of those charts that may be read."""
        stated = {column: getattr(self, column.value) for column in ChartColumn}
        return ChartQuery(
            statuses=None if self.open is None else _standing(is_open=self.open),
            among={
                column: frozenset(text.split(","))
                for column, text in stated.items()
                if text
            },
            received_from=self.received_from,
            received_before=self.received_before,
            due_before=self.due_before,
            updated_from=self.updated_since,
            box=_box(self.bbox) if self.bbox else None,
            reach=reach,
        )

    def place(self) -> tuple[PageOrder, PageMark | None]:
        """Order of the list, and the chart after which the page begins."""
        found = re.fullmatch(CURSOR, self.cursor)
        if found is None:
            return self.sort, None
        letter, moment, chart_id = found.groups()
        order = next(one for one in PageOrder if LETTERS[one] == letter)
        at = (
            None
            if moment == "-"
            else BEGINNING + dt.timedelta(microseconds=int(moment))
        )
        return order, PageMark(at=at, chart_id=chart_id)

    def names(self) -> set[str]:
        """Names of the fields that each chart is answered with."""
        return set((self.fields or ",".join(ChartOut.model_fields)).split(","))


def cursor_after(chart: CaseChart, order: PageOrder) -> str:
    """Cursor of the page behind a chart."""
    received = chart.consultation.received_at
    at = chart.due_at if order is PageOrder.DUE else received
    return f"{LETTERS[order]}{_micros(at)}.{chart.id}"


def _micros(at: dt.datetime | None) -> str:
    """Microseconds since the year 1, in digits of one width; a dash for no time."""
    return (
        "-" if at is None else f"{(at - BEGINNING) // dt.timedelta(microseconds=1):018}"
    )


def _standing(*, is_open: bool) -> tuple[ChartStatus, ...]:
    return tuple(one for one in ChartStatus if (one in NOT_DONE) is is_open)


def _box(text: str) -> BoundingBox:
    west, south, east, north = map(float, text.split(","))
    return BoundingBox(
        west=min(west, east),
        south=min(south, north),
        east=max(west, east),
        north=max(south, north),
    )


# Every field of a chart, none of them sure to be there: `fields` chooses.
_chosen: dict[str, Any] = {
    name: (info.annotation, Field(default_factory=str))
    for name, info in ChartOut.model_fields.items()
}
ListedChart: type[BaseModel] = create_model(
    "ListedChart", __doc__="A chart with the fields that were asked for.", **_chosen
)


class PageOut(BaseModel):
    """A page of a list of consultations."""

    consultations: list[ListedChart]
    next: str | None = Field(description="cursor of the next page; null on the last")
