"""A report as intake systems see it again: where it stands, and what became of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dispatch.domain.case_chart import CaseChart, ChartStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRequest:
    """
    A chart that other systems may see, and when its last change was stored.

    `followed` is the chart that it was merged into. The chart's words are in it:
    whoever shows it leaves them out.
    """

    chart: CaseChart
    updated_at: dt.datetime
    followed: CaseChart | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownUpdate:
    """A change of status: its place in the log of changes, and when it was stored."""

    position: int
    number: str
    at: dt.datetime
    status: ChartStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQuery:
    """
    Which requests are asked for; an empty field asks for all.

    `numbers` overrides everything else. Both ends of a span are included. Pages are
    counted from 1.
    """

    numbers: tuple[str, ...] = ()
    category_codes: tuple[str, ...] = ()
    statuses: frozenset[ChartStatus] = frozenset()
    received_from: dt.datetime
    received_to: dt.datetime
    updated_from: dt.datetime | None = None
    updated_to: dt.datetime | None = None
    page: int = 1
    page_size: int = 1_000
