"""One visit more for one team: which rules stop it, and by how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatch.domain.plan import Stop
from dispatch.domain.team import Vehicle
from dispatch.domain.trial import (
    Block,
    Rule,
    spare_s,
    time_blocks,
    trial_of,
    who_blocks,
)
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit


def hours(start: str, end: str) -> TimeWindow:
    return TimeWindow(start_s=at(start), end_s=at(end))


def test_every_rule_of_who_may_go_that_a_team_breaks_is_told_with_its_numbers() -> None:
    lorry = Vehicle(
        name="車",
        load_kg=200,
        width_cm=170,
        vehicle_class="普通",
        materials=(("合材", 3),),
    )
    carried = visit("v1", load_kg=150, materials=(("合材", 2),))
    wanted = visit(
        "v2",
        allowed_office_ids=frozenset({"south"}),
        team_id="t9",
        vehicle_classes=frozenset({"軽"}),
        skills=frozenset({"sewer", "river"}),
        crew=3,
        max_width_cm=150,
        load_kg=100,
        materials=(("合材", 2), ("土のう", 1)),
        tools=frozenset({"高所作業車"}),
    )
    day = team_day(team(vehicle=lorry, skills=frozenset({"river"})))
    problem = day_problem([(carried, 10), (wanted, 20)], days=[day])
    # 200 - 150 = 50 kg and 3 - 2 = 1 piece are left beside v1; there is no lift at all.
    assert who_blocks(problem, [(0,)], 0, 1) == (
        Block(rule=Rule.OFFICE, names=("north",)),
        Block(rule=Rule.TEAM, names=("t9",)),
        Block(rule=Rule.VEHICLE_CLASS, names=("普通",)),
        Block(rule=Rule.SKILL, names=("sewer",)),
        Block(rule=Rule.CREW, needed=3, has=2),
        Block(rule=Rule.WIDTH, needed=150, has=170),
        Block(rule=Rule.LOAD, needed=100, has=50),
        Block(rule=Rule.MATERIAL, needed=2, has=1, names=("合材",)),
        Block(rule=Rule.MATERIAL, needed=1, has=0, names=("土のう",)),
        Block(rule=Rule.TOOL, names=("高所作業車",)),
    )


def test_pieces_that_are_left_stop_no_team() -> None:
    lorry = Vehicle(name="車", load_kg=200, materials=(("合材", 3), ("土のう", 1)))
    wanted = visit(materials=(("合材", 3), ("土のう", 2)))
    problem = day_problem([(wanted, 10)], days=[team_day(team(vehicle=lorry))])
    assert [block.names for block in who_blocks(problem, [()], 0, 0)] == [("土のう",)]


def test_a_vehicle_of_unknown_width_passes_no_limit() -> None:
    problem = day_problem([(visit(max_width_cm=200), 10)])
    assert who_blocks(problem, [()], 0, 0) == (
        Block(rule=Rule.WIDTH, needed=200, has=0),
    )


def test_a_tool_stops_a_team_only_while_others_have_all_of_it() -> None:
    lift = frozenset({"高所作業車"})
    visits = [(visit("v1", tools=lift), 10), (visit("v2", tools=lift), 20)]
    days = [team_day(team("t1")), team_day(team("t2"))]
    problem = day_problem(visits, days=days, tools=(("高所作業車", 1),))
    blocked = (Block(rule=Rule.TOOL, names=("高所作業車",)),)
    assert who_blocks(problem, [(0,), ()], 1, 1) == blocked
    assert who_blocks(problem, [(0,), ()], 0, 1) == ()  # it has the tool with it
    assert who_blocks(problem, [(), ()], 1, 1) == ()
    out = replace(days[0], committed_tools=lift)
    problem = replace(problem, team_days=(out, days[1]))
    assert who_blocks(problem, [(), ()], 1, 1) == blocked


def test_a_day_has_seconds_to_spare_beside_drives_work_and_lunch() -> None:
    day = team_day()  # 9:00-17:30 is 510 minutes, lunch 45
    assert spare_s(day, 465 * MIN) == 0
    assert spare_s(day, 470 * MIN) == -5 * MIN
    # Back at 12:45, the last moment for lunch to begin: it is eaten after the return.
    assert spare_s(day, 225 * MIN) == (510 - 225) * MIN
    assert spare_s(replace(day, lunch_start_s=at("11:30")), 510 * MIN) == 0


def test_places_are_tried_only_where_the_seconds_of_the_day_are_enough() -> None:
    # v1 lies 60 minutes from the yard: 120 + 30 minutes. v2 at 0 with 310 minutes of
    # work fits before or after it: 460 of 465 minutes; v3 beyond, at 63, does not.
    first, at_yard = visit("v1"), visit("v2", service_s=310 * MIN)
    beyond = visit("v3", service_s=310 * MIN)
    problem = day_problem([(first, 60), (at_yard, 0), (beyond, 63)])
    assert trial_of(problem, {}, 0, (0,), 1).hopeful() == [0, 1]
    assert trial_of(problem, {}, 0, (0,), 2).hopeful() == []


FIXED = visit("v1", service_s=300 * MIN, windows=(hours("9:10", "9:10"),))
NO_LUNCH = team_day(team(shift=shift(lunch=None)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # v1 is worked at from 9:10 to 14:10, so v2 beside it begins at 14:10.
        ({"windows": (hours("10:00", "14:00"),)}, (Rule.WINDOW, 10)),
        ({"start_between": hours("10:00", "14:00")}, (Rule.LOCK, 10)),
        ({"due_s": at("9:05"), "hard_due": True}, (Rule.HARD_DUE, 305)),
        # Beginning at 8:30 or 17:10 it would keep clear of 9:00-17:10; 17:10 is nearer.
        (
            {"forbidden": (ForbiddenHours(start_s=at("9:00"), end_s=at("17:10")),)},
            (Rule.FORBIDDEN, 180),
        ),
        # 14:10 + 200 minutes of work + 10 of driving is 17:40.
        ({"service_s": 200 * MIN}, (Rule.SHIFT_END, 10)),
        # At 10:00 for v2, v1 would begin at 10:30 instead of 9:10.
        ({"windows": (hours("10:00", "14:00"),)}, (Rule.OTHERS, 80)),
    ],
)
def test_the_rule_of_time_that_stops_a_visit_is_told_with_the_miss(
    changes: dict[str, object], expected: tuple[Rule, int]
) -> None:
    problem = day_problem([(FIXED, 10), (visit("v2", **changes), 10)], days=[NO_LUNCH])
    trial = trial_of(problem, {}, 0, (0,), 1)
    assert trial.best() is None
    blocks = time_blocks(trial)
    rule, over_min = expected
    assert Block(rule=rule, over_s=over_min * MIN) in blocks
    assert [block.over_s for block in blocks] == sorted(b.over_s for b in blocks)


def test_a_visit_that_leaves_no_time_for_lunch_says_so() -> None:
    # 10 + 480 + 10 of 510 minutes. Work cannot be broken, so lunch is at 11:30, before
    # it; then it lasts from 12:15 to 20:15, and the team is back at 20:25.
    problem = day_problem([(visit(service_s=480 * MIN), 10)])
    assert time_blocks(trial_of(problem, {}, 0, (), 0)) == (
        Block(rule=Rule.LUNCH, over_s=45 * MIN),
        Block(rule=Rule.SHIFT_END, over_s=175 * MIN),
    )


def test_a_visit_pinned_to_a_moment_tells_how_far_that_is() -> None:
    problem = day_problem([(FIXED, 10), (visit("v2"), 10)], days=[NO_LUNCH])
    # v1 is worked at until 14:10; both began at 13:00 if v2 could be moved.
    trial = trial_of(problem, {1: at("13:00")}, 0, (0,), 1)
    assert Block(rule=Rule.LINKED, over_s=70 * MIN) in time_blocks(trial)
    pinned_first = trial_of(problem, {0: at("9:10"), 1: at("14:10")}, 0, (0,), 1)
    assert [seat.start_s for seat in pinned_first.seats()] == [at("14:10")]
    stuck = trial_of(problem, {0: at("9:10"), 1: at("9:00")}, 0, (0,), 1)
    # Pinned to 9:00 it is stopped by its own moment alone: 10 minutes away even if
    # v1 were later.
    assert time_blocks(stuck)[0] == Block(rule=Rule.LINKED, over_s=310 * MIN)


def test_others_that_are_pinned_tell_how_far_they_would_have_to_move() -> None:
    first = visit("v1", service_s=300 * MIN)
    second = visit("v2", windows=(hours("10:00", "14:00"),))
    problem = day_problem([(first, 10), (second, 10)], days=[NO_LUNCH])
    trial = trial_of(problem, {0: at("9:10")}, 0, (0,), 1)
    assert Block(rule=Rule.OTHERS, over_s=80 * MIN) in time_blocks(trial)


def test_where_no_one_rule_is_enough_it_says_several_or_that_there_is_no_way() -> None:
    # A promise and a lock that never meet, and a night's work that ends no shift.
    wanted = visit(
        windows=(hours("10:00", "11:00"),), start_between=hours("18:00", "18:30")
    )
    problem = day_problem([(wanted, 10)], days=[NO_LUNCH])
    # Without the lock it begins at 10:00, eight hours before; without the promise at
    # 18:00, too late for the shift.
    assert time_blocks(trial_of(problem, {}, 0, (), 0)) == (
        Block(rule=Rule.LOCK, over_s=480 * MIN),
    )
    never = replace(wanted, forbidden=(ForbiddenHours(start_s=0, end_s=at("20:00")),))
    problem = day_problem([(never, 10)], days=[NO_LUNCH])
    assert time_blocks(trial_of(problem, {}, 0, (), 0)) == (Block(rule=Rule.SEVERAL),)
    problem = day_problem([(visit(), 10)], unreachable=[1])
    lost = trial_of(problem, {}, 0, (), 0)
    assert time_blocks(lost) == (Block(rule=Rule.UNREACHABLE),)


def test_a_visit_after_a_stop_under_way_of_another_team_waits_for_it() -> None:
    done = Stop(
        visit_id="v9",
        arrive_s=at("9:00"),
        start_s=at("9:00"),
        end_s=at("11:00"),
        drive_s=0,
        drive_m=0,
    )
    out = team_day(team("t2"), committed=(done,), free_from_s=at("11:00"))
    before = (After(visit_id="v9", gap_s=20 * MIN), After(visit_id="gone"))
    days = [team_day(), out]
    problem = day_problem([(visit("v1", after=before), 10)], days=days)
    seat = trial_of(problem, {}, 0, (), 0).best()
    assert seat is not None
    assert seat.start_s == at("11:20")
