"""What numbers of past days are counted from: a chart in short after each change."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.life_cycle import ChartStatus
from dispatch.domain.scheme import Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFacts:
    """
    A chart after a change, without words, place or person.

    It is stored beside the last line of each change and never edited: what was counted
    for a day can be counted again, whatever became of the chart since.
    """

    status: ChartStatus
    duty: Duty
    urgency: Urgency
    scheme: Scheme
    category_code: str
    ward_code: str = ""
    district_id: str = ""
    office_id: str = ""
    receiver: str = ""
    due_at: dt.datetime | None = None
    field_due_at: dt.datetime | None = None
    answer_due_at: dt.datetime | None = None
    responded_at: dt.datetime | None = None
    work_done_at: dt.datetime | None = None
    answered_at: dt.datetime | None = None
    is_paused: bool = False
    is_merged: bool = False
    reopened: int = 0


def facts_of(chart: CaseChart) -> ChartFacts:
    """Give a chart in short."""
    placement, assignment = chart.placement, chart.assignment
    return ChartFacts(
        status=chart.status,
        duty=chart.duty,
        urgency=chart.urgency,
        scheme=chart.scheme,
        category_code=chart.category_code,
        ward_code=chart.ward_code,
        district_id=placement.district_id if placement else "",
        office_id=assignment.office_id if assignment else "",
        receiver=chart.receiver,
        due_at=chart.due_at,
        field_due_at=chart.field_due_at,
        answer_due_at=chart.answer_due_at,
        responded_at=chart.responded_at,
        work_done_at=chart.work_done_at,
        answered_at=chart.answered_at,
        is_paused=chart.is_paused,
        is_merged=bool(chart.duplicate_of),
        reopened=chart.reopened,
    )
