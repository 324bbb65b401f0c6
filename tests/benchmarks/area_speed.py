"""Measures the area index: points a second in bulk, and the time of one answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from dispatch.domain.place import BoundingBox, LonLat
from geodata.bundle.records import Layer
from geodata.geocoding.area_index import AreaIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaSpeed:
    """What was measured; points lie evenly over the rectangle."""

    wards_per_s: float
    districts_per_s: float
    answers_per_s: float
    one_answer_s: float


def area_speed(
    index: AreaIndex, bounds: BoundingBox, *, num_points: int = 100_000, seed: int = 3
) -> AreaSpeed:
    """Ask for the areas of many points, then of each alone; the median counts."""
    chance = np.random.default_rng(seed)
    lons = chance.uniform(bounds.west, bounds.east, num_points)
    lats = chance.uniform(bounds.south, bounds.north, num_points)
    index.at(LonLat(lons[0], lats[0]))  # makes the trees
    rates = {}
    for layer in (Layer.WARDS, Layer.DISTRICTS):
        start = time.perf_counter()
        index.codes_of(layer, lons, lats)
        rates[layer] = num_points / (time.perf_counter() - start)
    some = [LonLat(lons[at], lats[at]) for at in range(min(num_points, 2_000))]
    start = time.perf_counter()
    index.at_all(some, radii_m=[130] * len(some), ward_codes=[None] * len(some))
    answers_s = time.perf_counter() - start
    times_s = []
    for place in some:
        start = time.perf_counter()
        index.at(place, radius_m=130)
        times_s.append(time.perf_counter() - start)
    return AreaSpeed(
        wards_per_s=rates[Layer.WARDS],
        districts_per_s=rates[Layer.DISTRICTS],
        answers_per_s=len(some) / answers_s,
        one_answer_s=float(np.median(times_s)),
    )
