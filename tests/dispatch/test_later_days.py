"""Later days: what is left out today is told its best later day, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import CancelledError
from dispatch.domain.horizon import DayInForce, LaterDay, next_days
from dispatch.domain.plan import Plan, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order
from dispatch.domain.team import DAY_S
from dispatch.domain.told_plan import told_plan
from dispatch.domain.visit import After, Visit
from dispatch.later_days import LaterDays, later_text, plan_later
from dispatch.ports import SearchParams
from tests.builders import (
    NO_SCORE,
    at,
    day_problem,
    is_working_day,
    plan_of,
    shift,
    silent,
    team,
    team_day,
    visit,
)
from tests.fake_solver import GreedySolver

HOUR = 3600
WEDNESDAY, THURSDAY = dt.date(2026, 11, 25), dt.date(2026, 11, 26)
CREW = team("tsumori-1", name="津守-1")
DAYS = [team_day(CREW)]


def left_out_of(problem: DayProblem, *visit_ids: str) -> Plan:
    """Build a plan that serves nobody and leaves these out."""
    nothing = tuple(() for _ in problem.team_days)
    empty = replace(problem, visits=(), visit_nodes=())
    return replace(
        plan_of(empty, nothing),
        score=NO_SCORE,
        unassigned=tuple(
            Unassigned(visit_id=one, reason=UnassignedReason.NO_TIME, sentence="")
            for one in visit_ids
        ),
    )


def found(
    problem: DayProblem,
    plan: Plan,
    *,
    num_days: int = 2,
    solver: GreedySolver | None = None,
) -> LaterDays:
    return plan_later(
        problem,
        plan,
        next_days(problem, is_working_day, num_days=num_days),
        solver=solver or GreedySolver(),
        params=SearchParams(iterations=1),
        told=silent,
    )


def test_what_is_left_out_gets_a_day_a_team_and_a_time() -> None:
    # v1 ends at 12:40, before lunch. With lunch until 13:25, v2 would end at 17:29 and
    # the team be back after 17:30: it goes on Thursday, after a lunch from 11:30.
    long = visit("v1", service_s=210 * 60, due_s=DAY_S + at("17:30"))
    free = visit("v2", service_s=4 * HOUR, urgency=Urgency.C)
    today = day_problem([(long, 10), (free, 14)], days=DAYS)
    later = found(today, left_out_of(today, "v1", "v2"))
    assert later.sentences == {
        "v1": "11月25日(水) 津守-1 9:10ごろ(期限内)",
        "v2": "11月26日(木) 津守-1 12:20ごろ",  # 12:15
    }
    assert later.days["v1"].date == dt.date(2026, 11, 25)


def test_a_day_after_the_deadline_is_told_as_such() -> None:
    today = day_problem([(visit("v1", due_s=at("17:30")), 10)], days=DAYS)
    later = found(today, left_out_of(today, "v1"))
    assert later.sentences["v1"] == "11月25日(水) 津守-1 9:10ごろ(期限後)"


def test_what_fits_on_no_day_is_told_until_when_was_looked() -> None:
    today = day_problem([(visit("v1", service_s=9 * HOUR), 10)], days=DAYS)
    later = found(today, left_out_of(today, "v1"))
    assert later.days == {}
    assert later.sentences == {"v1": "11月26日(木)までに空きが見つかりません。"}


def test_a_visit_on_hold_is_left_to_its_own_sentence() -> None:
    today = day_problem([(visit("v1"), 10)], days=DAYS)
    later = found(today, left_out_of(today, "v1", "on hold"))
    assert set(later.sentences) == {"v1"}


def test_nothing_is_searched_when_all_are_served_or_no_day_is_given() -> None:
    solver = GreedySolver()
    today = day_problem([(visit("v1"), 10)], days=DAYS)
    assert found(today, plan_of(today, ((0,),)), solver=solver) == LaterDays()
    left = left_out_of(today, "v1")
    assert found(today, left, num_days=0, solver=solver) == LaterDays()
    assert solver.asked == []


def test_a_follow_up_waits_for_its_days_after_todays_visit() -> None:
    # the tag ends at 9:40 today; two days later a team is there at 9:40 or after
    tag = visit("v1")
    removal = visit("v2", after=(After(visit_id="v1", gap_s=2 * DAY_S),))
    today = day_problem([(tag, 10), (removal, 10)], days=DAYS)
    alone = replace(today, visits=(tag,), visit_nodes=(1,))
    plan = replace(
        plan_of(alone, ((0,),)), unassigned=left_out_of(today, "v2").unassigned
    )
    later = found(today, plan)
    assert later.days["v2"] == LaterDay(
        date=dt.date(2026, 11, 26),
        team_ids=("tsumori-1",),
        start_s=at("9:40"),
        on_time=True,
    )


# -- days with a plan in force ---------------------------------------------------------

SHORT = shift(lunch=None, end_s=at("11:00"))  # 120 minutes
SHORT_DAYS = [team_day(replace(CREW, shift=SHORT))]


def in_force(
    visits: Sequence[tuple[Visit, int]],
    orders: Sequence[Order] = ((0,),),
    *,
    date: dt.date = WEDNESDAY,
    days: Sequence[TeamDay] = SHORT_DAYS,
    **overrides: Any,  # noqa: ANN401 - keyword overrides
) -> DayInForce:
    """Plan a day with these orders; what is in none is left out there, too."""
    problem = day_problem(visits, date=date, days=days, **overrides)
    return DayInForce(problem=problem, plan=told_plan(problem, orders))


def beside(
    today: DayProblem,
    *planned: DayInForce,
    solver: GreedySolver | None = None,
    plan: Plan | None = None,
) -> LaterDays:
    """Look at Wednesday and Thursday, some of which have a plan."""
    plans = {one.plan.date: one for one in planned}
    days = next_days(today, is_working_day, num_days=2)
    return plan_later(
        today,
        plan or left_out_of(today, *today.visits_by_id),
        [replace(day, planned=plans.get(day.date)) for day in days],
        solver=solver or GreedySolver(),
        params=SearchParams(iterations=1),
        told=silent,
    )


def today_of(*visits: Visit) -> DayProblem:
    """Build today with these visits ten minutes out."""
    return day_problem([(one, 10) for one in visits], days=SHORT_DAYS)


def when(later: LaterDays, visit_id: str = "v1") -> tuple[dt.date, int]:
    one = later.days[visit_id]
    return one.date, one.start_s


def test_a_visit_gets_the_free_place_of_a_planned_day() -> None:
    # p1 from 9:10 to 9:40, due at 9:10: v1 comes behind it and is back at 10:20
    due = visit("p1", due_s=at("9:10"))
    later = beside(today_of(visit()), in_force([(due, 10), (visit(), 10)]))
    assert later.sentences == {"v1": "11月25日(水) 津守-1 9:40ごろ"}


def test_a_planned_day_that_is_full_is_passed_over() -> None:
    # 10 + 80 + 10 of 120 minutes are taken; v1 needs 30
    long = visit("p1", service_s=80 * 60)
    later = beside(today_of(visit()), in_force([(long, 10), (visit(), 10)]))
    assert when(later) == (THURSDAY, at("9:10"))


def test_what_is_late_in_a_plan_is_not_made_later() -> None:
    # p1 is due at 9:00 and there at 9:10; with v1 before it, it would be 9:40
    late = visit("p1", due_s=at("9:00"))
    later = beside(today_of(visit()), in_force([(late, 10), (visit(), 10)]))
    assert when(later) == (WEDNESDAY, at("9:40"))


def test_what_has_time_may_wait_for_a_visit_that_has_not() -> None:
    # behind p1 v1 would be there at 9:40, ten minutes too late
    asked = visit(due_s=DAY_S + at("9:30"))
    there = visit(due_s=at("9:30"))
    later = beside(today_of(asked), in_force([(visit("p1"), 10), (there, 10)]))
    assert when(later) == (WEDNESDAY, at("9:10"))
    assert later.sentences["v1"].endswith("(期限内)")


def test_no_planned_visit_moves_to_another_team() -> None:
    # With p1 at t2, t1 would have 120 minutes for v1; it has 20, and t2 may not go.
    asked = visit(service_s=80 * 60, team_id="t1")
    days = [team_day(team(name, shift=SHORT)) for name in ("t1", "t2")]
    long = visit("p1", service_s=80 * 60)
    filled = in_force([(long, 10), (asked, 10)], ((0,), ()), days=days)
    today = day_problem([(asked, 10)], days=days)
    assert when(beside(today, filled))[0] == THURSDAY
    free = replace(asked, team_id=None)
    filled = in_force([(long, 10), (free, 10)], ((0,), ()), days=days)
    later = beside(day_problem([(free, 10)], days=days), filled)
    assert later.days["v1"].team_ids == ("t2",)


def test_an_empty_day_that_is_sooner_is_kept() -> None:
    filled = in_force([(visit("p1"), 10), (visit(), 10)], date=THURSDAY)
    assert when(beside(today_of(visit()), filled))[0] == WEDNESDAY


def test_the_most_urgent_and_the_first_due_choose_first() -> None:
    # 120 - (10 + 50 + 10) = 50 minutes: one visit of 30 on each of the two days
    waiting = [
        visit("v1"),
        visit("v2", due_s=3 * DAY_S),
        visit("v3", urgency=Urgency.A),
    ]
    long = visit("p1", service_s=50 * 60)
    plans = [
        in_force([(long, 10), *((one, 10) for one in waiting)], date=date)
        for date in (WEDNESDAY, THURSDAY)
    ]
    solver = GreedySolver()
    later = beside(today_of(*waiting), *plans, solver=solver)
    assert {one: later.days[one].date for one in later.days} == {
        "v3": WEDNESDAY,
        "v2": THURSDAY,
    }
    assert later.sentences["v1"] == "11月26日(木)までに空きが見つかりません。"
    assert solver.asked == []  # no day without a plan


def test_what_a_later_plan_holds_already_is_told_with_both_its_teams() -> None:
    days = [team_day(team(name, shift=SHORT, name=name)) for name in ("t1", "t2")]
    pair = visit(num_teams=2)
    held = in_force([(pair, 10)], ((0,), (0,)), days=days, date=THURSDAY)
    later = beside(today_of(pair), held)
    # Wednesday is empty, but Thursday is settled.
    assert later.sentences == {"v1": "11月26日(木) t1・t2 9:10ごろ"}


def test_what_waits_for_a_visit_of_a_later_plan_comes_after_it() -> None:
    # v1 stands in Wednesday's plan, 9:10 to 9:40; v2 may begin a day later
    follow = visit("v2", after=(After(visit_id="v1", gap_s=DAY_S),))
    held = in_force([(visit(), 10)])
    later = beside(today_of(visit(), follow), held)
    assert when(later, "v2") == (THURSDAY, at("9:40"))


def test_a_follow_up_of_today_waits_on_a_planned_day_too() -> None:
    # v1 ends today at 9:40; v2 may begin a day later: on Wednesday at 9:40, not 9:10
    follow = visit("v2", after=(After(visit_id="v1", gap_s=DAY_S),))
    today = today_of(visit(), follow)
    plan = replace(
        told_plan(today, ((0,),)), unassigned=left_out_of(today, "v2").unassigned
    )
    filled = in_force([(visit("p1", due_s=at("9:10")), 10), (follow, 10)])
    assert when(beside(today, filled, plan=plan), "v2") == (WEDNESDAY, at("9:40"))
    alone = in_force([(follow, 10)], ((),))
    assert when(beside(today, alone, plan=plan), "v2") == (WEDNESDAY, at("9:40"))


def test_visits_bound_to_others_are_left_to_a_person() -> None:
    follow = visit("v2", after=(After(visit_id="v1"),))
    pair = visit("v3", num_teams=2)
    waiting = [visit(service_s=9 * HOUR), follow, pair]
    days = [team_day(team(name)) for name in ("t1", "t2")]
    plans = [
        in_force([(one, 10) for one in waiting], ((), ()), days=days, date=date)
        for date in (WEDNESDAY, THURSDAY)
    ]
    assert beside(today_of(*waiting), *plans).days == {}


def test_what_a_days_plan_was_not_made_from_is_not_put_into_it() -> None:
    later = beside(today_of(visit()), in_force([(visit("p1"), 10)]))
    assert when(later)[0] == THURSDAY


def test_a_route_that_breaks_rules_takes_nothing() -> None:
    # p1 cannot be done in 120 minutes: such a plan was made by other rules
    wrong = in_force([(visit("p1", service_s=3 * HOUR), 10), (visit(), 10)])
    assert when(beside(today_of(visit()), wrong))[0] == THURSDAY


def test_a_cancelled_search_is_not_hidden() -> None:
    today = day_problem([(visit("v1"), 10)], days=DAYS)
    with pytest.raises(CancelledError):
        found(today, left_out_of(today, "v1"), solver=GreedySolver(cancelled=True))


def test_two_teams_are_both_named_and_ten_minutes_are_near_enough() -> None:
    later = LaterDay(
        date=dt.date(2026, 11, 26),
        team_ids=("a", "b"),
        start_s=at("10:34"),
        on_time=True,
    )
    names = {"a": "津守-1", "b": "津守-2"}
    assert later_text(later, names, has_due=True) == (
        "11月26日(木) 津守-1・津守-2 10:30ごろ(期限内)"
    )
    up = replace(later, start_s=at("10:35"))
    assert (
        later_text(up, names, has_due=False) == "11月26日(木) 津守-1・津守-2 10:40ごろ"
    )
