"""Proposals during the day: what each mode may change, and that nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import violations
from dispatch.domain.errors import CancelledError, SolverError
from dispatch.domain.levels import Level
from dispatch.domain.plan import Plan
from dispatch.domain.problem import DayProblem, TeamDay
from dispatch.domain.schedule import Order
from dispatch.domain.told_plan import orders_of, told_plan
from dispatch.domain.visit import TimeWindow, Visit
from dispatch.ports import SearchParams
from dispatch.prepared_day import PreparedDay, committed_stops
from dispatch.replanning import Mode, Proposal, proposals
from tests.builders import MIN, at, day_problem, shift, silent, team, team_day, visit
from tests.fake_solver import GreedySolver
from tests.problem_strategies import rich_problems
from tests.strategies import problems

PARAMS = SearchParams(iterations=1, seed=7)
SHORT = shift(lunch=None, end_s=at("11:00"))  # two hours
BARE = shift(lunch=None)


def prepared(problem: DayProblem) -> PreparedDay:
    return PreparedDay(problem=problem, on_hold=(), first_team_ids={}, names={})


def asked(
    problem: DayProblem,
    in_force: Plan,
    solver: GreedySolver | None = None,
    modes: Sequence[Mode] = tuple(Mode),
) -> tuple[Proposal, ...]:
    solver = solver or GreedySolver()
    return proposals(prepared(problem), in_force, solver, PARAMS, silent, modes)


def days(*team_ids: str, whole: bool = False) -> tuple[TeamDay, ...]:
    hours = BARE if whole else SHORT
    return tuple(team_day(team(team_id, shift=hours)) for team_id in team_ids)


def planned(problem: DayProblem, orders: Sequence[Order], *, known: int) -> Plan:
    """Plan of a morning on which only the first `known` visits were there."""
    morning = replace(
        problem,
        visits=problem.visits[:known],
        visit_nodes=problem.visit_nodes[:known],
    )
    return replace(told_plan(morning, orders), seed=3, method="the morning's")


def teams_of(plan: Plan) -> dict[str, str]:
    return {stop.visit_id: route.team_id for route, _, stop in plan.stops()}


def cave_in(**overrides: object) -> Visit:
    plain = visit("S", urgency=Urgency.S, service_s=10 * MIN, due_s=at("9:30"))
    return replace(plain, **overrides)  # type: ignore[arg-type]


def greedy(problem: DayProblem) -> Plan:
    outcome = GreedySolver().search(problem, PARAMS, silent)
    return told_plan(problem, outcome.orders)


@given(problems(timed=True, max_visits=6))
def test_a_null_event_changes_nothing_in_any_mode(problem: DayProblem) -> None:
    in_force = greedy(problem)
    solver = GreedySolver()
    for proposal in asked(problem, in_force, solver):
        assert proposal.plan.routes == in_force.routes
        assert proposal.changes.is_nothing
        assert not proposal.changes.team_changes
        assert all(one.before == one.after for one in proposal.changes.levels)
        assert "確定中の計画のまま" in proposal.sentence
    assert solver.asked == []


@given(problems(timed=True, max_visits=6), st.integers(0, 8 * 60))
def test_time_that_passes_as_planned_changes_nothing(
    problem: DayProblem, minutes: int
) -> None:
    in_force = greedy(problem)
    for proposal in asked(_later_in_the_day(problem, in_force, minutes), in_force):
        assert [r.stops for r in proposal.plan.routes] == [
            r.stops for r in in_force.routes
        ]
        assert proposal.changes.is_nothing


def test_a_new_visit_is_put_into_the_orders_as_they_are() -> None:
    visits = [(visit("far"), 30), (visit("near"), 10), (visit("new"), 20)]
    problem = day_problem(visits, days=days("t1", whole=True))
    # the new one lies on the way there and on the way back: the first place is taken
    in_force = planned(problem, [(0, 1)], known=2)
    (only,) = asked(problem, in_force, modes=[Mode.INSERT_ONLY])
    assert orders_of(problem, only.plan) == ((2, 0, 1),)
    assert only.changes.order_inversions == 0
    assert only.changes.visits_in == ("new",)
    assert only.sentence == "確定中の順番のまま、新しい訪問1件を入れました。"
    assert only.plan.seed == 7
    # the plan in force leaves one B out now; the proposal none
    served = {one.level: (one.before, one.after) for one in only.changes.levels}
    assert served[Level.SERVED] == ((0, 0, 1, 0), (0, 0, 0, 0))


def test_an_emergency_pushes_out_what_can_wait_and_says_so() -> None:
    work = 50 * MIN
    visits = [
        (visit("b", service_s=work), 10),
        (visit("c", service_s=work, urgency=Urgency.C), 10),
        (cave_in(), 10),
    ]
    problem = day_problem(visits, days=days("t1"))
    in_force = planned(problem, [(0, 1)], known=2)
    (only,) = asked(problem, in_force, modes=[Mode.INSERT_ONLY])
    assert orders_of(problem, only.plan) == ((2, 0),)
    assert only.changes.visits_out == ("c",)
    assert only.sentence == (
        "確定中の順番のまま、新しい訪問1件を入れました。計画から外れる訪問は1件です。"
    )
    assert only.plan.score.s_not_on_time == 0


def test_an_s_is_in_time_though_a_later_gap_would_do() -> None:
    now = TimeWindow(start_s=at("9:10"), end_s=at("9:10"))
    visits = [
        (visit("promised", service_s=50 * MIN, windows=(now,)), 10),
        (cave_in(due_s=at("9:10")), 10),
    ]
    problem = day_problem(visits, days=days("t1"))
    in_force = planned(problem, [(0,)], known=1)
    (only,) = asked(problem, in_force, modes=[Mode.INSERT_ONLY])
    assert only.plan.score.s_not_on_time == 0
    assert only.changes.promises_broken == ("promised",)


def test_a_visit_that_was_pushed_out_goes_where_it_fits() -> None:
    work = 50 * MIN
    visits = [
        (visit("b", service_s=work), 10),
        (visit("c", service_s=work, urgency=Urgency.C), 10),
        (cave_in(team_id="t1"), 10),
    ]
    problem = day_problem(visits, days=days("t1", "t2"))
    in_force = planned(problem, [(0, 1), ()], known=2)
    only, keep, _ = asked(problem, in_force)
    assert teams_of(only.plan) == {"S": "t1", "b": "t1", "c": "t2"}
    assert "外れる" not in only.sentence
    # with teams kept it goes nowhere else
    assert teams_of(keep.plan) == {"S": "t1", "b": "t1"}
    assert keep.changes.team_changes == ()


def test_an_s_is_not_worth_a_worse_day_by_the_citys_own_order() -> None:
    work = 50 * MIN
    visits = [
        (visit("b", service_s=work), 10),
        (visit("b2", service_s=work), 10),
        (cave_in(), 40),
    ]
    levels = (Level.DRIVING, *(one for one in Level if one is not Level.DRIVING))
    problem = replace(day_problem(visits, days=days("t1")), levels=levels)
    in_force = planned(problem, [(0, 1)], known=2)
    (only,) = asked(problem, in_force, modes=[Mode.INSERT_ONLY])
    assert orders_of(problem, only.plan) == ((0, 1),)


def test_teams_are_kept_though_a_search_would_change_them() -> None:
    visits = [(visit("a"), 10), (visit("b"), 40), (visit("new"), 40)]
    problem = day_problem(visits, days=days("t1", "t2", whole=True))
    in_force = planned(problem, [(0, 1), ()], known=2)
    solver = GreedySolver()
    (keep,) = asked(problem, in_force, solver, modes=[Mode.KEEP_TEAMS])
    assert teams_of(keep.plan)["a"] == teams_of(keep.plan)["b"] == "t1"
    ((bound, start),) = solver.asked
    assert [one.team_id for one in bound.visits] == ["t1", "t1", None]
    assert start == orders_of(problem, keep.plan)


def test_a_much_better_order_is_proposed_with_the_teams_kept() -> None:
    # far and near alternate: 60 + 50 + 50 + 50 ... a search saves far more than 15 %
    visits = [(visit(f"v{i}"), 60 if i % 2 else 10) for i in range(4)]
    problem = day_problem([*visits, (visit("new"), 10)], days=days("t1", whole=True))
    in_force = planned(problem, [(0, 1, 2, 3)], known=4)
    solver = GreedySolver(orders=((0, 2, 4, 1, 3),), cut_short=True)
    (keep,) = asked(problem, in_force, solver, modes=[Mode.KEEP_TEAMS])
    assert orders_of(problem, keep.plan) == ((0, 2, 4, 1, 3),)
    assert keep.plan.is_cut_short
    assert keep.sentence == "班を変えずに順番を組み直し、新しい訪問1件を入れました。"
    assert keep.changes.order_inversions == 1


def test_little_driving_saved_is_not_worth_a_change() -> None:
    visits = [(visit("a"), 50), (visit("b"), 55), (visit("new"), 60)]
    problem = day_problem(visits, days=days("t1", whole=True))
    in_force = planned(problem, [(1, 0)], known=2)
    # in force, new inserted first: 60 + 5 + 5 + 50 = 120 minutes: nothing to win
    for proposal in asked(problem, in_force, GreedySolver(orders=((0, 1, 2),))):
        assert orders_of(problem, proposal.plan) == ((2, 1, 0),)
        assert "確定中の順番のまま" in proposal.sentence


def test_free_may_change_one_visit_in_twenty() -> None:
    # 20 visits of 5 minutes side by side, the last far off where only t2 has to go
    visits = [(visit(f"v{i}", service_s=5 * MIN), 10) for i in range(19)]
    visits += [(visit("far", service_s=5 * MIN), 90), (visit("new"), 90)]
    problem = day_problem(visits, days=days("t1", "t2", whole=True))
    in_force = planned(problem, [tuple(range(20)), ()], known=20)
    better = (tuple(range(19)), (19, 20))
    # a bound S in t2's order makes the search win: t1 has no time for "new" by then
    solver = GreedySolver(orders=better)
    (free,) = asked(_due_early(problem), in_force, solver, modes=[Mode.FREE])
    assert free.changes.team_changes == ("far",)
    assert (
        "全体を組み直し、新しい訪問1件を入れました。1件の班が変わります"
        in free.sentence
    )
    (priced, _) = solver.asked[0]
    assert {one.team_in_force_id for one in priced.visits[:20]} == {"t1"}
    assert priced.visits[20].team_in_force_id is None


def test_free_falls_back_when_more_would_change() -> None:
    visits = [(visit(f"v{i}", service_s=5 * MIN), 10) for i in range(19)]
    visits += [(visit("far", service_s=5 * MIN), 90), (visit("new"), 90)]
    problem = _due_early(day_problem(visits, days=days("t1", "t2", whole=True)))
    in_force = planned(problem, [tuple(range(20)), ()], known=20)
    worse = (tuple(range(18)), (20, 19, 18))
    solver = _Answers([worse, (tuple(range(20)), (20,))])
    (free,) = asked(problem, in_force, solver, modes=[Mode.FREE])
    assert (free.mode, free.made_as) == (Mode.FREE, Mode.KEEP_TEAMS)
    assert free.changes.team_changes == ()
    assert "20件のうち2件" in free.sentence
    assert "5%" in free.sentence
    # asked together, the search with teams kept is done once
    solver = _Answers([(tuple(range(20)), (20,)), worse])
    keep, free = asked(problem, in_force, solver, [Mode.KEEP_TEAMS, Mode.FREE])
    assert free.plan == keep.plan
    assert len(solver.asked) == 2


def test_an_absent_teams_visits_go_to_others_in_every_mode() -> None:
    visits = [(visit("a"), 10), (visit("b"), 20)]
    both = day_problem(visits, days=days("t1", "t2", whole=True))
    in_force = told_plan(both, [(0,), (1,)])
    alone = replace(both, team_days=both.team_days[1:])
    for proposal in asked(alone, in_force):
        assert teams_of(proposal.plan) == {"a": "t2", "b": "t2"}
        assert proposal.changes.team_changes == ("a",)


def test_a_team_that_comes_back_is_an_event() -> None:
    visits = [(visit("a", service_s=100 * MIN), 10), (visit("b"), 10)]
    both = day_problem(visits, days=days("t1", "t2"))
    alone = replace(both, team_days=both.team_days[:1])
    in_force = told_plan(alone, [(0,)])
    (only,) = asked(both, in_force, modes=[Mode.INSERT_ONLY])
    assert teams_of(only.plan) == {"a": "t1", "b": "t2"}


def test_a_visit_that_a_dispatcher_gave_to_another_team_goes_there() -> None:
    problem = day_problem(
        [(visit("a"), 10), (visit("b"), 20)], days=days("t1", "t2", whole=True)
    )
    in_force = told_plan(problem, [(0, 1), ()])
    visits = (replace(problem.visits[0], team_id="t2"), problem.visits[1])
    for proposal in asked(replace(problem, visits=visits), in_force):
        assert teams_of(proposal.plan) == {"a": "t2", "b": "t1"}


def test_a_visit_of_two_teams_keeps_both() -> None:
    visits = [(visit("two", num_teams=2), 10), (visit("b"), 20), (visit("new"), 10)]
    problem = day_problem(visits, days=days("t1", "t2", "t3", whole=True))
    in_force = planned(problem, [(0,), (0, 1), ()], known=2)
    start_s = at("9:10")
    solver = GreedySolver(starts={0: start_s})
    for proposal in asked(problem, in_force, solver):
        two = [
            r.team_id for r, _, stop in proposal.plan.stops() if stop.visit_id == "two"
        ]
        assert two == ["t1", "t2"]
        assert proposal.changes.team_changes == ()
    bound = solver.asked[0][0]
    assert [
        one.team.can_serve(skills=bound.visits[0].skills, crew=1, load_kg=0)
        for one in bound.team_days
    ] == [True, True, False]


@given(rich_problems())
def test_every_proposal_is_legal_and_kept_teams_are_kept(
    problem: DayProblem,
) -> None:
    known = len(problem.visits) - 1
    waits = {one.visit_id for v in problem.visits[:known] for one in v.after}
    if problem.visits[-1].id in waits:
        return
    morning = replace(
        problem,
        visits=problem.visits[:known],
        visit_nodes=problem.visit_nodes[:known],
    )
    in_force = greedy(morning)
    for proposal in asked(problem, in_force):
        assert violations(problem, proposal.plan) == ()
        if proposal.mode is Mode.KEEP_TEAMS:
            assert proposal.changes.team_changes == ()


def test_an_illegal_answer_and_a_stopped_search_are_told() -> None:
    # new is bound to a team that is not there: to serve it looks better and is illegal
    visits = [(visit("a"), 10), (visit("new", team_id="t2"), 10)]
    problem = day_problem(visits, days=days("t1"))
    in_force = planned(problem, [(0,)], known=1)
    for orders, message in (
        (((0, 1),), "dispatcher's team"),
        (((0,) * 9,), "no legal times"),
    ):
        with pytest.raises(SolverError, match=message):
            asked(problem, in_force, GreedySolver(orders=orders), modes=[Mode.FREE])
    with pytest.raises(CancelledError):
        asked(problem, in_force, GreedySolver(cancelled=True))


class _Answers(GreedySolver):
    """Answers one search after another as told."""

    def __init__(self, answers: Sequence[tuple[Order, ...]]) -> None:
        super().__init__()
        self._answers = list(answers)

    def _found(self, problem: DayProblem, start: Sequence[Order]) -> tuple[Order, ...]:
        del problem, start
        return self._answers.pop(0)


def _due_early(problem: DayProblem) -> DayProblem:
    """Ask for the last two within two hours: A, and t1 comes too late for both."""
    return replace(
        problem,
        visits=tuple(
            replace(one, urgency=Urgency.A, due_s=at("10:40"))
            if one.id in {"far", "new"}
            else one
            for one in problem.visits
        ),
    )


def _later_in_the_day(problem: DayProblem, plan: Plan, minutes: int) -> DayProblem:
    """Copy a day at a later moment on which all went as planned."""
    now_s = at("8:00") + minutes * MIN
    committed: set[str] = set()
    team_days = []
    nodes = {v.id: n for v, n in zip(problem.visits, problem.visit_nodes, strict=True)}
    for day, route in zip(problem.team_days, plan.routes, strict=True):
        stops = committed_stops(route, now_s)
        if not stops:
            team_days.append(day)
            continue
        committed.update(stop.visit_id for stop in stops)
        eaten = route.lunch_start_s
        free_s = stops[-1].end_s
        if eaten is not None and eaten > stops[-1].start_s and eaten > now_s:
            eaten = None
        lunch = day.team.shift.lunch
        if eaten is not None and lunch is not None and eaten >= free_s:
            free_s = eaten + lunch.duration_s
        team_days.append(
            replace(
                day,
                committed=stops,
                free_from_s=free_s,
                start_node=nodes[stops[-1].visit_id],
                lunch_start_s=eaten,
                departed_s=route.depart_s,
            )
        )
    kept = [
        (one, node)
        for one, node in zip(problem.visits, problem.visit_nodes, strict=True)
        if one.id not in committed
    ]
    return replace(
        problem,
        visits=tuple(one for one, _ in kept),
        visit_nodes=tuple(node for _, node in kept),
        team_days=tuple(team_days),
    )
