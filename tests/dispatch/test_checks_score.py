"""The score that the independent checker counts, number by number."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.checks_score import counted_score
from dispatch.domain.plan import Score
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit
from tests.dispatch.test_checks_rich import LAMP, SWEEP, TREE, span, told
from tests.problem_strategies import plan_at

# All is on time but nothing else is left to chance. Driving: t1 10 there, 10 to the
# tree, 20 home = 40 min; t2 20 + 20 + 40 = 80; t3 from the tree 10 to the sweep and 30
# home = 40. Work: t1 40 + 60 = 100 min, t2 80 + 30 + 20 = 130, t3 40 + 30 and 7 of the
# last weeks = 77; one office: 130 - 77 = 53. The barrier counts for nothing. Districts:
# t1 d1; t2 d1, d2; t3 none.
BY_HAND = Score(
    s_not_on_time=0,
    promises_not_on_time=0,
    unserved_s=0,
    unserved_a=0,
    unserved_b=0,
    unserved_c=0,
    s_late_steps=0,
    late_steps=0,
    drive_s=160 * MIN,
    overtime_s=0,
    balance_s=53 * MIN,
    team_districts=3,
)


def test_the_score_of_the_rich_day_is_that_counted_by_hand() -> None:
    assert counted_score(*told()) == BY_HAND


@pytest.mark.parametrize("name", [one.name for one in fields(Score)])
def test_each_number_of_the_score_is_compared(name: str) -> None:
    problem, plan = told()
    truth = getattr(plan.score, name)
    untrue = replace(plan.score, **{name: truth + 1})
    (found,) = violations(problem, replace(plan, score=untrue))
    assert found.detail == f"{name}: {truth + 1}, in truth {truth}"


def test_what_is_late_counts_in_quarters_and_once_for_two_teams() -> None:
    # lamp S: 15 min late, 1 quarter. Tree B: 15 min and 1 s late, 2 quarters, though
    # two teams are late. Sweep A: 1 s late, 1 quarter.
    problem, plan = told(
        {
            LAMP: {"urgency": Urgency.S, "due_s": at("9:15")},
            TREE: {"due_s": at("9:55") - 1},
            SWEEP: {"urgency": Urgency.A, "due_s": at("9:50") - 1},
        }
    )
    assert violations(problem, plan) == ()
    late = {"s_not_on_time": 1, "promises_not_on_time": 1, "s_late_steps": 1}
    assert plan.score == replace(BY_HAND, **late, late_steps=3)


def test_what_is_left_out_counts_by_urgency_and_promises_with_a() -> None:
    promised = (span("9:00", "17:00"),)
    visits = [
        (visit("s", urgency=Urgency.S, windows=promised), 1),
        (visit("a", urgency=Urgency.A), 1),
        (visit("b", urgency=Urgency.B, windows=promised), 1),
        (visit("b2", urgency=Urgency.B, num_teams=2), 1),
        (visit("c", urgency=Urgency.C), 1),
        (visit("d", urgency=Urgency.D), 1),
    ]
    problem = day_problem(visits, days=[team_day(team(shift=shift(lunch=None)))])
    # Promises: a and b; the promise of s counts with S alone. C and D together.
    assert counted_score(problem, plan_at(problem, [()])) == replace(
        BY_HAND,
        s_not_on_time=1,
        promises_not_on_time=2,
        unserved_s=1,
        unserved_a=1,
        unserved_b=2,
        unserved_c=2,
        drive_s=0,
        balance_s=0,
        team_districts=0,
    )


def test_overtime_counts_for_each_team_and_balance_within_each_office() -> None:
    short = shift(lunch=None, end_s=at("9:30"), overtime_max_s=60 * MIN)
    days = [
        team_day(team("t1", shift=short), work_before_s=5 * MIN),
        team_day(team("t2", shift=short)),
        team_day(team("t3", shift=short, office_id="south")),
    ]
    problem = day_problem([(visit("a"), 10), (visit("b"), 15)], days=days)
    # t1 back 9:50, 20 min over; t2 9:15 + 30 + 15 = 10:00, 30 min over; t3 rests.
    # Work: t1 5 + 20 + 30 = 55, t2 30 + 30 = 60; t3 is alone in its office.
    plan = plan_at(problem, [[(0, at("9:10"))], [(1, at("9:15"))], []])
    assert violations(problem, plan) == ()
    assert (plan.score.overtime_s, plan.score.balance_s) == (50 * MIN, 5 * MIN)


def test_the_score_of_a_plan_with_strangers_is_counted_without_them() -> None:
    problem, plan = told()
    stranger = replace(plan.routes[0], team_id="t9")
    unknown = replace(plan.routes[2].stops[1], visit_id="x")
    longer = replace(plan.routes[2], stops=(*plan.routes[2].stops, unknown))
    strange = replace(plan, routes=(*plan.routes[:2], longer, stranger))
    assert counted_score(problem, strange) == BY_HAND
