"""Landmarks: the names of schools as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlaceLevel, PlacingStatus
from geodata.city import School
from geodata.landmarks import Landmark, LandmarkIndex

NISHINARI, YODOGAWA, HIGASHIYODOGAWA = "271225", "271233", "271144"


def school(stem: str, ward_code: str, lon: float, tail: str = "小") -> School:
    name = f"大阪市立{stem}小学校" + tail.removeprefix("小")
    return School(
        id=f"{ward_code}-{stem}",
        name=name,
        short_name=stem + tail,
        ward_code=ward_code,
        place=LonLat(lon, 34.7),
        active=True,
    )


SCHOOLS = [
    school("玉出", NISHINARI, 135.49),
    school("三国", YODOGAWA, 135.48),
    school("東三国", YODOGAWA, 135.50),
    school("中島", YODOGAWA, 135.47),
    school("中島", HIGASHIYODOGAWA, 135.51),
    school("常盤", NISHINARI, 135.52, "小分校"),
]
INDEX = LandmarkIndex.from_schools(SCHOOLS)


@pytest.mark.parametrize(
    "text",
    [
        "大阪市立玉出小学校",
        "市立玉出小学校",
        "玉出小学校",
        "玉出小",
        "西成区の玉出小",
        "玉出２丁目玉出小",
        "公園と玉出小",
    ],
)
def test_school_is_found_by_each_of_its_names(text: str) -> None:
    found = INDEX.find(text)
    assert (found.status, found.level) == (PlacingStatus.OK, PlaceLevel.LANDMARK)
    assert found.place == SCHOOLS[0].place
    assert (found.radius_m, found.ward_code) == (150, NISHINARI)
    assert found.matched_text == "大阪市立玉出小学校"


@pytest.mark.parametrize(
    "words", ["の南側", "前", "の横", "向かい", "の近く", "前の交差点", "北側の歩道"]
)
def test_word_of_relation_widens_the_radius(words: str) -> None:
    found = INDEX.find("玉出小" + words)
    assert (found.status, found.radius_m) == (PlacingStatus.OK, 200)
    assert found.rest


def test_longest_name_wins() -> None:
    assert INDEX.find("東三国小の前").place == SCHOOLS[2].place
    assert INDEX.find("三国小の前").place == SCHOOLS[1].place


@pytest.mark.parametrize(
    "text", ["西三国小", "玉出小路", "玉出中学校", "玉出", "小学校", "公園の前", ""]
)
def test_other_words_are_no_school(text: str) -> None:
    assert INDEX.find(text).status is PlacingStatus.NOT_FOUND


def test_branch_school_is_not_the_main_school() -> None:
    assert INDEX.find("常盤小分校の前").place == SCHOOLS[5].place


def test_same_name_in_two_wards_is_ambiguous_until_the_ward_is_known() -> None:
    found = INDEX.find("中島小の横")
    assert found.status is PlacingStatus.AMBIGUOUS
    assert {o.ward_code for o in found.candidates} == {YODOGAWA, HIGASHIYODOGAWA}
    known = INDEX.find("中島小の横", ward_code=YODOGAWA)
    assert known.place == SCHOOLS[3].place


def test_two_schools_in_one_text_are_ambiguous() -> None:
    assert INDEX.find("玉出小と三国小の間").status is PlacingStatus.AMBIGUOUS


def test_school_of_another_ward_is_a_conflict() -> None:
    found = INDEX.find("玉出小", ward_code=YODOGAWA)
    assert found.status is PlacingStatus.CONFLICT
    assert [o.ward_code for o in found.candidates] == [NISHINARI]


def test_any_facility_can_be_a_landmark() -> None:
    park = Landmark(
        id="p1",
        name="扇町公園",
        ward_code="271276",
        place=LonLat(135.51, 34.70),
        full_names=("扇町公園",),
    )
    assert LandmarkIndex([park]).find("扇町公園の角").place == park.place


def test_empty_index_finds_nothing() -> None:
    assert LandmarkIndex([]).find("玉出小").status is PlacingStatus.NOT_FOUND


@given(st.text(max_size=60))
def test_any_text_gives_an_answer(text: str) -> None:
    found = INDEX.find(text, ward_code=YODOGAWA)
    assert not found.is_placed or found.ward_code == YODOGAWA
