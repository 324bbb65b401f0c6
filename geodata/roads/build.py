"""`kidohan roads build`: from an OSM extract to road data that the service can use."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

import numpy as np
import osmium

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.travel import UNREACHABLE_S
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile
from geodata.roads.access import travel_between
from geodata.roads.graph import Ints, RoadGraph
from geodata.roads.graph_reader import read_graph, require_city
from geodata.roads.graph_times import GraphTimes
from geodata.roads.manifest import (
    BASE,
    CH_SUFFIX,
    CURRENT_FILE,
    GRAPH_FILE,
    MANIFEST_FILE,
    RoadData,
    RoadManifest,
    is_in_use,
    open_road_data,
)
from geodata.roads.network import Network
from geodata.roads.numbers import NUMBERS_FILE, DrivingNumbers, city_numbers
from geodata.roads.osrm_client import OsrmClient
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import OsrmPrograms
from geodata.roads.restrictions import lint_restrictions
from geodata.roads.snapping import RoadSnapper
from geodata.sources import RECORD_SUFFIX, sha256_of, write_whole
from geodata.travel_times import StraightLineTravelTimes

PROFILE = "light_truck.lua"
PROFILE_NUMBERS = "light_truck_numbers.lua"
STEP_TIMEOUT_S = 3600.0
EXTRACT_THREADS = 1  # a second one saves 5 s and costs 40 MB
SAMPLE_PLACES = 60  # pairs between them tell how engine and graph differ
SAMPLE_LEAST = 5
SAMPLE_TIMEOUT_S = 120.0
KEPT_BUILDS = 2  # the one in use and the one before
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadSource:
    """The extract to build from, and whose it is."""

    pbf: Path
    attribution: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class _Made:
    """What later steps of a build use of the earlier ones."""

    profile: CityProfile
    numbers: DrivingNumbers
    graph: RoadGraph
    snapper: RoadSnapper


@dataclass(slots=True)
class _Steps:
    """Wall time of each step, told as it begins."""

    told: Told
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        self.told(words)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 1)


def build_roads(
    source: RoadSource,
    home: Path,
    city: tuple[CityProfile, Sequence[TownRecord]],
    *,
    programs: OsrmPrograms,
    at: dt.datetime,
    told: Told,
) -> RoadData:
    """
    Prepare road data and put it in use.

    What was in use before stays in use until the new data is whole.

    Parameters
    ----------
    source
        The extract.
    home
        Folder of the city's road data.
    city
        The city, with its `roads.toml`, and its towns, to see what of the city the
        extract covers.
    programs
        The engine.
    at
        When this is.
    told
        Told each step.

    Raises
    ------
    SourceError
        When the extract cannot be read or is of another city, the driving numbers or
        the engine cannot be used, or the folder cannot be written.
    """
    profile, towns = city
    programs.require()
    numbers = city_numbers(profile)
    steps = _Steps(told)
    work = _work_folder(home)
    try:
        with steps.step("read", "ファイルを確かめています"):
            require_city(source.pbf, numbers, profile)
        profile_sha256 = _write_profile(work, profile, numbers)
        _prepare(source.pbf, work, programs, steps)
        with steps.step("graph", "道路を読み、確かめています"):
            graph = read_graph(source.pbf, numbers, profile)
            graph.save(work / GRAPH_FILE)
            made = _Made(profile, numbers, graph, RoadSnapper(graph, profile))
            offices, wanted = known_places(profile, towns)
            facts = {
                "id": f"{at:%Y%m%dT%H%M%S}-{profile_sha256[:8]}",
                "built_at": at.isoformat(timespec="seconds"),
                "engine_version": programs.version(),
                "profile_sha256": profile_sha256,
                "offices_off": places_off_road(made.snapper, offices),
                "towns_off": places_off_road(made.snapper, wanted),
                **_factors(
                    work, made, programs, [place for _, place in wanted or offices]
                ),
            }
            manifest = _record(source, work, made, facts)
        return _put_in_use(work, home, replace(manifest, seconds=steps.seconds))
    except OSError as problem:
        raise _not_written(home, problem) from problem
    finally:
        shutil.rmtree(work, ignore_errors=True)


def contract_roads(
    data: RoadData, programs: OsrmPrograms, *, limit_s: float, told: Told
) -> RoadData:
    """
    Prepare contraction hierarchies beside the rest: seven times faster tables.

    The data is in use meanwhile; the engine takes the hierarchies when it next starts.

    Raises
    ------
    SourceError
        When it takes longer than `limit_s`, or fails; nothing is changed then.
    """
    told("高速化しています(CH)")
    began = time.perf_counter()
    work = _work_folder(data.folder.parent)
    try:
        for file in data.folder.glob(f"{BASE}.*"):
            shutil.copyfile(file, work / file.name)
        programs.run("contract", [work / BASE], timeout_s=limit_s)
        name = BASE + CH_SUFFIX
        taken_s = round(time.perf_counter() - began, 1)
        manifest = replace(
            data.manifest,
            seconds={**data.manifest.seconds, "contract": taken_s},
            files_sha256={**data.manifest.files_sha256, name: sha256_of(work / name)},
        )
        (work / name).replace(data.folder / name)
        manifest.write(data.folder)
    except OSError as problem:
        raise _not_written(data.folder.parent, problem) from problem
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return RoadData(data.folder, manifest)


def _work_folder(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".building-", dir=home))
    except OSError as problem:
        message = (
            f"{home}: cannot be written ({problem.strerror}); choose another folder "
            "with -o, or ask for the right to write there"
        )
        raise SourceError(message) from problem


def _not_written(home: Path, problem: OSError) -> SourceError:
    message = (
        f"{home}: road data cannot be written ({problem}); is there room on the disk? "
        "What is in use stays in use"
    )
    return SourceError(message)


def _write_profile(work: Path, profile: CityProfile, numbers: DrivingNumbers) -> str:
    """Put the profile and its numbers beside the data; return their hash."""
    lua = (resources.files("geodata.roads") / PROFILE).read_bytes()
    (work / PROFILE).write_bytes(lua)
    table = numbers.as_lua()
    (work / PROFILE_NUMBERS).write_text(table, encoding="ascii")
    shutil.copyfile(profile.folder / NUMBERS_FILE, work / NUMBERS_FILE)
    return hashlib.sha256(lua + table.encode()).hexdigest()


def _prepare(pbf: Path, work: Path, programs: OsrmPrograms, steps: _Steps) -> None:
    """Extract, partition and customize with the engine's programs."""
    link = work / BASE.replace(".osrm", ".osm.pbf")  # names the output
    try:
        link.symlink_to(pbf.resolve())
    except OSError:
        shutil.copyfile(pbf, link)
    with steps.step("extract", "道路網を作っています"):
        words = ("-p", work / PROFILE, "--threads", str(EXTRACT_THREADS), link)
        programs.run("extract", words, timeout_s=STEP_TIMEOUT_S)
    link.unlink()
    with steps.step("partition", "区画に分けています"):
        programs.run("partition", [work / BASE], timeout_s=STEP_TIMEOUT_S)
    with steps.step("customize", "所要時間を入れています"):
        programs.run("customize", [work / BASE], timeout_s=STEP_TIMEOUT_S)


