"""Each edit by hand gives a plan, what it breaks, and what it costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.errors import InvalidInputError, NotFoundError
from dispatch.domain.hand_edit import (
    LOCK_S,
    Drop,
    Edit,
    EditedDay,
    Insert,
    Lock,
    Move,
    Reorder,
    Unlock,
    edited,
    opened,
)
from dispatch.domain.levels import Level
from dispatch.domain.problem import DayProblem
from dispatch.domain.told_plan import told_plan
from dispatch.domain.visit import TimeWindow
from dispatch.ports import SearchParams
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit
from tests.fake_solver import GreedySolver
from tests.strategies import problems

SHORT = shift(lunch=None, end_s=at("11:00"))


def street() -> DayProblem:
    """Four visits of 20 minutes, 10 to 40 minutes down the road; two short teams."""
    ten = TimeWindow(start_s=at("9:30"), end_s=at("10:00"))
    visits = [
        (visit("a", service_s=20 * MIN), 10),
        (visit("b", service_s=20 * MIN, windows=(ten,)), 20),
        (visit("c", service_s=20 * MIN), 30),
        (visit("d", service_s=20 * MIN, urgency=Urgency.C), 40),
    ]
    days = [team_day(team("t1", shift=SHORT)), team_day(team("t2", shift=SHORT))]
    return day_problem(visits, days=days)


def hands() -> EditedDay:
    """t1 does a and b, t2 does c; d is left out."""
    problem = street()
    return opened(problem, told_plan(problem, [(0, 1), (2,)]))


def ids(day: EditedDay, team_index: int) -> list[str]:
    return [stop.visit_id for stop in day.plan.routes[team_index].stops]


def test_nothing_is_changed_by_opening() -> None:
    day = hands()
    assert day.changes.is_nothing
    assert day.may_be_published
    assert all(level.before == level.after for level in day.changes.levels)


def test_a_move_to_another_team_tells_its_price() -> None:
    day = edited(hands(), Move(visit_id="a", team_id="t2", position=0))
    assert (ids(day, 0), ids(day, 1)) == (["b"], ["a", "c"])
    assert day.may_be_published
    assert day.changes.team_changes == ("a",)
    assert day.changes.drive_saved_s == 0  # both drive past it anyway
    assert day.plan.method == "edited by hand"


def test_a_move_within_a_team_counts_positions_without_the_visit() -> None:
    day = edited(hands(), Move(visit_id="a", team_id="t1", position=1))
    assert ids(day, 0) == ["b", "a"]
    assert day.changes.order_inversions == 1


def test_what_an_edit_breaks_is_shown_and_never_published() -> None:
    # all four with t1: a 9:10, c 9:50, d 10:20, then b at 11:00, promised until 10:00
    day = edited(hands(), Move(visit_id="b", team_id="t2", position=1))
    day = edited(day, Reorder(team_id="t2", visit_ids=("c", "b")))
    # c 9:30-9:50, b at 10:00: just in time
    assert day.may_be_published
    day = edited(day, Insert(visit_id="d", team_id="t2", position=1))
    # d 10:00-10:20, b at 10:40: 40 minutes late, back at 11:20
    assert not day.may_be_published
    assert {broken.rule for broken in day.violations} == {"appointment", "shift"}
    assert day.changes.promises_broken == ("b",)
    by_level = {one.level: (one.before, one.after) for one in day.changes.levels}
    assert by_level[Level.OVERTIME] == ((0,), (20 * MIN,))
    assert by_level[Level.SERVED] == ((0, 0, 0, 1), (0, 0, 0, 0))
    back = edited(day, Drop(visit_id="d"))
    assert back.may_be_published


def test_a_reorder_names_every_stop_still_to_come_once() -> None:
    day = edited(hands(), Reorder(team_id="t1", visit_ids=("b", "a")))
    assert ids(day, 0) == ["b", "a"]
    for wrong in (("a",), ("a", "a"), ("a", "b", "c")):
        with pytest.raises(InvalidInputError):
            edited(hands(), Reorder(team_id="t1", visit_ids=wrong))


def test_a_dropped_visit_is_left_out_with_a_reason() -> None:
    day = edited(hands(), Drop(visit_id="c"))
    assert ids(day, 1) == []
    assert {item.visit_id for item in day.plan.unassigned} == {"c", "d"}
    assert all(item.sentence for item in day.plan.unassigned)
    assert day.changes.visits_out == ("c",)


def test_a_lock_binds_hour_and_team_and_an_unlock_frees_them() -> None:
    day = edited(hands(), Lock(visit_id="c"))
    locked = day.problem.visits_by_id["c"]
    # c begins at 9:30
    assert locked.start_between == TimeWindow(
        start_s=at("9:30") - LOCK_S, end_s=at("9:30") + LOCK_S
    )
    assert locked.team_id == "t2"
    assert day.changes.is_nothing
    # moving it, or a visit in front of it, breaks the lock and is shown
    moved = edited(day, Move(visit_id="c", team_id="t1", position=2))
    assert not moved.may_be_published
    delayed = edited(day, Insert(visit_id="d", team_id="t2", position=0))
    assert not delayed.may_be_published
    free = edited(moved, Unlock(visit_id="c"))
    assert free.may_be_published
    assert free.problem.visits == street().visits


def test_an_unlocked_visit_may_stay_bound_to_its_team() -> None:
    day = edited(hands(), Lock(visit_id="c"))
    day = edited(day, Unlock(visit_id="c", team_id="t2"))
    assert day.problem.visits_by_id["c"].team_id == "t2"
    assert day.problem.visits_by_id["c"].start_between is None


def test_a_visit_of_two_teams_is_locked_by_its_hour_and_moves_one_team_at_a_time() -> (
    None
):
    days = [team_day(team(f"t{i}", shift=SHORT)) for i in (1, 2, 3)]
    problem = day_problem([(visit("two", num_teams=2), 10)], days=days)
    day = opened(problem, told_plan(problem, [(0,), (0,), ()]))
    assert edited(day, Lock(visit_id="two")).problem.visits[0].team_id is None
    moved = edited(
        day, Move(visit_id="two", team_id="t3", position=0, from_team_id="t2")
    )
    assert moved.orders == ((0,), (), (0,))
    assert moved.may_be_published
    first = edited(day, Move(visit_id="two", team_id="t3", position=0))
    assert first.orders == ((), (0,), (0,))
    for source, target in (("t3", "t1"), ("t1", "t2")):
        with pytest.raises(InvalidInputError):
            edited(
                day,
                Move(visit_id="two", team_id=target, position=0, from_team_id=source),
            )
    gone = edited(day, Drop(visit_id="two"))
    half = edited(gone, Insert(visit_id="two", team_id="t1", position=0))
    assert not half.may_be_published
    whole = edited(half, Insert(visit_id="two", team_id="t3", position=0))
    assert whole.may_be_published
    with pytest.raises(InvalidInputError):
        edited(whole, Insert(visit_id="two", team_id="t2", position=0))


def test_an_edit_taken_back_leaves_no_trace() -> None:
    days = [team_day(team(f"t{i}", shift=SHORT)) for i in (1, 2)]
    visits = [(visit("two", num_teams=2, service_s=600), 10), (visit("x"), 10)]
    problem = day_problem(visits, days=days)
    day = opened(problem, told_plan(problem, [(0,), (0, 1)]))
    later = edited(day, Reorder(team_id="t2", visit_ids=("x", "two")))
    assert later.plan.routes[0].stops[0].start_s == at("9:40")
    back = edited(later, Reorder(team_id="t2", visit_ids=("two", "x")))
    assert back.plan.routes == day.plan.routes
    assert back.changes.is_nothing


@pytest.mark.parametrize(
    "edit",
    [
        Move(visit_id="d", team_id="t1", position=0),
        Move(visit_id="a", team_id="t2", position=2),
        Move(visit_id="a", team_id="t2", position=-1),
        Insert(visit_id="a", team_id="t1", position=0),
        Insert(visit_id="a", team_id="t2", position=0),
        Drop(visit_id="d"),
        Lock(visit_id="d"),
        Unlock(visit_id="a"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(edit: Edit) -> None:
    with pytest.raises(InvalidInputError):
        edited(hands(), edit)


def test_unknown_visits_and_teams_are_told() -> None:
    with pytest.raises(NotFoundError):
        edited(hands(), Drop(visit_id="x"))
    with pytest.raises(NotFoundError):
        edited(hands(), Reorder(team_id="t9", visit_ids=()))


@given(problems(max_visits=6), st.data())
def test_every_move_gives_a_plan_whose_violations_are_all_shown(
    problem: DayProblem, data: st.DataObject
) -> None:
    params = SearchParams(iterations=1)
    orders = GreedySolver().search(problem, params, lambda _: None).orders
    day = opened(problem, told_plan(problem, orders))
    served = [problem.visits[index].id for order in orders for index in order]
    if not served:
        return
    for _ in range(3):
        team_index = data.draw(st.integers(0, len(problem.team_days) - 1))
        move = Move(
            visit_id=data.draw(st.sampled_from(served)),
            team_id=problem.team_days[team_index].team.id,
            position=0,
        )
        day = edited(day, move)
        assert move.visit_id == ids(day, team_index)[0]
        assert day.violations == violations(problem, day.plan)
        assert sorted(stop.visit_id for _, _, stop in day.plan.stops()) == sorted(
            served
        )
