"""The geocoder: coordinates, then the address, then a landmark."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import box

from dispatch.domain.consultation import Channel, Consultation
from dispatch.domain.local_place import LocalPlace
from dispatch.domain.place import BoundingBox, LonLat
from dispatch.domain.placing import PlaceLevel, PlacingStatus, PlacingWarning
from dispatch.ports import Geocoder
from geodata.bundle.records import (
    AreaRecord,
    AssetRecord,
    FacilityRecord,
    Layer,
    SchoolRecord,
)
from geodata.geocoding.area_index import AreaIndex
from geodata.geocoding.geocoder import TOO_LONG, CityGeocoder, PlaceQuery
from geodata.geocoding.landmarks import LandmarkIndex
from geodata.geocoding.local import place_key
from geodata.geocoding.place_reader import PlaceReader
from geodata.geocoding.second_engine import SecondAnswer
from tests.geodata.geocoding.small_city import WARDS, small_book

BORDER_LON = 135.500  # west of it all is 西成区, east of it 中央区
BOUNDS = BoundingBox(west=135.3, south=34.5, east=135.7, north=34.8)
SHORE_LAT = 34.55  # south of it no ward
TENGA2 = LonLat(135.499 + 0.004 * 2, 34.636)  # 天下茶屋二丁目 of the small book
OSAKA_TIME = dt.timezone(dt.timedelta(hours=9))
HALVES = {
    "西成区": box(BOUNDS.west, SHORE_LAT, BORDER_LON, BOUNDS.north),
    "中央区": box(BORDER_LON, SHORE_LAT, BOUNDS.east, BOUNDS.north),
}


def area(layer: Layer, ward: str, name: str) -> AreaRecord:
    return AreaRecord(
        layer=layer,
        id=WARDS[ward] if layer is Layer.WARDS else f"{WARDS[ward]}-A",
        name=name,
        ward_code=WARDS[ward],
        geometry=HALVES[ward],
    )


def school(stem: str, ward: str, place: LonLat) -> SchoolRecord:
    return SchoolRecord(
        id=f"{WARDS[ward]}-{stem}",
        name=f"大阪市立{stem}小学校",
        short_name=f"{stem}小",
        ward_code=WARDS[ward],
        place=place,
    )


AREAS = AreaIndex(
    [
        *(area(Layer.WARDS, ward, ward) for ward in HALVES),
        *(area(Layer.DISTRICTS, ward, f"{ward}の校区") for ward in HALVES),
    ],
    plane_scale_lat=34.65,
)
READER = PlaceReader(
    address_book=small_book(),
    landmarks=LandmarkIndex(
        [
            FacilityRecord(
                id="park",
                name="谷町第一公園",
                place=LonLat(135.546, 34.6765),
                kind="公園",
                ward_code=WARDS["中央区"],
            )
        ],
        [
            school("天下茶屋", "西成区", LonLat(135.508, 34.637)),
            school("玉出", "西成区", LonLat(135.49, 34.60)),
            school("大江", "中央区", LonLat(135.52, 34.68)),
            school("日本橋", "浪速区", LonLat(135.517, 34.660)),
        ],
    ),
)
GEOCODER = CityGeocoder(reader=READER, bounds=BOUNDS, timezone=OSAKA_TIME, areas=AREAS)
WITHOUT_AREAS = replace(GEOCODER, areas=None)


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


def test_swapped_coordinate_is_corrected_and_said() -> None:
    # A city whose longitudes are also latitudes: swapped numbers can be written.
    bounds = BoundingBox(west=-72, south=42, east=-70, north=43)
    boston = replace(WITHOUT_AREAS, bounds=bounds)
    found = boston.place(report(at=LonLat(42.3, -71.1)))
    assert (found.status, found.place) == (PlacingStatus.OK, LonLat(-71.1, 42.3))
    assert found.warnings == (PlacingWarning.SWAPPED,)


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
    # 75 m to the south: 34.637 - 75 / 111,195.
    assert found.place is not None
    assert found.place.lon == pytest.approx(135.508)
    assert found.place.lat == pytest.approx(34.636326, abs=1e-6)
    assert found.radius_m == 200  # 150 of a landmark, 50 of a side
    assert (found.town, found.landmark) == (
        "西成区天下茶屋二丁目",
        "大阪市立天下茶屋小学校",
    )


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


def entry(text: str, *, ward: str = "", author: str = "山田") -> LocalPlace:
    return LocalPlace(
        id="1",
        key=place_key(text),
        text=text,
        ward_code=ward,
        place=LonLat(135.48, 34.65),
        radius_m=20,
        label="赤い看板",
        reason="電話で確かめた",
        author=author,
        settled_at=dt.datetime(2026, 11, 1, tzinfo=OSAKA_TIME),
    )


class Settled:
    """A local gazetteer of given entries."""

    def __init__(self, *entries: LocalPlace) -> None:
        self._entries = entries

    def active(self, key: str) -> tuple[LocalPlace, ...]:
        return tuple(one for one in self._entries if one.key == key)


def test_what_a_person_settled_is_used_next_time_in_the_same_spelling() -> None:
    local = Settled(entry("赤い看板のところ"))
    geocoder = replace(GEOCODER, local=local)
    found = geocoder.place(report("赤い看板 のところ"))
    assert (found.status, found.place) == (PlacingStatus.OK, LonLat(135.48, 34.65))
    assert PlacingWarning.SETTLED_BY_PERSON in found.warnings
    assert found.ward_code == WARDS["西成区"]
    assert geocoder.place(report("赤い看板")).status is not PlacingStatus.OK


def test_settled_place_of_a_ward_counts_for_that_ward_only() -> None:
    local = Settled(entry("公園の横", ward=WARDS["西成区"]))
    geocoder = replace(GEOCODER, local=local)
    assert geocoder.place(report("公園の横", ward="西成区")).is_placed
    assert not geocoder.place(report("公園の横", ward="中央区")).is_placed
    assert not geocoder.place(report("公園の横")).is_placed


def test_coordinates_in_the_text_are_a_coordinate() -> None:
    found = GEOCODER.find(PlaceQuery(address="34.636000, 135.490000"))
    assert (found.status, found.level) == (PlacingStatus.OK, PlaceLevel.COORDINATE)
    assert found.place == LonLat(135.49, 34.636)
    assert found.district_id == f"{WARDS['西成区']}-A"


def test_swapped_coordinates_in_the_text_are_corrected_and_said() -> None:
    found = GEOCODER.find(PlaceQuery(address="緯度135.4900 経度34.6360"))
    assert found.place == LonLat(135.49, 34.636)
    assert PlacingWarning.SWAPPED in found.warnings


def test_coordinates_beside_an_address_elsewhere_are_a_conflict() -> None:
    found = GEOCODER.find(PlaceQuery(address="34.6360,135.4900 中央区谷町7-1"))
    assert found.status is PlacingStatus.CONFLICT


def test_old_datum_is_suggested_and_never_applied() -> None:
    # 天下茶屋二丁目 as the Tokyo datum tells it: 0.002832° east, 0.003244° south.
    at = LonLat(TENGA2.lon + 0.002832, TENGA2.lat - 0.003244)
    found = GEOCODER.place(report("西成区天下茶屋2丁目", at=at))
    assert found.status is PlacingStatus.CONFLICT
    assert PlacingWarning.OLD_DATUM in found.warnings
    shifted = found.candidates[1].place
    assert (round(shifted.lon, 6), round(shifted.lat, 6)) == (
        round(TENGA2.lon, 6),
        round(TENGA2.lat, 6),
    )


def test_relation_behind_an_address_moves_and_widens_the_point() -> None:
    plain = GEOCODER.find(PlaceQuery(address="西成区松2丁目1番"))
    south = GEOCODER.find(PlaceQuery(address="西成区松2丁目1番の南側"))
    assert PlacingWarning.RELATION in south.warnings
    assert plain.place is not None
    assert south.place is not None
    assert south.place.lat < plain.place.lat
    assert (south.radius_m or 0) > (plain.radius_m or 0)


def test_park_that_begins_with_a_town_is_the_park() -> None:
    found = GEOCODER.find(PlaceQuery(address="中央区谷町第一公園の中"))
    assert found.landmark == "谷町第一公園"


def test_border_nearer_than_the_radius_is_said() -> None:
    # 松二丁目 lies at 135.503, 275 m east of the border; its radius is 350 m.
    found = GEOCODER.find(PlaceQuery(address="西成区松2丁目"))
    assert PlacingWarning.NEAR_BORDER in found.warnings


def test_text_longer_than_ten_kilobytes_is_refused_in_words() -> None:
    found = GEOCODER.find(PlaceQuery(address="谷" * 3414))  # 10,242 bytes
    assert (found.status, found.message) == (PlacingStatus.NOT_FOUND, TOO_LONG)


class Says:
    """A second engine that says the same of every text."""

    def __init__(self, answer: SecondAnswer) -> None:
        self._answer = answer
        self.num_asked = 0

    def ask(self, text: str) -> SecondAnswer:
        del text
        self.num_asked += 1
        return self._answer

    def warm(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to release."""


