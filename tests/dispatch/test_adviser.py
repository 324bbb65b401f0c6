"""The technical adviser's desk: open where and when, and the comparison."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.triage_store import SqlTriageCharts
from dispatch.adviser_desk import AdviserTools, AdviserViews
from dispatch.domain.adviser import (
    AdviserDesk,
    AdviserRow,
    AdviserRules,
    adviser_report,
)
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import Urgency
from dispatch.domain.consultation import ContactMethod
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.life_cycle import Act
from tests.builders import (
    DAY,
    TOKYO,
    catalogue,
    chart,
    consultation,
    entry,
    moment,
    new_chart,
    placement,
)

NISHI = "271225"
KITA = "271276"
RULES = AdviserRules(
    desks=(
        AdviserDesk(
            ward_code=NISHI,
            opens_on=dt.date(2026, 11, 10),
            closes_on=dt.date(2026, 11, 25),
        ),
        AdviserDesk(ward_code=KITA, opens_on=dt.date(2027, 4, 1)),
    ),
    groups=frozenset({"道路"}),
)


def asked(
    chart_id: str, ward: str = NISHI, day: dt.date = DAY, **changes: object
) -> CaseChart:
    said = consultation(received_at=moment("9:00", day))
    base = chart(chart_id, consultation=said, placement=placement(ward_code=ward))
    return replace(base, **changes)  # type: ignore[arg-type]


ANSWER = Answer(
    at=moment("9:40"),
    who="西",
    method=ContactMethod.PHONE,
    kind=AnswerKind.EXPLAINED,
    text="経過を見ます",
)


def test_a_desk_is_open_from_its_first_day_until_before_its_last() -> None:
    assert not RULES.is_open(NISHI, dt.date(2026, 11, 9))
    assert RULES.is_open(NISHI, dt.date(2026, 11, 10))
    assert RULES.is_open(NISHI, dt.date(2026, 11, 24))
    assert not RULES.is_open(NISHI, dt.date(2026, 11, 25))
    assert RULES.open_wards(DAY) == (NISHI,)
    assert RULES.open_wards(dt.date(2030, 1, 1)) == (KITA,)


def test_report_puts_days_with_the_desk_against_days_without() -> None:
    early = dt.date(2026, 11, 9)
    charts = [
        asked("c1", reclassed_code="S01", responded_at=moment("9:30")),
        asked("c2", responded_at=moment("10:30")),
        asked("c3", status=ChartStatus.ANSWERED, answers=(ANSWER,)),
        asked("c4", status=ChartStatus.ANSWERED, answers=(ANSWER,)).at_version(1),
        asked("c5", day=early),
        asked("c6", ward=""),
    ]
    charts[3] = replace(charts[3], work_done_at=moment("9:50"))
    report = adviser_report(
        charts, rules=RULES, returned_ids={"c2", "c5"}, timezone=TOKYO
    )
    # 30 and 90 minutes: the middle of the two is 60
    with_desk = AdviserRow(
        ward_code=NISHI,
        month="2026-11",
        with_desk=True,
        num_charts=4,
        reclassed=1,
        returned=1,
        answered_at_ward=1,
        first_response_min=60,
    )
    without = AdviserRow(
        ward_code=NISHI,
        month="2026-11",
        with_desk=False,
        num_charts=1,
        reclassed=0,
        returned=1,
        answered_at_ward=0,
        first_response_min=None,
    )
    assert report.rows == (with_desk, without)
    assert report.sums == (
        replace(with_desk, ward_code="", month=""),
        replace(without, ward_code="", month=""),
    )
    assert with_desk.share(with_desk.reclassed) == 25


def test_report_of_nothing_has_no_rows_and_no_sums() -> None:
    report = adviser_report([], rules=RULES, returned_ids=(), timezone=TOKYO)
    assert (report.rows, report.sums) == ((), ())


# -- with the store --------------------------------------------------------------------


def views(engine: Engine, day: dt.date = DAY) -> AdviserViews:
    tools = AdviserTools(
        charts=SqlTriageCharts(engine),
        catalogue=catalogue(),
        clock=FixedClock(moment("10:00", day)),
        timezone=TOKYO,
    )
    return AdviserViews(tools, RULES)


def stored(store: SqlStore, *charts: CaseChart) -> None:
    store.add_all([replace(new_chart(), chart=one) for one in charts])


def test_the_list_holds_open_questions_of_wards_with_a_desk_urgent_first(
    engine: Engine, store: SqlStore
) -> None:
    stored(
        store,
        asked("c1"),
        asked("c2", urgency=Urgency.S),
        asked("c3", ward=KITA),
        asked("c4", status=ChartStatus.CLOSED),
        asked("c5", status=ChartStatus.REFERRED),
    )
    desk = views(engine)
    assert [one.id for one in desk.questions()] == ["c2", "c1"]
    assert [one.id for one in desk.questions(NISHI)] == ["c2", "c1"]
    assert desk.questions(KITA) == []
    assert views(engine, dt.date(2026, 12, 1)).questions() == []
    assert desk.rules is RULES


def test_the_report_reads_whole_months_and_what_was_sent_back(
    engine: Engine, store: SqlStore
) -> None:
    stored(
        store,
        asked("c1"),
        asked("c2", day=dt.date(2026, 11, 1)),
        asked("c3", day=dt.date(2026, 12, 1)),
        asked("c4"),
    )
    sent_back = entry(kind=EntryKind.MOVED, about=str(Act.RETURN))
    store.append("c1", [sent_back])
    returned = ChartEntry(
        at=moment("9:30"), who="公園", kind=EntryKind.RETURNED, text="当方ではない"
    )
    store.append("c4", [returned])
    report = views(engine).report(DAY, DAY)
    assert [(r.with_desk, r.num_charts, r.returned) for r in report.rows] == [
        (True, 2, 2),
        (False, 1, 0),
    ]
    assert views(engine).report(DAY, DAY, {KITA}).rows == ()
    both = views(engine).report(DAY, dt.date(2026, 12, 31))
    assert sum(row.num_charts for row in both.rows) == 4


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (dt.date(2026, 12, 1), dt.date(2026, 11, 30)),
        (dt.date(2020, 1, 1), dt.date(2026, 11, 30)),
    ],
)
def test_a_report_over_no_month_or_too_many_is_refused(
    first: dt.date, last: dt.date, engine: Engine
) -> None:
    with pytest.raises(InvalidInputError):
        views(engine).report(first, last)
