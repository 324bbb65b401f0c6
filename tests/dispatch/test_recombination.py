"""Recombination against every choice of routes: kinds of teams, tools, even work."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.adapters import recombination
from dispatch.adapters.engine.day import DROP, EMPTY_COST, KIND
from dispatch.adapters.engine.exact_search import ExactSearch
from dispatch.adapters.recombination import recombined
from dispatch.adapters.solve_messages import Column
from dispatch.domain.levels import DEFAULT_LEVELS, SearchWeights, weights_of
from dispatch.domain.problem import DayProblem
from dispatch.domain.visit import After
from tests.builders import at, day_problem, team, team_day, visit

WEIGHTS = weights_of(DEFAULT_LEVELS)
DRIVING = replace(WEIGHTS, balance_s=0)  # then a plan costs the sum of its routes


def begun(problem: DayProblem, weights: SearchWeights = DRIVING) -> ExactSearch:
    search = ExactSearch(problem, weights, seed=1)
    search.begin(())
    return search


def least_of_all(search: ExactSearch, columns: Sequence[Column]) -> int:
    """Least cost of all choices of disjoint columns, no more of a kind than teams."""
    day = search.day
    kinds: list[int] = day.team[:, KIND].tolist()
    drop, idle = day.visit[:, DROP], day.team[:, EMPTY_COST]
    base = int(drop.sum() + idle.sum())
    least = base
    for size in range(1, len(kinds) + 1):
        for chosen in itertools.combinations(columns, size):
            rows = [row for column in chosen for row in column.rows]
            own = [kinds[column.team] for column in chosen]
            if len(set(rows)) < len(rows):
                continue
            if any(own.count(kind) > kinds.count(kind) for kind in own):
                continue
            gains = sum(column.cost - int(idle[column.team]) for column in chosen)
            least = min(least, base + gains - sum(int(drop[row]) for row in rows))
    return least


def mixed_day() -> DayProblem:
    """Six visits along a road for two teams alike and one with another base."""
    days = [
        team_day(team("a1")),
        team_day(team("a2")),
        replace(team_day(team("b")), start_node=4, end_node=4),
    ]
    visits = [(visit(f"v{k}"), far) for k, far in enumerate((9, -8, 31, -30, 15, -40))]
    return day_problem(visits, days=days)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.lists(st.integers(0, 5), min_size=1, unique=True)
        ),
        min_size=1,
        max_size=9,
    )
)
@settings(max_examples=60, deadline=None)
def test_the_choice_of_routes_is_the_best_of_all_choices(
    routes: list[tuple[int, list[int]]],
) -> None:
    search = begun(mixed_day())
    empty = least_of_all(search, [])
    columns = []
    for whose, rows in routes:
        # What the search itself says that this route costs when nobody else goes.
        alone = search.take([Column(whose, tuple(rows), 0, 0)])
        saved = sum(int(search.day.visit[row, DROP]) for row in rows)
        cost = alone - empty + saved + int(search.day.team[whose, EMPTY_COST])
        columns.append(Column(whose, tuple(rows), cost, 0))
    least = least_of_all(search, columns)
    found = recombined(search.day, columns, below=empty, time_limit_s=60, seed=1)
    assert (found.columns is None) == (least == empty)
    if found.columns is not None:
        assert search.take(found.columns) == least
        assert len({column.team for column in found.columns}) == len(found.columns)
    again = recombined(search.day, columns, below=least, time_limit_s=60, seed=1)
    assert again.columns is None  # nothing is better than the best


def test_teams_alike_take_each_others_routes() -> None:
    # Both columns are of the first team; its twin takes the second of them.
    days = [team_day(team("a1")), team_day(team("a2"))]
    search = begun(day_problem([(visit("e"), 10), (visit("w"), -10)], days=days))
    there_s = 20 * 60 * DRIVING.drive_s
    columns = [Column(0, (0,), there_s, 3_000), Column(0, (1,), there_s, 3_000)]
    found = recombined(search.day, columns, below=10 * there_s, time_limit_s=60, seed=1)
    assert found.columns is not None
    assert {(one.team, one.rows) for one in found.columns} == {(0, (0,)), (1, (1,))}


@pytest.mark.parametrize(("stock", "num_held", "num_going"), [(2, 0, 2), (2, 1, 1)])
def test_no_more_routes_bring_a_tool_than_there_are(
    stock: int, num_held: int, num_going: int
) -> None:
    lift = frozenset({"lift"})
    # A third team holds one since the morning; it may do neither of the two visits.
    out = team_day(
        team("out", skills=frozenset({"x"}), office_id="south"),
        committed_tools=lift if num_held else frozenset(),
    )
    days = [team_day(team("t1")), team_day(team("t2")), out]
    lamps = [(visit(f"lamp{k}", tools=lift), 10 + k) for k in range(2)]
    problem = replace(day_problem(lamps, days=days), tools=(("lift", stock),))
    search = begun(problem)
    columns = [Column(0, (0,), 5, 0), Column(1, (1,), 5, 0)]
    below = int(search.day.visit[:, DROP].sum())
    found = recombined(search.day, columns, below=below, time_limit_s=60, seed=1)
    assert found.columns is not None
    assert len(found.columns) == num_going


def test_even_work_is_counted_when_routes_are_chosen() -> None:
    # Two visits at the yard, 30 minutes each, nothing to drive: one team doing both
    # leaves the spread at an hour, one visit each at nothing.
    days = [team_day(team("t1")), team_day(team("t2", crew_size=3))]
    problem = day_problem([(visit("a"), 0), (visit("b"), 0)], days=days)
    search = begun(problem, WEIGHTS)
    columns = [
        Column(0, (0, 1), 0, 3600),
        Column(0, (0,), 0, 1800),
        Column(1, (1,), 0, 1800),
    ]
    below = 3600 * WEIGHTS.balance_s + 1
    found = recombined(search.day, columns, below=below, time_limit_s=60, seed=1)
    assert found.columns is not None
    assert [one.rows for one in found.columns] == [(0,), (1,)]
    assert search.take(found.columns) == 0


def test_a_pool_too_large_keeps_its_best_routes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = begun(day_problem([(visit("a"), 10), (visit("b"), 20)]))
    monkeypatch.setattr(recombination, "MAX_COLUMNS", 1)
    columns = [Column(0, (0,), 50, 0), Column(0, (1,), 40, 0), Column(0, (0, 1), 60, 0)]
    below = int(search.day.visit[:, DROP].sum())
    found = recombined(search.day, columns, below=below, time_limit_s=60, seed=1)
    assert found.columns is not None
    assert [one.rows for one in found.columns] == [(0, 1)]


def test_a_search_that_its_guard_ends_is_told_and_thrown_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = begun(day_problem([(visit("a"), 10)]))
    monkeypatch.setattr(recombination, "GUARD_S", 0.0)
    below = int(search.day.visit[:, DROP].sum())
    columns = [Column(0, (0,), 5, 0)]
    found = recombined(search.day, columns, below=below, time_limit_s=60, seed=1)
    assert found.cut_short
    assert found.columns is None


def test_routes_with_linked_visits_are_not_handed_to_other_searches() -> None:
    # Another search begins the two-team visit at another hour: its routes there have
    # no legal times here.
    days = [team_day(team("t1")), team_day(team("t2"))]
    plain = [(visit(f"v{k}", due_s=at("11:00")), 5 * k) for k in range(5)]
    both = (visit("both", num_teams=2), 12)
    later = (visit("later", after=(After(visit_id="both"),)), -6)
    search = begun(day_problem([*plain, both, later], days=days), WEIGHTS)
    search.improve(seconds=600, iterations=400, counts=None, told=lambda _: None)
    visit_of = search.input.visit_of
    handed = {visit_of[row] for one in search.columns_for_others() for row in one.rows}
    seen = {visit_of[row] for one in search.columns() for row in one.rows}
    assert handed <= set(range(5))
    assert seen & {5, 6}  # its own recombination has them
