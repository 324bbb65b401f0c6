"""Use cases of the technical adviser's desk (技術職OB): its list and its report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.adviser import AdviserReport, AdviserRules, adviser_report
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Catalogue
from dispatch.domain.errors import InvalidInputError
from dispatch.ports import Clock

MAX_MONTHS = 36


class AdviserCharts(Protocol):
    """The charts that the adviser's desk reads."""

    def open_in(
        self, ward_codes: Collection[str], category_codes: Collection[str]
    ) -> list[CaseChart]:
        """Charts of wards and categories whose work is owed, oldest first."""
        ...

    def received_between(
        self, start: dt.datetime, end: dt.datetime, category_codes: Collection[str]
    ) -> list[CaseChart]:
        """Charts of categories received in [start, end), oldest first."""
        ...

    def returned_between(self, start: dt.datetime, end: dt.datetime) -> set[str]:
        """Of the charts received in [start, end), those an office sent back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserTools:
    """What the desk works with."""

    charts: AdviserCharts
    catalogue: Catalogue
    clock: Clock
    timezone: dt.tzinfo


class AdviserViews:
    """
    Shows questions about infrastructure to the adviser, and what the desk changed.

    Parameters
    ----------
    tools
        Store, catalogue, clock.
    rules
        Where the desk is open, and what it is asked about.
    """

    def __init__(self, tools: AdviserTools, rules: AdviserRules) -> None:
        self._tools = tools
        self._rules = rules

    @property
    def rules(self) -> AdviserRules:
        """Where the desk is open, for those who offer the choice."""
        return self._rules

    def questions(self, ward_code: str | None = None) -> list[CaseChart]:
        """
        Open questions of the wards whose desk is open today, the most urgent first.

        Parameters
        ----------
        ward_code
            Of one ward alone; a ward without a desk has none.
        """
        today = self._tools.clock.now().astimezone(self._tools.timezone).date()
        wards = set(self._rules.open_wards(today))
        if ward_code is not None:
            wards &= {ward_code}
        found = self._tools.charts.open_in(wards, self._codes()) if wards else []
        return sorted(found, key=lambda chart: chart.urgency.rank)

    def report(
        self, first: dt.date, last: dt.date, ward_codes: Collection[str] | None = None
    ) -> AdviserReport:
        """
        Compare days with a desk and without, over whole months.

        Parameters
        ----------
        first, last
            Any day of the first and of the last month.
        ward_codes
            Count these wards alone; None: the whole city.

        Raises
        ------
        InvalidInputError
            When the last month lies before the first, or there are too many.
        """
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        if not 1 <= months <= MAX_MONTHS:
            problem = f"期間は1〜{MAX_MONTHS}か月にしてください"
            raise InvalidInputError("until", problem)
        start, end = self._starts(first), self._starts(last, later=1)
        store = self._tools.charts
        charts = store.received_between(start, end, self._codes())
        if ward_codes is not None:
            charts = [
                chart
                for chart in charts
                if chart.placement and chart.placement.ward_code in ward_codes
            ]
        return adviser_report(
            charts,
            rules=self._rules,
            returned_ids=store.returned_between(start, end),
            timezone=self._tools.timezone,
        )

    def _codes(self) -> frozenset[str]:
        """Categories of the groups that the desk is asked about."""
        groups = self._rules.groups
        categories = self._tools.catalogue.categories
        return frozenset(one.code for one in categories if one.group in groups)

    def _starts(self, day: dt.date, *, later: int = 0) -> dt.datetime:
        """First moment of a day's month, or of one some months later."""
        counted = day.year * 12 + day.month - 1 + later
        first = dt.date(counted // 12, counted % 12 + 1, 1)
        return dt.datetime.combine(first, dt.time(), self._tools.timezone)
