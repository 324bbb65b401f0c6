"""Which windows a day can still keep: what they cost, and what must not be harmed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.gaps import gaps_for
from dispatch.domain.improve import repaired
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import LATE_STEP_S, DayScheduler, Order
from dispatch.domain.slots import (
    DayPromises,
    PricedWindow,
    SlotParams,
    priced_windows,
    spread,
    window_grid,
)
from dispatch.domain.visit import TimeWindow, Visit
from tests.builders import (
    DAY,
    MIN,
    at,
    day_problem,
    office_hours,
    shift,
    team,
    team_day,
    visit,
)
from tests.strategies import problems, windows

MARGIN_S = 10 * MIN
WHOLE = shift(lunch=None)  # 9:00-17:30 without a break


def span(start: str, end: str) -> TimeWindow:
    return TimeWindow(start_s=at(start), end_s=at(end))


def prices(
    problem: DayProblem,
    orders: Sequence[Order],
    *asked: TimeWindow,
    margin_s: int = MARGIN_S,
    **more: Any,  # noqa: ANN401 - fields of DayPromises
) -> list[int | None]:
    """Minutes of each window for the last visit of the problem; None: not kept."""
    last = len(problem.visits) - 1
    day = DayPromises(problem=problem, orders=tuple(orders), asked=last, **more)
    found = dict(priced_windows(day, asked, margin_s=margin_s))
    return [-(-found[one] // MIN) if one in found else None for one in asked]


def one_team(*visits: tuple[Visit, int], **overrides: Any) -> DayProblem:  # noqa: ANN401
    """Build a day of one team without lunch; visits with minutes from the yard."""
    return day_problem(visits, days=[team_day(team(shift=WHOLE))], **overrides)


ASKED = visit("asked")  # thirty minutes, urgency B


# -- windows and days ------------------------------------------------------------------


def test_windows_lie_in_the_hours_of_the_offices_a_step_apart() -> None:
    # 9:00-17:30: the last window of two hours that ends in time begins at 15:00
    grid = window_grid(office_hours(), SlotParams())
    assert [one.start_s for one in grid] == [at(f"{hour}:00") for hour in range(9, 16)]
    assert {one.end_s - one.start_s for one in grid} == {2 * 60 * MIN}
    half = window_grid(
        office_hours(), SlotParams(window_s=4 * 60 * MIN, step_s=30 * MIN)
    )
    # from 9:00 to 13:30 every half hour
    assert len(half) == 10
    assert half[-1] == span("13:30", "17:30")


def test_a_price_is_told_in_begun_minutes() -> None:
    assert PricedWindow(span("9:00", "11:00"), 0).price_min == 0
    assert PricedWindow(span("9:00", "11:00"), 61).price_min == 2


def test_each_day_gives_its_cheapest_window_before_any_gives_a_second() -> None:
    tomorrow = DAY + dt.timedelta(days=1)
    early, noon, late = (
        span("9:00", "10:00"),
        span("12:00", "13:00"),
        span("16:00", "17:00"),
    )
    found = [
        (
            DAY,
            [PricedWindow(early, 50), PricedWindow(noon, 40), PricedWindow(late, 60)],
        ),
        (
            tomorrow,
            [PricedWindow(early, 2), PricedWindow(noon, 1), PricedWindow(late, 3)],
        ),
    ]
    told = [(day, one.window) for day, one in spread(found, 3)]
    # noon of both days, then the second of the cheaper day; told by date and time
    assert told == [(DAY, noon), (tomorrow, early), (tomorrow, noon)]
    assert len(spread(found, 20)) == 6
    assert spread([], 20) == []


# -- prices ----------------------------------------------------------------------------


def test_an_empty_day_keeps_every_window_for_the_way_there_and_back() -> None:
    grid = window_grid(office_hours(), SlotParams())
    # ten minutes there, ten back
    assert prices(one_team((ASKED, 10)), [()], *grid) == [20] * 7


def test_what_lies_on_the_way_costs_nothing() -> None:
    # the team drives to 10 minutes and back anyway
    problem = one_team((visit("v"), 10), (ASKED, 5))
    assert prices(problem, [(0,)], span("9:00", "11:00")) == [0]


def test_the_cheapest_team_decides_the_price() -> None:
    near, far = team("near", shift=WHOLE), team("far", shift=WHOLE)
    problem = day_problem(
        [(visit("a"), 30), (visit("b"), 2), (ASKED, 31)],
        days=[team_day(far), team_day(near)],
    )
    # the first team is at minute 30: one minute further and back; the second is not
    assert prices(problem, [(0,), (1,)], span("13:00", "15:00")) == [2]


def test_a_window_that_the_day_has_no_room_for_is_not_offered() -> None:
    # Work at the yard from 9:00 to 15:00. The place is ten minutes away: 15:10 is the
    # earliest start, and 16:50 the latest (30 minutes of work, 10 back, 17:30).
    fixed = visit("v", service_s=6 * 60 * MIN, windows=(span("9:00", "9:00"),))
    problem = one_team((fixed, 0), (ASKED, 10))
    asked = [
        span("9:00", "11:00"),
        span("13:00", "15:00"),
        span("13:19", "15:19"),  # ten minutes of margin: 15:09
        span("13:20", "15:20"),  # 15:10
        span("14:00", "16:00"),
        span("16:50", "17:50"),
        span("16:51", "17:51"),
    ]
    found = prices(problem, [(0,)], *asked)
    assert found == [None, None, None, 20, 20, 20, None]
    # without a margin, the window until 15:19 can be kept, too
    assert prices(problem, [(0,)], asked[2], margin_s=0) == [20]


def test_lunch_is_no_room() -> None:
    # Lunch of 45 minutes must lie in 11:30-13:30. Work at the yard ends at 11:30 and
    # goes on at 13:30: the two hours between hold lunch and 75 minutes, of which
    # driving takes 20. 55 minutes of work fit, 56 do not.
    morning = visit("m", service_s=150 * MIN, windows=(span("9:00", "9:00"),))
    evening = visit("e", service_s=240 * MIN, windows=(span("13:30", "13:30"),))
    for minutes, price in ((55, 20), (56, None)):
        asked = replace(ASKED, service_s=minutes * MIN)
        problem = day_problem([(morning, 0), (evening, 0), (asked, 10)])
        whole_day = span("9:00", "17:00")
        assert prices(problem, [(0, 1)], whole_day, margin_s=0) == [price]


# -- harm ------------------------------------------------------------------------------


def test_lateness_of_others_is_in_the_price_and_own_lateness_is_not() -> None:
    # The visit at the yard would begin at 9:50 instead of 9:00: twenty minutes after
    # 9:30, two begun quarters of an hour. 20 of driving + 30.
    other = visit("v", service_s=60 * MIN, due_s=at("9:30"))
    problem = one_team((other, 0), (replace(ASKED, due_s=at("9:00")), 10))
    assert prices(problem, [(0,)], span("9:00", "10:00")) == [50]
    # later in the day nobody waits
    assert prices(problem, [(0,)], span("13:00", "15:00")) == [20]


@pytest.mark.parametrize("urgency", [Urgency.S, Urgency.A])
def test_no_window_makes_an_s_or_a_late(urgency: Urgency) -> None:
    other = visit("v", service_s=60 * MIN, due_s=at("9:30"), urgency=urgency)
    problem = one_team((other, 0), (ASKED, 10))
    assert prices(problem, [(0,)], span("9:00", "10:00")) == [None]


def test_an_s_that_is_late_already_does_not_get_later() -> None:
    # due at 8:00, begins at 9:00: four quarters; at 9:50 it would be eight
    other = visit("v", service_s=60 * MIN, due_s=at("8:00"), urgency=Urgency.S)
    problem = one_team((other, 0), (ASKED, 10))
    assert prices(problem, [(0,)], span("9:00", "10:00")) == [None]
    assert prices(problem, [(0,)], span("13:00", "15:00")) == [20]


@pytest.mark.parametrize(
    ("urgency", "found"), [(Urgency.A, [20, 20, None]), (Urgency.B, [20, 20, 20])]
)
def test_an_a_is_not_promised_for_later_than_it_is_due(
    urgency: Urgency, found: list[int | None]
) -> None:
    asked = replace(ASKED, urgency=urgency, due_s=at("12:00"))
    windows = [span("9:00", "11:00"), span("11:30", "13:30"), span("12:01", "14:01")]
    assert prices(one_team((asked, 10)), [()], *windows) == found


def test_a_due_time_that_must_be_kept_binds_every_urgency() -> None:
    asked = replace(ASKED, due_s=at("12:00"), hard_due=True)
    windows = [span("11:30", "13:30"), span("12:01", "14:01")]
    assert prices(one_team((asked, 10)), [()], *windows) == [20, None]


def test_other_promises_keep_their_margin() -> None:
    # Ten minutes there, 100 of work, ten back: at the yard at 11:00 at the earliest,
    # which is the end of the other's window.
    other = visit("v", windows=(span("9:00", "11:00"),))
    problem = one_team((other, 0), (replace(ASKED, service_s=100 * MIN), 10))
    assert prices(problem, [(0,)], span("9:00", "9:20")) == [None]
    assert prices(problem, [(0,)], span("9:00", "9:10"), margin_s=0) == [20]


def test_a_promise_that_has_no_margin_any_more_keeps_what_it_has() -> None:
    # Work until 10:55 at the yard, then the promise until 11:00: five minutes left.
    before = visit("b", service_s=115 * MIN, windows=(span("9:00", "9:00"),))
    promise = visit("p", windows=(span("8:00", "8:30"), span("9:00", "11:00")))
    problem = one_team((before, 0), (promise, 0), (ASKED, 10))
    found = prices(problem, [(0, 1)], span("11:00", "13:00"), span("9:00", "11:00"))
    # after it: 11:25 + 10; before it nothing fits
    assert found == [20, None]


# -- what is promised beside -----------------------------------------------------------


def test_promises_that_no_plan_has_yet_take_their_room_first() -> None:
    # One team, two hours of work each, both between 15:00 and 17:00: only one fits.
    long = replace(ASKED, service_s=120 * MIN)
    held = replace(long, id="held", windows=(span("15:00", "17:00"),))
    problem = one_team((held, 0), (long, 0))
    afternoon, morning = span("15:00", "17:00"), span("9:00", "11:00")
    assert prices(problem, [()], afternoon, morning) == [0, 0]
    assert prices(problem, [()], afternoon, morning, promised=(0,)) == [None, 0]


def test_a_promise_that_fits_nowhere_does_not_stop_the_day() -> None:
    lost = visit("lost", windows=(span("18:00", "19:00"),))
    problem = one_team((lost, 0), (ASKED, 10))
    assert prices(problem, [()], span("9:00", "11:00"), promised=(0,)) == [20]


@pytest.mark.parametrize("release", ["0:00", "9:00"])  # the second: at no time at all
def test_a_team_whose_order_has_no_legal_times_is_left_alone(release: str) -> None:
    before_shift = (span("8:00", "8:30"),)
    broken = visit("v", windows=before_shift, release_s=at(release))
    problem = one_team((broken, 0), (ASKED, 10))
    assert prices(problem, [(0,)], span("9:00", "11:00")) == [None]


def test_moments_that_other_teams_share_do_not_move() -> None:
    # Two teams begin together at 10:00. Nothing of 50 minutes fits before that.
    shared = visit("two", num_teams=2)
    problem = one_team((shared, 0), (ASKED, 10))
    found = prices(
        problem,
        [(0,)],
        span("9:00", "9:30"),
        span("10:00", "12:00"),
        starts={0: at("9:30")},
    )
    assert found == [None, 20]
    assert prices(problem, [(0,)], span("9:00", "9:30")) == [20]


def test_only_teams_that_may_and_can_go_are_asked() -> None:
    problem = one_team((replace(ASKED, skills=frozenset({"sewer"})), 10))
    assert prices(problem, [()], span("9:00", "11:00")) == [None]
    twice = replace(ASKED, num_teams=2)
    both = day_problem(
        [(twice, 10)],
        days=[team_day(team(one, shift=WHOLE)) for one in ("t1", "t2")],
    )
    # two teams at once are for a person to find
    assert prices(both, [(), ()], span("9:00", "11:00")) == [None]


def test_a_shared_tool_that_another_team_has_today_is_not_promised() -> None:
    lift = frozenset({"lift"})
    days = [team_day(team(one, shift=WHOLE)) for one in ("t1", "t2")]
    problem = replace(
        day_problem(
            [
                (visit("v", tools=lift, team_id="t1"), 10),
                (replace(ASKED, tools=lift), 10),
            ],
            days=days,
        ),
        tools=(("lift", 1),),
    )
    window = span("9:00", "11:00")
    # the team that has it goes there anyway; the other may not bring a second one
    assert prices(problem, [(0,), ()], window) == [0]
    other = (problem.visits[0], replace(problem.visits[1], team_id="t2"))
    assert prices(replace(problem, visits=other), [(0,), ()], window) == [None]


# -- what always holds -----------------------------------------------------------------


def by_hand(scheduler: DayScheduler, orders: Sequence[Order], index: int) -> int | None:
    """Price of a visit by trying every place in every order."""
    found = []
    for team_index, order in enumerate(orders):
        before = scheduler.timing(team_index, order)
        for place in range(len(order) + 1):
            longer = (*order[:place], index, *order[place:])
            after = scheduler.timing(team_index, longer)
            if before is None or after is None:
                continue
            harmed = (
                after.s_late > before.s_late
                or after.s_late_steps > before.s_late_steps
                or after.promises_late > before.promises_late
            )
            if harmed or not scheduler.allows(team_index, index):
                continue
            added_s = scheduler.typical_drive_s(team_index, longer)
            added_s -= scheduler.typical_drive_s(team_index, order)
            later = max(0, after.late_steps - before.late_steps)
            found.append(max(0, added_s) + later * LATE_STEP_S)
    return min(found, default=None)


@given(
    problem=problems(max_visits=8, timed=True).filter(lambda one: bool(one.visits)),
    asked=st.lists(windows(), min_size=1, max_size=3),
)
def test_prices_are_those_of_trying_every_place(
    problem: DayProblem, asked: list[TimeWindow]
) -> None:
    last = len(problem.visits) - 1
    wanted = replace(problem.visits[last], windows=())
    problem = replace(problem, visits=(*problem.visits[:last], wanted))
    scheduler = DayScheduler(problem)
    orders = tuple(
        tuple(index for index in order if index != last)
        for order in repaired(scheduler, [() for _ in problem.team_days])
    )
    found = dict(
        priced_windows(
            DayPromises(problem=problem, orders=orders, asked=last), asked, margin_s=0
        )
    )
    bound = wanted.hard_due or wanted.urgency in {Urgency.S, Urgency.A}
    for window in asked:
        promised = replace(
            wanted, windows=(window,), due_s=wanted.due_s if bound else None
        )
        trial = DayScheduler(
            replace(problem, visits=(*problem.visits[:last], promised))
        )
        assert found.get(window) == by_hand(trial, orders, last)


@given(problem=problems(max_visits=8, timed=True).filter(lambda one: bool(one.visits)))
def test_no_placement_begins_outside_a_gap(problem: DayProblem) -> None:
    last = len(problem.visits) - 1
    scheduler = DayScheduler(problem)
    for team_index, order in enumerate(
        repaired(scheduler, [() for _ in problem.team_days])
    ):
        kept = tuple(index for index in order if index != last)
        if scheduler.timing(team_index, kept) is None:  # a stop less can be worse
            continue
        spans = {
            gap.at: gap.spans for gap in gaps_for(scheduler, team_index, kept, last)
        }
        for place in range(len(kept) + 1):
            longer = (*kept[:place], last, *kept[place:])
            timing = scheduler.timing(team_index, longer)
            if timing is None:
                continue
            start_s = timing.starts_s[place]
            assert any(a <= start_s <= b for a, b in spans.get(place, ())), (
                place,
                start_s,
                spans,
            )
