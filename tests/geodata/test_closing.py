"""Which roads a closure shuts: stretches, both carriageways, areas, and refusals."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.domain.closure import Closure, ClosureReason, ClosureShape
from dispatch.domain.errors import InvalidInputError
from geodata.city import load_city
from geodata.roads.closing import chain_lines, closed_chains, speed_file
from geodata.roads.graph import JUNCTION_ROADS, RoadGraph
from geodata.roads.graph_reader import read_graph
from geodata.roads.snapping import RoadSnapper
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
MORNING = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)
Pair = tuple[Crossing, Crossing]


@dataclass(frozen=True)
class Roads:
    town: Town
    graph: RoadGraph

    def chain(self, here: Crossing, there: Crossing) -> int:
        return chain_between(self.graph, self.town, here, there)

    def chains(self, *pairs: Pair) -> set[int]:
        return {self.chain(*pair) for pair in pairs}

    def closed(self, shape: ClosureShape, points: Sequence[Crossing]) -> frozenset[int]:
        closure = Closure(
            id="c1",
            name="三番通",
            shape=shape,
            places=tuple(Town.place(*point) for point in points),
            reason=ClosureReason.WORKS,
            starts_at=MORNING,
            made_at=MORNING,
            made_by="担当",
        )
        snapper = RoadSnapper(self.graph, PROFILE)
        return closed_chains(self.graph, snapper, PROFILE, closure)

    def stretch(self, *points: Crossing) -> frozenset[int]:
        return self.closed(ClosureShape.STRETCH, points)

    def area(self, *points: Crossing) -> frozenset[int]:
        return self.closed(ClosureShape.AREA, points)


def roads_of(town: Town, folder: Path) -> Roads:
    file = town.write(folder / "town.osm.pbf")
    return Roads(town, read_graph(file, NUMBERS, PROFILE))


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    return roads_of(Town(), tmp_path_factory.mktemp("closing"))


# -- stretches -------------------------------------------------------------------------


def test_a_stretch_within_one_block_shuts_that_block(grid: Roads) -> None:
    assert grid.stretch((1.3, 2), (1.6, 2)) == grid.chains(((1, 2), (2, 2)))


def test_a_stretch_over_junctions_shuts_all_blocks_it_touches(grid: Roads) -> None:
    expected = grid.chains(((0, 2), (1, 2)), ((1, 2), (2, 2)), ((2, 2), (3, 2)))
    assert grid.stretch((0.5, 2), (2.5, 2)) == expected
    assert grid.stretch((2.5, 2), (0.5, 2)) == expected


def test_points_on_the_way_decide_which_way_it_goes(grid: Roads) -> None:
    # from (0.5, 0) to (1.5, 0) over the block north of it
    assert grid.stretch((0.5, 0), (0.5, 1.02), (1.5, 0)) >= grid.chains(
        ((0, 1), (1, 1))
    )


def test_clicks_beside_the_road_are_taken_for_it(grid: Roads) -> None:
    assert grid.stretch((1.4, 2.2), (2.6, 1.9)) == grid.chains(
        ((1, 2), (2, 2)), ((2, 2), (3, 2))
    )


def test_clicks_on_junctions_shut_no_side_street(grid: Roads) -> None:
    # exactly on the crossings, and 5 m off in each direction
    expected = grid.chains(((1, 2), (2, 2)), ((2, 2), (3, 2)))
    for east, north in ((0, 0), (0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)):
        assert grid.stretch((1 + east, 2 + north), (3 - east, 2 - north)) == expected


def test_two_clicks_by_one_junction_shut_the_roads_they_lie_on(grid: Roads) -> None:
    assert grid.stretch((2.05, 2), (2, 2.05)) == grid.chains(
        ((2, 2), (3, 2)), ((2, 2), (2, 3))
    )


def test_a_one_way_street_is_shut_whichever_way_the_clicks_go(tmp_path: Path) -> None:
    town = Town()
    for col in range(4):
        town.tag(town.block((col, 2), (col + 1, 2)), oneway="yes")
    roads = roads_of(town, tmp_path)
    expected = roads.chains(((1, 2), (2, 2)), ((2, 2), (3, 2)))
    assert roads.stretch((2.5, 2), (1.5, 2)) == expected


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_of_parallel_roads_the_shorter_is_shut(
    *, flip: bool, back: bool, tmp_path: Path
) -> None:
    town = Town(size=3)
    points: list[Crossing] = [(0, 1), (0.5, 0.6), (1, 1)]
    town.add_way(points[::-1] if flip else points, highway="tertiary")
    roads = roads_of(town, tmp_path)
    pair = chains_between(roads.graph, town, (0, 1), (1, 1))
    metres = roads.graph.chain_sums(roads.graph.segment_m)
    short = min(pair, key=lambda chain: float(metres[chain]))
    # from 梅筋, 30 m south of (0, 1), to the block beyond (1, 1), and back
    clicks: list[Crossing] = [(0, 0.7), (1.5, 1)]
    closed = roads.stretch(*(clicks[::-1] if back else clicks))
    assert closed & set(pair) == {short}


def test_a_click_far_from_any_road_is_refused_with_its_number(grid: Roads) -> None:
    with pytest.raises(
        InvalidInputError, match="2番目の点の100m以内に道路がありません"
    ):
        grid.stretch((0.5, 0), (1.5, -1.2))


def test_points_that_no_road_joins_are_refused(tmp_path: Path) -> None:
    # The snapper knows only the part in which all is reachable; a graph of two parts
    # comes about when one-way roads alone join them.
    town = Town(size=2)
    town.add_way([(3, 0), (3, 1), (4, 0), (3, 0)], highway="tertiary")
    roads = roads_of(town, tmp_path)
    everything = np.ones(roads.graph.num_chains, np.bool_)
    roads.graph.__dict__["main"] = everything
    with pytest.raises(InvalidInputError, match="道路でつながっていません"):
        roads.stretch((0.5, 0), (3, 0.5))


def test_a_stretch_longer_than_the_city_is_wide_is_refused(grid: Roads) -> None:
    # 300 m to and fro along 一番通: 66 times are 19.8 km, 67 times 20.1 km.
    ends: list[Crossing] = [(0.5, 0), (3.5, 0)]
    # The corners of the grid are no junctions: the road round them hangs on the street.
    street = grid.chains(*(((col, 0), (col + 1, 0)) for col in range(4)))
    street |= grid.chains(((0, 0), (0, 1)), ((4, 0), (4, 1)))
    assert grid.stretch(*(ends[at % 2] for at in range(67))) == street
    with pytest.raises(InvalidInputError, match="区間が長すぎます") as refused:
        grid.stretch(*(ends[at % 2] for at in range(68)))
    assert "20kmまで" in str(refused.value)


@pytest.mark.parametrize(("east", "joined"), [(9, True), (14, False)])
def test_points_joined_by_a_long_way_round_only_are_refused(
    *, east: int, joined: bool, tmp_path: Path
) -> None:
    # From (0.5, 0) to (0.5, -1), 100 m south, out to a column and back: 0.05 + 0.8 +
    # 0.1 + 0.85 = 1.8 km to column 9, 2.8 km to column 14. The limit is 2.3 km.
    town = Town(size=2)
    town.add_way([(1, 0), (east, 0), (east, -1), (0, -1)], highway="tertiary")
    roads = roads_of(town, tmp_path)
    if joined:
        # The corner (1, 0) is a junction; the square's own corners are none, so all of
        # it hangs together.
        assert roads.chain((1, 0), (0, -1)) in roads.stretch((0.5, 0), (0.5, -1))
        return
    with pytest.raises(InvalidInputError, match="近くの道路でつながっていません"):
        roads.stretch((0.5, 0), (0.5, -1))


@pytest.mark.parametrize("east", [9, 14])
def test_a_way_round_over_other_roads_is_as_long(east: int, tmp_path: Path) -> None:
    # As above, in pieces from junction to junction: each column has a stub.
    town = Town(size=2)
    loop: list[Crossing] = [*((col, 0) for col in range(1, east + 1)), (east, -1)]
    loop += [(col, -1) for col in range(east - 1, -1, -1)]
    for here, there in pairwise(loop):
        town.add_way([here, there], highway="tertiary")
        away = 0.4 if here[1] == 0 else -0.4
        town.add_way([here, (here[0], here[1] + away)], highway="tertiary")
    roads = roads_of(town, tmp_path)
    if east == 9:
        assert roads.chain((5, 0), (6, 0)) in roads.stretch((0.5, 0), (0.5, -1))
        return
    with pytest.raises(InvalidInputError, match="近くの道路でつながっていません"):
        roads.stretch((0.5, 0), (0.5, -1))


# -- the other carriageway -------------------------------------------------------------


def divided(
    *,
    width_m: float = 15,
    south: Mapping[str, str] = {},
    north: Mapping[str, str] = {},
) -> Town:
    """
    Make a divided road of three blocks eastward, its other half so far to the north.

    Crossed at columns 0 to 3; each half is one-way, Japan keeps left.
    """
    town = Town(size=1)
    gap = width_m / 100
    both = {"highway": "secondary", "oneway": "yes"} | dict(south)
    for col in range(3):
        town.add_way([(col, 0), (col + 0.1, 0), (col + 1, 0)], **both)
        back: list[Crossing] = [(col + 1, gap), (col + 0.9, gap), (col, gap)]
        town.add_way(back, **(both | dict(north)))
    town.add_way([(col, -1) for col in range(4)], highway="tertiary")
    for col in range(4):
        town.add_way([(col, -1), (col, 0)], highway="tertiary")
        town.add_way([(col, 0), (col, gap)], highway="tertiary")
        town.add_way([(col, gap), (col, 1)], highway="tertiary")
    return town


def test_both_halves_of_a_divided_road_are_shut_and_no_block_more(
    tmp_path: Path,
) -> None:
    roads = roads_of(divided(), tmp_path)
    assert roads.stretch((1.3, 0), (1.6, 0)) == roads.chains(
        ((1, 0), (2, 0)), ((1, 0.15), (2, 0.15))
    )


def test_a_parallel_street_beyond_the_width_of_a_road_stays_open(
    tmp_path: Path,
) -> None:
    roads = roads_of(divided(width_m=45), tmp_path)
    assert roads.stretch((1.3, 0), (1.6, 0)) == roads.chains(((1, 0), (2, 0)))


@pytest.mark.parametrize(("width_m", "num_shut"), [(12, 2), (30, 1)])
def test_small_one_way_streets_side_by_side_are_streets_of_their_own(
    width_m: float, num_shut: int, tmp_path: Path
) -> None:
    town = divided(width_m=width_m, south={"highway": "residential"})
    roads = roads_of(town, tmp_path)
    closed = roads.stretch((1.3, 0), (1.6, 0))
    assert roads.chain((1, 0), (2, 0)) in closed
    assert len(closed) == num_shut


@pytest.mark.parametrize(
    "north",
    [
        pytest.param({"oneway": "-1"}, id="the same way: a frontage road"),
        pytest.param({"oneway": "no"}, id="both ways: a street of its own"),
        pytest.param({"highway": "residential"}, id="of another rank"),
    ],
)
def test_what_is_no_other_half_stays_open(
    north: dict[str, str], tmp_path: Path
) -> None:
    roads = roads_of(divided(north=north), tmp_path)
    assert roads.stretch((1.3, 0), (1.6, 0)) == roads.chains(((1, 0), (2, 0)))


def test_without_any_other_one_way_road_there_is_no_other_half(
    tmp_path: Path,
) -> None:
    town = Town(size=2)
    town.tag(town.block((0, 0), (1, 0)), oneway="yes")
    roads = roads_of(town, tmp_path)
    # corners of two roads are no junctions: the whole square hangs on it
    assert len(roads.stretch((0.3, 0), (0.6, 0))) == 4


# -- areas -----------------------------------------------------------------------------


def test_an_area_shuts_every_road_that_touches_it(grid: Roads) -> None:
    # a square of 20 m around the crossing (2, 2)
    corners = ((1.9, 1.9), (2.1, 1.9), (2.1, 2.1), (1.9, 2.1))
    assert grid.area(*corners) == grid.chains(
        ((1, 2), (2, 2)), ((2, 2), (3, 2)), ((2, 1), (2, 2)), ((2, 2), (2, 3))
    )


def test_a_road_through_an_area_without_a_node_in_it_is_shut(grid: Roads) -> None:
    assert grid.area((1.4, 1.9), (1.6, 1.9), (1.5, 2.1)) == grid.chains(
        ((1, 2), (2, 2))
    )


def test_an_area_whose_sides_cross_is_both_its_parts(grid: Roads) -> None:
    # a bow tie with its knot in the block (1, 2)-(2, 2), the right wing the larger:
    # it spreads north and south of the crossing (2, 2), but not as far as row 1 or 3
    bow = ((1.4, 1.95), (1.4, 2.05), (2.6, 1.6), (2.6, 2.4))
    assert grid.area(*bow) == grid.chains(
        ((1, 2), (2, 2)), ((2, 2), (3, 2)), ((2, 1), (2, 2)), ((2, 2), (2, 3))
    )


def test_an_area_holds_islands_too(tmp_path: Path) -> None:
    town = Town()
    town.add_way([(10, 0), (11, 0), (12, 0)], highway="residential")
    roads = roads_of(town, tmp_path)
    assert roads.area((10.4, -0.1), (10.6, -0.1), (10.5, 0.1)) == roads.chains(
        ((10, 0), (12, 0))
    )


def test_an_area_without_a_road_is_refused(grid: Roads) -> None:
    # within a block, and far outside
    for east in (0, 50):
        with pytest.raises(InvalidInputError, match="この区域の中に道路がありません"):
            grid.area((1.3 + east, 1.3), (1.7 + east, 1.3), (1.5 + east, 1.7))


def test_an_area_larger_than_any_ward_is_refused(grid: Roads) -> None:
    # Squares of 4.9 km (24.0 km²) and 5.1 km (26.0 km²) from (-10, -10) on.
    def square(side: float) -> list[Crossing]:
        far = side - 10
        return [(-10, -10), (far, -10), (far, far), (-10, far)]

    assert len(grid.area(*square(49))) == grid.graph.num_chains
    with pytest.raises(InvalidInputError, match="区域が広すぎます") as refused:
        grid.area(*square(51))
    assert "25km²まで" in str(refused.value)


# -- to the next junction --------------------------------------------------------------


def test_a_road_is_shut_to_the_next_junction_across_joints(tmp_path: Path) -> None:
    town = Town(size=1)
    # three ways one after the other between two junctions, as the engine sees one road
    for west, east in ((0, 1), (1, 2), (2, 3)):
        town.add_way([(west, 0), (east, 0)], highway="tertiary")
    for col in (0, 3):
        town.add_way([(col, -1), (col, 0)], highway="tertiary")
        town.add_way([(col, 0), (col, 1)], highway="tertiary")
    roads = roads_of(town, tmp_path)
    expected = roads.chains(((0, 0), (1, 0)), ((1, 0), (2, 0)), ((2, 0), (3, 0)))
    assert roads.stretch((1.3, 0), (1.6, 0)) == expected
    assert roads.stretch((0.3, 0), (0.6, 0)) == expected


def test_a_bollard_ends_what_is_shut(tmp_path: Path) -> None:
    town = Town(size=3)
    town.add_way([(0, 0), (0.5, 0.5), (1, 1)], highway="tertiary")
    bollard = town.node(0.5, 0.5, barrier="bollard")
    roads = roads_of(town, tmp_path)
    (chain,) = roads.stretch((0.2, 0.2), (0.3, 0.3))
    ends = {int(roads.graph.chain_from[chain]), int(roads.graph.chain_to[chain])}
    assert bollard in {int(roads.graph.node_id[end]) for end in ends}


POINT = st.tuples(
    st.floats(-0.3, 4.3, allow_nan=False), st.floats(-2.3, 4.3, allow_nan=False)
)


@settings(max_examples=50)
@given(one=POINT, other=POINT)
def test_what_is_shut_ends_at_junctions_and_holds_together(
    odd_town: Roads, one: Crossing, other: Crossing
) -> None:
    roads, graph = odd_town, odd_town.graph
    try:
        closed = roads.stretch(one, other)
    except InvalidInputError:
        return
    assert closed
    # an open road meets a closed one at junctions only
    for chain in closed:
        for end in (graph.chain_from[chain], graph.chain_to[chain]):
            if graph.num_roads[end] < JUNCTION_ROADS:
                meeting = (graph.chain_from == end) | (graph.chain_to == end)
                assert set(np.flatnonzero(meeting).tolist()) <= closed
    # one stretch, the other way round the same
    assert roads.stretch(other, one) == closed
    joined = {min(closed)}
    while True:
        nodes = {
            int(end)
            for chain in joined
            for end in (graph.chain_from[chain], graph.chain_to[chain])
        }
        more = {
            chain
            for chain in closed - joined
            if {int(graph.chain_from[chain]), int(graph.chain_to[chain])} & nodes
        }
        if not more:
            break
        joined |= more
    assert joined == closed


@pytest.fixture(scope="module")
def odd_town() -> Roads:
    """Bridges, a diagonal, a ring: two-way all, so no second carriageway is added."""
    town = Town()
    town.add_way([(2, 0), (2, -2)], highway="tertiary")
    town.add_way([(4, 0), (4, -2)], highway="secondary")
    town.add_way([(col, -2) for col in range(5)], highway="tertiary")
    town.add_way([(0, 0), (0.4, 0.3), (1, 1)], highway="residential")
    ring: list[Crossing] = [(4, 4), (4.2, 4), (4.2, 4.2), (4, 4.2), (4, 4)]
    town.add_way(ring, highway="service")
    with tempfile.TemporaryDirectory() as folder:
        return roads_of(town, Path(folder))


# -- for the map and for the engine ----------------------------------------------------


def test_a_chain_is_drawn_through_all_its_points(tmp_path: Path) -> None:
    town = Town(size=1)
    town.add_way([(0, 0), (1, 0), (1, 1)], highway="tertiary")
    town.add_way([(1, 1), (2, 1)], highway="tertiary")
    graph = roads_of(town, tmp_path).graph
    lines = chain_lines(graph, [1, 0])
    points: list[list[Crossing]] = [[(0, 0), (1, 0), (1, 1)], [(1, 1), (2, 1)]]
    for line, expected in zip(lines, points, strict=True):
        places = [Town.place(*point) for point in expected]
        assert [place.lon for place in line] == pytest.approx([p.lon for p in places])
        assert [place.lat for place in line] == pytest.approx([p.lat for p in places])


def test_the_engine_is_told_each_segment_both_ways_once(tmp_path: Path) -> None:
    town = Town(size=1)
    town.add_way([(0, 0), (1, 0), (1, 1)], highway="tertiary")
    town.add_way([(1, 1), (2, 1)], highway="tertiary", oneway="yes")
    town.add_way([(2, 1), (3, 1)], highway="tertiary")
    graph = roads_of(town, tmp_path).graph
    a, b, c, d = (town.node(*at) for at in ((0, 0), (1, 0), (1, 1), (2, 1)))
    wanted = sorted([(a, b), (b, a), (b, c), (c, b), (c, d), (d, c)])
    assert speed_file(graph, [1, 0, 0]) == "".join(
        f"{one},{other},0\n" for one, other in wanted
    )
    assert speed_file(graph, []) == ""


def test_beyond_a_bollard_the_engine_is_told_the_nodes_of_the_map(
    tmp_path: Path,
) -> None:
    town = Town(size=1)
    town.add_way([(0, 0), (1, 0), (2, 0)], highway="tertiary")
    town.node(1, 0, barrier="bollard")
    graph = roads_of(town, tmp_path).graph
    a, b = town.node(0, 0), town.node(1, 0)
    (chain,) = (
        chain
        for chain in range(graph.num_chains)
        if a in graph.node_id[[graph.chain_from[chain], graph.chain_to[chain]]]
    )
    assert set(speed_file(graph, [chain]).split()) == {f"{a},{b},0", f"{b},{a},0"}


def test_the_bridges_of_the_fixture_town_can_be_shut_by_coordinates(
    tmp_path: Path,
) -> None:
    file = tmp_path / "bridges.osm.pbf"
    town = write_town(file, Extra.BRIDGE)
    roads = Roads(town, read_graph(file, NUMBERS, PROFILE))
    assert roads.stretch((2, -0.4), (2, -1.6)) == roads.chains(((2, 0), (2, -2)))
