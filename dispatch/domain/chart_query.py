"""What a list of charts asks for: filter, order, and whose charts somebody may see."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.case_chart import ChartStatus
from dispatch.domain.catalogue import Duty, Urgency


class ChartOrder(StrEnum):
    """Order of a list; what is equal goes by number."""

    DUE = "due"  # next deadline first, without one last
    RECEIVED = "received"  # oldest first
    URGENCY = "urgency"  # S first, then by deadline


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
    reach: Reach = EVERYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many charts of a list are alike in these."""

    status: ChartStatus
    duty: Duty
    urgency: Urgency
    office_id: str
    count: int
