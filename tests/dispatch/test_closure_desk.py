"""The closures' desk: who may shut what from when, who lifts it, what is shut now."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from dispatch.adapters.clocks import FixedClock
from dispatch.adapters.closure_store import SqlClosures
from dispatch.closure_desk import (
    DAYS_AHEAD,
    MAX_HISTORY,
    CityTime,
    ClosureDesk,
    NewClosure,
)
from dispatch.domain.closure import Closure, ClosureReason, ClosureShape
from dispatch.domain.consultation import MAX_NAME
from dispatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from tests.builders import DAY, TOKYO, is_working_day, moment
from tests.dispatch.test_closure import BRIDGE, HOLIDAY, SCHOOL_HOURS

NOW = moment("10:00").replace(microsecond=700_000)
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
TOMORROW = DAY + dt.timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Office:
    """A desk with a clock that stands still, and what `on_change` found stored."""

    store: SqlClosures
    clock: FixedClock
    desk: ClosureDesk
    told: list[list[Closure]] = field(default_factory=list)

    def ids_now(self) -> list[str]:
        return [one.id for one in self.desk.in_force_now()]


@pytest.fixture
def office(engine: Engine) -> Office:
    store, clock = SqlClosures(engine), FixedClock(NOW)
    told: list[list[Closure]] = []
    desk = ClosureDesk(
        store,
        clock,
        CityTime(timezone=TOKYO, is_working_day=is_working_day),
        on_change=lambda: told.append(store.all_closures(limit=9)),
    )
    return Office(store=store, clock=clock, desk=desk, told=told)


def new(**overrides: Any) -> NewClosure:  # noqa: ANN401 - keyword overrides
    """Ask for a flooded bridge to be shut from now until lifted."""
    plain = NewClosure(
        name="淀川の橋",
        shape=ClosureShape.STRETCH,
        places=BRIDGE,
        reason=ClosureReason.FLOOD,
    )
    return replace(plain, **overrides)


def test_a_closure_holds_from_now_and_is_told_after_it_is_stored(
    office: Office,
) -> None:
    made = office.desk.close(new(note="水深30cm"), who="配車係")
    assert made.starts_at == moment("10:00")  # whole seconds
    assert made.ends_at is None
    assert (made.made_at, made.made_by, made.version) == (NOW, "配車係", 1)
    assert (made.name, made.shape, made.places) == ("淀川の橋", "stretch", BRIDGE)
    assert (made.reason, made.note) == (ClosureReason.FLOOD, "水深30cm")
    assert office.store.get(made.id) == made
    assert office.told == [[made]]
    assert office.desk.in_force_now() == [made]


def test_everything_that_was_asked_for_is_kept(office: Office) -> None:
    asked = new(
        shape=ClosureShape.AREA,
        places=(*BRIDGE, replace(BRIDGE[0], lon=135.51)),
        reason=ClosureReason.SCHOOL_HOURS,
        starts_at=moment("0:00", TOMORROW),
        ends_at=moment("0:00", dt.date(2027, 3, 20)),
        windows=SCHOOL_HOURS,
        working_days_only=True,
    )
    made = office.desk.close(asked, who="配車係")
    for name in NewClosure.__dataclass_fields__:
        assert getattr(made, name) == getattr(asked, name), name


def test_times_are_kept_in_the_citys_zone_and_without_parts_of_a_second(
    office: Office,
) -> None:
    boston = dt.datetime(2026, 11, 24, 5, 0, 0, 5, tzinfo=ZoneInfo("America/New_York"))
    made = office.desk.close(
        new(starts_at=boston, ends_at=boston + MINUTE), who="配車係"
    )
    # 5:00 EST is 10:00 UTC, 19:00 in Osaka
    assert made.starts_at.isoformat() == "2026-11-24T19:00:00+09:00"
    assert made.ends_at is not None
    assert made.ends_at.isoformat() == "2026-11-24T19:01:00+09:00"


def test_the_minute_that_a_form_takes_is_forgiven_and_no_more(office: Office) -> None:
    minute_ago = moment("9:59")
    assert office.desk.close(new(starts_at=minute_ago), who="x").starts_at == minute_ago
    with pytest.raises(InvalidInputError, match="過去") as caught:
        office.desk.close(new(starts_at=minute_ago - SECOND), who="x")
    assert caught.value.field == "starts_at"


def test_an_end_that_has_come_is_refused(office: Office) -> None:
    with pytest.raises(InvalidInputError, match="過去") as caught:
        office.desk.close(
            new(starts_at=moment("9:59"), ends_at=moment("10:00")), who="x"
        )
    assert caught.value.field == "ends_at"
    made = office.desk.close(new(ends_at=moment("10:00") + SECOND), who="x")
    assert made.ends_at == moment("10:00") + SECOND


@pytest.mark.parametrize("which", ["starts_at", "ends_at"])
def test_more_than_a_year_ahead_is_a_slip(office: Office, which: str) -> None:
    latest = moment("10:00") + dt.timedelta(days=DAYS_AHEAD)
    assert getattr(office.desk.close(new(**{which: latest}), who="x"), which) == latest
    with pytest.raises(InvalidInputError, match="366日") as caught:
        office.desk.close(new(**{which: latest + SECOND}), who="x")
    assert caught.value.field == which


@pytest.mark.parametrize("which", ["starts_at", "ends_at"])
def test_a_naive_time_is_refused(office: Office, which: str) -> None:
    naive = dt.datetime(2026, 11, 24, 18, 0)  # noqa: DTZ001 - the point of the test
    with pytest.raises(InvalidInputError, match="時差") as caught:
        office.desk.close(new(**{which: naive}), who="x")
    assert caught.value.field == which


@pytest.mark.parametrize("who", ["", "  ", "長" * (MAX_NAME + 1)])
def test_somebody_must_be_named(office: Office, who: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        office.desk.close(new(), who=who)
    assert caught.value.field == "who"
    made = office.desk.close(new(), who="長" * MAX_NAME)
    with pytest.raises(InvalidInputError) as caught:
        office.desk.lift(made.id, made.version, who=who)
    assert caught.value.field == "who"
    assert office.store.get(made.id) == made


@pytest.mark.parametrize(
    "asked", [new(name=""), new(name="長" * (MAX_NAME + 1)), new(places=BRIDGE[:1])]
)
def test_what_a_rule_refuses_is_neither_stored_nor_told(
    office: Office, asked: NewClosure
) -> None:
    with pytest.raises(InvalidInputError):
        office.desk.close(asked, who="x")
    assert office.desk.history(9) == []
    assert office.told == []


def test_a_closure_ends_by_itself(office: Office) -> None:
    made = office.desk.close(new(ends_at=moment("15:00")), who="配車係")
    office.clock.moment = moment("15:00") - dt.timedelta.resolution
    assert office.ids_now() == [made.id]
    office.clock.moment = moment("15:00")
    assert office.ids_now() == []
    assert len(office.told) == 1  # nothing had to be done for it


def test_one_that_begins_tomorrow_is_not_in_force_now(office: Office) -> None:
    made = office.desk.close(new(starts_at=moment("6:00", TOMORROW)), who="配車係")
    assert office.ids_now() == []
    office.clock.moment = moment("6:00", TOMORROW)
    assert office.ids_now() == [made.id]


def test_a_school_ban_is_in_force_in_its_hours_of_working_days(office: Office) -> None:
    office.clock.moment = moment("12:00", HOLIDAY - dt.timedelta(days=7))
    made = office.desk.close(
        new(windows=SCHOOL_HOURS, working_days_only=True), who="配車係"
    )
    for told, shut in [
        (moment("7:29"), False),
        (moment("7:30"), True),
        (moment("15:59"), True),
        (moment("16:00"), False),
        (moment("7:30", HOLIDAY), False),
    ]:
        office.clock.moment = told
        assert office.ids_now() == [made.id] * shut, told
        # the calendar's day is the city's, whatever zone the clock tells
        office.clock.moment = told.astimezone(dt.UTC)
        assert office.ids_now() == [made.id] * shut, told


def test_lifting_ends_it_at_once_and_is_told(office: Office) -> None:
    made = office.desk.close(new(), who="配車係")
    office.clock.moment = moment("12:00").replace(microsecond=5)
    after = office.desk.lift(made.id, made.version, who="夜勤")
    assert (after.lifted_at, after.lifted_by) == (moment("12:00"), "夜勤")
    assert office.ids_now() == []
    assert office.told == [[made], [after]]
    assert [line.closure for line in office.store.entries(made.id)] == [made, after]


def test_lifting_twice_or_from_another_version_or_nothing_is_refused(
    office: Office,
) -> None:
    made = office.desk.close(new(ends_at=moment("15:00")), who="配車係")
    with pytest.raises(NotFoundError):
        office.desk.lift("nothing", 1, who="夜勤")
    with pytest.raises(ConflictError, match="先に変更"):
        office.desk.lift(made.id, made.version + 1, who="夜勤")
    office.clock.moment = moment("15:00")
    with pytest.raises(ConflictError, match="終わって"):
        office.desk.lift(made.id, made.version, who="夜勤")
    office.clock.moment = moment("14:59")
    after = office.desk.lift(made.id, made.version, who="夜勤")
    with pytest.raises(ConflictError, match="解除されて"):
        office.desk.lift(made.id, after.version, who="夜勤")
    assert len(office.told) == 2


def test_of_people_who_lift_at_once_one_wins_and_one_change_is_told(
    office: Office,
) -> None:
    made = office.desk.close(new(), who="配車係")
    start = threading.Barrier(4)

    def lift(person: int) -> bool:
        start.wait()
        try:
            office.desk.lift(made.id, made.version, who=f"{person}")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(lift, range(4)))
    assert won.count(True) == 1
    assert office.store.get(made.id).lifted_by == str(won.index(True))
    assert len(office.told) == 2


def test_the_history_keeps_what_is_over_newest_first(office: Office) -> None:
    first = office.desk.close(new(ends_at=moment("10:05")), who="配車係")
    office.clock.moment = moment("10:10")
    second = office.desk.close(new(), who="配車係")
    office.clock.moment = moment("10:20")
    after = office.desk.lift(second.id, second.version, who="夜勤")
    assert office.desk.history(9) == [after, first]
    assert office.desk.history(1) == [after]
    assert office.desk.history(9, before=after.id) == [first]


@pytest.mark.parametrize("limit", [0, MAX_HISTORY + 1])
def test_a_page_of_the_history_has_a_size(office: Office, limit: int) -> None:
    assert office.desk.history(MAX_HISTORY) == []
    with pytest.raises(InvalidInputError) as caught:
        office.desk.history(limit)
    assert caught.value.field == "limit"


def test_past_and_future_are_told_in_time_when_the_clock_tells_an_hour_twice(
    engine: Engine,
) -> None:
    # 1 November 2026, 2:00 EDT = 1:00 EST: the first 1:50 comes before the second 1:20
    zone = ZoneInfo("America/New_York")
    first = dt.datetime(2026, 11, 1, 1, 50, tzinfo=zone)
    second = dt.datetime(2026, 11, 1, 1, 20, tzinfo=zone, fold=1)
    clock = FixedClock(first)
    desk = ClosureDesk(
        SqlClosures(engine),
        clock,
        CityTime(timezone=zone, is_working_day=is_working_day),
        on_change=lambda: None,
    )
    early = desk.close(new(starts_at=first, ends_at=second), who="配車係")
    assert [one.id for one in desk.in_force_now()] == [early.id]
    clock.moment = second
    late = desk.close(new(), who="配車係")
    assert [one.id for one in desk.in_force_now()] == [late.id]
    with pytest.raises(InvalidInputError, match="過去") as caught:
        desk.close(new(starts_at=first), who="配車係")
    assert caught.value.field == "starts_at"
