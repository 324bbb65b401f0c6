"""What may be done to a chart now: the table of acts, and what stands in the way."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from dispatch.domain.act_words import ACT_TEXT, STATUS_TEXT
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import ConflictError
from dispatch.domain.life_cycle import TABLE, Act, Arrow, ChartStatus, arrows_from


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalAct:
    """An arrow that leaves a chart's status; `obstacle` says why not yet."""

    arrow: Arrow
    obstacle: str = ""


def acts_now(chart: CaseChart, *, at: dt.datetime) -> tuple[LegalAct, ...]:
    """
    All acts that leave the chart's status, in the table's order, each act once.

    Parameters
    ----------
    at
        Aware, in the city's time zone: a legal hold ends at its midnight.
    """
    found: dict[tuple[Act, ChartStatus], LegalAct] = {}
    for arrow in TABLE:
        if chart.status in arrow.sources:
            one = LegalAct(arrow=arrow, obstacle=obstacle(chart, arrow, at=at))
            known = found.get((arrow.act, arrow.target))
            if known is None or (known.obstacle and not one.obstacle):
                found[arrow.act, arrow.target] = one
    return tuple(found.values())


def obstacle(chart: CaseChart, arrow: Arrow, *, at: dt.datetime) -> str:
    """Say why an arrow of the chart's status cannot be gone now; empty when it can."""
    if arrow.only_urgent and chart.urgency is not Urgency.S:
        return "緊急(S)の相談だけです"
    if arrow.starts_work and is_held(chart, on=at.date()):
        return f"法定待機中です。{chart.hold_until:%Y-%m-%d} から行えます"
    if arrow.target is ChartStatus.ASSIGNED and is_held(chart, on=at.date()):
        return f"法定待機中です。{chart.hold_until:%Y-%m-%d} まで保留のままです"
    if arrow.needs_answer and owes_answer(chart):
        return "申出人への回答がまだです"
    return ""


def is_held(chart: CaseChart, *, on: dt.date) -> bool:
    """Whether the law still forbids the work on a day (エフ: seven days)."""
    return chart.hold_until is not None and on < chart.hold_until


def owes_answer(chart: CaseChart) -> bool:
    """Whether a resident still waits for an answer to it."""
    return chart.answer_due_at is not None and chart.answered_at is None


def acted_on(chart: CaseChart, act: Act, *, at: dt.datetime) -> CaseChart:
    """
    Chart after an act, one version on.

    Raises
    ------
    ConflictError
        When no arrow of the act leaves its status, or something stands in the way; the
        message names what may be done.
    """
    arrows = arrows_from(chart.status, act)
    obstacles = [obstacle(chart, arrow, at=at) for arrow in arrows]
    for arrow, stands_in_the_way in zip(arrows, obstacles, strict=True):
        if not stands_in_the_way:
            return replace(chart, status=arrow.target, version=chart.version + 1)
    free = dict.fromkeys(
        one.arrow.act for one in acts_now(chart, at=at) if not one.obstacle
    )
    # In words for people; the code beside each is what a program sends.
    legal = "、".join(f"{ACT_TEXT[one]} {one}" for one in free)
    status = STATUS_TEXT[chart.status]
    why = obstacles[0] if obstacles else f"「{status}」からはできません"
    message = f"{chart.number}: {ACT_TEXT[act]} {act}: {why}"
    message += f"(今できること: {legal or 'なし'})"
    raise ConflictError(message)
