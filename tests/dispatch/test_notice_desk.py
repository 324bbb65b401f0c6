"""Notices: sent, read, answered, settled; a task until somebody ends it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.notice_store import SqlNotices
from dispatch.adapters.sql_store import SqlStore
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.chart_query import EVERYTHING, Reach
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.notice import (
    Notice,
    NoticeCount,
    NoticeQuery,
    NoticeSide,
    NoticeState,
    in_reach,
)
from dispatch.notice_desk import NoticeDesk, NoticeDraft, NoticeRules
from tests.builders import (
    DAY,
    TOKYO,
    assignment,
    catalogue,
    chart,
    moment,
    new_chart,
    placement,
)

DRAFT = NoticeDraft(
    who="配車 一郎",
    done="仮の蓋を置いた",
    next_step="本復旧の日を決める",
    next_by="north工営所",
    act_by=DAY + dt.timedelta(days=3),
)
OPEN = NoticeQuery(state=NoticeState.OPEN)
PARK = {"assignment": None, "receiver": "公園", "status": ChartStatus.REFERRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    store: SqlStore
    notices: SqlNotices
    desk: NoticeDesk

    def add(self, **overrides: Any) -> CaseChart:  # noqa: ANN401 - keyword overrides
        """Store an assigned chart of 北区, in one of its school districts."""
        plain = chart(
            placement=placement(ward_code="27127", district_id="27127-01"),
            assignment=assignment(),
            status=ChartStatus.ASSIGNED,
        )
        new = replace(new_chart(), chart=replace(plain, **overrides))
        return self.store.add_all([new])[0].chart


@pytest.fixture
def room(engine: Engine) -> Room:
    store, notices = SqlStore(engine, catalogue()), SqlNotices(engine)
    desk = NoticeDesk(
        store,
        notices,
        FixedClock(moment("14:00")),
        NoticeRules(
            timezone=TOKYO,
            ward_names={"27127": "北区", "27128": "中央区"},
            office_name=lambda office_id, _day: f"{office_id}工営所",
        ),
    )
    return Room(store=store, notices=notices, desk=desk)


def test_a_notice_goes_to_the_officer_of_the_ward_and_into_the_history(
    room: Room,
) -> None:
    one = room.add()
    notice = room.desk.send(one.id, DRAFT, to_ward=True)
    assert (notice.sender, notice.side, notice.ward_code, notice.district_id) == (
        "north工営所",
        NoticeSide.WARD,
        "27127",
        "27127-01",
    )
    assert notice.is_unread
    assert room.notices.get(notice.id) == notice
    assert room.store.get(one.id) == one  # a notice changes nothing of the chart
    line = room.store.history(one.id)[-1]
    assert (line.kind, line.about, line.who) == (
        EntryKind.NOTICE,
        "北区地域担当",
        "配車 一郎",
    )
    assert line.text == (
        "north工営所から北区地域担当へ。したこと: 仮の蓋を置いた。"
        "次にすること: 本復旧の日を決める(north工営所)。期限: 2026-11-27"
    )


def test_the_officer_writes_to_whoever_has_the_chart(room: Room) -> None:
    short = NoticeDraft(who="区 花子", done="申出人に会った", next_step="見に行く")
    ours = room.desk.send(room.add().id, short, to_ward=False)
    assert (ours.side, ours.desk, ours.sender) == (
        NoticeSide.OFFICE,
        "north",
        "北区地域担当",
    )
    assert room.desk.addressee(ours) == "north工営所"
    other = room.add(id="c2", number="n2", **PARK)
    theirs = room.desk.send(other.id, short, to_ward=False)
    assert (theirs.side, theirs.desk) == (NoticeSide.RECEIVER, "公園")
    assert room.desk.holder_name(other) == "公園"
    assert room.store.history(other.id)[-1].text.endswith("次にすること: 見に行く")


def test_nobody_is_written_to_while_nobody_has_the_chart(room: Room) -> None:
    lost = room.add(assignment=None, placement=None, status=ChartStatus.UNPLACED)
    assert room.desk.holder_name(lost) == ""
    with pytest.raises(ConflictError, match="まだ決まっていません"):
        room.desk.send(lost.id, DRAFT, to_ward=True)
    back = room.add(id="c2", number="n2", **PARK | {"status": ChartStatus.RETURNED})
    assert room.desk.holder_name(back) == ""


def test_reading_marks_it_once_and_leaves_the_task_open(room: Room) -> None:
    notice = room.desk.send(room.add().id, DRAFT, to_ward=True)
    read = room.desk.read(notice.id, who="区 花子")
    assert (read.read_by, read.read_at, read.is_unread) == (
        "区 花子",
        moment("14:00"),
        False,
    )
    assert read.is_open
    assert room.desk.read(notice.id, who="区 次郎").read_by == "区 花子"
    assert room.notices.count(NoticeQuery()) == 0
    assert room.notices.count(OPEN) == 1


def test_an_answer_goes_back_and_ends_the_task(room: Room) -> None:
    one = room.add()
    asked = room.desk.send(one.id, DRAFT, to_ward=True)
    answer = room.desk.answer(
        asked.id, NoticeDraft(who="区 花子", done="申出人に伝えた")
    )
    assert (answer.side, answer.desk, answer.sender, answer.answers_id) == (
        NoticeSide.OFFICE,
        "north",
        "北区地域担当",
        asked.id,
    )
    before = room.notices.get(asked.id)
    assert (before.settled_by, before.read_by, before.answered_by_id) == (
        "区 花子",
        "区 花子",
        answer.id,
    )
    assert [n.id for n in room.notices.listed(OPEN)] == [answer.id]
    assert len(room.notices.of_chart(one.id)) == 2
    with pytest.raises(ConflictError, match="もう済んで"):
        room.desk.answer(asked.id, NoticeDraft(who="区 次郎", done="もう一度"))


def test_a_notice_after_a_settled_one_opens_the_task_again(room: Room) -> None:
    one = room.add()
    first = room.desk.send(one.id, DRAFT, to_ward=True)
    settled = room.desk.settle(first.id, who="区 花子", note="申出人が納得した")
    assert settled.settled_at == moment("14:00")
    assert room.store.history(one.id)[-1].text == (
        "北区地域担当がnorth工営所の対応連絡を済みとした。申出人が納得した"
    )
    assert room.notices.count(OPEN) == 0
    with pytest.raises(ConflictError, match="もう済んで"):
        room.desk.settle(first.id, who="区 次郎")
    room.desk.send(one.id, DRAFT, to_ward=True)
    assert room.notices.count(OPEN) == 1
    done = room.notices.listed(NoticeQuery(state=NoticeState.SETTLED))
    assert [n.id for n in done] == [first.id]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("who", {"who": " "}),
        ("done", {"done": ""}),
        ("done", {"done": "長" * 301}),
        ("next_by", {"next_by": "長" * 121}),
        ("act_by", {"act_by": DAY - dt.timedelta(days=1)}),
    ],
)
def test_a_notice_names_what_is_wrong_and_stores_nothing(
    room: Room, field: str, given: dict[str, Any]
) -> None:
    one = room.add()
    with pytest.raises(InvalidInputError) as refused:
        room.desk.send(one.id, replace(DRAFT, **given), to_ward=True)
    assert refused.value.field == field
    assert room.notices.count(replace(OPEN, state=None)) == 0
    assert len(room.store.history(one.id)) == 1


def test_nobody_reads_or_settles_without_a_name(room: Room) -> None:
    notice = room.desk.send(room.add().id, DRAFT, to_ward=True)
    with pytest.raises(InvalidInputError, match="担当者"):
        room.desk.read(notice.id, who="")
    with pytest.raises(InvalidInputError, match="担当者"):
        room.desk.settle(notice.id, who=" ")
    with pytest.raises(NotFoundError):
        room.desk.read("nowhere", who="区 花子")


@pytest.fixture
def three(room: Room) -> dict[str, Notice]:
    """Notices for two wards and a receiver, of which one is due first."""
    soon = replace(DRAFT, act_by=DAY)
    other = placement(ward_code="27128", district_id="27128-02")
    room.add(id="c2", number="n2", placement=other)
    room.add(id="c3", number="n3", **PARK)
    return {
        "north": room.desk.send(
            room.add().id, replace(DRAFT, act_by=None), to_ward=True
        ),
        "south": room.desk.send("c2", soon, to_ward=True),
        "park": room.desk.send("c3", DRAFT, to_ward=False),
    }


NORTH_WARD = Reach(ward_codes=frozenset({"27127"}))
THE_PARK = Reach(receivers=frozenset({"公園"}))
NORTH_OFFICE = Reach(office_ids=frozenset({"north"}))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (NoticeQuery(), ["south", "park", "north"]),  # due today, on Friday, never
        (NoticeQuery(ward_code="27128"), ["south"]),
        (NoticeQuery(district_id="27127-01", side=NoticeSide.WARD), ["north"]),
        (NoticeQuery(desk="公園"), ["park"]),
        (NoticeQuery(reach=NORTH_WARD), ["north"]),
        (NoticeQuery(reach=THE_PARK), ["park"]),
        (NoticeQuery(reach=NORTH_OFFICE), []),
        (NoticeQuery(reach=Reach()), []),
    ],
)
def test_a_list_holds_what_is_asked_for_and_may_be_seen(
    room: Room, three: dict[str, Notice], query: NoticeQuery, names: list[str]
) -> None:
    found = room.notices.listed(query)
    assert [one.id for one in found] == [three[name].id for name in names]
    assert room.notices.count(query) == len(names)
    assert {one.id for one in found} == {
        one.id
        for one in room.notices.listed(replace(query, reach=EVERYTHING))
        if in_reach(one, query.reach)
    }
    assert len(room.notices.listed(query, limit=1)) == min(1, len(names))


def test_what_is_open_is_counted_by_whom_it_is_for(
    room: Room, three: dict[str, Notice]
) -> None:
    room.desk.read(three["north"].id, who="区 花子")
    ward, receiver = NoticeSide.WARD, NoticeSide.RECEIVER
    assert room.notices.by_addressee(EVERYTHING) == (
        NoticeCount(side=receiver, desk="公園", ward_code="", unread=1, open=1),
        NoticeCount(side=ward, desk="", ward_code="27127", unread=0, open=1),
        NoticeCount(side=ward, desk="", ward_code="27128", unread=1, open=1),
    )


def test_a_notice_of_no_ward_is_for_whoever_takes_what_has_none(room: Room) -> None:
    lost = room.add(placement=None, **PARK)
    notice = room.desk.send(lost.id, DRAFT, to_ward=True)
    assert room.desk.addressee(notice) == "地域担当"
    anybody = Reach(ward_codes=frozenset({"27127"}), without_ward=True)
    assert in_reach(notice, anybody)
    assert room.notices.count(NoticeQuery(reach=anybody)) == 1
    assert not in_reach(notice, replace(anybody, without_ward=False))
    office = replace(notice, side=NoticeSide.OFFICE, desk="north")
    assert in_reach(office, Reach(office_ids=frozenset({"north"})))
