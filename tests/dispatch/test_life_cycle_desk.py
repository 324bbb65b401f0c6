"""The desk that moves charts: acts by word, results, answers, pauses, comments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.catalogue import Catalogue, ResponseUnit, Urgency
from dispatch.domain.consultation import ContactMethod
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.field_result import FieldResult, UsedMaterial
from dispatch.domain.life_cycle import Act
from dispatch.domain.outcome import Outcome
from dispatch.domain.scheme import Scheme, SchemeRule, Schemes
from dispatch.life_cycle_desk import LifeCycleDesk, LifeRules
from tests.builders import (
    TOKYO,
    catalogue,
    category,
    chart,
    moment,
    new_chart,
    office_hours,
)

WHO = "担当 一郎"
SCHEMES = Schemes(
    rules={
        Scheme.CITIZEN_VOICE: SchemeRule(
            scheme=Scheme.CITIZEN_VOICE,
            name="市民の声",
            answer_days=14,
            interim_days=14,
            always_answered=True,
            written=True,
            published=True,
        )
    }
)
DONE = FieldResult(at=moment("0:00"), who=WHO, outcome=Outcome.PERMANENT)
TOLD = Answer(
    at=moment("0:00"),
    who=WHO,
    method=ContactMethod.LETTER,
    kind=AnswerKind.DONE,
    text="穴を埋めました",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    store: SqlStore
    clock: FixedClock
    desk: LifeCycleDesk

    def put(self, chart_id: str = "a", **overrides: object) -> CaseChart:
        new = new_chart(chart_id)
        changed = replace(new, chart=chart(chart_id, **overrides))
        return self.store.add_all([changed])[0].chart

    def last(self, chart_id: str = "a") -> tuple[EntryKind, str, str]:
        line = self.store.history(chart_id)[-1]
        assert line.status is self.store.get(chart_id).status
        return line.kind, line.about, line.text


@pytest.fixture
def room(store: SqlStore) -> Room:
    clock = FixedClock(moment("10:00"))
    rules = LifeRules(
        catalogue=catalogue(),
        hours=office_hours(),
        timezone=TOKYO,
        schemes=SCHEMES,
        names_person=lambda _chart_id, text: "架空花子" in text,
    )
    return Room(store=store, clock=clock, desk=LifeCycleDesk(store, clock, rules))


def test_an_act_moves_the_chart_and_is_a_line_of_its_history(room: Room) -> None:
    room.put()
    after = room.desk.act("a", 1, Act.ACCEPT, who=WHO)
    assert (after.status, after.version) == (ChartStatus.ACCEPTED, 2)
    assert room.store.get("a") == after
    assert room.last() == (EntryKind.MOVED, "accept", "理由の記載なし")


@pytest.mark.parametrize("act", [Act.RETURN, Act.OBSERVE, Act.DECLINE, Act.WITHDRAW])
def test_what_needs_a_reason_is_refused_without_one(room: Room, act: Act) -> None:
    room.put()
    with pytest.raises(InvalidInputError, match="why"):
        room.desk.act("a", 1, act, who=WHO, why="  ")
    assert room.store.get("a").version == 1
    room.desk.act("a", 1, act, who=WHO, why="管理外")
    assert room.last() == (EntryKind.MOVED, str(act), "管理外")


def test_what_needs_a_record_of_its_own_is_no_word(room: Room) -> None:
    room.put()
    with pytest.raises(InvalidInputError, match="専用の記録"):
        room.desk.act("a", 1, Act.COMPLETE, who=WHO)


def test_nobody_and_a_stale_version_are_refused(room: Room) -> None:
    room.put()
    with pytest.raises(InvalidInputError, match="who"):
        room.desk.act("a", 1, Act.ACCEPT, who=" ")
    room.desk.act("a", 1, Act.ACCEPT, who=WHO)
    with pytest.raises(ConflictError) as stale:
        room.desk.act("a", 1, Act.ORDER_INSPECTION, who=WHO)
    assert stale.value.current == 2


def test_an_emergency_sets_out_first_and_owes_its_reasons(room: Room) -> None:
    room.put(urgency=Urgency.S)
    out = room.desk.act("a", 1, Act.SET_OUT, who=WHO)
    assert out.status is ChartStatus.UNDER_WAY
    assert out.responded_at == moment("10:00")
    assert out.reasons_due_at == moment("10:00") + dt.timedelta(hours=24)
    told = room.desk.comment("a", 2, "車道の陥没。通行止めにした", who=WHO)
    assert told.reasons_due_at is None


def test_with_its_reason_it_owes_nothing_more(room: Room) -> None:
    room.put(urgency=Urgency.S)
    out = room.desk.act("a", 1, Act.SET_OUT, who=WHO, why="車道の陥没")
    assert out.reasons_due_at is None
    room.put("b", status=ChartStatus.PLANNED)
    assert room.desk.act("b", 1, Act.SET_OUT, who=WHO).reasons_due_at is None


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.PERMANENT, ChartStatus.DONE),
        (Outcome.CHECKED, ChartStatus.DONE),
        (Outcome.NOT_FOUND, ChartStatus.DONE),
        (Outcome.TEMPORARY, ChartStatus.MADE_SAFE),
        (Outcome.FOLLOW_UP, ChartStatus.AWAITING_REPAIR),
        (Outcome.ABSENT, ChartStatus.ASSIGNED),
    ],
)
def test_the_outcome_decides_where_the_chart_goes(
    room: Room, outcome: Outcome, status: ChartStatus
) -> None:
    room.put(status=ChartStatus.UNDER_WAY)
    after = room.desk.record_result("a", 1, replace(DONE, outcome=outcome))
    assert after.status is status
    assert after.responded_at == moment("10:00")
    assert (after.work_done_at is not None) == (status is ChartStatus.DONE)
    assert room.last()[:2] == (EntryKind.OUTCOME, str(outcome))


def test_a_result_keeps_all_that_the_sheet_said(room: Room) -> None:
    room.put(status=ChartStatus.PLANNED)
    result = replace(
        DONE,
        minutes=35,
        materials=(UsedMaterial(name="常温合材20kg袋", amount=2),),
        cause="不明",
        occupant="水道局",
        contract_no="R8-12",
        next_on=dt.date(2026, 12, 1),
        note="仮復旧のあと",
    )
    after = room.desk.record_result("a", 1, result)
    assert after.results == (replace(result, at=moment("10:00")),)
    assert room.last()[2] == (
        "本復旧。仮復旧のあと。作業35分。材料: 常温合材20kg袋 2。原因者: 不明。"
        "占用企業者: 水道局。委託番号: R8-12。次回 2026-12-01"
    )


def test_making_safe_meets_the_clock_where_the_same_day_is_asked_for(
    store: SqlStore,
) -> None:
    same_day = category(completion_unit=ResponseUnit.TODAY)
    rules = LifeRules(
        catalogue=Catalogue((same_day,)), hours=office_hours(), timezone=TOKYO
    )
    clock = FixedClock(moment("10:00"))
    store.add_all([replace(new_chart("a"), chart=chart("a"))])
    desk = LifeCycleDesk(store, clock, rules)
    after = desk.record_result("a", 1, replace(DONE, outcome=Outcome.TEMPORARY))
    assert after.work_done_at == moment("10:00")


def test_the_answer_ends_the_waiting_and_then_it_may_be_closed(room: Room) -> None:
    room.put(
        status=ChartStatus.DONE,
        scheme=Scheme.CITIZEN_VOICE,
        answer_due_at=moment("17:30"),
    )
    with pytest.raises(ConflictError, match="回答がまだ"):
        room.desk.act("a", 1, Act.CLOSE, who=WHO)
    told = room.desk.answer("a", 1, TOLD)
    assert told.status is ChartStatus.ANSWERED
    assert told.answered_at == moment("10:00")
    assert room.last() == (EntryKind.ANSWERED, "done", "穴を埋めました")
    closed = room.desk.act("a", 2, Act.CLOSE, who=WHO)
    assert closed.status is ChartStatus.CLOSED


def test_a_written_scheme_is_not_answered_by_word_of_mouth(room: Room) -> None:
    room.put(status=ChartStatus.DONE, scheme=Scheme.CITIZEN_VOICE)
    with pytest.raises(InvalidInputError, match="文書"):
        room.desk.answer("a", 1, replace(TOLD, method=ContactMethod.PHONE))
    room.put("b", status=ChartStatus.DONE)
    room.desk.answer("b", 1, replace(TOLD, method=ContactMethod.PHONE))


@pytest.mark.parametrize(
    ("field", "given"),
    [("who", replace(TOLD, who="")), ("text", replace(TOLD, text=" "))],
)
def test_an_answer_by_nobody_or_without_words_is_refused(
    room: Room, field: str, given: Answer
) -> None:
    room.put(status=ChartStatus.DONE)
    with pytest.raises(InvalidInputError, match=field):
        room.desk.answer("a", 1, given)


def test_an_interim_answer_puts_the_final_one_off(room: Room) -> None:
    due = moment("17:30", dt.date(2026, 11, 26))
    room.put(scheme=Scheme.CITIZEN_VOICE, answer_due_at=due, interim_due_at=due)
    after = room.desk.answer("a", 1, replace(TOLD, interim=True, text="調べています"))
    assert after.status is ChartStatus.ASSIGNED
    # Tuesday 24 November and 14 days: Tuesday 8 December
    assert after.answer_due_at == moment("17:30", dt.date(2026, 12, 8))
    assert after.interim_due_at is None
    assert room.last()[0] is EntryKind.INTERIM
    room.put("b")
    with pytest.raises(ConflictError, match="待っている人"):
        room.desk.answer("b", 1, replace(TOLD, interim=True))


def test_a_summary_is_published_without_the_reporters_words(room: Room) -> None:
    room.put(status=ChartStatus.DONE, scheme=Scheme.CITIZEN_VOICE)
    room.desk.answer("a", 1, TOLD)
    with pytest.raises(InvalidInputError, match="要約に"):
        room.desk.publish_answer("a", 2, "架空花子さんの声", who=WHO)
    with pytest.raises(InvalidInputError, match="summary"):
        room.desk.publish_answer("a", 2, " ", who=WHO)
    shown = room.desk.publish_answer("a", 2, "道路の穴を補修しました", who=WHO)
    assert shown.answers[-1].summary == "道路の穴を補修しました"
    assert shown.answers[-1].published_on == dt.date(2026, 11, 24)
    assert room.last()[0] is EntryKind.PUBLISHED


def test_what_its_scheme_does_not_publish_is_not_published(room: Room) -> None:
    room.put(status=ChartStatus.DONE)
    room.desk.answer("a", 1, TOLD)
    with pytest.raises(ConflictError, match="公表の対象"):
        room.desk.publish_answer("a", 2, "要約", who=WHO)


def test_reopening_begins_anew_and_keeps_the_place(room: Room) -> None:
    before = room.put(
        status=ChartStatus.CLOSED,
        scheme=Scheme.CITIZEN_VOICE,
        duplicate_of="b",
        answered_at=moment("9:00"),
        work_done_at=moment("9:00"),
    )
    again = room.desk.act("a", 1, Act.REOPEN, who=WHO, why="また穴があいた")
    assert again.status is ChartStatus.RECEIVED
    assert again.reopened == 1
    assert again.placement == before.placement
    assert (again.answered_at, again.work_done_at) == (None, None)
    assert again.answer_due_at == moment("17:30", dt.date(2026, 12, 8))
    assert again.duplicate_of == ""


def test_clocks_are_stopped_and_run_on_by_a_persons_word(room: Room) -> None:
    due = moment("17:30")
    room.put(due_at=due)
    with pytest.raises(InvalidInputError, match="why"):
        room.desk.pause("a", 1, who=WHO, why="")
    assert room.desk.pause("a", 1, who=WHO, why="ガス会社の立会い").is_paused
    assert room.last()[0] is EntryKind.PAUSED
    room.clock.moment = moment("12:00")
    going = room.desk.resume("a", 2, who=WHO)
    # two hours later than 17:30 is 11:00 of the next working day
    assert going.due_at == moment("11:00", dt.date(2026, 11, 25))
    assert room.last()[0] is EntryKind.RESUMED


def test_a_comment_says_something(room: Room) -> None:
    room.put()
    with pytest.raises(InvalidInputError, match="text"):
        room.desk.comment("a", 1, " ", who=WHO)
    room.desk.comment("a", 1, "町会長に連絡した", who=WHO)
    assert room.last() == (EntryKind.COMMENT, "", "町会長に連絡した")


def test_impossible_results_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="minutes"):
        replace(DONE, minutes=1_441)
    with pytest.raises(InvalidInputError, match="materials"):
        UsedMaterial(name="合材", amount=0)
    many = tuple(UsedMaterial(name=str(n), amount=1) for n in range(31))
    with pytest.raises(InvalidInputError, match="materials"):
        replace(DONE, materials=many)
    with pytest.raises(InvalidInputError, match="note"):
        replace(DONE, note="長" * 301)
