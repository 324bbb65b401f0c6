"""VROOM's JSON: read as a day of ours, answered in its form, and judged by VROOM."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from api.vroom_format import VroomDay, read_vroom
from api.vroom_writing import plan_mode_text, vroom_text
from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.improve import repaired
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.told_plan import told_plan
from dispatch.domain.travel import TravelLevel
from dispatch.domain.visit import ForbiddenHours, TimeWindow
from dispatch.ports import TravelTimes
from tests.builders import StraightTravel, at, day_problem, shift, team, team_day, visit
from tests.full_day import full_day
from tests.strategies import problems

Body = dict[str, Any]


def no_travel() -> TravelTimes:
    message = "nobody should ask"
    raise AssertionError(message)


def given_body(**more: object) -> Body:
    """One vehicle with a break, two jobs; ten minutes a leg, fifteen to the second."""
    body: Body = {
        "vehicles": [
            {
                "id": 7,
                "description": "truck",
                "start_index": 0,
                "end_index": 0,
                "capacity": [4],
                "skills": [1],
                "time_window": [0, 10_000],
                "breaks": [{"id": 3, "service": 300, "time_windows": [[500, 3_000]]}],
            }
        ],
        "jobs": [
            {
                "id": 10,
                "location_index": 1,
                "setup": 20,
                "service": 300,
                "delivery": [1],
                "skills": [1],
                "time_windows": [[2_000, 3_600]],
                "priority": 10,
            },
            {"id": 20, "location_index": 2, "service": 300, "pickup": [2]},
        ],
        "matrices": {
            "car": {
                "durations": [[0, 600, 900], [600, 0, 400], [900, 400, 0]],
                "distances": [[0, 6_000, 9_000], [6_000, 0, 4_000], [9_000, 4_000, 0]],
            }
        },
    }
    return {**body, **more}


def read(body: Body) -> VroomDay:
    return read_vroom(json.dumps(body), no_travel)


def planned(problem: DayProblem) -> Plan:
    """Plan by insertion alone."""
    orders = repaired(DayScheduler(problem), [() for _ in problem.team_days])
    return told_plan(problem, orders)


def answered(body: Body) -> Body:
    vroom = read(body)
    plan = planned(vroom.day.problem)
    assert violations(vroom.day.problem, plan) == ()
    answer: Body = json.loads(vroom_text(vroom, plan, solving_ms=5))
    return answer


def test_a_problem_of_vroom_is_a_day_of_ours() -> None:
    problem = read(given_body()).day.problem
    (day,), (first, second) = problem.team_days, problem.visits
    assert (first.id, first.service_s, first.skills) == (
        "10",
        320,
        frozenset({"1"}),
    )
    assert first.windows == (TimeWindow(start_s=2_000, end_s=3_600),)
    assert (first.materials, second.materials) == ((("0", 1),), (("0", 2),))
    assert (first.urgency, second.urgency) == (Urgency.B, Urgency.C)
    assert (day.team.id, day.team.name) == ("7", "truck")
    lunch = day.team.shift.lunch
    assert lunch is not None
    # the break begins by 3,000, so a lunch of 300 ends by 3,300
    assert (lunch.earliest_s, lunch.latest_end_s) == (500, 3_300)
    assert problem.visit_nodes == (1, 2)
    assert problem.travel.duration_s[1, 2] == 400


@pytest.mark.parametrize(
    ("priority", "urgency"),
    [
        (0, Urgency.C),
        (1, Urgency.B),
        (33, Urgency.B),
        (34, Urgency.A),
        (66, Urgency.A),
        (67, Urgency.S),
        (100, Urgency.S),
    ],
)
def test_priority_is_one_of_four_classes(priority: int, urgency: Urgency) -> None:
    body = given_body()
    body["jobs"][0]["priority"] = priority
    assert read(body).day.problem.visits[0].urgency is urgency


def test_the_answer_has_steps_in_time_with_the_break_and_the_load() -> None:
    answer = answered(given_body())
    (route,) = answer["routes"]
    steps = [
        (one["type"], one["arrival"], one["waiting_time"], one["duration"], one["load"])
        for one in route["steps"]
    ]
    # Off at 0 to job 20: there at 900, when the break may have begun; eats there until
    # 1,200 and works until 1,500. Job 10 is 400 further, 1,900, and opens at 2,000.
    assert steps == [
        ("start", 0, 0, 0, [1]),
        ("break", 900, 0, 900, [1]),
        ("job", 1_200, 0, 900, [3]),
        ("job", 1_900, 100, 1_300, [2]),
        ("end", 2_920, 0, 1_900, [2]),
    ]
    assert [one.get("id") for one in route["steps"]] == [None, 3, 20, 10, None]
    assert [one["service"] for one in route["steps"]] == [0, 300, 300, 300, 0]
    assert [one["setup"] for one in route["steps"]] == [0, 0, 0, 20, 0]
    assert (route["vehicle"], route["description"]) == (7, "truck")
    assert answer["summary"] == {
        "routes": 1,
        "unassigned": 0,
        "cost": 1_900,
        "setup": 20,
        "service": 900,
        "duration": 1_900,
        "waiting_time": 100,
        "priority": 10,
        "distance": 19_000,
        "delivery": [1],
        "pickup": [2],
        "violations": [],
        "computing_times": {"loading": 0, "solving": 5, "routing": 0},
    }
    assert (answer["code"], answer["unassigned"]) == (0, [])


def test_a_break_before_a_drive_is_taken_where_the_team_stands() -> None:
    body = given_body(jobs=[given_body()["jobs"][0]])
    body["vehicles"][0]["breaks"][0]["time_windows"] = [[0, 0]]
    (route,) = answered(body)["routes"]
    kinds = [(one["type"], one["arrival"], one["duration"]) for one in route["steps"]]
    # eats 0-300, drives 600, waits for 2,000, works 320, drives 600
    assert kinds == [
        ("start", 0, 0),
        ("break", 0, 0),
        ("job", 900, 600),
        ("end", 2_920, 1_200),
    ]


def test_a_break_after_the_last_job_stands_before_the_end() -> None:
    body = given_body(jobs=[given_body()["jobs"][1]])
    body["vehicles"][0]["breaks"][0]["time_windows"] = [[2_500, 3_000]]
    (route,) = answered(body)["routes"]
    kinds = [
        (one["type"], one["arrival"], one["waiting_time"]) for one in route["steps"]
    ]
    # back at 900 + 300 + 900 = 2,100, waits for 2,500, eats until 2,800
    assert kinds == [
        ("start", 0, 0),
        ("job", 900, 0),
        ("break", 2_100, 400),
        ("end", 2_800, 0),
    ]


def test_what_is_left_out_is_told_with_its_place() -> None:
    body = given_body()
    body["jobs"][0]["skills"] = [9]
    body["jobs"][0]["description"] = "pump"
    answer = answered(body)
    job = {"id": 10, "type": "job", "location_index": 1, "description": "pump"}
    assert answer["unassigned"] == [job]
    assert answer["summary"]["unassigned"] == 1


def test_a_vehicle_without_jobs_has_no_route() -> None:
    answer = answered(given_body(jobs=[]))
    assert (answer["routes"], answer["summary"]["routes"]) == ([], 0)


def test_deliveries_and_pickups_together_fill_the_vehicle() -> None:
    body = given_body()
    body["vehicles"][0]["capacity"] = [2]
    assert answered(body)["summary"]["unassigned"] == 1


def test_real_timestamps_come_back_as_they_were_sent() -> None:
    day_s = 1_795_478_400  # midnight UTC of 24 November 2026
    body = given_body()
    vehicle = body["vehicles"][0]
    vehicle["time_window"] = [day_s, day_s + 10_000]
    vehicle["breaks"][0]["time_windows"] = [[day_s + 500, day_s + 3_000]]
    body["jobs"][0]["time_windows"] = [[day_s + 2_000, day_s + 3_600]]
    assert read(body).offset_s == day_s
    (route,) = answered(body)["routes"]
    arrivals = [one["arrival"] - day_s for one in route["steps"]]
    assert arrivals == [0, 900, 1_200, 1_900, 2_920]


def test_routes_may_begin_or_end_anywhere() -> None:
    body = given_body(jobs=[given_body()["jobs"][1]])
    vehicle = body["vehicles"][0]
    del vehicle["end_index"], vehicle["breaks"]
    (route,) = answered(body)["routes"]
    assert [one["arrival"] for one in route["steps"]] == [0, 900, 1_200]
    vehicle["end_index"] = vehicle.pop("start_index")
    (route,) = answered(body)["routes"]
    assert [one["arrival"] for one in route["steps"]] == [0, 0, 1_200]


def test_a_job_without_service_takes_a_second_and_hours_may_be_left_out() -> None:
    body = given_body(jobs=[{"id": 1, "location_index": 1}])
    body["vehicles"] = [{"id": 1, "start_index": 0, "end_index": 0}]
    (route,) = answered(body)["routes"]
    assert [one["arrival"] for one in route["steps"]] == [0, 600, 1_201]
    assert route["delivery"] == []


def test_what_is_not_kept_may_stand_there_empty() -> None:
    body = given_body(shipments=[])
    body["vehicles"][0] |= {"speed_factor": 1, "steps": [], "costs": {}}
    del body["matrices"]["car"]["distances"]
    assert answered(body)["summary"]["distance"] == 0


def test_places_without_matrices_get_straight_lines() -> None:
    travel = StraightTravel()
    body = {
        "vehicles": [{"id": 1, "start": [135.5, 34.7], "end": [135.5, 34.7]}],
        "jobs": [{"id": 1, "location": [135.51, 34.7], "service": 60}],
    }
    vroom = read_vroom(json.dumps(body), lambda: travel)
    assert vroom.day.problem.travel.level is TravelLevel.STRAIGHT_LINE
    assert (travel.asked, vroom.day.problem.visit_nodes) == (1, (1,))
    plan = planned(vroom.day.problem)
    (route,) = json.loads(vroom_text(vroom, plan, solving_ms=0))["routes"]
    assert route["steps"][1]["location"] == [135.51, 34.7]
    assert route["distance"] > 1_800


def altered(path: str, value: object) -> Body:
    body = given_body()
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    where: Any = body
    for step in steps:
        where = where[step]
    where[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "field", "sentence"),
    [
        ("shipments", [{}], "shipments", "集荷"),
        ("vehicles", [], "vehicles", "足りません"),
        ("vehicles.0.max_tasks", 3, "vehicles.0.max_tasks", "訪問数"),
        ("vehicles.0.max_travel_time", 3, "vehicles.0.max_travel_time", "移動時間"),
        ("vehicles.0.max_distance", 3, "vehicles.0.max_distance", "移動距離"),
        ("vehicles.0.costs", {"fixed": 1}, "vehicles.0.costs", "費用"),
        ("vehicles.0.type", "van", "vehicles.0.type", "種別"),
        ("vehicles.0.steps", [{"type": "start"}], "vehicles.0.steps", "経路"),
        ("vehicles.0.speed_factor", 1.5, "vehicles.0.speed_factor", "係数"),
        (
            "vehicles.0.breaks",
            [{"id": 1, "service": 60, "time_windows": [[0, 9]]}] * 2,
            "vehicles.0.breaks",
            "1回",
        ),
        (
            "vehicles.0.breaks.0.time_windows",
            [[0, 9], [20, 30]],
            "vehicles.0.breaks.0.time_windows",
            "1つ",
        ),
        (
            "vehicles.0.breaks.0.time_windows",
            [[900, 500]],
            "vehicles.0.lunch",
            "昼休み",
        ),
        ("vehicles.0.breaks.0.max_load", [1], "vehicles.0.breaks.0.max_load", "積載"),
        ("vehicles.0.time_window", [100, 50], "vehicles.0.shift", "勤務"),
        ("vehicles.0.capacity", [1, 1], "jobs.0.delivery", "2個"),
        ("vehicles.0.profile", "bike", "matrices", "profile"),
        ("vehicles.0.start_index", 9, "nodes", "外"),
        ("jobs.0.location_index", None, "jobs.0", "location_index"),
        ("jobs.0.service_per_type", {"van": 3}, "jobs.0.service_per_type", "種別"),
        ("jobs.0.priority", 101, "jobs.0.priority", "100以下"),
        ("jobs.0.time_windows", [[9, 5]], "jobs.0.time window", "前です"),
        ("jobs.1.id", 10, "visits", "2回"),
        ("jobs.0.amount", [1], "jobs.0.amount", "知らない"),
        ("matrices.car.costs", [[0]], "matrices.car.costs", "費用"),
        ("matrices.car.durations", [[0]], "travel matrix", "形"),
        ("matrices.car.durations", [[0], []], "matrices.car.durations", "同じ表"),
        ("matrices", None, "vehicles.0", "地点"),
    ],
)
def test_what_we_cannot_keep_is_refused_by_name(
    path: str, value: object, field: str, sentence: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read(altered(path, value))
    assert refused.value.field == field
    assert sentence in refused.value.problem


def test_jobs_without_a_place_and_unlike_vehicles_are_refused() -> None:
    vehicle = {"id": 1, "start": [135.5, 34.7]}
    with pytest.raises(InvalidInputError, match=r"jobs\.0"):
        read({"vehicles": [vehicle], "jobs": [{"id": 1}]})
    other = {**vehicle, "id": 2, "profile": "bike"}
    with pytest.raises(InvalidInputError, match="profile"):
        read({"vehicles": [vehicle, other]})
    first, second = given_body()["vehicles"][0], {"id": 2, "start_index": 0}
    with pytest.raises(InvalidInputError, match=r"vehicles\.1\.capacity"):
        read(given_body(vehicles=[first, second]))


# -- plan mode -------------------------------------------------------------------------


def judged(problem: DayProblem, plan: Plan, folder: Path) -> list[str]:
    """Every violation that VROOM itself finds; skipped loudly where it is not."""
    program = shutil.which("vroom")
    if program is None:
        pytest.skip("NOT JUDGED BY VROOM: pip install pyvroom, and put it on the PATH")
    file = folder / "judged.json"
    file.write_text(plan_mode_text(problem, plan), encoding="utf-8")
    run = subprocess.run(  # noqa: S603 - our own file
        [program, "-c", "-i", str(file)], capture_output=True, text=True, check=False
    )
    answer = json.loads(run.stdout)
    assert answer["code"] == 0, answer
    return [
        str(one["cause"])
        for route in answer["routes"]
        for one in (
            *route["violations"],
            *(v for s in route["steps"] for v in s["violations"]),
        )
    ]


@given(problem=problems(max_visits=8))
@settings(max_examples=60)
def test_vroom_finds_nothing_wrong_with_plans_of_ours(
    problem: DayProblem, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = planned(problem)
    assert violations(problem, plan) == ()
    if plan.num_served:
        assert judged(problem, plan, tmp_path_factory.mktemp("vroom")) == []


def test_vroom_finds_what_our_checker_finds(tmp_path: Path) -> None:
    # promised at 9:30, and 20 minutes from the other with half an hour of work each
    window = TimeWindow(start_s=at("9:30"), end_s=at("9:40"))
    promised = [(visit(n, windows=(window,)), far) for n, far in (("a", 10), ("b", 30))]
    problem = day_problem(promised)
    plan = told_plan(problem, [(0, 1)])
    assert violations(problem, plan)
    assert "delay" in judged(problem, plan, tmp_path)


def test_vroom_sees_who_may_not_go(tmp_path: Path) -> None:
    problem = day_problem([(visit("a", skills=frozenset({"sewer"})), 10)])
    assert "skills" in judged(problem, told_plan(problem, [(0,)]), tmp_path)


def test_plan_mode_holds_only_what_is_new_and_who_has_it() -> None:
    days = [
        team_day(team("t1", service_times=(("R01", 60 * 60),))),
        team_day(team("t2", shift=shift(lunch=None))),
    ]
    hidden = visit("c", windows=(TimeWindow(start_s=at("20:00"), end_s=at("21:00")),))
    problem = day_problem([(visit("a"), 10), (visit("b"), 20), (hidden, 5)], days=days)
    body = json.loads(plan_mode_text(problem, told_plan(problem, [(0,), (1, 2)])))
    first, second = body["vehicles"]
    assert [one["description"] for one in body["jobs"]] == ["a", "b", "c"]
    assert [one["service"] for one in body["jobs"]] == [3_600, 1_800, 1_800]
    # no moment of the shift is in its promised time: a window that nobody can keep
    assert body["jobs"][2]["time_windows"] == [[0, 0]]
    assert [step["type"] for step in first["steps"]] == ["start", "job", "break", "end"]
    assert (len(first["breaks"]), second["breaks"]) == (1, [])
    assert second["steps"][1] == {"type": "job", "id": 2, "service_at": at("9:20")}
    alone = told_plan(problem, [(), (1,)])
    assert len(json.loads(plan_mode_text(problem, alone))["vehicles"]) == 1


def test_plan_mode_has_hours_apart_and_lunch_before_what_begins_after_it() -> None:
    def hours(start: str, end: str) -> ForbiddenHours:
        return ForbiddenHours(start_s=at(start), end_s=at(end))

    # 30 minutes of work that begin in 13:00-17:00 and do not touch 14:00-15:00, each
    # told in two halves; promises of the night before are over
    windows = (
        TimeWindow(start_s=-7_200, end_s=-3_600),
        TimeWindow(start_s=-3_600, end_s=-3_000),
        TimeWindow(start_s=at("13:00"), end_s=at("16:00")),
        TimeWindow(start_s=at("16:00"), end_s=at("17:00")),
    )
    forbidden = (hours("14:00", "14:30"), hours("14:30", "15:00"))
    late = visit("a", windows=windows, forbidden=forbidden, release_s=-7_200)
    problem = day_problem([(late, 10)])
    body = json.loads(plan_mode_text(problem, told_plan(problem, [(0,)])))
    spans = [[at("13:00"), at("13:30")], [at("15:00"), at("17:00")]]
    assert body["jobs"][0]["time_windows"] == spans
    steps = [step["type"] for step in body["vehicles"][0]["steps"]]
    assert steps == ["start", "break", "job", "end"]


def test_driving_times_that_change_over_the_day_are_not_for_vroom() -> None:
    problem = full_day().problem
    with pytest.raises(InvalidInputError, match="travel"):
        plan_mode_text(problem, told_plan(problem, [()]))