def _record(
    source: RoadSource, work: Path, made: _Made, told_apart: Mapping[str, object]
) -> RoadManifest:
    """Everything worth knowing of the data, before it is used."""
    graph, profile = made.graph, made.profile
    report = lint_restrictions(source.pbf)
    main_m = float(graph.chain_sums(graph.segment_m)[graph.main].sum())
    return RoadManifest(
        city=profile.id,
        source_file=source.pbf.name,
        source_sha256=sha256_of(source.pbf),
        source_bytes=source.pbf.stat().st_size,
        source_date=source.date or _content_date(source.pbf),
        attribution=source.attribution or _fetched_attribution(source.pbf),
        num_segments=len(graph.segment_m),
        num_chains=graph.num_chains,
        km=round(graph.km),
        main_share=round(main_m / (graph.km * 1000), 4),
        restrictions=report.num_relations,
        restrictions_ignored=tuple(finding.sentence for finding in report.findings),
        files_sha256={file.name: sha256_of(file) for file in sorted(work.iterdir())},
        **told_apart,  # type: ignore[arg-type]
    )


def places_off_road(
    snapper: RoadSnapper, places: Sequence[tuple[str, LonLat]]
) -> tuple[str, ...]:
    """Names of the places that have no road within 500 m."""
    on_road = snapper.snap([place for _, place in places]).is_on_road
    return tuple(
        name for (name, _), near in zip(places, on_road, strict=True) if not near
    )


