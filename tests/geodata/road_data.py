"""Road data of the small town, prepared once by the real engine, and engines to ask."""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dispatch.domain.place import LonLat
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile, load_city
from geodata.roads.build import RoadSource, build_roads
from geodata.roads.graph import RoadGraph
from geodata.roads.manifest import GRAPH_FILE, RoadData, open_road_data
from geodata.roads.networks import Networks
from geodata.roads.numbers import JunctionDelay, city_numbers
from geodata.roads.osrm_client import OsrmClient
from geodata.roads.programs import NEEDED, OsrmPrograms, default_engine_dir
from geodata.roads.snapping import RoadSnapper, Snapped
from tests.builders import TOKYO
from tests.geodata.road_fixtures import Extra, Town, write_town

Crossing = tuple[float, float]
BUILT_AT = dt.datetime(2026, 11, 22, 15, 0, tzinfo=TOKYO)
EXTRAS = (Extra.ONE_WAY, Extra.TURN_BAN, Extra.BRIDGE, Extra.ISLAND)
OFFICES: tuple[Crossing, ...] = ((0, 0), (4, 4))
# Six in the town and one 2 km north of it, where no road is.
TOWNS: tuple[Crossing, ...] = ((0, 1), (1, 4), (2, 2), (3, 1), (4, 3), (2, -2), (2, 24))
OFF_ROAD: Crossing = (2, 24)
AWAY = LonLat(136.43, 34.68)  # 85 km east of the town: 0.93° × 91.4 km


def place(crossing: Crossing) -> LonLat:
    """Position of a point of the town."""
    return Town.place(*crossing)


def places(*crossings: Crossing) -> list[LonLat]:
    """Positions of points of the town."""
    return [place(crossing) for crossing in crossings]


def need_programs() -> OsrmPrograms:
    """Programs of the road engine; the test is skipped loudly without them."""
    programs = OsrmPrograms(default_engine_dir())
    if not all(programs.path(name).is_file() for name in NEEDED):
        pytest.skip(f"NOT TESTED WITH THE ENGINE: none in {programs.folder}")
    return programs


def town_city() -> CityProfile:
    """Osaka with two works offices, both in the town."""
    osaka = load_city("osaka")
    offices = tuple(
        replace(office, place=place(crossing))
        for office, crossing in zip(osaka.offices, OFFICES, strict=False)
    )
    return replace(osaka, offices=offices)


def named_towns(*crossings: Crossing) -> tuple[TownRecord, ...]:
    """Towns (町丁目) at points of the town, in one ward."""
    return tuple(
        TownRecord(
            ward_code="271021",
            name=f"{at}番町",
            oaza=f"{at}番町",
            chome=None,
            place=place(crossing),
        )
        for at, crossing in enumerate(crossings, start=1)
    )


def built(
    pbf: Path,
    home: Path,
    *,
    programs: OsrmPrograms,
    city: CityProfile | None = None,
    at: dt.datetime = BUILT_AT,
    told: Callable[[str], None] = lambda _: None,
) -> RoadData:
    """Build road data of a town for a city, for the town's Osaka by default."""
    return build_roads(
        RoadSource(pbf=pbf, attribution="© 例の作者"),
        home,
        (city or town_city(), named_towns(*TOWNS)),
        programs=programs,
        at=at,
        told=told,
    )


def copied(data: RoadData, home: Path) -> RoadData:
    """Copy road data into a home of its own, where a test may spoil it."""
    shutil.copytree(data.folder.parent, home)
    found = open_road_data(home)
    assert found is not None
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class TownRoads:
    """The prepared town and what is needed to travel in it."""

    city: CityProfile
    data: RoadData
    graph: RoadGraph
    snapper: RoadSnapper
    junction: JunctionDelay
    programs: OsrmPrograms

    def networks(self, **options: Any) -> Networks:  # noqa: ANN401 - keyword overrides
        """Open the engines; the caller closes them."""
        given = {"programs": self.programs, **options}
        return Networks(self.data, self.graph, self.junction, **given)

    def snap(self, *crossings: Crossing) -> Snapped:
        """Put points of the town on their roads."""
        return self.snapper.snap(places(*crossings))

    def chain(self, *crossings: Crossing) -> int:
        """Chain of the road under a point."""
        return int(self.graph.segment_chain[self.snap(*crossings).segment[0]])


@cache
def town_pbf() -> Path:
    """Write the town with a one-way street, a turn ban, two bridges and an island."""
    folder = Path(tempfile.mkdtemp(prefix="kidohan-town-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_town(folder / "town.osm.pbf", *EXTRAS)
    return folder / "town.osm.pbf"


@cache
def town_roads() -> TownRoads:
    """Build the town's road data once for all tests; none may change them."""
    programs, city = need_programs(), town_city()
    data = built(
        town_pbf(), town_pbf().with_name("roads"), programs=programs, city=city
    )
    graph = RoadGraph.load(data.folder / GRAPH_FILE)
    return TownRoads(
        city=city,
        data=data,
        graph=graph,
        snapper=RoadSnapper(graph, city),
        junction=city_numbers(city).junction,
        programs=programs,
    )


# -- an engine that answers what a test wants ------------------------------------------

Answer = tuple[int, bytes]


@dataclass
class FakeEngine:
    """
    An OSRM server of our own.

    `answer` is given the service (`table`, `route`, `nearest`), the positions and the
    options of a question; `asked` are the questions so far.
    """

    answer: Callable[[str, list[LonLat], dict[str, str]], Answer] = lambda *_: ok({})
    asked: list[tuple[str, list[LonLat], dict[str, str]]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, *, timeout_s: float = 10) -> OsrmClient:
        """Make a client of this server."""
        return OsrmClient(lambda: self.url, timeout_s=timeout_s)

    def hang(self, *_: object) -> Answer:
        """Answer nothing until the test is over."""
        self.let_go.wait(30)
        return ok({})


def ok(content: dict[str, Any]) -> Answer:
    """Answer as OSRM does when all is well."""
    return 200, json.dumps({"code": "Ok", **content}).encode()


def flat_engine(*, drive_s: float = 60, drive_m: float = 500) -> FakeEngine:
    """Make an engine for which all places lie equally far from each other."""

    def answer(service: str, at: list[LonLat], options: dict[str, str]) -> Answer:
        if service == "nearest":
            return ok({"waypoints": [{"location": [at[0].lon, at[0].lat], **near}]})
        rows, columns = (
            [int(one) for one in options[side].split(";")]
            for side in ("sources", "destinations")
        )
        return ok(
            {
                name: [
                    [0 if row == column else one for column in columns] for row in rows
                ]
                for name, one in (("durations", drive_s), ("distances", drive_m))
            }
        )

    near = {"distance": 0}
    return FakeEngine(answer=answer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: FakeEngine

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        service, _, _, where = parts.path.strip("/").split("/")
        at = [LonLat(*map(float, one.split(","))) for one in where.split(";")]
        options = {name: one for name, (one,) in parse_qs(parts.query).items()}
        self.engine.asked.append((service, at, options))
        status, content = self.engine.answer(service, at, options)
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


@contextlib.contextmanager
def serving(engine: FakeEngine) -> Iterator[FakeEngine]:
    """Serve a fake engine on a free loopback port."""
    handler = type("OwnHandler", (_Handler,), {"engine": engine})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        engine.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield engine
        finally:
            engine.let_go.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def nobody_there() -> Iterator[str]:
    """Address of a port on which nobody listens and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def off_diagonal(size: int) -> Sequence[tuple[int, int]]:
    """All pairs of different rows."""
    return [(a, b) for a in range(size) for b in range(size) if a != b]
