"""The road graph: read from an extract, cut at junctions, kept in a file."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.errors import SourceError
from dispatch.domain.place import great_circle_m
from geodata.city import CityProfile, load_city
from geodata.roads.graph import RoadGraph, bigger_chains
from geodata.roads.graph_reader import read_graph
from tests.geodata.road_fixtures import (
    NUMBERS,
    Crossing,
    Extra,
    Town,
    chain_between,
    chains_between,
    write_town,
)

PROFILE = load_city("osaka")


@pytest.fixture(scope="module")
def osaka() -> CityProfile:
    return PROFILE


def graph_of(town: Town, folder: Path) -> RoadGraph:
    return read_graph(town.write(folder / "town.osm.pbf"), NUMBERS, PROFILE)


def empty_town() -> Town:
    return Town(size=1)


# -- what is read ----------------------------------------------------------------------


def test_a_grid_has_a_chain_for_every_block(tmp_path: Path) -> None:
    graph = graph_of(Town(), tmp_path)
    # 5 streets of 4 blocks in each of two directions: 40 blocks of 100 m
    assert graph.num_chains == 40
    assert len(graph.segment_m) == 40
    assert len(graph.node_id) == 25
    assert graph.km == pytest.approx(4.0, abs=0.001)
    assert graph.main.all()
    # four corners with 2 roads, 12 places on the sides with 3, nine inside with 4
    assert Counter(graph.num_roads.tolist()) == {2: 4, 3: 12, 4: 9}
    # 100 m at 36 km/h = 10 m/s
    assert graph.segment_forward_s == pytest.approx(10.0, abs=0.01)
    assert graph.segment_backward_s == pytest.approx(10.0, abs=0.01)
    assert (graph.chain_rank == 3).all()


def test_a_way_is_cut_where_another_meets_it_and_at_its_ends_only(
    tmp_path: Path,
) -> None:
    town = empty_town()
    town.add_way([(0, 0), (1, 0), (2, 0), (3, 0)], highway="tertiary")
    town.add_way([(2, 0), (2, 1)], highway="residential")
    graph = graph_of(town, tmp_path)
    # (1, 0) is a bend, (2, 0) a junction
    assert graph.num_chains == 3
    long = chain_between(graph, town, (0, 0), (2, 0))
    assert np.diff(graph.chain_start)[long] == 2
    metres = graph.chain_sums(graph.segment_m)
    assert metres[long] == pytest.approx(200, abs=0.1)
    assert metres[chain_between(graph, town, (2, 0), (3, 0))] == pytest.approx(
        100, abs=0.1
    )
    side = chain_between(graph, town, (2, 0), (2, 1))
    assert graph.chain_rank[side] == 2


def test_a_one_way_road_is_driven_one_way(tmp_path: Path) -> None:
    town = empty_town()
    town.add_way([(0, 0), (1, 0)], highway="tertiary", oneway="yes")
    town.add_way([(1, 0), (2, 0)], highway="tertiary", oneway="-1")
    graph = graph_of(town, tmp_path)
    along = chain_between(graph, town, (0, 0), (1, 0))
    against = chain_between(graph, town, (1, 0), (2, 0))
    assert graph.segment_forward_s[along] == pytest.approx(10, abs=0.01)
    assert np.isinf(graph.segment_backward_s[along])
    assert np.isinf(graph.segment_forward_s[against])
    assert graph.segment_backward_s[against] == pytest.approx(10, abs=0.01)


def test_two_ways_between_the_same_junctions_are_two_chains(tmp_path: Path) -> None:
    town = Town(size=2)
    town.add_way([(0, 0), (0.5, 0.5), (1, 0)], highway="tertiary")
    graph = graph_of(town, tmp_path)
    pair = chains_between(graph, town, (0, 0), (1, 0))
    metres = graph.chain_sums(graph.segment_m)[pair]
    # straight 100 m; by the point between, twice the diagonal of 50 m: 141.4 m
    assert sorted(metres) == pytest.approx([100, 141.4], abs=0.1)


def test_a_ring_begins_and_ends_at_one_node(tmp_path: Path) -> None:
    town = empty_town()
    ring: list[Crossing] = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
    town.add_way(ring, highway="tertiary", junction="roundabout")
    graph = graph_of(town, tmp_path)
    assert graph.num_chains == 1
    assert graph.chain_from.tolist() == graph.chain_to.tolist()
    assert graph.km == pytest.approx(0.4, abs=0.001)
    assert graph.main.tolist() == [True]
    assert np.isinf(graph.segment_backward_s).all()


def test_a_road_that_crosses_itself_is_cut_there(tmp_path: Path) -> None:
    town = empty_town()
    loop: list[Crossing] = [(0, 0), (1, 0), (2, 1), (2, 0), (1, 0), (1, -1)]
    town.add_way(loop, highway="tertiary")
    graph = graph_of(town, tmp_path)
    # to the crossing, round the loop, and on
    assert graph.num_chains == 3
    assert np.diff(graph.chain_start).tolist() == [1, 3, 1]


def test_a_node_repeated_in_a_row_makes_no_segment(tmp_path: Path) -> None:
    town = empty_town()
    twice: list[Crossing] = [(0, 0), (0, 0), (1, 0), (1, 0), (2, 0)]
    town.add_way(twice, highway="tertiary")
    graph = graph_of(town, tmp_path)
    assert graph.num_chains == 1
    assert len(graph.segment_m) == 2
    assert (graph.segment_from != graph.segment_to).all()


def test_two_nodes_at_one_place_are_joined_by_a_road_of_a_centimetre(
    tmp_path: Path,
) -> None:
    town = empty_town()
    # a degree of longitude is some 91 km here: a hundred-millionth of a block is less
    # than the file's 1e-7 degrees
    town.add_way([(0, 0), (1e-8, 0), (1, 0)], highway="tertiary")
    graph = graph_of(town, tmp_path)
    assert graph.segment_m.min() == 0.01
    assert graph.segment_forward_s.min() > 0


@pytest.mark.parametrize("points", [[], [(0, 0)], [(0, 0), (0, 0)]])
@pytest.mark.parametrize("first", [True, False])
def test_a_way_that_leads_nowhere_is_left_out(
    points: list[Crossing], *, first: bool, tmp_path: Path
) -> None:
    town = empty_town()
    ways: list[list[Crossing]] = [points, [(0, 0), (1, 0)]]
    for way in ways if first else reversed(ways):
        town.add_way(way, highway="tertiary")
    graph = graph_of(town, tmp_path)
    assert graph.num_chains == 1
    assert graph.km == pytest.approx(0.1, abs=0.001)


def test_a_way_that_leaves_the_extract_keeps_what_lies_inside(tmp_path: Path) -> None:
    town = empty_town()
    out: list[Crossing] = [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]
    town.add_way(out, highway="tertiary")
    town.lose((2, 0), (5, 0))
    graph = graph_of(town, tmp_path)
    # 0-1 | 2 is not there | 3-4 | 5 is not there
    assert graph.num_chains == 2
    chain_between(graph, town, (0, 0), (1, 0))
    chain_between(graph, town, (3, 0), (4, 0))
    assert graph.km == pytest.approx(0.2, abs=0.001)
    assert np.isfinite(graph.node_lon[graph.segment_from]).all()
    assert np.isfinite(graph.node_x[graph.segment_to]).all()


# -- barriers --------------------------------------------------------------------------


def test_a_bollard_in_the_middle_parts_a_road(tmp_path: Path) -> None:
    town = Town(size=2)
    town.add_way([(0, 0), (0.5, 0.5), (1, 1)], highway="tertiary")
    town.node(0.5, 0.5, barrier="bollard")
    graph = graph_of(town, tmp_path)
    # four blocks, and the diagonal in two dead ends
    assert graph.num_chains == 6
    bollard = town.node(0.5, 0.5)
    assert (graph.node_id == bollard).sum() == 3  # itself, and a copy for each side
    copies = np.flatnonzero(graph.node_id == bollard)
    assert sorted(graph.num_roads[copies].tolist()) == [0, 1, 1]
    assert graph.main.all()


def test_a_gate_at_a_junction_parts_all_roads_there(tmp_path: Path) -> None:
    town = Town(size=3)
    town.node(1, 1, barrier="gate", access="private")
    graph = graph_of(town, tmp_path)
    assert graph.num_chains == 12
    copies = np.flatnonzero(graph.node_id == town.node(1, 1))
    assert sorted(graph.num_roads[copies].tolist()) == [0, 1, 1, 1, 1]


def test_an_open_gate_parts_nothing(tmp_path: Path) -> None:
    town = empty_town()
    town.add_way([(0, 0), (1, 0), (2, 0)], highway="tertiary")
    town.node(1, 0, barrier="gate", access="yes")
    assert graph_of(town, tmp_path).num_chains == 1


# -- the part in which all is reachable ------------------------------------------------


def test_an_island_is_not_of_the_main_part(osaka: CityProfile, tmp_path: Path) -> None:
    town = write_town(tmp_path / "town.osm.pbf", Extra.ISLAND)
    graph = read_graph(tmp_path / "town.osm.pbf", NUMBERS, osaka)
    island = chain_between(graph, town, (10, 0), (12, 0))
    assert not graph.main[island]
    assert graph.main.sum() == 40


def test_a_one_way_road_out_of_town_is_not_of_the_main_part(tmp_path: Path) -> None:
    town = Town(size=2)
    town.add_way([(1, 0), (2, 0)], highway="tertiary", oneway="yes")
    graph = graph_of(town, tmp_path)
    trap = chain_between(graph, town, (1, 0), (2, 0))
    assert not graph.main[trap]
    assert graph.main.sum() == 4


# -- what cannot be read ---------------------------------------------------------------


def test_a_truncated_extract_is_refused(osaka: CityProfile, tmp_path: Path) -> None:
    file = tmp_path / "town.osm.pbf"
    town = Town(size=40)
    whole = town.write(file).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"town\.osm\.pbf: cannot be read.*again"):
        read_graph(file, NUMBERS, osaka)


@pytest.mark.parametrize(
    "content", [b"", b"not a map at all", b"\x00\x00\x00\x0e\n\x09OSMHeader"]
)
def test_what_is_no_extract_is_refused(
    content: bytes, osaka: CityProfile, tmp_path: Path
) -> None:
    file = tmp_path / "town.osm.pbf"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=r"town\.osm\.pbf"):
        read_graph(file, NUMBERS, osaka)


def test_a_missing_extract_is_refused(osaka: CityProfile, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_graph(tmp_path / "none.osm.pbf", NUMBERS, osaka)


def test_an_extract_without_roads_is_refused(tmp_path: Path) -> None:
    town = empty_town()
    town.add_way([(0, 0), (1, 0)], highway="footway")
    with pytest.raises(SourceError, match="no road that a light truck may drive"):
        graph_of(town, tmp_path)


def test_an_extract_whose_roads_have_no_nodes_is_refused(tmp_path: Path) -> None:
    town = empty_town()
    town.add_way([(0, 0), (1, 0)], highway="tertiary")
    town.lose((1, 0))
    with pytest.raises(SourceError, match="no road that a light truck may drive"):
        graph_of(town, tmp_path)


# -- the file --------------------------------------------------------------------------


def test_a_graph_is_read_as_it_was_written(tmp_path: Path) -> None:
    graph = graph_of(Town(), tmp_path)
    file = tmp_path / "graph.npz"
    graph.save(file)
    again = RoadGraph.load(file)
    for field in fields(RoadGraph):
        one, other = getattr(graph, field.name), getattr(again, field.name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_graph_file_is_refused(share: float, tmp_path: Path) -> None:
    graph = graph_of(Town(), tmp_path)
    file = tmp_path / "graph.npz"
    graph.save(file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(SourceError, match=r"graph\.npz: .*kidohan roads build"):
        RoadGraph.load(file)


def test_a_damaged_graph_file_is_refused(tmp_path: Path) -> None:
    graph = graph_of(Town(), tmp_path)
    file = tmp_path / "graph.npz"
    graph.save(file)
    content = bytearray(file.read_bytes())
    content[500] ^= 255  # inside the first array: its checksum no longer holds
    file.write_bytes(content)
    with pytest.raises(SourceError, match="no usable road graph"):
        RoadGraph.load(file)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "graph.npz"
    with pytest.raises(SourceError, match="no usable road graph"):
        RoadGraph.load(file)
    file.write_text("hello", encoding="ascii")
    with pytest.raises(SourceError, match="no usable road graph"):
        RoadGraph.load(file)
    with file.open("wb") as stream:
        np.savez(stream, node_id=np.arange(3))
    with pytest.raises(SourceError, match="no usable road graph"):
        RoadGraph.load(file)
    with file.open("wb") as stream:
        np.save(stream, np.arange(3))
    with pytest.raises(SourceError, match="no usable road graph"):
        RoadGraph.load(file)


# -- what always holds -----------------------------------------------------------------

POINT = st.tuples(st.integers(0, 3), st.integers(0, 3))
WAYS = st.lists(
    st.tuples(
        st.lists(POINT, min_size=1, max_size=6),
        st.sampled_from(["", "yes", "-1"]),
        st.sampled_from(["secondary", "tertiary", "service"]),
    ),
    min_size=1,
    max_size=6,
)


def segments_of(points: list[tuple[int, int]]) -> list[tuple[Crossing, Crossing]]:
    return [(here, there) for here, there in pairwise(points) if here != there]


@settings(max_examples=60)
@given(ways=WAYS, shut=st.sets(POINT, max_size=2))
def test_every_segment_of_every_way_is_there_once_and_chains_add_up(
    ways: list[tuple[list[tuple[int, int]], str, str]], shut: set[tuple[int, int]]
) -> None:
    town = empty_town()
    expected: Counter[tuple[int, int]] = Counter()
    total_m = 0.0
    for points, oneway, highway in ways:
        tags = {"highway": highway} | ({"oneway": oneway} if oneway else {})
        town.add_way(points, **tags)
        for here, there in segments_of(points):
            expected[town.node(*here), town.node(*there)] += 1
            total_m += great_circle_m(town.place(*here), town.place(*there))
    for point in shut:
        town.node(*point, barrier="bollard")
    with tempfile.TemporaryDirectory() as folder:
        if not expected:
            with pytest.raises(SourceError):
                graph_of(town, Path(folder))
            return
        graph = graph_of(town, Path(folder))
    ends = zip(
        graph.node_id[graph.segment_from].tolist(),
        graph.node_id[graph.segment_to].tolist(),
        strict=True,
    )
    assert Counter(ends) == expected
    assert graph.segment_m.sum() == pytest.approx(total_m)
    chain_m = graph.chain_sums(graph.segment_m)
    assert chain_m.sum() == pytest.approx(total_m)
    assert (np.diff(graph.chain_start) > 0).all()
    # within a chain each segment begins where the one before ended
    inner = np.setdiff1d(np.arange(1, len(graph.segment_m)), graph.chain_start)
    assert (graph.segment_from[inner] == graph.segment_to[inner - 1]).all()
    # no junction lies inside a chain, and nothing passes a bollard
    inside = graph.segment_from[inner]
    assert not np.isin(inside, np.concatenate((graph.chain_from, graph.chain_to))).any()
    bollards = np.isin(graph.node_id, [town.node(*point) for point in shut])
    assert (graph.num_roads[bollards] <= 1).all()
    # a chain is open in a direction as a whole or not at all
    for seconds in (graph.segment_forward_s, graph.segment_backward_s):
        shut_m = graph.chain_sums(np.where(np.isinf(seconds), graph.segment_m, 0))
        assert ((shut_m == 0) | np.isclose(shut_m, chain_m)).all()
        before = graph.before_in_chain(graph.segment_m)
        assert before[graph.chain_start[:-1]] == pytest.approx(0, abs=1e-6)


# -- the bigger roads ------------------------------------------------------------------


def test_bigger_roads_count_where_enough_of_them_hang_together(tmp_path: Path) -> None:
    town = Town(size=3)  # tertiary streets: rank 3
    for col in (0, 1):
        town.tag(town.block((col, 1), (col + 1, 1)), highway="secondary")
    town.add_way([(5, 0), (6, 0)], highway="secondary")
    graph = graph_of(town, tmp_path)
    street = {
        chain_between(graph, town, (0, 1), (1, 1)),
        chain_between(graph, town, (1, 1), (2, 1)),
    }
    alone = chain_between(graph, town, (5, 0), (6, 0))
    # 200 m of secondary road in one piece, 100 m in another
    assert set(bigger_chains(graph, 4, shortest_m=150).tolist()) == street
    assert set(bigger_chains(graph, 4, shortest_m=50).tolist()) == {*street, alone}
    assert bigger_chains(graph, 4, shortest_m=250).tolist() == []
    assert bigger_chains(graph, 5, shortest_m=1).tolist() == []
    assert len(bigger_chains(graph, 3, shortest_m=1)) == graph.num_chains
