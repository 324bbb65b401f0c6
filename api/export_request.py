"""What somebody asks to have in a file: data set, days, areas, and for whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from api.acting import refusal
from api.reach import reach_of
from api.wiring import Services
from dispatch.domain.access import Action, Actor, is_unlimited, may
from dispatch.domain.chart_query import EVERYTHING, ChartQuery, Reach
from dispatch.domain.errors import InvalidInputError, NotAllowedError
from dispatch.domain.exported import (
    Dataset,
    ExportSpan,
    Standing,
    code_with_check,
    month_span,
)

AREAS = ("ward", "district", "office")
# What can narrow a data set down, besides its days.
FILTERS: Mapping[Dataset, frozenset[str]] = MappingProxyType(
    {
        Dataset.CONSULTATIONS: frozenset({*AREAS, "state"}),
        Dataset.VISITS: frozenset(AREAS),
        Dataset.ROUTES: frozenset({"office"}),
        Dataset.OFFICES: frozenset(),
        Dataset.DISTRICTS: frozenset({"ward", "district"}),
        Dataset.CLOSURES: frozenset(),
    }
)
# What a data set takes besides the leave to export.
NEEDED = {Dataset.ROUTES: Action.READ_ROUTE, Dataset.CLOSURES: Action.READ_CLOSURES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Words of an address or a command, not yet read; empty ones limit nothing."""

    month: str = ""
    first: str = ""
    last: str = ""
    ward: str = ""
    district: str = ""
    office: str = ""
    state: str = ""

    @property
    def filters(self) -> dict[str, str]:
        """What narrows it down, by the name of its field."""
        return {
            "ward": self.ward,
            "district": self.district,
            "office": self.office,
            "state": self.state,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """Which data set, of which days and areas, for whom; empty limits nothing."""

    dataset: Dataset
    span: ExportSpan
    reach: Reach
    ward_code: str = ""
    office_id: str = ""
    district_id: str = ""
    standing: Standing = Standing.ALL

    def of_areas(self) -> ChartQuery:
        """Charts of the ward and district that were asked for, of any day."""
        return ChartQuery(
            ward_code=self.ward_code,
            district_ids=(self.district_id,) if self.district_id else (),
            reach=self.reach,
        )

    def has_office(self, office_id: str) -> bool:
        """Whether an office was asked for, and whoever asks may see its routes."""
        asked = self.office_id in {"", office_id}
        return asked and (self.reach.is_unlimited or office_id in self.reach.office_ids)


def request_of(
    services: Services, dataset: Dataset, asked: Asked, reach: Reach
) -> ExportRequest:
    """
    Read what somebody asks for; what cannot narrow a data set down is left out.

    Raises
    ------
    InvalidInputError
        When a day, ward, district, office or state is none.
    """
    usable = FILTERS[dataset]
    words = {name: text for name, text in asked.filters.items() if name in usable}
    district = words.get("district", "")
    ward = code_with_check(words.get("ward", ""))  # five digits are taken, too
    profile = services.profile
    _known("ward", ward, (one.code for one in profile.wards))
    _known("office", words.get("office", ""), (one.id for one in profile.offices))
    _known("district", district, services.areas.district_names)
    state = words.get("state", "") or Standing.ALL
    _known("state", state, Standing)
    return ExportRequest(
        dataset=dataset,
        span=span_of(asked, services.clock.now().astimezone(profile.timezone).date()),
        reach=reach,
        ward_code=ward,
        office_id=words.get("office", ""),
        district_id=district,
        standing=Standing(state),
    )


def require_usable(dataset: Dataset, asked: Asked) -> None:
    """
    Refuse what cannot narrow a data set down: a program must not think that it does.

    Raises
    ------
    InvalidInputError
        Naming the field.
    """
    for name, text in asked.filters.items():
        if text and name not in FILTERS[dataset]:
            raise InvalidInputError(name, f"{dataset} は {name} では絞り込めません")
    if not dataset.has_days and (asked.month or asked.first or asked.last):
        name = "month" if asked.month else "from" if asked.first else "to"
        raise InvalidInputError(name, f"{dataset} は今の内容だけを出力します")


def span_of(asked: Asked, today: dt.date) -> ExportSpan:
    """
    Days that somebody asks for: a month, from one day to another, or this month.

    Raises
    ------
    InvalidInputError
        When a text is no day or month, or both a month and days are told.
    """
    if asked.month and (asked.first or asked.last):
        raise InvalidInputError(
            "month", "月か、日付の範囲か、どちらかを指定してください"
        )
    if asked.month:
        problem = "月を 2026-11 の形で入れてください"
        return month_span(_day("month", f"{asked.month}-01", problem))
    if not (asked.first or asked.last):
        return month_span(today)
    problem = "日付を 2026-11-24 の形で入れてください"
    first, last = asked.first or asked.last, asked.last or asked.first
    return ExportSpan(
        first=_day("from", first, problem), last=_day("to", last, problem)
    )


def export_reach(actor: Actor, services: Services) -> Reach:
    """Whose charts somebody may take out: the same that their lists show them."""
    if is_unlimited(actor, Action.EXPORT):
        return EVERYTHING
    return reach_of(actor, services)


def may_take(actor: Actor, dataset: Dataset) -> bool:
    """Whether somebody may take out a data set at all."""
    needed = NEEDED.get(dataset)
    return needed is None or may(actor, needed)


def require_take(actor: Actor, dataset: Dataset) -> None:
    """
    Refuse a data set that holds what somebody may not read.

    Raises
    ------
    NotAllowedError
        Naming the roles that may.
    """
    if not may_take(actor, dataset):
        raise NotAllowedError(refusal(NEEDED[dataset]))


def _day(field: str, text: str, problem: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(field, problem) from None


def _known(field: str, value: str, known: Iterable[str]) -> None:
    if value and value not in set(known):
        raise InvalidInputError(field, "一覧にない値です")
