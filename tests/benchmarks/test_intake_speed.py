"""The bar of the way in: 150 consultations a second on PostgreSQL, 60 on SQLite."""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.acceptance.command import API_KEY, Served, environment
from tests.benchmarks.test_day_speed import Tell, tell  # noqa: F401 - fixture
from tests.city_data import OSAKA_DATA
from tests.databases import BACKENDS, POSTGRESQL, fresh_url
from tests.shared_data import REPO, need_shared

pytestmark = pytest.mark.benchmark

CLIENTS = 8
WARM_UP = 200
REQUESTS = 3_000
BARS = {"postgresql": 150.0, "sqlite": 60.0}  # consultations a second
P99_BAR_S = 0.25
LOAD_LIMIT_S = 600


def _load(port: int, requests: int, addresses: Path, out: Path) -> dict[str, object]:
    subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "tests.benchmarks.intake_load", str(port), API_KEY),
            *(str(CLIENTS), str(requests), str(addresses), str(out)),
        ],
        cwd=REPO,
        check=True,
        timeout=LOAD_LIMIT_S,
    )
    found: dict[str, object] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_consultations_come_in_as_fast_as_the_bar_and_none_is_lost_or_doubled(
    backend: str,
    tmp_path: Path,
    tell: Tell,  # noqa: F811 - the fixture
) -> None:
    points = need_shared("data/addresses/osaka_address_points_dev.csv")
    with points.open(encoding="utf-8", newline="") as file:
        addresses = [row["address"] for row in csv.DictReader(file)]
    listed = tmp_path / "addresses.txt"
    listed.write_text("\n".join(addresses), encoding="utf-8")
    url = fresh_url(tmp_path, on=backend)
    settings = environment(
        OSAKA_DATA,
        KIDOHAN_DATABASE_URL=url,
        KIDOHAN_API_KEYS=f"load:{API_KEY}",
        KIDOHAN_ROADS_DIR=str(tmp_path / "none"),
        KIDOHAN_VAULT_KEY_FILE=str(tmp_path / "vault.key"),
    )
    with Served(tmp_path, settings) as server:
        _load(server.port, WARM_UP, listed, tmp_path / "warm.json")
        found = _load(server.port, REQUESTS, listed, tmp_path / "load.json")
    clients: list[dict[str, list[float]]] = found["clients"]  # type: ignore[assignment]
    seconds = sorted(s for one in clients for s in one["seconds"])
    rate = len(seconds) / float(str(found["elapsed_s"]))
    p99_s = seconds[int(len(seconds) * 0.99)]
    tell(
        f"intake on {backend}: {rate:.0f}/s with {CLIENTS} clients, median "
        f"{statistics.median(seconds) * 1e3:.0f} ms, p99 {p99_s * 1e3:.0f} ms "
        f"({len(seconds)} requests)"
    )
    charts: dict[str, str] = {}
    for one in clients:
        assert set(one["statuses"]) <= {200, 201}
        assert not one["doubled"]
        charts |= one["charts"]  # type: ignore[arg-type]
    _compare(url, charts)
    assert rate >= BARS[backend]
    if backend == POSTGRESQL:
        assert p99_s <= P99_BAR_S


def _compare(url: str, charts: dict[str, str]) -> None:
    """Row by row: every consultation once, under the id that was answered."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT external_id, id FROM charts")).all()
        sealed = connection.execute(
            text("SELECT count(*) FROM personal_vault")
        ).scalar()
    engine.dispose()
    assert len(rows) == len(charts) == REQUESTS
    assert {str(external): str(chart_id) for external, chart_id in rows} == charts
    assert sealed == len(rows)
