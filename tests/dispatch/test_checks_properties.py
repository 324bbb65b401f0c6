"""The independent checker beside the placement, and beside a check minute by minute."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import event, given, settings
from hypothesis import strategies as st

from dispatch.domain.checks import violations
from dispatch.domain.checks_score import counted_score
from dispatch.domain.improve import with_inserted
from dispatch.domain.plan import Plan, Unassigned, UnassignedReason, level_of_legs
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import DayScheduler, Order
from dispatch.domain.score import score_of
from dispatch.domain.together import linked
from dispatch.domain.visit import Visit
from tests.builders import MIN
from tests.problem_strategies import (
    Starts,
    plan_at,
    rich_problems,
    service_of_s,
)
from tests.strategies import minutes

Orders = list[Order]
NEVER_S = 10**6  # later than any day ends


# -- what the placement makes is legal -------------------------------------------------


def pinned(problem: DayProblem, data: st.DataObject) -> dict[int, int]:
    """Draw moments for visits that other routes depend on, later ones not earlier."""
    held = sorted(linked(problem))
    moment = minutes(9 * 60, 13 * 60)
    drawn = data.draw(
        st.lists(moment, min_size=len(held), max_size=len(held)), label="pins"
    )
    return dict(zip(held, sorted(drawn), strict=True))


def inserted(
    problem: DayProblem, starts: dict[int, int]
) -> tuple[DayScheduler, Orders]:
    """Insert the linked visits where all their teams can go, then all the others."""
    scheduler = DayScheduler(problem, starts=starts)
    orders: Orders = [() for _ in problem.team_days]
    for index in starts:
        orders = with_teams(scheduler, orders, index) or orders
    others = [index for index in range(len(problem.visits)) if index not in starts]
    return scheduler, with_inserted(scheduler, orders, others)


def with_teams(scheduler: DayScheduler, orders: Orders, index: int) -> Orders | None:
    """Insert one visit for as many teams as it needs, the first that can."""
    num_teams = scheduler.problem.visits[index].num_teams
    for team_indices in itertools.combinations(range(len(orders)), num_teams):
        if not all(scheduler.allows(at_team, index) for at_team in team_indices):
            continue
        choices = [
            [
                (*orders[at_team][:place], index, *orders[at_team][place:])
                for place in range(len(orders[at_team]) + 1)
            ]
            for at_team in team_indices
        ]
        for longer in itertools.product(*choices):
            tried = list(orders)
            for at_team, order in zip(team_indices, longer, strict=True):
                tried[at_team] = order
            if score_of(scheduler, tried) is not None:
                return tried
    return None


def plan_of_orders(scheduler: DayScheduler, orders: Orders) -> Plan:
    problem, score = scheduler.problem, score_of(scheduler, orders)
    assert score is not None
    routes = tuple(scheduler.route(index, order) for index, order in enumerate(orders))
    going = {index for order in orders for index in order}
    return Plan(
        date=problem.date,
        routes=routes,
        unassigned=tuple(
            Unassigned(visit_id=one.id, reason=UnassignedReason.NO_TIME, sentence="")
            for index, one in enumerate(problem.visits)
            if index not in going
        ),
        score=score,
        travel_level=level_of_legs(routes, without_legs=problem.travel.level),
        seed=1,
    )


@settings(max_examples=150, deadline=None)
@given(problem=rich_problems(), data=st.data())
def test_what_is_inserted_by_the_exact_placement_breaks_no_rule(
    problem: DayProblem, data: st.DataObject
) -> None:
    scheduler, orders = inserted(problem, pinned(problem, data))
    plan = plan_of_orders(scheduler, orders)
    going = [problem.visits[index] for order in orders for index in order]
    event("two teams" if any(one.num_teams > 1 for one in going) else "one team")
    event("after" if any(one.after for one in going) else "none after")
    event("tools" if any(one.tools for one in going) else "no tools")
    assert violations(problem, plan) == ()
    assert counted_score(problem, plan) == score_of(scheduler, orders)


# -- what a person changes is faulted exactly when a rule is broken --------------------


@st.composite
def changed(draw: st.DrawFn, problem: DayProblem, starts: Starts) -> Starts:
    """Draw one change by hand: shift, hand over, drop, swap, reorder or add a stop."""
    routes = [list(going) for going in starts]
    route = draw(st.sampled_from(routes))
    other = draw(st.sampled_from(routes))
    change = draw(st.sampled_from(("shift", "hand over", "drop", "reorder", "add")))
    if change == "add" or not route:
        index = draw(st.integers(0, len(problem.visits) - 1))
        start_s = draw(minutes(9 * 60, 17 * 60))
        other.append((index, start_s))
        other.sort(key=lambda stop: stop[1])
        return routes
    place = draw(st.integers(0, len(route) - 1))
    index, start_s = route[place]
    if change == "shift":
        route[place] = (index, start_s + draw(minutes(-30, 30)))
    elif change == "reorder":
        other_place = draw(st.integers(0, len(route) - 1))
        other_index, other_start_s = route[other_place]
        route[place], route[other_place] = (
            (other_index, start_s),
            (index, other_start_s),
        )
    else:
        del route[place]
        if change == "hand over":
            other.append((index, start_s))
            other.sort(key=lambda stop: stop[1])
    return routes


@settings(max_examples=300, deadline=None)
@given(problem=rich_problems(lunch=False), data=st.data())
def test_a_plan_changed_by_hand_is_faulted_exactly_when_it_breaks_a_rule(
    problem: DayProblem, data: st.DataObject
) -> None:
    scheduler, orders = inserted(problem, pinned(problem, data))
    starts = starts_of(scheduler, orders)
    assert is_legal(problem, starts)
    assert violations(problem, plan_at(problem, starts)) == ()
    starts = data.draw(changed(problem, starts), label="starts")
    legal = is_legal(problem, starts)
    event("still legal" if legal else "broken")
    assert (violations(problem, plan_at(problem, starts)) == ()) is legal


def starts_of(scheduler: DayScheduler, orders: Orders) -> Starts:
    timings = [scheduler.timing(index, order) for index, order in enumerate(orders)]
    return [
        list(zip(order, timing.starts_s, strict=True))
        for order, timing in zip(orders, timings, strict=True)
        if timing is not None
    ]


def is_legal(problem: DayProblem, starts: Starts) -> bool:
    """Walk each route, then look at all together; every time is a whole minute."""
    days = problem.team_days
    for day, going in zip(days, starts, strict=True):
        if going and not (
            can_hold(problem, day, going) and in_time(problem, day, going)
        ):
            return False
    return tools_suffice(problem, starts) and agree(problem, starts)


def can_hold(
    problem: DayProblem, day: TeamDay, going: Sequence[tuple[int, int]]
) -> bool:
    """Take what is on board and what each stop needs off the vehicle's room."""
    vehicle = day.team.vehicle
    room_kg = vehicle.load_kg - day.committed_load_kg
    room = dict(vehicle.materials)
    for name, count in day.committed_materials:
        room[name] = room.get(name, 0) - count
    for index, _ in going:
        room_kg -= problem.visits[index].load_kg
        for name, count in problem.visits[index].materials:
            room[name] = room.get(name, 0) - count
            if count and room[name] < 0:
                return False
    return room_kg >= 0


