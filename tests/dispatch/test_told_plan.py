"""A plan is told for any orders: legal ones as they are, others as near as can be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.plan import Plan, Stop, Unassigned, UnassignedReason
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.score import score_of
from dispatch.domain.team import Vehicle
from dispatch.domain.told_plan import orders_of, starts_in, told_plan
from dispatch.domain.travel import RestrictedTravel
from dispatch.domain.visit import After, ForbiddenHours, TimeWindow
from dispatch.ports import SearchParams
from tests.builders import MIN, at, day_problem, road, shift, team, team_day, visit
from tests.fake_solver import GreedySolver
from tests.problem_strategies import rich_problems
from tests.strategies import problems

BARE = shift(lunch=None)
PARAMS = SearchParams(iterations=1)


def rules(problem: DayProblem, plan: Plan) -> list[str]:
    return [broken.rule for broken in violations(problem, plan)]


def starts(plan: Plan) -> dict[str, int]:
    return {stop.visit_id: stop.start_s for _, _, stop in plan.stops()}


@given(problems(timed=True))
def test_legal_orders_are_told_as_the_scheduler_places_them(
    problem: DayProblem,
) -> None:
    orders = GreedySolver().search(problem, PARAMS, lambda _: None).orders
    scheduler = DayScheduler(problem)
    plan = told_plan(problem, orders)
    assert plan.routes == tuple(scheduler.route(i, o) for i, o in enumerate(orders))
    assert plan.score == score_of(scheduler, orders)
    assert violations(problem, plan) == ()
    assert orders_of(problem, plan) == orders


@given(rich_problems(), st.data())
def test_any_orders_have_times_and_what_they_break_is_found(
    problem: DayProblem, data: st.DataObject
) -> None:
    count = len(problem.visits)
    whose = data.draw(
        st.lists(
            st.integers(-1, len(problem.team_days) - 1), min_size=count, max_size=count
        )
    )
    orders = [
        tuple(index for index in range(count) if whose[index] == team_index)
        for team_index in range(len(problem.team_days))
    ]
    plan = told_plan(problem, orders)
    assert orders_of(problem, plan) == tuple(orders)
    legal = score_of(DayScheduler(problem, starts_in(problem, plan)), orders)
    allowed = all(
        problem.visits[index].allows(problem.team_days[at_].team)
        for at_, order in enumerate(orders)
        for index in order
    )
    assert (not violations(problem, plan)) == (legal is not None and allowed)


def test_a_shift_that_is_too_short_is_told_with_its_end() -> None:
    short = team_day(team(shift=shift(lunch=None, end_s=at("10:00"))))
    problem = day_problem([(visit("a"), 10), (visit("b"), 10)], days=[short])
    plan = told_plan(problem, [(0, 1)])
    # 9:10-9:40, 9:40-10:10, back at 10:20
    assert plan.routes[0].return_s == at("10:20")
    assert plan.score.overtime_s == 20 * MIN
    assert rules(problem, plan) == ["shift"]


def test_too_much_load_does_not_change_the_times() -> None:
    heavy = visit("heavy", load_kg=300, materials=(("砂", 3),))
    van = Vehicle(name="車", load_kg=500, materials=(("砂", 9),))
    loaded = team_day(team(shift=BARE, vehicle=van), committed_load_kg=400)
    problem = day_problem([(heavy, 10)], days=[loaded])
    plan = told_plan(problem, [(0,)])
    assert starts(plan) == {"heavy": at("9:10")}
    assert rules(problem, plan) == ["vehicle load"]


def test_only_the_promise_that_cannot_be_kept_is_broken() -> None:
    nine = TimeWindow(start_s=at("9:00"), end_s=at("9:30"))
    eleven = TimeWindow(start_s=at("11:00"), end_s=at("11:30"))
    visits = [
        (visit("long", service_s=60 * MIN), 10),
        (visit("missed", windows=(nine,)), 10),
        (visit("kept", windows=(nine, eleven)), 10),
    ]
    problem = day_problem(visits, days=[team_day(team(shift=BARE))])
    plan = told_plan(problem, [(0, 1, 2)])
    # long until 10:10; missed at once, 10:10-10:40; kept waits for its second window
    assert starts(plan) == {
        "long": at("9:10"),
        "missed": at("10:10"),
        "kept": at("11:00"),
    }
    assert rules(problem, plan) == ["appointment"]


def test_locks_and_hard_due_times_that_are_missed_are_told() -> None:
    lock = TimeWindow(start_s=at("9:00"), end_s=at("9:15"))
    visits = [
        (visit("long", service_s=60 * MIN), 10),
        (visit("locked", start_between=lock), 10),
        (visit("hard", due_s=at("10:00"), hard_due=True), 10),
    ]
    problem = day_problem(visits, days=[team_day(team(shift=BARE))])
    plan = told_plan(problem, [(0, 1, 2)])
    assert starts(plan)["locked"] == at("10:10")
    assert starts(plan)["hard"] == at("10:40")
    assert len(rules(problem, plan)) == 2


def too_late_for_lunch() -> TeamDay:
    """Free at 12:50; lunch would have to begin by 12:45."""
    return team_day(free_from_s=at("12:50"))


def test_a_lunch_that_does_not_fit_is_taken_late() -> None:
    problem = day_problem([(visit("a"), 10)], days=[too_late_for_lunch()])
    plan = told_plan(problem, [(0,)])
    # there at 13:00, done at 13:30, home at 13:40: no lunch delays less
    assert plan.routes[0].lunch_start_s == at("13:40")
    assert rules(problem, plan) == ["lunch"]


def test_what_bars_one_team_leaves_the_other_as_it_is() -> None:
    always = ForbiddenHours(start_s=0, end_s=200 * 86_400)
    visits = [(visit("a"), 10), (visit("never", forbidden=(always,)), 10)]
    days = [team_day(), team_day(team("t2", shift=BARE))]
    problem = day_problem(visits, days=days)
    plan = told_plan(problem, [(0,), (1,)])
    assert starts(plan) == {"a": at("9:10"), "never": at("9:10")}
    assert rules(problem, plan) == ["forbidden hours"]


def test_where_no_way_leads_the_drive_takes_a_day() -> None:
    problem = day_problem(
        [(visit("island"), 10)],
        days=[team_day(team(shift=BARE))],
        unreachable=[1],
    )
    plan = told_plan(problem, [(0,)])
    assert starts(plan) == {"island": at("9:00") + 86_400}
    assert "reachable" in rules(problem, plan)
    free = problem.travel
    closed = RestrictedTravel(
        windows=((0, 86_400),), duration_s=free.duration_s, distance_m=free.distance_m
    )
    timed = replace(problem, travel=replace(free, restricted=closed))
    assert "reachable" in rules(timed, told_plan(timed, [(0,)]))


def two_teams(**overrides: object) -> DayProblem:
    """t1 can be at the visit of two teams at 9:30, t2 from 10:30 on."""
    late = team_day(team("t2", shift=BARE), free_from_s=at("10:00"))
    both = replace(visit("both", num_teams=2), **overrides)  # type: ignore[arg-type]
    return day_problem(
        [(both, 30), (visit("then", after=(After(visit_id="both"),)), 30)],
        days=[team_day(team("t1", shift=BARE)), late],
    )


def test_the_first_of_two_teams_waits_for_the_second() -> None:
    problem = two_teams()
    plan = told_plan(problem, [(0,), (0, 1)])
    assert [stop.start_s for _, _, stop in plan.stops() if stop.visit_id == "both"] == [
        at("10:30"),
        at("10:30"),
    ]
    assert starts(plan)["then"] == at("11:00")
    assert violations(problem, plan) == ()
    assert starts_in(problem, plan) == {0: at("10:30"), 1: at("11:00")}


def test_a_moment_that_was_told_is_kept_when_it_can_be() -> None:
    problem = two_teams()
    plan = told_plan(problem, [(0,), (0,)], starts={0: at("11:00")})
    assert starts(plan) == {"both": at("11:00")}
    moved = told_plan(problem, [(0,), (0,)], starts={0: at("9:30")})
    assert starts(moved) == {"both": at("10:30")}


def test_visits_that_wait_for_each_other_in_a_circle_come_to_no_rest() -> None:
    # t1 goes to b after a, t2 to a after b: each waits for the other
    pair = [(visit("a", num_teams=2), 10), (visit("b", num_teams=2), 20)]
    days = [team_day(team("t1", shift=BARE)), team_day(team("t2", shift=BARE))]
    problem = day_problem(pair, days=days)
    plan = told_plan(problem, [(0, 1), (1, 0)])
    assert len(starts(plan)) == 2
    assert rules(problem, plan)


def test_what_a_visit_waits_for_moves_it_later() -> None:
    first = visit("first")
    then = visit("then", after=(After(visit_id="first", gap_s=60 * MIN),))
    gone = visit("gone", after=(After(visit_id="over"),))
    days = [team_day(team("t1", shift=BARE)), team_day(team("t2", shift=BARE))]
    problem = day_problem([(first, 10), (then, 10), (gone, 10)], days=days)
    plan = told_plan(problem, [(0,), (1, 2)])
    # first ends at 9:40; an hour later
    assert starts(plan)["then"] == at("10:40")
    assert violations(problem, plan) == ()
    # not in the plan: nothing to wait for, and the rule is broken
    alone = told_plan(problem, [(), (1, 2)])
    assert starts(alone)["then"] == at("9:10")
    assert rules(problem, alone)


def test_committed_stops_held_visits_and_words_are_in_the_plan() -> None:
    done = Stop(
        visit_id="done",
        arrive_s=at("9:10"),
        start_s=at("9:10"),
        end_s=at("9:40"),
        drive_s=10 * MIN,
        drive_m=4000,
    )
    out = TeamDay(
        team=team(shift=BARE),
        start_node=1,
        end_node=0,
        free_from_s=at("9:40"),
        committed=(done,),
        departed_s=at("9:00"),
    )
    problem = day_problem([(visit("a"), 10), (visit("b", crew=9), 10)], days=[out])
    held = Unassigned(
        visit_id="held", reason=UnassignedReason.ON_HOLD, sentence="待機中"
    )
    plan = told_plan(problem, [(0,)], on_hold=[held], method="by hand")
    assert [stop.visit_id for stop in plan.routes[0].stops] == ["done", "a"]
    assert [item.visit_id for item in plan.unassigned] == ["b", "held"]
    assert plan.method == "by hand"
    assert orders_of(problem, plan) == ((0,),)


def test_a_team_that_has_no_route_has_an_empty_order() -> None:
    problem = day_problem(
        [(visit("a", urgency=Urgency.C), 10)],
        days=[team_day(team("t1")), team_day(team("t2"))],
    )
    plan = told_plan(problem, [(0,), ()])
    alone = replace(plan, routes=plan.routes[1:])
    assert orders_of(problem, alone) == ((), ())


@pytest.mark.parametrize("far", [10, 20])
def test_the_road_is_as_long_as_it_is(far: int) -> None:
    problem = replace(day_problem([(visit("a"), far)]), travel=road([0, far]))
    assert told_plan(problem, [(0,)]).drive_s == 2 * far * MIN
