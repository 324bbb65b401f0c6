"""Times over the road graph: by hand on the grid, and against brute force."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dispatch.domain.travel import UNREACHABLE_S
from geodata.city import load_city
from geodata.roads.graph import RoadGraph
from geodata.roads.graph_reader import read_graph
from geodata.roads.graph_times import BATCH, GraphTimes, junction_waits
from geodata.roads.snapping import RoadSnapper, Snapped
from tests.geodata.road_fixtures import (
    NUMBERS,
    Crossing,
    Town,
    chain_between,
)

PROFILE = load_city("osaka")
PLACE = Town.place
SIGNAL_S, YIELD_S, MINOR_S = 20, 8, 3

Matrix = NDArray[np.int64]


@dataclass(frozen=True)
class Roads:
    town: Town
    graph: RoadGraph

    def snap(self, *points: Crossing) -> Snapped:
        snapper = RoadSnapper(self.graph, PROFILE)
        return snapper.snap([PLACE(*point) for point in points])

    def times(
        self, *points: Crossing, closed: frozenset[int] = frozenset()
    ) -> tuple[Matrix, Matrix]:
        times = GraphTimes(self.graph, NUMBERS.junction, closed_chains=closed)
        return times.matrix(self.snap(*points))


def roads_of(town: Town, folder: Path) -> Roads:
    file = town.write(folder / "town.osm.pbf")
    return Roads(town, read_graph(file, NUMBERS, PROFILE))


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    return roads_of(Town(), tmp_path_factory.mktemp("times"))


# -- by hand ---------------------------------------------------------------------------


def test_a_drive_is_running_time_and_a_wait_at_each_junction(grid: Roads) -> None:
    seconds, metres = grid.times((0.5, 1), (2.5, 1))
    # 50 m + 100 m + 50 m at 10 m/s = 20 s; signals at (1, 1) and (2, 1): 2 * 20 s
    assert seconds.tolist() == [[0, 60], [60, 0]]
    assert metres.tolist() == [[0, 200], [200, 0]]


def test_a_corner_of_two_roads_is_no_junction(grid: Roads) -> None:
    seconds, metres = grid.times((0.5, 0), (0, 0.5))
    # 50 m + 50 m round the corner (0, 0), where nothing else meets
    assert seconds[0, 1] == 10
    assert metres[0, 1] == 100


def test_between_two_places_of_one_road_no_junction_is_passed(grid: Roads) -> None:
    seconds, metres = grid.times((1.2, 2), (1.8, 2))
    assert seconds.tolist() == [[0, 6], [6, 0]]
    assert metres.tolist() == [[0, 60], [60, 0]]


def test_two_places_at_one_point_are_no_time_apart(grid: Roads) -> None:
    seconds, metres = grid.times((1.5, 2), (1.5, 2))
    assert seconds.tolist() == [[0, 0], [0, 0]]
    assert metres.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("oneway", ["yes", "-1"])
def test_two_places_at_one_point_of_a_one_way_road_are_no_time_apart(
    oneway: str, tmp_path: Path
) -> None:
    town = Town(size=3)
    town.tag(town.block((0, 1), (1, 1)), oneway=oneway)
    seconds, metres = roads_of(town, tmp_path).times((0.5, 1), (0.5, 1))
    assert seconds.tolist() == [[0, 0], [0, 0]]
    assert metres.tolist() == [[0, 0], [0, 0]]


def test_against_a_one_way_road_one_drives_round_the_block(tmp_path: Path) -> None:
    town = Town(size=2)
    town.tag(town.block((0, 0), (1, 0)), oneway="yes")
    seconds, metres = roads_of(town, tmp_path).times((0.2, 0), (0.7, 0))
    # along: 50 m. Back: 30 m, round the square of 300 m, 20 m; corners cost nothing
    assert seconds.tolist() == [[0, 5], [35, 0]]
    assert metres.tolist() == [[0, 50], [350, 0]]


def test_a_road_drawn_the_other_way_is_driven_the_other_way(tmp_path: Path) -> None:
    town = Town(size=2)
    town.tag(town.block((0, 0), (1, 0)), oneway="-1")
    seconds, _ = roads_of(town, tmp_path).times((0.2, 0), (0.7, 0))
    assert seconds.tolist() == [[0, 35], [5, 0]]


def test_round_a_one_way_ring_one_drives_on(tmp_path: Path) -> None:
    town = Town(size=1)
    ring: list[Crossing] = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
    town.add_way(ring, highway="tertiary", junction="roundabout")
    seconds, metres = roads_of(town, tmp_path).times((0.5, 0), (1, 0.5))
    # 100 m on, or 300 m round; where the ring closes no other road meets it
    assert seconds.tolist() == [[0, 10], [30, 0]]
    assert metres.tolist() == [[0, 100], [300, 0]]


def test_a_slow_direct_road_loses_to_a_faster_way_round(tmp_path: Path) -> None:
    town = Town(size=2)
    town.tag(town.block((0, 0), (1, 0)), highway="service")
    roads = roads_of(town, tmp_path)
    seconds, metres = roads.times((0, 0.1), (1, 0.1))
    # direct: 100 m at 2.5 m/s + 20 m at 10 m/s = 42 s; round: 280 m at 10 m/s = 28 s
    assert seconds[0, 1] == 28
    assert metres[0, 1] == 280


def test_of_parallel_roads_the_faster_is_taken(tmp_path: Path) -> None:
    town = Town(size=2)
    town.drop(town.block((0, 1), (1, 1)))
    town.add_way([(0, 0), (0.5, -0.5), (1, 0)], highway="secondary")
    roads = roads_of(town, tmp_path)
    seconds, metres = roads.times((0, 0.5), (1, 0.5))
    # three roads of signal rank meet at both ends of either: two signals, 40 s.
    # straight: 5 + 10 + 5 s; by the secondary road, 141.4 m at 20 m/s: 5 + 7.07 + 5 s
    assert seconds[0, 1] == 57
    assert metres[0, 1] == 241


def test_an_island_is_not_reached(tmp_path: Path) -> None:
    town = Town(size=2)
    town.add_way([(3, 0), (4, 0)], highway="tertiary")
    roads = roads_of(town, tmp_path)
    town_side = roads.snap((0.5, 0))
    island = chain_between(roads.graph, town, (3, 0), (4, 0))
    both = Snapped(
        segment=np.array([town_side.segment[0], roads.graph.chain_start[island]]),
        share=np.array([0.5, 0.5]),
        lon=np.zeros(2),
        lat=np.zeros(2),
        away_m=np.zeros(2),
    )
    seconds, metres = GraphTimes(roads.graph, NUMBERS.junction).matrix(both)
    assert seconds.tolist() == [[0, UNREACHABLE_S], [UNREACHABLE_S, 0]]
    assert metres.tolist() == [[0, 0], [0, 0]]


def test_no_place_and_one_place_have_a_matrix_too(grid: Roads) -> None:
    seconds, metres = grid.times((0.5, 1))
    assert seconds.tolist() == metres.tolist() == [[0]]
    seconds, metres = grid.times()
    assert seconds.shape == metres.shape == (0, 0)
    assert seconds.dtype == metres.dtype == np.int64


def test_more_places_than_one_batch_are_all_answered(grid: Roads) -> None:
    points = [
        (col + 0.5, row) for row in range(5) for col in range(4) for _ in range(3)
    ]
    assert len(points) > BATCH
    seconds, metres = grid.times(*points)
    few_s, few_m = grid.times(*points[::3])
    np.testing.assert_array_equal(seconds[::3, ::3], few_s)
    np.testing.assert_array_equal(metres[::3, ::3], few_m)


# -- closed roads ----------------------------------------------------------------------


def test_a_closed_road_is_driven_round(grid: Roads) -> None:
    block = chain_between(grid.graph, grid.town, (1, 1), (2, 1))
    seconds, metres = grid.times((0.5, 1), (2.5, 1), closed=frozenset({block}))
    # open: 200 m; round by row 0 or row 2: 50 + 100 + 100 + 100 + 50 m = 400 m.
    # 40 s, and signals at all of (1, 1), (1, 0), (2, 0), (2, 1): 80 s
    assert metres[0, 1] == 400
    assert seconds[0, 1] == 120


def test_a_place_on_a_closed_road_is_not_reached_and_not_left(grid: Roads) -> None:
    block = chain_between(grid.graph, grid.town, (1, 1), (2, 1))
    seconds, _ = grid.times((1.3, 1), (1.6, 1), (3.5, 1), closed=frozenset({block}))
    off = UNREACHABLE_S
    assert seconds.tolist() == [[0, off, off], [off, 0, off], [off, off, 0]]


def test_closing_every_bridge_parts_the_town(tmp_path: Path) -> None:
    town = Town(size=2)
    town.add_way([(1, 0), (2, 0)], highway="tertiary")
    town.add_way([(2, 0), (2, 1), (3, 0), (2, 0)], highway="tertiary")
    roads = roads_of(town, tmp_path)
    bridge = frozenset({chain_between(roads.graph, town, (1, 0), (2, 0))})
    open_s, _ = roads.times((0.5, 0), (2.5, 0))
    shut_s, _ = roads.times((0.5, 0), (2.5, 0), closed=bridge)
    assert open_s[0, 1] < UNREACHABLE_S
    assert shut_s[0, 1] == shut_s[1, 0] == UNREACHABLE_S


# -- what a junction costs -------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "others", "seconds"),
    [
        # own road, the roads it meets; the first of the others is gone on along
        ("tertiary", (), 0),  # a dead end
        ("tertiary", ("secondary",), 0),  # a bend
        ("tertiary", ("tertiary", "tertiary"), SIGNAL_S),
        ("secondary", ("secondary", "tertiary"), SIGNAL_S),
        ("secondary", ("secondary", "residential"), 0),  # the side street waits
        ("residential", ("secondary", "secondary"), YIELD_S),
        ("residential", ("tertiary", "residential"), YIELD_S),
        ("residential", ("residential", "residential"), MINOR_S),
        ("residential", ("residential", "service"), MINOR_S),
        ("service", ("residential", "residential"), YIELD_S),
        ("service", ("service", "service"), MINOR_S),
        # the most important other road is gone on along: what crosses is residential
        ("tertiary", ("secondary", "residential", "residential"), YIELD_S),
        ("secondary", ("tertiary", "tertiary", "residential"), SIGNAL_S),
        ("residential", ("secondary", "secondary", "residential"), YIELD_S),
    ],
)
def test_who_waits_at_a_junction_and_how_long(
    own: str, others: tuple[str, ...], seconds: int, tmp_path: Path
) -> None:
    town = Town(size=1)
    town.add_way([(0, 0), (1, 0)], highway=own)
    ends: list[Crossing] = [(2, 0), (1, 1), (1, -1)]
    for end, highway in zip(ends, others, strict=False):
        town.add_way([(1, 0), end], highway=highway)
    graph = roads_of(town, tmp_path).graph
    chain = chain_between(graph, town, (0, 0), (1, 0))
    at_start, at_end = junction_waits(graph, NUMBERS.junction)
    assert at_start[chain] == 0  # a dead end
    assert at_end[chain] == seconds


# -- against brute force ---------------------------------------------------------------

POINT = st.tuples(st.integers(0, 2), st.integers(0, 2))
STREETS = st.lists(
    st.tuples(
        st.lists(POINT, min_size=2, max_size=5),
        st.sampled_from(["", "", "yes", "-1"]),
        st.sampled_from(["secondary", "tertiary", "residential", "service"]),
    ),
    min_size=1,
    max_size=6,
)
ON_ROADS = st.lists(
    st.tuples(st.integers(0, 999), st.sampled_from([0.1, 0.5, 0.9, 0.25])),
    min_size=2,
    max_size=5,
)


def brute_force(
    graph: RoadGraph, snapped: Snapped, closed: frozenset[int]
) -> tuple[list[list[float]], list[list[float]]]:
    """
    Floyd and Warshall over the places' own cut-up copy of the graph.

    Every segment is an arc, a place cuts its segment in pieces, and the wait stands
    where a chain is left at its end; written without the code under test.
    """
    at_start, at_end = junction_waits(graph, NUMBERS.junction)
    nodes = len(graph.node_id)
    size = nodes + len(snapped.segment)
    best: dict[tuple[int, int], tuple[float, float]] = {}

    def arc(here: int, there: int, seconds: float, metres: float) -> None:
        known = best.get((here, there), (np.inf, np.inf))
        best[here, there] = min(known, (seconds, metres))

    ends = {*graph.chain_from.tolist(), *graph.chain_to.tolist()}
    for segment, chain in enumerate(graph.segment_chain.tolist()):
        if chain in closed:
            continue
        on = sorted(
            (float(snapped.share[at]), nodes + at)
            for at in np.flatnonzero(snapped.segment == segment).tolist()
        )
        start, end = int(graph.segment_from[segment]), int(graph.segment_to[segment])
        stations = [(0.0, start), *on, (1.0, end)]
        last = int(graph.chain_start[chain + 1]) - 1
        for (one, here), (other, there) in itertools.pairwise(stations):
            part = other - one
            metres = part * float(graph.segment_m[segment])
            along = part * graph.segment_forward_s[segment] if part else 0.0
            against = part * graph.segment_backward_s[segment] if part else 0.0
            leaves_end = segment == last and there == end
            leaves_start = segment == graph.chain_start[chain] and here == start
            arc(here, there, along + (at_end[chain] if leaves_end else 0), metres)
            arc(there, here, against + (at_start[chain] if leaves_start else 0), metres)
    assert ends
    far = (np.inf, np.inf)
    table = [
        [(0.0, 0.0) if a == b else best.get((a, b), far) for b in range(size)]
        for a in range(size)
    ]
    for via, a, b in itertools.product(range(size), repeat=3):
        round_about = tuple(np.add(table[a][via], table[via][b]))
        table[a][b] = min(table[a][b], round_about)
    rows = range(nodes, size)
    return (
        [[float(table[a][b][0]) for b in rows] for a in rows],
        [[float(table[a][b][1]) for b in rows] for a in rows],
    )


@settings(max_examples=60)
@given(streets=STREETS, on_roads=ON_ROADS, num_closed=st.integers(0, 2))
def test_no_shorter_way_is_found_by_trying_everything(
    streets: list[tuple[list[tuple[int, int]], str, str]],
    on_roads: list[tuple[int, float]],
    num_closed: int,
) -> None:
    town = Town(size=1)
    for points, oneway, highway in [*streets, ([(0, 0), (1, 0)], "", "tertiary")]:
        tags = {"highway": highway} | ({"oneway": oneway} if oneway else {})
        town.add_way(points, **tags)
    with tempfile.TemporaryDirectory() as folder:
        graph = roads_of(town, Path(folder)).graph
    closed = frozenset(range(min(num_closed, graph.num_chains)))
    count = len(on_roads)
    snapped = Snapped(
        segment=np.array([number % len(graph.segment_m) for number, _ in on_roads]),
        share=np.array([share for _, share in on_roads]),
        lon=np.zeros(count),
        lat=np.zeros(count),
        away_m=np.zeros(count),
    )
    times = GraphTimes(graph, NUMBERS.junction, closed_chains=closed)
    seconds, metres = times.matrix(snapped)
    true_s, true_m = brute_force(graph, snapped, closed)
    assert not np.diagonal(seconds).any()
    assert not np.diagonal(metres).any()
    for one, other in itertools.permutations(range(count), 2):
        if np.isinf(true_s[one][other]):
            assert seconds[one, other] == UNREACHABLE_S
            assert metres[one, other] == 0
            continue
        assert seconds[one, other] == pytest.approx(true_s[one][other], abs=0.51)
        # ways of equal time may differ in length, but never below the shortest
        assert metres[one, other] >= true_m[one][other] - 0.51
