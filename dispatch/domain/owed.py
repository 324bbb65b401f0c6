"""What is still owed for a chart (未了): which of its clocks run, and until when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.life_cycle import ChartStatus

# Nobody waits for an answer to these any more.
FORGOTTEN = frozenset({ChartStatus.CLOSED, ChartStatus.WITHDRAWN})


class OwedKind(StrEnum):
    """Which clock of a chart runs."""

    FIRST = "first"  # 一次対応
    FIELD = "field"  # 現場
    INTERIM = "interim"  # 中間回答
    ANSWER = "answer"  # 回答
    REASONS = "reasons"  # 緊急出動の理由(24時間以内)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One thing that is owed, and until when."""

    kind: OwedKind
    due_at: dt.datetime


def owed_for(chart: CaseChart) -> tuple[Owed, ...]:
    """
    Everything that is owed for a chart, the earliest deadline first.

    Nothing while its clocks stand still, paused for somebody else or held by law; but
    the first response to an emergency (S), and its reasons, are always owed.
    """
    stands_still = chart.is_paused or chart.status is ChartStatus.ON_HOLD
    is_urgent = chart.urgency is Urgency.S
    told_in_between = any(answer.interim for answer in chart.answers)
    work = chart.is_open and not stands_still
    waits = chart.answered_at is None and chart.status not in FORGOTTEN
    waits = waits and not stands_still
    first = chart.is_open and (work or is_urgent) and chart.responded_at is None
    running = (
        (OwedKind.FIRST, chart.due_at, first),
        (OwedKind.FIELD, chart.field_due_at, work and chart.work_done_at is None),
        (OwedKind.INTERIM, chart.interim_due_at, waits and not told_in_between),
        (OwedKind.ANSWER, chart.answer_due_at, waits),
        (OwedKind.REASONS, chart.reasons_due_at, True),
    )
    found = [
        Owed(kind=kind, due_at=due_at)
        for kind, due_at, is_owed in running
        if due_at is not None and is_owed
    ]
    return tuple(sorted(found, key=lambda owed: owed.due_at))
