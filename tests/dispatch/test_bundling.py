"""Bundling: what is walked, what is driven, and what stays true of the matrix."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.bundling import AROUND_M, BUNDLE_M, bundles, with_bundles
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.plan import Stop
from dispatch.domain.travel import (
    UNREACHABLE_S,
    RestrictedTravel,
    Traffic,
    TrafficPeriod,
    TravelMatrix,
)
from tests.builders import at, road
from tests.strategies import timed_matrices

# One degree of latitude is 111,195 m on the sphere: 0.0001 degrees are 11.12 m.
YARD = LonLat(135.5, 34.70)
LAMP = LonLat(135.5, 34.71)
NEXT = LonLat(135.5, 34.7103)  # 33.36 m north of the lamp
FAR = LonLat(135.5, 34.7106)  # 33.36 m farther, 66.72 m from the lamp
PLACES = (YARD, LAMP, NEXT, FAR)
WALK_S = 28  # 33.36 m at 1.2 m/s are 27.8 s


def town(m_per_min: int = 60) -> TravelMatrix:
    """Drives of at least 2 minutes; 60 m a minute keep the lamps within 400 m."""
    return road([0, 10, 12, 14], m_per_min=m_per_min)


def test_neighbours_are_walked_and_others_driven() -> None:
    walked = with_bundles(town(), PLACES)
    expected = town().duration_s.copy()
    for one, other in ((1, 2), (2, 3)):
        expected[one, other] = expected[other, one] = WALK_S
    assert (walked.duration_s == expected).all()
    assert walked.distance_m[1, 2] == walked.distance_m[2, 1] == 33
    assert walked.distance_m[1, 3] == town().distance_m[1, 3]
    assert walked.level is town().level


def test_places_at_the_very_distance_are_one_stop() -> None:
    apart_m = great_circle_m(LAMP, NEXT)
    assert with_bundles(town(), PLACES, bundle_m=apart_m).duration_s[1, 2] == WALK_S
    shorter = with_bundles(town(), PLACES, bundle_m=apart_m - 0.01)
    assert (shorter.duration_s == town().duration_s).all()


def test_no_pair_is_near_and_the_matrix_comes_back_as_it_is() -> None:
    travel = road([0, 10])
    assert with_bundles(travel, (YARD, LAMP)) is travel


def test_a_canal_in_between_is_not_walked() -> None:
    # 2 minutes at 201 m a minute are 402 m to the next bridge; 200 m make 400
    around = with_bundles(town(m_per_min=201), PLACES)
    assert (around.duration_s == town().duration_s).all()
    assert with_bundles(town(m_per_min=200), PLACES).duration_s[1, 2] == WALK_S


def test_a_one_way_street_is_walked_against_its_direction() -> None:
    one_way = town()
    distance_m = one_way.distance_m.copy()
    distance_m[2, 1] = 900
    walked = with_bundles(replace(one_way, distance_m=distance_m), PLACES)
    assert walked.duration_s[2, 1] == WALK_S
    assert walked.distance_m[2, 1] == 33


def test_a_place_without_a_road_is_not_walked_to() -> None:
    cut_off = road([0, 10, 12], unreachable=[2], m_per_min=60)
    walked = with_bundles(cut_off, PLACES[:3])
    assert walked.duration_s[1, 2] == UNREACHABLE_S


def test_driving_stays_when_it_is_quicker() -> None:
    quick = np.array([[0, 7], [7, 0]], dtype=np.int64)
    travel = replace(road([0, 1]), duration_s=quick)
    walked = with_bundles(travel, (LAMP, NEXT))
    assert (walked.duration_s == quick).all()
    assert (walked.distance_m == travel.distance_m).all()


def test_a_walk_is_never_told_too_short_in_any_traffic() -> None:
    # 28 s divided by 0.8 are 35 s: at 0.8 they take 28 s, at 1.5 they take 53 s
    traffic = Traffic(
        periods=(
            TrafficPeriod(start_s=0, factor=0.8),
            TrafficPeriod(start_s=at("9:00"), factor=1.5),
        )
    )
    walked = with_bundles(replace(town(), traffic=traffic), PLACES)
    assert walked.duration_s[1, 2] == 35
    assert walked.drive_s(1, 2, at("8:00")) == 28
    assert walked.drive_s(1, 2, at("9:00")) == 53


def test_a_walk_does_not_wait_for_the_end_of_a_closure() -> None:
    lost = np.full((4, 4), UNREACHABLE_S, dtype=np.int64)
    np.fill_diagonal(lost, 0)
    shut = RestrictedTravel(
        windows=((at("9:00"), at("12:00")),), duration_s=lost, distance_m=lost * 0
    )
    walked = with_bundles(replace(town(), restricted=shut), PLACES)
    assert walked.drive_s(1, 2, at("10:00")) == WALK_S
    assert walked.held_s(1, 2, at("10:00")) == 0
    assert walked.drive_m(1, 2, at("10:00")) == 33
    assert walked.drive_s(0, 1, at("10:00")) > at("2:00")  # who drives still waits


@pytest.mark.parametrize(
    ("count", "bundle_m", "walk_m_per_s"), [(3, 40.0, 1.2), (4, -1.0, 1.2), (4, 40, 0)]
)
def test_what_makes_no_sense_is_refused(
    count: int, bundle_m: float, walk_m_per_s: float
) -> None:
    with pytest.raises(InvalidInputError):
        with_bundles(
            town(), PLACES[:count], bundle_m=bundle_m, walk_m_per_s=walk_m_per_s
        )


@st.composite
def crowded(draw: st.DrawFn) -> tuple[TravelMatrix, tuple[LonLat, ...]]:
    """Draw a timed day whose places stand on a grid of 22 m."""
    size = draw(st.integers(1, 5))
    spot = st.integers(0, 4)
    places = [
        LonLat(135.5 + 0.00024 * draw(spot), 34.7 + 0.0002 * draw(spot))
        for _ in range(size)
    ]
    travel = draw(timed_matrices(size))
    return replace(travel, distance_m=travel.distance_m // 10), tuple(places)


@settings(max_examples=200, deadline=None)
@given(day=crowded(), moments=st.lists(st.integers(0, 86_399), min_size=2, max_size=6))
def test_walking_is_never_slower_and_who_leaves_later_never_arrives_earlier(
    day: tuple[TravelMatrix, tuple[LonLat, ...]], moments: list[int]
) -> None:
    travel, places = day
    walked = with_bundles(travel, places)
    assert walked.place_levels == travel.place_levels
    assert (walked.duration_s <= travel.duration_s).all()
    for one, other in itertools.product(range(len(places)), repeat=2):
        arrivals = []
        apart_m = great_circle_m(places[one], places[other])
        for leave_s in sorted(moments):
            drive_s = walked.drive_s(one, other, leave_s)
            arrivals.append(leave_s + drive_s)
            before_s = travel.drive_s(one, other, leave_s)
            assert drive_s <= before_s
            if drive_s < before_s:
                assert apart_m <= BUNDLE_M
                assert drive_s >= apart_m / 1.2
        if max(arrivals) < UNREACHABLE_S:
            assert arrivals == sorted(arrivals)


# -- stops of a route ------------------------------------------------------------------


def stop(drive_m: int = 33) -> Stop:
    return Stop(
        visit_id="v", arrive_s=0, start_s=0, end_s=60, drive_s=0, drive_m=drive_m
    )


def test_stops_in_a_row_are_one_stop_while_all_are_near_each_other() -> None:
    # the lamp and the next are 33 m apart, the third is 67 m from the first
    route = [(stop(3_000), LAMP), (stop(), NEXT), (stop(), FAR), (stop(), NEXT)]
    assert bundles(route) == ((0, 1), (2, 3))
    assert bundles(route, bundle_m=70) == ((0, 1, 2, 3),)


def test_a_place_that_is_left_and_come_back_to_is_two_stops() -> None:
    route = [(stop(), LAMP), (stop(1_000), YARD), (stop(1_000), LAMP)]
    assert bundles(route) == ((0,), (1,), (2,))


def test_stops_on_two_banks_of_a_canal_are_two_stops() -> None:
    assert bundles([(stop(), LAMP), (stop(AROUND_M + 1), NEXT)]) == ((0,), (1,))
    assert bundles([(stop(), LAMP), (stop(AROUND_M), NEXT)]) == ((0, 1),)


def test_a_team_without_stops_has_no_bundles() -> None:
    assert bundles([]) == ()
