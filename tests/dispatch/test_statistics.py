"""Monthly numbers: what is counted, for which day, and the same again later."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.story_store import SqlStories
from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import ChartStatus, EntryKind
from dispatch.domain.consultation import ContactMethod
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.field_result import FieldResult
from dispatch.domain.life_cycle import Act
from dispatch.domain.outcome import Outcome
from dispatch.domain.statistics import Dimension, HandOver, Numbers, total
from dispatch.life_cycle_desk import LifeCycleDesk, LifeRules
from dispatch.statistics_desk import MonthlyNumbers, StatisticsDesk
from tests.builders import (
    TOKYO,
    catalogue,
    chart,
    consultation,
    entry,
    moment,
    new_chart,
    office_hours,
)

NOVEMBER = dt.date(2026, 11, 1)
WHO = "担当"


def day(number: int, month: int = 11) -> dt.date:
    return dt.date(2026, month, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    store: SqlStore
    clock: FixedClock
    life: LifeCycleDesk
    desk: StatisticsDesk

    def take(self, chart_id: str, clock: str, **overrides: object) -> None:
        """Take a chart in on 24 November; it carries lines of that moment."""
        at = moment(clock)
        self.clock.moment = at
        new = new_chart(chart_id, entries=(entry(at=at),))
        taken = chart(chart_id, consultation=consultation(received_at=at), **overrides)
        self.store.add_all([replace(new, chart=taken)])

    def count(
        self, dimension: Dimension = Dimension.OFFICE, as_of: dt.date | None = None
    ) -> MonthlyNumbers:
        return self.desk.month(NOVEMBER, dimension, as_of=as_of)

    def all(self, as_of: dt.date | None = None) -> Numbers:
        return self.count(as_of=as_of).total


@pytest.fixture
def room(store: SqlStore, engine: Engine) -> Room:
    clock = FixedClock(moment("9:00"))
    rules = LifeRules(catalogue=catalogue(), hours=office_hours(), timezone=TOKYO)
    return Room(
        store=store,
        clock=clock,
        life=LifeCycleDesk(store, clock, rules),
        desk=StatisticsDesk(SqlStories(engine), clock, TOKYO),
    )


def result(outcome: Outcome = Outcome.PERMANENT) -> FieldResult:
    return FieldResult(at=moment("0:00"), who=WHO, outcome=outcome)


def answer() -> Answer:
    return Answer(
        at=moment("0:00"),
        who=WHO,
        method=ContactMethod.PHONE,
        kind=AnswerKind.DONE,
        text="済みました",
    )


def test_a_chart_is_counted_from_receipt_to_answer(room: Room) -> None:
    due = moment("17:30", day(25))
    room.take("a", "9:00", answer_due_at=due, due_at=moment("17:30"))
    assert room.all().received == 1
    assert room.all().open_at_end == 1
    room.clock.moment = moment("11:30")
    room.life.record_result("a", 1, result())
    # received at 9:00, answered by the work at 11:30: two hours and a half
    done = room.all()
    assert (done.responded, done.work_done) == (1, 1)
    assert (done.median_response_h, done.p90_response_h) == (2.5, 2.5)
    assert done.open_at_end == 0
    room.clock.moment = moment("18:00", day(25))
    room.life.answer("a", 2, answer())  # half an hour late
    told = room.all()
    assert (told.answered_in_time, told.answered_late) == (0, 1)


def test_the_same_past_day_gives_the_same_numbers_for_ever(room: Room) -> None:
    room.take("a", "9:00", due_at=moment("10:00"))
    room.take("b", "9:30")
    room.clock.moment = moment("23:00")
    first = {d: room.count(d) for d in Dimension}
    assert first[Dimension.WARD].total.overdue_at_end == 1
    room.clock.moment = moment("9:00", day(26))
    room.life.act("a", 1, Act.DECLINE, who=WHO, why="管理外")
    room.life.act("a", 2, Act.REOPEN, who=WHO, why="また")
    room.life.record_result("b", 1, result())
    room.store.add_all([new_chart("c", entries=(entry(at=room.clock.moment),))])
    for dimension, known in first.items():
        assert room.count(dimension, as_of=day(24)) == known
    assert room.all().reopened == 1
    assert room.all() != first[Dimension.WARD].total


def test_rows_stand_for_what_the_chart_belonged_to_on_the_day(room: Room) -> None:
    room.take("a", "9:00")
    a = room.store.get("a")
    assert a.assignment is not None
    was = a.assignment.office_id
    room.clock.moment = moment("9:00", day(25))
    moved = replace(a, version=2, assignment=replace(a.assignment, office_id="other"))
    room.store.save_all([(moved, (entry(at=room.clock.moment),))])
    assert list(room.count().rows) == ["other"]
    assert list(room.count(as_of=day(24)).rows) == [was]
    assert list(room.count(Dimension.CATEGORY).rows) == ["R01"]


def test_merged_calls_are_contacts_and_no_visits(room: Room) -> None:
    for name in ("a", "b", "c"):
        room.take(name, "9:00")
    for name in ("b", "c"):
        one = room.store.get(name)
        merged = replace(one, version=2, status=ChartStatus.DUPLICATE, duplicate_of="a")
        room.store.save_all([(merged, (entry(at=moment("9:30")),))])
    counted = room.all()
    assert (counted.received, counted.merged) == (3, 2)
    assert counted.contacts_per_chart == 3.0  # three calls, one piece of work
    assert Numbers().contacts_per_chart is None


def test_hand_overs_are_counted_by_pair_and_what_came_back(room: Room) -> None:
    room.take("a", "9:00")
    a = room.store.get("a")
    assert a.assignment is not None
    office = a.assignment.office_id

    def step(version: int, status: ChartStatus, receiver: str, kind: EntryKind) -> None:
        room.clock.moment += dt.timedelta(hours=1)
        now = room.clock.moment
        after = replace(a, version=version, status=status, receiver=receiver)
        room.store.save_all([(after, (entry(at=now, kind=kind),))])

    step(2, ChartStatus.REFERRED, "公園", EntryKind.TRANSFERRED)
    step(3, ChartStatus.REFERRED, "環境", EntryKind.TRANSFERRED)
    room.clock.moment = moment("12:00", day(26))
    counted = room.count()
    assert set(counted.hand_overs) == {
        HandOver(sender=office, receiver="公園", sent=1),
        HandOver(sender="公園", receiver="環境", sent=1, held=1, oldest_days=2),
    }
    step(4, ChartStatus.RETURNED, "公園", EntryKind.RETURNED)  # it has it again
    step(5, ChartStatus.RETURNED, "公園", EntryKind.COMMENT)
    step(6, ChartStatus.REFERRED, "水道", EntryKind.TRANSFERRED)
    step(7, ChartStatus.RETURNED, "公園", EntryKind.TRANSFERRED)  # taken back
    step(8, ChartStatus.REFERRED, "環境", EntryKind.TRANSFERRED)
    step(9, ChartStatus.DONE, "環境", EntryKind.MOVED)
    counted = room.count()
    assert set(counted.hand_overs) == {
        HandOver(sender=office, receiver="公園", sent=1),
        HandOver(sender="公園", receiver="環境", sent=2, returned=1),
        HandOver(sender="公園", receiver="水道", sent=1),
    }
    # what was taken back was sent once and returned by nobody
    assert (counted.total.handed_on, counted.total.returned) == (4, 1)
    # at the end of the 24th it was with the second receiver, since that day
    held = [one for one in room.count(as_of=day(24)).hand_overs if one.held]
    assert [(one.receiver, one.oldest_days) for one in held] == [("環境", 0)]


def test_what_went_over_in_another_month_is_told_while_it_is_there(room: Room) -> None:
    room.take("a", "9:00")
    a = replace(room.store.get("a"), version=2, status=ChartStatus.REFERRED)
    lines = (entry(at=moment("10:00"), kind=EntryKind.TRANSFERRED),)
    room.store.save_all([(replace(a, receiver="公園"), lines)])
    room.clock.moment = moment("9:00", day(4, 12))
    (pair,) = room.desk.month(day(1, 12), Dimension.WARD).hand_overs
    # 24 November 10:00 to the end of 4 December: ten days and a half
    assert (pair.sent, pair.held, pair.oldest_days) == (0, 1, 10)


def test_what_others_have_is_told_with_its_age(room: Room) -> None:
    room.take("a", "9:00", status=ChartStatus.REFERRED, receiver="公園")
    room.clock.moment = moment("9:00", day(30))
    counted = room.all()
    assert counted.with_others_at_end == 1
    assert counted.oldest_with_others_days == 6  # 24 to 30 November


def test_paused_held_and_closed_charts_are_not_overdue(room: Room) -> None:
    past = moment("9:00", day(20))
    room.take("a", "9:00", status=ChartStatus.ON_HOLD, due_at=past)
    room.take("b", "9:00", status=ChartStatus.CLOSED, answer_due_at=past)
    room.take("c", "9:00", due_at=past)
    room.life.pause("c", 1, who=WHO, why="待ち")
    room.take("d", "9:00", status=ChartStatus.DONE, answer_due_at=past)
    counted = room.all()
    assert counted.overdue_at_end == 0
    assert counted.answer_overdue_at_end == 1  # d: done, and nobody was told


def test_hours_of_the_total_are_put_together() -> None:
    rows = [
        Numbers(responded=1, response_hours=[1.0], oldest_with_others_days=3),
        Numbers(responded=9, response_hours=[float(n) for n in range(2, 11)]),
    ]
    whole = total(rows)
    assert whole.responded == 10
    assert whole.median_response_h == 5.5  # of 1 to 10
    assert whole.p90_response_h == 9.0  # nine of ten are not above it
    assert whole.oldest_with_others_days == 3
    assert Numbers().median_response_h is None
    assert Numbers().p90_response_h is None


@pytest.mark.parametrize(
    ("month", "as_of", "field"),
    [
        (NOVEMBER, day(25), "as_of"),  # tomorrow
        (NOVEMBER, day(31, 10), "as_of"),  # before the month
        (dt.date(1999, 12, 1), None, "month"),
    ],
)
def test_days_that_cannot_be_counted_are_refused(
    room: Room, month: dt.date, as_of: dt.date | None, field: str
) -> None:
    with pytest.raises(InvalidInputError, match=field):
        room.desk.month(month, Dimension.WARD, as_of=as_of)
