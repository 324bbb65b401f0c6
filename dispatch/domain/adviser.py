"""The technical adviser's desk (技術職OB): where it is open, and what it changed."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.life_cycle import ChartStatus

MINUTE_S = 60
# The question was answered, and no team had to go.
_ANSWERED = frozenset({ChartStatus.ANSWERED, ChartStatus.CLOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserDesk:
    """A ward's desk: open from the first day until before the last, if there is one."""

    ward_code: str
    opens_on: dt.date
    closes_on: dt.date | None = None
    phase: str = ""

    def is_open_on(self, day: dt.date) -> bool:
        """Whether the desk is open on a day."""
        ended = self.closes_on is not None and day >= self.closes_on
        return self.opens_on <= day and not ended


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserRules:
    """The desks of a city, and the groups of categories that they are asked about."""

    desks: tuple[AdviserDesk, ...] = ()
    groups: frozenset[str] = frozenset()

    def is_open(self, ward_code: str, day: dt.date) -> bool:
        """Whether a ward has a desk on a day."""
        return any(
            desk.ward_code == ward_code and desk.is_open_on(day) for desk in self.desks
        )

    def open_wards(self, day: dt.date) -> tuple[str, ...]:
        """Wards with a desk on a day, by code."""
        codes = {desk.ward_code for desk in self.desks if desk.is_open_on(day)}
        return tuple(sorted(codes))


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserRow:
    """
    What became of a ward's questions of one month, with the desk or without.

    `reclassed`, `returned` and `answered_at_ward` count charts: those that staff put
    into another category, those that came back from an office, and those that were
    answered without a field visit. `first_response_min` is the median in minutes from
    receipt to the first response, by the clock on the wall; None when none was given.
    `ward_code` and `month` (YYYY-MM) are empty in the sums.
    """

    ward_code: str
    month: str
    with_desk: bool
    num_charts: int
    reclassed: int
    returned: int
    answered_at_ward: int
    first_response_min: int | None

    def share(self, count: int) -> int:
        """Per cent of the charts, rounded; a row always has some."""
        return round(100 * count / self.num_charts)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserReport:
    """Rows by month and ward, and the sums with and without the desk."""

    rows: tuple[AdviserRow, ...]
    sums: tuple[AdviserRow, ...]


def adviser_report(
    charts: Iterable[CaseChart],
    *,
    rules: AdviserRules,
    returned_ids: Collection[str],
    timezone: dt.tzinfo,
) -> AdviserReport:
    """
    Compare days with an open desk with the others.

    Parameters
    ----------
    charts
        Questions about infrastructure; those without a ward are left out.
    rules
        Where the desk was open, and when.
    returned_ids
        Charts that an office sent back at least once.
    timezone
        In which a chart's day and month are told.
    """
    groups: defaultdict[tuple[str, str, bool], list[CaseChart]] = defaultdict(list)
    for chart in charts:
        ward = chart.placement.ward_code if chart.placement is not None else ""
        if not ward:
            continue
        day = chart.consultation.received_at.astimezone(timezone).date()
        groups[f"{day:%Y-%m}", ward, rules.is_open(ward, day)].append(chart)
    rows = tuple(
        _row(groups[key], key, returned_ids)
        for key in sorted(groups, key=lambda key: (key[0], key[1], not key[2]))
    )
    sums = []
    for with_desk in (True, False):
        those = [c for key, held in groups.items() if key[2] is with_desk for c in held]
        if those:
            sums.append(_row(those, ("", "", with_desk), returned_ids))
    return AdviserReport(rows=rows, sums=tuple(sums))


def _row(
    charts: Sequence[CaseChart],
    key: tuple[str, str, bool],
    returned_ids: Collection[str],
) -> AdviserRow:
    month, ward_code, with_desk = key
    waits_s = [
        (chart.responded_at - chart.consultation.received_at).total_seconds()
        for chart in charts
        if chart.responded_at is not None
    ]
    return AdviserRow(
        ward_code=ward_code,
        month=month,
        with_desk=with_desk,
        num_charts=len(charts),
        reclassed=sum(bool(chart.reclassed_code) for chart in charts),
        returned=sum(chart.id in returned_ids for chart in charts),
        answered_at_ward=sum(_is_answered_at_ward(chart) for chart in charts),
        first_response_min=(
            round(statistics.median(waits_s) / MINUTE_S) if waits_s else None
        ),
    )


def _is_answered_at_ward(chart: CaseChart) -> bool:
    """Whether it was answered and nobody went there."""
    went = chart.work_done_at is not None or bool(chart.results)
    return chart.status in _ANSWERED and bool(chart.answers) and not went
