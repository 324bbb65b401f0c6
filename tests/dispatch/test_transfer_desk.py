"""Transfers: sent, taken, returned, passed on; with a clock on both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.transfer_store import SqlTransfers
from dispatch.chart_opening import Intake
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.chart_query import Reach
from dispatch.domain.consultation import ContactMethod
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from dispatch.domain.field_result import FieldResult
from dispatch.domain.life_cycle import Act
from dispatch.domain.outcome import Outcome
from dispatch.domain.place import LonLat
from dispatch.domain.receivers import Receiver, Receivers
from dispatch.domain.referral import NO_PLACE
from dispatch.domain.reporter import Reporter
from dispatch.domain.transfer import Transfer, TransferState
from dispatch.domain.transfer_query import ReceiverCount, TransferOrder, TransferQuery
from dispatch.intake import IntakeDesk
from dispatch.life_cycle_desk import LifeCycleDesk, LifeRules
from dispatch.transfer_desk import TransferDesk, TransferRules
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
    intake_rules,
    moment,
    new_chart,
    office_hours,
    placement,
    receiver,
    receivers,
)

WHO = "担当 一郎"
WATER = receiver("water", name="水道局", takes=frozenset({"L01"}))
CARE = receiver(
    "care",
    name="北区保健福祉センター",
    takes=frozenset({"D01"}),
    ward_codes=("27127",),
    accept_working_days=0,
    off_map=True,
)
SHUT = receiver("shut", name="まだない窓口", opens_on=DAY.replace(year=2027))
RECEIVERS = replace(receivers(WATER, CARE, SHUT), ward_names={"27127": "北区"})
LEAK = category(
    "L01", duty=Duty.REFERRAL, urgency=Urgency.S, receiver="水道局", onsite_s=0
)
CATALOGUE = catalogue(LEAK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    store: SqlStore
    queues: SqlTransfers
    clock: FixedClock
    desk: TransferDesk

    def add(self, **overrides: Any) -> CaseChart:  # noqa: ANN401 - keyword overrides
        """Store an assigned pothole of 北区, or another chart."""
        plain = chart(
            placement=placement(ward_code="27127"),
            assignment=assignment(),
            status=ChartStatus.ASSIGNED,
        )
        new = replace(new_chart(), chart=replace(plain, **overrides))
        return self.store.add_all([new])[0].chart

    def at(self, clock: str) -> Room:
        """Go on at another time of the day."""
        return room_of(self.store, self.queues, FixedClock(moment(clock)))

    def kinds(self, chart_id: str) -> list[EntryKind]:
        return [line.kind for line in self.store.history(chart_id)]


def room_of(store: SqlStore, queues: SqlTransfers, clock: FixedClock) -> Room:
    rules = TransferRules(
        catalogue=CATALOGUE,
        hours=office_hours(),
        timezone=TOKYO,
        receivers=RECEIVERS,
        office_name=lambda office_id, _day: f"{office_id}工営所",
    )
    desk = TransferDesk(store, clock, rules)
    return Room(store=store, queues=queues, clock=clock, desk=desk)


@pytest.fixture
def room(engine: Engine) -> Room:
    store = SqlStore(engine, CATALOGUE)
    return room_of(store, SqlTransfers(engine), FixedClock(moment("10:00")))


def sent(room: Room, to: str = "water", **overrides: Any) -> CaseChart:  # noqa: ANN401
    one = room.add(**overrides)
    return room.desk.send(one.id, one.version, to, who=WHO, why="水道管の漏れ")


def last(one: CaseChart) -> Transfer:
    return one.transfers[-1]


def test_what_is_sent_waits_with_the_receiver_under_a_clock(room: Room) -> None:
    after = sent(room)
    assert (after.status, after.receiver, after.version) == (
        ChartStatus.REFERRED,
        "水道局",
        2,
    )
    assert room.store.get(after.id) == after
    one = last(after)
    assert (one.sender, one.receiver, one.state) == (
        "north工営所",
        "水道局",
        TransferState.SENT,
    )
    assert (one.sent_at, one.sent_by, one.ward_code) == (moment("10:00"), WHO, "27127")
    # sent on Tuesday: one working day ends on Wednesday at closing time
    assert one.accept_by == one.due_at == moment("17:30", DAY.replace(day=25))
    line = room.store.history(after.id)[-1]
    assert (line.kind, line.about) == (EntryKind.TRANSFERRED, "水道局")
    assert line.text == "north工営所から水道局へ移管。理由: 水道管の漏れ"


def test_an_urgent_one_is_to_be_taken_within_minutes(room: Room) -> None:
    one = last(sent(room, urgency=Urgency.S))
    assert one.accept_by == moment("10:15")  # 10:00 + 15 minutes


def test_taking_it_meets_the_clock_and_the_first_response(room: Room) -> None:
    one = sent(room)
    after = room.at("11:30").desk.accept(one.id, 2, last(one).id, who="水道 花子")
    assert (after.status, after.responded_at) == (
        ChartStatus.REFERRED,
        moment("11:30"),
    )
    assert last(after).state is TransferState.ACCEPTED
    assert last(after).settled_at == moment("11:30")
    assert last(after).due_at is None
    assert room.kinds(after.id)[-1] is EntryKind.ACCEPTED
    with pytest.raises(ConflictError, match="水道局が受け取り済み"):
        room.desk.accept(after.id, 3, last(after).id, who=WHO)


def test_a_return_says_why_and_starts_the_senders_clock(room: Room) -> None:
    one = sent(room)
    after = room.desk.send_back(one.id, 2, last(one).id, who="水道 花子", why="雨水")
    assert (after.status, after.receiver) == (ChartStatus.RETURNED, "")
    back = last(after)
    assert (back.state, back.return_reason, back.settled_by) == (
        TransferState.RETURNED,
        "雨水",
        "水道 花子",
    )
    assert back.return_by == back.due_at == moment("17:30", DAY.replace(day=25))
    assert back.ended_at == moment("10:00")
    line = room.store.history(after.id)[-1]
    assert (line.kind, line.about) == (EntryKind.RETURNED, "水道局")
    again = room.desk.send(after.id, 3, "park", who=WHO, why="公園の水飲み")
    assert [t.state for t in again.transfers] == [
        TransferState.RETURNED,
        TransferState.SENT,
    ]
    assert last(again).sender == "north工営所"


def test_what_was_taken_may_still_be_returned(room: Room) -> None:
    one = sent(room)
    taken = room.desk.accept(one.id, 2, last(one).id, who="水道 花子")
    after = room.at("15:00").desk.send_back(
        one.id, 3, last(taken).id, who="水道 次郎", why="宅地の中"
    )
    back = last(after)
    assert (back.settled_at, back.settled_by) == (moment("10:00"), "水道 花子")
    assert back.ended_at == moment("15:00")


def test_a_receiver_passes_it_on_and_gets_it_back(room: Room) -> None:
    one = sent(room)
    on = room.desk.hand_on(one.id, 2, last(one).id, "park", who="水道", why="公園の中")
    assert on.receiver == "park事務所"
    assert on.partners == ("水道局",)
    assert [(t.sender, t.state) for t in on.transfers] == [
        ("north工営所", TransferState.HANDED_ON),
        ("水道局", TransferState.SENT),
    ]
    assert on.transfers[0].ended_at == moment("10:00")
    back = room.desk.send_back(on.id, 3, last(on).id, who="公園", why="道路の下")
    # it is the waterworks' turn, so they have it again
    assert (back.status, back.receiver) == (ChartStatus.RETURNED, "水道局")
    again = room.desk.send(back.id, 4, "park", who="水道", why="もう一度")
    assert last(again).sender == "水道局"
    assert again.partners == ("水道局",)


def test_what_nobody_has_taken_can_be_taken_back(room: Room) -> None:
    one = sent(room)
    after = room.desk.withdraw(one.id, 2, last(one).id, who=WHO, why="道路の水だった")
    assert (after.status, after.receiver) == (ChartStatus.RETURNED, "")
    assert last(after).state is TransferState.WITHDRAWN
    assert last(after).ended_at == moment("10:00")
    assert room.queues.count(TransferQuery()) == 0  # nobody's turn but ours

    other = sent(room, id="c2", number="n2")
    taken = room.desk.accept(other.id, 2, last(other).id, who="水道")
    with pytest.raises(ConflictError, match="取り戻せません"):
        room.desk.withdraw(taken.id, 3, last(taken).id, who=WHO, why="やはり")


def test_what_the_receiver_did_ends_the_work(room: Room) -> None:
    one = sent(room)
    after = room.desk.finish(one.id, 2, last(one).id, who="水道", done="弁を替えた")
    assert (after.status, after.work_done_at, after.responded_at) == (
        ChartStatus.DONE,
        moment("10:00"),
        moment("10:00"),
    )
    over = last(after)
    assert (over.state, over.result, over.settled_by) == (
        TransferState.FINISHED,
        "弁を替えた",
        "水道",
    )
    line = room.store.history(after.id)[-1]
    assert (line.kind, line.about) == (EntryKind.MOVED, "complete")
    taken = sent(room, id="c2", number="n2")
    taken = room.desk.accept(taken.id, 2, last(taken).id, who="水道 花子")
    over = last(room.desk.finish(taken.id, 3, last(taken).id, who="水道", done="済"))
    assert over.settled_by == "水道 花子"


def test_a_legal_hold_goes_on_whoever_has_it(room: Room) -> None:
    held = sent(room, hold_until=DAY.replace(day=27))
    with pytest.raises(ConflictError, match="法定待機中"):
        room.desk.finish(held.id, 2, last(held).id, who="水道", done="撤去")


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("who", {"who": " "}),
        ("why", {"why": " "}),
        ("why", {"why": "長" * 301}),
        ("receiver", {"receiver_id": "nowhere"}),
        ("receiver", {"receiver_id": "shut"}),
    ],
)
def test_sending_names_what_is_wrong_and_changes_nothing(
    room: Room, field: str, given: dict[str, str]
) -> None:
    one = room.add()
    asked = {"receiver_id": "water", "who": WHO, "why": "理由"} | given
    with pytest.raises(InvalidInputError) as refused:
        room.desk.send(
            one.id, 1, asked["receiver_id"], who=asked["who"], why=asked["why"]
        )
    assert refused.value.field == field
    assert room.store.get(one.id) == one


def test_it_is_sent_to_one_at_a_time(room: Room) -> None:
    one = sent(room)
    with pytest.raises(ConflictError, match="いま水道局にあります"):
        room.desk.send(one.id, 2, "park", who=WHO, why="公園かも")
    with pytest.raises(InvalidInputError, match="すでにその引継先"):
        room.desk.hand_on(one.id, 2, last(one).id, "water", who=WHO, why="同じ")
    with pytest.raises(ConflictError, match="先に変更"):
        room.desk.accept(one.id, 1, last(one).id, who=WHO)
    with pytest.raises(NotFoundError):
        room.desk.accept(one.id, 2, "nowhere", who=WHO)
    with pytest.raises(InvalidInputError, match="担当者"):
        room.desk.accept(one.id, 2, last(one).id, who="")


def test_a_transfer_that_is_over_is_not_moved_again(room: Room) -> None:
    one = sent(room)
    back = room.desk.send_back(one.id, 2, last(one).id, who="水道", why="雨水")
    over, desk = last(back).id, room.desk
    with pytest.raises(ConflictError, match="終わっています"):
        desk.accept(back.id, 3, over, who=WHO)
    with pytest.raises(ConflictError, match="終わっています"):
        desk.finish(back.id, 3, over, who=WHO, done="済")
    with pytest.raises(ConflictError, match="終わっています"):
        desk.hand_on(back.id, 3, over, "park", who=WHO, why="公園")


def test_work_that_is_over_is_not_sent(room: Room) -> None:
    done = room.add(status=ChartStatus.DONE)
    with pytest.raises(ConflictError, match="refer"):
        room.desk.send(done.id, 1, "water", who=WHO, why="やはり")


def test_who_takes_it_by_the_rule_is_proposed(room: Room) -> None:
    park = room.add(
        consultation=consultation(category_code="P01"), status=ChartStatus.RETURNED
    )
    assert room.desk.proposed(park).name == "park事務所"
    assert room.desk.rules.receivers is RECEIVERS
    after = room.desk.send(park.id, 1, "park", who=WHO, why="公園の中")
    assert last(after).chosen_because == "市内全域を受け持つ窓口"


# -- off the map -----------------------------------------------------------------------


def shows_a_place(one: CaseChart) -> bool:
    return one.is_mappable or one.placement is not None


def test_what_goes_to_a_desk_off_the_map_loses_its_place_for_good(room: Room) -> None:
    said = consultation(position=YARD)
    one = sent(room, to="care", consultation=said)
    assert not shows_a_place(one)
    assert one.consultation.position is None
    assert one.consultation.address_text == said.address_text
    assert (one.duty, one.ward_code) == (Duty.REFERRAL, "27127")
    back = room.desk.send_back(one.id, 2, last(one).id, who="福祉", why="道路の話")
    assert not shows_a_place(back)
    assert back.ward_code == "27127"


def test_a_position_alone_gives_way_to_words_that_say_so(room: Room) -> None:
    said = consultation(address_text="", landmark_text="", position=YARD)
    one = sent(room, to="care", consultation=said)
    assert one.consultation.position is None
    assert one.consultation.landmark_text == NO_PLACE


def life(room: Room) -> LifeCycleDesk:
    rules = LifeRules(catalogue=CATALOGUE, hours=office_hours(), timezone=TOKYO)
    return LifeCycleDesk(room.store, room.clock, rules)


def reception(room: Room, geocoder: FakeGeocoder | None = None) -> IntakeDesk:
    known = {"北区中之島1丁目": placement(YARD, ward_code="27127")}
    return IntakeDesk(
        room.store,
        geocoder or FakeGeocoder(known=known),
        StraightTravel(),
        intake_rules(catalogue=CATALOGUE, receivers=RECEIVERS),
        room.clock,
    )


def received(room: Room, **overrides: Any) -> CaseChart:  # noqa: ANN401
    intake = Intake(consultation=consultation(**overrides), reporter=Reporter())
    return reception(room).receive(intake, who="受付 花子").chart


def test_the_reception_passes_a_referral_on_with_its_clock_and_no_place(
    room: Room,
) -> None:
    welfare = received(room, category_code="D01", position=YARD, desk="北区役所")
    assert (welfare.status, welfare.receiver) == (
        ChartStatus.REFERRED,
        "北区保健福祉センター",
    )
    assert not shows_a_place(welfare)
    assert welfare.consultation.position is None
    assert welfare.number == "2026-27127-000001"  # the ward is known all the same
    one = last(welfare)
    assert (one.sender, one.sent_by, one.chosen_because) == (
        "北区役所",
        "自動処理",
        "北区を担当",
    )
    assert one.accept_by == moment("17:30")  # no working day: the same day
    stored = room.store.get(welfare.id)
    assert stored == welfare
    line = room.store.history(welfare.id)[-1]
    assert (line.kind, line.about) == (EntryKind.REFERRED, "北区保健福祉センター")


def test_the_reception_passes_a_leak_on_at_once(room: Room) -> None:
    leak = received(room, category_code="L01", position=YARD)
    assert (leak.urgency, leak.receiver) == (Urgency.S, "水道局")
    assert last(leak).accept_by == moment("10:15")
    assert last(leak).sender == "受付"
    # off the map, but the waterworks have to find it: the position is kept unseen
    assert not shows_a_place(leak)
    assert leak.consultation.position == YARD


def test_a_partners_work_carries_its_transfer(room: Room) -> None:
    swing = received(room, category_code="P01")
    assert swing.placement is not None
    assert last(swing).receiver == swing.receiver == "park事務所"
    assert last(swing).ward_code == "27127"


@pytest.mark.parametrize("code", ["D01", "L01"])
def test_a_referral_stays_off_the_map_when_it_is_reopened_and_sent_again(
    room: Room, code: str
) -> None:
    one = received(room, category_code=code, position=YARD)
    reopened = life(room).act(one.id, 1, Act.REOPEN, who=WHO, why="まだ困っている")
    assert reopened.status is ChartStatus.RECEIVED
    assert not shows_a_place(reopened)
    # whoever had it has it no more
    assert last(reopened).state is TransferState.WITHDRAWN
    again, lines = reception(room).routed_again(reopened)
    assert (again.status, len(again.transfers)) == (ChartStatus.REFERRED, 2)
    assert not shows_a_place(again)
    assert [line.kind for line in lines] == [EntryKind.REFERRED]
    assert again.partners == ()


def test_a_chart_that_is_classed_as_a_referral_loses_its_place(room: Room) -> None:
    field = received(room, position=YARD)
    assert shows_a_place(field)
    classed = replace(field, reclassed_code="D01").in_status(ChartStatus.RETURNED)
    again, _ = reception(room).routed_again(classed)
    assert not shows_a_place(again)
    assert again.consultation.position is None
    assert again.ward_code == "27127"


# -- who else moves it on --------------------------------------------------------------


def test_an_answer_or_the_closing_ends_the_transfer(room: Room) -> None:
    told = Answer(
        at=moment("0:00"),
        who=WHO,
        method=ContactMethod.PHONE,
        kind=AnswerKind.DONE,
        text="直りました",
    )
    one = sent(room)
    answered = life(room).answer(one.id, 2, told)
    assert last(answered).state is TransferState.FINISHED
    other = sent(room, id="c2", number="n2")
    closed = life(room).act(other.id, 2, Act.CLOSE, who=WHO)
    assert last(closed).state is TransferState.FINISHED
    assert room.queues.count(TransferQuery()) == 0


def test_what_was_referred_without_a_transfer_is_reopened_all_the_same(
    room: Room,
) -> None:
    old = room.add(status=ChartStatus.REFERRED, receiver="公園", assignment=None)
    reopened = life(room).act(old.id, 1, Act.REOPEN, who=WHO, why="まだ切れていない")
    assert (reopened.status, reopened.transfers) == (ChartStatus.RECEIVED, ())
    again = room.desk.send(reopened.id, 2, "park", who=WHO, why="公園の枝")
    assert last(again).sender == "公園"


def test_a_team_records_no_result_of_what_others_have(room: Room) -> None:
    one = sent(room)
    result = FieldResult(at=moment("0:00"), who=WHO, outcome=Outcome.PERMANENT)
    with pytest.raises(ConflictError, match="いま水道局にあります"):
        life(room).record_result(one.id, 2, result)


# -- queues ----------------------------------------------------------------------------


@pytest.fixture
def full(room: Room) -> Room:
    """Three for the waterworks: late, in time, taken; one returned; one finished."""
    late = replace(placement(), ward_code="27128")
    sent(room.at("9:00"), id="late", number="n1", urgency=Urgency.S, placement=late)
    sent(room, id="fresh", number="n2")
    taken = sent(room, id="taken", number="n3")
    room.desk.accept("taken", 2, last(taken).id, who="水道")
    back = sent(room, to="park", id="back", number="n4")
    room.desk.send_back("back", 2, last(back).id, who="公園", why="道路")
    over = sent(room, id="over", number="n5")
    room.desk.finish("over", 2, last(over).id, who="水道", done="済")
    return room


NOW = moment("10:00")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (TransferQuery(), ["late", "back", "fresh", "taken"]),
        (TransferQuery(state=TransferState.SENT), ["late", "fresh"]),
        (TransferQuery(state=TransferState.RETURNED), ["back"]),
        (TransferQuery(receiver="park事務所"), ["back"]),
        (TransferQuery(ward_code="27128"), ["late"]),
        (TransferQuery(late_at=NOW), ["late"]),
        (TransferQuery(reach=Reach(receivers=frozenset({"水道局"}))), None),
    ],
)
def test_a_queue_holds_what_runs_or_came_back_by_deadline(
    full: Room, query: TransferQuery, ids: list[str] | None
) -> None:
    ids = ids if ids is not None else ["late", "fresh", "taken"]
    found = full.queues.listed(query)
    # 9:15 is over; the others are due on Wednesday evening, the taken one never
    assert {one.id for one in found} == set(ids)
    assert found[0].id == ids[0]
    assert full.queues.count(query) == len(ids)


def test_a_queue_can_be_had_by_when_it_was_sent_and_in_part(full: Room) -> None:
    found = full.queues.listed(TransferQuery(), order=TransferOrder.SENT, limit=2)
    assert [one.id for one in found] == ["late", "fresh"]


def test_queues_are_counted_by_receiver(full: Room) -> None:
    assert full.queues.by_receiver(TransferQuery(), at=NOW) == (
        ReceiverCount(receiver="park事務所", returned=1),
        ReceiverCount(receiver="水道局", waiting=2, accepted=1, late=1),
    )


def test_what_was_returned_leaves_the_queue_once_it_went_another_way(
    full: Room,
) -> None:
    back = full.store.get("back")
    elsewhere = replace(back.in_status(ChartStatus.ASSIGNED), version=back.version + 1)
    full.store.save_all([(elsewhere, ())])
    assert "back" not in {one.id for one in full.queues.listed(TransferQuery())}


# -- the rule --------------------------------------------------------------------------


def test_several_without_a_ward_give_the_nearest_to_the_place() -> None:
    near = receiver("near", place=LonLat(135.50, 34.69))
    far = receiver("far", place=LonLat(135.60, 34.60))
    found = Receivers(shapes=(far, near)).receiver_for(
        CATALOGUE.get("P01"), "", DAY, YARD
    )
    assert found.name == "near事務所"
    assert found.because == "担当区の資料がないため、最も近いところ(推定)"


def test_several_whose_place_nobody_knows_leave_the_choice_to_a_person() -> None:
    both = Receivers(shapes=(receiver("a"), receiver("b")))
    found = both.receiver_for(CATALOGUE.get("P01"), "27127", DAY, YARD)
    assert (found.name, found.receiver) == ("park", None)


def test_a_receiver_is_found_by_its_name_while_it_is_open() -> None:
    assert RECEIVERS.named("水道局", DAY) is WATER
    assert RECEIVERS.named("まだない窓口", DAY) is None
    gone = Receiver(
        id="old", kind="k", name="旧", valid_from=DAY.replace(year=2011), valid_to=DAY
    )
    assert not gone.holds_on(DAY)
    assert gone.is_open_on(DAY.replace(day=23))
