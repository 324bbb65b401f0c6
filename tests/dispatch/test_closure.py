"""Closures: their rules, and the hours of a day in which they hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.closure import (
    MAX_PLACES,
    ClosedDay,
    Closure,
    ClosureEntryKind,
    ClosureReason,
    ClosureShape,
    DailyWindow,
    Interval,
    closed_day,
    entry_of,
    hours_on,
    in_force,
    lifted,
)
from dispatch.domain.consultation import MAX_LINE, MAX_NAME
from dispatch.domain.errors import ConflictError, InvalidInputError
from dispatch.domain.place import LonLat
from dispatch.domain.team import DAY_S
from tests.builders import DAY, TOKYO, at, is_working_day, moment

BOSTON = ZoneInfo("America/New_York")
HOLIDAY = dt.date(2026, 11, 23)
TOMORROW = dt.date(2026, 11, 25)
BRIDGE = (LonLat(135.4990, 34.7200), LonLat(135.4990, 34.7250))
BLOCK = (LonLat(135.50, 34.70), LonLat(135.51, 34.70), LonLat(135.51, 34.71))
SCHOOL_HOURS = (
    DailyWindow(start_s=at("7:30"), end_s=at("8:30")),
    DailyWindow(start_s=at("14:30"), end_s=at("16:00")),
)


def closure(closure_id: str = "k000000001", **overrides: Any) -> Closure:  # noqa: ANN401
    """Build a flooded bridge, shut from 9:00 on the plan's day until lifted."""
    plain = Closure(
        id=closure_id,
        name="淀川の橋",
        shape=ClosureShape.STRETCH,
        places=BRIDGE,
        reason=ClosureReason.FLOOD,
        starts_at=moment("9:00"),
        made_at=moment("8:50"),
        made_by="配車係",
    )
    return replace(plain, **overrides)


def school(closure_id: str = "k000000002", **overrides: Any) -> Closure:  # noqa: ANN401
    """Build a ban in front of a school: 7:30-8:30, 14:30-16:00, working days."""
    return closure(
        closure_id,
        name="小学校前",
        reason=ClosureReason.SCHOOL_HOURS,
        starts_at=moment("0:00", dt.date(2026, 4, 1)),
        made_at=moment("9:00", dt.date(2026, 3, 20)),
        windows=SCHOOL_HOURS,
        working_days_only=True,
        **overrides,
    )


def hours(which: Closure, day: dt.date = DAY) -> tuple[Interval, ...]:
    return hours_on(which, day, timezone=TOKYO, is_working_day=is_working_day(day))


def holds(which: Closure, clock: str, day: dt.date = DAY) -> bool:
    return in_force(
        which,
        moment(clock, day),
        timezone=TOKYO,
        is_working_day=is_working_day(day),
    )


# -- rules -----------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["", " \u3000"])
@pytest.mark.parametrize("field", ["name", "made_by"])
def test_a_closure_has_a_name_and_somebody_who_made_it(field: str, blank: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        closure(**{field: blank})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "limit"), [("name", MAX_NAME), ("made_by", MAX_NAME), ("note", MAX_LINE)]
)
def test_texts_of_a_closure_have_a_limit(field: str, limit: int) -> None:
    assert getattr(closure(**{field: "橋" * limit}), field) == "橋" * limit
    with pytest.raises(InvalidInputError) as caught:
        closure(**{field: "橋" * (limit + 1)})
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["starts_at", "ends_at", "made_at", "lifted_at"])
def test_a_naive_time_is_refused(field: str) -> None:
    naive = dt.datetime(2026, 11, 24, 18, 0)  # noqa: DTZ001 - the point of the test
    wrong: dict[str, Any] = {field: naive}
    with pytest.raises(InvalidInputError, match="時差") as caught:
        closure(**wrong)
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["starts_at", "ends_at", "lifted_at"])
def test_parts_of_a_second_are_refused(field: str) -> None:
    wrong: dict[str, Any] = {field: moment("18:00").replace(microsecond=1)}
    with pytest.raises(InvalidInputError, match="秒まで") as caught:
        closure(**wrong)
    assert caught.value.field == field


def test_the_end_lies_after_the_beginning() -> None:
    with pytest.raises(InvalidInputError) as caught:
        closure(ends_at=moment("9:00"))
    assert caught.value.field == "ends_at"
    second = dt.timedelta(seconds=1)
    assert hours(closure(ends_at=moment("9:00") + second)) == (
        (at("9:00"), at("9:00") + 1),
    )


