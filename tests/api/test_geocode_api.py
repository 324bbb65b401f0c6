"""Geocoding through the API: one and many, swapped numbers, areas of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from shapely import box

from api.geocode_schemas import MAX_QUERIES, OfficeOut, place_in_order
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import BoundingBox, LonLat
from dispatch.domain.placing import PlacingWarning
from geodata.bundle.records import AreaRecord, JurisdictionRecord, Layer
from geodata.geocoding.area_index import AreaIndex
from tests.api.installation import ADDRESS, AUTH, DAY, services_of

NISHINARI, SUMINOE = "271225", "271250"
TSUMORI = {"lon": 135.4843, "lat": 34.6413}  # in 西成区
SAKAI = {"lon": 135.4730, "lat": 34.5530}  # in the rectangle around the city, not in it
CITY = BoundingBox(west=135.3, south=34.5, east=135.6, north=34.8)
MARCH, APRIL = dt.date(2026, 3, 31), dt.date(2026, 4, 1)


def asked(client: TestClient, *queries: Mapping[str, object], **more: object) -> Any:  # noqa: ANN401 - JSON
    response = client.post(
        "/v1/geocode", json={"queries": queries, **more}, headers=AUTH
    )
    assert response.status_code == 200, response.text
    return response.json()["results"]


def areas(client: TestClient, **point: str | float) -> Any:  # noqa: ANN401 - JSON
    response = client.get("/v1/areas", params=point, headers=AUTH)
    assert response.status_code == 200, response.text
    return response.json()


def area(layer: Layer, id_: str, west: float, east: float, **more: Any) -> AreaRecord:  # noqa: ANN401 - a record's fields
    """Build an area between two meridians, from 34.63° to 34.65° north."""
    fields = {"name": f"{id_}の名", "ward_code": "", **more}
    geometry = box(west, 34.63, east, 34.65)
    return AreaRecord(layer=layer, id=id_, geometry=geometry, **fields)


@contextmanager
def looking_up(client: TestClient, index: AreaIndex | None) -> Iterator[None]:
    """Let the served application look up other areas for a while."""
    app = client.app
    assert isinstance(app, FastAPI)
    services = services_of(client)
    other = replace(services, geocoder=replace(services.geocoder, areas=index))
    app.state.services = other
    try:
        yield
    finally:
        app.state.services = services


@pytest.fixture
def two_wards(client: TestClient) -> Iterator[TestClient]:
    """Serve two wards side by side; the districts of one changed in April 2026."""
    tsumori = JurisdictionRecord(
        ward_code=NISHINARI, office_id="tsumori", valid_from=MARCH
    )
    index = AreaIndex(
        [
            area(Layer.WARDS, SUMINOE, 135.47, 135.48, name="住之江区"),
            area(Layer.WARDS, NISHINARI, 135.48, 135.49, name="西成区"),
            area(Layer.DISTRICTS, "old", 135.48, 135.49, valid_to=MARCH),
            area(Layer.DISTRICTS, "new", 135.48, 135.50, valid_from=APRIL),
            area(Layer.COMMUNITIES, "tsumori", 135.48, 135.49),
        ],
        [tsumori],
    )
    with looking_up(client, index):
        yield client


# -- one and many ----------------------------------------------------------------------


def test_one_address_is_found_with_its_ward_town_and_district(
    client: TestClient,
) -> None:
    body = {"query": {"address": f"大阪市{ADDRESS}"}}
    response = client.post("/v1/geocode", json=body, headers=AUTH)
    answer = response.json()
    (found,) = answer["results"]
    assert (found["id"], found["status"], found["level"]) == (None, "ok", "chome")
    assert (found["ward"], found["ward_code"]) == ("西成区", NISHINARI)
    # 2-7-13 is read to the end, though the small data end at the 丁目
    assert (found["town"], found["block"], found["number"]) == ("津守二丁目", "7", "13")
    assert "block_not_in_data" in found["warnings"]
    assert (found["school_district"], found["district_id"]) == ("津守小", "271225-11")
    assert 135.47 < found["lon"] < 135.49
    assert 34.63 < found["lat"] < 34.65
    assert 150 <= found["radius_m"] <= 1_500
    assert (found["candidates"], found["has_rest"]) == ([], False)
    assert answer["on"] == DAY.isoformat()
    # the small city data have no legal borders, and that is said
    assert answer["approximate_layers"] == ["wards", "districts"]
    assert any("近似" in text for text in answer["attributions"])


def test_many_are_answered_in_their_order_with_their_own_ids(
    client: TestClient,
) -> None:
    results = asked(
        client,
        {"id": " 1 ", "address": "日本橋"},
        {"id": "二", "address": "松原市上田1-1-1"},
        {"address": ADDRESS},
        {"id": "二", **TSUMORI},
        {"id": "5"},
    )
    assert [one["id"] for one in results] == [" 1 ", "二", None, "二", "5"]
    assert [one["status"] for one in results] == [
        "ambiguous",
        "outside",
        "ok",
        "ok",
        "not_found",
    ]
    two_wards = {one["ward"] for one in results[0]["candidates"]}
    assert two_wards == {"中央区", "浪速区"}
    assert "松原市" in results[1]["municipality"]
    assert results[3]["level"] == "coordinate"


def test_none_at_all_and_as_many_as_may_be_are_answered(client: TestClient) -> None:
    assert asked(client) == []
    queries = [{"id": f"{at}", "address": ADDRESS} for at in range(MAX_QUERIES)]
    results = asked(client, *queries)
    assert [one["id"] for one in results] == [f"{at}" for at in range(MAX_QUERIES)]
    assert {one["status"] for one in results} == {"ok"}


def test_stated_ward_beside_an_address_tells_two_towns_apart(
    client: TestClient,
) -> None:
    fits, differs = asked(
        client,
        {"address": "日本橋", "ward": "浪速区"},
        {"address": ADDRESS, "ward": "北区"},
    )
    assert (fits["status"], fits["ward"]) == ("ok", "浪速区")
    assert (differs["status"], differs["ward"], differs["lon"]) == (
        "conflict",
        None,
        None,
    )


def test_words_that_were_not_used_are_told_of_and_not_told(client: TestClient) -> None:
    (found,) = asked(client, {"address": f"{ADDRESS} 付近の歩道"})
    assert (found["status"], found["has_rest"]) == ("ok", True)
    assert "付近" not in str(found)


# -- coordinates -----------------------------------------------------------------------


def test_swapped_coordinate_is_corrected_and_said(client: TestClient) -> None:
    right, swapped = asked(
        client, TSUMORI, {"lon": TSUMORI["lat"], "lat": TSUMORI["lon"]}
    )
    assert right["warnings"] == []
    assert swapped["warnings"] == ["swapped"]
    assert {**swapped, "warnings": []} == right
    assert (right["lon"], right["lat"]) == (TSUMORI["lon"], TSUMORI["lat"])
    # a phone's 30 m and one step of the fourth decimal, 11 m
    assert (right["status"], right["radius_m"]) == ("ok", 41)


def test_swapped_coordinate_of_another_city_is_outside_and_said(
    client: TestClient,
) -> None:
    (found,) = asked(client, {"lon": 35.6812, "lat": 139.7671})  # Tokyo
    assert (found["status"], found["warnings"]) == ("outside", ["swapped"])
    assert (found["lon"], found["ward"]) == (None, None)


def test_coarse_coordinate_has_its_radius_and_is_said(client: TestClient) -> None:
    (found,) = asked(client, {"lon": 135.48, "lat": 34.64})
    # one step of the second decimal is 1,112 m, and 30 m
    assert (found["radius_m"], "coarse_coordinate" in found["warnings"]) == (
        1_142,
        True,
    )


def test_coordinate_in_another_ward_than_the_stated_one_goes_to_a_person(
    client: TestClient,
) -> None:
    (found,) = asked(client, {**TSUMORI, "ward": "北区"})
    assert (found["status"], found["ward"], found["lon"]) == ("conflict", None, None)


@pytest.mark.parametrize(
    ("lon", "lat", "place", "is_turned"),
    [
        (135.5, 34.7, LonLat(135.5, 34.7), False),
        (34.7, 135.5, LonLat(135.5, 34.7), True),
        (35.7, 139.8, LonLat(139.8, 35.7), True),  # only this is on the globe
        (10.0, 20.0, LonLat(10.0, 20.0), False),  # neither is in the city: as given
        (139.8, 35.7, LonLat(139.8, 35.7), False),
        (-90.0, 90.0, LonLat(-90.0, 90.0), False),
    ],
)
def test_numbers_are_turned_only_where_nothing_else_can_be_meant(
    lon: float, lat: float, place: LonLat, *, is_turned: bool
) -> None:
    warnings = (PlacingWarning.SWAPPED,) if is_turned else ()
    assert place_in_order(lon, lat, CITY, field="lat") == (place, warnings)


def test_turned_place_in_a_city_near_the_diagonal_is_still_the_one_meant() -> None:
    egypt = BoundingBox(west=31.0, south=29.9, east=31.5, north=30.2)
    swapped = place_in_order(30.04, 31.24, egypt, field="lat")
    assert swapped == (LonLat(31.24, 30.04), (PlacingWarning.SWAPPED,))
    both_fit = BoundingBox(west=29.0, south=29.0, east=32.0, north=32.0)
    assert place_in_order(30.04, 31.24, both_fit, field="lat") == (
        LonLat(30.04, 31.24),
        (),
    )


def test_numbers_of_no_place_are_refused_by_the_name_of_their_field() -> None:
    with pytest.raises(InvalidInputError) as refused:
        place_in_order(135.0, 135.0, CITY, field="queries.3.lat")
    assert refused.value.field == "queries.3.lat"


# -- areas of a point ------------------------------------------------------------------


def test_areas_of_a_point_are_told_with_border_and_office(
    two_wards: TestClient,
) -> None:
    answer = areas(two_wards, lon=135.481, lat=34.64, radius_m=50)
    assert answer["ward"] == {"code": NISHINARI, "name": "西成区"}
    assert answer["district"] == {"id": "new", "name": "newの名"}
    assert answer["community"] == {"id": "tsumori", "name": "tsumoriの名"}
    assert answer["office"] == {
        "id": "tsumori",
        "name": "津守工営所",
        # the rule of the city's own table, which the bundle holds
        "confidence": "S",
    }
    # 0.001° of longitude at 34.64° north: 111,320 m × cos 34.64° / 1,000 = 91.6 m,
    # and 0.1 m more on the ellipsoid
    assert answer["border_m"] == pytest.approx(91.7, abs=0.3)
    assert answer["district_border_m"] == answer["border_m"]
    assert answer["neighbour_ward"] is None  # farther than 50 m
    assert (answer["is_district_sure"], answer["neighbour_districts"]) == (True, [])
    assert answer["layers"] == ["wards", "districts", "communities"]
    assert (answer["lon"], answer["lat"], answer["radius_m"]) == (135.481, 34.64, 50)
    assert (answer["outside"], answer["warnings"]) == (False, [])


def test_ward_beyond_the_border_is_told_when_the_radius_reaches_it(
    two_wards: TestClient,
) -> None:
    answer = areas(two_wards, lon=135.481, lat=34.64, radius_m=100)
    assert answer["ward"]["code"] == NISHINARI
    assert answer["neighbour_ward"] == {"code": SUMINOE, "name": "住之江区"}
    exact = areas(two_wards, lon=135.481, lat=34.64, radius_m=0)
    assert (exact["radius_m"], exact["neighbour_ward"]) == (0, None)


def test_other_districts_that_the_radius_touches_make_the_district_unsure(
    client: TestClient,
) -> None:
    index = AreaIndex(
        [
            area(Layer.WARDS, NISHINARI, 135.47, 135.49),
            area(Layer.DISTRICTS, "east", 135.48, 135.49),
            area(Layer.DISTRICTS, "west", 135.47, 135.48),
        ]
    )
    with looking_up(client, index):
        answer = areas(client, lon=135.481, lat=34.64, radius_m=100)
    assert (answer["district"]["id"], answer["is_district_sure"]) == ("east", False)
    assert [one["id"] for one in answer["neighbour_districts"]] == ["west"]
    assert (answer["community"], answer["office"]) == (None, None)


def test_district_is_the_one_of_the_day_in_both_ways_in(two_wards: TestClient) -> None:
    point = {"lon": 135.485, "lat": 34.64}
    for day, district in ((MARCH, "old"), (APRIL, "new"), (DAY, "new")):
        on = day.isoformat()
        told = areas(two_wards, **point, on=on)
        (found,) = asked(two_wards, point, on=on)
        assert (told["district"]["id"], told["on"]) == (district, on)
        assert found["district_id"] == district
    assert areas(two_wards, **point)["on"] == DAY.isoformat()
    assert areas(two_wards, **point, on="2026-03-30")["office"] is None


def test_point_outside_the_city_has_no_areas_and_is_no_error(
    two_wards: TestClient,
) -> None:
    # east of the wards, in a district that reaches farther than its ward
    for lon in (135.495, 139.767):
        answer = areas(two_wards, lon=lon, lat=34.64, radius_m=30)
        assert answer["outside"] is True
        for name in ("ward", "district", "community", "office", "neighbour_ward"):
            assert answer[name] is None, name
        assert answer["border_m"] is answer["district_border_m"] is None
        assert (answer["neighbour_districts"], answer["is_district_sure"]) == (
            [],
            False,
        )


def test_point_metres_outside_the_city_tells_the_ward_beside_it(
    two_wards: TestClient,
) -> None:
    answer = areas(two_wards, lon=135.4901, lat=34.64, radius_m=30)  # 9 m outside
    assert (answer["outside"], answer["ward"]) == (True, None)
    assert answer["neighbour_ward"]["code"] == NISHINARI


def test_swapped_point_is_corrected_and_said(client: TestClient) -> None:
    answer = areas(client, lon=TSUMORI["lat"], lat=TSUMORI["lon"])
    right = areas(client, **TSUMORI)
    assert answer["warnings"] == ["swapped"]
    assert {**answer, "warnings": []} == right
    assert right["ward"]["code"] == NISHINARI
    assert right["radius_m"] == 41  # by the decimals, as in POST /v1/geocode
    assert right["layers"] == ["wards", "districts"]
    assert right["approximate_layers"] == ["wards", "districts"]
    assert right["office"]["id"] == "tsumori"


def test_neighbouring_city_is_outside_with_the_real_small_data(
    client: TestClient,
) -> None:
    assert areas(client, **SAKAI)["outside"] is True


def test_city_without_borders_says_that_it_has_none(
    client: TestClient,
) -> None:
    with looking_up(client, None):
        inside = areas(client, **TSUMORI)
        outside = areas(client, lon=139.7671, lat=35.6812)  # Tokyo
        (found,) = asked(client, {**TSUMORI, "ward": "山田太郎"})
    for answer in (inside, outside):
        assert (answer["layers"], answer["ward"], answer["office"]) == ([], None, None)
    # no border is known: only the rectangle around the city is
    assert (inside["outside"], outside["outside"]) == (False, True)
    # nor is a ward told that is only what the sender calls one
    assert (found["status"], found["ward"], found["ward_code"]) == ("ok", None, None)


def test_office_without_a_rule_or_a_name_is_told_by_its_id() -> None:
    old = JurisdictionRecord(
        ward_code="w", office_id="o", valid_from=MARCH, valid_to=MARCH, confidence="L"
    )
    new = JurisdictionRecord(
        ward_code="w", office_id="o", valid_from=MARCH, confidence="H"
    )
    older = replace(new, valid_from=dt.date(2020, 4, 1), confidence="M")
    for rules, day, confidence in (
        ((), MARCH, ""),
        ((old,), MARCH, "L"),
        ((old,), APRIL, ""),
        ((old, new), APRIL, "H"),
        ((older, new), APRIL, "H"),
        ((older, new), dt.date(2026, 3, 30), "M"),
        ((new,), dt.date(2026, 3, 30), ""),
    ):
        told = OfficeOut.of_ward("w", "o", day, offices=(), rules=rules)
        assert told == OfficeOut(id="o", name="o", confidence=confidence)
