"""Areas of one layer tile: overlaps, holes and strays are found, slivers are not."""

from __future__ import annotations

import datetime as dt
import time
from itertools import pairwise

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from geodata import crs
from geodata.bundle.records import AreaRecord, Layer
from geodata.bundle.tiling import gaps, overlaps, periods, strays
from geodata.bundle.voronoi import in_plane
from geodata.city import CityProfile, load_city

OSAKA = load_city("osaka")
# A corner of the plane (metres, EPSG:6674) in the middle of Osaka City.
EAST, NORTH = -45_000.0, -147_000.0


def area(
    name: str, shape: BaseGeometry, *, ward: str = "271021", layer: Layer = Layer.WARDS
) -> AreaRecord:
    """Area of a shape that is given in metres from the corner."""
    plane = crs.plane_series([translate(shape, EAST, NORTH)], OSAKA)
    degrees = crs.to_degrees(plane, OSAKA)
    return AreaRecord(
        layer=layer, id=name, name=name, ward_code=ward, geometry=degrees.iloc[0]
    )


def box(west: float, south: float, east: float, north: float) -> Polygon:
    return shapely.box(west, south, east, north)


def test_an_overlap_is_found_with_its_size() -> None:
    one = area("甲", box(0, 0, 100, 100))
    other = area("乙", box(90, 20, 200, 100))
    far = area("丙", box(500, 500, 600, 600))
    (found,) = overlaps([one, other, far], OSAKA)
    assert (found.a.name, found.b.name) == ("甲", "乙")
    assert found.area_m2 == pytest.approx(10 * 80, rel=1e-4)


def test_the_largest_overlap_comes_first_and_small_ones_fall_under_the_tolerance() -> (
    None
):
    areas = [
        area("甲", box(0, 0, 100, 100)),
        area("乙", box(99, 0, 200, 100)),  # 1 m x 100 m of 甲
        area("丙", box(150, 0, 300, 100)),  # 50 m x 100 m of 乙
    ]
    found = overlaps(areas, OSAKA)
    assert [(pair.a.name, pair.b.name) for pair in found] == [
        ("乙", "丙"),
        ("甲", "乙"),
    ]
    assert len(overlaps(areas, OSAKA, tolerance_m2=200.0)) == 1


def test_a_shared_border_and_a_sliver_of_rounding_are_no_overlap() -> None:
    # 5 cm x 1,000 m = 50 m2, but its mean width of 5 cm is under 20 cm.
    one = area("甲", box(0, 0, 100, 1_000))
    beside = area("乙", box(100, 0, 200, 1_000))
    rounded = area("丙", box(-100, 0, 0.05, 1_000))
    assert overlaps([one, beside, rounded], OSAKA) == ()


def test_a_hole_between_areas_is_found_where_it_lies() -> None:
    ring = box(0, 0, 300, 300).difference(box(100, 100, 140, 150))
    (gap,) = gaps([area("甲", ring)], OSAKA)
    assert gap.area_m2 == pytest.approx(40 * 50, rel=1e-4)
    (point,) = crs.points_in_plane([gap.place], OSAKA)
    assert 100 < point.x - EAST < 140
    assert 100 < point.y - NORTH < 150
    assert gaps([area("甲", ring)], OSAKA, min_m2=2_100.0) == ()


def test_areas_without_a_hole_have_no_gap() -> None:
    assert gaps([area("甲", box(0, 0, 300, 300))], OSAKA) == ()
    assert gaps([], OSAKA) == ()
    assert overlaps([], OSAKA) == ()


def test_a_district_that_leaves_its_ward_is_told_with_its_share() -> None:
    ward = area("都島区", box(0, 0, 1_000, 1_000))
    ward = AreaRecord(
        layer=Layer.WARDS,
        id="271021",
        name="都島区",
        ward_code="271021",
        geometry=ward.geometry,
    )
    inside = area("内", box(0, 0, 100, 100), layer=Layer.DISTRICTS)
    across = area("外", box(900, 0, 1_100, 100), layer=Layer.DISTRICTS)
    unknown = area("不明", box(0, 0, 9, 9), ward="271039", layer=Layer.DISTRICTS)
    (stray,) = strays([inside, across, unknown], [ward], OSAKA)
    assert stray.area.name == "外"
    assert stray.share == pytest.approx(0.5, rel=1e-3)
    assert stray.outside_m2 == pytest.approx(100 * 100, rel=1e-3)


def test_periods_begin_where_an_area_begins_or_the_day_after_one_ended() -> None:
    def dated(start: dt.date | None, end: dt.date | None) -> AreaRecord:
        return AreaRecord(
            layer=Layer.DISTRICTS,
            id="a",
            name="a",
            ward_code="271021",
            geometry=box(0, 0, 1, 1),
            valid_from=start,
            valid_to=end,
        )

    old = dated(None, dt.date(2024, 3, 31))
    new = dated(dt.date(2024, 4, 1), None)
    last = dated(dt.date(2026, 4, 1), dt.date.max)
    assert periods([old, new, last]) == (
        dt.date.min,
        dt.date(2024, 4, 1),
        dt.date(2026, 4, 1),
    )
    assert periods([]) == (dt.date.min,)


@given(
    cuts=st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True),
    moved=st.integers(0, 99),
)
def test_strips_tile_until_one_is_widened(cuts: list[int], moved: int) -> None:
    edges = [0, *sorted(cuts), 100]
    strips = [
        area(str(west), box(west * 10, 0, east * 10, 500))
        for west, east in pairwise(edges)
    ]
    assert overlaps(strips, OSAKA) == ()
    at = moved % (len(strips) - 1)
    wider = area("wide", box(edges[at] * 10, 0, edges[at + 1] * 10 + 5, 500))
    changed = [*strips[:at], wider, *strips[at + 1 :]]
    # 5 m x 500 m, at least of the next strip, which is 10 m wide or more.
    assert sum(pair.area_m2 for pair in overlaps(changed, OSAKA)) == pytest.approx(
        2_500, rel=1e-3
    )


def test_a_city_at_full_resolution_is_proved_in_seconds() -> None:
    # 300 districts of 500 m side with a corner every 5 m: 120,000 corners.
    grid = [
        area(
            f"{x}-{y}",
            shapely.segmentize(
                box(x * 500, y * 500, x * 500 + 500, y * 500 + 500), 5.0
            ),
        )
        for x in range(20)
        for y in range(15)
    ]
    start = time.process_time()
    assert overlaps(grid, OSAKA) == ()
    assert gaps(grid, OSAKA) == ()
    assert time.process_time() - start < 5.0


def test_in_plane_keeps_the_order() -> None:
    profile: CityProfile = OSAKA
    shapes = in_plane(
        [area("甲", box(0, 0, 10, 10)), area("乙", box(0, 0, 20, 20))], profile
    )
    assert [round(shape.area) for shape in shapes] == [100, 400]
