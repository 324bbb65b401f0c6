"""Bound: arithmetic of small days aloud, and no plan of a tiny day beats it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dispatch.domain.bound import Bound, LevelBound, bound_of
from dispatch.domain.catalogue import Urgency
from dispatch.domain.day_limits import NEVER_S, DayLimits, least_drive_s, least_num_left
from dispatch.domain.levels import DEFAULT_LEVELS, SCORE_FIELDS, Level
from dispatch.domain.plan import Score, Stop
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.together import starts_of
from dispatch.domain.travel import TravelMatrix
from dispatch.domain.visit import TimeWindow
from tests.builders import (
    MIN,
    at,
    day_problem,
    shift,
    team,
    team_day,
    visit,
)
from tests.problem_strategies import rich_problems
from tests.strategies import problems, timed_matrices

HOUR = 60 * MIN
S, A, B, C = tuple(Urgency)[:4]
NO_LUNCH = shift(lunch=None)


def best_of(problem: DayProblem) -> Score:
    """Score of the best plan, by trying all."""
    return min(all_scores(problem), key=lambda score: score.key(problem.levels))


def all_scores(problem: DayProblem) -> Iterator[Score]:
    """Scores of all plans of a tiny day, linked visits pinned where they first meet."""
    scheduler = DayScheduler(problem)
    for orders in all_orders(problem):
        score = score_of(scheduler, orders)
        if score is None:
            timings = [scheduler.timing(at, one) for at, one in enumerate(orders)]
            placed = [timing for timing in timings if timing is not None]
            if len(placed) == len(timings):
                pinned = DayScheduler(problem, starts_of(problem, orders, placed))
                score = score_of(pinned, orders)
        if score is not None:
            yield score


def all_orders(problem: DayProblem) -> Iterator[tuple[Order, ...]]:
    """Every way to give visits to as many teams as they need, in every order."""
    num_teams = len(problem.team_days)
    choices = [
        [(), *itertools.combinations(range(num_teams), one.num_teams)]
        for one in problem.visits
    ]
    scheduler = DayScheduler(problem)
    for given_to in itertools.product(*choices):
        own = [
            [index for index, who in enumerate(given_to) if at in who]
            for at in range(num_teams)
        ]
        if all(scheduler.allows(at, i) for at, rows in enumerate(own) for i in rows):
            yield from itertools.product(*(itertools.permutations(o) for o in own))


def of(bound: Bound, level: Level) -> LevelBound:
    return next(one for one in bound.levels if one.level is level)


def bound(problem: DayProblem, score: Score | None = None) -> Bound:
    return bound_of(problem, score or best_of(problem))


# -- no plan is better -----------------------------------------------------------------


def flat(problem: DayProblem, score: Score) -> list[int]:
    return [n for level in problem.levels for n in _numbers(score, level)]


def _numbers(score: Score, level: Level) -> tuple[int, ...]:
    return tuple(getattr(score, name) for name in SCORE_FIELDS[level])


def require_that_nothing_beats_its_bound(problem: DayProblem) -> None:
    """Hold the bound of the best plan and of two others against every plan."""
    scores = sorted(all_scores(problem), key=lambda score: score.key(problem.levels))
    others = [flat(problem, score) for score in scores]
    for chosen in {0, len(scores) // 2, len(scores) - 1}:
        own = others[chosen]
        found = bound(problem, scores[chosen])
        unknown = {one.level for one in found.levels if one.lower is None}
        event(f"proven: {len(found.proven)}, driving known: {not unknown}")
        lower = [
            number
            for one in found.levels
            for number in (one.lower or (0,) * len(one.value))
        ]
        for other in others:
            for at_number, number in enumerate(other):
                assert number >= lower[at_number]
                if number > own[at_number]:
                    break  # worse here: the bounds below do not speak of it


@settings(max_examples=60, deadline=None)
@given(problem=problems(max_visits=4, max_teams=2, timed=True), levels=st.data())
def test_no_plan_of_a_tiny_timed_day_beats_the_bound(
    problem: DayProblem, levels: st.DataObject
) -> None:
    order = levels.draw(st.just(DEFAULT_LEVELS) | st.permutations(DEFAULT_LEVELS))
    require_that_nothing_beats_its_bound(replace(problem, levels=tuple(order)))


@settings(max_examples=60, deadline=None)
@given(problem=rich_problems(max_visits=3))
def test_no_plan_of_a_tiny_day_with_every_rule_beats_the_bound(
    problem: DayProblem,
) -> None:
    require_that_nothing_beats_its_bound(problem)


# -- what is proven --------------------------------------------------------------------


def test_a_team_that_goes_out_along_the_road_and_back_is_proven_best() -> None:
    # 10 and 20 minutes out on one road: 40 minutes there and back. Picking one leg
    # into and one out of each place costs as much: 10 + 10 + 20, and no cheaper way,
    # for a visit and the next visit may not be each other's both ways: 13:00 is last.
    one = visit("v1", windows=(TimeWindow(start_s=at("9:00"), end_s=at("9:30")),))
    two = visit("v2", windows=(TimeWindow(start_s=at("13:00"), end_s=at("14:00")),))
    found = bound(day_problem([(one, 10), (two, 20)]))
    assert of(found, Level.DRIVING).value == (40 * MIN,)
    assert of(found, Level.DRIVING).lower == (40 * MIN,)
    assert found.proven == DEFAULT_LEVELS
    assert found.first_unproven is None
    assert found.sentence() == "すべての点で証明済みの最良です。"


def test_driving_that_is_not_proven_is_told_in_percent() -> None:
    # Two places 20 and 21 minutes out: 42 minutes. A plan that drives 45 of them
    # drives 3 more than the bound: 7.1 %, told as 8.
    problem = day_problem([(visit("v1"), 20), (visit("v2"), 21)])
    found = bound(problem, replace(best_of(problem), drive_s=45 * MIN))
    drive = found.drive
    assert (drive.value, drive.lower) == ((45 * MIN,), (42 * MIN,))
    assert (drive.gap, drive.gap_percent) == (3 * MIN, 8)
    assert found.first_unproven == drive
    assert found.sentence() == (
        "S案件の期限、約束と当日案件、実施する件数、遅れは証明済みの最良です。"
        "移動は下限より最大8%長い可能性があります。"
    )


def test_a_full_day_is_proven_by_its_minutes() -> None:
    # 8.5 hours and no lunch, 5 minutes home. A visit takes 4 hours at least: B and one
    # C fit (they stand side by side), the other C is left out.
    visits = [
        (visit(f"v{i}", urgency=urgency, service_s=4 * HOUR), 5)
        for i, urgency in enumerate((B, C, C))
    ]
    days = [team_day(team(shift=NO_LUNCH))]
    found = bound(day_problem(visits, days=days))
    served = of(found, Level.SERVED)
    assert served.value == served.lower == (0, 0, 0, 1)
    assert of(found, Level.LATENESS).is_proven
    assert found.drive.lower is None
    assert found.drive.gap is None
    assert found.sentence() == (
        "S案件の期限、約束と当日案件、実施する件数、遅れは証明済みの最良です。"
        "移動がどこまで減らせるかは分かっていません。"
    )


def test_minutes_of_an_idle_office_do_not_count_for_another() -> None:
    # The day above, with a team of the south that may not go to the north's visits.
    visits = [(visit(f"v{i}", service_s=4 * HOUR), 5) for i in range(3)]
    south = team("s1", office_id="south", shift=NO_LUNCH)
    days = [team_day(team(shift=NO_LUNCH)), team_day(south)]
    assert of(bound(day_problem(visits, days=days)), Level.SERVED).lower == (0, 0, 1, 0)
    shared = [
        (replace(one, allowed_office_ids=frozenset({"north", "south"})), far)
        for one, far in visits
    ]
    found = bound(day_problem(shared, days=days))
    assert of(found, Level.SERVED).lower == (0, 0, 0, 0)


def test_what_less_urgent_work_needs_is_left_after_the_more_urgent() -> None:
    # 8.5 hours. B takes 6 hours, each C 3: with B served 2.5 hours are left and no C
    # fits. Were B left out, both would.
    visits = [
        (visit("b", service_s=6 * HOUR), 0),
        (visit("c1", urgency=C, service_s=3 * HOUR), 0),
        (visit("c2", urgency=C, service_s=3 * HOUR), 0),
    ]
    problem = day_problem(visits, days=[team_day(team(shift=NO_LUNCH))])
    assert of(bound(problem), Level.SERVED).lower == (0, 0, 0, 2)
    without_b = replace(best_of(problem), unserved_b=1, unserved_c=0)
    assert of(bound(problem, without_b), Level.SERVED).lower == (0, 0, 0, 0)


def test_a_visit_that_nobody_reaches_is_proven_to_be_left_out() -> None:
    visits = [(visit("v1", urgency=S), 10), (visit("v2"), 20)]
    found = bound(day_problem(visits, unreachable=[1]))
    assert of(found, Level.S_ON_TIME).lower == (1,)
    assert of(found, Level.SERVED).lower == (1, 0, 0, 0)
    assert found.drive.lower == (40 * MIN,)
    assert len(found.proven) == len(DEFAULT_LEVELS)


def test_s_visits_at_one_moment_are_more_than_one_team_can_be_in_time_for() -> None:
    # Three of an hour each, due at 9:30, at the yard: the first begins at 9:00, the
    # second at 10:00. Until 9:30 there are 30 minutes, and the last begun needs none of
    # its hour: 90 minutes, one visit.
    urgent = {"urgency": S, "service_s": HOUR, "due_s": at("9:30")}
    found = bound(day_problem([(visit(f"v{i}", **urgent), 0) for i in range(3)]))
    assert of(found, Level.S_ON_TIME).value == of(found, Level.S_ON_TIME).lower == (2,)


def test_a_promise_at_the_same_time_as_another_is_proven_to_be_broken() -> None:
    noon = {"service_s": HOUR, "windows": (TimeWindow(start_s=0, end_s=at("9:30")),)}
    visits = [(visit("v1", **noon), 0), (visit("v2", **noon), 0)]
    promises = of(bound(day_problem(visits)), Level.PROMISES)
    assert promises.value == promises.lower == (1,)


def test_lateness_that_nobody_can_help_is_proven() -> None:
    # Reported at 12:00, due at 11:00: an hour, 4 steps. Overdue at midnight, begun at
    # 9:10 at the earliest: 550 minutes, 37 steps.
    visits = [
        (visit("v1", release_s=at("12:00"), due_s=at("11:00")), 10),
        (visit("v2", due_s=0), 10),
    ]
    found = bound(day_problem(visits))
    assert of(found, Level.LATENESS).value == (0, 41)
    assert of(found, Level.LATENESS).lower == (0, 41)


def test_lateness_in_a_queue_is_not_proven_and_told_in_minutes() -> None:
    # Both due at 9:10 and 10 minutes away: one begins at 9:40, 2 steps late. Each alone
    # would be on time.
    visits = [(visit(f"v{i}", due_s=at("9:10")), 10) for i in range(2)]
    found = bound(day_problem(visits))
    first = of(found, Level.LATENESS)
    assert (first.value, first.lower, first.gap) == ((0, 2), (0, 0), 2)
    assert first.gap_percent is None
    assert found.sentence() == (
        "S案件の期限、約束と当日案件、実施する件数は証明済みの最良です。"
        "遅れは最良より合計で最大30分長い可能性があります。"
    )
    longer = replace(best_of(day_problem(visits)), drive_s=21 * MIN)
    assert (
        bound(day_problem(visits), longer)
        .sentence()
        .endswith("長い可能性があります。移動は下限より最大5%長い可能性があります。")
    )


def test_a_visit_of_two_teams_begins_when_the_second_can_be_there() -> None:
    # The second team begins at 10:00: an hour late, 4 steps.
    pair = visit("v1", num_teams=2, due_s=at("9:00"))
    late_shift = replace(NO_LUNCH, start_s=at("10:00"))
    days = [team_day(), team_day(team("t2", shift=late_shift))]
    limits = DayLimits(day_problem([(pair, 0)], days=days))
    assert limits.earliest_s.tolist() == [at("10:00")]
    alone = DayLimits(day_problem([(pair, 0)]))
    assert alone.earliest_s.tolist() == [NEVER_S]


def test_numbers_that_a_worse_plan_has_are_told_as_its_gap() -> None:
    problem = day_problem([(visit("v1", urgency=S), 10), (visit("v2"), 10)])
    best = best_of(problem)
    late = bound(problem, replace(best, s_not_on_time=1))
    assert late.proven == ()
    assert late.sentence() == (
        "S案件の期限は、守れないものが最良より最大1件多い可能性があります。"
    )
    fewer = bound(problem, replace(best, unserved_b=1))
    assert fewer.sentence() == (
        "S案件の期限、約束と当日案件は証明済みの最良です。"
        "実施する件数は、B案件が最良より最大1件少ない可能性があります。"
    )
    uneven = bound(problem, replace(best, balance_s=60))
    assert uneven.sentence().endswith("負担の公平が最良かどうかは分かっていません。")


def test_a_city_that_puts_driving_first_learns_only_what_holds_then() -> None:
    # Whoever leaves everything out drives nothing and is never late.
    first = (Level.DRIVING, Level.LATENESS, *DEFAULT_LEVELS)
    levels = tuple(dict.fromkeys(first))
    problem = day_problem([(visit("v1", due_s=0), 10)], levels=levels)
    found = bound(problem, replace(best_of(problem), drive_s=20 * MIN))
    assert found.drive.lower is None
    assert of(found, Level.LATENESS).lower == (0, 0)


def test_each_district_is_gone_to_by_somebody() -> None:
    visits = [
        (visit(f"v{i}", district_id=district), 10 + i)
        for i, district in enumerate(("d1", "d2", "d1", None))
    ]
    assert of(bound(day_problem(visits)), Level.COMPACTNESS).lower == (2,)
    assert of(bound(day_problem(visits)), Level.COMPACTNESS).is_proven


# -- limits of a day -------------------------------------------------------------------


def out(**overrides: Any) -> TeamDay:  # noqa: ANN401 - keyword overrides
    """Build a team that is free at the place of node 1 at 15:00."""
    done = Stop(
        visit_id="done", arrive_s=0, start_s=0, end_s=at("15:00"), drive_s=0, drive_m=0
    )
    plain = team_day(
        start_node=1,
        free_from_s=at("15:00"),
        lunch_start_s=at("12:00"),
        committed=(done,),
    )
    return replace(plain, **overrides)


def test_a_team_that_is_out_drives_home_and_one_that_is_cut_off_does_not() -> None:
    gone = visit("v1", skills=frozenset({"diving"}))
    home = day_problem([(gone, 30)], days=[out(), team_day(team("t2"))])
    assert bound(home).drive.lower == bound(home).drive.value == (30 * MIN,)
    lost = day_problem([(gone, 30)], days=[out()], unreachable=[1])
    assert bound(lost).drive.lower == bound(lost).drive.value == (0,)


@pytest.mark.parametrize(
    ("free", "service_min", "start"),
    [
        ("9:00", 30, "9:10"),  # lunch after it
        ("9:00", 215, "9:10"),  # to 12:45, the last moment for lunch
        ("9:00", 216, "12:15"),  # lunch from 11:30 to 12:15 before it
        ("12:30", 60, "13:25"),  # 10 minutes of driving and 45 of lunch before it
        ("12:46", 10, None),  # too late for lunch: nothing new
    ],
)
def test_lunch_is_before_the_visit_or_after_it(
    free: str, service_min: int, start: str | None
) -> None:
    work = visit("v1", service_s=service_min * MIN)
    day = team_day(free_from_s=at(free))
    limits = DayLimits(day_problem([(work, 10)], days=[day]))
    assert limits.earliest_s.tolist() == [NEVER_S if start is None else at(start)]


def test_a_way_through_another_place_counts_when_it_is_shorter() -> None:
    # Straight there 60 minutes, through the other place 10 + 10.
    problem = day_problem([(visit("v1"), 10), (visit("v2"), 20)])
    duration_s = problem.travel.duration_s.copy()
    duration_s[0, 2] = 60 * MIN
    travel = replace(problem.travel, duration_s=duration_s)
    assert DayLimits(replace(problem, travel=travel)).earliest_s[1] == at("9:20")


def test_the_seconds_of_a_team_end_with_its_way_home_and_its_lunch() -> None:
    # 9:00 to 17:30 are 510 minutes, 45 of them lunch, 10 the way home: 455. With the
    # shift ending at 13:20, back by 12:45 and lunch then is more: 225 - 10.
    whole = DayLimits(day_problem([(visit("v1"), 10)]))
    assert whole.room_s(0) == 455 * MIN
    short = team_day(team(shift=shift(end_s=at("13:20"))))
    assert (
        DayLimits(day_problem([(visit("v1"), 10)], days=[short])).room_s(0) == 215 * MIN
    )
    idle = team_day(team(skills=frozenset(), office_id="south"))
    assert DayLimits(day_problem([(visit("v1"), 10)], days=[idle])).room_s(0) == 0


@settings(max_examples=50, deadline=None)
@given(travel=timed_matrices(4), leave_s=st.integers(0, 86_399))
def test_no_drive_is_shorter_than_the_least(travel: TravelMatrix, leave_s: int) -> None:
    least_s = least_drive_s(travel)
    for here, there in itertools.product(range(4), repeat=2):
        assert travel.drive_s(here, there, leave_s) >= least_s[here, there]


def test_the_shortest_visits_fill_the_minutes() -> None:
    assert least_num_left([], 100) == 0
    assert least_num_left([50, 10, 40], 50) == 1  # 10 and 40
    assert least_num_left([50, 10, 40], 49) == 2
    assert least_num_left([50, 10, 40], -1) == 3


def test_a_city_without_teams_or_visits_has_nothing_to_prove() -> None:
    for problem in (day_problem(), day_problem([(visit("v1"), 5)], days=[])):
        assert bound(problem).first_unproven is None
