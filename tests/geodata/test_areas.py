"""Approximate areas: gap-free inside the city, near to the truth, kept with proof."""

from __future__ import annotations

import csv
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from shapely import Point

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata import crs
from geodata.areas import (
    CityAreas,
    build_areas,
    inputs_sha256,
    load_areas,
    save_areas,
)
from geodata.city import CityProfile, School, load_city
from geodata.towns import Town, read_towns

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("KIDOHAN_SHARED", ROOT.parent / "shared"))
REAL_WARDS = SHARED / "data" / "wards" / "osaka_wards_osm.geojson"
REAL_ADDRESSES = SHARED / "data" / "addresses" / "osaka_address_points_dev.csv"


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return load_city("osaka")


@pytest.fixture(scope="module")
def towns(osaka: CityProfile) -> tuple[Town, ...]:
    return read_towns(osaka)


@pytest.fixture(scope="module")
def areas(osaka: CityProfile, towns: tuple[Town, ...]) -> CityAreas:
    return build_areas(osaka, towns)


def real(file: Path) -> Path:
    if not file.is_file():
        pytest.skip(f"NOT COMPARED WITH REAL DATA: no {file} (set KIDOHAN_SHARED)")
    return file


def test_every_ward_and_every_active_school_has_an_area(
    osaka: CityProfile, areas: CityAreas
) -> None:
    assert set(areas.wards["code"]) == {ward.code for ward in osaka.wards}
    active = {school.id for school in osaka.schools if school.active}
    assert set(areas.districts["id"]) == active
    assert areas.approximate
    assert areas.wards.geometry.is_valid.all()
    assert areas.districts.geometry.is_valid.all()
    assert not areas.districts.geometry.is_empty.any()


def test_every_town_point_lies_in_its_own_ward(
    towns: tuple[Town, ...], areas: CityAreas
) -> None:
    wrong = [t.name for t in towns if areas.ward_at(t.place) != t.ward_code]
    assert wrong == []


def test_wards_leave_no_gap_and_do_not_overlap(
    osaka: CityProfile, areas: CityAreas
) -> None:
    shapes = crs.to_plane(areas.wards.geometry, osaka)
    together = shapely.union_all(shapes.to_numpy(), grid_size=0.01)
    assert shapes.area.sum() == pytest.approx(together.area, rel=1e-5)


def test_districts_fill_their_ward(osaka: CityProfile, areas: CityAreas) -> None:
    ward_area = crs.to_plane(areas.wards.geometry, osaka).area.sum()
    district_area = crs.to_plane(areas.districts.geometry, osaka).area.sum()
    assert district_area == pytest.approx(ward_area, rel=1e-6)


def test_every_active_school_is_found_in_its_own_district(
    osaka: CityProfile, areas: CityAreas
) -> None:
    for school in osaka.schools:
        if school.active:
            assert areas.district_at(school.place, school.ward_code) == school.id


def test_nearly_every_school_lies_in_its_own_ward(
    osaka: CityProfile, areas: CityAreas
) -> None:
    own = [areas.ward_at(s.place) == s.ward_code for s in osaka.schools]
    assert sum(own) / len(own) >= 0.985  # 太子橋小 is outside its true ward as well


def test_a_place_outside_the_city_is_in_no_ward(areas: CityAreas) -> None:
    sakai_city_hall = LonLat(135.4830, 34.5733)
    amagasaki_station = LonLat(135.4131, 34.7326)
    bay = LonLat(135.37, 34.60)
    for place in (sakai_city_hall, amagasaki_station, bay, LonLat(0.0, 0.0)):
        assert areas.ward_at(place) is None
        assert areas.district_at(place) is None


def test_a_stated_ward_is_trusted_above_the_polygon(
    osaka: CityProfile, areas: CityAreas
) -> None:
    outside = next(
        s for s in osaka.schools if s.active and areas.ward_at(s.place) != s.ward_code
    )
    assert areas.district_at(outside.place) != outside.id
    assert areas.district_at(outside.place, outside.ward_code) == outside.id


def test_a_stated_ward_far_away_gives_no_district(areas: CityAreas) -> None:
    juso_office = LonLat(135.4817813, 34.72632189)
    assert areas.district_at(juso_office, "271268") is None  # 平野区, across the city


def test_a_closed_school_has_no_district(osaka: CityProfile, areas: CityAreas) -> None:
    closed = {school.id for school in osaka.schools if not school.active}
    assert closed
    assert not closed & set(areas.districts["id"])


def test_the_same_inputs_give_the_same_areas(
    osaka: CityProfile, towns: tuple[Town, ...], areas: CityAreas
) -> None:
    again = build_areas(osaka, towns)
    assert again.wards.equals(areas.wards)
    assert again.districts.equals(areas.districts)
    assert again.inputs == areas.inputs == inputs_sha256(osaka, towns)


def test_another_school_changes_the_fingerprint(
    osaka: CityProfile, towns: tuple[Town, ...]
) -> None:
    first: School = replace(osaka.schools[0], active=False)
    changed = replace(osaka, schools=(first, *osaka.schools[1:]))
    assert inputs_sha256(changed, towns) != inputs_sha256(osaka, towns)


