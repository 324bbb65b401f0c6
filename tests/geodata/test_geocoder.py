"""The geocoder: coordinates, then the address, then a landmark."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.consultation import Channel, Consultation
from dispatch.domain.place import BoundingBox, LonLat
from dispatch.domain.placing import PlaceLevel, PlacingStatus
from dispatch.ports import Geocoder
from geodata.city import School
from geodata.geocoder import CityGeocoder
from geodata.landmarks import LandmarkIndex
from tests.geodata.test_addresses import WARDS, small_book

BORDER_LON = 135.500  # west of it all is 西成区, east of it 中央区
BOUNDS = BoundingBox(west=135.3, south=34.5, east=135.7, north=34.8)
SHORE_LAT = 34.55  # south of it no ward
TENGA2 = LonLat(135.499 + 0.004 * 2, 34.636)  # 天下茶屋二丁目 of the small book


def ward_at(place: LonLat, /) -> str | None:
    if not BOUNDS.contains(place) or place.lat < SHORE_LAT:
        return None
    return WARDS["西成区" if place.lon < BORDER_LON else "中央区"]


def district_at(place: LonLat, /, ward_code: str | None = None) -> str | None:
    return f"{ward_code}-A" if ward_at(place) else None


def school(stem: str, ward: str, place: LonLat) -> School:
    return School(
        id=f"{WARDS[ward]}-{stem}",
        name=f"大阪市立{stem}小学校",
        short_name=f"{stem}小",
        ward_code=WARDS[ward],
        place=place,
        active=True,
    )


GEOCODER = CityGeocoder(
    address_book=small_book(),
    landmarks=LandmarkIndex.from_schools(
        [
            school("天下茶屋", "西成区", LonLat(135.508, 34.637)),
            school("玉出", "西成区", LonLat(135.49, 34.60)),
            school("大江", "中央区", LonLat(135.52, 34.68)),
            school("日本橋", "浪速区", LonLat(135.517, 34.660)),
        ]
    ),
    bounds=BOUNDS,
    ward_at=ward_at,
    district_at=district_at,
)
WITHOUT_AREAS = replace(GEOCODER, ward_at=None, district_at=None)


def report(
    address: str = "",
    *,
    landmark: str = "",
    at: LonLat | None = None,
    ward: str = "",
    district: str = "",
) -> Consultation:
    return Consultation(
        received_at=dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC),
        channel=Channel.WEB,
        category_code="R01",
        description="",
        address_text=address or ("" if landmark or at else " "),
        landmark_text=landmark,
        position=at,
        stated_ward=ward,
        stated_district=district,
    )


def test_it_is_the_port() -> None:
    port: Geocoder = GEOCODER
    assert port.place(report("西成区天下茶屋2-3")).is_placed


def test_coordinate_comes_first() -> None:
    at = LonLat(135.49, 34.636)
    found = GEOCODER.place(report("西成区天下茶屋1-3", at=at))
    assert (found.status, found.level) == (PlacingStatus.OK, PlaceLevel.COORDINATE)
    assert (found.place, found.ward_code) == (at, WARDS["西成区"])
    assert found.town == "西成区天下茶屋一丁目"
    assert found.district_id == f"{WARDS['西成区']}-A"


def test_coordinate_beyond_the_bounds_or_in_no_ward_is_outside() -> None:
    for at in (LonLat(139.76, 35.68), LonLat(135.49, 34.52)):
        assert GEOCODER.place(report(at=at)).status is PlacingStatus.OUTSIDE


def test_swapped_coordinate_is_offered_and_never_taken() -> None:
    # A city whose longitudes are also latitudes: swapped numbers can be written.
    bounds = BoundingBox(west=-72, south=42, east=-70, north=43)
    boston = replace(WITHOUT_AREAS, bounds=bounds)
    found = boston.place(report(at=LonLat(42.3, -71.1)))
    assert found.status is PlacingStatus.CONFLICT
    assert found.candidates[0].place == LonLat(-71.1, 42.3)


def test_address_of_another_ward_than_the_coordinate_is_a_conflict() -> None:
    found = GEOCODER.place(report("中央区谷町7-1", at=LonLat(135.49, 34.636)))
    assert found.status is PlacingStatus.CONFLICT
    assert [o.ward_code for o in found.candidates] == [WARDS["西成区"], WARDS["中央区"]]


def test_near_a_border_the_ward_of_the_address_counts() -> None:
    # 0.001° of longitude = 91 m here: within the tolerance of 200 m.
    found = GEOCODER.place(report("西成区天下茶屋2-3", at=LonLat(135.501, 34.636)))
    assert (found.status, found.ward_code) == (PlacingStatus.OK, WARDS["西成区"])
    assert found.district_id == f"{WARDS['西成区']}-A"


def test_stated_ward_far_from_the_coordinate_is_a_conflict() -> None:
    at = LonLat(135.49, 34.636)
    assert GEOCODER.place(report(at=at, ward="西成区")).is_placed
    for ward in ("中央区", "南区"):
        found = GEOCODER.place(report(at=at, ward=ward))
        assert found.status is PlacingStatus.CONFLICT


def test_foreign_address_with_a_coordinate_in_the_city_is_a_conflict() -> None:
    found = GEOCODER.place(report("堺市堺区南瓦町3-1", at=LonLat(135.49, 34.636)))
    assert found.status is PlacingStatus.CONFLICT


def test_address_far_from_the_coordinate_in_the_same_ward_is_a_conflict() -> None:
    found = GEOCODER.place(report("西成区天下茶屋2-3", at=LonLat(135.47, 34.6)))
    assert found.status is PlacingStatus.CONFLICT


def test_without_polygons_the_stated_names_count_as_given() -> None:
    at = LonLat(135.49, 34.636)
    found = WITHOUT_AREAS.place(report(at=at, ward="Ward 3", district="D7"))
    assert (found.ward_code, found.district_id) == ("Ward 3", "D7")
    assert WITHOUT_AREAS.place(report(at=at, ward="西成")).ward_code == WARDS["西成区"]


def test_address_alone_is_enough() -> None:
    found = GEOCODER.place(report("天下茶屋2-3", ward="西成区"))
    assert (found.level, found.place) == (PlaceLevel.CHOME, TENGA2)
    assert found.district_id


@pytest.mark.parametrize("text", ["堺市堺区1-1", "浪速区谷町7-1"])
def test_landmark_never_overrules_an_outside_or_conflicting_address(text: str) -> None:
    found = GEOCODER.place(report(text, landmark="天下茶屋小の前"))
    assert found.status in {PlacingStatus.OUTSIDE, PlacingStatus.CONFLICT}


def test_landmark_near_the_address_refines_it() -> None:
    found = GEOCODER.place(report("西成区天下茶屋2-3", landmark="天下茶屋小の南側"))
    assert (found.status, found.level) == (PlacingStatus.OK, PlaceLevel.LANDMARK)
    assert found.place == LonLat(135.508, 34.637)
    assert (found.town, found.radius_m) == ("西成区天下茶屋二丁目", 200)


@pytest.mark.parametrize("landmark", ["玉出小", "大江小"])
def test_landmark_far_away_or_in_another_ward_is_a_conflict(landmark: str) -> None:
    found = GEOCODER.place(report("西成区天下茶屋2-3", landmark=landmark))
    assert found.status is PlacingStatus.CONFLICT
    assert len(found.candidates) == 2


def test_unknown_landmark_leaves_the_address() -> None:
    found = GEOCODER.place(report("西成区天下茶屋2-3", landmark="大きな木"))
    assert found.level is PlaceLevel.CHOME


@pytest.mark.parametrize(
    "consultation",
    [
        report(landmark="天下茶屋小の前"),
        report("天下茶屋小学校の前"),
        report("西成区", landmark="天下茶屋小"),
        report("西成区天下茶屋小の前", landmark="赤い看板"),
    ],
)
def test_landmark_answers_when_the_address_gives_nothing(
    consultation: Consultation,
) -> None:
    found = GEOCODER.place(consultation)
    assert (found.status, found.level) == (PlacingStatus.OK, PlaceLevel.LANDMARK)
    assert found.ward_code == WARDS["西成区"]


def test_landmark_of_another_ward_than_the_stated_is_a_conflict() -> None:
    found = GEOCODER.place(report(landmark="天下茶屋小", ward="中央区"))
    assert found.status is PlacingStatus.CONFLICT


def test_landmark_decides_an_ambiguous_address_only_near_one_candidate() -> None:
    # 日本橋 of 浪速区 (3–5丁目) has its centre at 135.505 + 4 × 0.004 = 135.521.
    found = GEOCODER.place(report("日本橋", landmark="日本橋小"))
    assert (found.status, found.ward_code) == (PlacingStatus.OK, WARDS["浪速区"])
    far = GEOCODER.place(report("日本橋", landmark="玉出小"))
    assert far.status is PlacingStatus.CONFLICT
    none = GEOCODER.place(report("日本橋", landmark="赤い看板"))
    assert none.status is PlacingStatus.AMBIGUOUS


def test_click_of_a_dispatcher_has_ward_and_district() -> None:
    found = GEOCODER.place_at(LonLat(135.49, 34.636), radius_m=10)
    assert (found.level, found.radius_m) == (PlaceLevel.COORDINATE, 10)
    assert found.district_id == f"{WARDS['西成区']}-A"
    away = GEOCODER.place_at(LonLat(139.7, 35.6), radius_m=10)
    assert away.status is PlacingStatus.OUTSIDE


@given(
    address=st.text(max_size=30).filter(str.isprintable),
    landmark=st.sampled_from(["", "玉出小", "大江小の前"]),
    ward=st.sampled_from(list(WARDS)),
    lon=st.floats(135.2, 135.8),
    given_point=st.booleans(),
)
def test_nothing_raises_and_the_stated_ward_holds(
    *, address: str, landmark: str, ward: str, lon: float, given_point: bool
) -> None:
    at = LonLat(lon, 34.636) if given_point else None
    found = GEOCODER.place(report(address, landmark=landmark, at=at, ward=ward))
    assert not found.is_placed or found.ward_code == WARDS[ward]
