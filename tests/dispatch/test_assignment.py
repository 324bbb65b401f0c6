"""Assignment: three policies, ties, runner-up, missing skills, sharing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dispatch.domain.assignment import (
    Assignment,
    AssignmentPolicy,
    Jurisdiction,
    OnDuty,
    SharingPolicy,
    allowed_offices,
    assign,
)
from dispatch.domain.team import MobileTeam
from dispatch.domain.travel import TravelLevel, level_text
from tests.builders import category, office, team, town

NEAREST = AssignmentPolicy.NEAREST
OWN_WARD = AssignmentPolicy.JURISDICTION
THEN_NEAREST = AssignmentPolicy.JURISDICTION_THEN_NEAREST
SEWER = category("W01", skills=frozenset({"sewer"}))


def on_duty(
    travel_min: dict[str, int],
    *,
    load_s: dict[str, int] | None = None,
    teams: tuple[MobileTeam, ...] | None = None,
    level: TravelLevel = TravelLevel.ROAD,
) -> OnDuty:
    where = town()
    return OnDuty(
        offices=where.offices,
        teams=where.teams if teams is None else teams,
        travel_s={office_id: 60 * minutes for office_id, minutes in travel_min.items()},
        load_s=load_s or {},
        travel_levels=dict.fromkeys(travel_min, level),
    )


def assigned(
    duty: OnDuty,
    policy: AssignmentPolicy,
    *,
    responsible: str | None = None,
    sewer: bool = False,
) -> Assignment:
    found = assign(
        SEWER if sewer else category(),
        duty,
        policy=policy,
        responsible_office_id=responsible,
    )
    assert found is not None
    return found


TRAVEL = {"north": 12, "south": 5, "east": 9}


def test_nearest_takes_the_least_travel_and_names_the_runner_up() -> None:
    found = assigned(on_duty(TRAVEL), NEAREST, responsible="north")
    assert (found.office_id, found.team_id, found.travel_s) == ("south", "s1", 300)
    assert (found.runner_up_office_id, found.runner_up_travel_s) == ("east", 540)
    assert found.reason == (
        "最も近いsouth工営所(約5分[推定(道路)])。"
        "次点はeast工営所(約9分[推定(道路)])。"
        "技能のそろう機動班s1を最初の候補にしました。"
    )
    assert (found.policy, found.by) == ("nearest", "rule")


def test_a_tie_in_travel_goes_to_the_first_office_by_id() -> None:
    found = assigned(on_duty({"north": 5, "south": 5, "east": 5}), NEAREST)
    assert (found.office_id, found.runner_up_office_id) == ("east", "north")


def test_jurisdiction_takes_the_wards_office_even_if_farther() -> None:
    found = assigned(on_duty(TRAVEL), OWN_WARD, responsible="north")
    assert found.office_id == "north"
    assert found.reason.startswith("この区を担当するnorth工営所(約12分[推定(道路)])")
    assert found.runner_up_office_id == "south"


def test_jurisdiction_keeps_the_office_when_no_team_of_it_has_the_skill() -> None:
    found = assigned(on_duty(TRAVEL), OWN_WARD, responsible="south", sewer=True)
    assert (found.office_id, found.team_id) == ("south", None)
    assert "必要な技能・人数・積載のそろう班が今日は出勤していません" in found.reason


def test_jurisdiction_then_nearest_falls_back_to_an_able_office() -> None:
    found = assigned(on_duty(TRAVEL), THEN_NEAREST, responsible="south", sewer=True)
    # the south has no sewer team; the east (9 min) is nearer than the north (12 min)
    assert (found.office_id, found.team_id) == ("east", "e1")
    assert "担当のsouth工営所には対応できる班がありません" in found.reason
    assert found.runner_up_office_id == "south"


def test_jurisdiction_then_nearest_stays_when_the_office_is_able() -> None:
    found = assigned(on_duty(TRAVEL), THEN_NEAREST, responsible="north", sewer=True)
    assert (found.office_id, found.team_id) == ("north", "n2")


def test_jurisdiction_then_nearest_stays_when_no_office_is_able() -> None:
    duty = on_duty(TRAVEL, teams=(team("n1"),))
    found = assigned(duty, THEN_NEAREST, responsible="south", sewer=True)
    assert (found.office_id, found.team_id) == ("south", None)


@pytest.mark.parametrize("policy", AssignmentPolicy)
@pytest.mark.parametrize("responsible", [None, "elsewhere"])
def test_a_ward_that_no_office_answers_for_goes_to_the_nearest(
    policy: AssignmentPolicy, responsible: str | None
) -> None:
    assert (
        assigned(on_duty(TRAVEL), policy, responsible=responsible).office_id == "south"
    )


def test_the_team_with_the_least_work_comes_first_and_ties_go_by_id() -> None:
    north = {"north": 1}
    assert assigned(on_duty(north), NEAREST).team_id == "n1"
    loaded = on_duty(north, load_s={"n1": 1})
    assert assigned(loaded, NEAREST).team_id == "n2"
    both = on_duty(north, load_s={"n1": 60, "n2": 60})
    assert assigned(both, NEAREST).team_id == "n1"


def test_an_office_alone_has_no_runner_up() -> None:
    found = assigned(on_duty({"north": 1}), NEAREST)
    assert found.runner_up_office_id is None
    assert found.runner_up_travel_s is None
    assert "次点" not in found.reason


@pytest.mark.parametrize("level", TravelLevel)
def test_travel_of_any_level_is_marked_as_an_estimate(level: TravelLevel) -> None:
    found = assigned(on_duty(TRAVEL, level=level), NEAREST)
    assert f"約5分[{level_text(level)}]" in found.reason
    assert f"約9分[{level_text(level)}]" in found.reason


def test_each_time_carries_the_mark_of_its_own_level() -> None:
    levels = {"south": TravelLevel.ROAD, "east": TravelLevel.STRAIGHT_LINE}
    duty = on_duty({"south": 5, "east": 9})
    found = assigned(replace(duty, travel_levels=levels), NEAREST)
    assert "south工営所(約5分[推定(道路)])" in found.reason
    assert "east工営所(約9分[推定(直線)])" in found.reason


def test_nobody_on_duty_gives_no_assignment() -> None:
    nobody = on_duty({})
    assert (
        assign(category(), nobody, policy=NEAREST, responsible_office_id=None) is None
    )


def test_sharing_says_whose_teams_may_serve() -> None:
    offices = town().offices
    north, south = offices[0], offices[1]
    assert allowed_offices(north, SharingPolicy.OWN, offices) == {"north"}
    assert allowed_offices(north, SharingPolicy.NEIGHBOURS, offices) == {
        "north",
        "east",
    }
    assert allowed_offices(south, SharingPolicy.NEIGHBOURS, offices) == {"south"}
    assert allowed_offices(south, SharingPolicy.ALL, offices) == {
        "north",
        "south",
        "east",
    }
    assert office().neighbour_ids == ()


def test_a_jurisdiction_holds_from_its_first_day_until_before_its_last() -> None:
    row = Jurisdiction(
        ward_code="27127",
        office_id="north",
        valid_from=dt.date(2026, 4, 1),
        valid_to=dt.date(2027, 4, 1),
    )
    assert not row.holds_on(dt.date(2026, 3, 31))
    assert row.holds_on(dt.date(2026, 4, 1))
    assert row.holds_on(dt.date(2027, 3, 31))
    assert not row.holds_on(dt.date(2027, 4, 1))