def with_second(answer: SecondAnswer) -> tuple[CityGeocoder, Says]:
    second = Says(answer)
    return replace(GEOCODER, reader=replace(READER, second=second)), second


TANI7 = SecondAnswer(
    ward="中央区",
    town="谷町七丁目",
    level=PlaceLevel.CHOME,
    is_sure=True,
    num_answers=1,
)


def test_second_engine_is_not_asked_about_a_full_address() -> None:
    geocoder, second = with_second(TANI7)
    assert geocoder.find(PlaceQuery(address="中央区谷町7-1-6")).is_placed
    assert second.num_asked == 0


def test_what_only_the_second_engine_knows_is_offered_and_never_taken() -> None:
    geocoder, _ = with_second(TANI7)
    found = geocoder.find(PlaceQuery(address="谷町なな丁目"))
    assert found.status is PlacingStatus.FUZZY
    assert found.candidates[0].label == "中央区谷町七丁目"
    assert found.place is None


def test_unsure_second_answer_changes_nothing() -> None:
    geocoder, _ = with_second(replace(TANI7, is_sure=False))
    found = geocoder.find(PlaceQuery(address="どこかの道"))
    assert found.status is PlacingStatus.NOT_FOUND
    assert found.candidates == ()


def test_contradiction_of_the_engines_goes_to_a_person_with_both() -> None:
    geocoder, _ = with_second(TANI7)
    found = geocoder.find(PlaceQuery(address="天下茶屋"))
    assert found.status is PlacingStatus.AMBIGUOUS
    assert PlacingWarning.ENGINES_DIFFER in found.warnings
    labels = [option.label for option in found.candidates]
    assert labels == ["西成区天下茶屋", "中央区谷町七丁目"]


