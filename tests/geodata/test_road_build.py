"""Road data are built whole or not at all, tell what they are, and can be checked."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import osmium
import pytest
from osmium.osm.mutable import Node, Way

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.city import CityProfile
from geodata.roads import build as build_module
from geodata.roads import check as check_module
from geodata.roads.build import RoadSource, build_roads, contract_roads
from geodata.roads.check import RoadFinding, check_roads
from geodata.roads.graph import RoadGraph
from geodata.roads.manifest import (
    BASE,
    CURRENT_FILE,
    GRAPH_FILE,
    IN_USE,
    MANIFEST_FILE,
    RoadData,
    is_in_use,
    mark_in_use,
    open_road_data,
)
from geodata.roads.networks import Networks
from geodata.roads.osrm_client import EngineError, OsrmClient
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import NEEDED, PROGRAM_FOLDER, OsrmPrograms
from geodata.sources import sha256_of
from tests.geodata.road_data import (
    BUILT_AT,
    OFF_ROAD,
    TOWNS,
    TownRoads,
    built,
    copied,
    named_towns,
    place,
    places,
    town_pbf,
)
from tests.geodata.road_data import town_roads as built_town
from tests.geodata.road_fixtures import Town, write_town

LATER = dt.timedelta(minutes=5)


@pytest.fixture(scope="module")
def town() -> TownRoads:
    return built_town()


@pytest.fixture(scope="module")
def pbf(town: TownRoads) -> Path:
    del town  # which skips where there is no engine
    return town_pbf()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "var" / "roads" / "osaka"


def in_use(town: TownRoads, home: Path) -> RoadData:
    """Road data that are in use already, in a home of their own."""
    return copied(town.data, home)


def snapshot(home: Path) -> dict[str, str]:
    """Every file of a home and the checksum of its content."""
    return {
        str(path.relative_to(home)): sha256_of(path)
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def refused(
    pbf: Path,
    home: Path,
    town: TownRoads,
    **options: Any,  # noqa: ANN401 - passed on
) -> str:
    """Build again over data in use; nothing of them may change. What was said."""
    data = in_use(town, home)
    before, folders = snapshot(home), sorted(home.iterdir())
    given = {"programs": town.programs, "at": BUILT_AT + LATER, **options}
    with pytest.raises(SourceError) as problem:
        built(pbf, home, **given)
    assert snapshot(home) == before
    assert sorted(home.iterdir()) == folders
    assert open_road_data(home) == data
    return str(problem.value)


# -- what a build makes ----------------------------------------------------------------


def test_the_record_tells_what_was_built_from_what(town: TownRoads, pbf: Path) -> None:
    one = town.data.manifest
    assert one.city == "osaka"
    assert (one.source_file, one.source_bytes) == ("town.osm.pbf", pbf.stat().st_size)
    assert one.source_sha256 == hashlib.sha256(pbf.read_bytes()).hexdigest()
    assert one.attribution == "© 例の作者"
    assert one.engine_version == town.programs.version()
    assert one.built_at == "2026-11-22T15:00:00+09:00"
    assert one.id == f"20261122T150000-{one.profile_sha256[:8]}"
    assert town.data.folder.name == one.id
    # 4 × 5 × 2 blocks of one segment, two bridges, the bank in 4, the island in 2.
    assert one.num_segments == 40 + 2 + 4 + 2
    # 40 × 100 m, 2 × 200 m, 400 m, and 200 m that are joined to nothing: 5 km in all.
    assert one.km == 5
    assert one.main_share == pytest.approx(4800 / 5000, abs=0.001)
    assert (one.restrictions, one.restrictions_ignored) == (1, ())
    assert one.offices_off == ()
    assert one.towns_off == ("都島区7番町",)
    assert set(one.seconds) == {"read", "extract", "partition", "customize", "graph"}
    assert all(0 <= taken < 60 for taken in one.seconds.values())
    # Turns cost what the graph does not know, so the engine is slower, not wildly.
    assert 1 < one.graph_factor < 1.5
    # In a small town with signals at each crossing roads are slow, yet near the lines.
    assert 0.5 < one.straight_factor < 2


def test_every_file_is_there_with_its_checksum(town: TownRoads) -> None:
    files = {
        file.name: sha256_of(file)
        for file in town.data.folder.iterdir()
        if file.name != MANIFEST_FILE and not file.name.startswith(IN_USE)
    }
    assert town.data.manifest.files_sha256 == files
    assert {GRAPH_FILE, f"{BASE}.mldgr", "light_truck.lua", "roads.toml"} <= set(files)
    assert not [name for name in files if name.endswith(".pbf")]
    assert not town.data.has_ch


def test_the_record_comes_back_as_it_was_written(town: TownRoads) -> None:
    assert open_road_data(town.data.folder.parent) == town.data
    written = json.loads((town.data.folder / MANIFEST_FILE).read_bytes())
    assert written["format"] == 1


def test_the_data_may_be_read_by_another_account(town: TownRoads) -> None:
    # The service need not run under the name that has built them.
    assert stat.S_IMODE(town.data.folder.stat().st_mode) == 0o755


def test_nothing_but_the_build_and_its_name_is_left(town: TownRoads) -> None:
    left = {item.name for item in town.data.folder.parent.iterdir()}
    assert left == {CURRENT_FILE, town.data.folder.name}


def test_each_step_is_told_as_it_begins(town: TownRoads, pbf: Path, home: Path) -> None:
    told: list[str] = []
    built(pbf, home, programs=town.programs, told=told.append)
    assert len(told) == 5
    assert told[0] == "ファイルを確かめています"


def test_the_date_of_the_content_is_that_of_the_extract(
    town: TownRoads, tmp_path: Path
) -> None:
    old = write_dated(tmp_path / "dated.osm.pbf", "2025-09-22T20:21:00Z")
    data = built(old, tmp_path / "home", programs=town.programs)
    assert data.manifest.source_date == "2025-09-22"


def test_a_file_that_tells_no_date_has_none_unless_a_person_tells_it(
    town: TownRoads, pbf: Path, tmp_path: Path
) -> None:
    undated = shutil.copyfile(pbf, tmp_path / "undated.osm.pbf")
    data = built(undated, tmp_path / "home", programs=town.programs)
    assert data.manifest.source_date == ""  # the date of a copy is no date of roads


def write_dated(path: Path, stamp: str) -> Path:
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", stamp)
    plain = path.with_name("plain.osm.pbf")
    write_town(plain)
    with osmium.SimpleWriter(path, header=header) as writer:
        for item in osmium.FileProcessor(plain):
            writer.add(item)
    return path


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"attribution": "© 作図者"}, "© 作図者"),
        ({}, ""),
        ([], ""),
        ("{", ""),
        (None, ""),
    ],
)
def test_whose_the_data_are_is_known_from_the_fetch(
    town: TownRoads, pbf: Path, tmp_path: Path, record: object, expected: str
) -> None:
    fetched = shutil.copyfile(pbf, tmp_path / "fetched.osm.pbf")
    if record is not None:
        text = record if isinstance(record, str) else json.dumps(record)
        (tmp_path / "fetched.osm.pbf.source.json").write_text(text, encoding="utf-8")
    data = build_roads(
        RoadSource(pbf=fetched),
        tmp_path / "home",
        (town.city, ()),
        programs=town.programs,
        at=BUILT_AT,
        told=lambda _: None,
    )
    assert data.manifest.attribution == expected


def test_with_too_few_places_near_roads_the_graph_is_not_stretched(
    town: TownRoads, pbf: Path, tmp_path: Path
) -> None:
    data = build_roads(
        RoadSource(pbf=pbf),
        tmp_path / "home",
        (town.city, named_towns(*TOWNS[:4], OFF_ROAD)),
        programs=town.programs,
        at=BUILT_AT,
        told=lambda _: None,
    )
    assert data.manifest.graph_factor == 1.0
    assert data.manifest.towns_off == ("都島区5番町",)


@pytest.mark.parametrize("same", [True, False])
def test_places_that_tell_nothing_leave_the_graph_as_it_is(
    town: TownRoads,
    pbf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    same: bool,
) -> None:
    # All at one point, or an engine that does not answer.
    if not same:

        def dead(*_: object, **__: object) -> NoReturn:
            message = "road engine: no answer"
            raise EngineError(message)

        monkeypatch.setattr(OsrmClient, "table", dead)
    data = build_roads(
        RoadSource(pbf=pbf),
        tmp_path / "home",
        (town.city, named_towns(*[(1.5, 2)] * 6 if same else TOWNS)),
        programs=town.programs,
        at=BUILT_AT,
        told=lambda _: None,
    )
    assert data.manifest.graph_factor == 1.0


def test_ignored_turn_restrictions_are_told(town: TownRoads, tmp_path: Path) -> None:
    broken = Town()
    broken.ban("no_right_turn", (0, 1), (1, 1), (1, 0))
    broken.drop(broken.block((1, 1), (1, 0)))
    broken.write(tmp_path / "broken.osm.pbf")
    data = built(tmp_path / "broken.osm.pbf", tmp_path / "home", programs=town.programs)
    assert data.manifest.restrictions == 1
    assert len(data.manifest.restrictions_ignored) == 1


# -- built again -----------------------------------------------------------------------


def test_the_one_before_is_kept_and_older_ones_are_removed(
    town: TownRoads, pbf: Path, home: Path
) -> None:
    made = [
        built(pbf, home, programs=town.programs, at=BUILT_AT + times * LATER)
        for times in range(3)
    ]
    assert open_road_data(home) == made[2]
    kept = {item.name for item in home.iterdir() if item.is_dir()}
    assert kept == {made[1].folder.name, made[2].folder.name}
    assert (made[1].folder / GRAPH_FILE).is_file()


def test_what_a_service_still_uses_is_kept_until_it_is_done(
    town: TownRoads, pbf: Path, home: Path
) -> None:
    first = built(pbf, home, programs=town.programs)
    service = Networks(first, town.graph, town.junction, programs=None)
    for times in (1, 2, 3):
        built(pbf, home, programs=town.programs, at=BUILT_AT + times * LATER)
    assert (first.folder / GRAPH_FILE).is_file()
    # The one before it and the one in use besides: nobody used the second build.
    assert len([item for item in home.iterdir() if item.is_dir()]) == 3
    service.close()
    built(pbf, home, programs=town.programs, at=BUILT_AT + 4 * LATER)
    assert not first.folder.exists()


def test_the_mark_of_a_service_that_is_dead_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    (tmp_path / f"{IN_USE}{ended.pid}").touch()
    (tmp_path / f"{IN_USE}nobody").touch()
    assert not is_in_use(tmp_path)

    def another_accounts(*_: object) -> NoReturn:
        raise PermissionError

    monkeypatch.setattr(os, "kill", another_accounts)
    assert is_in_use(tmp_path)


def test_data_that_may_not_be_marked_are_used_all_the_same(
    town: TownRoads, tmp_path: Path
) -> None:
    assert mark_in_use(tmp_path / "nothing") is None
    elsewhere = replace(town.data, folder=tmp_path / "nothing")
    Networks(elsewhere, town.graph, town.junction, programs=None).close()


def test_where_files_cannot_be_linked_the_extract_is_copied(
    town: TownRoads, pbf: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> NoReturn:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    data = built(pbf, home, programs=town.programs)
    assert data.manifest.num_segments == town.data.manifest.num_segments


def test_two_builds_of_one_second_do_not_meet(
    town: TownRoads, pbf: Path, home: Path
) -> None:
    first = built(pbf, home, programs=town.programs)
    second = built(pbf, home, programs=town.programs)
    assert first.folder != second.folder
    assert open_road_data(home) == second
    assert second.manifest.id == second.folder.name


def test_strangers_and_half_builds_in_the_folder_are_left_alone(
    town: TownRoads, pbf: Path, home: Path
) -> None:
    first = built(pbf, home, programs=town.programs)
    (home / "notes.txt").write_text("ours", encoding="utf-8")
    # Another build at its last step, and one that lost its graph.
    running = home / ".building-other"
    shutil.copytree(first.folder, running)
    damaged = home / "20250101T000000-damaged"
    damaged.mkdir()
    (damaged / MANIFEST_FILE).write_text("{}", encoding="utf-8")
    second = built(pbf, home, programs=town.programs, at=BUILT_AT + LATER)
    assert open_road_data(home) == second
    assert first.folder.is_dir()
    assert running.is_dir()
    assert (home / "notes.txt").is_file()
    assert not damaged.exists()  # of what is too old it is the oldest


# -- what is refused, with the next step, and what is in use stays ---------------------


def test_a_file_that_is_not_there_is_refused(
    town: TownRoads, home: Path, tmp_path: Path
) -> None:
    told = refused(tmp_path / "nothing.osm.pbf", home, town)
    assert "nothing.osm.pbf: cannot be read as an OSM extract" in told


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not found</html>", bytes(range(256)) * 40],
    ids=["empty", "a web page", "garbage"],
)
def test_a_file_that_is_no_extract_is_refused(
    town: TownRoads, home: Path, tmp_path: Path, content: bytes
) -> None:
    bad = tmp_path / "bad.osm.pbf"
    bad.write_bytes(content)
    told = refused(bad, home, town)
    assert str(bad) in told
    assert "Fetch it again" in told or "no road" in told


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_an_extract_that_is_cut_short_is_refused(
    town: TownRoads, home: Path, tmp_path: Path, pbf: Path, share: float
) -> None:
    whole, cut = pbf.read_bytes(), tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole[: int(share * len(whole))])
    assert "is the file complete? Fetch it again" in refused(cut, home, town)


def test_an_extract_without_roads_is_refused(
    town: TownRoads, home: Path, tmp_path: Path
) -> None:
    paths = tmp_path / "paths.osm.pbf"
    write_roads(paths, LonLat(135.5, 34.68), highway="footway")
    told = refused(paths, home, town)  # by the engine, or by the reader of the graph
    assert "no edges remaining" in told or "no road that a light truck" in told


def write_roads(path: Path, corner: LonLat, **tags: str) -> None:
    """Write three ways along a line from a corner."""
    at = [(corner.lon + step / 1000, corner.lat) for step in range(4)]
    with osmium.SimpleWriter(path) as writer:
        for number, location in enumerate(at, start=1):
            writer.add_node(Node(id=number, location=location))
        for number, (one, other) in enumerate(pairwise(range(1, 5)), start=1):
            writer.add_way(Way(id=number, nodes=[one, other], tags=tags))


def test_an_extract_of_another_city_is_refused_with_the_place_it_shows(
    town: TownRoads, home: Path, tmp_path: Path
) -> None:
    boston = tmp_path / "boston.osm.pbf"
    write_roads(boston, LonLat(-71.06, 42.36), highway="residential")
    told = refused(boston, home, town)
    assert "42.36 N -71.06 E" in told
    assert "大阪市; is it an extract of another city?" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[vehicle", "roads.toml"),
        ("", "not usable driving numbers"),
        (None, "has no roads.toml"),
    ],
)
def test_driving_numbers_that_cannot_be_used_are_refused(
    town: TownRoads,
    home: Path,
    tmp_path: Path,
    pbf: Path,
    text: str | None,
    told: str,
) -> None:
    folder = tmp_path / "profile"
    folder.mkdir()
    if text is not None:
        (folder / "roads.toml").write_text(text, encoding="utf-8")
    city = replace(town.city, folder=folder)
    assert told in refused(pbf, home, town, city=city)


def test_a_number_of_the_wrong_kind_is_refused(
    town: TownRoads, home: Path, tmp_path: Path, pbf: Path
) -> None:
    good = (town.city.folder / "roads.toml").read_text(encoding="utf-8")
    (tmp_path / "roads.toml").write_text(
        good.replace("height_m = 2.3", 'height_m = "high"'), encoding="utf-8"
    )
    told = refused(pbf, home, town, city=replace(town.city, folder=tmp_path))
    assert "height_m" in told
    assert str(tmp_path / "roads.toml") in told


@pytest.mark.parametrize("nested", [True, False])
def test_a_folder_that_cannot_be_written_is_refused(
    town: TownRoads, pbf: Path, tmp_path: Path, *, nested: bool
) -> None:
    # A file where the folder should be: refused to every account, root's too.
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(SourceError, match=r"cannot be written .* with -o"):
        built(pbf, file / "roads" if nested else file, programs=town.programs)
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(
    os.geteuid() == 0, reason="NOT TESTED ON A READ-ONLY FOLDER: root may write there"
)
def test_a_read_only_folder_is_refused(
    town: TownRoads, pbf: Path, tmp_path: Path
) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(SourceError, match="cannot be written"):
        built(pbf, tmp_path / "roads", programs=town.programs)
    tmp_path.chmod(0o755)


@pytest.mark.parametrize("step", ["save", "rename"])
def test_a_disk_that_fills_up_is_told_and_leaves_no_rubbish(
    town: TownRoads,
    home: Path,
    pbf: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    data = in_use(town, home)
    before = snapshot(home)
    if step == "save":
        monkeypatch.setattr(RoadGraph, "save", full)
    else:
        monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(SourceError, match="No space left on device"):
        built(pbf, home, programs=town.programs, at=BUILT_AT + LATER)
    assert snapshot(home) == before
    assert open_road_data(home) == data


# -- the engine's programs -------------------------------------------------------------


def pretended(folder: Path, town: TownRoads, **scripts: str) -> OsrmPrograms:
    """Copy the engine by links; a script takes the place of some programs."""
    programs = OsrmPrograms(folder)
    (folder / PROGRAM_FOLDER).mkdir(parents=True)
    for name in NEEDED:
        target = programs.path(name)
        if name in scripts:
            target.write_text(scripts[name], encoding="utf-8")
            target.chmod(0o755)
        else:
            true = town.programs.path(name)
            target.write_text(f'#!/bin/sh\nexec {true} "$@"\n', encoding="utf-8")
            target.chmod(0o755)
    return programs


def test_missing_programs_are_refused_with_what_to_do(
    town: TownRoads, home: Path, pbf: Path, tmp_path: Path
) -> None:
    told = refused(pbf, home, town, programs=OsrmPrograms(tmp_path / "none"))
    assert "osrm-extract is missing" in told
    assert "make setup" in told
    assert "KIDOHAN_ENGINE_DIR" in told


@pytest.mark.parametrize("kind", ["not executable", "another machine's"])
def test_programs_of_another_machine_are_refused_with_what_they_need(
    town: TownRoads, home: Path, pbf: Path, tmp_path: Path, kind: str
) -> None:
    programs = pretended(tmp_path / "engine", town, routed="#!/bin/sh\nexit 0\n")
    if kind == "not executable":
        programs.path("routed").chmod(0o644)
    else:
        # The head of an ELF file for another processor (AArch64, machine 0xB7).
        head = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00"
        programs.path("routed").write_bytes(head.ljust(64, b"\0"))
    told = refused(pbf, home, town, programs=programs)
    assert "does not run on this machine" in told
    assert "Linux on x86-64" in told
    assert "KIDOHAN_ROADS_URL" in told


@pytest.mark.parametrize("name", ["extract", "partition", "customize"])
@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "#!/bin/sh\nprintf '\\033[31m[error] no more memory\\033[0m\\n'; exit 1\n",
            "no more memory (ended with code 1)",
        ),
        ("#!/bin/sh\nprintf 'odd words\\n' >&2; exit 3\n", "odd words (ended with co"),
        ("#!/bin/sh\nexit 7\n", "said nothing (ended with code 7)"),
        ("#!/bin/sh\nkill -9 $$\n", "said nothing (ended with signal 9)"),
    ],
    ids=["error", "words", "silence", "killed"],
)
def test_a_step_that_fails_tells_what_the_program_said(
    town: TownRoads, tmp_path: Path, name: str, script: str, told: str
) -> None:
    programs = pretended(tmp_path / "engine", town, **{name: script})
    said = refused(town_pbf(), tmp_path / "home", town, programs=programs)
    assert said.startswith(f"osrm-{name}: ")
    assert told in said


def test_a_step_that_takes_too_long_is_stopped(
    town: TownRoads,
    home: Path,
    pbf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build_module, "STEP_TIMEOUT_S", 0.5)
    slow = pretended(tmp_path / "engine", town, partition="#!/bin/sh\nexec sleep 60\n")
    told = refused(pbf, home, town, programs=slow)
    assert told == "osrm-partition: stopped after 0 s"


def test_data_that_the_engine_will_not_serve_are_not_put_in_use(
    town: TownRoads, home: Path, pbf: Path, tmp_path: Path
) -> None:
    # It tells its version, and ends when it shall serve.
    script = (
        f'#!/bin/sh\n[ "$1" = --version ] && exec {town.programs.path("routed")} "$1"\n'
        "exit 1\n"
    )
    programs = pretended(tmp_path / "engine", town, routed=script)
    assert "the road engine ended at once" in refused(
        pbf, home, town, programs=programs
    )


# -- the faster tables -----------------------------------------------------------------


def test_the_faster_tables_are_added_and_served(
    town: TownRoads, tmp_path: Path
) -> None:
    told: list[str] = []
    before = in_use(town, tmp_path / "home")
    after = contract_roads(before, town.programs, limit_s=60, told=told.append)
    assert after.has_ch
    assert open_road_data(tmp_path / "home") == after
    name = f"{BASE}.hsgr"
    assert after.manifest.files_sha256[name] == sha256_of(after.folder / name)
    assert after.manifest.seconds["contract"] >= 0
    assert set(after.manifest.files_sha256) - set(before.manifest.files_sha256) == {
        name
    }
    assert told == ["高速化しています(CH)"]
    assert {item.name for item in (tmp_path / "home").iterdir()} == {
        CURRENT_FILE,
        after.folder.name,
    }
    with OsrmProcess(town.programs, after.base, algorithm="CH") as process:
        client = OsrmClient(lambda: process.url, timeout_s=5)
        here, there = ((one.lon, one.lat) for one in places((0, 0), (4, 0)))
        table = client.table([here, there], sources=[0], destinations=[1])
    assert table.distance_m[0, 0] == pytest.approx(400, abs=1)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("#!/bin/sh\nexec sleep 60\n", "osrm-contract: stopped after"),
        ("#!/bin/sh\necho '[error] no'; exit 1\n", "osrm-contract: no"),
        ("#!/bin/sh\nexit 0\n", "hsgr"),  # and has made nothing
    ],
    ids=["too slow", "fails", "makes nothing"],
)
def test_faster_tables_that_cannot_be_made_leave_what_there_was(
    town: TownRoads, tmp_path: Path, script: str, told: str
) -> None:
    home = tmp_path / "home"
    data = in_use(town, home)
    before = snapshot(home)
    programs = pretended(tmp_path / "engine", town, contract=script)
    with pytest.raises(SourceError, match=told):
        contract_roads(data, programs, limit_s=0.3, told=lambda _: None)
    assert snapshot(home) == before
    assert {item.name for item in home.iterdir()} == {CURRENT_FILE, data.folder.name}
    found = open_road_data(home)
    assert found == data
    assert not found.has_ch
    with OsrmProcess(town.programs, data.base, algorithm="MLD") as process:
        assert process.is_up()


def test_faster_tables_need_room_on_the_disk(
    town: TownRoads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    data = in_use(town, tmp_path / "home")
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(SourceError, match="No space left on device"):
        contract_roads(data, town.programs, limit_s=10, told=lambda _: None)


# -- opened ----------------------------------------------------------------------------


def test_a_home_where_nothing_was_built_has_no_data(tmp_path: Path) -> None:
    assert open_road_data(tmp_path) is None
    assert open_road_data(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{", b"[]", b"7", b"{}", b'{"format": 99}', b'{"format": 1}', b"\xff\xff"],
)
def test_a_damaged_record_is_refused_with_what_to_do(
    town: TownRoads, tmp_path: Path, manifest: bytes
) -> None:
    data = in_use(town, tmp_path / "home")
    (data.folder / MANIFEST_FILE).write_bytes(manifest)
    with pytest.raises(SourceError, match=r"cannot be used .*kidohan roads build"):
        open_road_data(tmp_path / "home")


@pytest.mark.parametrize(
    "change",
    [{"offices_off": None}, {"towns_off": 3}, {"extra": 1}, {"format": 2}],
    ids=str,
)
def test_a_record_of_another_form_is_refused(
    town: TownRoads, tmp_path: Path, change: dict[str, object]
) -> None:
    data = in_use(town, tmp_path / "home")
    file = data.folder / MANIFEST_FILE
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **change}))
    with pytest.raises(SourceError, match="cannot be used"):
        open_road_data(tmp_path / "home")


@pytest.mark.parametrize("content", [b"", b"gone", b"\xff\xfe\xff"])
def test_a_name_that_leads_nowhere_is_refused(
    town: TownRoads, tmp_path: Path, content: bytes
) -> None:
    in_use(town, tmp_path / "home")
    (tmp_path / "home" / CURRENT_FILE).write_bytes(content)
    with pytest.raises(SourceError, match="cannot be used"):
        open_road_data(tmp_path / "home")


# -- checked ---------------------------------------------------------------------------


def findings(
    data: RoadData, town: TownRoads, city: CityProfile | None = None
) -> tuple[RoadFinding, ...]:
    return check_roads(data, (city or town.city, named_towns(*TOWNS)), town.programs)


def problems(found: tuple[RoadFinding, ...]) -> list[str]:
    return [one.text for one in found if one.is_problem]


def test_good_data_have_no_problem_and_one_note(town: TownRoads) -> None:
    found = findings(town.data, town)
    assert problems(found) == []
    assert [one.text for one in found] == [
        "500m以内に道路がない町丁目(直線で推定) 1(都島区7番町)"
    ]


def test_good_data_with_faster_tables_have_no_problem(
    town: TownRoads, tmp_path: Path
) -> None:
    data = contract_roads(
        in_use(town, tmp_path / "home"), town.programs, limit_s=60, told=lambda _: None
    )
    assert problems(findings(data, town)) == []


@pytest.mark.parametrize("name", ["roads.osrm.mldgr", "light_truck.lua", GRAPH_FILE])
def test_a_byte_that_is_not_as_it_was_is_found(
    town: TownRoads, tmp_path: Path, name: str
) -> None:
    data = in_use(town, tmp_path / "home")
    content = bytearray((data.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (data.folder / name).write_bytes(content)
    found = problems(findings(data, town))
    assert f"ファイルの中身が作成時と違います: {name}" in found


def test_a_file_that_is_gone_is_found(town: TownRoads, tmp_path: Path) -> None:
    data = in_use(town, tmp_path / "home")
    (data.folder / "roads.osrm.cells").unlink()
    found = problems(findings(data, town))
    assert "ファイルがありません: roads.osrm.cells" in found
    assert any("the road engine ended at once" in text for text in found)


def test_a_graph_that_is_gone_is_found_and_the_engine_checked_all_the_same(
    town: TownRoads, tmp_path: Path
) -> None:
    data = in_use(town, tmp_path / "home")
    (data.folder / GRAPH_FILE).unlink()
    found = problems(findings(data, town))
    assert found[0] == f"ファイルがありません: {GRAPH_FILE}"
    assert "no usable road graph" in found[1]
    assert len(found) == 2


def test_changed_driving_numbers_are_worth_knowing(
    town: TownRoads, tmp_path: Path
) -> None:
    good = (town.city.folder / "roads.toml").read_text(encoding="utf-8")
    (tmp_path / "roads.toml").write_text(
        good.replace("residential = 18", "residential = 19"), encoding="utf-8"
    )
    found = findings(town.data, town, replace(town.city, folder=tmp_path))
    assert problems(found) == []
    assert "速度などの数値が作成後に変わりました" in found[0].text


def test_data_of_another_city_are_found(town: TownRoads) -> None:
    found = problems(findings(town.data, town, replace(town.city, id="sakai")))
    assert found == ["別の都市の道路データです: osaka"]


def test_an_office_without_a_road_is_found(town: TownRoads) -> None:
    office = replace(town.city.offices[0], name="遠い工営所", place=place(OFF_ROAD))
    city = replace(town.city, offices=(*town.city.offices, office))
    found = problems(findings(town.data, town, city))
    assert found[0] == "500m以内に道路がありません: 遠い工営所"
    # And the engine cannot tell how far it is, as it must not.
    assert found[1].startswith("MLD: 工営所どうしの所要時間を答えません")


def test_ignored_restrictions_are_worth_knowing(town: TownRoads) -> None:
    manifest = replace(town.data.manifest, restrictions_ignored=("規制 9000: 無効",))
    found = findings(replace(town.data, manifest=manifest), town)
    assert problems(found) == []
    assert "規制 9000: 無効" in [one.text for one in found]


def test_a_missing_engine_is_found(town: TownRoads, tmp_path: Path) -> None:
    none = OsrmPrograms(tmp_path)
    found = problems(check_roads(town.data, (town.city, ()), none))
    assert len(found) == 1
    assert "make setup" in found[0]


def test_another_version_of_the_engine_is_found(town: TownRoads) -> None:
    manifest = replace(town.data.manifest, engine_version="v1.0.0")
    (found,) = problems(findings(replace(town.data, manifest=manifest), town))
    assert found == (
        "経路エンジンの版が作成時と違います: v1.0.0 → " + town.programs.version()
    )


def test_an_engine_that_answers_for_any_place_is_found(
    town: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Within 1° of the city, all of it would be "near".
    monkeypatch.setattr(check_module, "FAR_DEG", -0.1)
    inside = replace(
        town.city,
        bounds=replace(
            town.city.bounds,
            east=place((2, 2)).lon + 0.1,
            north=place((2, 2)).lat + 0.1,
        ),
    )
    (found,) = problems(findings(town.data, town, inside))
    assert found == "MLD: 道路のない遠くの地点に所要時間を答えました"
