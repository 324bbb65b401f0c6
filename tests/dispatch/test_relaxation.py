"""Relaxations: granted, they give the day and the orders that were promised."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dispatch.domain.catalogue import Urgency
from dispatch.domain.errors import ConflictError
from dispatch.domain.relaxation import (
    RELAXATION_COST,
    NewOrder,
    Relaxation,
    RelaxationKind,
    applied,
    is_sound,
    is_urgent,
)
from dispatch.domain.schedule import DayScheduler
from dispatch.domain.visit import After, TimeWindow
from tests.builders import MIN, at, day_problem, shift, team, team_day, visit

LOCKED = visit(
    "v2",
    due_s=at("10:00"),
    hard_due=True,
    team_id="t1",
    start_between=TimeWindow(start_s=at("9:00"), end_s=at("10:00")),
    windows=(TimeWindow(start_s=at("9:00"), end_s=at("10:00")),),
)
DAYS = (
    team_day(team("t1", shift=shift(overtime_max_s=10 * MIN))),
    team_day(team("t2")),
)
PROBLEM = day_problem(
    [(visit("v1"), 10), (LOCKED, 20)], days=DAYS, tools=(("lift", 1),)
)


def granted(kind: RelaxationKind, **overrides: object) -> Relaxation:
    """Let v2 in after v1."""
    plain = Relaxation(
        kind=kind,
        visit_id="v2",
        team_id="t1",
        start_s=at("9:50"),
        price_min=0,
        drive_s=0,
        new_orders=(NewOrder(team_id="t1", visit_ids=("v1", "v2")),),
    )
    return replace(plain, **overrides)  # type: ignore[arg-type]


def test_each_kind_changes_its_own_rule_and_nothing_else() -> None:
    first, second = DAYS
    longer = replace(first.team, shift=shift(overtime_max_s=25 * MIN))
    window = TimeWindow(start_s=at("13:00"), end_s=at("14:00"))
    cases: dict[Relaxation, dict[str, Any]] = {
        granted(RelaxationKind.NOTHING): {},
        granted(RelaxationKind.OVERTIME, minutes=15): {"team": longer},
        granted(RelaxationKind.PERSON): {"team": replace(first.team, crew_size=3)},
        granted(RelaxationKind.SKILL, names=("sewer",)): {
            "team": replace(first.team, skills=frozenset({"sewer"}))
        },
        granted(RelaxationKind.TOOL, names=("lift", "pump")): {
            "tools": (("lift", 2), ("pump", 1))
        },
        granted(RelaxationKind.UNLOCK): {
            "visit": replace(LOCKED, team_id=None, start_between=None)
        },
        granted(RelaxationKind.HARD_DUE): {"visit": replace(LOCKED, hard_due=False)},
        granted(RelaxationKind.WINDOW, window=window): {
            "visit": replace(LOCKED, windows=(window,))
        },
        granted(RelaxationKind.OFFICE): {
            "visit": replace(LOCKED, allowed_office_ids=frozenset({"north"}))
        },
    }
    for relaxation, changes in cases.items():
        after = applied(PROBLEM, [(0,), ()], relaxation)
        day = replace(first, team=changes.get("team", first.team))
        assert after.problem == replace(
            PROBLEM,
            team_days=(day, second),
            visits=(PROBLEM.visits[0], changes.get("visit", LOCKED)),
            tools=changes.get("tools", PROBLEM.tools),
        )
        assert after.orders == ((0, 1), ())
        assert after.starts == {}
    assert {relaxation.kind for relaxation in cases} | {
        RelaxationKind.MOVE_OVER,
        RelaxationKind.SWAP_OUT,
    } == set(RelaxationKind)


def test_the_office_of_the_team_that_helps_out_is_allowed() -> None:
    away = replace(DAYS[0], team=replace(DAYS[0].team, office_id="south"))
    problem = replace(PROBLEM, team_days=(away, DAYS[1]))
    after = applied(problem, [(0,), ()], granted(RelaxationKind.OFFICE))
    assert after.problem.visits[1].allowed_office_ids == {"north", "south"}


def test_the_visit_that_makes_room_leaves_or_changes_its_team() -> None:
    out = granted(
        RelaxationKind.SWAP_OUT,
        other_visit_id="v1",
        new_orders=(NewOrder(team_id="t1", visit_ids=("v2",)),),
    )
    assert applied(PROBLEM, [(0,), ()], out).orders == ((1,), ())
    over = granted(
        RelaxationKind.MOVE_OVER,
        other_visit_id="v1",
        other_team_id="t2",
        new_orders=(
            NewOrder(team_id="t1", visit_ids=("v2",)),
            NewOrder(team_id="t2", visit_ids=("v1",)),
        ),
    )
    assert applied(PROBLEM, [(0,), ()], over).orders == ((1,), (0,))


def test_a_linked_visit_is_pinned_to_its_moment_beside_the_others() -> None:
    second = visit("v2", after=(After(visit_id="v1"),))
    problem = replace(PROBLEM, visits=(PROBLEM.visits[0], second))
    relaxation = granted(RelaxationKind.NOTHING)
    starts = {0: at("9:10")}
    after = applied(problem, [(0,), ()], relaxation, starts=starts)
    assert after.starts == {0: at("9:10"), 1: at("9:50")}
    assert is_sound(DayScheduler(problem, starts), [(0,), ()], relaxation)
    early = replace(relaxation, start_s=at("9:30"))
    assert not is_sound(DayScheduler(problem, starts), [(0,), ()], early)


@pytest.mark.parametrize(
    ("orders", "overrides"),
    [
        ([(0, 1), ()], {}),  # it is served by now
        ([(), (0,)], {}),  # v1 went to the other team, and would be served twice
        ([(0,), ()], {"visit_id": "v9"}),
        ([(0,), ()], {"new_orders": (NewOrder(team_id="t9", visit_ids=("v2",)),)}),
        ([(0,), ()], {"new_orders": (NewOrder(team_id="t1", visit_ids=("v8", "v2")),)}),
        ([(0,), ()], {"new_orders": (NewOrder(team_id="t1", visit_ids=("v2",)),)}),
    ],
)
def test_an_offer_for_another_plan_is_refused(
    orders: list[tuple[int, ...]], overrides: dict[str, object]
) -> None:
    relaxation = granted(RelaxationKind.NOTHING, **overrides)
    with pytest.raises(ConflictError, match="計画が変わりました"):
        applied(PROBLEM, orders, relaxation)


def test_an_offer_is_sound_only_if_the_new_plan_keeps_every_rule() -> None:
    scheduler = DayScheduler(PROBLEM)
    assert is_sound(scheduler, [(0,), ()], granted(RelaxationKind.NOTHING))
    small = replace(PROBLEM, visits=(PROBLEM.visits[0], replace(LOCKED, crew=3)))
    too_few = granted(RelaxationKind.NOTHING)  # the checker finds the crew of two
    assert not is_sound(DayScheduler(small), [(0,), ()], too_few)
    # v1 first ends at 9:40 and v2 begins at 9:50; with v2 after a third it is too late.
    long = replace(PROBLEM.visits[0], service_s=60 * MIN)
    late = replace(PROBLEM, visits=(long, LOCKED))
    assert not is_sound(DayScheduler(late), [(0,), ()], too_few)


def test_an_offer_that_makes_an_urgent_visit_late_is_not_sound() -> None:
    urgent = visit("v1", urgency=Urgency.A, due_s=at("9:30"))
    problem = day_problem([(urgent, 10), (visit("v2"), 10)], days=DAYS)
    first = granted(
        RelaxationKind.NOTHING,
        new_orders=(NewOrder(team_id="t1", visit_ids=("v2", "v1")),),
    )
    after = granted(RelaxationKind.NOTHING)
    scheduler = DayScheduler(problem)
    assert not is_sound(scheduler, [(0,), ()], first)  # v1 at 9:40 instead of 9:10
    assert is_sound(scheduler, [(0,), ()], after)
    calm = replace(problem, visits=(replace(urgent, urgency=Urgency.B), visit("v2")))
    assert is_sound(DayScheduler(calm), [(0,), ()], first)


def test_s_a_and_promised_visits_are_urgent() -> None:
    assert [is_urgent(visit(urgency=urgency)) for urgency in Urgency] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert is_urgent(LOCKED)


def test_every_kind_has_a_price_and_asking_nothing_is_free() -> None:
    assert RELAXATION_COST.keys() == set(RelaxationKind)
    free = RELAXATION_COST[RelaxationKind.NOTHING]
    assert (free.once_min, free.per_min) == (0, 0)
    assert all(
        price.once_min >= 0 <= price.per_min for price in RELAXATION_COST.values()
    )
