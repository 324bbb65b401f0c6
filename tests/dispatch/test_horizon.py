"""Horizon: days told in seconds from today's midnight, and read back as dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.horizon import (
    DayInForce,
    HorizonDay,
    LaterDay,
    horizon_problem,
    horizon_team_id,
    later_days,
    next_days,
    team_and_date,
)
from dispatch.domain.problem import DayProblem
from dispatch.domain.team import DAY_S
from dispatch.domain.travel import Traffic, TrafficPeriod
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow, Visit
from geodata.city import load_city
from tests.builders import (
    DAY,
    LUNCH,
    MIN,
    at,
    day_problem,
    is_working_day,
    plan_of,
    shift,
    team,
    team_day,
    visit,
)
from tests.problem_strategies import rich_problems

WEDNESDAY, THURSDAY = dt.date(2026, 11, 25), dt.date(2026, 11, 26)
TOMORROW_S = DAY_S


def on(clock: str, days: int = 1) -> int:
    """Seconds from today's midnight of a clock time some days on."""
    return days * DAY_S + at(clock)


def two_days(today: DayProblem, **overrides: Any) -> tuple[HorizonDay, ...]:  # noqa: ANN401
    """Wednesday and Thursday with today's teams; changes are those of Wednesday."""
    first, second = next_days(today, is_working_day, num_days=2)
    return replace(first, **overrides), second


def later_of(
    today: DayProblem,
    days: Sequence[HorizonDay] | None = None,
    *,
    ends_s: Mapping[str, int] | None = None,
) -> DayProblem:
    """All visits of today, left out, over two days."""
    return horizon_problem(
        today, days or two_days(today), today.visits_by_id, ends_s=ends_s or {}
    )


def only(problem: DayProblem) -> Visit:
    (one,) = problem.visits
    return one


# -- days ------------------------------------------------------------------------------


def test_the_next_days_are_working_days_only() -> None:
    friday = day_problem(date=dt.date(2026, 11, 20))
    days = next_days(friday, is_working_day, num_days=2)
    # a weekend, and Monday 23 is a holiday
    assert [day.date for day in days] == [dt.date(2026, 11, 24), WEDNESDAY]


def test_over_the_turn_of_the_year_the_city_is_closed_until_january_4() -> None:
    osaka = load_city("osaka").hours.is_working_day
    last = day_problem([(visit("v1"), 10)], date=dt.date(2026, 12, 28))
    days = next_days(last, osaka, num_days=2)
    assert [day.date for day in days] == [dt.date(2027, 1, 4), dt.date(2027, 1, 5)]
    problem = later_of(last, days)
    # 7 days after 28 December: the first start is at 9:10 of 4 January
    found = later_days(problem, ((0,), ()), {})
    assert found["v1"].date == dt.date(2027, 1, 4)
    assert found["v1"].start_s == at("9:10")


def test_teams_begin_each_day_fresh_and_without_todays_overtime() -> None:
    busy = team_day(
        team(shift=shift(overtime_max_s=3600)),
        start_node=1,
        end_node=0,
        free_from_s=at("15:00"),
        lunch_start_s=at("12:00"),
        committed_load_kg=100,
        work_before_s=77,
    )
    (day,) = next_days(
        day_problem([(visit(), 10)], days=[busy]), is_working_day, num_days=1
    )
    fresh = team_day(team(), work_before_s=77)
    assert day.team_days == (fresh,)


def test_a_team_stands_there_once_for_each_day() -> None:
    problem = later_of(day_problem([(visit(), 10)]))
    wednesday, thursday = problem.team_days
    assert wednesday.team.id == "t1@2026-11-25"
    assert thursday.team.id == "t1@2026-11-26"
    assert thursday.free_from_s == thursday.team.shift.start_s == on("9:00", 2)
    assert thursday.team.shift.end_s == on("17:30", 2)
    lunch = thursday.team.shift.lunch
    assert lunch is not None
    assert lunch.nominal_s == on("12:00", 2)
    assert lunch.earliest_s == on("11:30", 2)
    assert lunch.latest_end_s == on("13:30", 2)
    assert lunch.duration_s == LUNCH.duration_s


def test_a_day_without_lunch_and_a_lunch_that_is_over_are_shifted_too() -> None:
    today = day_problem()
    half = team_day(team("t1", shift=shift(lunch=None)))
    fed = team_day(team("t2"), lunch_start_s=at("11:45"))
    problem = later_of(today, two_days(today, team_days=(half, fed)))
    assert problem.team_days[0].team.shift.lunch is None
    assert problem.team_days[1].lunch_start_s == on("11:45")


