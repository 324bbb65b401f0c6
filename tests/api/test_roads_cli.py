"""Roads from the command line, and what an installation makes of what it has."""

from __future__ import annotations

import csv
import io
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from api.progress import bars
from api.road_wiring import Travel, open_travel
from api.settings import Settings
from dispatch.adapters.closure_store import SqlClosures
from dispatch.adapters.database import open_database
from dispatch.domain.errors import SourceError
from dispatch.domain.travel import TravelLevel
from geodata.city import load_city
from geodata.roads.manifest import GRAPH_FILE, MANIFEST_FILE, open_road_data
from geodata.roads.remote import RemoteTravelTimes
from geodata.roads.routing import Drive
from geodata.roads.service import RoadTravelTimes
from geodata.sources import sha256_of
from tests.api.test_geodata_cli import Run
from tests.builders import moment
from tests.geodata.road_data import (
    OFFICES,
    TownRoads,
    copied,
    flat_engine,
    place,
    places,
    serving,
    town_pbf,
)
from tests.geodata.road_data import town_roads as built_town
from tests.geodata.test_fetch import Publisher
from tests.geodata.test_fetch import serving as publishing
from tests.geodata.test_valhalla import Server, leg, trip

OK, NO_SOURCE, FOUND_WRONG = 0, 3, 3
NOON = moment("12:00")


@pytest.fixture(scope="module")
def town() -> TownRoads:
    return built_town()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy Osaka's profile with all works offices in the town."""
    folder = tmp_path_factory.mktemp("cities") / "osaka"
    shutil.copytree(load_city("osaka").folder, folder)
    file = folder / "works_offices.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for at, row in enumerate(rows):
        spot = place(OFFICES[at % len(OFFICES)])
        row["lon"], row["lat"] = str(spot.lon), str(spot.lat)
    with file.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "roads"


