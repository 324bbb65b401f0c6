"""The four clocks of a chart: begun, stopped, run on, met."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.catalogue import ResponseUnit, Urgency
from dispatch.domain.chart_clocks import (
    is_owed_answer,
    paused,
    responded,
    resumed,
    with_clocks,
)
from dispatch.domain.consultation import ReporterKind
from dispatch.domain.errors import ConflictError
from dispatch.domain.scheme import Scheme, SchemeRule, Schemes
from tests.builders import category, chart, consultation, moment, office_hours

HOURS = office_hours()
VOICE = SchemeRule(
    scheme=Scheme.CITIZEN_VOICE,
    name="市民の声",
    answer_days=14,
    interim_days=14,
    always_answered=True,
    written=True,
    published=True,
)
REPORT = SchemeRule(scheme=Scheme.REPORT, name="通報", answer_days=14)


def clocked(rule: SchemeRule = VOICE, **overrides: Any) -> CaseChart:  # noqa: ANN401
    """Chart received on Tuesday 24 November at 9:05, work due within three days."""
    owner = category(
        completion_unit=ResponseUnit.DAYS,
        completion_value=3,
        response_unit=ResponseUnit.WORKING_DAYS,
        response_value=3,
    )
    overrides.setdefault("urgency", owner.urgency)
    before = chart(**overrides)
    return with_clocks(before, owner, rule, HOURS, since=moment("9:05"))


def day(number: int, month: int = 11) -> dt.date:
    return dt.date(2026, month, number)


def test_four_clocks_begin_at_receipt() -> None:
    begun = clocked()
    assert begun.due_at == moment("17:30", day(27))  # Friday: three working days
    assert begun.field_due_at == moment("17:30", day(27))  # 24 + 3 days
    # 24 November + 14 days is Tuesday 8 December
    assert begun.answer_due_at == moment("17:30", day(8, 12))
    assert begun.interim_due_at == moment("17:30", day(8, 12))


@pytest.mark.parametrize(
    ("wanted", "kind", "rule", "owed"),
    [
        (False, ReporterKind.RESIDENT, VOICE, True),
        (False, ReporterKind.ANONYMOUS, VOICE, False),  # nobody to tell
        (False, ReporterKind.RESIDENT, REPORT, False),
        (True, ReporterKind.RESIDENT, REPORT, True),
    ],
)
def test_an_answer_is_owed_to_who_asked_or_whom_the_scheme_promises(
    wanted: bool,  # noqa: FBT001 - a column of the table
    kind: ReporterKind,
    rule: SchemeRule,
    owed: bool,  # noqa: FBT001
) -> None:
    asked = consultation(contact_wanted=wanted, reporter_kind=kind)
    assert is_owed_answer(asked, rule) is owed
    begun = clocked(rule, consultation=asked)
    assert (begun.answer_due_at is not None) is owed


def test_a_category_without_a_target_has_no_clock_for_the_work() -> None:
    begun = with_clocks(chart(), category(), REPORT, HOURS, since=moment("9:05"))
    assert begun.field_due_at is None


def test_clocks_stand_still_and_end_as_much_open_time_later() -> None:
    stopped = paused(clocked(), at=moment("10:00"), why="水道局の回答待ち")
    assert stopped.is_paused
    # Tuesday 10:00 to Thursday 10:00 is two open days: 17 hours
    going = resumed(stopped, HOURS, at=moment("10:00", day(26)))
    assert not going.is_paused
    assert going.due_at == moment("17:30", day(1, 12))  # Friday and two open days
    assert going.answer_due_at == moment("17:30", day(10, 12))
    assert going.pauses[0].end_at == moment("10:00", day(26))


def test_what_is_met_or_was_late_already_is_not_moved() -> None:
    late = clocked()
    begun = paused(
        responded(late, at=moment("9:30")), at=moment("9:00", day(30)), why="待ち"
    )
    going = resumed(begun, HOURS, at=moment("17:30", day(30)))
    assert going.due_at == late.due_at  # met
    assert going.field_due_at == late.field_due_at  # over before the pause
    assert going.answer_due_at == moment("17:30", day(9, 12))  # one open day later


def test_the_first_response_to_an_emergency_is_never_put_off() -> None:
    urgent = clocked(urgency=Urgency.S)
    going = resumed(
        paused(urgent, at=moment("9:10"), why="待ち"), HOURS, at=moment("12:10")
    )
    assert going.due_at == urgent.due_at
    assert going.answer_due_at == moment("12:00", day(9, 12))  # 8 December + 3 hours


def test_stopping_twice_and_running_on_twice_are_refused() -> None:
    begun = clocked()
    with pytest.raises(ConflictError, match="止まっていません"):
        resumed(begun, HOURS, at=moment("10:00"))
    stopped = paused(begun, at=moment("10:00"), why="待ち")
    with pytest.raises(ConflictError, match="すでに止まって"):
        paused(stopped, at=moment("11:00"), why="待ち")
    over = chart(status=ChartStatus.DONE)
    with pytest.raises(ConflictError, match="対応中ではない"):
        paused(over, at=moment("11:00"), why="待ち")


def test_the_first_response_counts_once() -> None:
    once = responded(clocked(), at=moment("9:30"))
    assert responded(once, at=moment("11:00")).responded_at == moment("9:30")


def test_the_scheme_is_the_senders_word_or_the_channels() -> None:
    schemes = Schemes(
        rules={Scheme.CITIZEN_VOICE: VOICE}, by_channel={"web": Scheme.CITIZEN_VOICE}
    )
    assert schemes.of("web", None) is Scheme.CITIZEN_VOICE
    assert schemes.of("web", Scheme.REPORT) is Scheme.REPORT
    assert schemes.of("patrol", None) is Scheme.REPORT
    assert schemes.rule(Scheme.CITIZEN_VOICE) is VOICE
    assert schemes.rule(Scheme.REQUEST).answer_days == 0