def test_agreement_of_the_engines_is_told() -> None:
    answer = replace(TANI7, ward="西成区", town="天下茶屋一丁目")
    found = with_second(answer)[0].find(PlaceQuery(address="天下茶屋"))
    assert found.status is PlacingStatus.OK
    assert found.engines == ("gazetteer:ok", "jageocoder:西成区天下茶屋一丁目")


def test_municipality_that_the_second_engine_spells_is_outside() -> None:
    answer = SecondAnswer(municipality="奈良県生駒市", is_sure=True, num_answers=1)
    found = with_second(answer)[0].find(PlaceQuery(address="なにがし谷9"))
    assert found.status is PlacingStatus.OUTSIDE
    assert found.municipality == "奈良県生駒市"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("中央区谷町7丁目1番 西成区松2丁目1番", PlacingStatus.AMBIGUOUS),
        ("天下茶屋小学校の前の中央区谷町3-1", PlacingStatus.FUZZY),
        ("谷町7-1 西成区", PlacingStatus.CONFLICT),
        ("谷町7-1(堺市)", PlacingStatus.CONFLICT),
        ("中央区谷町7-1(西成区との境)", PlacingStatus.OK),
        ("中央区谷町7-1 中央区役所の前", PlacingStatus.OK),
    ],
)
def test_other_ward_or_city_behind_the_place_goes_to_a_person(
    text: str, status: PlacingStatus
) -> None:
    assert GEOCODER.find(PlaceQuery(address=text)).status is status


@pytest.mark.parametrize("text", ["大江小の3丁目の1番", "玉出小の島2-6"])
def test_school_with_an_address_behind_is_offered_and_never_taken(text: str) -> None:
    found = GEOCODER.find(PlaceQuery(address=text))
    assert found.status is PlacingStatus.FUZZY
    assert found.candidates


def test_coarse_coordinate_never_displaces_the_address_beside_it() -> None:
    found = GEOCODER.find(PlaceQuery(address="西成区松2丁目1番 (34.6,135.49)"))
    assert found.town == "西成区松二丁目"
    assert PlacingWarning.COARSE_NUMBERS in found.warnings


class Ledger:
    """One lamp 12 in 中央区, at 谷町七丁目."""

    def asset(self, kind: str, key: str) -> tuple[AssetRecord, ...]:
        lamp = AssetRecord(
            kind="street_lamp",
            key="12",
            place=LonLat(135.545, 34.676),
            ward_code=WARDS["中央区"],
        )
        return (lamp,) if (kind, key) == ("street_lamp", "12") else ()


@pytest.mark.parametrize(
    ("text", "ward", "status"),
    [
        ("街路灯12", "", PlacingStatus.OK),
        ("中央区 街路灯12", "", PlacingStatus.OK),
        ("西成区 街路灯12", "", PlacingStatus.CONFLICT),
        ("街路灯12", "西成区", PlacingStatus.CONFLICT),
        ("松原市上田1-1 街路灯12", "", PlacingStatus.OUTSIDE),
        ("街路灯13", "", PlacingStatus.NOT_FOUND),
    ],
)
def test_number_of_a_lamp_never_overrules_ward_or_address(
    text: str, ward: str, status: PlacingStatus
) -> None:
    geocoder = replace(GEOCODER, reader=replace(READER, assets=Ledger()))
    found = geocoder.find(PlaceQuery(address=text, ward=ward))
    assert found.status is status


def test_settled_place_has_the_ward_of_its_pin_not_the_stated_one() -> None:
    # The pin lies in 西成区; somebody had stated 中央区.
    local = Settled(entry("工場の裏", ward=WARDS["中央区"]))
    found = replace(GEOCODER, local=local).place(report("工場の裏", ward="中央区"))
    assert (found.status, found.ward_code) == (PlacingStatus.OK, WARDS["西成区"])
    assert found.district_id == f"{WARDS['西成区']}-A"
    assert "山田" not in found.message
