"""Triage again: what is looked at, classing anew, and what it can never do."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.triage_store import SqlTriageCharts
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind, Pause
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.life_cycle import Act
from dispatch.domain.reporter import Reporter
from dispatch.domain.scheme import Scheme, SchemeRule, Schemes
from dispatch.domain.transfer import Transfer, TransferState
from dispatch.domain.triage import Reply, TriageQuestion, TriageReply, TriageRules
from dispatch.intake import IntakeDesk
from dispatch.triage_desk import (
    LEGAL_NOTE,
    Classing,
    ClassRules,
    TriageDesk,
    TriageReason,
    TriageTools,
)
from tests.builders import (
    DAY,
    TOKYO,
    YARD,
    FakeGeocoder,
    StraightTravel,
    assignment,
    catalogue,
    category,
    chart,
    consultation,
    entry,
    intake_rules,
    moment,
    new_chart,
    office_hours,
    placement,
)

NOW = moment("10:00")
DEEP = TriageQuestion(id="deep", text="深いですか", raises_to=Urgency.S)
QUESTIONS = TriageRules(
    questions=(DEEP, TriageQuestion(id="school", text="通学路ですか")),
    unclear_codes=frozenset({"Z01"}),
)
CATALOGUE = catalogue(category("Z01"))
YES = {"deep": Reply.YES}
SCHEMES = Schemes(
    rules={
        Scheme.CITIZEN_VOICE: SchemeRule(
            scheme=Scheme.CITIZEN_VOICE,
            name="市民の声",
            answer_days=14,
            always_answered=True,
        ),
    }
)


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    return SqlStore(engine, CATALOGUE)


@pytest.fixture
def intake(store: SqlStore) -> IntakeDesk:
    return IntakeDesk(
        store,
        FakeGeocoder(known={"北区中之島1丁目": placement(YARD)}),
        StraightTravel(),
        intake_rules(catalogue=CATALOGUE, triage=QUESTIONS),
        FixedClock(NOW),
    )


@pytest.fixture
def desk(engine: Engine, store: SqlStore, intake: IntakeDesk) -> TriageDesk:
    return TriageDesk(
        TriageTools(
            charts=store,
            waiting=SqlTriageCharts(engine),
            intake=intake,
            clock=FixedClock(NOW),
        ),
        ClassRules(
            catalogue=CATALOGUE,
            triage=QUESTIONS,
            hours=office_hours(),
            timezone=TOKYO,
            schemes=SCHEMES,
        ),
    )


def stored(store: SqlStore, chart_id: str = "c1", **changes: Any) -> CaseChart:  # noqa: ANN401
    one = replace(chart(chart_id), **changes)
    return store.add_all([replace(new_chart(), chart=one)])[0].chart


def received(intake: IntakeDesk, **overrides: Any) -> CaseChart:  # noqa: ANN401
    said = consultation(**overrides)
    return intake.receive(
        Intake(consultation=said, reporter=Reporter()), who="受付係"
    ).chart


def reclassed(
    desk: TriageDesk,
    one: CaseChart,
    why: str = "見立て違い",
    **classing: Any,  # noqa: ANN401
) -> CaseChart:
    return desk.reclass(one.id, one.version, Classing(**classing), who="西", why=why)


# -- intake ----------------------------------------------------------------------------


def test_replies_raise_the_urgency_at_receipt_and_are_kept(
    intake: IntakeDesk, store: SqlStore
) -> None:
    replies = (
        TriageReply(question_id="school", reply=Reply.NO),
        TriageReply(question_id="deep", reply=Reply.YES),
    )
    found = intake.receive(
        Intake(consultation=consultation(), reporter=Reporter(), triage=replies),
        who="受付係",
    ).chart
    assert found.urgency is Urgency.S
    assert found.triage == replies[::-1]
    # raised from B to S: 60 minutes from 9:05
    assert found.due_at == moment("10:05")
    line = store.history(found.id)[1]
    assert (line.kind, line.about, line.who) == (EntryKind.TRIAGED, "deep", "受付係")
    assert line.text == "深いですか: はい、通学路ですか: いいえ"


def test_a_caller_who_says_less_than_the_replies_does_not_lower_them(
    intake: IntakeDesk,
) -> None:
    replies = (TriageReply(question_id="deep", reply=Reply.YES),)
    said = consultation(raised_urgency=Urgency.C)
    found = intake.receive(
        Intake(consultation=said, reporter=Reporter(), triage=replies), who="受付係"
    ).chart
    assert found.urgency is Urgency.S


def test_an_unknown_question_stores_nothing(
    intake: IntakeDesk, store: SqlStore
) -> None:
    replies = (TriageReply(question_id="nothing", reply=Reply.YES),)
    asked = Intake(consultation=consultation(), reporter=Reporter(), triage=replies)
    with pytest.raises(InvalidInputError):
        intake.receive(asked, who="受付係")
    assert store.find() == []


# -- the list --------------------------------------------------------------------------


def test_the_list_holds_what_waits_for_a_decision_and_why(
    desk: TriageDesk, store: SqlStore
) -> None:
    sent_back = Transfer(
        id="t",
        sender="北工営所",
        receiver="公園",
        state=TransferState.RETURNED,
        sent_at=NOW,
    )
    long_ago = consultation(received_at=moment("5:59"))
    stored(store, "c1", status=ChartStatus.RECEIVED)
    stored(
        store,
        "c2",
        status=ChartStatus.RETURNED,
        transfers=(sent_back, replace(sent_back, id="u")),
    )
    stored(store, "c3", status=ChartStatus.UNPLACED)
    stored(store, "c4", consultation=consultation(category_code="Z01"))
    stored(store, "c5", urgency=Urgency.S)
    stored(store, "c6", urgency=Urgency.S, consultation=long_ago)
    stored(store, "c7", urgency=Urgency.S, status=ChartStatus.CLOSED)
    stored(
        store,
        "c8",
        status=ChartStatus.ACCEPTED,
        consultation=consultation(category_code="Z01"),
    )
    stored(store, "c9")
    items = {item.chart.id: item.reasons for item in desk.listed()}
    assert items == {
        "c5": (TriageReason.URGENT,),
        "c1": (TriageReason.REOPENED,),
        "c2": (TriageReason.RETURNED, TriageReason.NOBODYS),
        "c3": (TriageReason.UNPLACED,),
        "c4": (TriageReason.UNCLEAR,),
    }
    assert next(iter(items)) == "c5"  # the most urgent first


# -- classing anew ---------------------------------------------------------------------


def test_staff_may_lower_with_a_reason_and_the_deadline_follows(
    desk: TriageDesk, store: SqlStore, intake: IntakeDesk
) -> None:
    one = received(intake, category_code="S01")
    assert (one.urgency, one.due_at) == (Urgency.S, moment("10:05"))
    after = reclassed(desk, one, category_code="R01", why="浅い穴だった")
    assert (after.urgency, after.reclassed_code) == (Urgency.B, "R01")
    assert after.version == one.version + 1
    # three working days after Tuesday 24th: Friday 27th at closing time
    assert after.due_at == moment("17:30", dt.date(2026, 11, 27))
    line = next(e for e in store.history(one.id) if e.kind is EntryKind.CLASSED)
    assert line.about == "category|urgency"
    assert line.text == (
        "分類 S01 分類S01 → R01 分類R01、緊急度 S → B。理由: 浅い穴だった"
    )
    assert store.get(one.id) == after


def test_back_to_the_callers_category_leaves_no_mark(
    desk: TriageDesk, intake: IntakeDesk
) -> None:
    one = reclassed(desk, received(intake), category_code="W01")
    assert one.category_code == "W01"
    again = reclassed(desk, one, category_code="R01")
    assert again.reclassed_code == ""


def test_a_new_category_keeps_what_the_caller_raised(
    desk: TriageDesk, intake: IntakeDesk
) -> None:
    one = received(intake, raised_urgency=Urgency.A)
    after = reclassed(desk, one, category_code="W01")
    assert after.urgency is Urgency.A


def test_a_skill_that_the_new_category_needs_chooses_another_team(
    desk: TriageDesk, intake: IntakeDesk
) -> None:
    one = received(intake)
    assert one.assignment is not None
    assert one.assignment.team_id == "n1"
    after = reclassed(desk, one, category_code="W01")
    assert after.assignment is not None
    assert (after.status, after.assignment.team_id) == (ChartStatus.ASSIGNED, "n2")


def test_a_planned_chart_of_another_category_goes_back_to_its_office(
    desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store, status=ChartStatus.PLANNED)
    assert reclassed(desk, one, category_code="W01").status is ChartStatus.ASSIGNED


def test_what_becomes_a_referral_loses_its_place(
    desk: TriageDesk, store: SqlStore, intake: IntakeDesk
) -> None:
    after = reclassed(desk, received(intake), category_code="D01")
    assert (after.status, after.duty) == (ChartStatus.REFERRED, Duty.REFERRAL)
    assert (after.placement, after.assignment) == (None, None)
    assert after.receiver == "市民相談室"
    assert after.urgency is Urgency.D
    assert not after.is_mappable
    assert store.history(after.id)[-1].kind is EntryKind.REFERRED


def test_what_becomes_a_partners_goes_to_the_partner(
    desk: TriageDesk, intake: IntakeDesk
) -> None:
    after = reclassed(desk, received(intake), category_code="P01")
    assert (after.status, after.receiver) == (ChartStatus.REFERRED, "park事務所")


def test_a_dispatchers_assignment_survives_another_category(
    desk: TriageDesk, store: SqlStore
) -> None:
    word = assignment(office_id="south", team_id=None, by="dispatcher")
    one = stored(store, assignment=word)
    after = reclassed(desk, one, category_code="W01")
    assert after.assignment == word
    assert reclassed(desk, after, category_code="P01").assignment is None


def test_a_reopened_chart_is_sent_again_though_nothing_changes(
    desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store, status=ChartStatus.RECEIVED, reopened=1, assignment=None)
    after = reclassed(desk, one)
    assert after.status is ChartStatus.ASSIGNED
    kinds = [line.kind for line in store.history(one.id)]
    assert kinds[-3:] == [EntryKind.CLASSED, EntryKind.PLACED, EntryKind.ASSIGNED]
    told = store.history(one.id)[1].text
    assert told == "分類と緊急度を確かめた。理由: 見立て違い"


def test_the_clock_of_a_reopened_chart_begins_with_its_reopening(
    desk: TriageDesk, store: SqlStore
) -> None:
    old = consultation(received_at=moment("9:05", dt.date(2026, 10, 1)))
    one = stored(store, status=ChartStatus.RECEIVED, reopened=1, consultation=old)
    reopened = entry(kind=EntryKind.MOVED, about=str(Act.REOPEN), at=moment("9:30"))
    store.append(one.id, [reopened])
    after = reclassed(desk, one, urgency=Urgency.S)
    assert after.due_at == moment("10:30")


def test_a_chart_without_place_that_was_sent_back_is_looked_up_again(
    desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store, status=ChartStatus.RETURNED, placement=None, assignment=None)
    assert reclassed(desk, one).status is ChartStatus.ASSIGNED


def test_a_deadline_that_was_met_stays(desk: TriageDesk, store: SqlStore) -> None:
    one = stored(store, responded_at=moment("9:30"), due_at=moment("17:30"))
    after = reclassed(desk, one, urgency=Urgency.S)
    assert (after.urgency, after.due_at) == (Urgency.S, moment("17:30"))


def test_scheme_and_a_note_on_the_duty_are_told(
    desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store)
    after = reclassed(
        desk, one, scheme=Scheme.CITIZEN_VOICE, duty_note="公園の柵の中は公園事務所"
    )
    assert (after.scheme, after.status) == (Scheme.CITIZEN_VOICE, one.status)
    line = store.history(one.id)[-1]
    assert line.about == "scheme"
    assert line.text == (
        "制度区分 通報 → 市民の声、担当について: 公園の柵の中は公園事務所。"
        "理由: 見立て違い"
    )


def test_another_scheme_changes_only_the_clock_of_the_answer(
    desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store, due_at=moment("17:30"))
    voice = reclassed(desk, one, scheme=Scheme.CITIZEN_VOICE)
    # 14 days after the 24th of November is Tuesday, the 8th of December
    assert voice.answer_due_at == moment("17:30", dt.date(2026, 12, 8))
    assert voice.due_at == one.due_at
    plain = reclassed(desk, voice, scheme=Scheme.REPORT)
    assert plain.answer_due_at is None
    answered = stored(store, "c2", answered_at=moment("9:30"))
    assert reclassed(desk, answered, scheme=Scheme.AREA_VOICE).answer_due_at is None


def test_time_in_which_the_clocks_stood_still_counts_for_the_new_class(
    desk: TriageDesk, store: SqlStore
) -> None:
    half_hour = Pause(start_at=moment("9:10"), end_at=moment("9:40"), why="占用者待ち")
    earlier = Pause(start_at=moment("9:00"), end_at=moment("9:04"), why="前の件")
    running = Pause(start_at=moment("9:50"), why="警察待ち")
    one = stored(store, pauses=(earlier, half_hour, running))
    after = reclassed(desk, one, urgency=Urgency.A)
    # an A is due when the day closes at 17:30; half an hour more is the next opening
    assert after.due_at == moment("9:30", dt.date(2026, 11, 25))
    assert after.pauses == one.pauses


# -- the hold --------------------------------------------------------------------------


def test_no_category_shortens_a_hold_that_runs(
    desk: TriageDesk, intake: IntakeDesk
) -> None:
    one = received(intake, category_code="E07", tagged_on=DAY)
    ends = dt.date(2026, 12, 1)  # tagged on the 24th, seven days
    assert (one.status, one.hold_until) == (ChartStatus.ON_HOLD, ends)
    after = reclassed(desk, one, category_code="R01")
    assert (after.status, after.hold_until) == (ChartStatus.ON_HOLD, ends)


def test_what_turns_out_to_be_tagged_goes_on_hold(
    desk: TriageDesk, intake: IntakeDesk
) -> None:
    one = received(intake, tagged_on=DAY)
    assert one.status is ChartStatus.ASSIGNED
    after = reclassed(desk, one, category_code="E07")
    assert after.status is ChartStatus.ON_HOLD
    assert after.hold_until == dt.date(2026, 12, 1)


# -- refusals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classing", "field"),
    [
        ({}, "form"),
        ({"category_code": "X99"}, "category"),
        ({"urgency": Urgency.D}, "urgency"),
        ({"category_code": "D01", "urgency": Urgency.S}, "urgency"),
        ({"duty_note": "長" * 301}, "duty_note"),
    ],
)
def test_what_cannot_be_decided_is_refused(
    classing: dict[str, Any], field: str, desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store)
    with pytest.raises(InvalidInputError) as refused:
        reclassed(desk, one, **classing)
    assert refused.value.field == field
    assert store.get(one.id) == one


@pytest.mark.parametrize(("who", "why"), [("", "理由"), ("  ", "理由"), ("西", "  ")])
def test_lowering_without_name_or_reason_is_refused(
    who: str, why: str, desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store, urgency=Urgency.S)
    with pytest.raises(InvalidInputError):
        desk.reclass(one.id, 1, Classing(urgency=Urgency.C), who=who, why=why)
    assert store.get(one.id).urgency is Urgency.S


@pytest.mark.parametrize(
    ("status", "classing"),
    [
        (ChartStatus.CLOSED, {"scheme": Scheme.REQUEST}),
        (ChartStatus.REFERRED, {"category_code": "W01"}),
        (ChartStatus.UNDER_WAY, {"category_code": "W01"}),
        (ChartStatus.DONE, {"urgency": Urgency.A}),
    ],
)
def test_what_comes_too_late_is_refused(
    status: ChartStatus, classing: dict[str, Any], desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store, status=status)
    with pytest.raises(ConflictError):
        reclassed(desk, one, **classing)


def test_the_slower_of_two_is_told(desk: TriageDesk, store: SqlStore) -> None:
    one = stored(store)
    reclassed(desk, one, urgency=Urgency.A)
    with pytest.raises(ConflictError) as refused:
        reclassed(desk, one, urgency=Urgency.C)
    assert refused.value.current == 2
    with pytest.raises(ConflictError):
        desk.hear(one.id, 1, YES, who="西")
    with pytest.raises(ConflictError):
        desk.note_law(one.id, 1, "許可が要る", who="西")
    assert store.get(one.id).version == 2


# -- what the caller says later --------------------------------------------------------


def test_a_later_yes_raises_and_a_later_no_lowers_nothing(
    desk: TriageDesk, store: SqlStore, intake: IntakeDesk
) -> None:
    one = received(intake)
    raised = desk.hear(one.id, one.version, YES, who="西")
    assert (raised.urgency, raised.due_at) == (Urgency.S, moment("10:05"))
    line = store.history(one.id)[-1]
    assert (line.kind, line.text) == (
        EntryKind.TRIAGED,
        "深いですか: はい。緊急度 B → S",
    )
    after = desk.hear(one.id, raised.version, {"deep": Reply.NO}, who="西")
    assert after.urgency is Urgency.S
    assert after.triage == (TriageReply(question_id="deep", reply=Reply.NO),)


def test_replies_about_finished_work_or_none_are_refused(
    desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store, status=ChartStatus.DONE)
    with pytest.raises(ConflictError):
        desk.hear(one.id, 1, YES, who="西")
    for said in ({}, {"nothing": Reply.YES}):
        with pytest.raises(InvalidInputError):
            desk.hear(one.id, 1, said, who="西")


def test_a_note_on_the_law_is_a_line_of_the_history(
    desk: TriageDesk, store: SqlStore
) -> None:
    one = stored(store)
    after = desk.note_law(one.id, 1, " 道路使用の協議が要る ", who="技術OB")
    assert after.version == 2
    line = store.history(one.id)[-1]
    assert (line.about, line.text) == (LEGAL_NOTE, "法的制約: 道路使用の協議が要る")
    with pytest.raises(InvalidInputError):
        desk.note_law(one.id, 2, "  ", who="技術OB")
