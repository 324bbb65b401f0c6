"""`kidohan roads check`: whether road data are whole, fit the city and are served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile
from geodata.roads.build import PROFILE, known_places, places_off_road
from geodata.roads.graph import RoadGraph
from geodata.roads.manifest import BASE, GRAPH_FILE, RoadData, shortened
from geodata.roads.numbers import city_numbers
from geodata.roads.osrm_client import EngineError, OsrmClient
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import OsrmPrograms
from geodata.roads.snapping import RoadSnapper
from geodata.sources import sha256_of

ANSWER_TIMEOUT_S = 30.0
FAR_DEG = 1.0  # some 100 km: such a place must never be answered


@dataclass(frozen=True, slots=True)
class RoadFinding:
    """One thing that is wrong, or (`is_problem` false) worth knowing."""

    text: str
    is_problem: bool = True


def check_roads(
    data: RoadData,
    city: tuple[CityProfile, Sequence[TownRecord]],
    programs: OsrmPrograms,
) -> tuple[RoadFinding, ...]:
    """
    Look for what would make travel times wrong.

    Parameters
    ----------
    data
        In use.
    city
        The city and its towns as they are today.
    programs
        The engine.
    """
    return (
        *_files(data),
        *_age(data, city[0]),
        *_coverage(data, city),
        *_engine(data, city[0], programs),
    )


def _files(data: RoadData) -> Iterator[RoadFinding]:
    for name, sha256 in data.manifest.files_sha256.items():
        file = data.folder / name
        if not file.is_file():
            yield RoadFinding(f"ファイルがありません: {name}")
        elif sha256_of(file) != sha256:
            yield RoadFinding(f"ファイルの中身が作成時と違います: {name}")


def _age(data: RoadData, profile: CityProfile) -> Iterator[RoadFinding]:
    manifest = data.manifest
    if manifest.city != profile.id:
        yield RoadFinding(f"別の都市の道路データです: {manifest.city}")
    if manifest.profile_sha256 != profile_sha256(profile):
        text = (
            "速度などの数値が作成後に変わりました。kidohan roads build で作り直せます"
        )
        yield RoadFinding(text, is_problem=False)
    if not manifest.attribution:
        text = (
            "道路データの出典の記載がありません。地図と巡回表に出すため、"
            "kidohan roads build --attribution で入れてください"
        )
        yield RoadFinding(text, is_problem=False)
    for text in manifest.restrictions_ignored:
        yield RoadFinding(text, is_problem=False)


def _coverage(
    data: RoadData, city: tuple[CityProfile, Sequence[TownRecord]]
) -> Iterator[RoadFinding]:
    try:
        graph = RoadGraph.load(data.folder / GRAPH_FILE)
    except SourceError as problem:
        yield RoadFinding(str(problem))
        return
    snapper = RoadSnapper(graph, city[0])
    offices, towns = known_places(*city)
    for name in places_off_road(snapper, offices):
        yield RoadFinding(f"500m以内に道路がありません: {name}")
    off = places_off_road(snapper, towns)
    if off:
        text = f"500m以内に道路がない町丁目(直線で推定) {shortened(off)}"
        yield RoadFinding(text, is_problem=False)


def _engine(
    data: RoadData, profile: CityProfile, programs: OsrmPrograms
) -> Iterator[RoadFinding]:
    try:
        programs.require()
        if programs.version() != data.manifest.engine_version:
            text = (
                f"経路エンジンの版が作成時と違います: {data.manifest.engine_version} → "
                f"{programs.version()}"
            )
            yield RoadFinding(text)
        for algorithm in ("MLD", "CH") if data.has_ch else ("MLD",):
            with OsrmProcess(
                programs, data.folder / BASE, algorithm=algorithm
            ) as process:
                yield from _answers(process, profile, algorithm)
    except SourceError as problem:
        yield RoadFinding(str(problem))


def _answers(
    process: OsrmProcess, profile: CityProfile, algorithm: str
) -> Iterator[RoadFinding]:
    """Ask for a short table, and for a place that must not be answered."""
    client = OsrmClient(lambda: process.url, timeout_s=ANSWER_TIMEOUT_S)
    offices = [(office.place.lon, office.place.lat) for office in profile.offices]
    rows = range(len(offices))
    try:
        client.table(offices, sources=rows, destinations=rows)
    except EngineError as problem:
        text = f"{algorithm}: 工営所どうしの所要時間を答えません({problem})"
        yield RoadFinding(text)
    bounds = profile.bounds
    far = LonLat(bounds.east + FAR_DEG, bounds.north + FAR_DEG)
    try:
        client.table(
            [*offices[:1], (far.lon, far.lat)], sources=(0,), destinations=(1,)
        )
    except EngineError:
        return
    text = f"{algorithm}: 道路のない遠くの地点に所要時間を答えました"
    yield RoadFinding(text)


def profile_sha256(profile: CityProfile) -> str:
    """Hash of the driving profile and the city's numbers, as a build records it."""
    lua = (resources.files("geodata.roads") / PROFILE).read_bytes()
    return hashlib.sha256(lua + city_numbers(profile).as_lua().encode()).hexdigest()
