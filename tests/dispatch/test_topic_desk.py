"""A call with several topics: child charts, one receipt, one reporter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.related_store import SqlRelated
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.vault_opening import open_vault
from dispatch.adapters.vault_store import SqlVault
from dispatch.chart_opening import Intake
from dispatch.domain.case_chart import CaseChart, ChartStatus, EntryKind
from dispatch.domain.consultation import Consultation
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.placing import Placement
from dispatch.domain.reporter import Reporter
from dispatch.intake import IntakeDesk
from dispatch.ports import IdempotencyKey, NewChart
from dispatch.topic_desk import MAX_TOPICS, Topic, TopicDesk, TopicTools
from dispatch.vault_desk import VaultDesk
from tests.builders import (
    FakeGeocoder,
    StraightTravel,
    catalogue,
    consultation,
    intake_rules,
    moment,
    placement,
)

WHO = "受付 三郎"
HERE, THERE = "北区中之島1丁目", "北区堂島2丁目"
PERSON = Reporter(name="蔵前 姫子", phone="06-0000-7431")
KEY = IdempotencyKey(client="web", key="k", body_sha256="aa")
S = ChartStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    store: SqlStore
    intake: IntakeDesk
    desk: TopicDesk
    vault: VaultDesk
    clock: FixedClock

    def opening(self, **overrides: Any) -> NewChart:  # noqa: ANN401
        one = Intake(consultation=consultation(**overrides), reporter=PERSON)
        return self.intake.opening(replace(one, idempotency=KEY), who=WHO)

    def call(
        self,
        topics: Sequence[Topic] = (),
        **overrides: Any,  # noqa: ANN401
    ) -> list[CaseChart]:
        new = self.opening(**overrides)
        topics = topics or (Topic(category_code="W01"),)
        return [one.chart for one in self.desk.receive(new, topics, who=WHO)]


@pytest.fixture
def room(engine: Engine, tmp_path: Path) -> Room:
    vault = open_vault(engine, tmp_path / "vault.key")
    store = SqlStore(engine, catalogue(), vault)
    clock = FixedClock(moment("10:00"))
    known = {HERE: placement(), THERE: placement(town="北区堂島二丁目")}
    intake = IntakeDesk(
        store, FakeGeocoder(known=known), StraightTravel(), intake_rules(), clock
    )

    def opened(one: Consultation, who: str, place: Placement | None) -> NewChart:
        given = Intake(consultation=one, reporter=Reporter(), placement=place)
        return intake.opening(given, who=who)

    return Room(
        store=store,
        intake=intake,
        desk=TopicDesk(
            TopicTools(
                charts=store,
                calls=SqlRelated(engine),
                opened=opened,
                catalogue=catalogue(),
                clock=clock,
            )
        ),
        vault=VaultDesk(SqlVault(engine, vault), store, clock, retention_days=30),
        clock=clock,
    )


def test_a_call_with_three_topics_becomes_three_charts_with_one_receipt(
    room: Room,
) -> None:
    first, second, third = room.call(
        [Topic(category_code="W01"), Topic(category_code="D01", description="相談")],
        contact_wanted=True,
    )
    assert (first.parent_id, second.parent_id, third.parent_id) == (
        "",
        first.id,
        first.id,
    )
    # each goes where its category belongs, and has its own number and clocks
    assert (second.status, third.status) == (S.ASSIGNED, S.REFERRED)
    assert len({one.number for one in (first, second, third)}) == 3
    assert second.due_at is not None
    receipt = room.desk.receipt(third.id)
    assert receipt.number == first.number
    assert [one.id for one in receipt.charts] == [first.id, second.id, third.id]
    kinds = [line.kind for line in room.store.history(second.id)]
    assert kinds[-1] is EntryKind.SPLIT
    assert room.store.history(second.id)[-1].about == first.id


def test_a_topic_is_at_the_same_place_unless_it_names_another(room: Room) -> None:
    first, same, other, lost = room.call(
        [
            Topic(category_code="W01"),
            Topic(category_code="W01", address_text=THERE),
            Topic(category_code="W01", landmark_text="どこかの公園"),
        ]
    )
    assert same.placement == first.placement
    assert other.placement is not None
    assert other.placement.town == "北区堂島二丁目"
    assert lost.status is S.UNPLACED


def test_a_topic_of_an_unplaced_chart_is_looked_up(room: Room) -> None:
    first, second = room.call(address_text="聞き取れない")
    assert (first.status, second.status) == (S.UNPLACED, S.UNPLACED)


def test_a_retry_of_the_call_adds_nothing(room: Room) -> None:
    first, _ = room.call()
    again = room.desk.receive(room.opening(), [Topic(category_code="W01")], who=WHO)
    assert [(one.chart.id, one.is_new) for one in again] == [(first.id, False)]
    assert len(room.store.find()) == 2


def test_a_chart_is_split_in_one_transaction(room: Room) -> None:
    first, child = room.call()
    made = room.desk.split(first.id, 1, [Topic(category_code="R01")], who=WHO)
    assert room.store.get(first.id).version == 2
    assert "話題を分けました" in room.store.history(first.id)[-1].text
    # of a child: the first chart stays the call's head
    more = room.desk.split(child.id, 1, [Topic(category_code="R01")], who=WHO)
    assert {made[0].parent_id, more[0].parent_id} == {first.id}
    assert len(room.desk.receipt(child.id).charts) == 4


def test_what_cannot_be_split_is_left_as_it_is(room: Room) -> None:
    first, _ = room.call()
    topic = Topic(category_code="R01")
    wrong: list[tuple[list[Topic], str]] = [
        ([], WHO),
        ([topic] * (MAX_TOPICS + 1), WHO),
        ([Topic(category_code="X99")], WHO),
        ([topic], " "),
    ]
    for topics, who in wrong:
        with pytest.raises(InvalidInputError):
            room.desk.split(first.id, 1, topics, who=who)
    with pytest.raises(ConflictError, match="9件"):
        room.desk.split(first.id, 1, [topic] * MAX_TOPICS, who=WHO)  # there is one
    with pytest.raises(ConflictError, match="先に変更"):
        room.desk.split(first.id, 9, [topic], who=WHO)
    closed = replace(first, status=S.CLOSED, version=2)
    room.store.save_all([(closed, ())])
    with pytest.raises(ConflictError, match="終結か取下げ"):
        room.desk.split(first.id, 2, [topic], who=WHO)
    assert len(room.store.find()) == 2
    with pytest.raises(InvalidInputError, match="description"):
        Topic(category_code="R01", description="あ" * 4_001)


def test_the_reporter_is_stored_once_and_answers_for_every_topic(room: Room) -> None:
    first, child = room.call()
    other = room.intake.receive(
        Intake(consultation=consultation(), reporter=Reporter()), who=WHO
    ).chart
    given = room.vault.given([first.id, child.id, other.id])
    assert given[child.id] == given[first.id]
    assert other.id not in given
    assert room.vault.reveal(child.id, who=WHO, why="連絡のため") == PERSON
    # on record with the chart that was looked at
    assert room.vault.record()[0].chart_id == child.id
    assert room.store.history(child.id)[-1].kind is EntryKind.REVEALED
    mask = room.vault.masks([child.id])[child.id]
    assert "蔵前" not in mask("蔵前 姫子さんの家の前")
    assert [one.id for one in room.vault.search("0600007431", who=WHO, why="確認")] == [
        first.id
    ]


def test_the_reporter_is_kept_while_one_topic_goes_on(room: Room) -> None:
    first, child = room.call()
    ended = [replace(first, status=S.CLOSED, version=2)]
    room.store.save_all([(one, ()) for one in ended])
    later = VaultDesk(
        room.vault._fields,
        room.store,
        FixedClock(moment("10:00").replace(year=2027)),
        retention_days=30,
    )
    assert later.due_for_erasure() == []
    room.store.save_all([(replace(child, status=S.CLOSED, version=2), ())])
    assert later.due_for_erasure() == [first.id]
    # asked for by a topic's chart, the fields of the call go
    assert later.erase([child.id], who=WHO, why="申出") == (child.id,)
    assert later.given([first.id, child.id]) == {}