def known_places(
    profile: CityProfile, towns: Sequence[TownRecord]
) -> tuple[list[tuple[str, LonLat]], list[tuple[str, LonLat]]]:
    """Works offices and towns with their names, as a road data set should reach."""
    wards = {ward.code: ward.name for ward in profile.wards}
    return (
        [(office.name, office.place) for office in profile.offices],
        [(wards.get(town.ward_code, "") + town.name, town.place) for town in towns],
    )


def _factors(
    work: Path, made: _Made, programs: OsrmPrograms, places: Sequence[LonLat]
) -> dict[str, float]:
    """
    By how much poorer times must be stretched to match the engine's, as medians.

    The graph knows no turns and a straight line no roads; over many pairs what that
    costs is nearly the same share.
    """
    chosen = list(places[:: max(1, len(places) // SAMPLE_PLACES)])
    snapped = made.snapper.snap(chosen)
    near = np.flatnonzero(snapped.is_on_road)
    if len(near) < SAMPLE_LEAST:
        return {"graph_factor": 1.0, "straight_factor": 1.0}
    snapped, travel = snapped.part(near), made.profile.travel
    straight = StraightLineTravelTimes(
        speed_kmh=travel.speed_kmh, leg_s=travel.leg_s, detour=travel.detour
    ).matrix([chosen[at] for at in near], at=dt.datetime.min.replace(tzinfo=dt.UTC))
    with OsrmProcess(programs, work / BASE, algorithm="MLD") as process:
        network = Network(
            OsrmClient(lambda: process.url, timeout_s=SAMPLE_TIMEOUT_S), None
        )
        engine = network.times(snapped)
        by_road, _, _ = travel_between(
            network, usual=snapped, now=snapped, straight=straight, params=travel
        )
    graph_s, _ = GraphTimes(made.graph, made.numbers.junction).matrix(snapped)
    if engine is None:
        return {"graph_factor": 1.0, "straight_factor": 1.0}
    return {
        "graph_factor": _median_ratio(engine.duration_s, graph_s),
        "straight_factor": _median_ratio(by_road, straight.duration_s),
    }


def _median_ratio(times_s: Ints, others_s: Ints) -> float:
    """Median of times over other times, where both know a way; 1 where none is."""
    both = (times_s < UNREACHABLE_S) & (others_s < UNREACHABLE_S) & (others_s > 0)
    if not both.any():
        return 1.0
    return round(float(np.median(times_s[both] / others_s[both])), 3)


def _put_in_use(work: Path, home: Path, manifest: RoadManifest) -> RoadData:
    """Name the folder, switch `current` to it at once, and remove what is too old."""
    if (home / manifest.id).exists():  # a second build within one second
        manifest = replace(manifest, id=f"{manifest.id}-{work.name[-8:]}")
    folder = home / manifest.id
    manifest.write(work)
    work.chmod(0o755)
    work.rename(folder)
    write_whole(home / CURRENT_FILE, folder.name + "\n")
    builds = sorted(
        (item for item in home.glob("[!.]*") if (item / MANIFEST_FILE).is_file()),
        key=_made_at_s,
    )
    for old in [item for item in builds if item != folder][: 1 - KEPT_BUILDS]:
        if not is_in_use(old):
            shutil.rmtree(old, ignore_errors=True)
    found = open_road_data(home)
    if found is None:  # pragma: no cover - written two lines above
        message = f"{home}: the new data is not there"
        raise SourceError(message)
    return found


def _made_at_s(build: Path) -> float:
    """When a build was made; a damaged one counts as old."""
    graph = build / GRAPH_FILE  # never written again, as the record is with CH
    return graph.stat().st_mtime if graph.is_file() else 0.0


def _content_date(pbf: Path) -> str:
    """Date of the content, where the extract tells one; a file's own date is none."""
    with osmium.io.Reader(pbf, osmium.osm.NOTHING) as reader:
        told = reader.header().get("osmosis_replication_timestamp")
    return told[: len("2026-01-01")]


def _fetched_attribution(pbf: Path) -> str:
    """Read whose the data are from what `kidohan geodata fetch` wrote beside them."""
    beside = pbf.with_name(pbf.name + RECORD_SUFFIX)
    try:
        known = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(known.get("attribution", "")) if isinstance(known, dict) else ""
