"""Merging (重複の統合): when two charts may become one visit, and what the one gets."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.legal_acts import is_held
from dispatch.domain.life_cycle import Act, ChartStatus, arrows_from

ENDED = frozenset({ChartStatus.WITHDRAWN, ChartStatus.CLOSED})
IN_A_PLAN = frozenset({ChartStatus.PLANNED, ChartStatus.UNDER_WAY})


def merge_obstacle(duplicate: CaseChart, main: CaseChart, *, at: dt.datetime) -> str:
    """
    Say why a chart cannot be merged into another; empty when it can.

    Nothing that somebody counts on is lost by it: a stop of a plan, a promised time, a
    legal hold, the work itself.

    Parameters
    ----------
    main
        Chart whose visit remains; no duplicate itself.
    at
        Aware, in the city's time zone.
    """
    done = main.work_done_at
    checks = (
        (duplicate.id == main.id, "同じカルテです"),
        (
            not arrows_from(duplicate.status, Act.MERGE),
            "作業中か、対応が済んでいるので、まとめられません",
        ),
        (main.status in ENDED, "まとめ先は終結か取下げになっています"),
        (
            duplicate.duty is not main.duty,
            "対応する所が違います。先に分類を見直してください",
        ),
        (
            done is not None and duplicate.consultation.received_at > done,
            "まとめ先の作業が済んだあとの相談です。再発なら、まとめ先を再受付します",
        ),
        (
            duplicate.status in IN_A_PLAN and main.status not in IN_A_PLAN,
            "計画に入っています。計画に入っているほうを残してください",
        ),
        (
            _breaks_promise(duplicate, main, at),
            "訪問の約束があります。約束のあるほうを残してください",
        ),
        (
            is_held(duplicate, on=at.date()) and not _holds_as_long(main, duplicate),
            "法定待機中です。待機が先に明けるカルテにはまとめられません",
        ),
    )
    return next((why for is_so, why in checks if is_so), "")


def _breaks_promise(duplicate: CaseChart, main: CaseChart, at: dt.datetime) -> bool:
    """Whether a promised time that is still to come would be forgotten."""
    promised = duplicate.consultation.appointment
    is_to_come = promised is not None and promised.end_at >= at
    return is_to_come and promised != main.consultation.appointment


def _holds_as_long(main: CaseChart, duplicate: CaseChart) -> bool:
    """Whether the main chart's legal hold ends no sooner: nothing shortens one."""
    if main.hold_until is None or duplicate.hold_until is None:
        return False
    return main.hold_until >= duplicate.hold_until


def with_merged(main: CaseChart, duplicate: CaseChart) -> CaseChart:
    """
    Chart whose visit serves both, one version on.

    It is as urgent as the more urgent of the two, and due when the first of them is;
    its own answer is due when it was.
    """
    due_at, field_due_at = main.due_at, main.field_due_at
    if main.responded_at is None:
        due_at = _sooner(due_at, duplicate.due_at)
    if main.work_done_at is None:
        field_due_at = _sooner(field_due_at, duplicate.field_due_at)
    return replace(
        main,
        version=main.version + 1,
        urgency=min(main.urgency, duplicate.urgency, key=lambda one: one.rank),
        due_at=due_at,
        field_due_at=field_due_at,
    )


def _sooner(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return min(filter(None, (one, other)), default=None)
