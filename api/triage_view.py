"""Triage in words for pages: rows of the list, the part of a chart's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.wiring import Services
from dispatch.domain.case_chart import CaseChart, ChartEntry
from dispatch.domain.triage import REPLY_TEXT, Reply, TriageQuestion
from dispatch.triage_desk import LEGAL_NOTE, TriageReason

REASON_TEXT = {
    TriageReason.REOPENED: "再受付",
    TriageReason.RETURNED: "差し戻し",
    TriageReason.UNPLACED: "場所が決まらない",
    TriageReason.UNCLEAR: "内容・管理者が不明",
    TriageReason.NOBODYS: "担当が決まらない",
    TriageReason.URGENT: "新しいS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageView:
    """
    What a chart's page shows of triage.

    `said` are questions with the caller's replies, `unasked` those of its category
    that nobody has put yet; `notes` are the notes on the law, newest first.
    """

    said: tuple[tuple[str, str], ...]
    unasked: tuple[TriageQuestion, ...]
    notes: tuple[ChartEntry, ...]
    can_class: bool


def triage_view(
    services: Services,
    chart: CaseChart,
    history: Sequence[ChartEntry],
    *,
    can_class: bool,
) -> TriageView:
    """Put a chart's triage into words."""
    rules = services.desk.rules
    category = services.profile.catalogue.get(chart.category_code)
    known = {one.question_id for one in chart.triage if one.reply is not Reply.UNKNOWN}
    return TriageView(
        said=tuple(
            (rules.question(one.question_id).text, REPLY_TEXT[one.reply])
            for one in chart.triage
        ),
        unasked=tuple(q for q in rules.asked_of(category) if q.id not in known),
        notes=tuple(entry for entry in history[::-1] if entry.about == LEGAL_NOTE),
        can_class=can_class,
    )
