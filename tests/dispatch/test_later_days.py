"""Later days: what is left out today is told its best later day, in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import CancelledError
from dispatch.domain.horizon import LaterDay, PlannedVisit, next_days
from dispatch.domain.plan import Plan, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem
from dispatch.domain.team import DAY_S
from dispatch.domain.visit import After
from dispatch.later_days import LaterDays, later_text, plan_later
from dispatch.ports import SearchParams
from tests.builders import (
    NO_SCORE,
    at,
    day_problem,
    is_working_day,
    plan_of,
    silent,
    team,
    team_day,
    visit,
)
from tests.fake_solver import GreedySolver

HOUR = 3600
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


def test_what_is_planned_on_a_later_day_takes_its_place() -> None:
    today = day_problem([(visit("v1", service_s=4 * HOUR), 10)], days=DAYS)
    wednesday, thursday = next_days(today, is_working_day, num_days=2)
    planned = visit("p1", service_s=4 * HOUR, urgency=Urgency.C)
    full = replace(
        wednesday,
        planned=(PlannedVisit(visit=planned, node=1, team_id="tsumori-1"),),
    )
    later = plan_later(
        today,
        left_out_of(today, "v1"),
        (full, thursday),
        solver=GreedySolver(),
        params=SearchParams(iterations=1),
        told=silent,
    )
    assert set(later.days) == set(later.sentences) == {"v1"}
    assert later.days["v1"].date == thursday.date


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