def test_travel_is_the_typical_time_of_a_leg_at_any_hour() -> None:
    # factor 1.5 from 9:00 on, the hours of the typical time: 10 minutes are 15
    traffic = Traffic(
        periods=(
            TrafficPeriod(start_s=0, factor=1.0),
            TrafficPeriod(start_s=at("9:00"), factor=1.5),
        )
    )
    plain = day_problem([(visit(), 10)])
    problem = later_of(replace(plain, travel=replace(plain.travel, traffic=traffic)))
    assert not problem.travel.is_timed
    assert problem.travel.drive_s(0, 1, on("8:00")) == 15 * MIN
    assert problem.travel.level is plain.travel.level


def test_a_team_on_a_day_has_a_name_that_can_be_read_back() -> None:
    assert team_and_date(horizon_team_id("a@b", THURSDAY)) == ("a@b", THURSDAY)


@pytest.mark.parametrize("date", [DAY, WEDNESDAY])
def test_days_that_are_not_one_after_another_are_refused(date: dt.date) -> None:
    today = day_problem()
    first = HorizonDay(date=WEDNESDAY, team_days=())
    with pytest.raises(InvalidInputError):
        later_of(today, (first, replace(first, date=date)))


def test_a_day_with_a_plan_in_force_is_not_searched_anew() -> None:
    today = day_problem([(visit("v1"), 10)])
    tomorrow = replace(today, date=WEDNESDAY)
    planned = DayInForce(problem=tomorrow, plan=plan_of(tomorrow, ((0,),)))
    with pytest.raises(InvalidInputError):
        later_of(today, two_days(today, planned=planned))


# -- visits ----------------------------------------------------------------------------


def test_only_what_is_left_out_is_asked_for() -> None:
    today = day_problem([(visit("v1"), 10), (visit("v2"), 20), (visit("v3"), 30)])
    problem = horizon_problem(today, two_days(today), ("v3", "v1"), ends_s={})
    assert [one.id for one in problem.visits] == ["v1", "v3"]
    assert problem.visit_nodes == (1, 3)


def test_a_promise_or_lock_of_today_is_over_and_a_later_one_stays() -> None:
    missed = TimeWindow(start_s=at("10:00"), end_s=at("11:00"))
    kept = TimeWindow(start_s=on("10:00"), end_s=on("11:00"))
    asked = visit(
        windows=(missed, kept),
        start_between=missed,
        team_in_force_id="t9",
        due_s=on("17:30"),
    )
    one = only(later_of(day_problem([(asked, 10)])))
    assert one.windows == (kept,)
    assert one.start_between is None
    assert one.team_in_force_id is None
    assert one.due_s == on("17:30")


def test_forbidden_hours_return_every_day() -> None:
    school = ForbiddenHours(start_s=at("7:30"), end_s=at("8:30"))
    one = only(later_of(day_problem([(visit(forbidden=(school,)), 10)])))
    assert [(hours.start_s, hours.end_s) for hours in one.forbidden] == [
        (on("7:30", 1), on("8:30", 1)),
        (on("7:30", 2), on("8:30", 2)),
    ]


def test_nothing_begins_before_the_first_later_day_or_the_end_of_a_hold() -> None:
    today = day_problem([(visit(release_s=at("14:00")), 10)])
    assert only(later_of(today)).release_s == on("0:00", 1)
    held = day_problem([(visit(not_before=DAY), 10)])
    assert only(later_of(held)).release_s == on("0:00", 1)
    assert only(later_of(held)).not_before is None
    far = day_problem([(visit(release_s=on("9:00", 2)), 10)])
    assert only(later_of(far)).release_s == on("9:00", 2)


def test_a_removal_waits_for_days_after_a_tag_of_today() -> None:
    # tagged until 10:30 today, removed no earlier than 2 days later
    tag = After(visit_id="tag", gap_s=2 * DAY_S)
    gone = After(visit_id="long gone", gap_s=9 * DAY_S)
    today = day_problem([(visit(after=(tag, gone)), 10)])
    problem = later_of(today, ends_s={"tag": at("10:30")})
    assert only(problem).release_s == on("10:30", 2)
    # Wednesday is too early; on Thursday the team waits until 10:30
    found = later_days(problem, ((), (0,)), {})
    assert found["v1"].start_s == at("10:30")


def test_what_waits_for_another_visit_left_out_stays_linked() -> None:
    first, second = visit("v1"), visit("v2", after=(After(visit_id="v1", gap_s=DAY_S),))
    problem = later_of(day_problem([(first, 10), (second, 10)]))
    assert problem.visits[1].after == (After(visit_id="v1", gap_s=DAY_S),)


