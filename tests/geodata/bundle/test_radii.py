"""Radii: corners of cells worked out by hand, and the real points inside."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.place import LonLat, great_circle_m
from geodata.bundle.radii import (
    MAX_TOWN_RADIUS_M,
    MIN_TOWN_RADIUS_M,
    oaza_circle,
    reach_of_towns,
    town_radii,
)
from geodata.bundle.records import TownRecord
from geodata.city import GazetteerSource
from tests.geodata.bundle.small_city import KITA, OSAKA, SHI_1
from tests.shared_data import need_shared

# A city that nobody knows the surroundings of: cells end at its own edge.
ALONE = replace(OSAKA, gazetteer=GazetteerSource(kind="none"))
M_PER_LAT_DEG = 111_195.0  # mean radius x pi / 180
M_PER_LON_DEG = 91_400.0  # the same x cos 34.7 degrees


def town(name: str, lon: float, lat: float) -> TownRecord:
    place = LonLat(lon, lat)
    return TownRecord(ward_code=KITA, name=name, oaza=name, chome=None, place=place)


def test_a_town_among_others_reaches_to_the_corner_of_its_cell() -> None:
    # A grid of 5 x 5 towns, 400 m apart: the cell of the middle one is a square of
    # 400 m, its corner 200 x sqrt 2 = 283 m off; + 50 m = 333 m.
    towns = [
        town(f"{x}{y}", 135.5 + x * 400 / M_PER_LON_DEG, 34.7 + y * 400 / M_PER_LAT_DEG)
        for x in range(5)
        for y in range(5)
    ]
    radii = town_radii(towns, ALONE)
    assert radii[KITA, "22"] == pytest.approx(333, abs=3)


def test_a_single_town_reaches_to_the_edge_of_its_city() -> None:
    # 500 m around the only point, + 50 m.
    assert town_radii([SHI_1], ALONE) == {(KITA, SHI_1.name): 550}
    assert town_radii([], ALONE) == {}


def test_two_towns_at_one_point_share_their_cell() -> None:
    here, there = town("甲", 135.5, 34.7), town("乙", 135.5, 34.7)
    far = town("丙", 135.51, 34.7)
    radii = town_radii([here, there, far], ALONE)
    assert radii[KITA, "甲"] == radii[KITA, "乙"]


@given(
    st.lists(
        st.tuples(st.floats(135.40, 135.58), st.floats(34.60, 34.76)),
        min_size=1,
        max_size=12,
    )
)
def test_every_radius_is_within_its_limits(points: list[tuple[float, float]]) -> None:
    towns = [town(str(n), lon, lat) for n, (lon, lat) in enumerate(points)]
    radii = town_radii(towns, ALONE)
    assert len(radii) == len(towns)
    for radius in radii.values():
        assert MIN_TOWN_RADIUS_M <= radius <= MAX_TOWN_RADIUS_M


def test_all_parts_of_a_town_lie_in_its_circle() -> None:
    west, east = LonLat(135.50, 34.7), LonLat(135.51, 34.7)
    middle, radius = oaza_circle([(west, 200), (east, 300)])
    assert (middle.lon, middle.lat) == pytest.approx((135.505, 34.7))
    # Half of 0.01 degrees is 457 m; the wider part ends 300 m beyond its point.
    assert radius == pytest.approx(757, abs=1)
    assert great_circle_m(middle, west) + 200 <= radius


def test_blocks_are_believed_within_two_radii_of_their_town() -> None:
    key = (KITA, SHI_1.name)
    assert reach_of_towns([SHI_1], {key: 300}) == {key: (SHI_1.place, 1500)}
    assert reach_of_towns([SHI_1], {key: 900}) == {key: (SHI_1.place, 1800)}


def test_real_addresses_lie_within_the_radius_of_their_town() -> None:
    with need_shared("data/addresses/osaka_towns.csv").open(encoding="utf-8") as file:
        towns = [
            replace(
                town(row["town"], float(row["lng"]), float(row["lat"])),
                ward_code=row["ward"],
            )
            for row in csv.DictReader(file)
        ]
    places = {(record.ward_code, record.name): record.place for record in towns}
    radii = town_radii(towns, OSAKA)
    points = need_shared("data/addresses/osaka_address_points_dev.csv")
    with points.open(encoding="utf-8") as file:
        inside = np.array(
            [
                great_circle_m(
                    places[key], LonLat(float(row["lon"]), float(row["lat"]))
                )
                <= radii[key]
                for row in csv.DictReader(file)
                for key in ((row["ward"], row["town"]),)
            ]
        )
    # Chosen on one half (97.6 %), verified on the other (97.6 %); no wider than told.
    assert len(inside) == 2500
    assert inside[::2].mean() >= 0.97
    assert inside[1::2].mean() >= 0.97
    assert np.median(list(radii.values())) < 350