def test_beginning_and_end_are_compared_as_moments_not_as_clocks() -> None:
    # 1 November 2026, 2:00 EDT = 1:00 EST: the second 1:15 comes after the first 1:45
    first = dt.datetime(2026, 11, 1, 1, 45, tzinfo=BOSTON)
    second = dt.datetime(2026, 11, 1, 1, 15, tzinfo=BOSTON, fold=1)
    made = closure(starts_at=first, ends_at=second)
    between = dt.datetime(2026, 11, 1, 1, 0, tzinfo=BOSTON, fold=1)
    assert made.is_current(between)
    assert not made.is_current(second)
    assert lifted(made, at=between, who="x").over_at == between
    with pytest.raises(ConflictError, match="終わって"):
        lifted(made, at=second, who="x")
    with pytest.raises(InvalidInputError):
        closure(starts_at=second, ends_at=first)
    before = closure(starts_at=first - dt.timedelta(hours=1), ends_at=first)
    assert replace(before, lifted_at=second, lifted_by="x").over_at is first
    with pytest.raises(ConflictError, match="終わって"):
        lifted(before, at=second, who="x")


def test_who_lifted_and_when_come_together() -> None:
    with pytest.raises(InvalidInputError) as caught:
        closure(lifted_at=moment("10:00"))
    assert caught.value.field == "lifted_by"
    with pytest.raises(InvalidInputError) as caught:
        closure(lifted_by="配車係")
    assert caught.value.field == "lifted_at"


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(-1, 60), (60, 60), (61, 60), (0, DAY_S + 1)]
)
def test_a_window_lies_within_one_day(start_s: int, end_s: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        DailyWindow(start_s=start_s, end_s=end_s)
    assert caught.value.field == "windows"


def test_windows_are_in_order_and_do_not_overlap() -> None:
    morning, afternoon = SCHOOL_HOURS
    overlapping = DailyWindow(start_s=morning.end_s - 1, end_s=afternoon.start_s)
    for windows in [(afternoon, morning), (morning, overlapping), (morning, morning)]:
        with pytest.raises(InvalidInputError) as caught:
            closure(windows=windows)
        assert caught.value.field == "windows"


def test_windows_that_touch_are_one_stretch_of_hours() -> None:
    until_noon = DailyWindow(start_s=at("10:00"), end_s=at("12:00"))
    from_noon = DailyWindow(start_s=at("12:00"), end_s=at("13:00"))
    made = closure(windows=(until_noon, from_noon))
    assert hours(made) == ((at("10:00"), at("13:00")),)


def bow(count: int) -> tuple[LonLat, ...]:
    """Places along a parabola: a stretch, and a ring that does not cross itself."""
    return tuple(LonLat(135.5 + i / 1e4, 34.7 + i * i / 1e6) for i in range(count))


@pytest.mark.parametrize(
    ("shape", "fewest"), [(ClosureShape.STRETCH, 2), (ClosureShape.AREA, 3)]
)
def test_the_number_of_places_is_bounded(shape: ClosureShape, fewest: int) -> None:
    for count in (fewest, MAX_PLACES):
        assert len(closure(shape=shape, places=bow(count)).places) == count
    for count in (fewest - 1, MAX_PLACES + 1):
        with pytest.raises(InvalidInputError) as caught:
            closure(shape=shape, places=bow(count))
        assert caught.value.field == "places"


@pytest.mark.parametrize(
    ("shape", "places"),
    [
        (ClosureShape.STRETCH, (BRIDGE[0], BRIDGE[0])),
        (ClosureShape.AREA, (*BLOCK[:2], *BLOCK[1:])),
        (ClosureShape.AREA, (*BLOCK, BLOCK[0])),  # the ring is closed without it
        # three points of one street, and a bow tie of two triangles of one size
        (ClosureShape.AREA, tuple(LonLat(135.5 + i / 300, 34.7) for i in range(3))),
        (
            ClosureShape.AREA,
            (
                LonLat(135.50, 34.70),
                LonLat(135.51, 34.71),
                LonLat(135.51, 34.70),
                LonLat(135.50, 34.71),
            ),
        ),
    ],
)
def test_places_that_describe_nothing_are_refused(
    shape: ClosureShape, places: tuple[LonLat, ...]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        closure(shape=shape, places=places)
    assert caught.value.field == "places"


def test_a_stretch_may_return_to_its_beginning_as_a_roundabout_does() -> None:
    assert closure(places=(*BLOCK, BLOCK[0])).places[-1] == BLOCK[0]


@pytest.mark.parametrize("turn", [1, -1])
def test_an_area_holds_from_one_square_metre_whichever_way_it_is_drawn(
    turn: int,
) -> None:
    # A right-angled triangle of legs a and b has a*b/2. One degree of latitude is
    # 111,195 m, so 1.8e-5 degrees are 2.00 m; one of longitude at 34.7 degrees is
    # 91,417 m, so 1.2e-5 are 1.10 m and 1.0e-5 are 0.91 m: 1.10 and 0.91 m2.
    def triangle(east: float) -> tuple[LonLat, ...]:
        corner = LonLat(135.5, 34.7)
        ring = (corner, LonLat(135.5 + east, 34.7), LonLat(135.5, 34.700018))
        return ring[::turn]

    wide = triangle(1.2e-5)
    assert closure(shape=ClosureShape.AREA, places=wide).places == wide
    with pytest.raises(InvalidInputError):
        closure(shape=ClosureShape.AREA, places=triangle(1.0e-5))


# -- hours of a day --------------------------------------------------------------------


def test_a_closure_without_an_end_holds_from_its_beginning_for_ever() -> None:
    made = closure()
    assert hours(made, HOLIDAY) == ()
    assert hours(made) == ((at("9:00"), DAY_S),)
    assert hours(made, TOMORROW) == ((0, DAY_S),)
    assert hours(made, dt.date(2199, 1, 1)) == ((0, DAY_S),)


def test_a_closure_that_ends_during_the_day_ends_by_itself_to_the_second() -> None:
    made = closure(ends_at=moment("15:30"))
    assert hours(made) == ((at("9:00"), at("15:30")),)
    assert hours(made, TOMORROW) == ()
    assert holds(made, "9:00")
    assert holds(made, "15:29")
    assert not holds(made, "15:30")
    assert not holds(made, "8:59")


def test_one_that_starts_tomorrow_does_not_hold_today() -> None:
    made = closure(starts_at=moment("6:00", TOMORROW))
    assert hours(made) == ()
    assert not holds(made, "23:59")
    assert hours(made, TOMORROW) == ((at("6:00"), DAY_S),)


def test_an_end_at_midnight_is_the_whole_evening_and_nothing_of_the_next_day() -> None:
    made = closure(ends_at=moment("0:00", TOMORROW))
    assert hours(made) == ((at("9:00"), DAY_S),)
    assert hours(made, TOMORROW) == ()


def test_school_hours_hold_on_working_days_only() -> None:
    made = school()
    assert hours(made) == (
        (at("7:30"), at("8:30")),
        (at("14:30"), at("16:00")),
    )
    assert hours(made, HOLIDAY) == ()
    assert holds(made, "7:30")
    assert not holds(made, "8:30")
    assert not holds(made, "14:29")
    assert not holds(made, "7:30", HOLIDAY)


def test_windows_of_every_day_hold_on_a_holiday_too() -> None:
    made = replace(school(), working_days_only=False)
    assert hours(made, HOLIDAY) == hours(made)
    assert holds(made, "15:59", HOLIDAY)


def test_beginning_and_end_cut_the_windows() -> None:
    made = closure(
        starts_at=moment("8:00"), ends_at=moment("15:00"), windows=SCHOOL_HOURS
    )
    assert hours(made) == (
        (at("8:00"), at("8:30")),
        (at("14:30"), at("15:00")),
    )


def test_hours_are_those_of_the_clock_on_the_wall_when_summer_time_begins() -> None:
    # 8 March 2026, 2:00 EST = 3:00 EDT: 8:00 EDT is seven hours after midnight
    day = dt.date(2026, 3, 8)
    eight = dt.datetime(2026, 3, 8, 8, 0, tzinfo=BOSTON)
    made = closure(starts_at=eight, ends_at=eight + dt.timedelta(hours=2))
    found = hours_on(made, day, timezone=BOSTON, is_working_day=False)
    assert found == ((at("8:00"), at("10:00")),)


# -- lifting ---------------------------------------------------------------------------


def test_lifting_in_the_middle_ends_it_and_keeps_what_was() -> None:
    made = closure(ends_at=moment("18:00"))
    past_noon = moment("12:00").replace(second=7, microsecond=999_999)
    after = lifted(made, at=past_noon, who="夜勤")
    assert hours(after) == ((at("9:00"), at("12:00") + 7),)
    assert holds(after, "12:00")
    assert not holds(after, "12:01")
    assert after.over_at == moment("12:00") + dt.timedelta(seconds=7)
    assert after.ends_at == moment("18:00")
    assert (after.lifted_by, after.version) == ("夜勤", 2)


def test_a_lifting_after_the_end_changes_nothing() -> None:
    made = closure(
        ends_at=moment("10:00"), lifted_at=moment("11:00"), lifted_by="配車係"
    )
    assert hours(made) == ((at("9:00"), at("10:00")),)


def test_one_called_off_before_it_begins_never_holds() -> None:
    made = closure(starts_at=moment("9:00", TOMORROW))
    after = lifted(made, at=moment("12:00"), who="配車係")
    assert hours(after) == ()
    assert hours(after, TOMORROW) == ()
    assert not holds(after, "9:00", TOMORROW)


def test_one_that_is_lifted_or_over_cannot_be_lifted() -> None:
    once = lifted(closure(), at=moment("12:00"), who="配車係")
    with pytest.raises(ConflictError, match="解除されています"):
        lifted(once, at=moment("12:01"), who="配車係")
    over = closure(ends_at=moment("12:00"))
    with pytest.raises(ConflictError, match="終わっています"):
        lifted(over, at=moment("12:00"), who="配車係")
    assert lifted(over, at=moment("11:59"), who="配車係").version == 2


def test_another_version_is_refused() -> None:
    closure(version=3).require_version(3)
    with pytest.raises(ConflictError, match="先に変更"):
        closure(version=3).require_version(2)


def test_each_version_has_its_entry() -> None:
    made = closure()
    first = entry_of(made)
    assert (first.at, first.who) == (moment("8:50"), "配車係")
    assert (first.kind, first.closure) == (ClosureEntryKind.MADE, made)
    after = lifted(made, at=moment("12:00"), who="夜勤")
    second = entry_of(after)
    assert (second.at, second.who) == (moment("12:00"), "夜勤")
    assert (second.kind, second.closure) == (ClosureEntryKind.LIFTED, after)


# -- the rest of a day -----------------------------------------------------------------


def rest(*closures: Closure, from_s: int = 0, day: dt.date = DAY) -> ClosedDay:
    return closed_day(
        closures,
        day,
        from_s=from_s,
        timezone=TOKYO,
        is_working_day=is_working_day(day),
    )


def test_what_holds_until_midnight_is_shut_for_the_whole_rest_of_the_day() -> None:
    flood, works = closure("flood"), closure("works", ends_at=moment("23:59"))
    found = rest(flood, works, from_s=at("9:00"))
    assert found.whole == {"flood"}
    assert found.timed_ids == {"works"}
    assert found.timed == ((at("9:00"), at("23:59")),)


def test_what_begins_a_second_later_is_not_shut_for_the_whole_rest() -> None:
    found = rest(closure("flood"), from_s=at("9:00") - 1)
    assert found.whole == set()
    assert found.timed_ids == {"flood"}
    assert found.timed == ((at("9:00"), DAY_S),)


def test_hours_of_two_closures_that_overlap_are_merged() -> None:
    # 9:00-11:00 and 10:30-12:00 make 9:00-12:00; 12:00-12:30 touches; 7:30-8:30 and
    # 14:30-16:00 are the school's
    found = rest(
        school("school"),
        closure("b", starts_at=moment("10:30"), ends_at=moment("12:00")),
        closure("a", ends_at=moment("11:00")),
        closure("c", starts_at=moment("12:00"), ends_at=moment("12:30")),
        closure("inside", starts_at=moment("9:30"), ends_at=moment("9:40")),
    )
    assert found.whole == set()
    assert found.timed_ids == {"a", "b", "c", "inside", "school"}
    assert found.timed == (
        (at("7:30"), at("8:30")),
        (at("9:00"), at("12:30")),
        (at("14:30"), at("16:00")),
    )


def test_what_is_over_or_does_not_hold_that_day_is_left_out() -> None:
    found = rest(
        closure("over", ends_at=moment("10:00")),
        closure("tomorrow", starts_at=moment("0:00", TOMORROW)),
        from_s=at("10:00"),
    )
    assert found == ClosedDay()
    assert rest(school(), day=HOLIDAY) == ClosedDay()


def test_a_window_under_way_is_told_from_now() -> None:
    found = rest(school(), from_s=at("15:00"))
    assert found.timed == ((at("15:00"), at("16:00")),)


def test_a_moment_of_another_day_means_the_whole_day_or_nothing() -> None:
    always = closure("flood", starts_at=moment("0:00"))
    assert rest(always, from_s=at("10:00") - DAY_S).whole == {"flood"}
    assert rest(always, from_s=DAY_S) == ClosedDay()
    assert rest(always, from_s=DAY_S + 1) == ClosedDay()


# -- what must always hold -------------------------------------------------------------

DAYS = {
    "Tokyo": (TOKYO, DAY),
    "summer time begins": (BOSTON, dt.date(2026, 3, 8)),
    "summer time ends": (BOSTON, dt.date(2026, 11, 1)),
}
seconds_of_day = st.integers(0, DAY_S)
offsets_s = st.integers(-DAY_S, 2 * DAY_S)


@st.composite
def window_lists(draw: st.DrawFn) -> tuple[DailyWindow, ...]:
    """Draw up to three windows, touching ones among them."""
    bounds = sorted(draw(st.sets(seconds_of_day, max_size=4)))
    pairs = list(pairwise(bounds))
    chosen = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    return tuple(
        DailyWindow(start_s=start, end_s=end)
        for (start, end), wanted in zip(pairs, chosen, strict=True)
        if wanted
    )


@st.composite
def closures_about(draw: st.DrawFn, zone: ZoneInfo, day: dt.date) -> Closure:
    """Draw a closure that begins and ends within two days of the date."""
    midnight = dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
    starts_at = midnight + dt.timedelta(seconds=draw(offsets_s))
    length_s = draw(st.none() | st.integers(1, 2 * DAY_S))
    lifted_s = draw(st.none() | offsets_s)
    return closure(
        f"k{draw(st.integers(0, 10**9))}",
        starts_at=starts_at,
        ends_at=(
            None if length_s is None else starts_at + dt.timedelta(seconds=length_s)
        ),
        lifted_at=(
            None if lifted_s is None else midnight + dt.timedelta(seconds=lifted_s)
        ),
        lifted_by="" if lifted_s is None else "配車係",
        windows=draw(window_lists()),
        working_days_only=draw(st.booleans()),
    )


def moment_of(second: int, day: dt.date, zone: ZoneInfo) -> dt.datetime | None:
    """Moment at which the clock shows a second; none when never, or when twice."""
    naive = dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=second)
    first, again = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    return first if first.utcoffset() == again.utcoffset() else None


def around(*seconds: int) -> set[int]:
    """Seconds of the day that are, or come just before, one of these."""
    return {s + by for s in seconds for by in (-1, 0)} & set(range(DAY_S))


def seconds_told(bound: dt.datetime | None, day: dt.date, zone: ZoneInfo) -> set[int]:
    """Seconds around what a clock of the day shows at a bound; none on another day."""
    if bound is None or (local := bound.astimezone(zone)).date() != day:
        return set()
    return around(local.hour * 3600 + local.minute * 60 + local.second)


@given(data=st.data(), which=st.sampled_from(sorted(DAYS)), works=st.booleans())
def test_a_second_lies_in_the_hours_exactly_when_the_closure_is_in_force(
    *, data: st.DataObject, which: str, works: bool
) -> None:
    zone, day = DAYS[which]
    made = data.draw(closures_about(zone, day))
    anywhere = data.draw(st.lists(st.integers(0, DAY_S - 1), max_size=10))
    found = hours_on(made, day, timezone=zone, is_working_day=works)
    for second in {
        *anywhere,
        *around(1, DAY_S),
        *around(*(s for span in found for s in span)),
        *around(*(s for w in made.windows for s in (w.start_s, w.end_s))),
        *seconds_told(made.starts_at, day, zone),
        *seconds_told(made.ends_at, day, zone),
        *seconds_told(made.lifted_at, day, zone),
    }:
        shown_at = moment_of(second, day, zone)
        if shown_at is not None:
            told = any(start <= second < end for start, end in found)
            true = in_force(made, shown_at, timezone=zone, is_working_day=works)
            assert told is true, second


@given(data=st.data(), from_s=st.integers(-DAY_S, DAY_S), works=st.booleans())
def test_a_closed_day_parts_the_closures_and_shuts_neither_more_nor_less(
    *, data: st.DataObject, from_s: int, works: bool
) -> None:
    made = data.draw(
        st.lists(closures_about(TOKYO, DAY), max_size=4, unique_by=lambda one: one.id)
    )
    found = closed_day(made, DAY, from_s=from_s, timezone=TOKYO, is_working_day=works)
    by_id = {
        one.id: hours_on(one, DAY, timezone=TOKYO, is_working_day=works) for one in made
    }
    assert not found.whole & found.timed_ids
    for (_, end), (start, _) in pairwise(found.timed):
        assert end < start
    first = max(0, from_s)
    edges = around(*(s for spans in by_id.values() for span in spans for s in span))
    for second in {first, DAY_S - 1, *edges} & set(range(first, DAY_S)):
        shut = {
            key
            for key, spans in by_id.items()
            if any(start <= second < end for start, end in spans)
        }
        assert found.whole <= shut <= found.whole | found.timed_ids
        in_timed = any(start <= second < end for start, end in found.timed)
        assert in_timed is bool(shut & found.timed_ids)
