"""Straight-line travel times: the arithmetic aloud."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.travel import TravelLevel
from dispatch.ports import TravelTimes
from geodata.travel_times import StraightLineTravelTimes

YARD = LonLat(135.48178, 34.72632)
HALL = LonLat(135.5020, 34.6938)
FAR = LonLat(135.41, 34.63)
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def straight(
    *, speed_kmh: float = 36, leg_s: int = 120, detour: float = 1.5
) -> StraightLineTravelTimes:
    return StraightLineTravelTimes(speed_kmh=speed_kmh, leg_s=leg_s, detour=detour)


def test_one_degree_of_latitude_takes_what_its_length_says() -> None:
    # 6 371 008.8 m × π/180 = 111 195.08 m; × 1.5 = 166 792.6 m of road. At 36 km/h as
    # the crow flies, 10 m/s, that is 11 119.5 s, and 120 s for the leg.
    times: TravelTimes = straight()
    matrix = times.matrix([LonLat(135.5, 34.0), LonLat(135.5, 35.0)], at=NOON)
    assert matrix.distance_m[0, 1] == 166_793
    assert matrix.duration_s[0, 1] == 11_240
    assert matrix.level is TravelLevel.STRAIGHT_LINE


def test_distances_are_those_of_the_domain_times_the_detour() -> None:
    places = [YARD, HALL, FAR]
    matrix = straight(detour=1.3).matrix(places, at=NOON)
    for i, origin in enumerate(places):
        for j, target in enumerate(places):
            expected = great_circle_m(origin, target) * 1.3
            assert matrix.distance_m[i, j] == pytest.approx(expected, abs=0.51)


def test_the_way_back_takes_as_long() -> None:
    matrix = straight().matrix([YARD, HALL, FAR], at=NOON)
    assert (matrix.duration_s == matrix.duration_s.T).all()
    assert (matrix.distance_m == matrix.distance_m.T).all()


def test_two_stops_at_one_place_still_cost_the_leg() -> None:
    matrix = straight(leg_s=120).matrix([YARD, YARD], at=NOON)
    assert matrix.duration_s.tolist() == [[0, 120], [120, 0]]
    assert matrix.distance_m.tolist() == [[0, 0], [0, 0]]


def test_the_matrix_is_whole_numbers_and_read_only() -> None:
    matrix = straight().matrix([YARD, HALL], at=NOON)
    assert matrix.duration_s.dtype == np.int64
    assert matrix.distance_m.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        matrix.duration_s[0, 1] = 0


def test_a_straight_line_is_as_long_at_any_moment() -> None:
    morning = straight().matrix([YARD, HALL], at=NOON - dt.timedelta(hours=4))
    assert not morning.is_timed
    again = straight().matrix([YARD, HALL], at=NOON)
    assert (morning.duration_s == again.duration_s).all()


def test_no_place_gives_an_empty_matrix() -> None:
    assert len(straight().matrix([], at=NOON)) == 0


@pytest.mark.parametrize(
    ("speed_kmh", "leg_s", "detour", "field"),
    [
        (0.0, 120, 1.3, "speed_kmh"),
        (21.0, -1, 1.3, "leg_s"),
        (21.0, 120, 0.9, "detour"),
    ],
)
def test_nonsense_parameters_are_refused(
    speed_kmh: float, leg_s: int, detour: float, field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        straight(speed_kmh=speed_kmh, leg_s=leg_s, detour=detour)
    assert caught.value.field == field
