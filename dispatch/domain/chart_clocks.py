"""The four clocks of a chart (期限): started, stopped while others act, and met."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from dispatch.domain.case_chart import CaseChart, Pause
from dispatch.domain.catalogue import ResponseUnit, Urgency, WorkCategory
from dispatch.domain.consultation import Consultation, ReporterKind
from dispatch.domain.deadlines import (
    OfficeHours,
    completion_due_at,
    due_after,
    first_due_at,
)
from dispatch.domain.errors import ConflictError
from dispatch.domain.open_time import add_open_seconds, open_seconds_between
from dispatch.domain.scheme import SchemeRule


def with_clocks(
    chart: CaseChart,
    category: WorkCategory,
    rule: SchemeRule,
    hours: OfficeHours,
    *,
    since: dt.datetime,
) -> CaseChart:
    """
    Chart with its clocks started anew.

    Parameters
    ----------
    category
        That the work goes by.
    rule
        Of the chart's scheme (制度区分).
    hours
        Opening hours and calendar.
    since
        Receipt, or the moment at which it was reopened; aware, in the city's zone.
    """
    owed = is_owed_answer(chart.consultation, rule)
    return replace(
        chart,
        due_at=first_due_at(category, chart.urgency, since, hours),
        field_due_at=completion_due_at(category, since, hours),
        answer_due_at=_after_days(rule.answer_days if owed else 0, since, hours),
        interim_due_at=_after_days(rule.interim_days if owed else 0, since, hours),
        responded_at=None,
        work_done_at=None,
        answered_at=None,
    )


def is_owed_answer(consultation: Consultation, rule: SchemeRule) -> bool:
    """Whether somebody waits for an answer: who asked, or whom the scheme promises."""
    if consultation.contact_wanted:
        return True
    anonymous = consultation.reporter_kind is ReporterKind.ANONYMOUS
    return rule.always_answered and not anonymous


def _after_days(
    days: int, since: dt.datetime, hours: OfficeHours
) -> dt.datetime | None:
    return due_after(ResponseUnit.DAYS, days, since, hours) if days else None


def paused(chart: CaseChart, *, at: dt.datetime, why: str) -> CaseChart:
    """
    Chart whose clocks stand still until somebody else has acted.

    Raises
    ------
    ConflictError
        When they stand still already, or no work is owed.
    """
    if chart.is_paused:
        raise ConflictError(f"{chart.number}: 期限はすでに止まっています")
    if not chart.is_open:
        raise ConflictError(f"{chart.number}: 対応中ではないので期限を止められません")
    return replace(chart, pauses=(*chart.pauses, Pause(start_at=at, why=why)))


def resumed(chart: CaseChart, hours: OfficeHours, *, at: dt.datetime) -> CaseChart:
    """
    Chart whose clocks run on: each unmet one ends as much open time later as passed.

    The first response to an emergency (S) is never put off.

    Raises
    ------
    ConflictError
        When they were not stopped.
    """
    if not chart.is_paused:
        raise ConflictError(f"{chart.number}: 期限は止まっていません")
    last = chart.pauses[-1]
    at = at.astimezone(last.start_at.tzinfo)
    passed_s = open_seconds_between(last.start_at, at, hours)

    def later(due: dt.datetime | None, met: dt.datetime | None) -> dt.datetime | None:
        if due is None or met is not None or due <= last.start_at:
            return due
        local = due.astimezone(last.start_at.tzinfo)
        return add_open_seconds(local, passed_s, hours)

    is_urgent = chart.urgency is Urgency.S
    return replace(
        chart,
        pauses=(*chart.pauses[:-1], replace(last, end_at=at)),
        due_at=chart.due_at if is_urgent else later(chart.due_at, chart.responded_at),
        field_due_at=later(chart.field_due_at, chart.work_done_at),
        answer_due_at=later(chart.answer_due_at, chart.answered_at),
        interim_due_at=later(chart.interim_due_at, chart.answered_at),
    )


def responded(chart: CaseChart, *, at: dt.datetime) -> CaseChart:
    """Chart whose first response is known: the first one counts."""
    return chart if chart.responded_at is not None else replace(chart, responded_at=at)
