"""Why this team: what a visit costs every team, against the plan as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatch.domain.levels import Level
from dispatch.domain.placements import placements
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.trial import Block, Rule
from dispatch.domain.visit import TimeWindow
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit

SEWER = frozenset({"sewer"})


def moment(clock: str) -> TimeWindow:
    return TimeWindow(start_s=at(clock), end_s=at(clock))


def test_the_best_placements_are_told_with_their_difference_to_the_plan() -> None:
    # v1 lies at minute 30, alone in t1's day: 60 minutes of driving. t2 passes by on
    # its way to v2 at 40 (no more driving, 60 saved), t3 goes to v3 at 20 (20 more, 40
    # saved), t4 is at home (60 more, none saved).
    days = [team_day(team(f"t{number}")) for number in (1, 2, 3, 4)]
    visits = [(visit("v1"), 30), (visit("v2"), 40), (visit("v3"), 20)]
    problem = day_problem(visits, days=days)
    why = placements(DayScheduler(problem), [(0,), (1,), (2,), ()], 0)
    told = [
        (line.team_id, line.difference.drive_s // MIN)
        for line in (*why.best, *why.others)
        if line.difference is not None
    ]
    assert told == [("t2", -60), ("t3", -40), ("t1", 0), ("t4", 0)]
    assert [line.is_chosen for line in why.best] == [False, False, True]
    assert [line.team_id for line in why.others] == ["t4"]  # as good, and the fourth
    assert why.visit_id == "v1"
    assert why.best[2].start_s == at("9:30")
    best = why.best[0].difference
    assert best is not None
    assert dict(best.levels)[Level.DRIVING] == (-60 * MIN,)
    assert [level for level, _ in best.levels] == list(Level)


def test_the_chosen_team_is_among_the_best_even_when_three_others_cost_less() -> None:
    days = [team_day(team(f"t{number}")) for number in range(1, 6)]
    visits = [(visit(f"v{number}"), 30) for number in range(1, 6)]
    problem = day_problem(visits, days=days)
    orders = [(0,), (1,), (2,), (3,), (4,)]
    why = placements(DayScheduler(problem), orders, 0)
    assert len(why.best) == 3
    assert why.best[2].is_chosen
    assert len(why.others) == 2
    assert placements(DayScheduler(problem), orders, 0, top=1).best == why.best[2:]


def test_lateness_and_overtime_of_another_placement_are_told() -> None:
    # t2 has promises at its yard from 9:00 to 11:30 and, after lunch, from 12:15 to
    # 17:20. Then v1 begins at 17:30, 500 minutes late, and t2 is back at 18:10.
    busy = [
        (visit("v2", service_s=150 * MIN, windows=(moment("9:00"),)), 0),
        (visit("v3", service_s=305 * MIN, windows=(moment("12:15"),)), 0),
    ]
    late = visit("v1", due_s=at("9:10"))
    overtime = shift(overtime_max_s=60 * MIN)
    days = [team_day(), team_day(team("t2", shift=overtime))]
    problem = day_problem([(late, 10), *busy], days=days)
    line = placements(DayScheduler(problem), [(0,), (1, 2)], 0).best[1]
    assert line.difference is not None
    assert line.start_s == at("17:30")
    assert line.difference.overtime_s == 40 * MIN
    assert line.difference.late_steps == 34  # 500 / 15 = 33.3: 34 have begun


def test_teams_that_cannot_go_say_which_rules_they_break() -> None:
    days = [
        team_day(team("t1", skills=SEWER)),
        team_day(team("t2")),
        team_day(team("t3", skills=SEWER, shift=shift(end_s=at("14:00")))),
    ]
    promised = TimeWindow(start_s=at("13:30"), end_s=at("15:00"))
    wanted = visit("v1", skills=SEWER, windows=(promised,))
    problem = day_problem([(wanted, 10)], days=days)
    why = placements(DayScheduler(problem), [(0,), (), ()], 0)
    assert {line.team_id: line.blocks for line in why.others} == {
        "t2": (Block(rule=Rule.SKILL, names=("sewer",)),),
        # 13:30 + 30 + 10 minutes is 14:10.
        "t3": (Block(rule=Rule.SHIFT_END, over_s=10 * MIN),),
    }


def test_another_team_takes_the_place_of_one_of_two_at_the_same_moment() -> None:
    days = [team_day(team(f"t{number}")) for number in (1, 2, 3)]
    both = visit("v1", num_teams=2)
    near = visit("v2")
    problem = day_problem([(both, 30), (near, 30)], days=days)
    scheduler = DayScheduler(problem, {0: at("9:30")})
    # t2 goes on to v2 there anyway, so t3 in its place saves nothing, and in t1's
    # place it costs what t1 saves.
    why = placements(scheduler, [(0,), (0, 1), ()], 0)
    assert [line.is_chosen for line in why.best] == [True, True, False]
    other = why.best[2]
    assert other.difference is not None
    assert (other.team_id, other.difference.drive_s) == ("t3", 0)
    assert other.start_s == at("9:30")


def test_a_tool_goes_with_the_visit_that_needs_it() -> None:
    lift = frozenset({"高所作業車"})
    days = [team_day(team("t1")), team_day(team("t2"))]
    problem = day_problem(
        [(visit("v1", tools=lift), 10), (visit("v2", tools=lift), 20)],
        days=days,
        tools=(("高所作業車", 1),),
    )
    alone = placements(DayScheduler(problem), [(0,), ()], 0)
    assert alone.best[1].team_id == "t2"  # t1 no longer needs the only lift
    kept = placements(DayScheduler(problem), [(0, 1), ()], 0)
    assert kept.others[0].blocks == (Block(rule=Rule.TOOL, names=tuple(lift)),)


def test_a_visit_whose_route_does_not_hold_without_it_goes_to_no_other_team() -> None:
    # The way from the yard to v2 is shut; only by way of v1 does t1 get there.
    days = [team_day(team("t1")), team_day(team("t2"))]
    problem = day_problem([(visit("v1"), 10), (visit("v2"), 20)], days=days)
    duration_s = problem.travel.duration_s.copy()
    duration_s[0, 2] = 864_000
    travel = replace(problem.travel, duration_s=duration_s)
    problem = replace(problem, travel=travel)
    why = placements(DayScheduler(problem), [(0, 1), ()], 0)
    assert [line.blocks for line in why.others] == [(Block(rule=Rule.OTHERS),)]


def test_a_visit_in_no_order_and_orders_that_break_a_rule_are_refused() -> None:
    problem = day_problem([(visit("v1"), 10), (visit("v2", service_s=36_000), 10)])
    for orders in ([()], [(0, 1)]):
        with pytest.raises(ValueError, match="not served"):
            placements(DayScheduler(problem), orders, 0)
