"""How long files of a month of 20,000 consultations take."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient

from tests.benchmarks.test_board_speed import crowded  # noqa: F401 - a fixture

MONTH = "from=2026-10-25&to=2026-11-24"  # 43,200 minutes before the 24th, 8:50
# About twice what the development machine needs when it has nothing else to do.
BARS_S = {"csv": 4.0, "geojson": 6.0, "xlsx": 15.0, "gpkg": 10.0}

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("file_format", list(BARS_S))
def test_a_month_of_20_000_consultations_is_written_in_time(
    crowded: TestClient,  # noqa: F811
    file_format: str,
) -> None:
    begun_s = time.perf_counter()
    answer = crowded.get(f"/exports/consultations.{file_format}?{MONTH}")
    took_s = time.perf_counter() - begun_s
    assert answer.status_code == 200
    if file_format == "csv":
        assert answer.text.count("\r\n") > 20_000
    assert took_s < BARS_S[file_format]
