"""The bars of a whole day: demonstration, storm, intake, overview, memory."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from api.pictures import Pictures
from api.settings import Settings
from api.wiring import open_services
from dispatch.chart_opening import Intake
from geodata.city import load_city
from geodata.demo_day import DemoParams, demo_consultations
from geodata.towns import read_towns
from maps.base_map import BaseMap
from maps.overview_map import overview_map
from tests.acceptance.command import (
    DEMO_DATE,
    DEMO_NOW,
    NODE_MODULES,
    SMALL_SEARCH,
    Served,
    environment,
    family,
    run_cli,
    served_settings,
)
from tests.acceptance.records import judged, rows
from tests.acceptance.test_served_day import post, reports
from tests.city_data import OSAKA_DATA, prepared
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

DAY_BAR_S = 60
PLAN_BAR_S = 20
OVERVIEW_ITEMS = 5_000
OVERVIEW_GZIP_BAR = 150_000
MEMORY_BAR_MB = 600
LOAD_EVENT_JS = "performance.getEntriesByType('navigation')[0].loadEventEnd"
LOADS = 5
SENDERS = 4
POSTS = 400

Tell = Callable[[str], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Print a figure past pytest's capture."""

    def out(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")  # noqa: T201 - figures are the point

    return out


def played(
    benchmark: BenchmarkFixture, folder: Path, *options: str
) -> tuple[float, dict[str, Any]]:
    """Time the whole process of a demonstration with the settings of the city."""
    variables = environment(OSAKA_DATA)

    def play() -> float:
        began = time.perf_counter()
        done = run_cli(
            folder, variables, "demo", "--no-serve", "--out", "out", *options
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return time.perf_counter() - began

    wall_s = benchmark.pedantic(play, rounds=1, iterations=1)  # type: ignore[no-untyped-call]
    text = (folder / "out" / "summary.json").read_text(encoding="utf-8")
    summary = json.loads(text)
    benchmark.extra_info.update(summary)
    return wall_s, summary


def day_line(name: str, wall_s: float, summary: dict[str, Any]) -> str:
    steps = " ".join(f"{k} {v}" for k, v in summary["seconds_by_step"].items())
    return (
        f"{name}: process {wall_s:.1f} s ({steps}), served {summary['served']} of "
        f"{summary['feasible_visits']}, drive {summary['drive_minutes']} min, "
        f"peak {summary['peak_mb']} MB, {summary['method']}"
    )


def test_demonstration_of_an_ordinary_day(
    benchmark: BenchmarkFixture, tmp_path: Path, tell: Tell
) -> None:
    wall_s, summary = played(benchmark, tmp_path)
    tell(day_line("ordinary day, 260", wall_s, summary))
    assert summary["consultations"] == 260
    assert wall_s <= DAY_BAR_S
    assert summary["seconds_by_step"]["plan"] <= PLAN_BAR_S
    assert summary["served"] >= 0.95 * summary["feasible_visits"]


def test_storm_day_of_three_times_as_many(
    benchmark: BenchmarkFixture, tmp_path: Path, tell: Tell
) -> None:
    wall_s, summary = played(benchmark, tmp_path, "--storm")
    tell(day_line("storm day, 780", wall_s, summary))
    assert summary["consultations"] == 780
    until_plan = ("prepare", "generate", "intake", "plan")
    assert sum(summary["seconds_by_step"][s] for s in until_plan) <= DAY_BAR_S
    database = tmp_path / "out" / "kidohan.sqlite3"
    assert judged(database, "osaka", OSAKA_DATA, DEMO_DATE) == ()


def test_intake_through_the_api(
    benchmark: BenchmarkFixture, tmp_path: Path, tell: Tell
) -> None:
    bodies = reports(POSTS)
    database = tmp_path / "intake.sqlite3"
    with Served(tmp_path, served_settings(database)) as server:

        def send(part: int) -> set[int]:
            with server.client() as client:
                return {
                    post(client, body, f"{part}-{n}").status_code
                    for n, body in enumerate(bodies[part::SENDERS])
                }

        def send_all() -> float:
            began = time.perf_counter()
            with ThreadPoolExecutor(SENDERS) as threads:
                codes = set().union(*threads.map(send, range(SENDERS)))
            assert codes == {201}
            return time.perf_counter() - began

        taken_s = benchmark.pedantic(send_all, rounds=1, iterations=1)  # type: ignore[no-untyped-call]
    assert rows(database, "SELECT count(*) FROM charts") == [(POSTS,)]
    benchmark.extra_info["requests_per_s"] = POSTS / taken_s
    tell(f"intake: {POSTS / taken_s:.0f} consultations/s by {SENDERS} senders")


def drawn_overview(folder: Path) -> str:
    """Draw 5,000 open items placed and assigned by the real city's rules."""
    settings = Settings(
        database_url=f"sqlite:///{folder / 'overview.sqlite3'}",
        geodata_dir=prepared(),
        demo_now=dt.datetime.fromisoformat(DEMO_NOW),
    )
    profile = load_city("osaka")
    params = DemoParams(count=OVERVIEW_ITEMS * 3 // 2)
    items = demo_consultations(profile, read_towns(profile), params)
    with open_services(settings) as services:
        taken = services.intake.receive_all(
            [Intake(consultation=i.consultation, reporter=i.reporter) for i in items],
            who="試験",
        )
        charts = [added.chart for added in taken if added.chart.is_mappable]
        data = Pictures(services).overview(charts[:OVERVIEW_ITEMS])
        services.store._engine.dispose()  # noqa: SLF001 - nobody else may close it
    assert len(data.items) == OVERVIEW_ITEMS
    return overview_map(data, base=BaseMap.NONE, assets_url="/assets")


@in_browser[1]
def test_overview_of_5000_open_items_on_the_real_areas(
    watched: Watched,  # noqa: F811
    tmp_path: Path,
    tell: Tell,
) -> None:
    html = drawn_overview(tmp_path)
    size = len(gzip.compress(html.encode()))
    loads = []
    for _ in range(LOADS):
        page = watched.open(html)
        page.wait_for_selector(".kd-cluster")
        loads.append(round(float(page.evaluate(LOAD_EVENT_JS))))
    tell(f"overview of 5,000: gzip {size:,} bytes, load event {sorted(loads)} ms")
    assert size <= OVERVIEW_GZIP_BAR


def memory_mb(pids: set[int]) -> tuple[float, float]:
    """Memory of processes: as counted for each (RSS), and with shared pages once."""
    rss_kb = pss_kb = 0
    for pid in pids:
        with suppress(OSError):  # one that has just ended
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            figures = dict(line.split(":", 1) for line in text.splitlines()[1:])
            rss_kb += int(figures["Rss"].split()[0])
            pss_kb += int(figures["Pss"].split()[0])
    return rss_kb / 1024, pss_kb / 1024


def test_memory_of_a_server_with_a_planned_day(tmp_path: Path, tell: Tell) -> None:
    done = run_cli(
        tmp_path,
        environment(OSAKA_DATA, **SMALL_SEARCH),
        *("demo", "--no-serve", "--out", "out"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    database = tmp_path / "day.sqlite3"
    shutil.copyfile(tmp_path / "out" / "kidohan.sqlite3", database)
    ((plan_id,),) = rows(database, "SELECT id FROM plans")
    profile = load_city("osaka")
    settings = served_settings(database, KIDOHAN_ASSETS_DIR=str(NODE_MODULES))
    with Served(tmp_path, settings) as server, server.client() as client:
        at_start, _ = memory_mb(family(server.pid))
        paths = ["/", "/map", "/maps/overview", "/plan", "/charts"]
        for office in profile.offices:
            paths += [
                f"/plan/{plan_id}/{office.id}",
                f"/maps/plan/{plan_id}/{office.id}",
            ]
        for path in paths:
            assert client.get(path, headers={"Accept": "text/html"}).status_code == 200
        teams = [team.id for team in profile.teams]
        sheets = client.post(
            f"/plan/{plan_id}/sheets", data={"team": teams, "who": "試験"}
        )
        assert sheets.content.startswith(b"%PDF-")
        pids = family(server.pid)
        rss, pss = memory_mb(pids)
    tell(
        f"served planned day: RSS {rss:.0f} MB in {len(pids)} processes (PSS {pss:.0f}"
        f" MB; {at_start:.0f} MB at the start)"
    )
    assert rss <= MEMORY_BAR_MB
