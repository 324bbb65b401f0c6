"""What routes owe each other, with the times worked out beside each assertion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.improve import repaired
from dispatch.domain.plan import Stop
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import NO_STARTS, DayScheduler, Order, Timing
from dispatch.domain.score import score_of
from dispatch.domain.together import (
    broken_together,
    has_tools_for,
    linked,
    starts_of,
)
from dispatch.domain.visit import After, Visit
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit
from tests.problem_strategies import rich_problems

BARE = shift(lunch=None)
LIFT = frozenset({"lift"})
DONE = Stop(
    visit_id="done",
    arrive_s=at("9:10"),
    start_s=at("9:10"),
    end_s=at("9:40"),
    drive_s=600,
    drive_m=4_000,
)


def two_teams(*visits: tuple[Visit, int], **tools: int) -> DayProblem:
    days = [team_day(team("t1", shift=BARE)), team_day(team("t2", shift=BARE))]
    return day_problem(visits, days=days, tools=tuple(tools.items()))


def timings(
    problem: DayProblem,
    orders: Sequence[Order],
    starts: Mapping[int, int] = NO_STARTS,
) -> list[Timing]:
    scheduler = DayScheduler(problem, starts)
    found = [scheduler.timing(at_team, order) for at_team, order in enumerate(orders)]
    return [timing for timing in found if timing is not None]


def broken(
    problem: DayProblem,
    orders: Sequence[Order],
    starts: Mapping[int, int] = NO_STARTS,
) -> set[int]:
    return set(broken_together(problem, orders, timings(problem, orders, starts)))


def test_linked_are_visits_of_two_teams_and_those_that_wait_or_are_waited_for() -> None:
    problem = two_teams(
        (visit("alone"), 5),
        (visit("both", num_teams=2), 5),
        (visit("safe"), 5),
        (visit("repair", after=(After(visit_id="safe"),)), 5),
        (visit("waits for what is over", after=(After(visit_id="gone"),)), 5),
    )
    assert linked(problem) == {1, 2, 3}


def test_two_teams_begin_at_one_moment_or_the_visit_is_broken() -> None:
    problem = two_teams((visit("both", num_teams=2), 10), (visit("first"), 10))
    # t1 comes at 9:10; t2 works 9:10-9:40 at `first` beside it, and then begins
    assert broken(problem, [(0,), (1, 0)]) == {0}
    assert score_of(DayScheduler(problem), [(0,), (1, 0)]) is None
    together = {0: at("9:40")}
    assert broken(problem, [(0,), (1, 0)], together) == set()
    score = score_of(DayScheduler(problem, together), [(0,), (1, 0)])
    assert score is not None
    assert score.unserved_b == 0


def test_one_team_alone_does_not_serve_a_visit_of_two() -> None:
    problem = two_teams((visit("both", num_teams=2), 10))
    assert broken(problem, [(0,), ()]) == {0}
    assert broken(problem, [(0,), (0,)]) == set()
    assert broken(problem, [(), ()]) == set()


def test_a_visit_begins_when_the_one_before_has_ended_and_the_gap_is_over() -> None:
    waits = visit("repair", after=(After(visit_id="safe", gap_s=20 * MIN),))
    problem = two_teams((visit("safe"), 10), (waits, 10))
    # safe 9:10-9:40, and 20 minutes: 10:00
    assert broken(problem, [(0,), (1,)]) == {1}
    assert broken(problem, [(0,), (1,)], {1: at("10:00") - 1}) == {1}
    assert broken(problem, [(0,), (1,)], {1: at("10:00")}) == set()
    assert broken(problem, [(0, 1), ()], {1: at("10:00")}) == set()


def test_a_visit_whose_forerunner_is_left_out_is_broken() -> None:
    waits = visit("repair", after=(After(visit_id="safe"),))
    problem = two_teams((visit("safe"), 10), (waits, 10))
    assert broken(problem, [(), (1,)]) == {1}
    assert broken(problem, [(0,), ()]) == set()


def test_a_forerunner_of_the_team_that_works_slowly_ends_later() -> None:
    slow = team("t1", shift=BARE, service_times=(("R01", 60 * MIN),))
    waits = visit("repair", category_code="R05", after=(After(visit_id="safe"),))
    problem = day_problem(
        [(visit("safe"), 10), (waits, 10)],
        days=[team_day(slow), team_day(team("t2", shift=BARE))],
    )
    # 9:10 and 60 minutes, not the 30 of the visit
    assert broken(problem, [(0,), (1,)], {1: at("10:09")}) == {1}
    assert broken(problem, [(0,), (1,)], {1: at("10:10")}) == set()


def test_what_waits_for_a_stop_under_way_is_not_linked_but_waits() -> None:
    waits = visit("repair", after=(After(visit_id="done", gap_s=20 * MIN),))
    out = team_day(
        team("t1", shift=BARE), start_node=1, free_from_s=at("9:40"), committed=(DONE,)
    )
    days = [out, team_day(team("t2", shift=BARE))]
    problem = day_problem([(waits, 10)], days=days)
    assert linked(problem) == set()
    (_, timing) = timings(problem, [(), (0,)])
    assert timing.starts_s == (at("10:00"),)  # 9:40 and 20 minutes


def test_no_more_teams_bring_a_tool_than_there_are() -> None:
    visits = [(visit(f"v{i}", tools=LIFT), 10) for i in range(3)]
    problem = two_teams(*visits, lift=1)
    assert broken(problem, [(0,), (1,)]) == {0, 1}
    assert score_of(DayScheduler(problem), [(0,), (1,)]) is None
    # a team that brings it keeps it all day
    assert broken(problem, [(0, 1, 2), ()]) == set()
    assert broken(two_teams(*visits, lift=2), [(0,), (1, 2)]) == set()
    assert broken(two_teams(*visits), [(0,), ()]) == {0}  # there is none at all


def test_a_tool_that_is_on_the_road_already_counts_and_is_no_ones_fault() -> None:
    days = [
        team_day(team("t1", shift=BARE), committed_tools=LIFT),
        team_day(team("t2", shift=BARE)),
    ]
    problem = day_problem(
        [(visit("a", tools=LIFT), 10), (visit("b"), 5)], days=days, tools=(("lift", 1),)
    )
    assert broken(problem, [(0,), (1,)]) == set()
    assert broken(problem, [(), (0, 1)]) == {0}
    assert has_tools_for(problem, [(), ()], 0, 0)
    assert not has_tools_for(problem, [(), ()], 1, 0)
    assert has_tools_for(problem, [(), ()], 1, 1)


def test_starts_are_those_of_linked_visits_and_where_teams_differ_the_later() -> None:
    problem = two_teams((visit("both", num_teams=2), 10), (visit("first"), 10))
    orders: list[Order] = [(0,), (1, 0)]
    assert starts_of(problem, orders, timings(problem, orders)) == {0: at("9:40")}
    alone = two_teams((visit("a"), 10))
    assert starts_of(alone, [(0,), ()], timings(alone, [(0,), ()])) == {}


@settings(max_examples=60, deadline=None)
@given(problem=rich_problems(), data=st.data())
def test_what_is_repaired_keeps_together_whatever_it_was(
    problem: DayProblem, data: st.DataObject
) -> None:
    teams, visits = len(problem.team_days), range(len(problem.visits))
    pinned = st.dictionaries(
        st.sampled_from(sorted(linked(problem)) or [0]),
        st.integers(9 * 60, 14 * 60).map(lambda minute: minute * MIN),
    )
    starts = data.draw(pinned) if linked(problem) else {}
    wild = [tuple(data.draw(st.permutations(visits))) for _ in range(teams)]
    scheduler = DayScheduler(problem, starts)
    orders = repaired(scheduler, wild)
    assert score_of(scheduler, orders) is not None
    counts = {index: sum(index in order for order in orders) for index in visits}
    for index, visit_ in enumerate(problem.visits):
        assert counts[index] in {0, visit_.num_teams}
