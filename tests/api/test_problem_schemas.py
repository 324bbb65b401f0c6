"""PROBLEM.json: the stored layout is read, people may write less, slips are named."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from api import json_files, problem_schemas
from api.json_files import Layout, read_file, write_text
from api.problem_schemas import (
    AfterIn,
    HeldIn,
    LunchIn,
    PeriodIn,
    PlaceIn,
    RestrictedIn,
    ShiftIn,
    SpanIn,
    StopIn,
    TeamDayIn,
    TeamIn,
    TravelIn,
    VehicleIn,
    VisitIn,
    read_problem,
)
from dispatch.adapters.problem_codec import alone, day_json
from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.plan import Stop, Unassigned
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Lunch, MobileTeam, Shift, Vehicle
from dispatch.domain.travel import RestrictedTravel, TrafficPeriod, TravelMatrix
from dispatch.domain.visit import After, TimeWindow, Visit
from dispatch.ports import TravelTimes
from dispatch.prepared_day import PreparedDay
from tests.builders import StraightTravel, at
from tests.full_day import full_day
from tests.problem_strategies import rich_problems
from tests.strategies import problems
from tools.write_schemas import schemas

Body = dict[str, Any]

# What a person writes by hand: no matrix, times of the clock, what is usual left out.
SMALL = """
{
  "format": "kidohan-problem/1",
  "date": "2026-11-24",
  "team_days": [
    {"team": {"id": "t1", "office_id": "north", "name": "機動班1", "crew_size": 2,
              "vehicle": {"load_kg": 350}, "base": {"lon": 135.5, "lat": 34.7},
              "shift": {"start_s": "9:00", "end_s": "17:30",
                        "lunch": {"nominal_s": "12:00", "duration_s": 2700,
                                  "earliest_s": "11:30", "latest_end_s": "13:30"}}}}
  ],
  "visits": [
    {"id": "a", "urgency": "A", "place": {"lon": 135.51, "lat": 34.7},
     "service_s": 1800, "office_id": "north",
     "windows": [{"start_s": "9:05", "end_s": 39600}]},
    {"id": "b", "urgency": "C", "place": {"lon": 135.5, "lat": 34.7},
     "service_s": 600, "office_id": "north"}
  ]
}
"""


def no_travel() -> TravelTimes:
    message = "nobody should ask"
    raise AssertionError(message)


def read(body: Body) -> PreparedDay:
    return read_problem(json.dumps(body), no_travel)


def full_body() -> Body:
    body: Body = json.loads(day_json(full_day()))
    return body


def test_a_day_with_every_field_set_is_read_as_it_was_written() -> None:
    text = day_json(full_day())
    assert day_json(read_problem(text, no_travel)) == text


@given(problems(timed=True))
@settings(max_examples=30)
def test_every_day_is_read_as_it_was_written(problem: DayProblem) -> None:
    text = day_json(alone(problem))
    assert day_json(read_problem(text, no_travel)) == text


@given(rich_problems())
@settings(max_examples=30)
def test_every_day_with_all_rules_is_read_as_it_was_written(
    problem: DayProblem,
) -> None:
    text = day_json(alone(problem))
    assert day_json(read_problem(text, no_travel)) == text


@pytest.mark.parametrize(
    ("layout", "kind", "more"),
    [
        (VisitIn, Visit, {"node"}),
        (TeamIn, MobileTeam, set()),
        (TeamDayIn, TeamDay, set()),
        (VehicleIn, Vehicle, set()),
        (ShiftIn, Shift, set()),
        (LunchIn, Lunch, set()),
        (StopIn, Stop, set()),
        (SpanIn, TimeWindow, set()),
        (AfterIn, After, set()),
        (PlaceIn, LonLat, set()),
        (HeldIn, Unassigned, set()),
        (PeriodIn, TrafficPeriod, set()),
        (TravelIn, TravelMatrix, set()),
        (RestrictedIn, RestrictedTravel, set()),
    ],
)
def test_the_layout_has_the_fields_of_the_domain(
    layout: type[Layout], kind: type, more: set[str]
) -> None:
    ours = {one.name for one in fields(kind) if one.init}
    assert set(layout.model_fields) == ours | more


def test_a_day_written_by_hand_gets_straight_lines_and_what_is_usual() -> None:
    travel = StraightTravel()
    day = read_problem(SMALL, lambda: travel)
    problem, (team_day,) = day.problem, day.problem.team_days
    # "b" lies at the yard: two places, and the yard is the first of them
    assert (len(problem.travel), problem.visit_nodes) == (2, (1, 0))
    assert (team_day.start_node, team_day.end_node) == (0, 0)
    assert team_day.free_from_s == at("9:00")
    assert team_day.team.shift.lunch is not None
    first, second = problem.visits
    assert first.windows == (TimeWindow(start_s=at("9:05"), end_s=at("11:00")),)
    assert first.allowed_office_ids == second.allowed_office_ids == {"north"}
    assert travel.asked == 1
    assert (day.orders_in_force, day.on_hold) == (None, ())


def changed(path: str, value: object) -> Body:
    """Full day with one thing put at a path, taken away when it is ..."""
    body = full_body()
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    where: Any = body
    for step in steps:
        where = where[step]
    if value is ...:
        del where[last]
    else:
        where[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "field", "sentence"),
    [
        ("format", "kidohan-problem/2", "format", "kidohan-problem/1"),
        ("date", "24 Nov", "date", "2026-11-24"),
        ("visits.1.service_s", ..., "visits.1.service_s", "必要な項目"),
        ("visits.1.service_s", 0, "visits.1.service_s", "0より大きい"),
        ("visits.1.service_s", 90.5, "visits.1.service_s", "整数"),
        ("visits.1.service_s", "90", "visits.1.service_s", "整数"),
        ("visits.1.service_s", True, "visits.1.service_s", "整数"),
        ("visits.1.colour", "red", "visits.1.colour", "知らない項目"),
        ("visits.1.id", "", "visits.1.id", "空にはできません"),
        ("visits.1.id", 5, "visits.1.id", "文字列"),
        ("visits.1.id", "x" * 121, "visits.1.id", "120文字"),
        ("visits.1.id", "before", "visits", "2回"),
        ("visits.1.urgency", "Z", "visits.1.urgency", "一覧にない"),
        ("visits.1.place.lat", 91, "visits.1.place.lat", "以下"),
        ("visits.1.crew", 0, "visits.1.crew", "1以上"),
        ("visits.1.load_kg", -1, "visits.1.load_kg", "0以上"),
        ("visits.1.hard_due", 1, "visits.1.hard_due", "true"),
        ("visits.1.due_s", None, "visits.1.hard_due", "時刻がありません"),
        ("visits.1.due_s", "9.05", "visits.1.due_s", "9:05"),
        ("visits.1.due_s", "9:65", "visits.1.due_s", "9:05"),
        ("visits.1.due_s", 10**9, "visits.1.due_s", "以下"),
        ("visits.1.windows.0.end_s", "9:59", "visits.1.time window", "前です"),
        ("visits.1.forbidden.0.end_s", "7:30", "visits.1.forbidden hours", "前です"),
        ("visits.1.skills", "sewer", "visits.1.skills", "並び"),
        ("visits.1.materials", ["a"], "visits.1.materials", "項目の集まり"),
        ("visits.1.place", 1, "visits.1.place", "項目の集まり"),
        ("visits.1.node", ..., "visits.1.node", "必要です"),
        ("visits.1.node", 4, "nodes", "外を指しています"),
        ("visits.1.node", -1, "visits.1.node", "0以上"),
        ("visits.0.after", [{"visit_id": "full"}], "after", "循環"),
        ("team_days.0.start_node", ..., "team_days.0.start_node", "必要です"),
        ("team_days.0.team.shift.end_s", "8:00", "team_days.0.shift", "勤務時間"),
        ("team_days", None, "team_days", "並び"),
        ("travel.duration_s.1.1", 5, "travel matrix", "対角"),
        ("travel.duration_s.1.2", -5, "travel.duration_s.1.2", "0以上"),
        ("travel.duration_s.1.2", 864_001, "travel.duration_s.1.2", "864000以下"),
        ("travel.duration_s.1.2", 1.5, "travel.duration_s.1.2", "整数"),
        ("travel.duration_s.1", [0], "travel.duration_s", "同じ表"),
        ("travel.distance_m", [], "travel matrix", "形"),
        ("travel.place_levels", ["road"], "travel matrix", "そろいません"),
        ("travel.traffic.0.start_s", 60, "traffic", "0時から"),
        ("travel.traffic.0.factor", 0, "travel.traffic.0.factor", "大きい"),
        ("travel.restricted.windows", [[0, 0]], "windows", "早い順"),
        ("travel.restricted.windows", [0], "travel.restricted.windows.0", "並び"),
        ("levels", ["driving"], "levels", "1回ずつ"),
        ("in_force", [{"team_id": "t9", "visit_ids": []}], "in_force.0.team_id", "班"),
        ("tools", {"高所作業車": -1}, "tools.高所作業車", "0以上"),
        ("travel", None, "team_days.0.committed", "node"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(
    path: str, value: object, field: str, sentence: str
) -> None:
    body = changed(path, value)
    with pytest.raises(InvalidInputError) as refused:
        read(body)
    assert refused.value.field == field
    assert sentence in refused.value.problem


def test_nodes_without_a_matrix_mean_nothing_and_are_refused() -> None:
    body = json.loads(SMALL)
    body["visits"][1]["node"] = 3
    with pytest.raises(InvalidInputError) as refused:
        read(body)
    assert (refused.value.field, refused.value.problem) == (
        "visits.1.node",
        "travel がないときは書けません",
    )


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("34.7}", "NaN}"),
        SMALL.replace("34.7}", "Infinity}"),
        SMALL.replace("34.7}", "1e999}"),
        SMALL.replace("1800", "1" * 400),
        SMALL[:300],
        "[" * 5_000,
        "[]",
        "",
    ],
)
def test_broken_json_and_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_problem(text, StraightTravel)


def test_too_many_visits_and_teams_are_refused_before_they_are_planned() -> None:
    body = json.loads(SMALL)
    body["visits"] = [{**body["visits"][1], "id": str(i)} for i in range(3_001)]
    with pytest.raises(InvalidInputError) as refused:
        read(body)
    assert (refused.value.field, "3000" in refused.value.problem) == ("visits", True)
    body = json.loads(SMALL)
    body["team_days"] *= 201
    with pytest.raises(InvalidInputError, match="team_days"):
        read(body)


def test_a_value_that_was_refused_is_never_repeated() -> None:
    secret = "06-1234-5678"  # noqa: S105 - somebody put a telephone number there
    with pytest.raises(InvalidInputError) as refused:
        read(changed("visits.1.due_s", secret))
    assert secret not in str(refused.value)


def test_files_are_written_whole_and_what_cannot_be_read_is_a_bad_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plan.json"
    write_text(file, "計画")
    assert read_file(file).decode() == "計画"
    assert [one.name for one in tmp_path.iterdir()] == ["plan.json"]
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(tmp_path / "none.json")
    with pytest.raises(SourceError, match="cannot be written"):
        write_text(tmp_path / "none" / "plan.json", "")
    monkeypatch.setattr(json_files, "MAX_BYTES", 5)
    with pytest.raises(InvalidInputError, match="5バイト"):
        read_file(file)


def test_the_published_schemas_are_those_of_the_code() -> None:
    for path, text in schemas().items():
        told = f"{path.name} is stale: run python -m tools.write_schemas"
        assert path.read_text(encoding="utf-8") == text, told


def test_the_schema_says_that_a_time_is_a_number_or_a_clock() -> None:
    schema = problem_schemas.ProblemIn.model_json_schema()
    due = schema["$defs"]["VisitIn"]["properties"]["due_s"]["anyOf"][0]
    kinds = [one["type"] for one in due["anyOf"]]
    assert kinds == ["integer", "string"]
