"""Lines along roads: thin, short to write, and never far from the road."""

from __future__ import annotations

from itertools import accumulate

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.travel import TravelLevel
from maps.road_lines import (
    METRES_PER_DEGREE,
    MapClosure,
    MapLeg,
    Path,
    packed,
    require_legs,
    sign_place,
)
from tests.maps import road


def unpacked(steps: list[int]) -> list[tuple[float, float]]:
    """Read back what the browser reads: (lon, lat) in degrees."""
    lats, lons = accumulate(steps[::2]), accumulate(steps[1::2])
    return [(lon / 1e5, lat / 1e5) for lat, lon in zip(lats, lons, strict=True)]


def closure(*lines: Path, ring: Path | None = None) -> MapClosure:
    return MapClosure(name="", reason_text="", until_text="", lines=lines, ring=ring)


def test_what_lies_on_a_straight_road_is_left_out() -> None:
    path = tuple((135.5 + at / 1000, 34.7) for at in range(11))
    assert packed(path) == [3_470_000, 13_550_000, 0, 1000]


def test_a_bend_of_ten_metres_is_kept_and_one_of_two_metres_is_not() -> None:
    # 0.0001 degrees of latitude are 11 m, 0.00002 are 2 m.
    for lat, points in ((0.0001, 3), (0.00002, 2)):
        path = ((135.5, 34.7), (135.501, 34.7 + lat), (135.502, 34.7))
        assert len(packed(path)) == 2 * points


def test_a_way_that_does_not_move_is_still_a_line() -> None:
    assert packed(((135.5, 34.7), (135.5, 34.7))) == [3_470_000, 13_550_000, 0, 0]


lonlats = st.tuples(st.floats(135.3, 135.7), st.floats(34.5, 34.8))


@given(st.lists(lonlats, min_size=2, max_size=30))
def test_a_thinned_way_keeps_its_ends_and_stays_near(places: list[Path]) -> None:
    path = tuple(places)
    thin = unpacked(packed(path))  # type: ignore[arg-type]
    # 4 m are thinned away, and rounding to 0.00001 degrees moves a corner by 0.8 m at
    # most. A degree of longitude is 0.82 of one of latitude here: 1 / 0.82 < 1.3.
    near = (4.0 + 0.8) / METRES_PER_DEGREE * 1.3
    assert thin[0] == pytest.approx(path[0], abs=0.6e-5)
    assert thin[-1] == pytest.approx(path[-1], abs=0.6e-5)
    line = shapely.LineString(thin)
    for place in path:
        assert line.distance(shapely.Point(place)) <= near


def test_a_wavy_way_of_200_points_loses_more_than_half_of_them() -> None:
    assert len(packed(road((135.5, 34.7), (135.52, 34.7)))) // 2 < 100


def test_the_sign_of_a_closure_stands_in_the_middle_of_its_longest_line() -> None:
    short = ((135.6, 34.6), (135.601, 34.6))
    long = ((135.5, 34.7), (135.502, 34.7), (135.51, 34.7))
    # 10 thousandths of a degree long: the middle is 5 from the start.
    assert sign_place(closure(short, long)) == pytest.approx((135.505, 34.7))


def test_the_sign_of_an_area_stands_inside_it() -> None:
    ring = ((135.5, 34.7), (135.52, 34.7), (135.5, 34.72))
    place = sign_place(closure(((135.6, 34.6), (135.7, 34.6)), ring=ring))
    assert place is not None
    assert shapely.Polygon(ring).contains(shapely.Point(place))


@pytest.mark.parametrize("ring", [None, (), ((135.5, 34.7), (135.6, 34.7))])
def test_a_closure_that_shows_nothing_has_no_sign(ring: Path | None) -> None:
    assert sign_place(closure(((135.5, 34.7),), ring=ring)) is None


def test_only_a_straight_line_is_no_road() -> None:
    straight = [MapLeg(path=(), level=level).is_straight for level in TravelLevel]
    assert straight == [False, False, True]


def test_legs_are_none_or_one_more_than_stops() -> None:
    require_legs((), (1, 2))
    require_legs((1, 2, 3), (1, 2))
    for legs in ((1,), (1, 2), (1, 2, 3, 4)):
        with pytest.raises(InvalidInputError, match="legs"):
            require_legs(legs, (1, 2))
