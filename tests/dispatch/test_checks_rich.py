"""The independent checker on a day with every demand in it: each rule broken alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import Rule, violations
from dispatch.domain.plan import Plan, Stop, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.team import Vehicle
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow
from tests.builders import DAY, MIN, at, day_problem, shift, team, team_day, visit
from tests.problem_strategies import ASPHALT, LIFT, PUMP, Starts, plan_at

Broken = tuple[DayProblem, Plan]

LAMP, TREE, REPAIR, SWEEP = range(4)  # visit indices
STARTS: Starts = (
    [(LAMP, at("9:30")), (TREE, at("10:10"))],
    [(TREE, at("10:10")), (REPAIR, at("11:10"))],
    [(SWEEP, at("9:50"))],
)
BARRIER = Stop(
    visit_id="barrier",
    arrive_s=at("9:10"),
    start_s=at("9:10"),
    end_s=at("9:40"),
    drive_s=600,
    drive_m=4_000,
)


def span(start: str, end: str, *, more_s: tuple[int, int] = (0, 0)) -> TimeWindow:
    return TimeWindow(start_s=at(start) + more_s[0], end_s=at(end) + more_s[1])


def shut(start_s: int, end_s: int) -> ForbiddenHours:
    return ForbiddenHours(start_s=start_s, end_s=end_s)


def rich_problem() -> DayProblem:
    """
    Three teams, all rules at their limit.

    t1: lamp 9:30-10:00 (told at 9:30, promised 9:00-9:05 or 9:30 sharp, nobody may work
    until 9:30 nor from 10:00; needs the one lift), then the tree 10:10-10:40.
    t2: the tree with t1, then the repair 11:10-11:30: 30 min after the tree, hard due
    and locked until 11:10, 3 of 4 pieces on board, in its own 20 min.
    t3: committed to the barrier until 9:40, then at once the sweep 9:50-10:20, 10 min
    after the barrier, which is 10 min away; its legal hold ends that day.
    """
    vehicle = Vehicle(
        name="軽ダンプ",
        load_kg=350,
        materials=((ASPHALT, 4),),
        width_cm=148,
        vehicle_class="軽",
    )
    bare = shift(lunch=None)
    t1, t2, t3 = (team(f"t{n}", shift=bare, vehicle=vehicle) for n in (1, 2, 3))
    lamp = visit(
        "lamp",
        release_s=at("9:30"),
        windows=(span("9:00", "9:05"), span("9:30", "9:30")),
        forbidden=(shut(at("8:00"), at("9:30")), shut(at("10:00"), at("11:00"))),
        tools=frozenset({LIFT}),
        district_id="d1",
    )
    tree = visit("tree", num_teams=2, district_id="d1")
    repair = visit(
        "repair",
        category_code="R05",
        urgency=Urgency.A,
        materials=((ASPHALT, 3),),
        max_width_cm=148,
        vehicle_classes=frozenset({"軽"}),
        due_s=at("11:10"),
        hard_due=True,
        start_between=span("11:10", "11:10"),
        after=(After(visit_id="tree", gap_s=30 * MIN), After(visit_id="gone")),
        district_id="d2",
    )
    after = (After(visit_id="barrier", gap_s=10 * MIN),)
    sweep = visit("sweep", after=after, not_before=DAY)
    out = team_day(
        t3,
        start_node=4,
        free_from_s=at("9:40"),
        committed=(BARRIER,),
        work_before_s=7 * MIN,
    )
    problem = day_problem(
        [(lamp, 10), (tree, 20), (repair, 40), (sweep, 30)],
        days=[
            team_day(t1),
            team_day(
                replace(t2, service_times=(("R05", 20 * MIN),)),
                committed_materials=((ASPHALT, 1),),
            ),
            replace(out, start_node=2),
        ],
    )
    return replace(problem, tools=((LIFT, 1),))


def told(
    changes: dict[int, dict[str, Any]] | None = None, starts: Starts = STARTS
) -> Broken:
    """Change visits of the rich day, and tell its plan truthfully all the same."""
    problem = rich_problem()
    visits = list(problem.visits)
    for index, fields_of in (changes or {}).items():
        visits[index] = replace(visits[index], **fields_of)
    problem = replace(problem, visits=tuple(visits))
    return problem, plan_at(problem, starts)


def told_with_day(at_team: int, change: Callable[[TeamDay], TeamDay]) -> Broken:
    """Change one team of the rich day, and tell its plan truthfully all the same."""
    problem = rich_problem()
    days = list(problem.team_days)
    days[at_team] = change(days[at_team])
    problem = replace(problem, team_days=tuple(days))
    return problem, plan_at(problem, STARTS)


def told_with_vehicle(**changes: Any) -> Broken:  # noqa: ANN401 - fields of a vehicle
    """Change the vehicle of t2, which goes to the repair."""

    def changed(day: TeamDay) -> TeamDay:
        vehicle = replace(day.team.vehicle, **changes)
        return replace(day, team=replace(day.team, vehicle=vehicle))

    return told_with_day(1, changed)


# -- promised, forbidden, hard due and locked ------------------------------------------


def before_the_second_promise() -> Broken:
    windows = (span("9:00", "9:05"), span("9:30", "10:00", more_s=(1, 0)))
    return told({LAMP: {"windows": windows}})


def after_the_last_promise() -> Broken:
    windows = (span("9:00", "9:05"), span("9:15", "9:30", more_s=(0, -1)))
    return told({LAMP: {"windows": windows}})


def into_forbidden_hours() -> Broken:
    return told({LAMP: {"forbidden": (shut(at("10:00") - 1, at("11:00")),)}})


def out_of_forbidden_hours() -> Broken:
    return told({LAMP: {"forbidden": (shut(at("8:00"), at("9:30") + 1),)}})


def round_forbidden_hours() -> Broken:
    return told({LAMP: {"forbidden": (shut(at("9:40"), at("9:40") + 1),)}})


def hard_due_missed() -> Broken:
    return told({REPAIR: {"due_s": at("11:10") - 1}})


def before_the_lock() -> Broken:
    lock = span("11:10", "11:20", more_s=(1, 0))
    return told({REPAIR: {"start_between": lock}})


def after_the_lock() -> Broken:
    lock = span("11:00", "11:10", more_s=(0, -1))
    return told({REPAIR: {"start_between": lock}})


# -- the team's own minutes, vehicle, material and tools -------------------------------


def the_visits_minutes_in_place_of_the_teams_own() -> Broken:
    _, plan = told_with_day(
        1, lambda day: replace(day, team=replace(day.team, service_times=()))
    )
    return rich_problem(), plan


def too_wide() -> Broken:
    return told_with_vehicle(width_cm=149)


def width_unknown() -> Broken:
    return told_with_vehicle(width_cm=None)


def other_class() -> Broken:
    return told_with_vehicle(vehicle_class="2トン")


def too_many_pieces() -> Broken:
    return told_with_vehicle(materials=((ASPHALT, 3),))  # 1 on board, 3 to come


def pieces_without_room() -> Broken:
    return told_with_vehicle(materials=())


def heavier_together() -> Broken:
    # the tree 200 kg, the repair 151 kg: each fits 350 kg alone
    return told({TREE: {"load_kg": 200}, REPAIR: {"load_kg": 151}})


def one_tool_for_two_teams() -> Broken:
    return told({SWEEP: {"tools": frozenset({LIFT})}})


def a_tool_that_is_out() -> Broken:
    return told_with_day(
        2, lambda day: replace(day, committed_tools=frozenset({LIFT, PUMP}))
    )


def a_tool_that_nobody_has() -> Broken:
    return told({LAMP: {"tools": frozenset({PUMP})}})


# -- two teams at one visit ------------------------------------------------------------


def one_team_alone() -> Broken:
    starts = [STARTS[0][:1], STARTS[1], STARTS[2]]
    return told(starts=starts)


def three_teams_of_two() -> Broken:
    return told(starts=[STARTS[0], STARTS[1], [*STARTS[2], (TREE, at("10:40"))]])


def two_teams_of_one() -> Broken:
    return told(starts=[[*STARTS[0], (SWEEP, at("10:50"))], *STARTS[1:]])


def one_team_twice() -> Broken:
    """Send t2 to the tree a second time in place of t1, and then to nothing else."""
    changes = {REPAIR: {"after": ()}}
    starts = [STARTS[0][:1], [(TREE, at("10:10")), (TREE, at("10:40"))], STARTS[2]]
    return told(changes, starts)


def served_by_two_and_left_out() -> Broken:
    return left_out("tree")


def left_out_twice() -> Broken:
    problem, plan = told(starts=[(), (), STARTS[2]])
    (again,) = (left for left in plan.unassigned if left.visit_id == "lamp")
    return problem, replace(plan, unassigned=(*plan.unassigned, again))


def left_out(visit_id: str) -> Broken:
    problem, plan = told()
    more = Unassigned(visit_id=visit_id, reason=UnassignedReason.NO_TIME, sentence="")
    return problem, replace(plan, unassigned=(more,))


def second_team_later() -> Broken:
    """Let t1 begin at the tree a second after t2; nothing waits for the tree."""
    starts = [[STARTS[0][0], (TREE, at("10:10") + 1)], *STARTS[1:]]
    return told({REPAIR: {"after": ()}}, starts)


# -- one after another -----------------------------------------------------------------


def too_early_after_another() -> Broken:
    after = (After(visit_id="tree", gap_s=30 * MIN + 1),)
    return told({REPAIR: {"after": after}})


def too_early_after_the_last_of_two() -> Broken:
    """Let t1 need a second more at the tree than t2, which then goes to the repair."""
    problem, _ = told({TREE: {"category_code": "R09"}})
    slow, *others = problem.team_days
    slow = replace(slow, team=replace(slow.team, service_times=(("R09", 1801),)))
    problem = replace(problem, team_days=(slow, *others))
    return problem, plan_at(problem, STARTS)


def after_what_is_left_out() -> Broken:
    return told(starts=[STARTS[0][:1], STARTS[1][1:], STARTS[2]])


def too_early_after_a_committed_stop() -> Broken:
    after = (After(visit_id="barrier", gap_s=10 * MIN + 1),)
    return told({SWEEP: {"after": after}})


# -- the score -------------------------------------------------------------------------


def score_untrue() -> Broken:
    problem, plan = told()
    return problem, replace(plan, score=replace(plan.score, team_districts=2))


CASES: list[tuple[Rule, Callable[[], Broken]]] = [
    (Rule.APPOINTMENT, before_the_second_promise),
    (Rule.APPOINTMENT, after_the_last_promise),
    (Rule.FORBIDDEN_HOURS, into_forbidden_hours),
    (Rule.FORBIDDEN_HOURS, out_of_forbidden_hours),
    (Rule.FORBIDDEN_HOURS, round_forbidden_hours),
    (Rule.HARD_DUE, hard_due_missed),
    (Rule.LOCK, before_the_lock),
    (Rule.LOCK, after_the_lock),
    (Rule.SERVICE_TIME, the_visits_minutes_in_place_of_the_teams_own),
    (Rule.VEHICLE_WIDTH, too_wide),
    (Rule.VEHICLE_WIDTH, width_unknown),
    (Rule.VEHICLE_CLASS, other_class),
    (Rule.MATERIALS, too_many_pieces),
    (Rule.MATERIALS, pieces_without_room),
    (Rule.VEHICLE_LOAD, heavier_together),
    (Rule.SHARED_TOOLS, one_tool_for_two_teams),
    (Rule.SHARED_TOOLS, a_tool_that_is_out),
    (Rule.SHARED_TOOLS, a_tool_that_nobody_has),
    (Rule.EACH_VISIT, one_team_alone),
    (Rule.EACH_VISIT, three_teams_of_two),
    (Rule.EACH_VISIT, two_teams_of_one),
    (Rule.EACH_VISIT, one_team_twice),
    (Rule.EACH_VISIT, served_by_two_and_left_out),
    (Rule.EACH_VISIT, left_out_twice),
    (Rule.TEAMS_TOGETHER, second_team_later),
    (Rule.AFTER, too_early_after_another),
    (Rule.AFTER, too_early_after_the_last_of_two),
    (Rule.AFTER, after_what_is_left_out),
    (Rule.AFTER, too_early_after_a_committed_stop),
    (Rule.SCORE_TOLD, score_untrue),
]
# What cannot be broken alone: a third team, and a second time, begin later.
ALSO = {
    "three_teams_of_two": {Rule.TEAMS_TOGETHER, Rule.AFTER},
    "one_team_twice": {Rule.TEAMS_TOGETHER},
}


def test_the_rich_day_breaks_no_rule_at_the_limit_of_each() -> None:
    assert violations(*told()) == ()


@pytest.mark.parametrize(
    ("rule", "broken"), CASES, ids=[build.__name__ for _, build in CASES]
)
def test_a_broken_rule_of_the_rich_day_is_reported_and_no_other(
    rule: Rule, broken: Callable[[], Broken]
) -> None:
    found = {violation.rule for violation in violations(*broken())}
    assert found - ALSO.get(broken.__name__, set()) == {rule}


def test_a_violation_of_the_rich_day_says_the_numbers() -> None:
    details = {
        build.__name__: [found.detail for found in violations(*build())]
        for build in (too_many_pieces, one_tool_for_two_teams, width_unknown)
    }
    assert details == {
        "too_many_pieces": ["合材: 4 over 3"],
        "one_tool_for_two_teams": ["高所作業車: 2 teams, 1 there"],
        "width_unknown": ["unknown, limit 148 cm"],
    }
    (early,) = violations(*too_early_after_another())
    assert (early.team_id, early.visit_id) == ("t2", "repair")
    assert early.detail == "1 s too early after tree"
    (alone,) = violations(*one_team_alone())
    assert alone.detail == "left out 0 times, and ['t2'] go there"


def test_a_visit_of_two_teams_that_is_left_out_by_both_is_no_fault() -> None:
    problem, plan = told(starts=[STARTS[0][:1], (), STARTS[2]])
    assert [left.visit_id for left in plan.unassigned] == ["tree", "repair"]
    assert violations(problem, plan) == ()


def test_a_visit_after_one_that_is_over_is_no_fault() -> None:
    problem, plan = told({LAMP: {"after": (After(visit_id="gone", gap_s=86_400),)}})
    assert violations(problem, plan) == ()


def test_a_team_that_is_out_with_a_tool_uses_it_again() -> None:
    problem = rich_problem()
    days = list(problem.team_days)
    days[2] = replace(days[2], committed_tools=frozenset({PUMP}))
    sweep = replace(problem.visits[SWEEP], tools=frozenset({PUMP}))
    visits = (*problem.visits[:SWEEP], sweep)
    # nobody counts a pump in stock, but t3 has it on board: a fact, not a choice
    problem = replace(problem, team_days=tuple(days), visits=visits)
    assert violations(problem, plan_at(problem, STARTS)) == ()


def test_pieces_that_are_on_board_already_are_no_fault_of_other_work() -> None:
    # t1 has 5 of 4 pieces on board and brings no more of them
    problem, plan = told_with_day(
        0, lambda day: replace(day, committed_materials=((ASPHALT, 5),))
    )
    assert violations(problem, plan) == ()
