"""The desk that makes one visit of several reports: merge, answer all, undo."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.related_store import SqlRelated
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.consultation import Appointment, ContactMethod
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.scheme import Scheme, SchemeRule, Schemes
from dispatch.merge_desk import MergeDesk, MergeRules, MergeTools
from tests.builders import (
    DAY,
    TOKYO,
    FakeGeocoder,
    catalogue,
    chart,
    consultation,
    moment,
    new_chart,
    placement,
)

WHO = "担当 一郎"
WRITTEN = SchemeRule(
    scheme=Scheme.CITIZEN_VOICE,
    name="市民の声",
    answer_days=14,
    interim_days=14,
    always_answered=True,
    written=True,
    published=True,
)
ADDRESS = consultation().address_text
TOLD = Answer(
    at=moment("0:00"),
    who=WHO,
    method=ContactMethod.PHONE,
    kind=AnswerKind.DONE,
    text="架空花子様、埋めました",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    store: SqlStore
    desk: MergeDesk

    def put(self, chart_id: str, **overrides: object) -> CaseChart:
        new = new_chart(chart_id)
        changed = replace(new, chart=chart(chart_id, **overrides))
        return self.store.add_all([changed])[0].chart

    def merge(self, one: str, main: str) -> None:
        get = self.store.get
        self.desk.merge(
            one,
            get(one).version,
            main_id=main,
            main_version=get(main).version,
            who=WHO,
            why="同じ穴",
        )


@pytest.fixture
def room(store: SqlStore, engine: Engine) -> Room:
    tools = MergeTools(
        charts=store,
        related=SqlRelated(engine),
        geocoder=FakeGeocoder(known={ADDRESS: placement()}),
        clock=FixedClock(moment("10:00")),
    )
    rules = MergeRules(
        catalogue=catalogue(),
        timezone=TOKYO,
        schemes=Schemes(rules={Scheme.CITIZEN_VOICE: WRITTEN}),
        mask_of=lambda _chart_id: lambda text: text.replace("架空花子", "●●"),
    )
    return Room(store=store, desk=MergeDesk(tools, rules))


def test_a_chart_and_a_draft_are_told_of_like_ones(room: Room) -> None:
    one, two = room.put("a"), room.put("b")
    room.put("c", status=ChartStatus.WITHDRAWN)
    assert [like.chart for like in room.desk.suggested(one)] == [two]
    draft = consultation(received_at=moment("10:00"))
    found = {like.chart.id for like in room.desk.suggested_for(draft)}
    assert found == {"a", "b"}
    unknown = replace(draft, address_text="聞き取れなかった場所")
    assert room.desk.suggested_for(unknown) == ()
    assert room.desk.suggested(room.put("d", placement=None)) == ()
    with pytest.raises(InvalidInputError, match="category"):
        room.desk.suggested_for(replace(draft, category_code="X99"))


def test_one_visit_remains_and_both_histories_say_so(room: Room) -> None:
    room.put("main", due_at=moment("17:00"), field_due_at=None)
    room.put(
        "dup",
        urgency=Urgency.A,
        due_at=moment("12:00"),
        answer_due_at=moment("17:30", DAY + dt.timedelta(days=14)),
    )
    room.merge("dup", "main")
    dup, main = room.store.get("dup"), room.store.get("main")
    assert (dup.status, dup.duplicate_of) == (ChartStatus.DUPLICATE, "main")
    # Its own answer is still owed; the visit is as urgent as the more urgent one.
    assert dup.answer_due_at == moment("17:30", DAY + dt.timedelta(days=14))
    assert (main.urgency, main.due_at) == (Urgency.A, moment("12:00"))
    assert room.desk.followed(dup) == main
    assert room.desk.followed(main) is None
    assert room.desk.merged_into(main) == [dup]
    for chart_id, about in (("dup", "main"), ("main", "dup")):
        line = room.store.history(chart_id)[-1]
        assert (line.kind, line.about) == (EntryKind.MERGED, about)
        assert line.text.endswith("理由: 同じ穴")


def test_there_are_no_chains_and_no_circles(room: Room) -> None:
    for chart_id in "abcd":
        room.put(chart_id)
    room.merge("a", "b")
    room.merge("b", "c")  # what had been merged into b goes along
    room.merge("d", "a")  # a stands for c by now
    assert {room.store.get(one).duplicate_of for one in "abd"} == {"c"}
    with pytest.raises(ConflictError, match="同じカルテ"):
        room.merge("c", "a")


HELD = {"status": ChartStatus.ON_HOLD, "hold_until": DAY + dt.timedelta(days=3)}
PROMISED = consultation(
    appointment=Appointment(start_at=moment("13:00"), end_at=moment("15:00"))
)


@pytest.mark.parametrize(
    ("dup", "main", "why"),
    [
        ({"status": ChartStatus.UNDER_WAY}, {}, "作業中"),
        ({}, {"status": ChartStatus.CLOSED}, "終結か取下げ"),
        ({}, {"duty": Duty.PARTNER}, "対応する所が違います"),
        (
            {},
            {"status": ChartStatus.DONE, "work_done_at": moment("9:00")},
            "再発なら",
        ),
        ({"status": ChartStatus.PLANNED}, {}, "計画に入っています"),
        ({"consultation": PROMISED}, {}, "訪問の約束"),
        (HELD, {}, "法定待機中"),
        (HELD, {**HELD, "hold_until": DAY + dt.timedelta(days=2)}, "法定待機中"),
    ],
)
def test_what_somebody_counts_on_is_not_merged_away(
    room: Room, dup: dict[str, object], main: dict[str, object], why: str
) -> None:
    before = room.put("dup", **dup)
    room.put("main", **main)
    with pytest.raises(ConflictError, match=why):
        room.merge("dup", "main")
    assert room.store.get("dup") == before


@pytest.mark.parametrize(
    ("dup", "main"),
    [
        (HELD, HELD),
        ({"status": ChartStatus.PLANNED}, {"status": ChartStatus.PLANNED}),
        ({"consultation": PROMISED}, {"consultation": PROMISED}),
        (
            {},
            {
                "status": ChartStatus.DONE,
                "work_done_at": moment("9:30"),
                "responded_at": moment("9:20"),
            },
        ),
    ],
)
def test_what_the_other_keeps_as_well_may_be_merged(
    room: Room, dup: dict[str, object], main: dict[str, object]
) -> None:
    room.put("dup", **dup)
    room.put("main", **main)
    room.merge("dup", "main")
    assert room.store.get("dup").duplicate_of == "main"


def test_nobody_and_stale_versions_are_refused(room: Room) -> None:
    room.put("a")
    room.put("b")
    for version, main_version in ((2, 1), (1, 2)):
        with pytest.raises(ConflictError, match="先に変更"):
            room.desk.merge(
                "a", version, main_id="b", main_version=main_version, who=WHO
            )
    with pytest.raises(InvalidInputError, match="who"):
        room.desk.merge("a", 1, main_id="b", main_version=1, who=" ")
    assert room.store.get("a").version == 1


def test_a_merging_is_undone_with_a_reason(room: Room) -> None:
    room.put("dup", due_at=moment("12:00"))
    room.put("main")
    with pytest.raises(ConflictError, match="まとめられていません"):
        room.desk.split_off("dup", 1, who=WHO, why="別の穴")
    room.merge("dup", "main")
    with pytest.raises(InvalidInputError, match="why"):
        room.desk.split_off("dup", 2, who=WHO, why=" ")
    undone = room.desk.split_off("dup", 2, who=WHO, why="別の穴")
    assert undone.duplicate == room.store.get("dup")
    assert undone.duplicate.status is ChartStatus.RECEIVED
    assert undone.duplicate.duplicate_of == ""
    assert undone.duplicate.due_at == moment("12:00")
    assert room.desk.merged_into(undone.main) == []


def test_one_answer_goes_to_all_who_wait_and_names_nobody_else(room: Room) -> None:
    wants = consultation(contact_wanted=True)
    due = moment("17:30", DAY + dt.timedelta(days=14))
    room.put("main")
    room.put("waits", consultation=wants, answer_due_at=due)
    room.put("quiet")
    room.put(
        "letter", consultation=wants, answer_due_at=due, scheme=Scheme.CITIZEN_VOICE
    )
    for chart_id in ("waits", "quiet", "letter"):
        room.merge(chart_id, "main")
    with pytest.raises(ConflictError, match="まだ回答が"):
        room.desk.answer_merged("main", who=WHO)
    main = room.store.get("main")
    told = replace(main, version=main.version + 1, answers=(TOLD,))
    room.store.save_all([(told, ())])
    done = room.desk.answer_merged("main", who=WHO)
    assert [one.id for one in done.answered] == ["waits"]
    assert [(one.id, why) for one, why in done.left] == [
        ("letter", "市民の声は文書で回答します")
    ]
    after = room.store.get("waits")
    assert after.status is ChartStatus.ANSWERED
    assert after.answered_at == moment("10:00")
    assert after.answers[-1].text == "●●様、埋めました"
    assert room.store.history("waits")[-1].text == "●●様、埋めました"
    assert room.store.get("quiet").answers == ()
