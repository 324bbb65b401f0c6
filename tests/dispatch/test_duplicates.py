"""Likeness of two reports: place, category and time, and what is said of it."""

from __future__ import annotations

import datetime as dt

import pytest

from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import ResponseUnit, Urgency
from dispatch.domain.duplicates import (
    DuplicateRules,
    Likeness,
    Sighting,
    find_duplicates,
    likeness,
    search_box,
)
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat
from tests.builders import (
    DAY,
    YARD,
    catalogue,
    category,
    chart,
    consultation,
    moment,
    placement,
)

EXACT = placement(radius_m=0)
RULES = DuplicateRules(kin=(frozenset({"R01", "W01"}),))
BOOK = catalogue(
    category("G01", group="ごみ"),
    category(
        "S02", urgency=Urgency.S, response_unit=ResponseUnit.MINUTES, response_value=60
    ),
)
THIS = Sighting(category_code="R01", placement=EXACT, received_at=moment("9:05"))


def north_of_yard(metres: float) -> LonLat:
    # One degree of latitude is about 111.2 km on a sphere of 6,371 km.
    return LonLat(YARD.lon, YARD.lat + metres / 111_195)


def other(
    *, metres: float = 0, days: int = 0, code: str = "R01", radius_m: int = 0
) -> CaseChart:
    received_at = moment("9:05", DAY - dt.timedelta(days=days))
    return chart(
        consultation=consultation(category_code=code, received_at=received_at),
        placement=placement(north_of_yard(metres), radius_m=radius_m),
    )


def like(chart: CaseChart) -> Likeness | None:
    return likeness(THIS, chart, RULES, BOOK)


@pytest.mark.parametrize(
    ("found", "score", "why"),
    [
        (other(), 1.0, ("同じ地点", "同じ分類", "24時間以内")),
        (other(metres=25), 0.5, ("約25m", "同じ分類", "24時間以内")),  # 1 - 25/50
        (other(code="W01"), 0.8, ("同じ地点", "近い分類", "24時間以内")),
        (other(code="E07"), 0.4, ("同じ地点", "同じ分野", "24時間以内")),
        # Half of the window: 1 - 0.5 * 45/90.
        (other(days=45), 0.75, ("同じ地点", "同じ分類", "45日前の受付")),
        (other(days=-9), 0.95, ("同じ地点", "同じ分類", "9日後の受付")),
    ],
)
def test_the_score_is_place_times_category_times_age(
    found: CaseChart, score: float, why: tuple[str, ...]
) -> None:
    one = like(found)
    assert one is not None
    assert one.score == pytest.approx(score, abs=0.002)
    assert one.why == why


@pytest.mark.parametrize(
    "far",
    [
        other(metres=51),
        other(days=91),
        other(code="G01"),
        other(code="S02", days=8),  # the shorter window of the two categories
        other(metres=45),  # 1 - 45/50 = 0.1 is below what is said at all
        chart(placement=None),
    ],
)
def test_what_is_far_old_or_of_another_kind_is_no_duplicate(far: CaseChart) -> None:
    assert like(far) is None


def test_an_unsure_place_reaches_farther_and_counts_less() -> None:
    # Reach 50 + 150 = 200 m; (1 - 60/200) * sqrt(50/200) = 0.35.
    one = like(other(metres=60, radius_m=150))
    assert one is not None
    assert one.score == pytest.approx(0.35, abs=0.002)
    assert one.distance_m == 60
    assert one.why[0] == "約60m(位置の誤差 約150m)"


def test_the_same_block_or_landmark_is_the_same_place() -> None:
    here = Sighting(
        category_code="R01",
        placement=placement(town="中之島1", block="3", number="20", radius_m=0),
        received_at=moment("9:05"),
    )
    spot = north_of_yard(90)
    block = chart(placement=placement(spot, town="中之島1", block="3", radius_m=0))
    house = chart(
        placement=placement(spot, town="中之島1", block="3", number="9", radius_m=0)
    )
    one = likeness(here, block, RULES, BOOK)
    assert one is not None
    assert (one.score, one.why[0], one.distance_m) == (1.0, "同じ番地", 90)
    assert likeness(here, house, RULES, BOOK) is None
    park = placement(landmark="架空公園", radius_m=0)
    there = chart(placement=placement(spot, landmark="架空公園", radius_m=0))
    named = Sighting(category_code="R01", placement=park, received_at=moment("9:05"))
    one = likeness(named, there, RULES, BOOK)
    assert one is not None
    assert one.why[0] == "同じ目標物"


def test_the_likeliest_comes_first() -> None:
    near, far = other(metres=5), other(metres=20)
    found = find_duplicates(THIS, [far, other(metres=60), near], RULES, BOOK)
    assert [one.chart for one in found] == [near, far]


def test_the_box_holds_every_place_that_could_be_near_enough() -> None:
    box = search_box(YARD, RULES)
    assert box.south < north_of_yard(-400).lat < north_of_yard(400).lat < box.north
    # 400 m along the parallel at 34.7 degrees: 400 / (111,195 * 0.822) = 0.00438.
    assert box.west < YARD.lon - 0.00438 < YARD.lon + 0.00438 < box.east


@pytest.mark.parametrize(
    "wrong", [{"near_m": 0}, {"max_m": 10}, {"days": -1}, {"days_of": {"R01": 0}}]
)
def test_impossible_rules_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="duplicates"):
        DuplicateRules(**wrong)  # type: ignore[arg-type]
