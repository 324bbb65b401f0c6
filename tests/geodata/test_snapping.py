"""From a place to the nearest road that a truck reaches, or to none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.place import LonLat, great_circle_m
from geodata.city import load_city
from geodata.roads.graph import RoadGraph
from geodata.roads.graph_reader import read_graph
from geodata.roads.snapping import RoadSnapper
from tests.geodata.road_fixtures import (
    NUMBERS,
    Extra,
    Town,
    chain_between,
    write_town,
)

PROFILE = load_city("osaka")
PLACE = Town.place


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, RoadGraph]:
    file = tmp_path_factory.mktemp("snapping") / "town.osm.pbf"
    town = write_town(file, Extra.ISLAND)
    return town, read_graph(file, NUMBERS, PROFILE)


@pytest.fixture(scope="module")
def town(roads: tuple[Town, RoadGraph]) -> Town:
    return roads[0]


@pytest.fixture(scope="module")
def graph(roads: tuple[Town, RoadGraph]) -> RoadGraph:
    return roads[1]


@pytest.fixture(scope="module")
def snapper(graph: RoadGraph) -> RoadSnapper:
    return RoadSnapper(graph, PROFILE)


def test_a_place_is_put_on_the_nearest_road(
    snapper: RoadSnapper, graph: RoadGraph, town: Town
) -> None:
    # 30 % along the block (1, 2)-(2, 2), 20 m north of it
    found = snapper.snap([PLACE(1.3, 2.2)])
    chain = chain_between(graph, town, (1, 2), (2, 2))
    assert found.is_on_road.tolist() == [True]
    assert graph.segment_chain[found.segment].tolist() == [chain]
    assert found.share[0] == pytest.approx(0.3, abs=0.001)
    assert found.away_m[0] == pytest.approx(20, abs=0.05)
    on_road = LonLat(float(found.lon[0]), float(found.lat[0]))
    assert great_circle_m(on_road, PLACE(1.3, 2.0)) < 0.1


def test_a_place_on_a_junction_is_put_a_metre_into_a_road(
    snapper: RoadSnapper,
) -> None:
    found = snapper.snap([PLACE(2, 2)])
    # 1 m of 100
    assert min(found.share[0], 1 - found.share[0]) == pytest.approx(0.01, abs=1e-4)
    assert found.away_m[0] == pytest.approx(0, abs=0.02)
    on_road = LonLat(float(found.lon[0]), float(found.lat[0]))
    assert great_circle_m(on_road, PLACE(2, 2)) == pytest.approx(1, abs=0.05)


def test_on_a_road_shorter_than_two_metres_the_middle_is_taken(
    tmp_path: Path,
) -> None:
    town = Town(size=1)
    town.add_way([(0, 0), (0.01, 0)], highway="tertiary")  # one metre
    graph = read_graph(town.write(tmp_path / "t.osm.pbf"), NUMBERS, PROFILE)
    found = RoadSnapper(graph, PROFILE).snap([PLACE(-1, 0), PLACE(1, 0)])
    assert found.share.tolist() == [0.5, 0.5]
    assert found.away_m == pytest.approx([100, 99], rel=0.003)


def test_a_place_too_far_from_any_road_is_on_none(snapper: RoadSnapper) -> None:
    # the south-west corner is the nearest road: 4.9 blocks, 5.1 blocks, 85 km
    places = [PLACE(-4.9, 0), PLACE(-5.1, 0), PLACE(-850, 0)]
    found = snapper.snap(places)
    assert found.is_on_road.tolist() == [True, False, False]
    assert found.segment.tolist()[1:] == [-1, -1]
    # the plane is the ellipsoid's, the town was drawn on the sphere: 0.3 % apart
    assert found.away_m[0] == pytest.approx(490, rel=0.003)
    assert np.isinf(found.away_m[1:]).all()
    assert found.share[1:].tolist() == [0, 0]
    # where there is no road the place itself stands
    assert (found.lon[2], found.lat[2]) == (places[2].lon, places[2].lat)


def test_how_far_is_too_far_can_be_told(snapper: RoadSnapper) -> None:
    place = PLACE(1.5, -0.5)  # 50 m south of the southernmost street
    assert snapper.snap([place], max_m=51).is_on_road.all()
    assert not snapper.snap([place], max_m=49).is_on_road.any()


def test_no_place_is_put_on_a_road_that_is_joined_to_nothing(
    snapper: RoadSnapper, graph: RoadGraph, town: Town
) -> None:
    # 10 m from the island, whose nearest neighbour in town is (4, 0), 500 m off
    found = snapper.snap([PLACE(9.9, 0), PLACE(8.9, 0)], max_m=550)
    east_end = {
        chain_between(graph, town, (3, 0), (4, 0)),
        chain_between(graph, town, (4, 0), (4, 1)),
    }
    assert found.is_on_road.tolist() == [False, True]
    assert int(graph.segment_chain[found.segment[1]]) in east_end


def test_no_places_give_no_rows(snapper: RoadSnapper) -> None:
    for closed in (frozenset[int](), frozenset({0})):
        found = snapper.snap([], closed_chains=closed)
        assert len(found.segment) == len(found.lon) == len(found.away_m) == 0


# -- beside closed roads ---------------------------------------------------------------


def test_a_place_beside_a_closed_road_is_on_the_next_open_one(
    snapper: RoadSnapper, graph: RoadGraph, town: Town
) -> None:
    closed = chain_between(graph, town, (1, 2), (2, 2))
    places = [PLACE(1.3, 2.05), PLACE(3.5, 3.0)]
    found = snapper.snap(places, closed_chains=frozenset({closed}))
    # 30 m west lies 竹筋 (column 1); the other place is not concerned
    nearest = chain_between(graph, town, (1, 2), (1, 3))
    other = chain_between(graph, town, (3, 3), (4, 3))
    assert graph.segment_chain[found.segment].tolist() == [nearest, other]
    assert found.away_m == pytest.approx([30, 0], abs=0.1)


def test_a_place_with_closed_roads_only_around_is_on_none(
    snapper: RoadSnapper, graph: RoadGraph
) -> None:
    everything = frozenset(range(graph.num_chains))
    found = snapper.snap([PLACE(1.3, 2.05)], closed_chains=everything)
    assert not found.is_on_road.any()
    assert np.isinf(found.away_m).all()


def test_an_open_road_counts_only_within_the_same_distance(
    snapper: RoadSnapper, graph: RoadGraph, town: Town
) -> None:
    closed = frozenset({chain_between(graph, town, (1, 2), (2, 2))})
    place = PLACE(1.3, 2.05)
    near = snapper.snap([place], closed_chains=closed, max_m=29)
    assert not near.is_on_road.any()
    assert snapper.snap([place], closed_chains=closed, max_m=31).is_on_road.all()


# -- what always holds -----------------------------------------------------------------


def test_part_gives_rows_in_the_asked_order(snapper: RoadSnapper) -> None:
    whole = snapper.snap([PLACE(0.5, 0), PLACE(-850, 0), PLACE(2, 2.5)])
    part = whole.part(np.array([2, 1, 2]))
    assert part.segment.tolist() == whole.segment[[2, 1, 2]].tolist()
    assert part.share.tolist() == whole.share[[2, 1, 2]].tolist()
    assert part.lon.tolist() == whole.lon[[2, 1, 2]].tolist()
    assert part.lat.tolist() == whole.lat[[2, 1, 2]].tolist()
    assert part.away_m.tolist() == whole.away_m[[2, 1, 2]].tolist()


@given(
    points=st.lists(
        st.tuples(st.floats(-6, 10), st.floats(-6, 10)), min_size=1, max_size=5
    ),
    closed=st.frozensets(st.integers(0, 39), max_size=12),
)
def test_no_open_road_is_nearer_than_the_one_taken(
    snapper: RoadSnapper,
    graph: RoadGraph,
    points: list[tuple[float, float]],
    closed: frozenset[int],
) -> None:
    found = snapper.snap(
        [PLACE(*point) for point in points], closed_chains=closed, max_m=200
    )
    is_open = graph.main & ~np.isin(np.arange(graph.num_chains), list(closed))
    # the grid told in metres: each open block is an upright or a level line
    for row, (col, north) in enumerate(points):
        best = np.inf
        for here, there in zip(
            graph.segment_from[is_open[graph.segment_chain]],
            graph.segment_to[is_open[graph.segment_chain]],
            strict=True,
        ):
            at = grid(graph, int(here)), grid(graph, int(there))
            near = (
                np.clip(col, min(at[0][0], at[1][0]), max(at[0][0], at[1][0])),
                np.clip(north, min(at[0][1], at[1][1]), max(at[0][1], at[1][1])),
            )
            best = min(best, 100 * np.hypot(col - near[0], north - near[1]))
        if best > 201:
            assert not found.is_on_road[row]
        elif best < 199:
            assert found.is_on_road[row]
            assert found.away_m[row] == pytest.approx(best, abs=0.6)
        if found.is_on_road[row]:
            assert is_open[graph.segment_chain[found.segment[row]]]
            assert 0 < found.share[row] < 1


def grid(graph: RoadGraph, node: int) -> tuple[int, int]:
    """Column and row of a crossing, from its number: made row by row."""
    number = int(graph.node_id[node]) - 1
    return number % 5, number // 5