def in_time(
    problem: DayProblem, day: TeamDay, going: Sequence[tuple[int, int]]
) -> bool:
    clock_s, here = day.free_from_s, day.start_node
    for index, start_s in going:
        one, there = problem.visits[index], problem.visit_nodes[index]
        clock_s += int(problem.travel.duration_s[here, there])
        if start_s < clock_s or not may_begin(day, one, start_s):
            return False
        clock_s, here = start_s + service_of_s(day.team, one), there
    clock_s += int(problem.travel.duration_s[here, day.end_node])
    return clock_s <= day.team.shift.limit_s


def may_begin(day: TeamDay, one: Visit, start_s: int) -> bool:
    member, vehicle = day.team, day.team.vehicle
    lock = one.start_between
    working = set(range(start_s, start_s + service_of_s(member, one), MIN))
    promised: set[int] = set()
    for window in one.windows:
        promised |= set(range(window.start_s, window.end_s + MIN, MIN))
    shut: set[int] = set()
    for hours in one.forbidden:
        shut |= set(range(hours.start_s, hours.end_s, MIN))
    return all(
        (
            one.skills <= member.skills,
            one.crew <= member.crew_size,
            member.office_id in one.allowed_office_ids,
            one.team_id in {None, member.id},
            one.max_width_cm is None or (vehicle.width_cm or 999) <= one.max_width_cm,
            not one.vehicle_classes or vehicle.vehicle_class in one.vehicle_classes,
            start_s >= one.release_s,
            not one.windows or start_s in promised,
            not working & shut,
            not one.hard_due or start_s <= (one.due_s or 0),
            lock is None or lock.start_s <= start_s <= lock.end_s,
        )
    )


def tools_suffice(problem: DayProblem, starts: Starts) -> bool:
    """Count teams by tool; those that only have it since before are a fact."""
    for tool, stock in problem.tools:
        before = [tool in day.committed_tools for day in problem.team_days]
        wanted = [
            any(tool in problem.visits[index].tools for index, _ in going)
            for going in starts
        ]
        held = [had or wants for had, wants in zip(before, wanted, strict=True)]
        if held != before and sum(held) > stock:
            return False
    return True


def agree(problem: DayProblem, starts: Starts) -> bool:
    """Whether visits have all their teams at one moment, and none waits in vain."""
    ends_s = {
        stop.visit_id: stop.end_s for d in problem.team_days for stop in d.committed
    }
    begun: dict[int, list[int]] = {}
    for day, going in zip(problem.team_days, starts, strict=True):
        if len({index for index, _ in going}) < len(going):
            return False
        for index, start_s in going:
            one = problem.visits[index]
            end_s = start_s + service_of_s(day.team, one)
            ends_s[one.id] = max(end_s, ends_s.get(one.id, 0))
            begun.setdefault(index, []).append(start_s)
    for index, moments in begun.items():
        one = problem.visits[index]
        if len(moments) != one.num_teams or len(set(moments)) != 1:
            return False
        for before in one.after:
            left_out_s = NEVER_S if before.visit_id in problem.visits_by_id else 0
            end_s = ends_s.get(before.visit_id, left_out_s)
            if end_s and moments[0] < end_s + before.gap_s:
                return False
    return True
