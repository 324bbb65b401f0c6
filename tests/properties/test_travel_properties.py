"""Travel by the time of day: no overtaking, no closed street, every plan legal."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from dispatch.domain.checks import violations
from dispatch.domain.plan import level_of_legs
from dispatch.domain.problem import DayProblem
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.travel import UNREACHABLE_S, Traffic, TravelMatrix
from dispatch.planning import plan_day
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay
from tests.brute_force import first_start_s
from tests.builders import MIN, silent
from tests.fake_solver import GreedySolver
from tests.properties.test_plan_properties import Cost, load_room
from tests.strategies import problems, timed_matrices, traffics

PARAMS = SearchParams(seed=5)
SIZE = 4
moments = st.integers(0, 26 * 3600)
nodes = st.integers(0, SIZE - 1)


# -- traffic ---------------------------------------------------------------------------


def exact_arrival(traffic: Traffic, base_s: int, depart_s: int) -> Fraction:
    """Drive second by second at the speed of each second, in fractions."""
    left, clock = Fraction(base_s), depart_s
    while True:
        factor = next(
            period.factor
            for period in reversed(traffic.periods)
            if period.start_s <= clock
        )
        speed = 1 / Fraction(round(factor * 1000), 1000)
        if left <= speed:
            return clock + left / speed
        left -= speed
        clock += 1


@settings(max_examples=60, deadline=None)
@given(traffic=traffics(), base_s=st.integers(0, 1_500), depart_s=moments)
def test_a_drive_through_traffic_takes_what_driving_every_second_takes(
    traffic: Traffic, base_s: int, depart_s: int
) -> None:
    exact = exact_arrival(traffic, base_s, depart_s)
    arrive_s = depart_s + traffic.drive_s(base_s, depart_s)
    assert arrive_s - 1 < exact <= arrive_s


@settings(max_examples=300, deadline=None)
@given(
    traffic=traffics(),
    base_s=st.integers(0, 4 * 3600),
    depart_s=moments,
    later_s=st.integers(0, 4 * 3600),
)
def test_in_traffic_who_leaves_later_never_arrives_earlier(
    traffic: Traffic, base_s: int, depart_s: int, later_s: int
) -> None:
    first = depart_s + traffic.drive_s(base_s, depart_s)
    second = depart_s + later_s + traffic.drive_s(base_s, depart_s + later_s)
    assert first <= second


@settings(max_examples=100, deadline=None)
@given(traffic=traffics(), start_s=moments, length_s=st.integers(1, 24 * 3600))
def test_the_mean_factor_lies_between_the_least_and_the_most(
    traffic: Traffic, start_s: int, length_s: int
) -> None:
    mean = traffic.mean_factor(start_s, start_s + length_s)
    factors = [period.factor for period in traffic.periods]
    assert min(factors) - 1e-9 <= mean <= max(factors) + 1e-9


# -- timed closures --------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(
    travel=timed_matrices(SIZE),
    here=nodes,
    there=nodes,
    depart_s=moments,
    later_s=st.integers(0, 4 * 3600),
)
def test_with_closures_too_who_leaves_later_never_arrives_earlier(
    travel: TravelMatrix, here: int, there: int, depart_s: int, later_s: int
) -> None:
    first = depart_s + travel.drive_s(here, there, depart_s)
    second = depart_s + later_s + travel.drive_s(here, there, depart_s + later_s)
    assert first <= second


def ways(
    travel: TravelMatrix, here: int, there: int, depart_s: int
) -> list[tuple[int, int]]:
    """Arrivals and metres of every allowed way, leaving now or at any minute later."""
    found = []
    last_s = max([end_s for _, end_s in windows_of(travel)], default=0)
    waits = range(0, max(0, last_s - depart_s) + MIN, MIN)  # ends are whole minutes
    for leave_s in (depart_s, *(depart_s - depart_s % MIN + w + MIN for w in waits)):
        open_s = int(travel.duration_s[here, there])
        if open_s < UNREACHABLE_S:
            arrive_s = leave_s + travel.traffic.drive_s(open_s, leave_s)
            seconds = set(range(leave_s, arrive_s))
            closed = any(seconds & set(range(*span)) for span in windows_of(travel))
            if not closed:
                found.append((arrive_s, int(travel.distance_m[here, there])))
        if travel.restricted is not None:
            by_s = int(travel.restricted.duration_s[here, there])
            if by_s < UNREACHABLE_S:
                arrive_s = leave_s + travel.traffic.drive_s(by_s, leave_s)
                metres = int(travel.restricted.distance_m[here, there])
                found.append((arrive_s, metres))
    return found


def windows_of(travel: TravelMatrix) -> tuple[tuple[int, int], ...]:
    return () if travel.restricted is None else travel.restricted.windows


@settings(max_examples=40, deadline=None)
@given(
    travel=timed_matrices(SIZE),
    here=nodes,
    there=nodes,
    depart_s=st.integers(0, 24 * 3600),
)
def test_a_drive_is_the_earliest_that_never_uses_a_closed_street(
    travel: TravelMatrix, here: int, there: int, depart_s: int
) -> None:
    """Leaving at any minute of the day is no earlier, and no other way is taken."""
    allowed = ways(travel, here, there, depart_s)
    drive_s = travel.drive_s(here, there, depart_s)
    event("a way" if allowed else "no way")
    if not allowed:
        assert drive_s == UNREACHABLE_S
        assert travel.typical_s()[here, there] == UNREACHABLE_S
        return
    assert depart_s + drive_s == min(arrive_s for arrive_s, _ in allowed)
    metres = travel.drive_m(here, there, depart_s)
    assert (depart_s + drive_s, metres) in allowed
    assert travel.typical_s()[here, there] < UNREACHABLE_S


@settings(max_examples=100, deadline=None)
@given(travel=timed_matrices(SIZE), here=nodes, depart_s=moments)
def test_staying_takes_no_time_at_any_moment(
    travel: TravelMatrix, here: int, depart_s: int
) -> None:
    assert travel.drive_s(here, here, depart_s) == 0
    assert travel.drive_m(here, here, depart_s) == 0


@settings(max_examples=100, deadline=None)
@given(
    travel=timed_matrices(SIZE + 2),
    kept=st.lists(st.integers(0, SIZE + 1), min_size=1, max_size=SIZE),
    depart_s=moments,
)
def test_a_part_of_the_places_travels_as_in_the_whole(
    travel: TravelMatrix, kept: list[int], depart_s: int
) -> None:
    part = travel.part(kept)
    for row, here in enumerate(kept):
        for column, there in enumerate(kept):
            leg, whole = (row, column, depart_s), (here, there, depart_s)
            assert part.drive_s(*leg) == travel.drive_s(*whole)
            assert part.drive_m(*leg) == travel.drive_m(*whole)
            assert part.leg_level(row, column) is travel.leg_level(here, there)
    expected_s = travel.typical_s()[np.ix_(kept, kept)]
    assert (part.typical_s() == expected_s).all()


@settings(max_examples=40, deadline=None)
@given(problem=problems(max_visits=4, timed=True), depart_s=moments)
def test_a_timed_day_goes_to_another_process_as_it_is(
    problem: DayProblem, depart_s: int
) -> None:
    again = pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own bytes
    assert again.visits == problem.visits
    assert again.travel.traffic == problem.travel.traffic
    assert again.travel.place_levels == problem.travel.place_levels
    for here in range(len(problem.travel)):
        for there in range(len(problem.travel)):
            leg = (here, there, depart_s)
            assert again.travel.drive_s(*leg) == problem.travel.drive_s(*leg)
            assert again.travel.drive_m(*leg) == problem.travel.drive_m(*leg)
            assert again.travel.leg_level(here, there) is problem.travel.leg_level(
                here, there
            )


# -- plans -----------------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(problem=problems(timed=True))
def test_every_plan_of_a_timed_day_is_legal(problem: DayProblem) -> None:
    day = PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})
    plan = plan_day(day, GreedySolver(), PARAMS, silent).plan
    assert violations(problem, plan) == ()
    event("served" if plan.num_served else "nobody served")
    level = level_of_legs(plan.routes, without_legs=problem.travel.level)
    assert plan.travel_level is level


@settings(max_examples=120, deadline=None)
@given(problem=problems(max_visits=5, max_teams=2, timed=True), data=st.data())
def test_the_metres_of_a_route_are_those_of_the_way_that_is_driven(
    problem: DayProblem, data: st.DataObject
) -> None:
    count = len(problem.visits)
    order = tuple(data.draw(st.permutations(range(count)))[:3])
    scheduler = DayScheduler(problem)
    if scheduler.timing(0, order) is None:
        return
    route = scheduler.route(0, order)
    here, free_s = problem.team_days[0].start_node, problem.team_days[0].free_from_s
    for stop, index in zip(route.stops, order, strict=True):
        there = problem.visit_nodes[index]
        leaves = [free_s] + ([] if route.lunch_end_s is None else [route.lunch_end_s])
        drives = [
            (
                problem.travel.drive_s(here, there, leave_s),
                problem.travel.drive_m(here, there, leave_s),
            )
            for leave_s in leaves
            if free_s <= leave_s <= stop.arrive_s
        ]
        assert (stop.drive_s, stop.drive_m) in drives
        here, free_s = there, stop.end_s


def walk(
    problem: DayProblem, order: Order, *, lunch_leg: int, lunch_start_s: int
) -> Cost | None:
    """Walk an order of team 0; pause 2·leg is before a leg, 2·leg + 1 after it."""
    day = problem.team_days[0]
    lunch = day.team.shift.lunch
    clock, here = day.free_from_s, day.start_node
    late = [0, 0, 0, 0]
    total_s = 0
    for leg, index in enumerate((*order, None)):
        there = day.end_node if index is None else problem.visit_nodes[index]
        for pause in (2 * leg, 2 * leg + 1):
            if pause % 2:
                drive_s = problem.travel.drive_s(here, there, clock)
                clock, total_s = clock + drive_s, total_s + drive_s
                if index is None and pause == lunch_leg:
                    return finished(problem, order, late, clock, total_s, lunch_start_s)
            if pause == lunch_leg:
                if lunch is None or clock > lunch_start_s:
                    return None
                clock = lunch_start_s + lunch.duration_s
        if index is None:
            break
        visit = problem.visits[index]
        service_s = dict(day.team.service_times).get("R01", visit.service_s)
        start_s = first_start_s(visit, service_s, clock)
        if start_s is None:
            return None
        clock = start_s
        quarters = -(-visit.late_s(clock) // 900)
        urgent = visit.urgency.rank
        if quarters:
            late[0] += urgent == 0
            late[1] += urgent == 1
            late[2 if urgent == 0 else 3] += quarters
        clock, here = clock + service_s, there
    return finished(problem, order, late, clock, total_s, clock)


def finished(
    problem: DayProblem,
    order: Order,
    late: list[int],
    back_s: int,
    total_s: int,
    lunch_start_s: int,
) -> Cost | None:
    shift = problem.team_days[0].team.shift
    if (order and back_s > shift.limit_s) or lunch_start_s < back_s:
        return None
    return late[0], late[1], late[2], late[3], total_s + max(0, back_s - shift.end_s)


@settings(max_examples=120, deadline=None)
@given(
    problem=problems(max_visits=4, max_teams=1, easy=True, timed=True), data=st.data()
)
def test_no_lunch_at_any_minute_of_a_timed_day_is_in_time_for_more(
    problem: DayProblem, data: st.DataObject
) -> None:
    """The levels above driving are the best of all lunches, and none is missed."""
    order = tuple(data.draw(st.permutations(range(len(problem.visits))))[:3])
    if not order or sum(problem.visits[i].load_kg for i in order) > load_room(
        problem, 0
    ):
        return
    lunch = problem.team_days[0].team.shift.lunch
    tries = [(-1, 0)]
    if lunch is not None:
        tries = [
            (leg, start_s)
            for start_s in range(lunch.earliest_s, lunch.latest_start_s + 1)
            if start_s % MIN == 0
            for leg in range(2 * len(order) + 2)
        ]
    costs = [
        walk(problem, order, lunch_leg=leg, lunch_start_s=start_s)
        for leg, start_s in tries
    ]
    best = min((cost[:4] for cost in costs if cost is not None), default=None)
    timing = DayScheduler(problem).timing(0, order)
    event("legal" if timing else "not legal")
    if best is not None:
        assert timing is not None
        assert timing.cost()[:4] <= best
