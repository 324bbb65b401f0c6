"""Approximate areas from records: every town and school in its own, no overlaps."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from dispatch.domain.place import LonLat
from geodata.bundle.records import AreaRecord, Layer, SchoolRecord, TownRecord
from geodata.bundle.tiling import overlaps, strays
from geodata.bundle.voronoi import Validity, district_areas, in_plane, ward_areas
from geodata.city import CityProfile, load_city
from geodata.towns import places_around, read_towns

OSAKA = load_city("osaka")


@pytest.fixture(scope="module")
def wards() -> tuple[AreaRecord, ...]:
    towns = [
        TownRecord(
            ward_code=town.ward_code,
            name=town.name,
            oaza=town.oaza,
            chome=town.chome,
            place=town.place,
        )
        for town in read_towns(OSAKA)
    ]
    return ward_areas(OSAKA, towns, around=places_around(OSAKA))


def schools_of(profile: CityProfile) -> list[SchoolRecord]:
    return [
        SchoolRecord(
            id=school.id,
            name=school.name,
            short_name=school.short_name,
            ward_code=school.ward_code,
            place=school.place,
            active=school.active,
        )
        for school in profile.schools
    ]


def town(ward_code: str, lon: float, lat: float) -> TownRecord:
    return TownRecord(
        ward_code=ward_code,
        name=f"{lon}-{lat}",
        oaza="",
        chome=None,
        place=LonLat(lon, lat),
    )


def test_every_town_of_osaka_lies_in_its_own_ward(
    wards: tuple[AreaRecord, ...],
) -> None:
    assert [ward.id for ward in wards] == [ward.code for ward in OSAKA.wards]
    shape_of = {ward.id: ward.geometry for ward in wards}
    towns = read_towns(OSAKA)
    own = [
        shapely.contains_xy(shape_of[one.ward_code], one.place.lon, one.place.lat)
        for one in towns
    ]
    assert sum(own) == len(towns) == 1_903
    assert overlaps(wards, OSAKA) == ()
    # 大阪市: 225.33 km2 (国土地理院); the hull adds sea and banks, 12 km2 (5.3 %).
    total_km2 = sum(shape.area for shape in in_plane(wards, OSAKA)) / 1e6
    assert total_km2 == pytest.approx(225.33, rel=0.06)


def test_every_active_school_of_osaka_has_a_district_in_its_ward(
    wards: tuple[AreaRecord, ...],
) -> None:
    districts = district_areas(OSAKA, wards, schools_of(OSAKA))
    active = {one.id: one for one in OSAKA.schools if one.active}
    assert {one.id: one.name for one in districts} == {
        key: school.short_name for key, school in active.items()
    }
    assert len(districts) == 298
    assert overlaps(districts, OSAKA) == ()
    assert strays(districts, wards, OSAKA, min_share=1e-6) == ()
    ground_m2 = sum(shape.area for shape in in_plane(wards, OSAKA))
    taken_m2 = sum(shape.area for shape in in_plane(districts, OSAKA))
    assert taken_m2 == pytest.approx(ground_m2, rel=1e-9)
    # A school stands in its own district, unless it stands outside its ward (太子橋小).
    outside = [
        one.name
        for one in districts
        if not one.geometry.intersects(
            Point(active[one.id].place.lon, active[one.id].place.lat)
        )
    ]
    shape_of = {ward.id: ward.geometry for ward in wards}
    beyond = [
        one.short_name
        for one in active.values()
        if not shape_of[one.ward_code].intersects(Point(one.place.lon, one.place.lat))
    ]
    assert sorted(outside) == sorted(beyond)


def test_validity_stands_on_every_area() -> None:
    validity = Validity(valid_from=dt.date(2020, 4, 1), valid_to=dt.date(2024, 3, 31))
    towns = [
        town("271021", 135.52 + x / 100, 34.70 + y / 100)
        for x in range(3)
        for y in range(3)
    ]
    (ward,) = ward_areas(OSAKA, towns, validity=validity)
    assert (ward.layer, ward.name) == (Layer.WARDS, "都島区")
    assert ward.holds_on(dt.date(2024, 3, 31))
    assert not ward.holds_on(dt.date(2024, 4, 1))
    (district,) = district_areas(
        OSAKA, [ward], [school("a", 135.53, 34.71)], validity=validity
    )
    assert (district.valid_from, district.valid_to) == (ward.valid_from, ward.valid_to)
    # The only school of a ward has all of it.
    assert district.geometry.symmetric_difference(ward.geometry).area < 1e-12


def school(key: str, lon: float, lat: float, ward_code: str = "271021") -> SchoolRecord:
    return SchoolRecord(
        id=key,
        name=key,
        short_name=key,
        ward_code=ward_code,
        place=LonLat(lon, lat),
    )


def test_a_city_without_towns_has_no_wards() -> None:
    assert ward_areas(OSAKA, []) == ()
    assert district_areas(OSAKA, [], schools_of(OSAKA)) == ()


def test_a_ward_swallowed_by_its_neighbours_has_no_shape() -> None:
    # The second ward's only town stands where one of the first stands: no ground.
    towns = [
        town("271021", 135.52 + x / 100, 34.70 + y / 100)
        for x in range(3)
        for y in range(3)
    ]
    areas = ward_areas(OSAKA, [*towns, town("271039", 135.52, 34.70)])
    assert [area.id for area in areas] == ["271021"]


def test_closed_schools_and_a_second_at_the_same_point_have_no_district(
    wards: tuple[AreaRecord, ...],
) -> None:
    first = school("a", 135.525, 34.71)
    areas = district_areas(
        OSAKA,
        wards,
        [
            first,
            school("b", 135.525, 34.71),
            replace(first, id="c", active=False),
            school("d", 135.53, 34.715),
            school("e", 135.53, 34.715, ward_code="000000"),
        ],
    )
    assert [area.id for area in areas] == ["a", "d"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.sampled_from((0, 1, 2))),
        min_size=4,
        max_size=25,
        unique_by=lambda point: point[:2],
    )
)
def test_every_town_lies_in_its_own_ward_and_wards_never_overlap(
    points: list[tuple[int, int, int]],
) -> None:
    codes = [ward.code for ward in OSAKA.wards[:3]]
    towns = [
        town(codes[ward], 135.50 + x / 1_000, 34.68 + y / 1_000)
        for x, y, ward in points
    ]
    areas = ward_areas(OSAKA, towns)
    shape_of = {area.id: area.geometry for area in areas}
    for one in towns:
        hull = shape_of[one.ward_code].buffer(1e-9)
        assert hull.intersects(Point(one.place.lon, one.place.lat))
    assert overlaps(areas, OSAKA) == ()
