"""The store of closures: nothing is forgotten, of two who lift one wins."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.codec import from_json, to_json
from dispatch.domain.closure import Closure, ClosureEntryKind, ClosureShape, lifted
from dispatch.domain.errors import ConflictError, NotFoundError
from tests.builders import DAY, moment
from tests.dispatch.test_closure import BLOCK, closure, school

TOMORROW = DAY + dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def closures(engine: Engine) -> SqlClosures:
    return SqlClosures(engine)


def stored(closures: SqlClosures, *made: Closure) -> None:
    for one in made:
        closures.add(one)


def test_a_closure_comes_back_as_it_was_stored(closures: SqlClosures) -> None:
    full = school(
        shape=ClosureShape.AREA,
        places=BLOCK,
        note="夏休みは除く",
        ends_at=moment("0:00", dt.date(2027, 3, 20)),
    )
    stored(closures, full, closure("plain"))
    assert closures.get(full.id) == full
    assert closures.get("plain") == closure("plain")


def test_a_closure_that_is_not_there_is_not_found(closures: SqlClosures) -> None:
    with pytest.raises(NotFoundError, match="closure 'nothing'"):
        closures.get("nothing")
    with pytest.raises(NotFoundError):
        closures.all_closures(limit=1, before="nothing")
    assert closures.entries("nothing") == []


def test_the_offset_of_a_time_survives(closures: SqlClosures) -> None:
    night = moment("0:30")  # 15:30 UTC on the day before
    stored(closures, closure("a", starts_at=night, made_at=night))
    assert closures.get("a").starts_at.isoformat() == "2026-11-24T00:30:00+09:00"
    (line,) = closures.entries("a")
    assert line.at == night
    assert line.at.utcoffset() is not None


def test_what_was_in_force_at_a_past_moment_can_be_told(closures: SqlClosures) -> None:
    made = closure("a", ends_at=moment("18:00"))
    stored(closures, made)
    after = lifted(made, at=moment("12:00"), who="夜勤")
    closures.save(after)
    assert closures.get("a") == after
    first, second = closures.entries("a")
    assert (first.at, first.who) == (moment("8:50"), "配車係")
    assert (first.kind, first.closure) == (ClosureEntryKind.MADE, made)
    assert (second.at, second.who) == (moment("12:00"), "夜勤")
    assert (second.kind, second.closure) == (ClosureEntryKind.LIFTED, after)


def test_a_stale_version_is_refused_and_leaves_no_entry(closures: SqlClosures) -> None:
    made = closure("a")
    stored(closures, made)
    first = lifted(made, at=moment("10:00"), who="一")
    closures.save(first)
    with pytest.raises(ConflictError, match="先に変更"):
        closures.save(lifted(made, at=moment("10:01"), who="二"))
    assert closures.get("a") == first
    assert [line.who for line in closures.entries("a")] == ["配車係", "一"]


def test_of_people_who_lift_the_same_closure_at_once_one_wins(
    closures: SqlClosures,
) -> None:
    made = closure("a")
    stored(closures, made)
    start = threading.Barrier(4)

    def lift(person: int) -> bool:
        start.wait()
        try:
            closures.save(lifted(made, at=moment("10:00"), who=f"{person}"))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        won = list(threads.map(lift, range(4)))
    assert won.count(True) == 1
    assert closures.get("a").lifted_by == str(won.index(True))
    assert [line.who for line in closures.entries("a")][1:] == [str(won.index(True))]


def ids_between(
    closures: SqlClosures, start: dt.datetime, end: dt.datetime
) -> list[str]:
    return [one.id for one in closures.that_hold_between(start, end)]


def test_both_ends_of_a_closure_and_of_a_span_are_half_open(
    closures: SqlClosures,
) -> None:
    stored(closures, closure("a", ends_at=moment("15:00")))
    nine, three = moment("9:00"), moment("15:00")
    assert ids_between(closures, nine - SECOND, nine) == []
    assert ids_between(closures, nine, nine + SECOND) == ["a"]
    assert ids_between(closures, three - SECOND, three) == ["a"]
    assert ids_between(closures, three, three + SECOND) == []
    assert ids_between(closures, nine - SECOND, three + SECOND) == ["a"]


def test_a_closure_without_an_end_is_found_until_it_is_lifted(
    closures: SqlClosures,
) -> None:
    made = closure("a")
    stored(closures, made)
    far = moment("9:00", dt.date(2100, 1, 1))
    assert ids_between(closures, far, far + SECOND) == ["a"]
    closures.save(lifted(made, at=moment("12:00"), who="夜勤"))
    noon = moment("12:00")
    assert ids_between(closures, far, far + SECOND) == []
    assert ids_between(closures, noon - SECOND, noon) == ["a"]
    assert ids_between(closures, noon, far) == []


def test_one_called_off_before_it_began_is_never_found(closures: SqlClosures) -> None:
    made = closure("a", starts_at=moment("9:00", TOMORROW))
    stored(closures, made)
    closures.save(lifted(made, at=moment("12:00"), who="配車係"))
    assert ids_between(closures, moment("0:00"), moment("23:59", TOMORROW)) == []


def test_one_lifted_in_the_second_of_its_beginning_is_never_found(
    closures: SqlClosures,
) -> None:
    made = closure("a")
    stored(closures, made)
    closures.save(lifted(made, at=moment("9:00"), who="配車係"))
    assert ids_between(closures, moment("8:00"), moment("10:00")) == []


def test_candidates_come_in_the_order_of_their_beginnings(
    closures: SqlClosures,
) -> None:
    stored(
        closures,
        closure("late", starts_at=moment("11:00")),
        closure("b"),
        closure("a"),
        school("school"),
    )
    assert ids_between(closures, moment("0:00"), moment("12:00")) == [
        "school",
        "a",
        "b",
        "late",
    ]


def test_the_history_comes_newest_first_page_by_page(closures: SqlClosures) -> None:
    old = closure("old", made_at=moment("8:00"), ends_at=moment("9:30"))
    twins = [closure(name, made_at=moment("8:30")) for name in ("t1", "t2", "t3")]
    stored(closures, twins[1], closure("new", made_at=moment("9:00")), old)
    stored(closures, twins[0], twins[2])
    everything = ["new", "t3", "t2", "t1", "old"]
    found = [one.id for one in closures.all_closures(limit=99)]
    assert found == everything
    pages: list[str] = []
    for size in (2, 2, 1, 0):  # five closures, two a page, and nothing after the last
        page = closures.all_closures(limit=2, before=pages[-1] if pages else None)
        assert len(page) == size
        pages += [one.id for one in page]
    assert pages == everything


hours_of_the_week = st.integers(0, 7 * 24)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=hours_of_the_week,
    end=st.none() | hours_of_the_week,
    lift=st.none() | hours_of_the_week,
    first=hours_of_the_week,
    num_hours=st.integers(1, 24),
)
def test_a_closure_is_found_exactly_when_some_hour_of_the_span_is_its_own(
    closures: SqlClosures,
    start: int,
    end: int | None,
    lift: int | None,
    first: int,
    num_hours: int,
) -> None:
    def hour(count: int) -> dt.datetime:
        return moment("0:00") + dt.timedelta(hours=count)

    made = closure(
        f"k{len(closures.all_closures(limit=10**6))}",
        starts_at=hour(start),
        ends_at=None if end is None else hour(start + 1 + end),
        lifted_at=None if lift is None else hour(lift),
        lifted_by="" if lift is None else "配車係",
    )
    stored(closures, made)
    last = first + num_hours
    found = made.id in ids_between(closures, hour(first), hour(last))
    # every bound is a whole hour, so the first moment of an hour tells the whole hour
    assert found is any(made.is_current(hour(count)) for count in range(first, last))


def test_a_closure_survives_being_written_as_json() -> None:
    made = replace(school(), note="線\n二行目")
    assert from_json(Closure, to_json(made)) == made
