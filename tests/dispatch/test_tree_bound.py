"""Tree bound: arithmetic of a few places aloud, and no routes are shorter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.tree_bound import Legs, least_seconds

FORBIDDEN = 100_000


def line(
    minutes: list[int], *, min_routes: int = 1, max_routes: int | None = None
) -> Legs:
    """Places along one road from a yard at 0, seconds of driving."""
    where = np.array(minutes, dtype=np.int64) * 60
    between_s = np.abs(where[:, np.newaxis] - where)
    np.fill_diagonal(between_s, FORBIDDEN)
    return Legs(
        between_s=between_s,
        from_start_s=where,
        to_end_s=where,
        min_routes=min_routes,
        max_routes=max_routes or min_routes,
    )


def test_one_place_is_gone_to_and_left() -> None:
    assert least_seconds(line([7]), target_s=999) == 14 * 60


def test_two_neighbours_far_out_cost_the_way_out_and_back() -> None:
    # 20 out, 1 on, 21 back; an assignment would go round between the two for 2 minutes
    assert least_seconds(line([20, 21]), target_s=42 * 60) == 42 * 60


def test_a_second_route_that_must_be_costs_its_way_home() -> None:
    # out to 20 and on to 21, and two ways home: 20 + 1 + 20 + 21 are 62 minutes, and
    # two real routes 82; the prices find some of the difference
    found = least_seconds(line([20, 21], min_routes=2), target_s=82 * 60)
    assert 62 * 60 <= found <= 82 * 60


def test_the_ascent_gains_on_the_plain_tree() -> None:
    # Three arms of 10 minutes from the yard, 20 between their ends: the tree takes 30
    # and one way home 10, but only three times out and home, 60, are routes.
    between_s = np.full((3, 3), 20 * 60, dtype=np.int64)
    np.fill_diagonal(between_s, FORBIDDEN)
    arm_s = np.full(3, 10 * 60, dtype=np.int64)
    star = Legs(
        between_s=between_s, from_start_s=arm_s, to_end_s=arm_s,
        min_routes=1, max_routes=3,
    )  # fmt: skip
    assert 57 * 60 <= least_seconds(star, target_s=60 * 60) <= 60 * 60


@st.composite
def some_legs(draw: st.DrawFn) -> Legs:
    """Draw legs that differ by direction, a few of them forbidden."""
    count = draw(st.integers(1, 4))
    seconds = st.integers(0, 900)
    rows = st.lists(
        st.lists(seconds | st.just(FORBIDDEN), min_size=count, max_size=count),
        min_size=count,
        max_size=count,
    )
    ends = st.lists(seconds, min_size=count, max_size=count)
    between_s = np.array(draw(rows), dtype=np.int64)
    np.fill_diagonal(between_s, FORBIDDEN)
    min_routes = draw(st.integers(1, count))
    return Legs(
        between_s=between_s,
        from_start_s=np.array(draw(ends), dtype=np.int64),
        to_end_s=np.array(draw(ends), dtype=np.int64),
        min_routes=min_routes,
        max_routes=draw(st.integers(min_routes, count)),
    )


def all_routes_s(legs: Legs) -> Iterator[int]:
    """Seconds of every set of routes: an order of the visits, cut into pieces."""
    count = len(legs.from_start_s)
    for order in itertools.permutations(range(count)):
        for num_cuts in range(legs.min_routes - 1, legs.max_routes):
            for cuts in itertools.combinations(range(1, count), num_cuts):
                total_s = int(legs.from_start_s[order[0]] + legs.to_end_s[order[-1]])
                for at, (here, there) in enumerate(itertools.pairwise(order), start=1):
                    if at in cuts:
                        total_s += int(legs.to_end_s[here] + legs.from_start_s[there])
                    else:
                        total_s += int(legs.between_s[here, there])
                yield total_s


@settings(max_examples=100, deadline=None)
@given(legs=some_legs(), slack_s=st.integers(0, 500))
def test_no_routes_are_shorter_than_the_bound(legs: Legs, slack_s: int) -> None:
    best_s = min(all_routes_s(legs))
    assert least_seconds(legs, target_s=best_s + slack_s) <= best_s
