"""Time of a morning's print: 22 teams of 12 stops, with roads, turns and QR codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from maps.route_sheet import render_sheets
from tests.maps.test_route_sheet import FONTS, on_roads, sheet_data

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.benchmark
def test_the_morning_print_of_the_city(benchmark: BenchmarkFixture) -> None:
    # 13 legs each, of 200 points and 300 letters of turns.
    sheets = [
        on_roads(sheet_data(12, team=team), points=200, letters=300)
        for team in range(22)
    ]
    pdfs = benchmark.pedantic(  # type: ignore[no-untyped-call]
        render_sheets,
        args=(sheets,),
        kwargs={"fonts_dir": FONTS, "labels": {}},
        rounds=1,
        iterations=1,
    )
    assert len(pdfs) == 22
