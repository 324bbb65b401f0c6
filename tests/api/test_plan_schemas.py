"""PLAN.json: equal plans are equal bytes, and a plan made by hand is worked out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.plan_schemas import plan_text, read_plan, score_lines
from dispatch.adapters.plan_record import recorded
from dispatch.domain.checks import Rule, violations
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.levels import DEFAULT_LEVELS, Level
from dispatch.domain.plan import Plan, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem
from dispatch.domain.told_plan import told_plan
from dispatch.domain.visit import TimeWindow
from dispatch.ports import SearchParams, WorkStep
from tests.builders import at, day_problem, plan_of, team_day, visit
from tests.full_day import full_day
from tests.problem_strategies import rich_problems

Body = dict[str, Any]
WORK = (WorkStep(name="exact 1", counts=(10, 20)),)


def two_visits() -> DayProblem:
    """Visits 10 and 30 minutes from the yard, one team."""
    return day_problem([(visit("a"), 10), (visit("b"), 30)])


def two_stops() -> Plan:
    return plan_of(two_visits(), [(0, 1)])


def by_hand(*visit_ids: str, **more: object) -> str:
    routes = [{"team_id": "t1", "visit_ids": visit_ids}]
    return json.dumps({"format": "kidohan-plan/1", "routes": routes, **more})


def body_of(plan: Plan) -> Body:
    body: Body = json.loads(plan_text(plan))
    return body


def test_a_plan_with_its_record_is_read_as_it_was_written() -> None:
    day = full_day()
    plan = told_plan(day.problem, [(1, 0)], on_hold=day.on_hold, method="greedy")
    params = SearchParams(iterations=50, work=WORK)
    record, _ = recorded(day, params, WORK)
    text = plan_text(plan, record, levels=day.problem.levels)
    read = read_plan(text, day.problem)
    assert (read.plan, read.record) == (plan, record)
    assert plan_text(read.plan, read.record, levels=day.problem.levels) == text


@given(rich_problems(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_every_plan_is_read_as_it_was_written(problem: DayProblem, chance: Any) -> None:  # noqa: ANN401
    orders: list[list[int]] = [[] for _ in problem.team_days]
    for index in range(len(problem.visits)):
        chance.choice(orders).append(index)
    plan = told_plan(problem, [tuple(order) for order in orders])
    read = read_plan(plan_text(plan), problem)
    assert replace(read.plan, method=plan.method) == plan


def test_equal_plans_are_equal_bytes_with_keys_in_order_and_one_end_of_line() -> None:
    text = plan_text(two_stops())
    assert text == plan_text(two_stops())
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")


def test_the_score_is_told_by_level_in_the_order_of_the_day() -> None:
    levels = (Level.DRIVING, *(one for one in Level if one is not Level.DRIVING))
    body = json.loads(plan_text(two_stops(), levels=levels))
    # there and back: 10 + 20 + 30 minutes
    first = {"level": "driving", "name": "移動", "numbers": {"drive_s": 3_600}}
    assert body["score"][0] == first
    assert [one["level"] for one in body["score"]] == list(levels)
    lines = list(score_lines(two_stops().score, DEFAULT_LEVELS))
    assert len(lines) == len(Level)
    assert "移動: drive_s 3,600" in lines


def test_an_order_made_by_hand_gets_its_times_its_score_and_no_violation() -> None:
    problem = two_visits()
    plan = read_plan(by_hand("a", "b"), problem).plan
    assert violations(problem, plan) == ()
    assert plan.routes == two_stops().routes
    assert plan.score == two_stops().score
    assert plan.method == "by hand"


def test_an_order_made_by_hand_that_breaks_a_promise_is_placed_and_told() -> None:
    # both promised at 9:30; 20 minutes apart and half an hour of work each
    window = TimeWindow(start_s=at("9:30"), end_s=at("9:40"))
    promised = [
        (visit(name, windows=(window,)), far) for name, far in (("a", 10), ("b", 30))
    ]
    problem = day_problem(promised)
    found = violations(problem, read_plan(by_hand("a", "b"), problem).plan)
    assert [(one.rule, one.visit_id) for one in found] == [(Rule.APPOINTMENT, "b")]


def test_visits_that_a_plan_made_by_hand_does_not_name_are_left_out() -> None:
    problem = two_visits()
    plan = read_plan(by_hand("b"), problem).plan
    assert [item.visit_id for item in plan.unassigned] == ["a"]
    assert violations(problem, plan) == ()


def test_stops_under_way_may_be_named_in_front_of_the_order() -> None:
    day = full_day()
    with_it = read_plan(by_hand("done", "before"), day.problem).plan
    without = read_plan(by_hand("before"), day.problem).plan
    assert with_it == without
    assert [stop.visit_id for stop in with_it.routes[0].stops] == ["done", "before"]


def test_a_plan_with_times_is_taken_as_it_is_and_what_is_wrong_is_told() -> None:
    problem, body = two_visits(), body_of(two_stops())
    body["routes"][0]["stops"][1]["start_s"] = "9:31"  # leaves "a" at 9:40
    body["routes"][0]["stops"][1]["arrive_s"] = "9:31"
    found = violations(problem, read_plan(json.dumps(body), problem).plan)
    assert {one.rule for one in found} == {Rule.TIME_TO_DRIVE, Rule.SERVICE_TIME}


def test_a_score_that_is_told_is_kept_so_that_it_can_be_checked() -> None:
    problem, body = two_visits(), body_of(two_stops())
    body["score"][4]["numbers"]["drive_s"] = 5
    plan = read_plan(json.dumps(body), problem).plan
    assert [one.rule for one in violations(problem, plan)] == [Rule.SCORE_TOLD]


def test_reasons_that_are_told_are_kept() -> None:
    left = {"visit_id": "b", "reason": "no_skill", "sentence": "資格"}
    plan = read_plan(by_hand("a", unassigned=[left]), two_visits()).plan
    assert plan.unassigned == (
        Unassigned(visit_id="b", reason=UnassignedReason.NO_SKILL, sentence="資格"),
    )


def test_a_plan_of_another_day_is_told_so() -> None:
    problem = two_visits()
    plan = read_plan(by_hand("a", "b", date="2026-11-25"), problem).plan
    assert [one.rule for one in violations(problem, plan)] == [Rule.DATE]


def test_teams_that_wait_for_each_other_are_placed_together_by_hand() -> None:
    # t1 is there at 9:10, t2 only at 9:40, after half an hour of other work: both then
    pair = visit("pair", num_teams=2)
    days = [team_day(), team_day(replace(team_day().team, id="t2"))]
    problem = day_problem([(pair, 10), (visit("other"), 10)], days=days)
    routes = [
        {"team_id": "t1", "visit_ids": ["pair"]},
        {"team_id": "t2", "visit_ids": ["other", "pair"]},
    ]
    text = json.dumps({"format": "kidohan-plan/1", "routes": routes})
    plan = read_plan(text, problem).plan
    assert violations(problem, plan) == ()
    assert plan.routes[0].stops[0].start_s == plan.routes[1].stops[1].start_s


@pytest.mark.parametrize(
    ("route", "field"),
    [
        ({"team_id": "t1"}, "routes.0"),
        ({"team_id": "t1", "visit_ids": ["a"], "stops": []}, "routes.0"),
        ({"team_id": "t1", "stops": []}, "routes.0.depart_s"),
        ({"team_id": "t1", "stops": [], "depart_s": "9:00"}, "routes.0.return_s"),
        ({"team_id": "t9", "visit_ids": []}, "routes.0.team_id"),
        ({"team_id": "t1", "visit_ids": ["z"]}, "routes.0.visit_ids"),
        ({"team_id": "t1", "visit_ids": [1]}, "routes.0.visit_ids.0"),
        ({"team_id": "t1", "order": []}, "routes.0.order"),
    ],
)
def test_a_route_that_cannot_be_read_is_told_with_its_path(
    route: Body, field: str
) -> None:
    text = json.dumps({"format": "kidohan-plan/1", "routes": [route]})
    with pytest.raises(InvalidInputError) as refused:
        read_plan(text, two_visits())
    assert refused.value.field == field


def test_a_score_with_a_number_missing_is_refused() -> None:
    body = body_of(two_stops())
    del body["score"][4]["numbers"]["drive_s"]
    with pytest.raises(InvalidInputError, match="score"):
        read_plan(json.dumps(body), two_visits())


def test_the_record_of_a_plan_without_one_is_none() -> None:
    assert read_plan(plan_text(two_stops()), two_visits()).record is None