def test_areas_survive_the_disk_and_load_in_under_a_second(
    towns: tuple[Town, ...], areas: CityAreas, tmp_path: Path
) -> None:
    save_areas(areas, tmp_path)
    start = time.perf_counter()
    loaded = load_areas(tmp_path)
    assert time.perf_counter() - start < 1
    assert loaded.approximate
    assert loaded.sources == areas.sources
    assert loaded.inputs == areas.inputs
    assert loaded.wards.crs == areas.wards.crs
    for town in towns:
        assert loaded.ward_at(town.place) == town.ward_code
        assert loaded.district_at(town.place) == areas.district_at(town.place)


def test_saving_twice_writes_the_same_bytes(areas: CityAreas, tmp_path: Path) -> None:
    save_areas(areas, tmp_path / "a")
    save_areas(areas, tmp_path / "b")
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_the_manifest_tells_where_the_areas_are_from(
    areas: CityAreas, tmp_path: Path
) -> None:
    save_areas(areas, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert "Voronoi" in manifest["method"]
    assert any("Geolonia" in source for source in manifest["sources"])
    assert manifest["inputs_sha256"].keys() == {"towns", "schools", "method"}


def test_a_changed_layer_is_refused(areas: CityAreas, tmp_path: Path) -> None:
    save_areas(areas, tmp_path)
    layer = tmp_path / "wards.geojson"
    text = layer.read_text(encoding="utf-8")
    layer.write_text(text.replace("北区", "南区", 1), encoding="utf-8")
    with pytest.raises(SourceError, match=r"wards\.geojson"):
        load_areas(tmp_path)


@pytest.mark.parametrize("name", ["manifest.json", "districts.geojson"])
def test_a_missing_file_is_refused(areas: CityAreas, tmp_path: Path, name: str) -> None:
    save_areas(areas, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SourceError, match=name):
        load_areas(tmp_path)


def test_a_city_that_states_its_districts_has_empty_areas(tmp_path: Path) -> None:
    boston = load_city("boston")
    save_areas(build_areas(boston, read_towns(boston)), tmp_path)
    areas = load_areas(tmp_path)
    assert len(areas.wards) == len(areas.districts) == 0
    assert list(areas.districts.columns) == ["id", "name", "ward_code", "geometry"]
    assert areas.ward_at(LonLat(-71.06, 42.36)) is None
    assert areas.district_at(LonLat(-71.06, 42.36), "1C") is None


def test_two_towns_at_one_point_and_a_ward_with_one_school(osaka: CityProfile) -> None:
    code = osaka.wards[0].code
    corners = [(135.50, 34.70), (135.52, 34.70), (135.51, 34.72), (135.51, 34.72)]
    towns = [
        Town(
            ward_code=code, name=str(n), oaza=str(n), chome=None, place=LonLat(*corner)
        )
        for n, corner in enumerate(corners)
    ]
    school = replace(osaka.schools[0], ward_code=code, place=LonLat(135.51, 34.71))
    areas = build_areas(replace(osaka, schools=(school,)), towns)
    assert list(areas.wards["code"]) == [code]
    assert areas.ward_at(LonLat(135.51, 34.72)) == code
    assert areas.district_at(LonLat(135.50, 34.70)) == school.id


def test_the_plane_is_easting_first(osaka: CityProfile) -> None:
    # EPSG:6674 has its origin at 136° E, 36° N: Osaka lies west and south of it.
    (point,) = crs.points_in_plane([LonLat(135.5020, 34.6938)], osaka)
    assert point.x == pytest.approx(-45_600, abs=300)
    assert point.y == pytest.approx(-144_800, abs=300)
    back = crs.to_degrees(crs.plane_series([point], osaka), osaka).iloc[0]
    assert (back.x, back.y) == pytest.approx((135.5020, 34.6938))


def test_town_points_agree_with_the_real_wards(
    osaka: CityProfile, towns: tuple[Town, ...], areas: CityAreas
) -> None:
    wards = gpd.read_file(real(REAL_WARDS))
    code_of = {ward.name: ward.code for ward in osaka.wards}
    shape_of = {
        code_of[name]: shape
        for name, shape in zip(wards["ward"], wards.geometry, strict=True)
    }
    agree = [
        shape_of[areas.ward_at(town.place) or ""].covers(
            Point(town.place.lon, town.place.lat)
        )
        for town in towns
    ]
    assert sum(agree) / len(agree) >= 0.99


def test_approximate_wards_cover_nearly_all_of_the_real_ones(
    osaka: CityProfile, areas: CityAreas
) -> None:
    wards = gpd.read_file(real(REAL_WARDS))
    real_shapes = crs.to_plane(wards.geometry, osaka)
    shape_of = dict(zip(wards["ward"], real_shapes, strict=True))
    ours = crs.to_plane(areas.wards.geometry, osaka)
    shared_m2 = sum(
        shape.intersection(shape_of[name]).area
        for name, shape in zip(areas.wards["name"], ours, strict=True)
    )
    assert shared_m2 / real_shapes.area.sum() >= 0.92  # measured 0.934
    assert shared_m2 / ours.area.sum() >= 0.94  # measured 0.956


def test_real_addresses_fall_into_the_ward_that_they_state(
    osaka: CityProfile, areas: CityAreas
) -> None:
    code_of = {ward.name: ward.code for ward in osaka.wards}
    with real(REAL_ADDRESSES).open(encoding="utf-8", newline="") as stream:
        agree = [
            areas.ward_at(LonLat(float(row["lon"]), float(row["lat"])))
            == code_of[row["ward"]]
            for row in csv.DictReader(stream)
        ]
    assert sum(agree) / len(agree) >= 0.965  # measured 0.970
