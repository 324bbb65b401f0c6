"""The bars of landmarks and areas on the shared real data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from geodata.bundle.records import Layer
from geodata.city import load_city
from geodata.geocoding.landmarks import LandmarkIndex
from geodata.geocoding.make import city_areas
from tests.benchmarks.area_speed import area_speed
from tests.benchmarks.landmark_bars import landmark_figures, read_facilities
from tests.geocoding_subject import built_bundle
from tests.shared_data import need_shared

pytestmark = pytest.mark.benchmark

SEEDS = (11, 40_961)  # of the letters that are dropped; add yours
FIRST_BAR, TOP_BAR = 0.90, 0.98
POINTS_BAR = 100_000  # a second

Tell = Callable[[object], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    def told(what: object) -> None:
        with capsys.disabled():
            print(f"\n{what}")  # noqa: T201 - figures are the point

    return told


@pytest.mark.parametrize("seed", SEEDS)
def test_names_of_facilities(seed: int, tell: Tell) -> None:
    file = need_shared("data/gazetteer/osaka_facilities_2015.csv")
    records, wards = read_facilities(file)
    index = LandmarkIndex(records, wards=wards)
    figures = landmark_figures(index, records, seed=seed)
    for kind, one in figures.items():
        wrong = one.num_wrong_ok - one.num_other_name
        tell(
            f"seed {seed} {kind}: {one.num} names, rank 1 {one.first_share:.1%}, "
            f"top 3 {one.top_share:.1%}, accepted {one.num_ok}, of them away {wrong}"
        )
    num = sum(one.num for one in figures.values())
    first = sum(one.num_first for one in figures.values()) / num
    top = sum(one.num_top for one in figures.values()) / num
    tell(f"seed {seed} all: rank 1 {first:.1%}, top 3 {top:.1%}")
    assert first >= FIRST_BAR
    assert top >= TOP_BAR


def test_towns_lie_in_their_ward_and_points_are_looked_up_fast(
    tmp_path_factory: pytest.TempPathFactory, tell: Tell
) -> None:
    bundle = built_bundle(tmp_path_factory.mktemp("areas") / "bundle")
    profile = load_city("osaka")
    index = city_areas(profile, bundle)
    assert index is not None
    towns = bundle.towns()
    codes = index.codes_of(
        Layer.WARDS,
        [town.place.lon for town in towns],
        [town.place.lat for town in towns],
    )
    own = sum(code == t.ward_code for code, t in zip(codes, towns, strict=True))
    tell(f"{own} of {len(towns)} towns in their own ward")
    assert own == len(towns) == 1_903
    speed = area_speed(index, profile.bounds)
    tell(speed)
    assert min(speed.wards_per_s, speed.districts_per_s) >= POINTS_BAR
