"""When service may begin at a visit, who may do it, and what a visit refuses to be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.team import Vehicle
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow, Visit
from tests.brute_force import first_start_s, may_begin
from tests.builders import MIN, at, team, visit
from tests.strategies import visits

UNTIL_S = at("18:00")


def window(start: str, end: str) -> TimeWindow:
    return TimeWindow(start_s=at(start), end_s=at(end))


def shut(start: str, end: str) -> ForbiddenHours:
    return ForbiddenHours(start_s=at(start), end_s=at(end))


def spans(one: Visit, service_s: int = 30 * MIN) -> list[tuple[int, int]]:
    return list(one.start_spans(service_s, UNTIL_S))


def test_with_no_demand_service_begins_at_any_time_of_the_day() -> None:
    assert spans(visit()) == [(0, UNTIL_S)]


def test_each_promised_time_is_a_span_of_its_own() -> None:
    one = visit(windows=(window("13:00", "14:00"), window("9:00", "10:00")))
    assert spans(one) == [(at("9:00"), at("10:00")), (at("13:00"), at("14:00"))]
    assert one.earliest_start_s() == at("9:00")


def test_release_lock_and_hard_due_time_cut_the_promise() -> None:
    one = visit(
        windows=(window("9:00", "12:00"),),
        release_s=at("9:30"),
        start_between=window("9:00", "11:30"),
        due_s=at("11:00"),
        hard_due=True,
    )
    assert spans(one) == [(at("9:30"), at("11:00"))]
    assert one.earliest_start_s() == at("9:30")


def test_a_due_time_that_is_not_hard_cuts_nothing() -> None:
    assert spans(visit(due_s=at("11:00"))) == [(0, UNTIL_S)]


def test_work_ends_when_forbidden_hours_begin_and_begins_when_they_end() -> None:
    # 30 minutes of work before 12:00 begin at 11:30 at the latest
    one = visit(forbidden=(shut("12:00", "13:00"),), release_s=at("9:00"))
    assert spans(one) == [(at("9:00"), at("11:30")), (at("13:00"), UNTIL_S)]


def test_a_promise_that_the_forbidden_hours_swallow_leaves_no_time() -> None:
    one = visit(
        windows=(window("12:00", "12:30"),), forbidden=(shut("11:00", "13:00"),)
    )
    assert spans(one) == []


@settings(max_examples=200, deadline=None)
@given(one=visits("v"), length=st.integers(1, 120))
def test_spans_hold_exactly_the_moments_that_every_rule_allows(
    one: Visit, length: int
) -> None:
    found = one.start_spans(length * MIN, UNTIL_S)
    assert list(found) == sorted(found)
    promise_s = max([UNTIL_S, *(window.end_s for window in one.windows)])
    for moment_s in range(0, promise_s + MIN, MIN):
        inside = any(a <= moment_s <= b for a, b in found)
        allowed = may_begin(one, length * MIN, moment_s) and moment_s <= UNTIL_S
        assert inside is allowed
    first_s = first_start_s(one, length * MIN, 0)
    expected_s = None if first_s is None or first_s > UNTIL_S else first_s
    assert min((a for a, _ in found), default=None) == expected_s


def test_a_team_takes_its_own_time_for_a_category_it_knows() -> None:
    quick = team(service_times=(("R01", 20 * MIN), ("W01", 50 * MIN)))
    assert visit(category_code="R01").service_for_s(quick) == 20 * MIN
    assert visit(category_code="E07").service_for_s(quick) == 30 * MIN


def test_lateness_counts_from_the_due_time() -> None:
    assert visit(due_s=at("9:00")).late_s(at("9:10")) == 10 * MIN
    assert visit(due_s=at("9:00")).late_s(at("8:50")) == 0
    assert visit().late_s(at("17:00")) == 0


@pytest.mark.parametrize(
    ("demand", "may"),
    [
        ({}, True),
        ({"allowed_office_ids": frozenset({"south"})}, False),
        ({"team_id": "t1"}, True),
        ({"team_id": "t2"}, False),
        ({"skills": frozenset({"sewer"})}, False),
        ({"crew": 3}, False),
        ({"load_kg": 501}, False),
        ({"max_width_cm": 148}, True),
        ({"max_width_cm": 147}, False),
        ({"vehicle_classes": frozenset({"軽", "普通"})}, True),
        ({"vehicle_classes": frozenset({"普通"})}, False),
        ({"materials": (("合材", 4),)}, True),
        ({"materials": (("合材", 5),)}, False),
        ({"materials": (("コーン", 1),)}, False),
    ],
)
def test_a_team_may_go_where_its_people_and_vehicle_suffice(
    demand: dict[str, Any],
    may: bool,  # noqa: FBT001 - a row of the table
) -> None:
    vehicle = Vehicle(
        name="軽トラック",
        load_kg=500,
        materials=(("合材", 4),),
        width_cm=148,
        vehicle_class="軽",
    )
    assert visit(**demand).allows(team(vehicle=vehicle)) is may


def test_a_vehicle_of_unknown_width_passes_no_limit() -> None:
    assert not visit(max_width_cm=300).allows(team())


@pytest.mark.parametrize(
    "wrong",
    [
        {"service_s": 0},
        {"num_teams": 0},
        {"crew": 0},
        {"load_kg": -1},
        {"materials": (("合材", -1),)},
        {"hard_due": True},
    ],
)
def test_a_visit_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        visit(**wrong)


def test_hours_that_end_before_they_begin_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        window("10:00", "9:59")
    with pytest.raises(InvalidInputError):
        shut("10:00", "10:00")
    with pytest.raises(InvalidInputError):
        After(visit_id="a", gap_s=-1)
