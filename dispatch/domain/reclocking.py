"""The clocks of a chart that was classed anew: what was met stays, pauses count."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import WorkCategory
from dispatch.domain.chart_clocks import resumed, with_clocks
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.scheme import SchemeRule


def reclocked(
    before: CaseChart,
    after: CaseChart,
    category: WorkCategory,
    rule: SchemeRule,
    hours: OfficeHours,
    *,
    since: dt.datetime,
) -> CaseChart:
    """
    Chart whose clocks fit its new class, as if it had been received so.

    Category and urgency decide the first response and the work on site, the scheme
    the answer. A clock that was met, or that nothing changed, stays as it is.

    Parameters
    ----------
    before, after
        The chart as it was, and as it was classed.
    category, rule
        Of its new class.
    hours
        Opening hours and calendar.
    since
        Receipt, or the moment at which it was reopened; aware, in the city's zone.
    """
    fresh = with_clocks(after, category, rule, hours, since=since)
    for pause in after.pauses:
        if pause.end_at is not None and pause.start_at >= since:
            stopped = replace(fresh, pauses=(replace(pause, end_at=None),))
            fresh = resumed(stopped, hours, at=pause.end_at)
    is_other_class = (before.category_code, before.urgency) != (
        after.category_code,
        after.urgency,
    )
    if is_other_class and after.responded_at is None:
        after = replace(after, due_at=fresh.due_at)
    if is_other_class and after.work_done_at is None:
        after = replace(after, field_due_at=fresh.field_due_at)
    if before.scheme is not after.scheme and after.answered_at is None:
        after = replace(
            after,
            answer_due_at=fresh.answer_due_at,
            interim_due_at=fresh.interim_due_at,
        )
    return after
