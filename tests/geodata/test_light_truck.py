"""The engine drives by the same rules as Python: our Lua over roads of all kinds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geodata.city import load_city
from geodata.roads.build import PROFILE, PROFILE_NUMBERS
from geodata.roads.graph import Floats, Ints, RoadGraph
from geodata.roads.graph_reader import read_graph
from geodata.roads.graph_times import junction_waits
from geodata.roads.numbers import DrivingNumbers, city_numbers
from geodata.roads.osrm_client import OsrmClient, OsrmTable
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import OsrmPrograms, default_engine_dir
from geodata.roads.road_rules import is_shut_node, road_speed
from tests.geodata.road_fixtures import (
    NUMBERS,
    Crossing,
    Extra,
    Town,
    chain_between,
    write_town,
)
from tests.geodata.test_road_rules import (
    ACCESSES,
    BARRIERS,
    LIMITS,
    ONE_WAYS,
    SPEEDS,
    WITH_MOTORWAY,
)
from tests.shared_data import need_shared

Tags = Mapping[str, str]
PAIRS_AT_ONCE = 50
ROAD_BLOCKS = 6  # a road under test is 600 m long
APART = 3  # and lies 300 m from the next


@pytest.fixture(scope="module")
def programs() -> OsrmPrograms:
    found = OsrmPrograms(default_engine_dir())
    if not found.path("extract").is_file():
        pytest.skip(f"NOT TESTED WITH THE ENGINE: none in {found.folder} (make setup)")
    return found


@contextmanager
def engine_over(
    pbf: Path, folder: Path, programs: OsrmPrograms, numbers: DrivingNumbers
) -> Iterator[OsrmClient]:
    """Prepare an extract with our profile and serve it."""
    lua = (resources.files("geodata.roads") / PROFILE).read_bytes()
    (folder / PROFILE).write_bytes(lua)
    (folder / PROFILE_NUMBERS).write_text(numbers.as_lua(), encoding="ascii")
    named = folder / "roads.osm.pbf"
    if not named.exists():
        named.symlink_to(pbf)
    programs.run("extract", ["-p", folder / PROFILE, named])
    base = folder / "roads.osrm"
    programs.run("partition", [base])
    programs.run("customize", [base])
    with OsrmProcess(programs, base, algorithm="MLD") as process:
        yield OsrmClient(lambda: process.url, timeout_s=60)


Ask = Callable[[Crossing, Crossing], tuple[float, float]]


def asker(client: OsrmClient) -> Ask:
    """Seconds and metres between two points of a town; NaN where there is no way."""

    def ask(here: Crossing, there: Crossing) -> tuple[float, float]:
        places = [Town.place(*here), Town.place(*there)]
        table = client.table(
            [(place.lon, place.lat) for place in places], sources=[0], destinations=[1]
        )
        return float(table.duration_s[0, 0]), float(table.distance_m[0, 0])

    return ask


def pair_by_pair(
    client: OsrmClient,
    origins: Sequence[tuple[float, float]],
    targets: Sequence[tuple[float, float]],
) -> OsrmTable:
    """Seconds and metres from each origin to its own target."""
    seconds: list[Floats] = []
    metres: list[Floats] = []
    for first in range(0, len(origins), PAIRS_AT_ONCE):
        own = origins[first : first + PAIRS_AT_ONCE]
        other = targets[first : first + PAIRS_AT_ONCE]
        count = len(own)
        table = client.table(
            [*own, *other],
            sources=range(count),
            destinations=range(count, 2 * count),
        )
        seconds.append(np.diagonal(table.duration_s))
        metres.append(np.diagonal(table.distance_m))
    return OsrmTable(np.concatenate(seconds), np.concatenate(metres))


# -- the same rules --------------------------------------------------------------------

# All that a direction, a special key and a general one can say of one road together.
MIXED = [
    {key: value for key, value in zip(KEYS, values, strict=True) if value}
    for KEYS in [
        ("oneway", "goods:backward", "motor_vehicle", "access", "access:forward")
    ]
    for values in itertools.product(
        ("", "yes", "-1", "no"),
        ("", "no", "yes"),
        ("", "no", "yes", "sometimes"),
        ("", "private", "destination"),
        ("", "no"),
    )
]
ODD_TEXTS = [
    {"maxspeed": text}
    for text in (
        " 20",
        "20 ",
        "20.5",
        "20.",
        ".5",
        "-20",
        "20;30",
        "２０",
        "20 m",
        "15t",
    )
] + [
    # an empty value is no value, to both
    {"maxspeed:forward": "", "maxspeed": "20"},
    {"oneway:vehicle": "", "oneway": "yes"},
    {"goods": "", "access": "private"},
    {"width": ""},
]
WAY_CASES: list[dict[str, str]] = [
    *(tags for tags, _ in ONE_WAYS),
    *(tags for tags, _ in ACCESSES),
    *(tags for tags, _ in LIMITS),
    *(tags for tags, _ in SPEEDS),
    *MIXED,
    *ODD_TEXTS,
    *({"highway": highway} for highway in NUMBERS.speed_kmh),
]
NODE_CASES: list[dict[str, str]] = [tags for tags, _ in BARRIERS]


@dataclass(frozen=True)
class Driven:
    """What the engine found for each case: seconds and metres, both directions."""

    along: OsrmTable
    back: OsrmTable


def rungs(cases: Sequence[tuple[Tags, Tags]]) -> Town:
    """
    Build a ladder: each case is a rung of 600 m between two long service roads.

    These are so slow that no rung which may be driven is left aside for another.
    A stub of 100 m stands at each end of a rung, so that a rung nobody may drive can be
    asked for too: the engine then goes round by another one.
    """
    town = Town(size=1)
    for number, (way_tags, node_tags) in enumerate(cases):
        row = APART * (number + 1)
        east = ROAD_BLOCKS
        for side, rung in ((-1, 0), (east + 1, east)):
            town.add_way([(side, row), (rung, row)], highway="tertiary")
            town.add_way([(side, row - APART), (side, row)], highway="service")
        town.node(east / 2, row, **node_tags)
        points: list[Crossing] = [(0, row), (east / 2, row), (east, row)]
        town.add_way(points, **({"highway": "tertiary"} | dict(way_tags)))
    town.add_way([(-1, 0), (ROAD_BLOCKS + 1, 0)], highway="tertiary")
    return town


CASES: list[tuple[Tags, Tags]] = [
    *((tags, {}) for tags in WAY_CASES),
    *(({}, tags) for tags in NODE_CASES),
]


@pytest.fixture(scope="module")
def driven(programs: OsrmPrograms, tmp_path_factory: pytest.TempPathFactory) -> Driven:
    folder = tmp_path_factory.mktemp("ladder")
    pbf = rungs(CASES).write(folder / "ladder.osm.pbf")
    rows = [APART * (number + 1) for number in range(len(CASES))]
    places = [
        [Town.place(col, row) for row in rows] for col in (-0.5, ROAD_BLOCKS + 0.5)
    ]
    west, east = ([(place.lon, place.lat) for place in side] for side in places)
    with engine_over(pbf, folder, programs, WITH_MOTORWAY) as client:
        return Driven(
            pair_by_pair(client, west, east), pair_by_pair(client, east, west)
        )


def test_engine_and_python_open_the_same_directions_at_the_same_speed(
    driven: Driven,
) -> None:
    odd = []
    for number, (way_tags, node_tags) in enumerate(CASES):
        speed = road_speed({"highway": "tertiary"} | dict(way_tags), WITH_MOTORWAY)
        passes = speed is not None and not is_shut_node(node_tags)
        told = (speed.forward_kmh, speed.backward_kmh) if speed and passes else (0, 0)
        for kmh, table in zip(told, (driven.along, driven.back), strict=True):
            # Straight over the rung: 600 m and half a stub at each end; round by the
            # next rung it would be 1,400 m. The stubs' 100 m take 10 s, and joints of
            # two roads cost nothing.
            metres, seconds = table.distance_m[number], table.duration_s[number]
            expected_s = 600 * 3.6 / kmh + 10 if kmh else np.inf
            if (metres < 1000) != (kmh > 0) or (
                kmh and abs(seconds / expected_s - 1) > 0.02
            ):
                odd.append((way_tags, node_tags, kmh, metres, seconds))
    assert odd == []


def test_the_cases_hold_all_that_can_come_out(driven: Driven) -> None:
    straight = {
        (bool(along < 1000), bool(back < 1000))
        for along, back in zip(
            driven.along.distance_m, driven.back.distance_m, strict=True
        )
    }
    assert straight == {(True, True), (True, False), (False, True), (False, False)}


# -- what a junction costs -------------------------------------------------------------


@pytest.fixture(scope="module")
def grid(
    programs: OsrmPrograms, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ask]:
    folder = tmp_path_factory.mktemp("grid")
    write_town(folder / "town.osm.pbf", Extra.TURN_BAN, Extra.ONLY_STRAIGHT)
    with engine_over(folder / "town.osm.pbf", folder, programs, NUMBERS) as client:
        yield asker(client)


@pytest.mark.parametrize(
    ("here", "there", "seconds"),
    [
        # 50 m + 50 m at 10 m/s through a signal of 20 s
        pytest.param((1.5, 2), (2.5, 2), 30, id="straight on"),
        pytest.param((1.5, 2), (2, 1.5), 40, id="right, eastward to south: 10 s more"),
        pytest.param((1.5, 2), (2, 2.5), 34, id="left, eastward to north: 4 s more"),
        pytest.param((2.5, 2), (2, 2.5), 40, id="right, westward to north"),
        pytest.param((2.5, 2), (2, 1.5), 34, id="left, westward to south"),
        pytest.param((0.5, 0), (0, 0.5), 10, id="a corner of two roads"),
        pytest.param((1.5, 0), (2.5, 0), 30, id="past a side street"),
    ],
)
def test_turns_at_a_signal_cost_what_the_numbers_say(
    here: Crossing, there: Crossing, seconds: int, grid: Ask
) -> None:
    duration_s, distance_m = grid(here, there)
    assert distance_m == pytest.approx(100, abs=1)
    assert duration_s == pytest.approx(seconds, abs=0.3)


STARS = [
    (own, others)
    for own in ("secondary", "tertiary", "residential", "service")
    for others in itertools.product(
        ("secondary", "tertiary", "residential", "service"), repeat=2
    )
] + [
    ("residential", ("residential", "secondary", "residential")),
    ("tertiary", ("tertiary", "tertiary", "service")),
    ("service", ("service", "service", "service")),
]


def test_straight_on_the_engine_waits_as_long_as_the_graph_assumes(
    programs: OsrmPrograms, tmp_path: Path
) -> None:
    # Stars of three or four roads, far apart, each with a way on straight ahead that is
    # the most important other road: there the graph's rule must be the engine's.
    town = Town(size=1)
    speed = NUMBERS.speed_kmh
    rank = NUMBERS.rank
    for number, (own, others) in enumerate(STARS):
        col = 10.0 * number
        onward, *sides = sorted(others, key=lambda name: -rank[name])
        town.add_way([(col, 0), (col + 1, 0)], highway=own)
        town.add_way([(col + 1, 0), (col + 2, 0)], highway=onward)
        for end, side in zip((1, -1), sides, strict=False):
            town.add_way([(col + 1, 0), (col + 1, end)], highway=side)
        town.add_way([(col + 2, 0), (col + 10, 0)], highway="tertiary")
    pbf = town.write(tmp_path / "stars.osm.pbf")
    graph = read_graph(pbf, NUMBERS, load_city("osaka"))
    _, wait_s = junction_waits(graph, NUMBERS.junction)
    with engine_over(pbf, tmp_path, programs, NUMBERS) as client:
        ask = asker(client)
        for number, (own, others) in enumerate(STARS):
            col = 10.0 * number
            onward = max(others, key=lambda name: rank[name])
            chain = chain_between(graph, town, (col, 0), (col + 1, 0))
            driven_s = 50 * 3.6 / speed[own] + 50 * 3.6 / speed[onward]
            seconds, _ = ask((col + 0.5, 0), (col + 1.5, 0))
            waited = pytest.approx(wait_s[chain], abs=0.5)
            assert seconds - driven_s == waited, (own, others)


# -- turn bans -------------------------------------------------------------------------


def test_a_ban_of_the_right_turn_is_obeyed(grid: Ask) -> None:
    # 二番通 at its crossing with 竹筋, eastward: not to the south
    assert grid((0.5, 1), (1, 0.5))[1] > 250
    # straight on, to the left, and from elsewhere, all is as before
    for here, there in (
        ((0.5, 1), (1.5, 1)),
        ((0.5, 1), (1, 1.5)),
        ((1.5, 1), (1, 0.5)),
        ((1, 1.5), (1, 0.5)),
        ((1, 0.5), (0.5, 1)),
    ):
        assert grid(here, there)[1] == pytest.approx(100, abs=1)


def test_a_sign_to_go_straight_on_is_obeyed(grid: Ask) -> None:
    # 四番通 at its crossing with 竹筋, eastward
    assert grid((0.5, 3), (1.5, 3))[1] == pytest.approx(100, abs=1)
    for turned in ((1.0, 3.5), (1.0, 2.5)):
        assert grid((0.5, 3), turned)[1] > 250
        assert grid((1.5, 3), turned)[1] == pytest.approx(100, abs=1)


def test_without_the_bans_the_turns_are_open(
    programs: OsrmPrograms, tmp_path: Path
) -> None:
    write_town(tmp_path / "town.osm.pbf")
    with engine_over(tmp_path / "town.osm.pbf", tmp_path, programs, NUMBERS) as client:
        ask = asker(client)
        for here, there in (
            ((0.5, 1), (1, 0.5)),
            ((0.5, 3), (1, 3.5)),
            ((0.5, 3), (1, 2.5)),
        ):
            assert ask(here, there)[1] == pytest.approx(100, abs=1)


# -- one-ways of the true city, edge by edge -------------------------------------------

LEAST_M = 3.0  # on a shorter piece two points lie within the rounding of positions
WINDOWS = ("osaka_abeno_20250616.osm.pbf", "osaka_central_20250922.osm.pbf")
EVERY = 7  # of what is no one-way against its sign a share is enough


@dataclass(frozen=True)
class Probes:
    """Two points on each of some segments, in the direction of travel."""

    first: list[tuple[float, float]]
    second: list[tuple[float, float]]
    apart_m: Floats


def probes(graph: RoadGraph, segments: Ints) -> Probes:
    """Take points a quarter and three quarters along each segment's open direction."""
    nodes = np.stack((graph.segment_from[segments], graph.segment_to[segments]))
    turned = np.isinf(graph.segment_forward_s[segments])
    start, end = np.where(turned, nodes[::-1], nodes)

    def at(share: float) -> list[tuple[float, float]]:
        lon = graph.node_lon[start] * (1 - share) + graph.node_lon[end] * share
        lat = graph.node_lat[start] * (1 - share) + graph.node_lat[end] * share
        return list(zip(lon.tolist(), lat.tolist(), strict=True))

    return Probes(at(0.25), at(0.75), graph.segment_m[segments] / 2)


