"""A day on the roads of the whole city: built, planned, closed, killed, served."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from api.pictures import Pictures
from api.road_pictures import road_legs
from api.settings import Settings, load_settings
from api.wiring import Services, open_services
from dispatch.adapters.clocks import FixedClock
from dispatch.closure_desk import NewClosure
from dispatch.domain.closure import ClosureReason, ClosureShape, DailyWindow
from dispatch.domain.place import LonLat, great_circle_m
from dispatch.domain.travel import TravelLevel, TravelMatrix
from dispatch.ports import StoredPlan
from geodata.roads.osrm_client import OsrmClient, OsrmTable
from geodata.roads.routing import Drive
from geodata.roads.service import RoadTravelTimes
from tests.acceptance.command import (
    SMALL_SEARCH,
    environment,
    run_cli,
)
from tests.builders import TOKYO
from tests.city_data import OSAKA_DATA, prepared
from tests.geodata.road_data import need_programs
from tests.shared_data import need_shared

NOW = dt.datetime(2026, 11, 24, 8, 50, tzinfo=TOKYO)
# 十三大橋 over the Yodo river, by its two ends (read off the road data).
BRIDGE = (LonLat(135.4852731, 34.7100604), LonLat(135.4817086, 34.7142588))
SOUTH, NORTH = LonLat(135.4890, 34.7050), LonLat(135.4800, 34.7190)
ON_BRIDGE_M = 60.0
BACK_S = 5.0
CLOSED_S = 20.0


@dataclass(frozen=True, kw_only=True)
class RoadDay:
    """Road data of the city, and a demonstration planned on them."""

    folder: Path
    variables: dict[str, str]

    @property
    def roads(self) -> Path:
        return self.folder / "roads"

    @property
    def settings(self) -> Settings:
        return load_settings(
            {},
            roads_dir=self.roads,
            geodata_dir=prepared(),
            database_url=f"sqlite:///{self.folder / 'out' / 'kidohan.sqlite3'}",
            plan_iterations=400,
            plan_time_limit_s=300,
        )


@pytest.fixture(scope="module")
def road_day(tmp_path_factory: pytest.TempPathFactory) -> RoadDay:
    """Build the whole city's roads and play a small day on them, by the commands."""
    need_programs()
    pbf = need_shared("data/roads/osaka_plateau_roads.osm.pbf")
    folder = tmp_path_factory.mktemp("road-day")
    variables = environment(
        OSAKA_DATA, **SMALL_SEARCH, KIDOHAN_ROADS_DIR=str(folder / "roads")
    )
    words = ("roads", "build", str(pbf), "--no-ch", "--attribution", "PLATEAU")
    done = run_cli(folder, variables, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    day = ("demo", "--no-serve", "--count", "60", "--out", "out")
    done = run_cli(folder, variables, *day)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "推定(道路)" in done.stdout
    return RoadDay(folder=folder, variables=variables)


@pytest.fixture
def services(road_day: RoadDay) -> Iterator[Services]:
    with open_services(road_day.settings, FixedClock(NOW)) as opened:
        yield opened


def in_force(services: Services) -> StoredPlan:
    stored = services.store.in_force(NOW.date())
    assert stored is not None
    return stored


def crosses_bridge(path: Sequence[LonLat]) -> bool:
    """Whether a line runs over the middle of the bridge."""
    middle = LonLat(
        (BRIDGE[0].lon + BRIDGE[1].lon) / 2, (BRIDGE[0].lat + BRIDGE[1].lat) / 2
    )
    dense = (
        LonLat(a.lon + (b.lon - a.lon) * k / 50, a.lat + (b.lat - a.lat) * k / 50)
        for a, b in pairwise(path)
        for k in range(51)
    )
    return any(great_circle_m(place, middle) < ON_BRIDGE_M for place in dense)


def by_engine(services: Services, began: float) -> TravelMatrix:
    """Return the times over the river as soon as the engine tells them."""
    while True:
        matrix = services.travel.times.matrix([SOUTH, NORTH], at=NOW)
        if matrix.level is TravelLevel.ROAD:
            return matrix
        assert time.perf_counter() - began < CLOSED_S
        time.sleep(0.05)


def test_check_finds_nothing_wrong(road_day: RoadDay) -> None:
    done = run_cli(road_day.folder, road_day.variables, "roads", "check")
    assert done.returncode == 0, done.stdout
    assert "夢洲中一丁目" in done.stdout  # its bridge is missing in the source
    assert re.search(r"問題 0", done.stdout)


def test_every_leg_of_the_plan_and_every_map_follows_the_roads(
    road_day: RoadDay, services: Services
) -> None:
    stored = in_force(services)
    assert stored.plan.num_served > 20
    assert {*stored.plan.leg_levels()} == {TravelLevel.ROAD}
    charts = services.store.get_many(s.visit_id for _, _, s in stored.plan.stops())
    for team in services.profile.teams:
        route = next(r for r in stored.plan.routes if r.team_id == team.id)
        legs = road_legs(services, stored.plan, team, route, charts)
        assert len(legs) == (len(route.stops) + 1 if route.stops else 0)
        assert all(leg.level is TravelLevel.ROAD and len(leg.path) > 1 for leg in legs)
        assert all(leg.turns for leg in legs)
    sheets = list((road_day.folder / "out" / "sheets").glob("*.pdf"))
    assert len(sheets) == len(services.profile.teams)
    page = (road_day.folder / "out" / "maps" / "overview.html").read_text("utf-8")
    assert "道路: PLATEAU" in page


def test_closed_bridge_over_the_yodo_is_used_by_no_route_until_it_ends(
    services: Services,
) -> None:
    drive = Drive(places=(SOUTH, NORTH), busy=((9 * 3600, 10 * 3600),))
    usual = services.travel.routes.legs(drive, at=NOW)[0]
    assert crosses_bridge(usual.path)
    began = time.perf_counter()
    closure = services.closures.close(
        NewClosure(
            name="十三大橋",
            shape=ClosureShape.STRETCH,
            places=BRIDGE,
            reason=ClosureReason.FLOOD,
            ends_at=NOW + dt.timedelta(hours=20),
        ),
        who="配車担当",
    )
    # Not waited for by who asks for few places: the graph heeds the closure meanwhile.
    meanwhile = services.travel.times.matrix([SOUTH, NORTH], at=NOW)
    assert meanwhile.duration_s[0, 1] > usual.duration_s
    by_engine(services, began)
    detour = services.travel.routes.legs(drive, at=NOW)[0]
    assert not crosses_bridge(detour.path)
    assert detour.duration_s > usual.duration_s
    drawn = Pictures(services).plan_map(in_force(services), "juso", {})
    assert [closed.name for closed in drawn.closures] == ["十三大橋"]
    # It ends by itself: the next day everything is as it was.
    tomorrow = NOW + dt.timedelta(days=1)
    assert services.travel.routes.legs(drive, at=tomorrow)[0] == usual
    services.closures.lift(closure.id, closure.version, who="配車担当")
    assert services.travel.routes.legs(drive, at=NOW)[0] == usual


def test_ban_in_school_hours_holds_in_those_hours_only(services: Services) -> None:
    ban = services.closures.close(
        NewClosure(
            name="十三大橋 通学時間帯",
            shape=ClosureShape.STRETCH,
            places=BRIDGE,
            reason=ClosureReason.SCHOOL_HOURS,
            windows=(DailyWindow(start_s=14 * 3600, end_s=16 * 3600),),
            working_days_only=True,
        ),
        who="配車担当",
    )
    try:
        matrix = by_engine(services, time.perf_counter())
        usual_s = matrix.drive_s(0, 1, 10 * 3600)
        assert matrix.drive_s(0, 1, 15 * 3600) > usual_s
        assert matrix.drive_s(0, 1, 16 * 3600) == usual_s
        holiday = dt.datetime(2026, 11, 23, 8, 0, tzinfo=TOKYO)  # 勤労感謝の日
        assert (
            services.travel.times.matrix([SOUTH, NORTH], at=holiday).restricted is None
        )
        during = Drive(places=(SOUTH, NORTH), busy=((15 * 3600, 15 * 3600 + 600),))
        assert not crosses_bridge(services.travel.routes.legs(during, at=NOW)[0].path)
        before = Drive(places=(SOUTH, NORTH), busy=((10 * 3600, 10 * 3600 + 600),))
        assert crosses_bridge(services.travel.routes.legs(before, at=NOW)[0].path)
    finally:
        services.closures.lift(ban.id, ban.version, who="配車担当")


def test_engine_killed_in_the_middle_of_a_plan(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    roads = services.roads
    assert isinstance(roads, RoadTravelTimes)
    manifest = roads.state().manifest
    assert manifest is not None
    asked = OsrmClient.table

    def killed(client: OsrmClient, *places: object, **block: object) -> OsrmTable:
        monkeypatch.setattr(OsrmClient, "table", asked)
        kill = ["pkill", "-9", "-f", f"osrm-routed.*{manifest.id}"]
        subprocess.run(kill, check=True)  # noqa: S603 - our own engine
        return asked(client, *places, **block)  # type: ignore[arg-type]

    monkeypatch.setattr(OsrmClient, "table", killed)
    began = time.perf_counter()
    stored = services.planning.make(
        NOW.date() + dt.timedelta(days=1),
        services.search_params(),
        lambda _: None,
        who="配車担当",
    )
    assert stored.num_violations == 0
    assert stored.plan.travel_level is TravelLevel.ROAD_GRAPH
    assert Pictures(services).level_text(stored.plan) == "推定(道路・簡易)"
    place = [SOUTH, NORTH]
    while roads.matrix(place, at=NOW).level is not TravelLevel.ROAD:
        assert time.perf_counter() - began < 60
        time.sleep(0.05)
    assert roads.state().num_restarts == 1
