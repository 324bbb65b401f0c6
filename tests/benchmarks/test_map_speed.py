"""How long the overview of 5,000 items and an office's plan take to build and load."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from maps.base_map import BaseMap
from maps.overview_map import overview_map
from maps.plan_map import plan_map
from tests.maps import closures, overview, road_plan
from tests.maps.test_maps_in_browser import (  # noqa: F401 - fixtures
    browser,
    site,
    watched,
)
from tests.maps.test_maps_in_browser import (
    pytestmark as in_browser,
)

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.maps.test_maps_in_browser import Watched

pytestmark = pytest.mark.benchmark

LOAD_EVENT_JS = "performance.getEntriesByType('navigation')[0].loadEventEnd"
TIMES = 5


def draw() -> str:
    data = replace(overview(items=5_000, districts=298), closures=closures() * 20)
    return overview_map(data, base=BaseMap.NONE, assets_url="/assets")


def test_building_an_overview_of_5000_items(benchmark: BenchmarkFixture) -> None:
    data = replace(overview(items=5_000, districts=298), closures=closures() * 20)
    page = benchmark(overview_map, data, base=BaseMap.NONE, assets_url="/assets")
    benchmark.extra_info["gzip_bytes"] = len(gzip.compress(page.encode()))


def test_building_a_plan_of_four_teams_on_roads(benchmark: BenchmarkFixture) -> None:
    # 52 legs of 200 points each.
    data = road_plan(teams=4, stops=12)
    page = benchmark(plan_map, data, base=BaseMap.NONE, assets_url="/assets")
    size = len(gzip.compress(page.encode()))
    benchmark.extra_info["gzip_bytes"] = size
    assert size < 200_000


@in_browser[1]
def test_load_event_of_5000_items_in_chromium(
    watched: Watched,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    html = draw()
    loads = []
    for _ in range(TIMES):
        page = watched.open(html)
        page.wait_for_selector(".kd-cluster")
        loads.append(float(page.evaluate(LOAD_EVENT_JS)))
    with capsys.disabled():
        print(f"\nload event: {sorted(round(x) for x in loads)} ms")  # noqa: T201
    assert sorted(loads)[TIMES // 2] <= 2_000