def test_a_dispatchers_team_may_come_on_any_day_and_no_other_team() -> None:
    teams = [team_day(team("t1")), team_day(team("t2"))]
    today = day_problem([(visit(team_id="t2"), 10)], days=teams)
    problem = later_of(today)
    may = [day.team.id for day in problem.team_days if only(problem).allows(day.team)]
    assert may == ["t2@2026-11-25", "t2@2026-11-26"]


# -- shared tools ----------------------------------------------------------------------

LIFT = (("高所作業車", 1),)


def lifted(visit_id: str, office_id: str) -> Visit:
    return visit(
        visit_id,
        tools=frozenset({"高所作業車"}),
        allowed_office_ids=frozenset({office_id}),
    )


def may_do(problem: DayProblem, visit_id: str) -> list[str]:
    one = problem.visits_by_id[visit_id]
    assert one.tools == frozenset()
    return [day.team.id for day in problem.team_days if one.allows(day.team)]


def test_one_tool_goes_to_one_team_a_day_and_round_the_offices() -> None:
    days = [team_day(team("n1")), team_day(team("s1", office_id="south"))]
    visits = [(lifted("v1", "north"), 10), (lifted("v2", "north"), 10)]
    visits.append((lifted("v3", "south"), 10))
    problem = later_of(day_problem(visits, days=days, tools=LIFT))
    # the north has more visits for it, so it has it first
    assert may_do(problem, "v1") == may_do(problem, "v2") == ["n1@2026-11-25"]
    assert may_do(problem, "v3") == ["s1@2026-11-26"]
    assert problem.tools == ()


def test_a_tool_stays_where_it_is_useful_when_every_office_has_had_it() -> None:
    days = [team_day(team("n1")), team_day(team("s1", office_id="south"))]
    today = day_problem([(lifted("v1", "south"), 10)], days=days, tools=LIFT)
    assert may_do(later_of(today), "v1") == ["s1@2026-11-25", "s1@2026-11-26"]


def test_more_tools_than_teams_are_no_trouble() -> None:
    stock = (("高所作業車", 3), ("ポンプ", 3))
    today = day_problem([(lifted("v1", "north"), 10)], tools=stock)
    problem = later_of(today)
    assert may_do(problem, "v1") == ["t1@2026-11-25", "t1@2026-11-26"]
    assert "tool ポンプ" in problem.team_days[0].team.skills


# -- the answer ------------------------------------------------------------------------


def test_the_day_is_read_out_of_the_orders() -> None:
    # Wednesday: v1 at 9:10. Thursday: v2 at 9:20, a day after it was due.
    today = day_problem([(visit("v1"), 10), (visit("v2", due_s=on("17:30")), 20)])
    found = later_days(later_of(today), ((0,), (1,)), {})
    assert found == {
        "v1": LaterDay(
            date=WEDNESDAY, team_ids=("t1",), start_s=at("9:10"), on_time=True
        ),
        "v2": LaterDay(
            date=THURSDAY, team_ids=("t1",), start_s=at("9:20"), on_time=False
        ),
    }


def test_a_visit_of_two_teams_names_both() -> None:
    teams = [team_day(team("t1")), team_day(team("t2"))]
    today = day_problem([(visit("v1", num_teams=2), 10)], days=teams)
    found = later_days(later_of(today), ((0,), (0,), (), ()), {0: on("9:30")})
    assert found["v1"].team_ids == ("t1", "t2")
    assert found["v1"].start_s == at("9:30")


def test_orders_without_legal_times_are_a_mistake_of_the_solver() -> None:
    today = day_problem([(visit("v1", service_s=9 * 3600), 10)])
    with pytest.raises(ValueError, match="t1 on 2026-11-25"):
        later_days(later_of(today), ((0,), ()), {})


@settings(max_examples=60, deadline=None)
@given(today=rich_problems())
def test_every_day_becomes_a_horizon_in_which_nobody_works_today(
    today: DayProblem,
) -> None:
    problem = later_of(today, next_days(today, is_working_day, num_days=3))
    assert len(problem.team_days) == 3 * len(today.team_days)
    assert {one.id for one in problem.visits} == set(today.visits_by_id)
    for one in problem.visits:
        assert one.earliest_start_s() >= TOMORROW_S
        for day in problem.team_days:
            before, _ = team_and_date(day.team.id)
            who = next(d.team for d in today.team_days if d.team.id == before)
            own = today.visits_by_id[one.id]
            if one.allows(day.team):
                assert own.allows(who)
            elif not own.tools:
                assert not own.allows(who)
