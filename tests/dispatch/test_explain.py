"""Each reason code with its sentence and numbers."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.domain.explain import clock_text, feasible_alone, why_unassigned
from dispatch.domain.plan import Stop, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.team import Vehicle
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow, Visit
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit

NAMES = {
    "north": "北工営所",
    "south": "南工営所",
    "sewer": "下水道",
    "lift": "高所作業車",
    "cone": "コーン",
}
BARE = shift(lunch=None)


def why(
    one: Visit,
    minutes: int = 10,
    *,
    days: list[TeamDay] | None = None,
    unreachable: tuple[int, ...] = (),
) -> Unassigned:
    """Say why a visit that stands alone in the day is in no route."""
    problem = day_problem([(one, minutes)], days=days, unreachable=unreachable)
    return explained(problem, 0)


def explained(problem: DayProblem, index: int, *orders: tuple[int, ...]) -> Unassigned:
    scheduler = DayScheduler(problem)
    all_orders = orders or tuple(() for _ in problem.team_days)
    routes = [scheduler.route(at, order) for at, order in enumerate(all_orders)]
    return why_unassigned(scheduler, index, routes, NAMES)


def test_no_team_of_the_allowed_offices_is_on_duty() -> None:
    left = why(visit(allowed_office_ids=frozenset({"south"})))
    assert left.reason is UnassignedReason.NO_TEAM
    assert "南工営所" in left.sentence


def test_the_dispatchers_team_is_not_on_duty() -> None:
    assert why(visit(team_id="t9")).reason is UnassignedReason.NO_TEAM


def test_no_team_has_the_skill() -> None:
    left = why(visit(skills=frozenset({"sewer"})))
    assert left.reason is UnassignedReason.NO_SKILL
    assert "下水道" in left.sentence
    assert "北工営所" in left.sentence


def test_too_few_people_among_those_with_the_skill() -> None:
    skilled = team("t1", skills=frozenset({"sewer"}), crew_size=2)
    strong = team("t2", crew_size=5)
    left = why(
        visit(skills=frozenset({"sewer"}), crew=3),
        days=[team_day(skilled), team_day(strong)],
    )
    assert left.reason is UnassignedReason.NO_CREW
    assert left.sentence == "3人必要ですが、技能のある班は最大2人です。"


def test_more_material_than_any_vehicle_carries() -> None:
    small = team("t1", vehicle=Vehicle(name="", load_kg=300))
    left = why(visit(load_kg=501), days=[team_day(small), team_day(team("t2"))])
    assert left.reason is UnassignedReason.NO_LOAD
    assert left.sentence == "資材501kgに対し、積載の空きは最大500kgです。"


NARROW = Vehicle(name="", load_kg=500, width_cm=148, vehicle_class="軽")


@pytest.mark.parametrize(
    ("demand", "limits"),
    [
        ({"max_width_cm": 140}, "幅140cm以下"),
        ({"vehicle_classes": frozenset({"普通"})}, "車種は普通"),
        (
            {"max_width_cm": 140, "vehicle_classes": frozenset({"軽"})},
            "幅140cm以下、車種は軽",
        ),
    ],
)
def test_no_vehicle_may_go_there(demand: dict[str, Any], limits: str) -> None:
    left = why(visit(**demand), days=[team_day(team(vehicle=NARROW))])
    assert left.reason is UnassignedReason.NO_VEHICLE
    assert f"({limits})" in left.sentence


def test_pieces_that_no_vehicle_has_room_for() -> None:
    vehicle = Vehicle(name="", load_kg=500, materials=(("cone", 4),))
    full = team_day(team(vehicle=vehicle), committed_materials=(("cone", 3),))
    left = why(visit(materials=(("cone", 2),)), days=[full])
    assert left.reason is UnassignedReason.NO_LOAD
    assert left.sentence == "資材(コーン2個)を積む空きのある、行ける班がありません。"


def test_a_shared_tool_that_the_city_has_not_today() -> None:
    left = why(visit(tools=frozenset({"lift"})))
    assert left.reason is UnassignedReason.NO_TOOL
    assert left.sentence == "必要な共用機材(高所作業車)がこの日はありません。"
    problem = day_problem([(visit(tools=frozenset({"lift"})), 10)])
    assert not feasible_alone(DayScheduler(problem), 0)


def test_a_shared_tool_that_another_team_has() -> None:
    lift = frozenset({"lift"})
    visits = [(visit("a", tools=lift), 10), (visit("b", tools=lift, team_id="t2"), 10)]
    days = [team_day(team("t1")), team_day(team("t2"))]
    problem = day_problem(visits, days=days, tools=(("lift", 1),))
    left = explained(problem, 1, (0,), ())
    assert left.reason is UnassignedReason.NO_TOOL
    assert "行ける班に回せる空きがありません" in left.sentence
    assert feasible_alone(DayScheduler(problem), 1)


def test_too_few_teams_for_a_visit_of_two() -> None:
    left = why(visit(num_teams=2))
    assert left.reason is UnassignedReason.NO_TEAM
    assert left.sentence == "同時に2班必要ですが、行ける班は1班です。"


def test_a_visit_of_two_teams_that_do_not_come_free_together() -> None:
    days = [team_day(team("t1")), team_day(team("t2"))]
    problem = day_problem(
        [(visit("a"), 10), (visit("both", num_teams=2), 10)], days=days
    )
    left = explained(problem, 1, (0,), ())
    assert left.reason is UnassignedReason.NO_TIME
    assert left.sentence == "同時に2班がそろう空きがありません。"


def test_a_visit_whose_forerunner_is_left_out_too_says_so() -> None:
    waits = visit("repair", after=(After(visit_id="safe"), After(visit_id="gone")))
    problem = day_problem([(visit("safe"), 10), (waits, 10)])
    left = explained(problem, 1, ())
    assert left.reason is UnassignedReason.NO_TIME
    assert left.sentence == "先に終える訪問が計画に入っていないため、入れられません。"
    after = explained(problem, 1, (0,))
    assert after.sentence == "先に終える訪問のあとに、入れられる空きがありません。"


def test_a_hard_due_time_that_no_team_can_keep() -> None:
    left = why(visit(due_s=at("9:05"), hard_due=True))
    assert left.reason is UnassignedReason.TOO_LATE
    assert "必ず守る期限(9:05)に間に合う班がありません" in left.sentence


def test_hours_that_leave_no_time_are_all_told() -> None:
    early = TimeWindow(start_s=at("9:00"), end_s=at("9:05"))
    shut = ForbiddenHours(start_s=at("9:06"), end_s=at("17:30"))
    left = why(visit(start_between=early, forbidden=(shut,)))
    assert left.reason is UnassignedReason.TOO_LATE
    told = "固定した時間帯(9:00–9:05)・作業できない時間(9:06–17:30)を除いた時間"
    assert left.sentence.startswith(f"{told}に間に合う班がありません")


def test_no_way_to_the_place() -> None:
    assert why(visit(), unreachable=(1,)).reason is UnassignedReason.UNREACHABLE


def test_a_place_that_only_a_team_cut_off_reaches_has_no_way_back() -> None:
    done = Stop(
        visit_id="done",
        arrive_s=at("9:10"),
        start_s=at("9:10"),
        end_s=at("9:40"),
        drive_s=600,
        drive_m=4_000,
    )
    # t1 stands where the visit is, beyond the flood; t2 is at the yard
    out = team_day(start_node=1, free_from_s=at("9:40"), committed=(done,))
    left = why(visit(), days=[out, team_day(team("t2"))], unreachable=(1,))
    assert left.reason is UnassignedReason.UNREACHABLE
    assert left.sentence == "この場所まで行って戻れる道が見つかりません。"


def test_an_appointment_that_no_team_can_keep_even_alone() -> None:
    early = TimeWindow(start_s=at("9:00"), end_s=at("9:05"))
    left = why(visit(windows=(early,)))
    assert left.reason is UnassignedReason.WINDOW_MISSED
    assert "9:00–9:05" in left.sentence
    assert "約10分" in left.sentence


def test_work_that_does_not_fit_into_the_shift_even_alone() -> None:
    short = team_day(team(shift=shift(lunch=None, end_s=at("10:00"))))
    left = why(visit(service_s=41 * MIN), days=[short])  # 10 + 41 + 10 > 60
    assert left.reason is UnassignedReason.TOO_LATE
    assert "作業41分" in left.sentence
    assert "10:00" in left.sentence
    fits = day_problem([(visit(service_s=40 * MIN), 10)], days=[short])
    assert feasible_alone(DayScheduler(fits), 0)


def test_a_full_day_names_the_loosest_team_and_its_gap() -> None:
    days = [
        team_day(team("t1", shift=shift(lunch=None, end_s=at("10:00")))),
        team_day(team("t2", shift=shift(lunch=None, end_s=at("10:10")))),
    ]
    problem = day_problem(
        [(visit("a"), 10), (visit("b"), 10), (visit("c"), 10)], days=days
    )
    left = explained(problem, 2, (0,), (1,))
    # t1: 60 - (20 road + 30 work) = 10 min; t2: 70 - 50 = 20 min
    assert left.reason is UnassignedReason.NO_TIME
    assert "2班" in left.sentence
    assert "機動班t2でも合計20分" in left.sentence


def test_lunch_does_not_count_as_a_gap() -> None:
    # 9:00-12:30 is 210 min, 45 of them lunch; a takes 20 + 100: the gap is 45 min
    day = team_day(team(shift=shift(end_s=at("12:30"))))
    problem = day_problem(
        [(visit("a", service_s=100 * MIN), 10), (visit("b", service_s=60 * MIN), 10)],
        days=[day],
    )
    left = explained(problem, 1, (0,))
    assert left.reason is UnassignedReason.NO_TIME
    assert "合計45分" in left.sentence


@pytest.mark.parametrize(
    ("second", "text"), [(0, "0:00"), (at("9:05"), "9:05"), (at("17:30") + 59, "17:30")]
)
def test_clock_times_read_as_people_write_them(second: int, text: str) -> None:
    assert clock_text(second) == text


def test_feasible_alone_ignores_teams_that_may_not() -> None:
    problem = day_problem(
        [(visit(allowed_office_ids=frozenset({"south"})), 10)],
        days=[team_day(team("t1", shift=BARE))],
    )
    assert not feasible_alone(DayScheduler(problem), 0)
