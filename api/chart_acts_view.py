"""Values of a chart's page about its life: next acts, clocks, what may be answered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from api.wiring import Services
from api.wording import deadline_text, moment_text, open_time_text
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import Urgency
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.legal_acts import LegalAct, acts_now, owes_answer
from dispatch.domain.life_cycle import Act, Way
from dispatch.domain.open_time import open_seconds_between

# The acts that people reach for first, before those that end something.
FIRST = (Act.ACCEPT, Act.SET_OUT, Act.CLOSE, Act.ORDER_INSPECTION, Act.RESUME)
RESULT_ACTS = frozenset({Act.COMPLETE, Act.MAKE_SAFE, Act.AWAIT_REPAIR, Act.REVISIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVisit:
    """When the plan in force has work begin and end at a chart's place; aware."""

    start_at: dt.datetime
    end_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """
    One clock: its name, when it is due, how long is left or when it was met.

    `slack` is what is left in open office time; `by_plan` when the plan in force meets
    it, empty where no visit is planned.
    """

    name: str
    due: str
    left: str
    is_late: bool
    slack: str = ""
    by_plan: str = ""
    is_late_by_plan: bool = False


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


def life_view(
    services: Services, chart: CaseChart, planned: PlannedVisit | None = None
) -> LifeView:
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
        clocks=_clocks(
            chart,
            _Reading(
                now=now,
                timezone=timezone,
                hours=services.life_cycle.rules.hours,
                stopped_at=chart.pauses[-1].start_at if chart.is_paused else None,
            ),
            planned,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """When and how clocks are read; `stopped_at` where they stand still."""

    now: dt.datetime
    timezone: dt.tzinfo
    hours: OfficeHours
    stopped_at: dt.datetime | None


def _clocks(
    chart: CaseChart, reading: _Reading, planned: PlannedVisit | None
) -> tuple[ClockView, ...]:
    """List the clocks that run or ran."""
    interim_met = chart.answered_at or next(
        (one.at for one in chart.answers if one.interim), None
    )
    begun, ended = (planned.start_at, planned.end_at) if planned else (None, None)
    # The first response to an emergency is never put off.
    first = replace(reading, stopped_at=None) if chart.urgency is Urgency.S else reading
    rows = (
        ("一次対応", chart.due_at, chart.responded_at, begun, first),
        ("現場の完了", chart.field_due_at, chart.work_done_at, ended, reading),
        ("申出人への回答", chart.answer_due_at, chart.answered_at, None, reading),
        ("中間回答", chart.interim_due_at, interim_met, None, reading),
    )
    return tuple(
        _met(name, due, met, how.timezone)
        if met is not None
        else _running(name, due, by_plan, how)
        for name, due, met, by_plan, how in rows
        if due is not None
    )


def _met(
    name: str, due: dt.datetime, met: dt.datetime, timezone: dt.tzinfo
) -> ClockView:
    return ClockView(
        name=name,
        due=moment_text(due, timezone),
        left=f"{moment_text(met, timezone)} に済",
        is_late=met > due,
    )


def _running(
    name: str, due: dt.datetime, by_plan: dt.datetime | None, reading: _Reading
) -> ClockView:
    """Read a clock that is not met; a stopped one shows what was left then."""
    timezone = reading.timezone
    stands = reading.stopped_at is not None and reading.stopped_at < due
    since = reading.stopped_at if reading.stopped_at and stands else reading.now
    left_s = open_seconds_between(
        since.astimezone(timezone), due.astimezone(timezone), reading.hours
    )
    is_planned = by_plan is not None and not stands
    return ClockView(
        name=name,
        due=moment_text(due, timezone),
        left="停止中" if stands else deadline_text(due, reading.now, timezone),
        slack=open_time_text(left_s, reading.hours) if since < due else "",
        is_late=not stands and reading.now > due,
        by_plan=moment_text(by_plan, timezone) if is_planned else "",
        is_late_by_plan=is_planned and by_plan is not None and by_plan > due,
    )
