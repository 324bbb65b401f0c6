"""Problems as JSON: whatever a plan is made from comes back as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings

from dispatch.adapters.problem_codec import (
    alone,
    day_json,
    day_of_json,
    orders_of_ids,
    travel_json,
)
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.plan import Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from dispatch.domain.travel import RestrictedTravel, TravelMatrix
from dispatch.domain.visit import Visit
from dispatch.prepared_day import PreparedDay
from tests.builders import day_problem, visit
from tests.full_day import full_day
from tests.problem_strategies import rich_problems
from tests.strategies import problems

TOLD_ELSEWHERE = {"visits_by_id"}  # worked out again from the visits


def parts(value: object) -> Iterator[object]:
    """Every dataclass in a value, itself too."""
    if is_dataclass(value) and not isinstance(value, type):
        yield value
        for one in fields(value):
            yield from parts(getattr(value, one.name))
    if isinstance(value, tuple):
        for one in value:
            yield from parts(one)


def assert_same(one: PreparedDay, other: PreparedDay) -> None:
    for name in ("on_hold", "first_team_ids", "names", "orders_in_force"):
        assert getattr(one, name) == getattr(other, name), name
    for field in fields(DayProblem):
        if field.name not in {"travel", *TOLD_ELSEWHERE}:
            ours = getattr(one.problem, field.name)
            assert ours == getattr(other.problem, field.name), field.name
    assert_same_travel(one.problem.travel, other.problem.travel)


def assert_same_travel(
    one: TravelMatrix | RestrictedTravel, other: TravelMatrix | RestrictedTravel
) -> None:
    """Compare field by field: matrices are not equal by themselves."""
    for field in fields(one):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(ours, np.ndarray):
            assert (ours == theirs).all()
            assert theirs.dtype == np.int64
        elif isinstance(ours, RestrictedTravel):
            assert_same_travel(ours, theirs)
        else:
            assert ours == theirs, field.name


def test_a_day_with_every_field_set_comes_back_as_it_was() -> None:
    day = full_day()
    read = day_of_json(day_json(day))
    assert_same(day, read)
    assert day_json(read) == day_json(day)


@pytest.mark.parametrize(
    "kind", [Visit, MobileTeam, Vehicle, Shift, Lunch, TeamDay, Stop, TravelMatrix]
)
def test_the_day_with_every_field_set_leaves_no_field_as_it_is_by_default(
    kind: type,
) -> None:
    problem = full_day().problem
    made = [one for one in parts(problem) if isinstance(one, kind)]
    assert made
    for field in fields(kind):
        if field.default is not MISSING:
            assert any(getattr(one, field.name) != field.default for one in made), field


@given(problems(timed=True))
@settings(max_examples=40)
def test_every_day_comes_back_as_it_was(problem: DayProblem) -> None:
    day = alone(problem)
    text = day_json(day)
    read = day_of_json(text)
    assert_same(day, read)
    assert day_json(read) == text


@given(rich_problems())
@settings(max_examples=40)
def test_every_day_with_all_rules_comes_back_as_it_was(problem: DayProblem) -> None:
    assert_same(alone(problem), day_of_json(day_json(alone(problem))))


def test_names_in_a_set_are_written_in_one_order_whatever_the_hash_seed() -> None:
    names = frozenset({"a", "b", "c", "d", "e", "f"})
    body = json.loads(day_json(alone(day_problem([(visit(skills=names), 5)]))))
    assert body["visits"][0]["skills"] == ["a", "b", "c", "d", "e", "f"]


def test_a_material_named_twice_is_refused_and_not_lost() -> None:
    doubled = visit(materials=(("土のう", 1), ("土のう", 2)))
    with pytest.raises(InvalidInputError, match="materials"):
        day_json(alone(day_problem([(doubled, 5)])))


@pytest.mark.parametrize(
    "text", ["", "{}", "[1", '{"travel": {}}', day_json(full_day()).replace('"A"', "7")]
)
def test_a_text_of_another_layout_is_a_damaged_source(text: str) -> None:
    with pytest.raises(SourceError, match="kidohan-problem/1"):
        day_of_json(text)


def test_a_broken_rule_is_told_with_its_path() -> None:
    body = json.loads(day_json(full_day()))
    body["visits"][1]["service_s"] = 0
    with pytest.raises(InvalidInputError) as refused:
        day_of_json(json.dumps(body))
    assert refused.value.field == "visits.1.service_s"


def test_a_matrix_with_a_short_row_is_refused() -> None:
    body = json.loads(day_json(full_day()))
    body["travel"]["restricted"]["distance_m"][2].pop()
    with pytest.raises(InvalidInputError) as refused:
        day_of_json(json.dumps(body))
    assert refused.value.field == "travel.restricted.distance_m"


def test_orders_name_each_team_once_and_only_visits_of_the_day() -> None:
    problem = day_problem([(visit("a"), 5), (visit("b"), 9)])
    assert orders_of_ids(problem, [], path="routes") == ((),)
    told = {"team_id": "t1", "visit_ids": ["b", "a"]}
    assert orders_of_ids(problem, [told], path="routes") == ((1, 0),)
    for routes in (
        [told, told],
        [{"team_id": "nobody", "visit_ids": []}],
        [{"team_id": "t1", "visit_ids": ["c"]}],
    ):
        with pytest.raises(InvalidInputError, match="routes"):
            orders_of_ids(problem, routes, path="routes")


def test_the_text_of_a_matrix_does_not_depend_on_how_it_lies_in_memory() -> None:
    travel = full_day().problem.travel
    turned = replace(
        travel,
        duration_s=np.asfortranarray(travel.duration_s),
        distance_m=np.asfortranarray(travel.distance_m),
    )
    assert travel_json(turned) == travel_json(travel)
