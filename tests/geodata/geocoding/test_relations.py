"""Words of relation: how they move and widen a place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.place import LonLat, great_circle_m
from geodata.geocoding.relations import (
    BEARINGS_DEG,
    Relation,
    applied,
    destination,
    read_relation,
)

HALL = LonLat(135.502, 34.694)
# One metre of latitude on the sphere: 180 / (pi x 6,371,008.8) degrees.
DEGREES_PER_M = 180 / (math.pi * 6_371_008.8)


@pytest.mark.parametrize(
    ("rest", "bearing_deg", "word"),
    [
        ("の南側で街灯が切れている", 180, "南側"),
        ("南側", 180, "南側"),
        ("の北東角", 45, "北東角"),
        ("東隣の空き地", 90, "東隣"),
        ("の西、水たまり", 270, "西"),
        ("の真北側", 0, "北側"),
        ("のみなみがわ", 180, "南側"),
        ("正門の南東側", 135, "南東側"),
    ],
)
def test_side_has_a_bearing(rest: str, bearing_deg: int, word: str) -> None:
    relation = read_relation(rest)
    assert relation is not None
    assert (relation.bearing_deg, relation.word) == (bearing_deg, word)
    assert (relation.distance_m, relation.radius_m) == (75, 50)


@pytest.mark.parametrize(
    ("rest", "word", "radius_m"),
    [
        ("前", "前", 50),
        ("の向かい側", "向かい側", 50),
        ("の横", "横", 50),
        ("の裏", "裏", 75),
        ("前の交差点", "前", 50),
        ("交差点", "交差点", 50),
        ("の高架下", "高架下", 100),
        ("付近", "付近", 100),
        ("のあたりの道", "あたり", 100),
        ("地先", "地先", 30),
        ("先", "先", 30),
    ],
)
def test_word_without_direction_only_widens(
    rest: str, word: str, radius_m: int
) -> None:
    relation = read_relation(rest)
    assert relation == Relation(word=word, radius_m=radius_m)
    assert applied(HALL, 150, relation) == (HALL, 150 + radius_m)


@pytest.mark.parametrize(
    ("rest", "bearing_deg", "distance_m"),
    [
        ("から南へ50m", 180, 50),
        ("から南へ５０ｍの歩道", 180, 50),
        ("の北東約120メートル", 45, 120),
        ("より西側に30mほど", 270, 30),
        ("から50m東", 90, 50),
    ],
)
def test_metres_that_are_said_move_by_as_much(
    rest: str, bearing_deg: int, distance_m: int
) -> None:
    relation = read_relation(rest)
    assert relation is not None
    assert relation.is_measured
    assert (relation.bearing_deg, relation.distance_m) == (bearing_deg, distance_m)
    # The larger of 20 m and 30 %: 36 m for 120 m.
    assert relation.radius_m == max(20, round(distance_m * 0.3))
    moved, radius_m = applied(HALL, 25, relation)
    assert great_circle_m(HALL, moved) == pytest.approx(distance_m, abs=0.01)
    assert radius_m == 25 + relation.radius_m


def test_metres_without_a_direction_widen_by_all_of_them() -> None:
    # 50 m plus the larger of 20 m and 30 % of 50 m.
    relation = read_relation("から50mの所")
    assert relation is not None
    assert (relation.bearing_deg, relation.distance_m) == (None, 0)
    assert relation.radius_m == 70


@pytest.mark.parametrize(
    "rest", ["", "で街灯が切れている", "の街灯", "から3000m先", "に50m2の穴", "小路"]
)
def test_other_words_are_no_relation(rest: str) -> None:
    assert read_relation(rest) is None


def test_nothing_is_applied_without_a_relation() -> None:
    assert applied(HALL, 150, None) == (HALL, 150)


def test_side_of_a_small_thing_is_not_overshot() -> None:
    # A house of radius 25 m is moved by half of it, 12.5 m, not by 75 m.
    relation = read_relation("の南側")
    moved, radius_m = applied(HALL, 25, relation)
    assert moved.lat == pytest.approx(HALL.lat - 12.5 * DEGREES_PER_M, abs=1e-9)
    assert moved.lon == pytest.approx(HALL.lon, abs=1e-12)
    assert radius_m == 75
    # A park of radius 240 m is moved by the whole 75 m.
    moved, _ = applied(HALL, 240, relation)
    assert great_circle_m(HALL, moved) == pytest.approx(75, abs=0.01)


def test_point_without_extent_stays() -> None:
    assert applied(HALL, 0, read_relation("の南側")) == (HALL, 50)


@pytest.mark.parametrize(("name", "bearing_deg"), BEARINGS_DEG.items())
def test_each_bearing_leads_where_its_name_says(name: str, bearing_deg: int) -> None:
    moved = destination(HALL, bearing_deg, 100)
    north, east = moved.lat - HALL.lat, moved.lon - HALL.lon
    assert (north > 1e-5) == ("北" in name)
    assert (north < -1e-5) == ("南" in name)
    assert (east > 1e-5) == ("東" in name)
    assert (east < -1e-5) == ("西" in name)


@given(st.floats(-179, 179), st.floats(-80, 80), st.floats(0, 360), st.floats(0, 1_000))
def test_destination_lies_at_its_distance(
    lon: float, lat: float, bearing_deg: float, distance_m: float
) -> None:
    place = LonLat(lon, lat)
    moved = destination(place, bearing_deg, distance_m)
    assert great_circle_m(place, moved) == pytest.approx(distance_m, abs=0.01)


@given(st.text(max_size=100), st.integers(0, 2_000))
def test_any_rest_gives_a_place_whose_radius_never_shrinks(
    rest: str, radius_m: int
) -> None:
    relation = read_relation(rest)
    moved, wider_m = applied(HALL, radius_m, relation)
    assert wider_m >= radius_m
    assert great_circle_m(HALL, moved) <= 1_000.1
