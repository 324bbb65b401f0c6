"""What-if: each supposition changes the copy only, and the table tells the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import InvalidInputError, NotFoundError, SolverError
from dispatch.domain.plan import Plan, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order
from dispatch.domain.told_plan import orders_of, told_plan
from dispatch.domain.travel import TravelMatrix
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay
from dispatch.what_if import (
    DeadlineRule,
    ExtraTeam,
    Overtime,
    RoadClosed,
    Supposition,
    TeamAbsent,
    WhatIf,
    figures,
    supposed,
    what_if,
)
from tests.builders import MIN, at, day_problem, shift, silent, team, team_day, visit
from tests.fake_solver import GreedySolver
from tests.strategies import problems

PARAMS = SearchParams(iterations=1, seed=5)
SHORT = shift(lunch=None, end_s=at("11:00"))  # two hours
LATE, HOUR = at("10:00"), 60 * MIN


def prepared(problem: DayProblem) -> PreparedDay:
    return PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})


def two_teams(**overrides: object) -> DayProblem:
    """t1 does a (B, due at 9:00) and b (C); t2 does c (B). Each takes 30 minutes."""
    days = [team_day(team("t1", shift=SHORT)), team_day(team("t2", shift=SHORT))]
    visits = [
        (visit("a", due_s=at("9:00")), 10),
        (visit("b", urgency=Urgency.C), 20),
        (visit("c"), 10),
    ]
    return replace(day_problem(visits, days=days), **overrides)  # type: ignore[arg-type]


def plan_of(problem: DayProblem, orders: Sequence[Order] = ((0, 1), (2,))) -> Plan:
    return told_plan(problem, orders)


def asked(problem: DayProblem, *suppositions: Supposition) -> WhatIf:
    return what_if(
        prepared(problem),
        plan_of(problem),
        suppositions,
        GreedySolver(),
        PARAMS,
        silent,
    )


def test_the_figures_of_a_plan_are_those_of_its_visits() -> None:
    problem = two_teams()
    told = figures(problem, plan_of(problem, [(0, 1), ()]))
    assert dict(told.served) == {"S": 0, "A": 0, "B": 1, "C": 1, "D": 0}
    assert dict(told.late) == {"S": 0, "A": 0, "B": 1, "C": 0, "D": 0}  # a, 9:10
    assert dict(told.left_out) == {"S": 0, "A": 0, "B": 1, "C": 0, "D": 0}
    assert told.drive_s == 40 * MIN
    # t1 works 100 minutes, t2 not at all
    assert told.spread_s == (("north", 100 * MIN),)


@given(problems())
def test_spreads_of_the_offices_add_up_to_the_balance(problem: DayProblem) -> None:
    plan = told_plan(problem, GreedySolver().search(problem, PARAMS, silent).orders)
    told = figures(problem, plan)
    assert sum(spread_s for _, spread_s in told.spread_s) == plan.score.balance_s
    assert sum(n for _, n in told.served) == plan.num_served
    assert sum(n for _, n in told.left_out) == len(plan.unassigned)


def test_nothing_supposed_is_the_plan_itself() -> None:
    problem = two_teams()
    found = asked(problem)
    assert found.before == found.after
    assert found.changes.is_nothing
    assert found.plan.seed == 5


def test_an_absent_teams_visits_go_to_others() -> None:
    found = asked(two_teams(), TeamAbsent(team_id="t2"))
    # a 9:10, c, b: 20 + 90 minutes of work and 40 of driving do not fit into 120
    assert orders_of(two_teams(), found.plan)[1] == ()
    assert dict(found.after.left_out)[Urgency.C] == 1
    assert found.changes.visits_out == ("b",)
    assert dict(found.before.left_out)[Urgency.C] == 0


def test_what_an_absent_team_has_done_is_not_lost() -> None:
    done = Stop(
        visit_id="done",
        arrive_s=at("9:10"),
        start_s=at("9:10"),
        end_s=at("9:40"),
        drive_s=10 * MIN,
        drive_m=4000,
    )
    problem = two_teams()
    out = replace(
        problem.team_days[1],
        committed=(done,),
        start_node=3,
        free_from_s=at("9:40"),
        departed_s=at("9:00"),
        work_before_s=HOUR,
    )
    problem = replace(problem, team_days=(problem.team_days[0], out))
    plan = plan_of(problem)
    # what is done counts in no figure: t2 still works 30 and drives 10 minutes, after
    # an hour of the last weeks; t1 works 60 and drives 40
    assert figures(problem, plan).spread_s == (("north", 0),)
    found = what_if(
        prepared(problem),
        plan,
        [TeamAbsent(team_id="t2")],
        GreedySolver(),
        PARAMS,
        silent,
    )
    assert "done" not in found.changes.visits_out


def test_one_more_team_begins_at_its_base() -> None:
    problem = two_teams()
    done = replace(problem.team_days[0], start_node=1, free_from_s=LATE)
    problem = replace(problem, team_days=(done, problem.team_days[1]))
    extra = ExtraTeam(like_team_id="t1", team_id="t3", name="応援班")
    copy = supposed(prepared(problem), [extra]).problem
    new = copy.team_days[2]
    assert new == TeamDay(
        team=replace(done.team, id="t3", name="応援班"),
        start_node=0,
        end_node=0,
        free_from_s=LATE,
    )
    assert problem.team_days == (done, problem.team_days[1])
    with pytest.raises(InvalidInputError):
        supposed(prepared(problem), [replace(extra, team_id="t2")])


def test_a_closed_road_changes_the_times() -> None:
    def closed(problem: DayProblem) -> TravelMatrix:
        return replace(problem.travel, duration_s=problem.travel.duration_s * 2)

    found = asked(two_teams(), RoadClosed(travel=closed))
    # the same orders: (20 + 10) x 2 minutes and 2 x 20 instead of half of that
    assert found.before.drive_s == 60 * MIN
    assert found.after.drive_s == 120 * MIN
    assert found.changes.drive_saved_s == -60 * MIN


def test_another_deadline_is_for_one_urgency_only() -> None:
    problem = two_teams()
    soft = asked(problem, DeadlineRule(urgency=Urgency.B, shift_s=HOUR))
    assert dict(soft.before.late)[Urgency.B] == 1
    assert dict(soft.after.late)[Urgency.B] == 0
    hard = asked(problem, DeadlineRule(urgency=Urgency.B, hard=True))
    assert dict(hard.after.left_out)[Urgency.B] == 1  # nobody is there by 9:00
    other = asked(problem, DeadlineRule(urgency=Urgency.C, shift_s=HOUR))
    assert other.before == other.after
    strict = replace(
        problem, visits=(replace(problem.visits[0], hard_due=True), *problem.visits[1:])
    )
    rule = DeadlineRule(urgency=Urgency.B, shift_s=HOUR)
    kept = supposed(prepared(strict), [rule]).problem.visits[0]
    assert (kept.hard_due, kept.due_s) == (True, LATE)
    softened = supposed(prepared(strict), [replace(rule, hard=False)]).problem.visits[0]
    assert not softened.hard_due


def test_a_dropped_class_is_not_planned() -> None:
    found = asked(two_teams(), DeadlineRule(urgency=Urgency.B, dropped=True))
    assert [stop.visit_id for _, _, stop in found.plan.stops()] == ["b"]
    assert (
        dict(found.after.served)[Urgency.B]
        == dict(found.after.left_out)[Urgency.B]
        == 0
    )
    assert found.changes.visits_out == ("a", "c")


def test_overtime_is_granted_on_top_to_the_teams_named() -> None:
    problem = two_teams()
    granted = Overtime(team_ids=frozenset({"t1"}), extra_s=HOUR)
    copy = supposed(prepared(problem), [granted, granted]).problem
    limits = [day.team.shift.overtime_max_s for day in copy.team_days]
    assert limits == [2 * HOUR, 0]
    found = asked(problem, TeamAbsent(team_id="t2"), granted)
    # a, c, b and back: 30 + 30 + 10 + 30 and 2 x 10 and 20 minutes, until 11:10
    assert found.after.overtime_s == 10 * MIN
    assert dict(found.after.left_out)[Urgency.C] == 0
    with pytest.raises(InvalidInputError):
        Overtime(team_ids=frozenset(), extra_s=-1)


@pytest.mark.parametrize(
    "supposition",
    [
        TeamAbsent(team_id="t9"),
        ExtraTeam(like_team_id="t9", team_id="t3", name=""),
        Overtime(team_ids=frozenset({"t9"}), extra_s=0),
    ],
)
def test_an_unknown_team_is_told(supposition: Supposition) -> None:
    with pytest.raises(NotFoundError):
        asked(two_teams(), supposition)


def test_an_illegal_answer_is_never_shown() -> None:
    problem = two_teams()
    solver = GreedySolver(orders=((0,) * 9, ()))
    with pytest.raises(SolverError, match="no legal times"):
        what_if(prepared(problem), plan_of(problem), [], solver, PARAMS, silent)
