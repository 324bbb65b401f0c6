"""Areas of points: borders are seen, stated wards trusted, days respected."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from dispatch.domain.errors import InvalidInputError, SourceError
from dispatch.domain.place import BoundingBox, LonLat
from geodata import crs
from geodata.bundle.records import AreaRecord, JurisdictionRecord, Layer
from geodata.city import load_city
from geodata.geocoding.area_index import AreaIndex, AreasAnswer, NamedArea
from tests.benchmarks.area_speed import area_speed
from tests.shared_data import need_shared

LAT = 34.7
# Metres of a degree at 34.7° on GRS 80, N cos φ and M times π/180 (Snyder 1987, p. 25):
# e² = 0.00669438, sin² φ = 0.32407918, N = 6 385 067.0 m, M = 6 356 112.6 m.
LON_M, LAT_M = 91_620.1, 110_935.1
STEP = 0.01  # a square is about 916 m by 1 109 m

WEST, EAST = "27101", "27102"


def square(column: float, row: float, width: float = 1.0) -> shapely.Polygon:
    west, south = 135.5 + STEP * column, LAT + STEP * row
    return shapely.box(west, south, west + STEP * width, south + STEP)


def area(
    layer: Layer,
    id_: str,
    ward_code: str,
    geometry: shapely.geometry.base.BaseGeometry,
    valid_from: dt.date | None = None,
    valid_to: dt.date | None = None,
) -> AreaRecord:
    return AreaRecord(
        layer=layer,
        id=id_,
        name=f"{id_}の名",
        ward_code=ward_code,
        geometry=geometry,
        valid_from=valid_from,
        valid_to=valid_to,
    )


# Two wards side by side, each with two districts above one another.
WARDS = (
    area(Layer.WARDS, WEST, WEST, square(0, 0).union(square(0, 1))),
    area(Layer.WARDS, EAST, EAST, square(1, 0).union(square(1, 1))),
)
DISTRICTS = (
    area(Layer.DISTRICTS, "west-low", WEST, square(0, 0)),
    area(Layer.DISTRICTS, "west-high", WEST, square(0, 1)),
    area(Layer.DISTRICTS, "east-low", EAST, square(1, 0)),
    area(Layer.DISTRICTS, "east-high", EAST, square(1, 1)),
)
COMMUNITIES = (area(Layer.COMMUNITIES, "both", "", square(0, 0, width=2)),)
CITY = AreaIndex((*WARDS, *DISTRICTS, *COMMUNITIES), plane_scale_lat=LAT)


def spot(column: float, row: float) -> LonLat:
    return LonLat(135.5 + STEP * column, LAT + STEP * row)


def ids(areas: tuple[NamedArea, ...]) -> list[str]:
    return [one.id for one in areas]


def test_a_point_gets_its_ward_district_and_community() -> None:
    answer = CITY.at(spot(0.5, 0.5))
    assert answer.ward == NamedArea(id=WEST, name="27101の名")
    assert answer.district == NamedArea(id="west-low", name="west-lowの名")
    assert answer.community == NamedArea(id="both", name="bothの名")
    # Half a square's width is 0.005° × 91 620.1 m = 458.1 m, half its height 554.7 m.
    assert answer.border_m == pytest.approx(458.1, abs=0.1)
    assert answer.district_border_m == pytest.approx(458.1, abs=0.1)
    assert answer.neighbour is None
    assert answer.neighbour_districts == ()
    assert answer.is_district_sure
    assert answer.layers == {Layer.WARDS, Layer.DISTRICTS, Layer.COMMUNITIES}


def test_a_border_is_seen_when_the_radius_reaches_it_and_always_within_25_m() -> None:
    # 0.02 of a square west of the border: 0.0002° × 91 620.1 = 18.3 m; 0.05: 45.8 m.
    close, farther = spot(0.98, 0.5), spot(0.95, 0.5)
    assert CITY.at(close).neighbour == NamedArea(id=EAST, name="27102の名")
    assert CITY.at(close).border_m == pytest.approx(18.3, abs=0.1)
    assert CITY.at(farther, radius_m=45).neighbour is None
    seen = CITY.at(farther, radius_m=46)
    assert seen.neighbour is not None
    assert seen.neighbour.id == EAST


def test_a_circle_that_touches_other_districts_is_not_sure_of_its_own() -> None:
    # 18.3 m from the eastern border, 0.03 × 0.01° × 110 935.1 m = 33.3 m from the
    # northern one, and 38.0 m from the corner.
    place = spot(0.98, 0.97)
    assert CITY.at(place, radius_m=18).is_district_sure
    answer = CITY.at(place, radius_m=34)
    assert answer.district is not None
    assert answer.district.id == "west-low"
    assert not answer.is_district_sure
    assert ids(answer.neighbour_districts) == ["east-low", "west-high"]
    wide = CITY.at(place, radius_m=39)
    assert ids(wide.neighbour_districts) == ["east-low", "west-high", "east-high"]
    # The districts of another ward are no doubt where the ward is stated.
    stated = CITY.at(place, radius_m=39, ward_code=WEST)
    assert ids(stated.neighbour_districts) == ["west-high"]


def test_a_stated_ward_is_trusted_above_the_polygons() -> None:
    # 0.02 × 916 m = 18 m beyond the border, on the eastern side.
    answer = CITY.at(spot(1.02, 0.4), ward_code=WEST)
    assert answer.ward is not None
    assert answer.ward.id == WEST
    assert answer.border_m == pytest.approx(18.3, abs=0.1)
    assert answer.neighbour is not None
    assert answer.neighbour.id == EAST
    assert answer.district is not None
    assert answer.district.id == "west-low"
    assert not answer.is_district_sure
    assert answer.community is not None  # it says no ward: it may be of any


def test_a_district_of_the_stated_ward_farther_than_a_kilometre_is_not_taken() -> None:
    # 1.1 squares east of the western ward: 0.011° × 91 620 m = 1 008 m; 1.09: 999 m.
    assert CITY.at(spot(2.1, 0.5), ward_code=WEST).district is None
    found = CITY.at(spot(2.09, 0.5), ward_code=WEST).district
    assert found is not None
    assert found.id == "west-low"


def test_a_stated_ward_without_a_polygon_counts_but_has_nothing_to_show() -> None:
    answer = CITY.at(spot(0.5, 0.5), ward_code="27999")
    assert answer.ward == NamedArea(id="27999", name="")
    assert (answer.district, answer.border_m) == (None, None)
    assert answer.neighbour == NamedArea(id=WEST, name="27101の名")


def test_outside_all_areas_there_is_no_ward_but_a_near_one_is_seen() -> None:
    answer = CITY.at(spot(-0.02, 0.5))
    assert (answer.ward, answer.district, answer.border_m) == (None, None, None)
    assert answer.neighbour is not None
    assert answer.neighbour.id == WEST
    assert not answer.is_district_sure
    assert CITY.at(LonLat(0.0, 0.0)) == AreasAnswer(layers=answer.layers)


def test_without_polygons_of_a_layer_its_area_is_not_available() -> None:
    wards_only = AreaIndex(WARDS, plane_scale_lat=LAT)
    answer = wards_only.at(spot(0.5, 0.5), radius_m=2_000, ward_code=WEST)
    assert answer.layers == {Layer.WARDS}
    assert (answer.district, answer.community) == (None, None)
    assert not answer.is_district_sure
    nothing = AreaIndex(())
    assert nothing.at(spot(0.5, 0.5)) == AreasAnswer()
    assert nothing.codes_of(Layer.WARDS, [135.5], [34.7]).tolist() == [""]
    assert nothing.wards_near(spot(0.5, 0.5), radius_m=200) == ()
    assert nothing.at_all([], radii_m=[], ward_codes=[]) == ()


def test_on_an_edge_the_first_area_counts() -> None:
    border, corner = spot(1.0, 0.5), spot(1.0, 1.0)
    assert CITY.at(border).ward == NamedArea(id=WEST, name="27101の名")
    turned = AreaIndex((*WARDS[::-1], *DISTRICTS), plane_scale_lat=LAT)
    assert turned.at(border).ward == NamedArea(id=EAST, name="27102の名")
    answer = CITY.at(corner)
    assert answer.district is not None
    assert answer.district.id == "west-low"
    assert not answer.is_district_sure  # on a border, not even with radius 0


def test_wards_near_a_place_are_listed_nearest_first() -> None:
    assert CITY.wards_near(spot(0.98, 0.5), radius_m=10) == (WEST,)
    assert CITY.wards_near(spot(0.98, 0.5), radius_m=200) == (WEST, EAST)
    assert CITY.wards_near(spot(1.02, 0.5), radius_m=200) == (EAST, WEST)
    assert CITY.wards_near(spot(3.0, 0.5), radius_m=200) == ()


# --- days ----------------------------------------------------------------------------

SPLIT = dt.date(2024, 4, 1)
OLD = area(
    Layer.DISTRICTS, "old", WEST, WARDS[0].geometry, valid_to=dt.date(2024, 3, 31)
)
NEW = (
    area(Layer.DISTRICTS, "new-low", WEST, square(0, 0), valid_from=SPLIT),
    area(
        Layer.DISTRICTS,
        "new-high",
        WEST,
        square(0, 1),
        valid_from=SPLIT,
        valid_to=dt.date.max,
    ),
)
OFFICES = (
    JurisdictionRecord(
        ward_code=WEST,
        office_id="first",
        valid_from=dt.date(2011, 4, 1),
        valid_to=dt.date(2025, 4, 1),  # the day on which it ends is not its any more
    ),
    JurisdictionRecord(
        ward_code=WEST, office_id="second", valid_from=dt.date(2025, 4, 1)
    ),
)
DATED = AreaIndex((WARDS[0], OLD, *NEW), OFFICES, plane_scale_lat=LAT)


@pytest.mark.parametrize(
    ("day", "district", "office"),
    [
        (dt.date(2000, 1, 1), "old", ""),
        (dt.date(2011, 4, 1), "old", "first"),
        (dt.date(2024, 3, 31), "old", "first"),  # both ends are included
        (dt.date(2024, 4, 1), "new-low", "first"),
        (dt.date(2025, 3, 31), "new-low", "first"),
        (dt.date(2025, 4, 1), "new-low", "second"),
        (None, "new-low", "second"),
    ],
)
def test_areas_and_offices_are_those_of_the_day(
    day: dt.date | None, district: str, office: str
) -> None:
    for _ in range(2):  # the second time from the kept tree
        answer = DATED.at(spot(0.5, 0.5), on=day)
        assert answer.district is not None
        assert (answer.district.id, answer.office_id) == (district, office)
    place = spot(0.5, 0.5)
    found = DATED.codes_of(Layer.DISTRICTS, [place.lon], [place.lat], on=day)
    assert found.tolist() == [district]


def test_an_area_that_ends_on_the_last_day_of_all_is_in_force() -> None:
    answer = DATED.at(spot(0.5, 1.5), on=dt.date.max)
    assert answer.district is not None
    assert answer.district.id == "new-high"
    assert DATED.at(spot(0.5, 1.5)).district is None  # it has an end


def test_the_office_follows_a_stated_ward_and_is_empty_outside() -> None:
    assert DATED.at(spot(5.0, 0.5), ward_code=WEST).office_id == "second"
    assert DATED.at(spot(5.0, 0.5)).office_id == ""


# --- many points ---------------------------------------------------------------------

places = st.builds(
    LonLat,
    st.floats(min_value=135.49, max_value=135.53),
    st.floats(min_value=34.69, max_value=34.73),
)
wards_stated = st.sampled_from([None, WEST, EAST, "27999"])


@given(rows=st.lists(st.tuples(places, st.integers(0, 900), wards_stated), max_size=5))
def test_many_points_get_the_answers_that_each_gets_alone(
    rows: list[tuple[LonLat, int, str | None]],
) -> None:
    together = CITY.at_all(
        [row[0] for row in rows],
        radii_m=[row[1] for row in rows],
        ward_codes=[row[2] for row in rows],
    )
    alone = [CITY.at(p, radius_m=r, ward_code=code) for p, r, code in rows]
    assert list(together) == alone


@given(place=places, radius_m=st.integers(0, 1_500))
def test_what_is_sure_holds_in_the_whole_circle(place: LonLat, radius_m: int) -> None:
    answer = CITY.at(place, radius_m=radius_m)
    around = [
        LonLat(
            place.lon + radius_m * math.cos(turn) / LON_M * 0.999,
            place.lat + radius_m * math.sin(turn) / LAT_M * 0.999,
        )
        for turn in np.linspace(0, 2 * math.pi, 16)
    ]
    inside = CITY.codes_of(
        Layer.DISTRICTS, [p.lon for p in around], [p.lat for p in around]
    )
    own = {answer.district.id} if answer.district else set()
    seen = own | set(ids(answer.neighbour_districts)) | {""}
    assert set(inside) <= seen
    if answer.is_district_sure:
        assert set(inside) <= own | {""}


@given(place=places)
def test_bulk_codes_are_those_of_one_point(place: LonLat) -> None:
    answer = CITY.at(place)
    found = CITY.codes_of(Layer.WARDS, [place.lon], [place.lat])
    assert found.tolist() == [answer.ward.id if answer.ward else ""]


def test_points_without_numbers_are_in_no_area() -> None:
    place = spot(0.5, 0.5)
    lons = np.array([np.nan, place.lon, np.inf, place.lon])
    lats = np.array([place.lat, np.nan, -np.inf, place.lat])
    found = CITY.codes_of(Layer.WARDS, lons, lats)
    assert found.tolist() == ["", "", "", WEST]
    assert CITY.codes_of(Layer.WARDS, [], []).tolist() == []


def test_threads_may_share_an_index() -> None:
    spots = [spot(0.01 * at, 0.5) for at in range(200)]
    alone = [CITY.at(place, radius_m=50) for place in spots]
    fresh = AreaIndex((*WARDS, *DISTRICTS, *COMMUNITIES), plane_scale_lat=LAT)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda place: fresh.at(place, radius_m=50), spots))
    assert together == alone


# --- refusals and precision ----------------------------------------------------------


def test_an_area_that_is_no_polygon_is_refused() -> None:
    line = area(Layer.WARDS, WEST, WEST, shapely.LineString([(0, 0), (1, 1)]))
    with pytest.raises(SourceError, match="27101: a LineString"):
        AreaIndex([line], plane_scale_lat=LAT)


def test_an_empty_polygon_covers_nothing() -> None:
    empty = area(Layer.DISTRICTS, "none", WEST, shapely.Polygon())
    index = AreaIndex([empty, *DISTRICTS], plane_scale_lat=LAT)
    found = index.at(spot(0.5, 0.5), ward_code=WEST).district
    assert found is not None
    assert found.id == "west-low"


@pytest.mark.parametrize("lat", [90.0, -90.0, math.nan, math.inf])
def test_metres_at_a_pole_are_refused(lat: float) -> None:
    with pytest.raises(InvalidInputError):
        AreaIndex(WARDS, plane_scale_lat=lat)


def test_distances_over_the_city_agree_with_the_metric_plane() -> None:
    # 平面直角座標系 VI is 0.01 % short here, so 0.3 % leaves room for both.
    osaka = load_city("osaka")
    chance = np.random.default_rng(5)
    for middle_lat in (34.57, 34.69, 34.78):
        lon, lat = 135.5, middle_lat
        target = shapely.box(lon, lat, lon + 1e-9, lat + 1e-9)
        index = AreaIndex(
            [area(Layer.WARDS, WEST, WEST, target)], plane_scale_lat=34.68
        )
        for turn in chance.uniform(0, 2 * math.pi, 8):
            place = LonLat(
                lon + 0.02 * math.cos(turn), lat + 0.018 * math.sin(turn)
            )  # 1.8 to 2 km away
            found_m = index.at(place, ward_code=WEST).border_m
            xs, ys = crs.plane_xy(
                np.array([lon, place.lon]), np.array([lat, place.lat]), osaka
            )
            true_m = math.hypot(xs[1] - xs[0], ys[1] - ys[0])
            assert found_m == pytest.approx(true_m, rel=0.003)


ROUND = shapely.Point(135.5, LAT).buffer(0.01, quad_segs=60)  # 241 corners
RING = ROUND.difference(shapely.Point(135.501, LAT).buffer(0.004, quad_segs=30))


@given(place=places)
def test_borders_of_many_corners_are_measured_as_a_whole(place: LonLat) -> None:
    index = AreaIndex([area(Layer.WARDS, WEST, WEST, RING)], plane_scale_lat=LAT)
    plane = shapely.transform(RING, lambda xy: xy * np.array([LON_M, LAT_M]))
    point = shapely.Point(place.lon * LON_M, place.lat * LAT_M)
    whole_m = plane.boundary.distance(point)
    found_m = index.at(place, ward_code=WEST).border_m
    assert found_m == pytest.approx(whole_m, abs=0.05)


def test_a_stated_ward_with_an_empty_polygon_has_no_border() -> None:
    empty = area(Layer.WARDS, WEST, WEST, shapely.Polygon())
    answer = AreaIndex([empty], plane_scale_lat=LAT).at(spot(0, 0), ward_code=WEST)
    assert answer.ward is not None
    assert answer.border_m is None


# --- the real city -------------------------------------------------------------------

OSAKA = BoundingBox(west=135.36, south=34.56, east=135.62, north=34.79)


def real_areas(file: Path, layer: Layer, name: str, code: str) -> list[AreaRecord]:
    rows = json.loads(file.read_text(encoding="utf-8"))["features"]
    return [
        AreaRecord(
            layer=layer,
            id=row["properties"][code],
            name=row["properties"][name],
            ward_code=row["properties"]["ward_code"],
            geometry=shape(row["geometry"]),
        )
        for row in rows
    ]


@pytest.fixture(scope="module")
def osaka() -> AreaIndex:
    wards = need_shared("data/wards/osaka_wards_osm.geojson")
    districts = need_shared(
        "data/school_districts/osaka_school_districts_APPROX_voronoi.geojson"
    )
    return AreaIndex(
        [
            *real_areas(wards, Layer.WARDS, "ward", "ward_code"),
            *real_areas(districts, Layer.DISTRICTS, "school", "school"),
        ]
    )


def rows_of(relative: str) -> list[dict[str, str]]:
    with need_shared(relative).open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_real_town_point_lies_in_its_own_ward(osaka: AreaIndex) -> None:
    towns = rows_of("data/addresses/osaka_towns.csv")
    found = osaka.codes_of(
        Layer.WARDS,
        [float(row["lng"]) for row in towns],
        [float(row["lat"]) for row in towns],
    )
    assert len(towns) == 1_903
    assert found.tolist() == [row["ward_code"] for row in towns]


def test_ebie_office_is_seen_to_lie_near_the_next_ward(osaka: AreaIndex) -> None:
    ebie = LonLat(135.4627172, 34.69305806)
    answer = osaka.at(ebie, radius_m=130)  # as a 番 would be placed
    assert answer.ward is not None
    assert answer.ward.name == "此花区"
    assert answer.neighbour is not None
    assert answer.neighbour.name == "福島区"
    assert answer.border_m == pytest.approx(75.5, abs=0.5)
    assert not answer.is_district_sure
    exact = osaka.at(ebie, radius_m=30)
    assert exact.neighbour is None
    assert exact.is_district_sure


def test_taishibashi_school_gets_the_district_of_its_stated_ward(
    osaka: AreaIndex,
) -> None:
    rows = rows_of("data/osaka_facts/schools.csv")
    (school,) = [row for row in rows if "太子橋小" in row["name"]]
    place = LonLat(float(school["lon"]), float(school["lat"]))
    alone = osaka.at(place, radius_m=30)
    assert (alone.ward, alone.district) == (None, None)
    assert alone.neighbour is not None
    assert alone.neighbour.name == "旭区"
    stated = osaka.at(place, radius_m=30, ward_code=school["ward_code"])
    assert stated.district is not None
    assert stated.district.name == "大阪市立太子橋小学校"
    assert stated.border_m == pytest.approx(26.7, abs=0.5)
    assert not stated.is_district_sure  # the polygons do not hold it


def test_areas_of_real_points_are_found_fast(osaka: AreaIndex) -> None:
    speeds = [area_speed(osaka, OSAKA, num_points=20_000) for _ in range(3)]
    # Seen on one of two shared cores: 1 000 000, 1 000 000 and 50 000 a second, 95 to
    # 190 µs; the bars are 100 000 points a second and 300 µs for one answer.
    assert max(speed.wards_per_s for speed in speeds) >= 100_000
    assert max(speed.districts_per_s for speed in speeds) >= 100_000
    assert max(speed.answers_per_s for speed in speeds) >= 10_000
    assert min(speed.one_answer_s for speed in speeds) <= 0.001  # coverage is on
