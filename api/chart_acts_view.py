"""Values of a chart's page about its life: next acts, clocks, what may be answered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from api.wiring import Services
from api.wording import deadline_text, moment_text
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.legal_acts import LegalAct, acts_now, owes_answer
from dispatch.domain.life_cycle import Act, Way

# The acts that people reach for first, before those that end something.
FIRST = (Act.ACCEPT, Act.SET_OUT, Act.CLOSE, Act.ORDER_INSPECTION, Act.RESUME)
RESULT_ACTS = frozenset({Act.COMPLETE, Act.MAKE_SAFE, Act.AWAIT_REPAIR, Act.REVISIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """One clock: its name, when it is due, how long is left or when it was met."""

    name: str
    due: str
    left: str
    is_met: bool
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeView:
    """What the page shows of a chart's life."""

    easy: tuple[LegalAct, ...]  # one press
    with_reason: tuple[LegalAct, ...]
    blocked: tuple[LegalAct, ...]
    takes_result: bool
    takes_answer: bool
    owes_answer: bool
    may_publish: bool
    clocks: tuple[ClockView, ...]


def life_view(services: Services, chart: CaseChart) -> LifeView:
    """Look up what may be done to a chart now and what is due."""
    timezone = services.profile.timezone
    now = services.clock.now().astimezone(timezone)
    acts = acts_now(chart, at=now)
    words = sorted(
        # What was merged is split off where it says so: its clocks run on then.
        (
            one
            for one in acts
            if one.arrow.way is Way.WORD
            and not (one.arrow.act is Act.REOPEN and chart.duplicate_of)
        ),
        key=lambda one: one.arrow.act not in FIRST,
    )
    free = [one for one in words if not one.obstacle]
    rule = services.life_cycle.rules.schemes.rule(chart.scheme)
    answers = [one for one in chart.answers if not one.interim]
    records = {
        one.arrow.act
        for one in acts
        if one.arrow.way is Way.RECORD and not one.obstacle
    }
    is_with_others = chart.status is ChartStatus.REFERRED
    is_ours = chart.assignment is not None and not is_with_others
    return LifeView(
        easy=tuple(one for one in free if not one.arrow.needs_reason),
        with_reason=tuple(one for one in free if one.arrow.needs_reason),
        blocked=tuple(one for one in words if one.obstacle),
        takes_result=bool(records & RESULT_ACTS) and is_ours,
        takes_answer=Act.ANSWER in records or owes_answer(chart),
        owes_answer=owes_answer(chart),
        may_publish=rule.published and bool(answers),
        clocks=_clocks(chart, now, timezone),
    )


def _clocks(
    chart: CaseChart, now: dt.datetime, timezone: dt.tzinfo
) -> tuple[ClockView, ...]:
    interim_met = chart.answered_at or next(
        (one.at for one in chart.answers if one.interim), None
    )
    rows = (
        ("一次対応", chart.due_at, chart.responded_at),
        ("現場の完了", chart.field_due_at, chart.work_done_at),
        ("申出人への回答", chart.answer_due_at, chart.answered_at),
        ("中間回答", chart.interim_due_at, interim_met),
    )
    return tuple(
        _clock(name, due, met, now, timezone)
        for name, due, met in rows
        if due is not None
    )


def _clock(
    name: str,
    due: dt.datetime,
    met: dt.datetime | None,
    now: dt.datetime,
    timezone: dt.tzinfo,
) -> ClockView:
    if met is not None:
        left = f"{moment_text(met, timezone)} に済"
    else:
        left = deadline_text(due, now, timezone)
    return ClockView(
        name=name,
        due=moment_text(due, timezone),
        left=left,
        is_met=met is not None,
        is_late=(met or now) > due,
    )
