"""What was answered with success survives `kill -9` at any moment."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from dispatch.adapters.database import open_database
from dispatch.adapters.sql_store import SqlStore
from tests.builders import catalogue

ROOT = Path(__file__).parents[2]
KILLS = 5


def test_every_id_told_before_a_kill_is_in_the_store_with_its_whole_history(
    database_url: str,
) -> None:
    chance = random.Random(20261124)  # noqa: S311 - moments of the kills
    told: set[str] = set()
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.dispatch.chart_writer", database_url]
        with subprocess.Popen(  # noqa: S603 - our own module
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            told.add(writer.stdout.readline().strip())  # it has begun to write
            time.sleep(chance.uniform(0.0, 0.3))
            writer.kill()
            told |= {line.strip() for line in writer.stdout if line.endswith("\n")}
        assert writer.returncode == -9
    assert len(told) >= 2 * KILLS

    engine = open_database(database_url)
    store = SqlStore(engine, catalogue())
    charts = {chart.id: chart for chart in store.find()}
    assert told <= set(charts)
    # stored but not told: at most the one that each kill cut short
    assert len(charts) <= len(told) + KILLS
    for chart_id in charts:
        texts = [line.text for line in store.history(chart_id)]
        assert texts == [f"{chart_id} {line}" for line in range(3)]
    numbers = sorted(chart.number for chart in charts.values())
    expected = [f"2026-27127-{i:06d}" for i in range(1, len(charts) + 1)]
    assert numbers == expected
    engine.dispose()
