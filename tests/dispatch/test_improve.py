"""Repair and improvement: least urgent goes first, nothing gets worse, seeds repeat."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.improve import improved, missing, repaired, with_inserted
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.score import score_of
from dispatch.domain.visit import TimeWindow
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit
from tests.strategies import problems

TWO_HOURS = team_day(team(shift=shift(lunch=None, end_s=at("11:00"))))


def full_morning() -> DayProblem:
    """Room for two of three visits of 50 minutes (10 min away: 20 + 100 = 120)."""
    return day_problem(
        [
            (visit("b", urgency=Urgency.B, service_s=50 * MIN), 10),
            (visit("c", urgency=Urgency.C, service_s=50 * MIN), 10),
            (visit("s", urgency=Urgency.S, service_s=50 * MIN), 10),
        ],
        days=[TWO_HOURS],
    )


def test_repair_takes_out_the_least_urgent_until_the_order_is_legal() -> None:
    scheduler = DayScheduler(full_morning())
    assert scheduler.timing(0, (0, 1, 2)) is None
    assert repaired(scheduler, [(0, 1, 2)]) == [(0, 2)]


def test_repair_drops_several_when_one_does_not_suffice() -> None:
    visits = [
        (visit(f"v{i}", urgency=u, service_s=50 * MIN), 10)
        for i, u in enumerate((Urgency.C, Urgency.S, Urgency.C, Urgency.A, Urgency.B))
    ]
    scheduler = DayScheduler(day_problem(visits, days=[TWO_HOURS]))
    assert repaired(scheduler, [(0, 1, 2, 3, 4)]) == [(1, 3)]


def test_repair_fills_what_is_left_out_most_urgent_first() -> None:
    scheduler = DayScheduler(full_morning())
    (order,) = repaired(scheduler, [()])
    assert set(order) == {0, 2}  # S, then B; C finds no room


def test_repair_keeps_a_visit_in_one_team_and_drops_what_a_team_may_not_do() -> None:
    sewer = visit("sewer", skills=frozenset({"sewer"}))
    days = [team_day(team("t1")), team_day(team("t2", skills=frozenset({"sewer"})))]
    scheduler = DayScheduler(day_problem([(visit("a"), 5), (sewer, 6)], days=days))
    # a is listed twice in t1 and once in t2; t1 may not do the sewer
    assert repaired(scheduler, [(0, 0, 1), (0,)]) == [(0,), (1,)]


def test_missing_lists_the_most_urgent_then_promised_then_earliest_due() -> None:
    window = TimeWindow(start_s=at("9:00"), end_s=at("10:00"))
    visits = [
        (visit("b-late", due_s=at("12:00")), 1),
        (visit("b-never"), 1),
        (visit("b-early", due_s=at("10:00")), 1),
        (visit("b-promised", window=window), 1),
        (visit("s", urgency=Urgency.S), 1),
        (visit("served", urgency=Urgency.S), 1),
    ]
    scheduler = DayScheduler(day_problem(visits))
    assert missing(scheduler, [(5,)]) == [4, 3, 2, 0, 1]


def test_insertion_takes_the_place_that_adds_least_driving() -> None:
    visits = [(visit("far"), 40), (visit("near"), 10), (visit("between"), 25)]
    scheduler = DayScheduler(
        day_problem(visits, days=[team_day(), team_day(team("x"))])
    )
    # on the road between the two it costs nothing; alone with team x it costs 50 min
    assert with_inserted(scheduler, [(1, 0), ()], [2]) == [(1, 2, 0), ()]


def test_insertion_leaves_out_what_fits_nowhere() -> None:
    scheduler = DayScheduler(full_morning())
    assert with_inserted(scheduler, [(0, 2)], [1]) == [(0, 2)]


def test_improvement_untangles_a_crossed_route() -> None:
    visits = [(visit(f"v{minute}"), minute) for minute in (5, 40, 10, 35, 15)]
    day = day_problem(visits, days=[team_day(team(shift=shift(lunch=None)))])
    scheduler = DayScheduler(day)
    before = score_of(scheduler, [(0, 1, 2, 3, 4)])
    after = score_of(
        scheduler, improved(scheduler, [(0, 1, 2, 3, 4)], seed=1, iterations=60)
    )
    assert before is not None
    assert after is not None
    # 5 + 35 + 30 + 25 + 20 + 15 = 130 minutes; the best is there and back: 80
    assert before.drive_s == 130 * MIN
    assert after.drive_s == 80 * MIN


def test_improvement_stops_when_it_is_told_to() -> None:
    scheduler = DayScheduler(full_morning())
    asked = 0

    def in_time() -> bool:
        nonlocal asked
        asked += 1
        return asked < 4

    improved(scheduler, [(0, 1)], seed=1, iterations=50, in_time=in_time)
    assert asked <= 5  # the step that hears "no" may ask once more while inserting


def test_improvement_of_an_empty_or_illegal_start_gives_it_back() -> None:
    assert improved(DayScheduler(day_problem()), [()], seed=1, iterations=5) == [()]
    scheduler = DayScheduler(full_morning())
    assert improved(scheduler, [(0, 1, 2)], seed=1, iterations=5) == [(0, 1, 2)]


@settings(max_examples=40, deadline=None)
@given(problem=problems(max_visits=8), seed=st.integers(0, 10**6))
def test_improvement_is_never_worse_and_the_same_seed_repeats(
    problem: DayProblem, seed: int
) -> None:
    scheduler = DayScheduler(problem)
    start = repaired(scheduler, [() for _ in problem.team_days])
    once = improved(scheduler, start, seed=seed, iterations=15)
    again = improved(DayScheduler(problem), start, seed=seed, iterations=15)
    assert once == again
    before, after = score_of(scheduler, start), score_of(scheduler, once)
    assert before is not None
    assert after is not None
    assert after.key() <= before.key()
