"""Crossings of two roads with names."""

from __future__ import annotations

import pytest

from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlacingStatus
from geodata.bundle.records import CrossingRecord, FacilityRecord
from geodata.geocoding.landmarks import LandmarkIndex

PARK = FacilityRecord(id="p", name="中之島公園", place=LonLat(135.4, 34.7))
CROSSINGS = [
    CrossingRecord(roads=("御堂筋", "本町通"), place=LonLat(135.50, 34.68)),
    CrossingRecord(roads=("本町通", "堺筋"), place=LonLat(135.51, 34.68)),
    CrossingRecord(roads=("堺筋", "環状線"), place=LonLat(135.51, 34.67)),
    CrossingRecord(roads=("堺筋", "環状線"), place=LonLat(135.51, 34.73)),
]
WITH_ROADS = LandmarkIndex([PARK], [], CROSSINGS)


@pytest.mark.parametrize(
    "text",
    [
        "御堂筋と本町通の交差点",
        "本町通りと御堂筋の交差点",
        "御堂筋×本町通",
        "中央区御堂筋・本町通交差点の南側",
        "御堂筋と本町通が交わるところ",
        "信号が消えている、御堂筋と本町通の角",
    ],
)
def test_crossing_is_found_by_both_its_roads(text: str) -> None:
    found = WITH_ROADS.find(text)
    assert found.status is PlacingStatus.OK
    assert found.candidates[0].landmark == "御堂筋と本町通の交差点"
    assert found.candidates[0].place == CROSSINGS[0].place
    assert found.candidates[0].radius_m == 50


def test_roads_that_cross_twice_are_ambiguous() -> None:
    found = WITH_ROADS.find("堺筋と環状線の交差点")
    assert (found.status, len(found.candidates)) == (PlacingStatus.AMBIGUOUS, 2)


@pytest.mark.parametrize(
    "text",
    [
        "御堂筋と環状線の交差点",
        "御堂筋と本町通",
        "新御堂筋と本町通の交差点",
        "御堂筋の交差点",
    ],
)
def test_roads_that_do_not_cross_are_no_crossing(text: str) -> None:
    assert WITH_ROADS.find(text).place is None


def test_landmark_beside_a_crossing_word_is_still_the_landmark() -> None:
    assert WITH_ROADS.find("中之島公園と川の角").place == PARK.place


@pytest.mark.parametrize("text", ["×" * 10_000, "御堂筋と" * 2_500, "御堂筋×" * 40])
def test_long_text_is_no_crossing(text: str) -> None:
    assert WITH_ROADS.find(text).place is None