@pytest.fixture
def run(
    city: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run `kidohan …` with a city and a folder of road data of its own."""
    monkeypatch.setenv("KIDOHAN_CITY", str(city))
    monkeypatch.setenv("KIDOHAN_ROADS_DIR", str(home))
    return Run(monkeypatch, capsys)


# -- build, info, check ----------------------------------------------------------------


def test_roads_are_built_told_of_and_found_good(
    run: Run, home: Path, town: TownRoads
) -> None:
    code, said = run("roads", "build", town_pbf(), "--attribution", "© [作者]")
    assert code == OK
    data = open_road_data(home)
    assert data is not None
    assert data.has_ch
    assert "道路網を作っています" in said
    assert "道路データは使えます" in said
    assert "高速化(CH) 0 秒" in said
    for shown in (data.manifest.source_sha256, "town.osm.pbf", "© [作者]", "5 km"):
        assert shown in said

    code, said = run("roads", "info")
    assert code == OK
    assert data.manifest.id in said
    assert f"OSRM {town.programs.version()}, CH, MLD" in said
    assert "© [作者]" in said  # brackets are no markup
    assert "96.0% reachable" in said  # 4,800 of 5,000 m: the island is not

    code, said = run("roads", "check")
    assert code == OK
    # Of Osaka's towns nearly none lies in ours: worth knowing, no problem.
    assert "注意 500m以内に道路がない町丁目" in said
    assert "問題 0、注意 1" in said


def test_without_the_faster_tables_it_is_done_sooner(
    run: Run, home: Path, town: TownRoads
) -> None:
    del town
    code, said = run("roads", "build", town_pbf(), "--no-ch")
    assert code == OK
    assert "CH" not in said
    data = open_road_data(home)
    assert data is not None
    assert not data.has_ch


def test_faster_tables_that_take_too_long_are_given_up(
    run: Run, home: Path, town: TownRoads
) -> None:
    del town
    code, said = run("roads", "build", town_pbf(), "--ch-limit-s", "0")
    assert code == OK
    assert "高速化はできませんでした: osrm-contract: stopped after 0 s" in said
    assert "高速化なし(MLD)で使えます" in said
    data = open_road_data(home)
    assert data is not None
    assert not data.has_ch


def test_another_folder_may_be_named(
    run: Run, home: Path, tmp_path: Path, town: TownRoads
) -> None:
    other = tmp_path / "other"
    assert run("roads", "build", town_pbf(), "--no-ch", "-o", other)[0] == OK
    assert open_road_data(other) is not None
    assert open_road_data(home) is None
    assert run("roads", "info", "--out", other)[0] == OK
    assert run("roads", "check", "-o", other)[0] == OK
    del town


@pytest.mark.parametrize("command", ["info", "check"])
def test_without_road_data_the_next_step_is_told(run: Run, command: str) -> None:
    code, said = run("roads", command)
    assert code == NO_SOURCE
    assert "no road data; travel times are straight lines until" in said
    assert "kidohan roads build FILE.osm.pbf" in said


def test_a_file_that_is_not_there_is_told_with_the_next_step(
    run: Run, home: Path, tmp_path: Path
) -> None:
    code, said = run("roads", "build", tmp_path / "nothing.osm.pbf")
    assert code == NO_SOURCE
    assert "nothing.osm.pbf: no such file" in said
    assert "kidohan geodata fetch roads" in said
    assert not home.exists()


def test_a_refused_build_leaves_what_is_in_use(
    run: Run, home: Path, tmp_path: Path, town: TownRoads
) -> None:
    data = copied(town.data, home)
    empty = tmp_path / "empty.osm.pbf"
    empty.touch()
    code, said = run("roads", "build", empty)
    assert code == NO_SOURCE
    assert "kidohan: " in said
    assert "empty.osm.pbf" in said
    assert open_road_data(home) == data


def test_no_engine_is_told_with_the_next_step(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, town: TownRoads
) -> None:
    del town
    monkeypatch.setenv("KIDOHAN_ENGINE_DIR", str(tmp_path / "none"))
    code, said = run("roads", "build", town_pbf())
    assert code == NO_SOURCE
    assert "run make setup, or name its folder in KIDOHAN_ENGINE_DIR" in said


def test_problems_of_the_data_are_listed_with_their_exit_code(
    run: Run, home: Path, town: TownRoads
) -> None:
    data = copied(town.data, home)
    (data.folder / "roads.osrm.cells").unlink()
    code, said = run("roads", "check")
    assert code == FOUND_WRONG
    assert "問題 ファイルがありません: roads.osrm.cells" in said
    assert "問題 2、注意 1" in said  # and the engine does not start


# -- fetch -----------------------------------------------------------------------------


@pytest.fixture
def publisher(city: Path, town: TownRoads) -> Iterator[Publisher]:
    """Publish the town on this machine, and let the city's sources name it."""
    del town
    with publishing() as server:
        server.content = town_pbf().read_bytes()
        (city / "sources.toml").write_text(
            "[roads]\n"
            'what = "roads"\ntitle = "例の道路"\npublisher = "例の発行者"\n'
            'attribution = "© 例の[作者]"\nlicence = "ODbL 1.0"\n'
            'licence_url = "https://licence.example/odbl"\n'
            f'url = "{server.url}"\n'
            'file_name = "roads.osm.pbf"\nmedia = "application/octet-stream"\n',
            encoding="utf-8",
        )
        yield server


def test_fetched_roads_are_cut_to_the_city_and_built_with_their_owner(
    run: Run, publisher: Publisher, tmp_path: Path, home: Path
) -> None:
    folder = tmp_path / "sources"
    code, said = run("geodata", "fetch", "roads", "--to", folder)
    assert code == OK
    clipped = folder / "osaka-roads.osm.pbf"
    assert f"次: kidohan roads build {clipped}" in said
    assert "© 例の[作者] / ODbL 1.0" in said
    assert "大阪市の道路を切り出しています" in said
    # 40 blocks, two bridges, the bank and the island; one turn restriction.
    assert "道路 44、右左折規制 1" in said
    record = json.loads((folder / "osaka-roads.osm.pbf.source.json").read_bytes())
    assert record["sha256"] == sha256_of(clipped)
    assert record["num_bytes"] == clipped.stat().st_size
    assert record["url"] == publisher.url
    licence = folder / "osaka-roads.osm.pbf.LICENCE.txt"
    assert "ODbL 1.0" in licence.read_text(encoding="utf-8")

    assert run("roads", "build", clipped, "--no-ch")[0] == OK
    data = open_road_data(home)
    assert data is not None
    assert data.manifest.attribution == "© 例の[作者]"
    assert (data.manifest.num_segments, data.manifest.restrictions) == (48, 1)


# -- what an installation makes of what it has -----------------------------------------


@pytest.fixture
def opened() -> Iterator[list[Travel]]:
    """Everything a test opens is closed after it."""
    made: list[Travel] = []
    yield made
    for travel in made:
        travel.close()


def travel(opened: list[Travel], city: Path, home: Path, **settings: object) -> Travel:
    closures = SqlClosures(open_database("sqlite://"))
    given = Settings(city=str(city), roads_dir=home, **settings)  # type: ignore[arg-type]
    opened.append(open_travel(given, load_city(city), closures))
    return opened[-1]


def level(found: Travel) -> TravelLevel:
    return found.times.matrix(places((0.5, 0), (2.5, 2)), at=NOON).level


def test_without_road_data_everything_works_on_straight_lines(
    opened: list[Travel], city: Path, home: Path
) -> None:
    found = travel(opened, city, home)
    assert found.roads is None
    assert level(found) is TravelLevel.STRAIGHT_LINE


def test_with_road_data_and_engine_times_are_of_the_road(
    opened: list[Travel], city: Path, home: Path, town: TownRoads
) -> None:
    copied(town.data, home)
    found = travel(opened, city, home)
    assert isinstance(found.roads, RoadTravelTimes)
    assert level(found) is TravelLevel.ROAD
    drive = Drive(places=tuple(places((0.5, 0), (2.5, 2))), busy=((0, 60),))
    (one,) = found.routes.legs(drive, at=NOON)
    assert one.level is TravelLevel.ROAD


def test_without_the_engine_the_graph_answers(
    opened: list[Travel],
    city: Path,
    home: Path,
    town: TownRoads,
    caplog: pytest.LogCaptureFixture,
) -> None:
    copied(town.data, home)
    found = travel(opened, city, home, engine_dir=home / "none")
    assert level(found) is TravelLevel.ROAD_GRAPH
    assert "road times without the engine" in caplog.text


@pytest.mark.parametrize("file", [MANIFEST_FILE, GRAPH_FILE])
def test_damaged_road_data_leave_straight_lines_and_a_warning(
    opened: list[Travel],
    city: Path,
    home: Path,
    town: TownRoads,
    file: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = copied(town.data, home)
    (data.folder / file).write_bytes(b"PK\x03\x04 cut short")
    found = travel(opened, city, home)
    assert found.roads is None
    assert level(found) is TravelLevel.STRAIGHT_LINE
    assert "travel times without road data" in caplog.text
    assert "kidohan roads build" in caplog.text


def test_a_server_is_asked_where_there_are_no_road_data(
    opened: list[Travel], city: Path, home: Path
) -> None:
    with serving(flat_engine()) as server:
        found = travel(opened, city, home, roads_url=server.url)
        assert isinstance(found.roads, RemoteTravelTimes)
        assert level(found) is TravelLevel.ROAD
    assert {service for service, _, _ in server.asked} == {"nearest", "table"}


def test_a_server_is_asked_over_road_data_of_our_own(
    opened: list[Travel], city: Path, home: Path, town: TownRoads
) -> None:
    copied(town.data, home)
    with serving(flat_engine(drive_s=123)) as server:
        found = travel(opened, city, home, roads_url=server.url)
        assert isinstance(found.roads, RoadTravelTimes)
        matrix = found.times.matrix(places((0.5, 0), (2.5, 2)), at=NOON)
    assert matrix.duration_s[0, 1] == 123 + 60  # and 60 s to park
    assert found.roads.state().num_engines == 0


def test_a_named_port_that_is_in_use_stops_the_service_with_its_name(
    city: Path, home: Path, town: TownRoads
) -> None:
    copied(town.data, home)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SourceError, match="KIDOHAN_ROADS_PORT"):
            travel([], city, home, roads_port=taken.getsockname()[1])


def test_a_wording_server_is_asked_for_the_turns_of_the_citys_vehicle(
    opened: list[Travel], city: Path, home: Path, town: TownRoads
) -> None:
    copied(town.data, home)
    words = Server()
    words.answer = lambda _: trip(leg())
    try:
        found = travel(opened, city, home, valhalla_url=words.url)
        drive = Drive(places=tuple(places((0.5, 0), (2.5, 2))), busy=((0, 60),))
        (one,) = found.routes.legs(drive, at=NOON)
    finally:
        words.close()
    assert one.turns[0].words == "堂島浜通を東方向です。"
    ((_, _, question),) = words.asked
    truck = question["costing_options"]["truck"]
    assert (truck["height"], truck["width"]) == (2.3, 1.9)  # of Osaka's roads.toml


# -- progress --------------------------------------------------------------------------


def test_each_step_has_a_bar_that_is_full_when_the_next_begins() -> None:
    out = io.StringIO()
    with bars(Console(file=out, force_terminal=True, width=100)) as told:
        told("一つ目", 0.0)
        told("一つ目", 0.5)
        told("二つ目", 0.1)
    shown = out.getvalue().split("一つ目")[-1]  # the last picture of the bars
    first, second = shown.split("二つ目")
    assert "100%" in first
    assert "100%" in second
