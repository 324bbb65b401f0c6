"""The table of acts and what stands in the way: hold, owed answer, class S."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import ConflictError
from dispatch.domain.legal_acts import acted_on, acts_now, is_held, owes_answer
from dispatch.domain.life_cycle import (
    ARROWS,
    NOT_DONE,
    TABLE,
    WORK_OVER,
    Act,
    Arrow,
    ChartStatus,
    arrows_from,
)
from tests.builders import DAY, chart, moment

NOW = moment("10:00")
HELD_UNTIL = DAY + dt.timedelta(days=3)
AT_WORK = {
    ChartStatus.PLANNED,
    ChartStatus.UNDER_WAY,
    ChartStatus.MADE_SAFE,
    ChartStatus.AWAITING_REPAIR,
    ChartStatus.DONE,
}


def legal(one: CaseChart, at: dt.datetime = NOW) -> set[Act]:
    return {act.arrow.act for act in acts_now(one, at=at) if not act.obstacle}


@pytest.mark.parametrize("arrow", TABLE, ids=lambda a: f"{a.sources[0]}-{a.act}")
def test_every_row_moves_a_chart_that_nothing_hinders(arrow: Arrow) -> None:
    for source in arrow.sources:
        # class S may do all that the others may, and nothing is owed or held
        before = chart(status=source, urgency=Urgency.S, version=4)
        targets = {a.target for a in arrows_from(source, arrow.act)}
        after = acted_on(before, arrow.act, at=NOW)
        assert after.status in targets
        assert after.version == 5


def test_an_act_that_leaves_another_status_is_refused_with_the_legal_ones() -> None:
    received = chart(status=ChartStatus.DONE, number="R8-27127-000001")
    with pytest.raises(ConflictError) as refused:
        acted_on(received, Act.ACCEPT, at=NOW)
    told = str(refused.value)
    assert "R8-27127-000001" in told
    assert "回答を記録する answer、終結する close、再受付する reopen" in told


def test_each_act_stands_once_with_its_target_and_the_free_way_wins() -> None:
    urgent = chart(status=ChartStatus.PLANNED, urgency=Urgency.C)
    acts = [(one.arrow.act, one.arrow.target) for one in acts_now(urgent, at=NOW)]
    assert len(acts) == len(set(acts))
    assert Act.SET_OUT in legal(urgent)  # a planned one needs no class S


def test_only_class_s_sets_out_without_a_plan() -> None:
    assert Act.SET_OUT in legal(chart(urgency=Urgency.S))
    calm = chart(urgency=Urgency.A)
    assert Act.SET_OUT not in legal(calm)
    with pytest.raises(ConflictError, match="緊急"):
        acted_on(calm, Act.SET_OUT, at=NOW)


@pytest.mark.parametrize("status", list(ChartStatus))
@pytest.mark.parametrize("urgency", [Urgency.S, Urgency.C])
def test_no_act_starts_work_before_the_hold_has_ended(
    status: ChartStatus, urgency: Urgency
) -> None:
    held = chart(status=status, urgency=urgency, hold_until=HELD_UNTIL)
    for act in Act:
        try:
            after = acted_on(held, act, at=NOW)
        except ConflictError:
            continue
        # somebody may decline, withdraw, refer, … it; nobody may touch the bicycle
        assert after.status not in AT_WORK | {ChartStatus.ASSIGNED}
        assert after.hold_until == HELD_UNTIL


@given(
    acts=st.lists(st.sampled_from(list(Act)), max_size=12),
    minutes=st.lists(st.integers(0, 3 * 24 * 60 - 601), max_size=12),
)
def test_no_sequence_of_acts_shortens_a_hold(
    acts: list[Act], minutes: list[int]
) -> None:
    # The hold ends at midnight after 61 h 59 min: every moment below lies before.
    held = chart(status=ChartStatus.ON_HOLD, urgency=Urgency.S, hold_until=HELD_UNTIL)
    for act, minute in zip(acts, sorted(minutes), strict=False):
        at = moment("10:00") + dt.timedelta(minutes=minute)
        if not is_held(held, on=at.date()):
            break
        try:
            held = acted_on(held, act, at=at)
        except ConflictError:
            continue
        assert held.status not in AT_WORK
        assert held.hold_until == HELD_UNTIL


def test_the_hold_ends_at_its_last_midnight() -> None:
    held = chart(status=ChartStatus.ON_HOLD, hold_until=HELD_UNTIL)
    last = moment("23:59", HELD_UNTIL - dt.timedelta(days=1))
    with pytest.raises(ConflictError, match="法定待機"):
        acted_on(held, Act.RELEASE, at=last)
    after = acted_on(held, Act.RELEASE, at=moment("0:00", HELD_UNTIL))
    assert after.status is ChartStatus.ASSIGNED


def test_a_chart_is_not_closed_while_somebody_waits_for_an_answer() -> None:
    owed = chart(status=ChartStatus.DONE, answer_due_at=NOW)
    assert owes_answer(owed)
    assert Act.CLOSE not in legal(owed)
    with pytest.raises(ConflictError, match="回答がまだ"):
        acted_on(owed, Act.CLOSE, at=NOW)
    told = chart(status=ChartStatus.ANSWERED, answer_due_at=NOW, answered_at=NOW)
    assert acted_on(told, Act.CLOSE, at=NOW).status is ChartStatus.CLOSED
    withdrawn = chart(status=ChartStatus.WITHDRAWN, answer_due_at=NOW)
    assert Act.CLOSE in legal(withdrawn)  # who took it back waits for nothing


def test_statuses_are_either_open_or_over() -> None:
    assert set(NOT_DONE) | WORK_OVER == set(ChartStatus)
    assert not set(NOT_DONE) & WORK_OVER
    assert set(ARROWS) == set(ChartStatus)