def drawn_twice(graph: RoadGraph) -> NDArray[np.bool_]:
    """Segments over whose two nodes another way runs too (a slip in the map)."""
    ends = np.sort(np.stack((graph.segment_from, graph.segment_to)), axis=0)
    _, row, count = np.unique(ends, axis=1, return_inverse=True, return_counts=True)
    return np.asarray(count[row.ravel()] > 1)


@pytest.mark.parametrize("window", WINDOWS)
def test_no_true_one_way_road_is_driven_against_its_sign(
    window: str, programs: OsrmPrograms, tmp_path: Path
) -> None:
    pbf = need_shared(f"data/roads/{window}")
    osaka = load_city("osaka")
    numbers = city_numbers(osaka)
    graph = read_graph(pbf, numbers, osaka)
    two_way = np.isfinite(graph.segment_forward_s + graph.segment_backward_s)
    doubled = drawn_twice(graph)
    assert doubled.sum() <= 20
    long = (graph.segment_m >= LEAST_M) & graph.main[graph.segment_chain] & ~doubled
    one_ways = probes(graph, np.flatnonzero(long & ~two_way))
    assert len(one_ways.first) > 4000
    some = probes(graph, np.flatnonzero(long & ~two_way)[::EVERY])
    both = probes(graph, np.flatnonzero(long & two_way)[::EVERY])
    with engine_over(pbf, tmp_path, programs, numbers) as client:
        against = pair_by_pair(client, one_ways.second, one_ways.first)
        along = pair_by_pair(client, some.first, some.second)
        back = pair_by_pair(client, both.second, both.first)
    # Against the sign it is always a way round. (With the sign, and on roads without
    # one, it is the piece between the points; so that the points do lie on the road.)
    # The shortest way round in the two windows is 14 m longer than the piece itself.
    extra_m = against.distance_m - one_ways.apart_m
    assert np.nanmin(extra_m) > 10
    for table, pieces in ((along, some), (back, both)):
        is_direct = np.abs(table.distance_m - pieces.apart_m) < 0.5
        # the ramps of a car park lie one above the other: there a point has two roads
        assert is_direct.mean() > 0.999
