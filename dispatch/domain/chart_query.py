"""What a list of charts asks for: filter, order, and whose charts somebody may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.place import BoundingBox


class ChartOrder(StrEnum):
    """Order of a list; what is equal goes by number."""

    DUE = "due"  # next deadline first, without one last
    RECEIVED = "received"  # oldest first
    URGENCY = "urgency"  # S first, then by deadline


class PageOrder(StrEnum):
    """Order of a list that is read page by page; what is equal goes by id."""

    RECEIVED = "received_at"  # oldest first
    NEWEST = "-received_at"
    DUE = "due_at"  # next deadline first, without one last


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMark:
    """Last chart of a page: the next one begins behind it, whatever came in since."""

    at: dt.datetime | None  # its time in the order of the list
    chart_id: str


class ChartColumn(StrEnum):
    """What a chart is looked for by, as one of several values."""

    STATUS = "status"
    CATEGORY = "category"
    URGENCY = "urgency"
    DUTY = "duty"
    SCHEME = "scheme"
    WARD = "ward"
    DISTRICT = "district"
    OFFICE = "office"
    TEAM = "team"
    SOURCE = "source"
    EXTERNAL_ID = "external_id"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """
    Whose charts a list may hold: a chart belongs to it by any one of these.

    `without_ward` and `without_office` take in what waits for somebody to place or
    assign it; `chart_ids` are single ones, as the stops of a team's route. A chart
    must be of one of `category_codes` besides, unless these are None.
    """

    ward_codes: frozenset[str] = frozenset()
    office_ids: frozenset[str] = frozenset()
    team_ids: frozenset[str] = frozenset()
    receivers: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    chart_ids: frozenset[str] = frozenset()
    without_ward: bool = False
    without_office: bool = False
    category_codes: frozenset[str] | None = None
    is_unlimited: bool = False


EVERYTHING = Reach(is_unlimited=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartQuery:
    """
    Filter of a list of charts; what is None or empty does not limit.

    `overdue_at` keeps those whose deadline had passed at a moment and that nothing by
    law holds. `received_from` is inclusive, `received_before` exclusive.
    `settled_from` keeps those that came to their status at that moment or later.
    `owing` keeps those whose work is not over, or whose reporter waits for an answer.
    `among` keeps those that have one of the values in each column; `updated_from` those
    that changed at that moment or later; `due_before` is exclusive.
    """

    statuses: tuple[ChartStatus, ...] | None = None
    duty: Duty | None = None
    urgency: Urgency | None = None
    office_id: str = ""
    ward_code: str = ""
    district_ids: tuple[str, ...] = ()
    overdue_at: dt.datetime | None = None
    urgent_or_overdue_at: dt.datetime | None = None
    received_from: dt.datetime | None = None
    received_before: dt.datetime | None = None
    settled_from: dt.datetime | None = None
    owing: bool = False
    among: Mapping[ChartColumn, frozenset[str]] = field(default_factory=dict)
    due_before: dt.datetime | None = None
    updated_from: dt.datetime | None = None
    box: BoundingBox | None = None
    reach: Reach = EVERYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many charts of a list are alike in these."""

    status: ChartStatus
    duty: Duty
    urgency: Urgency
    office_id: str
    count: int
